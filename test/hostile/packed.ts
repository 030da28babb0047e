// Bases that other programs made (fuzz/bases/packed), each unpacked once.

import { unpacked } from "../support/pools.js";
import { inRepository } from "../support/repository.js";
import { SparseDisk } from "../support/sparse_disk.js";

const known = new Map<string, SparseDisk>();

/** A copy of the disk in a packed file of the repository, which is of one disk. */
export function packedDisk(name: string): SparseDisk {
  const base = known.get(name) ?? unpacked(inRepository(`fuzz/bases/packed/${name}.pages.br`))[0];
  if (base === undefined) throw new Error(`${name} has no disk`);
  known.set(name, base);
  const copy = new SparseDisk(0);
  copy.copy(base, base.size);
  return copy;
}

const pools = new Map<string, SparseDisk[]>();

/** Copies of the disks of a pool of images/pools. */
export function poolDisks(name: string): SparseDisk[] {
  const made = pools.get(name) ?? unpacked(inRepository(`images/pools/${name}.pages.br`));
  pools.set(name, made);
  return made.map((disk) => {
    const copy = new SparseDisk(0);
    copy.copy(disk, disk.size);
    return copy;
  });
}
