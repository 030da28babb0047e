// Pools: their disks, found by their labels, and the latest uberblock.

import { EIO } from "../lib/errno";
import { allocate, damaged } from "../lib/fault";
import { print } from "../lib/output";
import { Volume } from "../storage/volume";
import { Blocks } from "./blocks";
import { ObjectSet } from "./dnode";
import {
  BP_SIZE,
  CONFIG_AT,
  CONFIG_SIZE,
  DEVICE_SIZE_MIN,
  LABEL_SIZE,
  LABELS,
  UB_MAGIC,
  UB_ROOT,
  UB_TIMESTAMP,
  UB_TXG,
  UBERBLOCK_MAGIC,
  UBERBLOCK_SHIFT_MAX,
  UBERBLOCK_SHIFT_MIN,
  UBERBLOCKS_AT,
  UBERBLOCKS_SIZE,
} from "./layout";
import { NvList } from "./nvlist";
import { VdevState } from "./vdev";
import { findVdev, vdevFrom } from "./vdevs";
import { tailBigEndian, verifyTail } from "./verify";

/** Pool versions that can be read: the numbered ones, and the one that lists features. */
const VERSION_MAX: u64 = 28;
const VERSION_FEATURES: u64 = 5000;
const STATE_DESTROYED: u64 = 2;

/** Features under which a pool can still be read: those of FreeBSD 12.1, and later ones that change nothing read here. */
const FEATURES: string[] = [
  "org.illumos:lz4_compress",
  "com.delphix:hole_birth",
  "com.delphix:extensible_dataset",
  "com.delphix:embedded_data",
  "org.open-zfs:large_blocks",
  "org.zfsonlinux:large_dnode",
  "com.joyent:multi_vdev_crash_dump",
  "com.datto:bookmark_v2",
  "com.datto:encryption",
  "com.delphix:bookmark_written",
  "com.delphix:head_errlog",
  "com.klarasystems:vdev_zaps_v2",
  "org.freebsd:zstd_compress",
  "org.illumos:sha512",
  "org.illumos:skein",
  "org.illumos:edonr",
  "org.openzfs:blake3",
];

/** Whether a pool with the feature `name` can be read; says so if not. */
export function featureKnown(name: string): bool {
  if (FEATURES.includes(name)) return true;
  print(`ZFS: unsupported feature: ${name}\n`);
  return false;
}

/** A pool, of whose disks at least one was found. */
export class Pool extends Blocks {
  /** Transaction group of the newest label. */
  txg: u64 = 0;
  uberblockTxg: u64 = 0;
  uberblockTime: u64 = 0;
  /** Pointer to the meta object set. */
  readonly root: StaticArray<u8> = new StaticArray<u8>(128);
  private metaSet: ObjectSet | null = null;

  constructor(
    readonly guid: u64,
    name: string,
  ) {
    super(name);
  }

  /** The meta object set. */
  get mos(): ObjectSet {
    return this.metaSet!;
  }

  set mos(set: ObjectSet) {
    this.metaSet = set;
  }
}

/** All pools that can be read. */
export const pools: Pool[] = [];

/** The pool called `name`, or null. */
export function findPool(name: string): Pool | null {
  for (let i = 0; i < pools.length; i++) if (pools[i].name == name) return pools[i];
  return null;
}

function poolOf(guid: u64, name: string): Pool {
  for (let i = 0; i < pools.length; i++) if (pools[i].guid == guid) return pools[i];
  const pool = new Pool(guid, name);
  pools.push(pool);
  return pool;
}

/** Offset of label `index` on a disk of `size` bytes. */
function labelOffset(size: u64, index: i32): u64 {
  const offset = <u64>index * LABEL_SIZE;
  return index < LABELS / 2 ? offset : offset + size - <u64>LABELS * LABEL_SIZE;
}

