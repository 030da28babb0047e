// Builds a tiny core of two flavours in a directory of its own, by the project's scripts and compiler options.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const COPIED = ["scripts", "asconfig.json", "tsconfig.json", "package.json"];
const directory = mkdtempSync(join(tmpdir(), "userboot-build-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const SOURCES = {
  "loader-wasm/userboot_one.ts": 'import { a } from "./lib/fault";\nexport function f(): i32 { return a(); }\n',
  "loader-wasm/userboot_two.ts":
    'import { a } from "./lib/fault";\nimport {\n  b,\n} from "./more/b";\nexport function f(): i32 { return a() + b(); }\n',
  "loader-wasm/lib/fault.ts":
    "export function a(): i32 { return 1; }\nexport function onAbort(m: usize, f: usize, l: u32, c: u32): void {}\n",
  "loader-wasm/more/b.ts": 'export { b } from "./c";\n',
  "loader-wasm/more/c.ts": "export function b(): i32 { return 2; }\n",
};
const write = (path: string, text: string | Uint8Array) => {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), text);
};
const moduleOf = (flavour: string) => readFileSync(join(directory, `build/userboot_${flavour}.wasm`));

/** Runs the core's build and says for which target it compiled which flavours. */
function build(...args: string[]): string {
  const script = join(directory, "scripts/build-core.mjs");
  const { status, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: "utf8" });
  const [, target, flavours] = /^compiling the core, (\w+) build: (.*)$/m.exec(stderr) ?? [];
  if (status !== 0) return `failed: ${stderr}`;
  return target === undefined ? "nothing" : `${target}: ${flavours}`;
}

/** Whether a module has names and a source map, as debug builds do. */
function isDebug(flavour: string): boolean {
  const module = new WebAssembly.Module(moduleOf(flavour));
  return ["name", "sourceMappingURL"].every((name) => WebAssembly.Module.customSections(module, name).length > 0);
}

