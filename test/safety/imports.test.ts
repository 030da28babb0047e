// The sandbox's surface: what a module can call is declared once, and the modules, the host, the tests and the docs
// agree with it.

import { readFileSync } from "node:fs";
import { DEFAULT_LIMITS } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { makePolicy } from "../../build/host/policy/policy.js";
import * as constants from "../../build/host/protocol/constants.js";
import { makeImports } from "../../build/host/protocol/imports.js";
import { CONSTANTS, IMPORTS } from "../support/abi.js";
import { FLAVOURS, MODULES, modulePath } from "../support/flavours.js";

/** Of the interface, and not called by this core. */
const UNUSED = ["putc", "vm_set_register", "vm_set_desc"];
const declared = (module: string) => IMPORTS.filter((entry) => entry.module === module);
const names = (module: string) => declared(module).map(({ name }) => name);

describe("the sandbox's surface", () => {
  const imports = (flavour: string) =>
    WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(modulePath(flavour))));

  it("is declared in one file", () => {
    const pattern = /@external/g;
    expect(IMPORTS.length).toBe(readFileSync("loader-wasm/protocol.ts", "utf8").match(pattern)?.length);
    expect(new Set(IMPORTS.map(({ module }) => module))).toEqual(new Set(["userboot", "wasi_snapshot_preview1"]));
  });

  it.each(MODULES)("module %s imports nothing else", (flavour) => {
    const allowed = [...IMPORTS.map(({ module, name }) => `${module}.${name}`), "env.memory"];
    const used = imports(flavour).map(({ module, name }) => `${module}.${name}`);
    expect(used.filter((name) => !allowed.includes(name))).toEqual([]);
    expect(used).toContain("userboot.diskread");
  });

  it("declares nothing that no flavour imports", () => {
    const used = new Set(FLAVOURS.flatMap((flavour) => imports(flavour).map(({ name }) => name)));
    expect(IMPORTS.map(({ name }) => name).filter((name) => !used.has(name))).toEqual(UNUSED);
  });

  it.each(["no policy", "a policy"])("is what the host has, with %s", async (which) => {
    const policy = which === "a policy" ? await makePolicy(undefined, true, DEFAULT_LIMITS) : undefined;
    const state = { options: { limits: {} }, clock: { now: () => 0 }, policy, counts: {}, meter: {} };
    const memory = new WebAssembly.Memory({ initial: 1 });
    const program = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    const host = makeImports(memory, state as never, program, undefined);
    for (const module of ["userboot", "wasi_snapshot_preview1"]) {
      expect(Object.keys(host[module]!).sort()).toEqual(names(module).sort());
    }
  });

  it("has the same numbers on both sides", () => {
    const ours = Object.entries(constants).map(([name, value]) => [name, BigInt(value)]);
    expect(Object.fromEntries(ours)).toEqual(CONSTANTS);
  });

  it("is asked by the host for what docs/imports.md lists of inspect, and for nothing else", () => {
    const page = readFileSync("docs/imports.md", "utf8");
    const [, listed] = page.split(/^## What the host calls.*$/m);
    const documented = [...listed!.matchAll(/^ {4}(\w+)\(.*$/gm)].map(([, name]) => name!);
    const module = new WebAssembly.Module(readFileSync(modulePath("inspect")));
    const exported = WebAssembly.Module.exports(module).map(({ name }) => name);
    expect(documented.sort()).toEqual(exported.filter((name) => !["_start", "memory"].includes(name)).sort());
  });

  it("is what docs/imports.md lists, with its types", () => {
    const page = readFileSync("docs/imports.md", "utf8");
    const [, userboot, wasi] = page.split(/^## /m);
    for (const [module, text] of [
      ["userboot", userboot!],
      ["wasi_snapshot_preview1", wasi!],
    ] as const) {
      const listed = [...text.matchAll(/^ {4}(\w+\(.*)$/gm)].map(([, signature]) => signature!);
      expect(listed.sort()).toEqual(
        declared(module)
          .map(({ signature }) => signature)
          .sort(),
      );
    }
  });
});
