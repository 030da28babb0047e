// A disk whose image is in memory.

import type { Disk } from "./disk.js";

/** The image is borrowed: changes of it are seen. */
export class BytesDisk implements Disk {
  readonly promises = false;

  constructor(
    /** The bytes; they are not copied. */
    readonly image: Uint8Array,
    readonly sectorSize: 512 | 4096 = 512,
  ) {}

  get size(): number {
    return this.image.length;
  }

  read(offset: number, target: Uint8Array): number {
    if (offset >= this.image.length) return 0;
    const part = this.image.subarray(offset, offset + target.length);
    target.set(part);
    return part.length;
  }
}
