// The core's modules: which flavours there are, where their bytes come from (Node: files beside this
// package; browsers: fetch), and the compiled modules, of which a process keeps one each. The table is
// fixed: no name that comes from a guest is ever part of a path.

import { ModuleError } from "./errors.js";

/** A flavour: the core with one script interpreter. */
export type Flavour = "simp" | "4th" | "lua";

const FILES: Record<Flavour, string> = {
  "4th": "userboot_4th.wasm",
  lua: "userboot_lua.wasm",
  simp: "userboot_simp.wasm",
};

/**
 * Bytes of memory that a flavour starts with: what most boots get by in. Memory that had to grow isn't used again, and
 * each byte of what is used again has to be zeroed.
 */
export const START_MEMORY: Record<Flavour, number> = {
  "4th": 2 * 1024 * 1024,
  lua: 6 * 1024 * 1024,
  simp: 2 * 1024 * 1024,
};

/** The module that looks into images, which is no flavour: it boots nothing. */
export const INSPECT_FILE = "userboot_inspect.wasm";
/** Bytes of memory that it starts with. */
export const INSPECT_MEMORY = 2 * 1024 * 1024;

/** All flavours there can be, installed or not. */
export const FLAVOURS = Object.keys(FILES) as Flavour[];

/** A module, or the bytes that it is to be compiled from. */
type Module = WebAssembly.Module | Uint8Array<ArrayBuffer>;

/**
 * Gives a module, or undefined when this installation has none of that name. One that is `wanted` at once may be
 * compiled while its bytes still arrive.
 */
export type ModuleSource = (file: string, wanted: boolean) => Promise<Module | undefined>;

/** The installed flavours: compiled, or as bytes to be compiled when a guest swaps to them. */
export type ModuleTable = Map<Flavour, Module>;

let source: ModuleSource | undefined;
const table: ModuleTable = new Map();
let installed: Promise<void> | undefined;

/** Says where modules come from. The entry points (index.ts, browser.ts) call it. */
export function setModuleSource(value: ModuleSource): void {
  source = value;
}

/** Whether `name` is a flavour. */
export function isFlavour(name: string): name is Flavour {
  return Object.hasOwn(FILES, name);
}

/** The flavour that starts when the caller has no wish. */
const PREFERRED: Flavour = "lua";

/** The same, or what there is instead. */
export function defaultFlavour(modules: ModuleTable): Flavour {
  return modules.has(PREFERRED) ? PREFERRED : "simp";
}

/** All installed flavours, with `wanted` (or the one that starts by default) compiled. */
export async function findModules(wanted: Flavour | undefined): Promise<ModuleTable> {
  installed ??= readModules([wanted ?? PREFERRED]);
  await installed;
  await compile(wanted ?? defaultFlavour(table));
  return table;
}

/** Compiles all installed modules. */
export async function compileModules(flavours: readonly Flavour[] = FLAVOURS): Promise<void> {
  installed ??= readModules(flavours);
  await installed;
  await Promise.all(flavours.map(compile));
}

let inspecting: Promise<WebAssembly.Module> | undefined;

/**
 * The module that looks into images, compiled.
 * @throws ModuleError when it isn't installed
 */
export function findInspectModule(): Promise<WebAssembly.Module> {
  inspecting ??= readInspectModule();
  return inspecting;
}

async function readInspectModule(): Promise<WebAssembly.Module> {
  const module = await source?.(INSPECT_FILE, true);
  if (module === undefined) throw new ModuleError(`${INSPECT_FILE} is not installed`);
  return module instanceof Uint8Array ? compiled(module, INSPECT_FILE) : module;
}

async function readModules(wanted: readonly Flavour[]): Promise<void> {
  if (source === undefined) throw new ModuleError("no source of modules");
  const read = source;
  const found = await Promise.all(FLAVOURS.map((flavour) => read(FILES[flavour], wanted.includes(flavour))));
  FLAVOURS.forEach((flavour, i) => {
    const module = found[i];
    if (module !== undefined) table.set(flavour, module);
  });
}

async function compile(flavour: Flavour): Promise<void> {
  const bytes = table.get(flavour);
  if (!(bytes instanceof Uint8Array)) return;
  table.set(flavour, await compiled(bytes, FILES[flavour]));
}

async function compiled(bytes: Uint8Array<ArrayBuffer>, file: string): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw new ModuleError(`${file}: ${(error as Error).message}`);
  }
}

/** The compiled module of an installed flavour; compiles it now when need be. */
export function compiledModule(modules: ModuleTable, flavour: Flavour): WebAssembly.Module | undefined {
  const found = modules.get(flavour);
  if (!(found instanceof Uint8Array)) return found;
  const module = new WebAssembly.Module(found);
  modules.set(flavour, module);
  return module;
}
