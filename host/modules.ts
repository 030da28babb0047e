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

export const FLAVOURS = Object.keys(FILES) as Flavour[];

/** Gives a module's bytes, or undefined when this installation has no such module. */
export type ModuleSource = (file: string) => Promise<Uint8Array<ArrayBuffer> | undefined>;

/** The installed flavours: compiled, or as bytes to be compiled when a guest swaps to them. */
export type ModuleTable = Map<Flavour, WebAssembly.Module | Uint8Array<ArrayBuffer>>;

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
export function defaultFlavour(modules: ModuleTable): Flavour {
  return modules.has("lua") ? "lua" : "simp";
}

/** All installed flavours, with `wanted` (or the one that starts by default) compiled. */
export async function findModules(wanted: Flavour | undefined): Promise<ModuleTable> {
  installed ??= readModules();
  await installed;
  await compile(wanted ?? defaultFlavour(table));
  return table;
}

/** Compiles all installed modules. */
export async function compileModules(flavours: readonly Flavour[] = FLAVOURS): Promise<void> {
  installed ??= readModules();
  await installed;
  await Promise.all(flavours.map(compile));
}

async function readModules(): Promise<void> {
  if (source === undefined) throw new ModuleError("no source of modules");
  const read = source;
  const found = await Promise.all(FLAVOURS.map((flavour) => read(FILES[flavour])));
  FLAVOURS.forEach((flavour, i) => {
    const bytes = found[i];
    if (bytes !== undefined) table.set(flavour, bytes);
  });
}

async function compile(flavour: Flavour): Promise<void> {
  const bytes = table.get(flavour);
  if (!(bytes instanceof Uint8Array)) return;
  try {
    table.set(flavour, await WebAssembly.compile(bytes));
  } catch (error) {
    throw new ModuleError(`${FILES[flavour]}: ${(error as Error).message}`);
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
