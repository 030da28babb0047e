// A pool: its disks, found by their labels, the latest uberblock, and reading of blocks by their pointers.

import { print } from "../../console/console";
import { Volume } from "../../dev/device";
import { EIO, setErrno } from "../../lib/errno";
import { allocate, burn, damaged } from "../../lib/fault";
import { lz4, lzjb, zle } from "./decompress";
import { ObjectSet } from "./dnode";
import {
  BLOCK_SIZE_MAX,
  BP_BIRTH,
  BP_COPIES,
  BP_PROPERTIES,
  BP_SIZE,
  bpCompression,
  bpEmbedded,
  bpHole,
  bpLogicalSize,
  bpPhysicalSize,
  CHECKSUM_GANG,
  COMPRESS_LZ4,
  COMPRESS_LZJB,
  COMPRESS_OFF,
  COMPRESS_ZLE,
  CONFIG_AT,
  CONFIG_SIZE,
  DEVICE_SIZE_MIN,
  DVA_SIZE,
  dvaDevice,
  dvaGang,
  dvaOffset,
  GANG_DEPTH_MAX,
  GANG_POINTERS,
  GANG_SIZE,
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
import { findVdev, Vdev, VdevState, vdevFrom } from "./vdev";
import { verifyBlock, verifyTail } from "./verify";

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
];

const COMPRESSION_NAMES: string[] = [
  "inherit",
  "on",
  "uncompressed",
  "lzjb",
  "empty",
  "gzip-1",
  "gzip-2",
  "gzip-3",
  "gzip-4",
  "gzip-5",
  "gzip-6",
  "gzip-7",
  "gzip-8",
  "gzip-9",
  "zle",
  "lz4",
];

export function featureKnown(name: string): bool {
  if (FEATURES.includes(name)) return true;
  print(`ZFS: unsupported feature: ${name}\n`);
  return false;
}

/** A block as its pointer describes it, decompressed. The pool owns it: it is good until the next one is asked for. */
export class Block {
  /** What it was read by; all ones for what is not to be found again. */
  word0: u64 = u64.MAX_VALUE;
  word1: u64 = u64.MAX_VALUE;
  birth: u64 = u64.MAX_VALUE;
  readonly data: usize;

  constructor(readonly size: u32) {
    this.data = allocate(<usize>size);
  }
}

/** Bytes and number of blocks that a pool keeps. */
const CACHE_SIZE: u32 = 4 << 20;
const CACHE_BLOCKS: i32 = 32;

export class Pool {
  /** Top-level vdevs, by id. */
  readonly tops: Vdev[] = [];
  /** Transaction group of the newest label. */
  txg: u64 = 0;
  uberblockTxg: u64 = 0;
  uberblockTime: u64 = 0;
  /** Pointer to the meta object set. */
  readonly root: StaticArray<u8> = new StaticArray<u8>(128);
  private metaSet: ObjectSet | null = null;
  private readonly cache: Block[] = [];
  private cached: u32 = 0;
  /** The pointer that is followed; the one given may be in a block that has to make room. */
  private readonly pointer: usize = allocate(BP_SIZE);

  constructor(
    readonly guid: u64,
    readonly name: string,
  ) {}

  /** The meta object set. */
  get mos(): ObjectSet {
    return this.metaSet!;
  }

  set mos(set: ObjectSet) {
    this.metaSet = set;
  }

  top(id: u64): Vdev | null {
    for (let i = 0; i < this.tops.length; i++) if (this.tops[i].id == id) return this.tops[i];
    return null;
  }

  /** Adds a top-level vdev in its place, unless there is one of that id. */
  addTop(vdev: Vdev): void {
    let at = 0;
    while (at < this.tops.length && this.tops[at].id < vdev.id) at++;
    if (at < this.tops.length && this.tops[at].id == vdev.id) return;
    this.tops.push(vdev);
    for (let i = this.tops.length - 1; i > at; i--) this.tops[i] = this.tops[i - 1];
    this.tops[at] = vdev;
  }

  /** The block behind the pointer at `bp`, which is no hole; null and errno. */
  block(bp: usize): Block | null {
    const embedded = bpEmbedded(bp);
    const word0 = load<u64>(bp);
    const word1 = load<u64>(bp, 8);
    const birth = load<u64>(bp, BP_BIRTH);
    for (let i = 0; i < this.cache.length && !embedded; i++) {
      const known = this.cache[i];
      if (known.word0 == word0 && known.word1 == word1 && known.birth == birth) return known;
    }
    const size = bpLogicalSize(bp);
    if (size > BLOCK_SIZE_MAX) {
      damaged(this.name, `ZFS block pointer: size ${size}`, EIO);
      return null;
    }
    memory.copy(this.pointer, bp, BP_SIZE);
    const block = this.newBlock(size);
    const error = this.readBlock(this.pointer, block.data, 0);
    if (error != 0) {
      setErrno(error);
      return null;
    }
    if (!embedded) {
      block.word0 = word0;
      block.word1 = word1;
      block.birth = birth;
    }
    return block;
  }

  /** A block of `size` bytes to fill, for which the oldest make room. */
  private newBlock(size: u32): Block {
    while (this.cache.length > 0 && (this.cached + size > CACHE_SIZE || this.cache.length >= CACHE_BLOCKS)) {
      const oldest = this.cache.shift();
      this.cached -= oldest.size;
      heap.free(oldest.data);
    }
    const block = new Block(size);
    this.cache.push(block);
    this.cached += size;
    return block;
  }

