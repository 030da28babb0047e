// RAM used again. Giving a boot fresh pages costs more than everything else it does (the system zeroes each
// one when it is first touched), so memory that was released clean serves the next session of its size.

import { OptionError } from "../errors.js";

/** Buffers kept; what nobody touched in them costs nothing. */
const KEPT_MAX = 4;

const kept: ArrayBuffer[] = [];

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
