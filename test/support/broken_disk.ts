// A disk with bad sectors: a read that touches one of them fails.

import { BytesDisk, type Disk } from "userboot-wasm";

export class BrokenDisk implements Disk {
  readonly sectorSize = 512;
  readonly size: number;
  /** Reads so far: first and last sector. */
  readonly reads: [number, number][] = [];
  readonly bad = new Set<number>();
  readonly #disk: Disk;

  constructor(disk: Disk | Uint8Array) {
    this.#disk = disk instanceof Uint8Array ? new BytesDisk(disk) : disk;
    this.size = this.#disk.size;
  }

  /** Makes the sector bad where `marker` is on the disk. */
  breakAt(marker: string): this {
    const bytes = Buffer.alloc(this.size);
    this.#disk.read(0, bytes);
    const at = bytes.indexOf(marker);
    if (at < 0) throw new Error(`no "${marker}" on the disk`);
    this.bad.add(Math.floor(at / this.sectorSize));
    return this;
  }

  read(offset: number, target: Uint8Array): number {
    const first = Math.floor(offset / this.sectorSize);
    const last = Math.floor((offset + Math.max(target.length, 1) - 1) / this.sectorSize);
    this.reads.push([first, last]);
    for (const sector of this.bad) {
      if (sector >= first && sector <= last) throw new Error(`bad sector ${sector}`);
    }
    return this.#disk.read(offset, target) as number;
  }
}