/** Reads the newest good configuration of the disk to `dst`. False when there is none. */
function readConfig(volume: Volume, size: u64, dst: usize): bool {
  const block = allocate(CONFIG_SIZE);
  let best: u64 = 0;
  let foreign = "";
  for (let i = 0; i < LABELS; i++) {
    const offset = labelOffset(size, i) + CONFIG_AT;
    if (volume.read(offset, block, CONFIG_SIZE) != <i64>CONFIG_SIZE) continue;
    const bigEndian = tailBigEndian(block, CONFIG_SIZE);
    if (!bigEndian && !verifyTail(block, CONFIG_SIZE, offset, 0, 0)) continue;
    const config = NvList.unpack(block, CONFIG_SIZE);
    const name = bigEndian && config !== null ? config.text("name") : null;
    if (name !== null) foreign = name;
    if (bigEndian) continue;
    if (config === null || !config.has("txg") || config.number("txg") < best) continue;
    best = config.number("txg");
    memory.copy(dst, block, CONFIG_SIZE);
  }
  heap.free(block);
  if (best == 0 && foreign.length > 0) {
    const what = `ZFS label: pool ${foreign} is of a big-endian machine, which can't be read`;
    print(`${what}\n`);
    damaged(volume.where(CONFIG_AT), what, EIO);
  }
  return best > 0;
}

/** Looks for a pool's label on `volume` of `size` bytes, and adds the disk to its pool. Whether it did. */
export function probeVolume(volume: Volume, mediaSize: u64): bool {
  const size = mediaSize & ~(LABEL_SIZE - 1);
  if (size < DEVICE_SIZE_MIN) return false;
  const block = allocate(CONFIG_SIZE);
  let added = false;
  if (readConfig(volume, size, block)) {
    const config = NvList.unpack(block, CONFIG_SIZE);
    if (config !== null) added = addDisk(volume, size, config);
  }
  heap.free(block);
  return added;
}

/** Adds the disk with label `config`. */
function addDisk(volume: Volume, size: u64, config: NvList): bool {
  const version = config.number("version");
  if (version == 0 || (version > VERSION_MAX && version != VERSION_FEATURES)) {
    print(`ZFS: unsupported ZFS version ${version} (should be ${VERSION_FEATURES})\n`);
    return false;
  }
  const features = config.list("features_for_read");
  if (features !== null) {
    const names = features.names();
    for (let i = 0; i < names.length; i++) if (!featureKnown(names[i])) return false;
  }
  const name = config.text("name");
  const tree = config.list("vdev_tree");
  if (config.number("state") == STATE_DESTROYED || config.number("is_log") != 0) return false;
  if (name === null || !config.has("pool_guid") || !config.has("guid") || !config.has("state")) return false;
  const pool = poolOf(config.number("pool_guid"), name);
  const txg = config.number("txg");
  const newer = txg > pool.txg;
  if (newer) pool.txg = txg;
  const guid = config.number("guid");
  const known = findVdev(guid);
  // Met before: slices that overlap, for instance.
  if ((known !== null && known.volume !== null) || tree === null) return false;
  const top = vdevFrom(tree, newer);
  if (top === null) return false;
  pool.addTop(top);
  const vdev = findVdev(guid);
  if (vdev === null) {
    print("ZFS: inconsistent nvlist contents\n");
    return false;
  }
  vdev.volume = volume;
  vdev.state = VdevState.Healthy;
  top.updateState();
  readUberblocks(pool, volume, size, top.ashift);
  return true;
}

/** Looks for a newer uberblock of `pool` in the labels of a disk. */
function readUberblocks(pool: Pool, volume: Volume, size: u64, ashift: u64): void {
  const shift = min(max(ashift, UBERBLOCK_SHIFT_MIN), UBERBLOCK_SHIFT_MAX);
  const step = (<u32>1) << (<u32>shift);
  const ring = allocate(<usize>UBERBLOCKS_SIZE);
  for (let label = 0; label < LABELS; label++) {
    const start = labelOffset(size, label) + UBERBLOCKS_AT;
    if (volume.read(start, ring, <u32>UBERBLOCKS_SIZE) != <i64>UBERBLOCKS_SIZE) continue;
    for (let at: u32 = 0; at < <u32>UBERBLOCKS_SIZE; at += step) {
      const uberblock = ring + <usize>at;
      const txg = load<u64>(uberblock, UB_TXG);
      const time = load<u64>(uberblock, UB_TIMESTAMP);
      if (load<u64>(uberblock, UB_MAGIC) != UBERBLOCK_MAGIC || txg < pool.txg) continue;
      if (txg < pool.uberblockTxg || (txg == pool.uberblockTxg && time <= pool.uberblockTime)) continue;
      if (!verifyTail(uberblock, step, start + <u64>at, 0, 0)) continue;
      pool.uberblockTxg = txg;
      pool.uberblockTime = time;
      memory.copy(changetype<usize>(pool.root), uberblock + UB_ROOT, BP_SIZE);
    }
  }
  heap.free(ring);
}
