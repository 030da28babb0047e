// Where pages find this package's assets: beside its program, by the form of URL that bundlers look for. What is bundled
// into build/browser.js stands here; paths are from there.

import type { ModuleName } from "./assets.js";

const PLACES: Record<ModuleName | "worker" | "bootWorker", () => URL> = {
  simp: () => new URL("./userboot_simp.wasm", import.meta.url),
  "4th": () => new URL("./userboot_4th.wasm", import.meta.url),
  lua: () => new URL("./userboot_lua.wasm", import.meta.url),
  simp_small: () => new URL("./userboot_simp_small.wasm", import.meta.url),
  "4th_small": () => new URL("./userboot_4th_small.wasm", import.meta.url),
  lua_small: () => new URL("./userboot_lua_small.wasm", import.meta.url),
  inspect: () => new URL("./userboot_inspect.wasm", import.meta.url),
  wasi: () => new URL("./wasmer_wasi.wasm", import.meta.url),
  worker: () => new URL("./worker.js", import.meta.url),
  bootWorker: () => new URL("./worker_boot.js", import.meta.url),
};

/** Where an asset is; undefined in a bundle that doesn't know where it is itself. */
export function pagePlace(name: keyof typeof PLACES): URL | undefined {
  try {
    return PLACES[name]();
  } catch {
    return undefined;
  }
}
