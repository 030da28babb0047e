// The guest's RAM as the loader can reach it. Addresses wrap at 2 GiB, as bhyveload's do, so no more than
// that is ever backed; pages nobody writes cost nothing. Every write is recorded to the byte, before it happens:
// what was begun and never ended is known and zeroed like the rest.

import { ReleasedError } from "../errors.js";
import { dropRam, giveRam, takeRam } from "./pool.js";
import { type Ranges, WrittenBytes } from "./written.js";

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

/** Long writes are done, and charged, in parts of this size: a multiple of every piece. */
export const CHARGED_PART = 4 * 1024 * 1024;

/** Most ranges that written memory is told in: a loader leaves some dozens. */
export const RANGES_MAX = 4096;

/** Called before each part of a long write, with its bytes: counts the work, and throws when a limit is reached. */
export type Charge = (bytes: number) => void;

/**
 * Bytes that RAM has at first: as far as kernels reach. An engine takes what it gives of larger memory for a reason to look for
 * garbage at once, which takes longer than a boot.
 */
const FIRST_BYTES = 48 * 1024 * 1024;

/** Bytes of RAM that `low` bytes of memory are backed with at most. */
export function backedBytes(low: number): number {
  return Math.min(low, REACHABLE);
}

/**
 * A guest's RAM: `low` bytes from 0 on, of which what the loader reaches is backed, once somebody writes there, and `high` bytes
 * from 4 GiB on, which are only told.
 */
export class GuestMemory {
  /** Accesses refused because they did not fit. */
  faults = 0;
  /** As far as it is there yet; the rest of `#size` bytes is zeros. */
  #ram: Uint8Array<ArrayBuffer>;
  #size: number;
  #written: WrittenBytes;
  /** Somebody outside may hold a view of the RAM. */
  #lent = false;
  /** It was made elsewhere. Its maker may have written what it didn't tell: no other session gets it. */
  readonly #foreign: boolean;
  #released = false;

  /** With RAM of zeros for `low` bytes, or in `buffer`, whose maker says by `mark` what was written. */
  constructor(
    readonly low: number,
    readonly high: number,
    buffer?: ArrayBuffer,
  ) {
    this.#size = backedBytes(low);
    this.#ram = new Uint8Array(buffer ?? takeRam(Math.min(FIRST_BYTES, this.#size), this.#size));
    this.#written = new WrittenBytes(this.#size);
    this.#foreign = buffer !== undefined;
  }

  /** All of the RAM there is. Whoever asks for it may keep it: it is then not used for another session. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.lend(0, this.#size);
  }

  /** The same of the bytes from `start` to `end`. */
  lend(start: number, end: number): Uint8Array<ArrayBuffer> {
    this.#held();
    const lent = this.view(start, end);
    this.#lent = true;
    return lent;
  }

  /** The RAM as far as it is there, for another thread: `GuestMemory` there is made with it. It isn't used here any more. */
  handOver(): ArrayBuffer {
    this.#held();
    this.#lent = true;
    return this.#ram.buffer;
  }

  /** Bytes of RAM, there or not: what `bytes` has. */
  get size(): number {
    return this.#size;
  }

  /** The written ranges [start, end), in order; rounded when there are more than 4096. */
  get written(): [start: number, end: number][] {
    return this.ranges().ranges;
  }

  /** The written ranges, and what they are rounded to. */
  ranges(): Ranges {
    this.#held();
    return this.#written.ranges(RANGES_MAX);
  }

  /** The backed bytes from `start` to `end` (positions that `locate` and `pieces` give), to be read during one call. */
  view(start: number, end: number): Uint8Array<ArrayBuffer> {
    this.#reach(end);
    return this.#ram.subarray(start, end);
  }

  /** The same to be written: the one way by which bytes get into guest memory. They count as written from now on. */
  target(start: number, end: number): Uint8Array<ArrayBuffer> {
    this.#written.add(start, end);
    return this.view(start, end);
  }

  /** Has RAM there up to `end`. */
  #reach(end: number): void {
    const before = this.#ram;
    if (end <= before.length || before.length === this.#size) return;
    this.#ram = new Uint8Array(takeRam(Math.min(Math.max(end, 2 * before.length), this.#size), this.#size));
    this.#written.cover((from, to) => this.#ram.set(before.subarray(from, to), from));
    this.#giveBack(before);
  }

  /** Says that bytes of the buffer that this was made with are written. */
  mark(start: number, end: number): void {
    this.#written.add(start, end);
  }

  /** Gives the RAM back, zeroed, when nobody else has seen it. Reading it is an error afterwards. */
  release(): void {
    this.#released = true;
    const ram = this.#ram;
    this.#ram = new Uint8Array(0);
    this.#size = 0;
    this.#giveBack(ram);
    this.#written = new WrittenBytes(0);
  }

  #giveBack(ram: Uint8Array<ArrayBuffer>): void {
    if (this.#lent || ram.length === 0) return;
    if (this.#foreign) {
      dropRam(ram.buffer);
      return;
    }
    this.#written.cover((start, end) => ram.fill(0, start, end));
    giveRam(ram.buffer);
  }

  /** Where `size` bytes at `gpa` are in `bytes`, or -1 when they don't fit in memory. */
  locate(gpa: bigint, size: number): number {
    const at = Number(gpa & ADDRESS_MASK);
    return at + size <= this.#size ? at : -1;
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
      const room = this.#size - Number(start);
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

  /** A copy of `length` bytes at `gpa`; zeros where nothing is backed. */
  read(gpa: number, length: number): Uint8Array<ArrayBuffer> {
    this.#held();
    const result = new Uint8Array(length);
    if (gpa < this.#ram.length) result.set(this.#ram.subarray(gpa, Math.min(gpa + length, this.#ram.length)));
    return result;
  }

  /** @throws ReleasedError when the RAM is given back */
  #held(): void {
    if (this.#released) throw new ReleasedError("guest memory is released: read or pack it before");
  }
}
