// Reading the blocks of a pool by their pointers: from whichever copy is good, decompressed, and kept for a while.

import { EIO, setErrno } from "../lib/errno";
import { allocate, burn, damaged } from "../lib/fault";
import { print } from "../lib/output";
import { lz4, lzjb, zle } from "./decompress";
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
  DVA_SIZE,
  dvaDevice,
  dvaGang,
  dvaOffset,
  GANG_DEPTH_MAX,
  GANG_POINTERS,
  GANG_SIZE,
} from "./layout";
import { badReadCount, countHealed, Vdev } from "./vdev";
import { verifyBlock } from "./verify";

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

/** The blocks of a pool. */
export class Blocks {
  /** Top-level vdevs, by id. */
  readonly tops: Vdev[] = [];
  private readonly cache: Block[] = [];
  private cached: u32 = 0;
  /** The pointer that is followed; the one given may be in a block that has to make room. */
  private readonly pointer: usize = allocate(BP_SIZE);

  constructor(
    /** Of the pool, for reports. */
    readonly name: string,
  ) {}

  /** The top-level vdev with that id, or null. */
  top(id: u64): Vdev | null {
    for (let i = 0; i < this.tops.length; i++) if (this.tops[i].id == id) return this.tops[i];
    return null;
  }

  /** Adds a top-level vdev in its place, or replaces the one of that id. */
  addTop(vdev: Vdev): void {
    let at = 0;
    while (at < this.tops.length && this.tops[at].id < vdev.id) at++;
    if (at < this.tops.length && this.tops[at].id == vdev.id) {
      this.tops[at] = vdev;
      return;
    }
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
    const before = badReadCount();
    const error = this.readBlock(this.pointer, block.data, 0);
    if (error == 0 && badReadCount() != before) countHealed();
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
      error = dvaGang(dva) ? this.readGang(bp, raw, physical, depth) : vdev.read(bp, raw, dvaOffset(dva), physical, 0);
      if (error == 0 && !decompress(bpCompression(bp), raw, physical, dst, bpLogicalSize(bp))) error = EIO;
      heap.free(raw);
    }
    if (error != 0) {
      print("ZFS: i/o error - all block copies unavailable\n");
      this.reportLost(bp);
    }
    return error;
  }

  /** Reports where the copies of a block should have been, and why none of them is good. */
  private reportLost(bp: usize): void {
    for (let i = 0; i < BP_COPIES; i++) {
      const dva = bp + <usize>i * DVA_SIZE;
      if (load<u64>(dva) == 0 && load<u64>(dva, 8) == 0) continue;
      const vdev = this.top(dvaDevice(dva));
      const name = vdev !== null ? vdev.name : "no disk of it is there";
      const why = vdev !== null ? vdev.whyLost() : "missing";
      damaged(
        `zfs:${this.name}`,
        `ZFS block at vdev ${dvaDevice(dva)} (${name}) offset ${dvaOffset(dva)}: ${why}`,
        EIO,
      );
    }
  }

  /** Reads a block that is stored as several smaller ones. */
  private readGang(bp: usize, dst: usize, size: u32, depth: i32): i32 {
    if (depth >= GANG_DEPTH_MAX) return damaged(this.name, "ZFS gang block: too deep", EIO);
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
      if (partSize > size - at) error = damaged(this.name, `ZFS gang block: parts larger than ${size} bytes`, EIO);
      else error = this.readBlock(part, dst + <usize>at, depth + 1);
      at += partSize;
    }
    heap.free(header);
    heap.free(headerPointer);
    return error == 0 && !verifyBlock(bp, dst, this.name) ? EIO : error;
  }
}

/** Words of a block pointer that hold data when it is embedded: all but properties and birth. */
const EMBEDDED_WORDS: StaticArray<u8> = [0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 15];
const embeddedData: usize = memory.data(112, 8);

function readEmbedded(bp: usize, dst: usize): i32 {
  const size = bpPhysicalSize(bp);
  if (size > 112) return damaged("", `ZFS block pointer: ${size} bytes of data in it`, EIO);
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
