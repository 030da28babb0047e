// Memory used again: guests' RAM, and memories that modules ran in. Giving a boot fresh pages costs more than
// everything else it does (the system zeroes each one when it is first touched), so memory that was released serves
// the next session that wants as much. Whatever is kept here is all zeros, which a check can be made to prove.

import { InternalError, OptionError } from "../errors.js";

/** Buffers and memories kept; what nobody touched in them costs nothing. */
const KEPT_MAX = 4;

const PAGE = 65536;
/** What the modules ask for at least (asconfig.json). */
const MODULE_PAGES_LEAST = 16;
/** Most that the modules accept (asconfig.json). */
const MODULE_PAGES_MOST = 4096;

/** Least memory that a module can start with, bytes. */
export const MODULE_MEMORY_LEAST = MODULE_PAGES_LEAST * PAGE;

const kept: ArrayBuffer[] = [];
const keptMemories: { memory: WebAssembly.Memory; initial: number; maximum: number }[] = [];

let checking = false;

/**
 * Has every byte of memory that is given back compared with zero: releasing then throws an InternalError where one is
 * left. For tests and for the very careful: it costs some 10 ms for 256 MiB.
 */
export function checkReleased(on: boolean): void {
  checking = on;
}

/** Compared at a time. */
const CHECKED_PART = 1024 * 1024;
const ZEROS = new Uint8Array(CHECKED_PART);

function proveZero(bytes: Uint8Array, what: string): void {
  for (let at = 0; at < bytes.length; at += CHECKED_PART) {
    const part = bytes.subarray(at, at + CHECKED_PART);
    if (equal(part, ZEROS.subarray(0, part.length))) continue;
    throw new InternalError(`${what} given back holds something at ${at + part.findIndex((byte) => byte !== 0)}`);
  }
}

/** Compares bytes; a platform that has a fast way gives it. */
export type BytesEqual = (a: Uint8Array, b: Uint8Array) => boolean;

let equal: BytesEqual = (a, b) => a.every((byte, i) => byte === b[i]);

/** Set by the entry points. */
export function setBytesEqual(value: BytesEqual): void {
  equal = value;
}

/** A buffer of zeros, of `size` bytes or, when there is one, of more, up to `most`. */
export function takeRam(size: number, most = size): ArrayBuffer {
  const at = kept.findIndex(({ byteLength }) => byteLength >= size && byteLength <= most);
  if (at >= 0) return kept.splice(at, 1)[0]!;
  try {
    return new ArrayBuffer(size);
  } catch {
    throw new OptionError(`no room for ${size} bytes of guest memory`);
  }
}

/** Takes back a buffer that is all zeros again and that nobody else holds. */
export function giveRam(buffer: ArrayBuffer): void {
  if (checking) proveZero(new Uint8Array(buffer), "guest memory");
  kept.push(buffer);
  if (kept.length > KEPT_MAX) kept.shift();
}

/**
 * Frees a buffer that nobody else holds, at once, by sending it to nobody: an engine that has to find out by itself looks for garbage
 * at every second boot.
 */
export function dropRam(buffer: ArrayBuffer): void {
  const { port1 } = new MessageChannel();
  port1.close();
  port1.postMessage(0, [buffer]);
}

/** Memory of `start` bytes, all zeros, for an instance of a module, which may grow to `limit` bytes. */
export function takeModuleMemory(start: number, limit: number): WebAssembly.Memory {
  const { initial, maximum } = modulePages(start, limit);
  const at = keptMemories.findIndex((kept) => kept.initial === initial && kept.maximum === maximum);
  if (at >= 0) return keptMemories.splice(at, 1)[0]!.memory;
  try {
    return new WebAssembly.Memory({ initial, maximum });
  } catch {
    throw new OptionError(
      `no room for the memory of a module: ${maximum * PAGE} bytes, and what the engine keeps clear`,
    );
  }
}

/**
 * Takes back, and zeroes, what `takeModuleMemory` gave, when the instance in it never runs again. One that
 * has grown isn't kept: the next session would see how large it is.
 */
export function giveModuleMemory(memory: WebAssembly.Memory, start: number, limit: number): void {
  const { initial, maximum } = modulePages(start, limit);
  if (memory.buffer.byteLength !== initial * PAGE) return;
  const bytes = new Uint8Array(memory.buffer).fill(0);
  if (checking) proveZero(bytes, "module memory");
  keptMemories.push({ memory, initial, maximum });
  if (keptMemories.length > KEPT_MAX) keptMemories.shift();
}

function modulePages(start: number, limit: number): { initial: number; maximum: number } {
  const maximum = Math.min(MODULE_PAGES_MOST, Math.floor(limit / PAGE));
  return { initial: Math.min(start / PAGE, maximum), maximum };
}
