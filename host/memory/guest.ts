// The guest's RAM as the loader can reach it, to be read. Addresses wrap at 2 GiB, as bhyveload's do, so no more than
// that is ever backed; pages nobody writes cost nothing.

import { ReleasedError } from "../errors.js";
import { dropRam, giveRam, takeRam } from "./pool.js";
import type { Ranges } from "./written.js";

/** Address bits that the loader's copies look at. */
export const ADDRESS_MASK = 0x7fff_ffffn;
export const REACHABLE = 0x8000_0000;

/** Where memory above the low part begins. */
export const HIGH_BASE = 0x1_0000_0000;

/** Most low memory; the rest lies at 4 GiB. */
export const LOW_MAX = 3072 * 1024 * 1024;

/** Most ranges that written memory is told in: a loader leaves some dozens. */
export const RANGES_MAX = 4096;

/** Bytes of RAM that `low` bytes of memory are backed with at most. */
export function backedBytes(low: number): number {
  return Math.min(low, REACHABLE);
}

/** Which bytes of guest memory were written. */
export interface Written {
  /** The ranges when there are at most `most`; else rounded until there are no more. */
  ranges(most: number): Ranges;
  /** Gives stretches that hold all written bytes, and others between them. */
  cover(take: (start: number, end: number) => void): void;
}

/**
 * A guest's RAM, to be read: `low` bytes from 0 on, of which what the loader reaches is backed, as far as somebody wrote there, and
 * `high` bytes from 4 GiB on, which are only told.
 */
export class GuestMemory {
  /** Accesses refused because they did not fit. */
  faults = 0;
  /** As far as it is there yet; the rest of `#size` bytes is zeros. */
  #ram: Uint8Array<ArrayBuffer>;
  #size: number;
  /** None once it is given back. */
  #written: Written | undefined;
  /** Somebody outside may hold a view of the RAM. */
  #lent = false;

  /**
   * With RAM in `buffer`, of which `written` tells what isn't zero. Unless it is this thread's own, its maker may have written what it
   * didn't tell: no other session gets it.
   */
  constructor(
    readonly low: number,
    readonly high: number,
    buffer: ArrayBuffer,
    written: Written,
    private readonly isOwn = false,
  ) {
    this.#size = backedBytes(low);
    this.#ram = new Uint8Array(buffer);
    this.#written = written;
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
    return this.#held().ranges(RANGES_MAX);
  }

  /** The backed bytes from `start` to `end` (positions that `locate` and `pieces` give), to be read during one call. */
  view(start: number, end: number): Uint8Array<ArrayBuffer> {
    this.#reach(end);
    return this.#ram.subarray(start, end);
  }

  /** Has RAM there up to `end`. */
  #reach(end: number): void {
    const before = this.#ram;
    const written = this.#written;
    if (end <= before.length || written === undefined) return;
    this.#ram = new Uint8Array(takeRam(Math.min(Math.max(end, 2 * before.length), this.#size), this.#size));
    written.cover((from, to) => this.#ram.set(before.subarray(from, to), from));
    this.#giveBack(before, written);
  }

  /** Gives the RAM back, zeroed, when nobody else has seen it. Reading it is an error afterwards. */
  release(): void {
    const ram = this.#ram;
    const written = this.#written;
    this.#ram = new Uint8Array(0);
    this.#size = 0;
    this.#written = undefined;
    if (written !== undefined) this.#giveBack(ram, written);
  }

  #giveBack(ram: Uint8Array<ArrayBuffer>, written: Written): void {
    if (this.#lent || ram.length === 0) return;
    if (!this.isOwn) {
      dropRam(ram.buffer);
      return;
    }
    written.cover((start, end) => ram.fill(0, start, end));
    giveRam(ram.buffer);
  }

  /** Where `size` bytes at `gpa` are in `bytes`, or -1 when they don't fit in memory. */
  locate(gpa: bigint, size: number): number {
    const at = Number(gpa & ADDRESS_MASK);
    return at + size <= this.#size ? at : -1;
  }

  /** A copy of `length` bytes at `gpa`; zeros where nothing is backed. */
  read(gpa: number, length: number): Uint8Array<ArrayBuffer> {
    this.#held();
    const result = new Uint8Array(length);
    result.set(this.#ram.subarray(gpa, gpa + length));
    return result;
  }

  /** @throws ReleasedError when the RAM is given back */
  #held(): Written {
    if (this.#written === undefined) throw new ReleasedError("guest memory is released: read or pack it before");
    return this.#written;
  }
}