  /** Reads the block behind `bp` to `dst`, which has room for its logical size. Returns an errno. */
  private readBlock(bp: usize, dst: usize, depth: i32): i32 {
    burn(16);
    if (bpEmbedded(bp)) return readEmbedded(bp, dst);
    const physical = bpPhysicalSize(bp);
    let error = EIO;
    for (let i = 0; i < BP_COPIES && error != 0; i++) {
      const dva = bp + <usize>i * DVA_SIZE;
      if (load<u64>(dva) == 0 && load<u64>(dva, 8) == 0) continue;
      const vdev = this.top(dvaDevice(dva));
      if (vdev === null) continue;
      const raw = allocate(<usize>physical);
      error = dvaGang(dva) ? this.readGang(bp, raw, physical, depth) : vdev.read(bp, raw, dvaOffset(dva), physical);
      if (error == 0 && !decompress(bpCompression(bp), raw, physical, dst, bpLogicalSize(bp))) error = EIO;
      heap.free(raw);
    }
    if (error != 0) print("ZFS: i/o error - all block copies unavailable\n");
    return error;
  }

  /** Reads a block that is stored as several smaller ones. */
  private readGang(bp: usize, dst: usize, size: u32, depth: i32): i32 {
    if (depth >= GANG_DEPTH_MAX) return <i32>fail(this.name, "ZFS gang block: too deep");
    const headerPointer = allocate(BP_SIZE);
    const header = allocate(GANG_SIZE);
    memory.copy(headerPointer, bp, BP_SIZE);
    // 512 bytes, uncompressed, with a checksum of its own; everything above that (type, level, birth) stays.
    const kept = load<u64>(bp, BP_PROPERTIES) & 0xffff000000000000;
    store<u64>(headerPointer, kept | ((<u64>CHECKSUM_GANG) << 40) | ((<u64>COMPRESS_OFF) << 32), BP_PROPERTIES);
    for (let i = 0; i < BP_COPIES; i++) {
      const word = headerPointer + <usize>i * DVA_SIZE + 8;
      store<u64>(word, load<u64>(word) & 0x7fffffffffffffff);
    }
    let error = this.readBlock(headerPointer, header, depth + 1);
    let at: u32 = 0;
    for (let i = 0; i < GANG_POINTERS && error == 0; i++) {
      const part = header + <usize>i * BP_SIZE;
      if (bpHole(part)) continue;
      const partSize = bpLogicalSize(part);
      if (partSize > size - at) error = <i32>fail(this.name, `ZFS gang block: parts larger than ${size} bytes`);
      else error = this.readBlock(part, dst + <usize>at, depth + 1);
      at += partSize;
    }
    heap.free(header);
    heap.free(headerPointer);
    return error == 0 && !verifyBlock(bp, dst, this.name) ? EIO : error;
  }
}

/** Reports damage; returns EIO. */
function fail(where: string, what: string): i32 {
  damaged(where, what, EIO);
  return EIO;
}

/** Words of a block pointer that hold data when it is embedded: all but properties and birth. */
const EMBEDDED_WORDS: StaticArray<u8> = [0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 15];
const embeddedData: usize = memory.data(112, 8);

function readEmbedded(bp: usize, dst: usize): i32 {
  const size = bpPhysicalSize(bp);
  if (size > 112) return fail("", `ZFS block pointer: ${size} bytes of data in it`);
  for (let i = 0; i < EMBEDDED_WORDS.length; i++) {
    store<u64>(embeddedData + ((<usize>i) << 3), load<u64>(bp + ((<usize>EMBEDDED_WORDS[i]) << 3)));
  }
  if (decompress(bpCompression(bp), embeddedData, size, dst, bpLogicalSize(bp))) return 0;
  print(`ZFS: i/o error - unable to decompress block pointer data, error ${EIO}\n`);
  return EIO;
}

function decompress(method: u32, src: usize, srcSize: u32, dst: usize, dstSize: u32): bool {
  let done = false;
  switch (method) {
    case COMPRESS_OFF: {
      const size = min(srcSize, dstSize);
      memory.copy(dst, src, <usize>size);
      memory.fill(dst + <usize>size, 0, <usize>(dstSize - size));
      return true;
    }
    case COMPRESS_LZJB:
      done = lzjb(src, srcSize, dst, dstSize);
      break;
    case COMPRESS_ZLE:
      done = zle(src, srcSize, dst, dstSize);
      break;
    case COMPRESS_LZ4:
      done = lz4(src, srcSize, dst, dstSize);
      break;
    default: {
      const name = method < <u32>COMPRESSION_NAMES.length ? COMPRESSION_NAMES[method] : `${method}`;
      print(`ZFS: unsupported compression algorithm ${name}\n`);
      return false;
    }
  }
  if (!done) damaged("", `ZFS block: ${COMPRESSION_NAMES[method]} data`, EIO);
  return done;
}

// ---- finding pools ------------------------------------------------------------------------------------

/** All pools that can be read. */
export const pools: Pool[] = [];

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
  for (let i = 0; i < LABELS; i++) {
    const offset = labelOffset(size, i) + CONFIG_AT;
    if (volume.read(offset, block, CONFIG_SIZE) != <i64>CONFIG_SIZE) continue;
    if (!verifyTail(block, CONFIG_SIZE, offset, 0, 0)) continue;
    const config = NvList.unpack(block, CONFIG_SIZE);
    if (config === null || !config.has("txg") || config.number("txg") < best) continue;
    best = config.number("txg");
    memory.copy(dst, block, CONFIG_SIZE);
  }
  heap.free(block);
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
