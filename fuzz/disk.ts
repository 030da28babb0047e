// A disk of a base, changed in place for one run and changed back behind it, which notes what is read of it: there the next
// changes are made.

import type { Disk } from "userboot-wasm";
import type { SparseDisk } from "../test/support/sparse_disk.js";

/** Bytes that were read. */
export interface Place {
  disk: number;
  at: number;
  size: number;
}

/** Reads that are noted of a run. */
const PLACES_MAX = 4096;

/** One disk of a base. */
export class FuzzDisk implements Disk {
  readonly sectorSize: number;
  size: number;
  /** What the run has read, when somebody wants to know. */
  places: Place[] | undefined;
  readonly #whole: number;
  readonly #undo: { at: number; bytes: Uint8Array }[] = [];

  constructor(
    readonly disk: SparseDisk,
    readonly index: number,
  ) {
    this.sectorSize = disk.sectorSize;
    this.size = disk.size;
    this.#whole = disk.size;
  }

  read(offset: number, target: Uint8Array): number {
    const size = Math.max(0, Math.min(target.length, this.size - offset));
    if (this.places !== undefined && this.places.length < PLACES_MAX)
      this.places.push({ disk: this.index, at: offset, size });
    return this.disk.read(offset, target.subarray(0, size));
  }

  /** A copy of what is there. */
  bytes(at: number, size: number): Buffer {
    const bytes = Buffer.alloc(size);
    this.disk.read(at, bytes);
    return bytes;
  }

  /** Replaces bytes, as far as the disk goes. */
  write(at: number, bytes: Uint8Array): void {
    const part = bytes.subarray(0, Math.max(0, this.#whole - at));
    if (part.length === 0) return;
    this.#undo.push({ at, bytes: this.bytes(at, part.length) });
    this.disk.write(at, part);
  }

  /** Is what it was. */
  restore(): void {
    for (let last = this.#undo.pop(); last !== undefined; last = this.#undo.pop()) this.disk.write(last.at, last.bytes);
    this.size = this.#whole;
  }
}
