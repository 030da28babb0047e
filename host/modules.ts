// The core's modules: which flavours there are, where their bytes come from (Node: files beside this
// package; browsers: fetch), and the compiled modules, of which a process keeps one each. The table is
// fixed: no name that comes from a guest is ever part of a path.

import { ModuleError } from "./errors.js";

/** A flavour: the core with one script interpreter. */
export type Flavour = "simp" | "4th" | "lua";

const FILES: Record<Flavour, string> = {
  simp: "userboot_simp.wasm",
  "4th": "userboot_4th.wasm",
  lua: "userboot_lua.wasm",
};

export const FLAVOURS = Object.keys(FILES) as Flavour[];

/** Gives a module's bytes, or undefined when this installation has no such module. */
export type ModuleSource = (file: string) => Promise<BufferSource | undefined>;

let source: ModuleSource | undefined;
const compiled = new Map<Flavour, Promise<WebAssembly.Module | undefined>>();

/** Says where modules come from. The entry points (index.ts, browser.ts) call it. */
export function setModuleSource(value: ModuleSource): void {
  source = value;
}

/** Whether `name` is a flavour. */
export function isFlavour(name: string): name is Flavour {
  return Object.hasOwn(FILES, name);
}

/** The compiled module of `flavour`, or undefined when it isn't installed. */
export function findModule(flavour: Flavour): Promise<WebAssembly.Module | undefined> {
  let found = compiled.get(flavour);
  if (found === undefined) {
    found = compile(flavour);
    compiled.set(flavour, found);
    found.catch(() => compiled.delete(flavour));
  }
  return found;
}

async function compile(flavour: Flavour): Promise<WebAssembly.Module | undefined> {
  if (source === undefined) throw new ModuleError("no source of modules");
  const bytes = await source(FILES[flavour]);
  if (bytes === undefined) return undefined;
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw new ModuleError(`${FILES[flavour]}: ${(error as Error).message}`);
  }
}

/** All installed modules, compiled. */
export async function findModules(): Promise<Map<Flavour, WebAssembly.Module>> {
  const modules = new Map<Flavour, WebAssembly.Module>();
  const found = await Promise.all(FLAVOURS.map(findModule));
  FLAVOURS.forEach((flavour, i) => {
    const module = found[i];
    if (module !== undefined) modules.set(flavour, module);
  });
  return modules;
}
