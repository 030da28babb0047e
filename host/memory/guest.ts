// The guest's RAM as the loader can reach it. Addresses wrap at 2 GiB, as bhyveload's do, so no more than
// that is ever backed; pages nobody writes cost nothing. Every write is recorded to the byte.

import { giveRam, takeRam } from "./pool.js";
import { RangeSet } from "./ranges.js";

/** Address bits that the loader's copies look at. */
const ADDRESS_MASK = 0x7fff_ffffn;
const REACHABLE = 0x8000_0000;

/** Where memory above the low part begins. */
export const HIGH_BASE = 0x1_0000_0000;

/** Most low memory; the rest lies at 4 GiB. */
export const LOW_MAX = 3072 * 1024 * 1024;

/** How the reference cuts the copy of a long range, and zeros: each piece is checked alone. */
export const COPY_PIECE = 4096;
const ZERO_PIECE = 256;

export class GuestMemory {
  readonly written: RangeSet;
  /** Writes refused because they did not fit. */
  faults = 0;
  #ram: Uint8Array<ArrayBuffer>;
  /** Somebody outside may hold a view of the RAM. */
  #lent = false;

  constructor(
    readonly low: number,
    readonly high: number,
    buffer?: ArrayBuffer,
    written = new RangeSet(),
  ) {
    this.#ram = new Uint8Array(buffer ?? takeRam(Math.min(low, REACHABLE)));
    this.written = written;
  }

  /** All of the RAM there is. Whoever asks for it may keep it: it is then not used for another session. */
  get bytes(): Uint8Array<ArrayBuffer> {
    this.#lent = true;
    return this.#ram;
  }

  /** The backed bytes from `start` to `end` (positions that `locate` and `pieces` give), borrowed for one call. */
  view(start: number, end: number): Uint8Array<ArrayBuffer> {
    return this.#ram.subarray(start, end);
  }

  /** Gives the RAM back, zeroed, when nobody else has seen it. This object is of no use afterwards. */
  release(): void {
    const ram = this.#ram;
    this.#ram = new Uint8Array(0);
    if (!this.#lent && ram.length > 0) {
      for (const [start, end] of this.written) ram.fill(0, start, end);
      giveRam(ram.buffer);
    }
    this.written.clear();
  }

  /** Where `size` bytes at `gpa` are in `bytes`, or -1 when they don't fit in memory. */
  locate(gpa: bigint, size: number): number {
    const at = Number(gpa & ADDRESS_MASK);
    return at + size <= this.low && at + size <= this.#ram.length ? at : -1;
  }

  /** Writes `source` at `gpa`; whether it fitted. */
  copyin(source: Uint8Array, gpa: bigint): boolean {
    const at = this.locate(gpa, source.length);
    if (at < 0) {
      this.faults++;
      return false;
    }
    this.#ram.set(source, at);
    this.written.add(at, at + source.length);
    return true;
  }

  /** Reads into `target` from `gpa`; whether it fitted. */
  copyout(gpa: bigint, target: Uint8Array): boolean {
    const at = this.locate(gpa, target.length);
    if (at < 0) {
      this.faults++;
      return false;
    }
    target.set(this.#ram.subarray(at, at + target.length));
    return true;
  }

  /** Writes zeros, piece by piece; whether all of them fitted. */
  zero(gpa: bigint, size: number): boolean {
    let fitted = true;
    for (const [at, , length] of this.pieces(gpa, size, ZERO_PIECE)) {
      if (at < 0) {
        fitted = false;
        continue;
      }
      this.#ram.fill(0, at, at + length);
      this.written.add(at, at + length);
    }
    return fitted;
  }

  /**
   * Cuts a range as a copy in pieces of `piece` bytes from its start meets memory: [position in `bytes` or -1,
   * offset in the range, length], with neighbouring pieces joined. Faults are counted per piece.
   */
  *pieces(gpa: bigint, size: number, piece: number): Generator<[number, number, number]> {
    let offset = 0;
    while (offset < size) {
      const start = (gpa + BigInt(offset)) & ADDRESS_MASK;
      // As many bytes as lie in memory in one go.
      const room = Math.min(this.low, this.#ram.length) - Number(start);
      const whole = room >= size - offset ? size - offset : Math.max(0, Math.floor(room / piece) * piece);
      if (whole > 0) {
        yield [Number(start), offset, whole];
        offset += whole;
        continue;
      }
      // Pieces that don't fit, up to where addresses wrap to 0.
      const count = Math.ceil(Math.min(REACHABLE - Number(start), size - offset) / piece);
      const length = Math.min(count * piece, size - offset);
      this.faults += count;
      yield [-1, offset, length];
      offset += length;
    }
  }

  /** A copy of `length` bytes at `gpa`; zeros where nothing is backed. */
  read(gpa: number, length: number): Uint8Array {
    const result = new Uint8Array(length);
    if (gpa < this.#ram.length) result.set(this.#ram.subarray(gpa, Math.min(gpa + length, this.#ram.length)));
    return result;
  }
}
