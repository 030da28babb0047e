// Modules are compiled once in a process, whatever runs; a session costs an instance for each flavour that it runs.

import { boot, type Flavour, KeysConsole, preload } from "userboot-wasm";
import { afterAll, beforeEach, expect, it, vi } from "vitest";
import { FLAVOURS } from "../support/flavours.js";
import { guestImage } from "../support/guests.js";

const image = guestImage("amd64-ufs2-gpt");
const counts = { compiled: 0, instances: 0 };
const { Instance, Module } = WebAssembly;
const compile = vi.spyOn(WebAssembly, "compile").mockImplementation((bytes) => {
  counts.compiled++;
  return Promise.resolve(new Module(bytes as BufferSource));
});
WebAssembly.Module = new Proxy(Module, {
  construct(target, args) {
    counts.compiled++;
    return Reflect.construct(target, args);
  },
});
WebAssembly.Instance = new Proxy(Instance, {
  construct(target, args) {
    counts.instances++;
    return Reflect.construct(target, args);
  },
});
beforeEach(() => Object.assign(counts, { compiled: 0, instances: 0 }));
afterAll(() => {
  compile.mockRestore();
  Object.assign(WebAssembly, { Instance, Module });
});

const run = (start: Flavour, interfaceVersion: 4 | 5, isolation: "none" | "thread" | "process" = "none") =>
  boot({ disks: [image], start, interfaceVersion, clock: "virtual", isolation, console: new KeysConsole(["\r"]) });

it("only what runs is compiled, once", async () => {
  expect(await run("simp", 4)).toMatchObject({ reason: "exec", flavour: "simp" });
  expect(counts).toEqual({ compiled: 1, instances: 1 });
  for (let i = 0; i < 3; i++) await run("simp", 4);
  expect(counts).toEqual({ compiled: 1, instances: 4 });
});

it("a swap compiles what it needs and takes one more instance; the next session has it", async () => {
  expect(await run("4th", 5)).toMatchObject({ reason: "exec", swaps: ["simp"] });
  expect(counts).toEqual({ compiled: 1, instances: 2 });
  await run("4th", 5);
  expect(counts).toEqual({ compiled: 1, instances: 4 });
});

it("preload compiles what is left, so that no session does", async () => {
  await preload();
  expect(counts).toEqual({ compiled: 1, instances: 0 });
  await preload();
  for (const start of FLAVOURS) {
    expect(await run(start, 4)).toMatchObject({ reason: "exec", flavour: start, swaps: [] });
    expect(await run(start, 5, "thread")).toMatchObject({ reason: "exec", flavour: "simp" });
  }
  expect(counts).toEqual({ compiled: 1, instances: 3 });
});
