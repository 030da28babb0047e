// Finding and loading kernels, modules with their dependencies, and raw files.
// STUB: filled in by the loading work.

import { ENOENT } from "../lib/errno";

/**
 * Loads the kernel or module file `name` (searched along `module_path` when it has no path) with arguments,
 * and what it depends on. Returns 0 or an errno and leaves the text in `commandError`.
 */
export function loadKld(_name: string, _args: string[]): i32 {
  return ENOENT;
}

/** Forgets all loaded files, and `kernelname`. */
export function unload(): void {}

export function commandLoad(_argv: string[]): i32 {
  return 0;
}
export function commandLoadGeli(_argv: string[]): i32 {
  return 0;
}
export function commandUnload(_argv: string[]): i32 {
  return 0;
}
export function commandLsmod(_argv: string[]): i32 {
  return 0;
}
