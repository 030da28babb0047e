// Small modules that stand in for the core where a test needs one that misbehaves, and sessions of them.

import asc from "assemblyscript/asc";
import { AssetError, BufferConsole, type Flavour, VirtualClock } from "userboot-wasm";
import type { Cell } from "../../build/host/isolation/cell.js";
import { runIsolated } from "../../build/host/isolation/run.js";
import { FLAVOURS, GivenModules, type ModuleTable } from "../../build/host/modules.js";
import { type BootOptions, sessionOptions } from "../../build/host/options.js";
import { spawnProcess } from "../../build/host/process/spawn.js";
import { runSession } from "../../build/host/session.js";
import { spawnNodeThread } from "../../build/host/worker/node_spawn.js";
import { DECLARATIONS } from "./abi.js";

const PRELUDE = `${DECLARATIONS}
// Short, as stand-ins end with it often.
function swap(name: usize, size: i32): void { swap_interpreter(name, size); }
let fuel: i64 = 0;
export function grantFuel(amount: i64): void { fuel = amount; }
export function fuelLeft(): i64 { return fuel; }
const block: usize = memory.data(4096);
`;

/** Compiles a stand-in: `body` is its loader_main(version, ndisks); `block` are 4096 bytes to use. */
export async function standIn(body: string, more = ""): Promise<WebAssembly.Module> {
  return WebAssembly.compile(await standInBytes(body, more));
}

/** The same, not compiled yet; `others` are options of the compiler. */
export async function standInBytes(body: string, more = "", others = {}): Promise<Uint8Array<ArrayBuffer>> {
  const source = `${PRELUDE}${more}\nexport function loader_main(version: i32, ndisks: i32): void {\n${body}\n}`;
  const options = {
    runtime: "stub",
    importMemory: true,
    initialMemory: 16,
    maximumMemory: 4096,
    exportStart: "_start",
    ...others,
  };
  const { error, binary, stderr } = await asc.compileString(source, { ...options, use: "abort=" } as never);
  if (error || binary === null) throw new Error(`stand-in does not compile: ${stderr.toString()}`);
  return binary as Uint8Array<ArrayBuffer>;
}

/** Runs a session of stand-ins in the calling thread, with the virtual clock; there are no other modules. */
export async function runStandIns(
  modules: Partial<Record<Flavour, WebAssembly.Module>>,
  options: BootOptions = {},
  reuse = false,
) {
  const console = new BufferConsole();
  const result = await runSession({
    options: sessionOptions({ ...(modules.lua ? {} : { start: "simp" }), ...options }),
    modules: new GivenModules(new Map(Object.entries(modules)) as ModuleTable, [], noOther),
    disks: (options.disks ?? []) as never,
    console: options.console ?? console,
    clock: new VirtualClock(),
    onProgress: options.onProgress,
    reuse,
  });
  return Object.assign(result, { text: console.text });
}

async function noOther(flavour: string): Promise<never> {
  throw new AssetError(flavour, "is no stand-in");
}

/** Where sessions run apart from their caller. */
export type Elsewhere = "thread" | "process";

export const ISOLATIONS = ["none", "thread", "process"] as const;

/** Runs `program` in the place of a session's process or thread; it learns what to do by the variable `case`. */
export function runLiar(
  level: Elsewhere,
  program: URL,
  name: string,
  options: BootOptions = {},
): ReturnType<typeof runIsolated> {
  const settled = sessionOptions({ ...options, isolation: level, env: [`case=${name}`] });
  const cell = level === "thread" ? spawnNodeThread(program) : spawnProcess({ confine: options.confine }, program);
  return runIsolated(cell, { options: settled, disks: [], trees: [], clock: "virtual" }, options);
}

/** A thread or process for a session. */
export function cellFor(level: Elsewhere): Cell {
  return level === "thread" ? spawnNodeThread() : spawnProcess();
}

/** Runs a stand-in, as every flavour, in a thread or a process. */
export function runElsewhere(
  level: Elsewhere,
  module: Uint8Array<ArrayBuffer>,
  options: BootOptions = {},
  clock: "real" | "virtual" = "virtual",
): ReturnType<typeof runIsolated> {
  const modules: ModuleTable = new Map(FLAVOURS.map((name) => [name, module]));
  const disks = (options.disks ?? []).map((image) => ({ image: image as Uint8Array, sectorSize: 512 as const }));
  const start = { options: sessionOptions(options), modules, disks, trees: [], clock };
  return runIsolated(cellFor(level), start, options);
}
