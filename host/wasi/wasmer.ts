// `host:` trees by way of wasmer-js: one in-memory file system a session, which holds the granted trees and
// nothing else, so that there is nothing outside to get at. Loaded only when a tree is granted.

import type { MemFS, WASI } from "@wasmer/wasi";
import { AssetError, HostTreeError } from "../errors.js";
import { AssetModules } from "../modules.js";
import { guardedFiles } from "./guarded.js";
import type { WasiProvider } from "./provider.js";
import type { GrantedTree } from "./tree.js";

type Library = typeof import("@wasmer/wasi");

/** The directory that is open for the core; tree N is its subdirectory N. */
const TOP = "/trees";

let library: Promise<Library> | undefined;

/** Loads it once. What failed is tried again by the next who wants it. */
function loadLibrary(given: WebAssembly.Module | undefined): Promise<Library> {
  library ??= startLibrary(given).catch((error) => {
    library = undefined;
    throw error;
  });
  return library;
}

async function startLibrary(given: WebAssembly.Module | undefined): Promise<Library> {
  const loaded = await import("@wasmer/wasi");
  const module = given ?? (await new AssetModules(undefined).find("wasi"));
  try {
    // Anew: the library, too, would keep what failed.
    await loaded.init(module, true);
    // Another module may well start, and have nothing in it.
    new loaded.MemFS().free();
  } catch (error) {
    throw new AssetError("assets.modules.wasi", `is not the module of wasmer-js (${(error as Error).message})`);
  }
  return loaded;
}

/**
 * Puts `trees` into a file system of their own, by the library's `module`: without any, the package's own.
 * @throws AssetError when the library can't be had, HostTreeError when there is no room
 */
export async function openTrees(trees: readonly GrantedTree[], module?: WebAssembly.Module): Promise<WasiProvider> {
  const { MemFS, WASI } = await loadLibrary(module);
  const files = new MemFS();
  try {
    fill(files, trees);
  } catch (error) {
    files.free();
    throw new HostTreeError("host tree", `can't be held in the memory of its file system (${error})`);
  }
  return new WasmerProvider(WASI, files);
}

function fill(files: MemFS, trees: readonly GrantedTree[]): void {
  files.createDir(TOP);
  trees.forEach(({ directories, files: contents }, unit) => {
    const top = `${TOP}/${unit}`;
    files.createDir(top);
    for (const path of directories) files.createDir(`${top}/${path}`);
    for (const { path, content } of contents) {
      const file = files.open(`${top}/${path}`, { read: true, write: true, create: true });
      try {
        let done = 0;
        while (done < content.length) {
          const count = file.write(content.subarray(done));
          if (count <= 0) throw new Error(`${path}: no room`);
          done += count;
        }
      } finally {
        file.free();
      }
    }
  });
}

class WasmerProvider implements WasiProvider {
  readonly guard = guardedFiles;
  #wasi: WASI | undefined;

  constructor(
    private readonly Wasi: Library["WASI"],
    private files: MemFS,
  ) {}

  imports(module: WebAssembly.Module): WebAssembly.ModuleImports {
    // The instance takes over the handle it is given; what it gives back is another one on the same files.
    const wasi = new this.Wasi({ args: [], env: {}, preopens: { "/": TOP }, fs: this.files });
    this.files = wasi.fs;
    this.#wasi = wasi;
    return (wasi.getImports(module) as { wasi_snapshot_preview1: WebAssembly.ModuleImports }).wasi_snapshot_preview1;
  }

  attach(instance: WebAssembly.Instance): void {
    this.#wasi?.instantiate(instance);
  }

  detach(): void {
    this.#wasi?.free();
    this.#wasi = undefined;
  }

  dispose(): void {
    this.detach();
    this.files.free();
  }
}
