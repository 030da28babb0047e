// What the package fetches or starts besides its own program: the core's modules, wasmer-js' module and, in pages, workers.
// A caller who keeps them elsewhere says where; otherwise the platform knows (page_assets.ts, node_files.ts).

import { isBuffer, isModule, isUrl, ownBytes } from "./brand.js";
import { OptionError } from "./errors.js";
import { isPromise } from "./maybe.js";

/** A module: where it is, its bytes, or compiled. */
export type ModuleAsset = URL | string | ArrayBuffer | Uint8Array<ArrayBuffer> | WebAssembly.Module;

/** The core's flavours, and what a page begins with of each, which reads neither pools nor image formats. */
export type FlavourModule = "simp" | "4th" | "lua" | "simp_small" | "4th_small" | "lua_small";

/** The modules that there are: those, the core that looks into images, and wasmer-js for `host:` trees. */
export type ModuleName = FlavourModule | "inspect" | "wasi";

/** A worker's program: where it is, or what starts it. */
export type WorkerAsset = URL | string | (() => Worker);

/** Where this package finds what isn't in its own program. What isn't said is looked for beside it. */
export interface Assets {
  /** The worker of a page's boots and inspections: `userboot-wasm/worker`. */
  worker?: WorkerAsset;
  /** A smaller one for boots without `host:` trees, hooks and measuring: `userboot-wasm/worker-boot`. Without it `worker` serves. */
  bootWorker?: WorkerAsset;
  /** `userboot-wasm/wasm/lua` and its like. One that is given by a place is fetched when a guest wants it. */
  modules?: { readonly [name in ModuleName]?: ModuleAsset | Promise<ModuleAsset> };
}

/** What is said of an asset that isn't given and can't be looked for. */
export const NEEDED = "is needed: this bundle is no ES module and doesn't know where it is";

/** All of them. */
export const FLAVOUR_MODULES: readonly FlavourModule[] = ["simp", "4th", "lua", "simp_small", "4th_small", "lua_small"];
const MODULE_NAMES: readonly ModuleName[] = [...FLAVOUR_MODULES, "inspect", "wasi"];
const WORKERS = ["worker", "bootWorker"] as const;

/**
 * Looks whether `assets` are some.
 * @throws OptionError for what isn't
 */
export function checkAssets(assets: Assets): void {
  for (const [name, value] of Object.entries(assets)) {
    if (name === "modules") checkModules(value);
    else if (!WORKERS.includes(name as "worker")) {
      throw new OptionError(`unknown asset "${name}" (there are ${WORKERS.join(", ")}, modules)`);
    } else if (value !== undefined && !isPlace(value) && typeof value !== "function") {
      throw new OptionError(`assets.${name} must be a URL, or a function that makes a Worker`);
    }
  }
}

function checkModules(modules: unknown): void {
  if (modules === undefined) return;
  if (typeof modules !== "object" || modules === null) throw new OptionError("assets.modules must be an object");
  for (const [name, value] of Object.entries(modules)) {
    if (!MODULE_NAMES.includes(name as ModuleName)) {
      throw new OptionError(`unknown asset "modules.${name}" (there are ${MODULE_NAMES.join(", ")})`);
    }
    // Who comes to want it hears when it fails. Until then, and when nobody does, that is no error of the program's.
    if (isPromise(value)) Promise.resolve(value).catch(() => {});
    else if (value !== undefined && !isModuleAsset(value)) {
      throw new OptionError(
        `assets.modules.${name} must be a URL, an ArrayBuffer, a WebAssembly.Module, or a promise of one`,
      );
    }
  }
}

/** Whether `value` is one, once it is there. */
export function isModuleAsset(value: unknown): value is ModuleAsset {
  return isPlace(value) || isBytes(value) || isModule(value);
}

/** Whether `value` says where something is. */
export function isPlace(value: unknown): value is URL | string {
  return typeof value === "string" || isUrl(value);
}

/** Whether `value` is what a module can be compiled of. */
export function isBytes(value: unknown): value is ArrayBuffer | Uint8Array<ArrayBuffer> {
  return isBuffer(value) || ownBytes(value) !== undefined;
}
