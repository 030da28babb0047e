// What bits are flipped of (flips.ts): file systems of UFS, with a second reader, and pools of a real OpenZFS.

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { Disk } from "userboot-wasm";
import { bytesOf, SparseDisk } from "../test/support/sparse_disk.js";
import { noise } from "../test/support/trees.js";
import { UfsImage } from "../test/support/ufs_image.js";
import { UfsReader } from "../test/support/ufs_reader.js";
import { unpackedDisks } from "./bases/packed.js";
import { inRepository } from "./places.js";

/** A good image. */
export interface FlipSample {
  name: string;
  disks(): SparseDisk[];
  /** So much of each file is read. */
  contentMax: number;
  /** Bytes of the disk in which the partition table is. */
  table?: number;
  /** Of UFS: what reads it, too, as it is now. */
  reader?(disk: Disk): UfsReader;
}

/** Files of all sizes, with holes, blocks of addresses, links, directories. */
function ufs(version: 1 | 2): SparseDisk {
  const blockSize = 4096;
  const image = new UfsImage({ version, blockSize, fragmentSize: 512, superblockAt: version === 1 ? 8192 : 65536 });
  const boot = image.directory(image.root, "boot");
  const kernel = image.directory(boot, "kernel");
  image.file(boot, "loader.conf", 'a="b"\n');
  image.file(kernel, "kernel", noise("kernel", blockSize * 15 + 100));
  image.file(image.root, "empty", "");
  image.link(boot, "short", "loader.conf");
  image.link(image.root, "long", `/boot/${"x/../".repeat(40)}loader.conf`);
  const reach = blockSize / (version === 2 ? 8 : 4);
  image.sparse(image.root, "holes", blockSize * (12 + reach + 3), [
    [0, noise("first", 1000)],
    [blockSize * (12 + reach + 2), noise("last", 1000)],
  ]);
  // Names take more than a block.
  for (let i = 0; i < 8; i++)
    image.file(kernel, `a module with a ${"longer ".repeat(6)}name ${i}.ko`, noise(`${i}`, 50 + i));
  const disk = image.finish();
  // What follows it is no part of the last file.
  disk.size = bytesOf(disk).length;
  return disk;
}

/** One of images/. */
function guest(name: string): SparseDisk {
  const disk = new SparseDisk(0);
  disk.write(0, gunzipSync(readFileSync(inRepository(`images/${name}.img.gz`))));
  return disk;
}

const pool = (name: string): FlipSample => ({
  name: `zfs_${name}`,
  disks: () => unpackedDisks(`images/pools/${name}.pages.br`),
  contentMax: 64 * 1024,
});

/** Bytes of a GPT, where the partition with the file system begins, and more than its largest file has. */
const GPT_SIZE = 34 * 512;
const GPT_ROOT = 86016;
const WHOLE = 8 * 1024 * 1024;

const ufsSample = (name: string, disk: () => SparseDisk, at = 0, table = 0): FlipSample => ({
  name,
  disks: () => [disk()],
  contentMax: WHOLE,
  table,
  reader: (from) => new UfsReader(from, at),
});

export const FLIP_SAMPLES: readonly FlipSample[] = [
  ufsSample("ufs1", () => ufs(1)),
  ufsSample("ufs2", () => ufs(2)),
  ufsSample("ufs2_gpt", () => guest("amd64-ufs2-gpt"), GPT_ROOT, GPT_SIZE),
  pool("checksums"),
  pool("mirror_log_cache"),
];