beforeEach(() => {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  for (const name of COPIED) cpSync(join(ROOT, name), join(directory, name), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
  for (const [path, text] of Object.entries(SOURCES)) write(path, text);
});

describe("the core's build", { timeout: 120_000 }, () => {
  it("never takes a debug module for a release module, nor the other way round", () => {
    expect(build("--target", "debug")).toBe("debug: one, two");
    expect([isDebug("one"), isDebug("two")]).toEqual([true, true]);
    expect(build("--target", "debug")).toBe("nothing");
    expect(build()).toBe("release: one, two");
    expect([isDebug("one"), isDebug("two")]).toEqual([false, false]);
    expect(build()).toBe("nothing");
    expect(build("--target", "debug", "one")).toBe("debug: one");
    expect([isDebug("one"), isDebug("two")]).toEqual([true, false]);
  });

  it("leaves release modules alone where any will do, and makes debug modules of what is out of date", () => {
    build();
    expect(build("--target", "any")).toBe("nothing");
    write("loader-wasm/more/c.ts", "export function b(): i32 { return 3; }\n");
    expect(build("--target", "any")).toBe("debug: two");
    expect(build()).toBe("release: two");
  });

  it("compiles a flavour when the contents of what it imports changed, and only then", () => {
    build("--target", "debug");
    utimesSync(join(directory, "loader-wasm/lib/fault.ts"), new Date(), new Date());
    expect(build("--target", "debug")).toBe("nothing");
    write("loader-wasm/unused.ts", "export const x: i32 = 1;\n");
    expect(build("--target", "debug")).toBe("nothing");
    // By way of a re-export.
    write("loader-wasm/more/c.ts", "export function b(): i32 { return 4; }\n");
    expect(build("--target", "debug")).toBe("debug: two");
    write("loader-wasm/lib/fault.ts", SOURCES["loader-wasm/lib/fault.ts"].replace("1", "7"));
    expect(build("--target", "debug")).toBe("debug: one, two");
    write("asconfig.json", `${readFileSync(join(directory, "asconfig.json"), "utf8")}\n`);
    expect(build("--target", "debug")).toBe("debug: one, two");
  });

  it("makes a module again that another program wrote or removed, and one whose sources are as old as before", () => {
    build();
    const good = moduleOf("one");
    write("build/userboot_one.wasm", moduleOf("two"));
    expect(build()).toBe("release: one");
    expect(moduleOf("one")).toEqual(good);
    rmSync(join(directory, "build/userboot_two.wasm"));
    expect(build()).toBe("release: two");
    // Sources checked out at an earlier state are older than the module and yet not what made it.
    write("loader-wasm/more/c.ts", "export function b(): i32 { return 9; }\n");
    utimesSync(join(directory, "loader-wasm/more/c.ts"), 0, 0);
    expect(build()).toBe("release: two");
  });

  it("fails with the compiler's words, and again until it is mended", () => {
    build();
    write("loader-wasm/more/c.ts", "export function b(): i32 { return nothing; }\n");
    expect(build()).toMatch(/^failed: .*Cannot find name 'nothing'/s);
    expect(build()).toMatch(/^failed: /);
    write("loader-wasm/more/c.ts", SOURCES["loader-wasm/more/c.ts"]);
    expect(build()).toBe("release: two");
  });

  it.each([["--target", "fast"], ["three"]])("names what there is: %s", (...args) => {
    expect(build(...args)).toMatch(/^failed: build-core: no (target 'fast'|flavour 'three'); there are one, two /);
  });
});

describe("the host's build", { timeout: 120_000 }, () => {
  const compile = () => {
    const script = join(directory, "scripts/build-host.mjs");
    const { status, stderr } = spawnSync(process.execPath, [script], { encoding: "utf8" });
    return status === 0 ? stderr.trim() : `failed: ${stderr}`;
  };
  const PROGRAM =
    'import { one } from "../index.js";\nconsole.log(one, new URL("beside", import.meta.url).pathname);\n';
  const ran = (name: string) => {
    const file = join(directory, "build/host/programs", `${name}.cjs`);
    return spawnSync(process.execPath, [file], { encoding: "utf8" }).stdout;
  };
  const output = (name: string) => readFileSync(join(directory, "build/host", name), "utf8");

  it("compiles what changed, and leaves nothing of files that went", () => {
    write("host/index.ts", "export const one = 1;\n");
    write("host/gone.ts", "export const gone = 1;\n");
    const entries = [
      "cli/main",
      "process/entry",
      "process/inspect_entry",
      "worker/node_entry",
      "worker/node_inspect_entry",
      "worker/node_launch",
    ];
    for (const name of entries) write(`host/${name}.ts`, PROGRAM);
    // What pages load is bundled of these.
    for (const name of [
      "browser",
      "policy/index",
      "machine_file/index",
      "element/index",
      "editor/index",
      "worker/browser_entry",
    ])
      write(`host/${name}.ts`, "console.log(1);\nexport {};\n");
    expect(compile()).toBe("compiling the host");
    expect(compile()).toBe("");
    write("host/index.ts", "export const one = 2;\n");
    expect(compile()).toBe("compiling the host");
    expect(output("index.js")).toContain("one = 2");
    // Programs are elsewhere than what they are made of, which finds what is beside it all the same.
    expect(ran("userboot")).toBe(`2 ${directory}/build/host/cli/beside\n`);
    expect(ran("inspect_process")).toBe(`2 ${directory}/build/host/process/beside\n`);
    rmSync(join(directory, "build/host/programs/boot_process.cjs"));
    expect(compile()).toBe("compiling the host");
    expect(ran("boot_process")).toBe(`2 ${directory}/build/host/process/beside\n`);
    rmSync(join(directory, "build/host/index.js"));
    expect(compile()).toBe("compiling the host");
    expect(output("index.js")).toContain("one = 2");
    rmSync(join(directory, "host/gone.ts"));
    expect(compile()).toBe("compiling the host");
    expect(() => output("gone.js")).toThrow();
  });
});
