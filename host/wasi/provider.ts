// What a session needs of whoever answers `wasi_snapshot_preview1`: with a tree granted that is wasmer-js
// (wasmer.ts); tests put Node's own implementation in its place.

import type { guardedFiles } from "./guarded.js";

/** WASI for the instances of one session, one after the other. */
export interface WasiProvider {
  /** Stands before its imports: guarded.ts, which comes with it, so that nobody loads it in vain. */
  readonly guard: typeof guardedFiles;
  /** The imports for a new instance of `module`. */
  imports(module: WebAssembly.Module): WebAssembly.ModuleImports;
  /** The instance is there, and about to run. */
  attach(instance: WebAssembly.Instance): void;
  /** The instance is gone. */
  detach(): void;
  /** The session is over. */
  dispose(): void;
}
