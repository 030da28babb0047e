// Memory used again: guests' RAM, and memories that modules ran in. Giving a boot fresh pages costs more than
// everything else it does (the system zeroes each one when it is first touched), so memory that was released serves
// the next session that wants as much. Whatever is kept here is all zeros.

import { OptionError } from "../errors.js";

/** Buffers and memories kept; what nobody touched in them costs nothing. */
const KEPT_MAX = 4;

const PAGE = 65536;
/** A module's memory when it starts: what the modules ask for at least (asconfig.json), and what boots get by in. */
const MODULE_PAGES_LEAST = 16;
const MODULE_PAGES = 64;
/** Most that the modules accept (asconfig.json). */
const MODULE_PAGES_MOST = 4096;

const kept: ArrayBuffer[] = [];
const keptMemories: { memory: WebAssembly.Memory; maximum: number }[] = [];

/** A buffer of zeros. */
export function takeRam(size: number): ArrayBuffer {
  const at = kept.findIndex((buffer) => buffer.byteLength === size);
  if (at >= 0) return kept.splice(at, 1)[0]!;
  try {
    return new ArrayBuffer(size);
  } catch {
    throw new OptionError(`no room for ${size} bytes of guest memory`);
  }
}

/** Takes back a buffer that is all zeros again and that nobody else holds. */
export function giveRam(buffer: ArrayBuffer): void {
  kept.push(buffer);
  if (kept.length > KEPT_MAX) kept.shift();
}

/** Memory of zeros for an instance of a module, which may grow to `limit` bytes. */
export function takeModuleMemory(limit: number): WebAssembly.Memory {
  const { initial, maximum } = modulePages(limit);
  const at = keptMemories.findIndex((kept) => kept.maximum === maximum);
  return at >= 0 ? keptMemories.splice(at, 1)[0]!.memory : new WebAssembly.Memory({ initial, maximum });
}

/**
 * Takes back, and zeroes, what `takeModuleMemory` gave for `limit`, when the instance in it never runs again. One that
 * has grown isn't kept: the next session would see how large it is.
 */
export function giveModuleMemory(memory: WebAssembly.Memory, limit: number): void {
  const { initial, maximum } = modulePages(limit);
  if (memory.buffer.byteLength !== initial * PAGE) return;
  new Uint8Array(memory.buffer).fill(0);
  keptMemories.push({ memory, maximum });
  if (keptMemories.length > KEPT_MAX) keptMemories.shift();
}

function modulePages(limit: number): { initial: number; maximum: number } {
  const maximum = Math.min(MODULE_PAGES_MOST, Math.max(MODULE_PAGES_LEAST, Math.floor(limit / PAGE)));
  return { initial: Math.min(MODULE_PAGES, maximum), maximum };
}
