// The RAM that a loader fills. Every write is recorded to the byte, before it happens: what was begun and never ended is known and
// zeroed like the rest.

import { ADDRESS_MASK, backedBytes, GuestMemory, REACHABLE } from "./guest.js";
import { takeRam } from "./pool.js";
import { WrittenBytes } from "./written.js";

/** How the reference cuts the copy of a long range, and zeros: each piece is checked alone. */
export const COPY_PIECE = 4096;
const ZERO_PIECE = 256;

/** Long writes are done, and charged, in parts of this size: a multiple of every piece. */
export const CHARGED_PART = 4 * 1024 * 1024;

/** Called before each part of a long write, with its bytes: counts the work, and throws when a limit is reached. */
export type Charge = (bytes: number) => void;

/**
 * Bytes that RAM has at first: as far as kernels reach. An engine takes what it gives of larger memory for a reason to look for
 * garbage at once, which takes longer than a boot.
 */
const FIRST_BYTES = 48 * 1024 * 1024;

/** Guest memory of this thread's own, which is written. */
export class LoaderMemory extends GuestMemory {
  #record: WrittenBytes;

  /** RAM of zeros for `low` bytes; `high` bytes are only told. */
  constructor(low: number, high: number) {
    const size = backedBytes(low);
    const record = new WrittenBytes(size);
    super(low, high, takeRam(Math.min(FIRST_BYTES, size), size), record, true);
    this.#record = record;
  }

  /** A view to be written: the one way by which bytes get into guest memory. They count as written from now on. */
  target(start: number, end: number): Uint8Array<ArrayBuffer> {
    this.#record.add(start, end);
    return this.view(start, end);
  }

  override release(): void {
    super.release();
    this.#record = new WrittenBytes(0);
  }

  /** Writes `source` at `gpa`; whether it fitted. */
  copyin(source: Uint8Array, gpa: bigint): boolean {
    const at = this.locate(gpa, source.length);
    if (at < 0) {
      this.faults++;
      return false;
    }
    this.target(at, at + source.length).set(source);
    return true;
  }

  /** Reads into `target` from `gpa`; whether it fitted. */
  copyout(gpa: bigint, target: Uint8Array): boolean {
    const at = this.locate(gpa, target.length);
    if (at < 0) {
      this.faults++;
      return false;
    }
    target.set(this.view(at, at + target.length));
    return true;
  }

  /** Writes zeros, piece by piece; whether all of them fitted. */
  zero(gpa: bigint, size: number, charge?: Charge): boolean {
    let fitted = true;
    for (const [at, , length] of this.pieces(gpa, size, ZERO_PIECE, charge)) {
      if (at < 0) fitted = false;
      else this.target(at, at + length).fill(0);
    }
    return fitted;
  }

  /**
   * Cuts a range as a copy in pieces of `piece` bytes from its start meets memory: [position in `bytes` or -1,
   * offset in the range, length], with neighbouring pieces joined, and charged for, up to `CHARGED_PART`. Faults are
   * counted per piece.
   */
  *pieces(gpa: bigint, size: number, piece: number, charge?: Charge): Generator<[number, number, number]> {
    let offset = 0;
    while (offset < size) {
      const start = (gpa + BigInt(offset)) & ADDRESS_MASK;
      // As many bytes as lie in memory in one go.
      const room = this.size - Number(start);
      const fitting = room >= size - offset ? size - offset : Math.floor(room / piece) * piece;
      if (fitting > 0) {
        const whole = Math.min(fitting, CHARGED_PART);
        charge?.(whole);
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
}
