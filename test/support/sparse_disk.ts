// A disk of any size of which only what was written takes memory, the rest reads as zeros; and whole disks as bytes.

import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import type { Disk } from "userboot-wasm";

const PAGE = 4096;

export class SparseDisk implements Disk {
  readonly sectorSize: number;
  size: number;
  /** Reads so far, and bytes they asked for. */
  calls = 0;
  bytes = 0;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(size: number, sectorSize = 512) {
    this.size = size;
    this.sectorSize = sectorSize;
  }

  /** Page `index`, made when it is missing. */
  #page(index: number): Uint8Array {
    let page = this.#pages.get(index);
    if (page === undefined) {
      page = new Uint8Array(PAGE);
      this.#pages.set(index, page);
    }
    return page;
  }

  write(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const at = (offset + done) % PAGE;
      const piece = bytes.subarray(done, done + PAGE - at);
      this.#page(Math.floor((offset + done) / PAGE)).set(piece, at);
      done += piece.length;
    }
    this.size = Math.max(this.size, offset + bytes.length);
  }

  /** Becomes the first `size` bytes of another one. */
  copy(other: SparseDisk, size: number): void {
    this.#pages.clear();
    for (const [index, page] of other.#pages) if (index * PAGE < size) this.#pages.set(index, page.slice());
    this.size = size;
  }

  /** Makes it a file, with holes. */
  writeTo(path: string): void {
    const fd = openSync(path, "wx");
    for (const [index, page] of this.#pages) writeSync(fd, page, 0, PAGE, index * PAGE);
    ftruncateSync(fd, this.size);
    closeSync(fd);
  }

  read(offset: number, target: Uint8Array): number {
    const size = Math.max(0, Math.min(target.length, this.size - offset));
    this.calls++;
    this.bytes += size;
    for (let done = 0; done < size; ) {
      const at = (offset + done) % PAGE;
      const piece = Math.min(size - done, PAGE - at);
      const page = this.#pages.get(Math.floor((offset + done) / PAGE));
      if (page) target.set(page.subarray(at, at + piece), done);
      else target.fill(0, done, done + piece);
      done += piece;
    }
    return size;
  }
}

/** All of a disk, as an image. */
export function bytesOf(disk: Disk): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(disk.size);
  disk.read(0, bytes);
  return bytes;
}
