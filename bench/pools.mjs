// The pools with the file of payload.mjs (bench/pools/): what each was made with, and its disks. images/pools/README.md says
// in what machine; the tree is what `node payload.mjs tree` writes, the disks are those of make.mjs with 96 MiB.

import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { unpackDisks, writeDisk } from "../test/support/pages.mjs";

/** Name to `zpool create` (OpenZFS 2.4.4); zroot/ROOT/default is booted. */
export const POOLS = {
  off: "zpool create -f zroot disk1 -O compression=off",
  lz4: "zpool create -f zroot disk1 -O compression=lz4",
  zstd: "zpool create -f zroot disk1 -O compression=zstd",
  sha256: "zpool create -f zroot disk1 -O compression=off -O checksum=sha256",
  raidz1: "zpool create -f zroot raidz1 disk1 disk2 disk3 -O compression=off",
  records4m: "zpool create -f zroot disk1 -O compression=lz4 -O recordsize=4M",
  records16m: "zpool create -f zroot disk1 -O compression=lz4 -O recordsize=16M",
};

/** Writes the disks of a pool into `directory`; their paths. */
export function poolDisks(name, directory) {
  mkdirSync(directory, { recursive: true });
  const packed = readFileSync(new URL(`pools/${name}.pages.br`, import.meta.url));
  return unpackDisks(packed).map((disk, index) => {
    const path = join(directory, `${name}-${index + 1}.img`);
    writeDisk(path, disk);
    return path;
  });
}
