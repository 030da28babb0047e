// Reading the blocks of a pool by their pointers: from whichever copy is good, decompressed, and kept for a while.

import { EIO, setErrno } from "../lib/errno";
import { allocate, burn, damaged } from "../lib/fault";
import { print } from "../lib/output";
import { decompress } from "./decompress";
import {
  BLOCK_SIZE_MAX,
  BP_BIRTH,
  BP_COPIES,
  BP_PROPERTIES,
  BP_SIZE,
  bpCompression,
  bpEmbedded,
  bpEmbeddedKind,
  bpHole,
  bpLogicalSize,
  bpPhysicalSize,
  CHECKSUM_GANG,
  COMPRESS_OFF,
  DVA_SIZE,
  dvaDevice,
  dvaGang,
  dvaOffset,
  EMBEDDED_REDACTED,
  GANG_DEPTH_MAX,
  GANG_SIZE,
  SALT_SIZE,
  TAIL_MAGIC,
  TAIL_SIZE,
} from "./layout";
import { badReadCount, countHealed, Vdev } from "./vdev";
import { useSalt, verifyBlock } from "./verify";

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
  /** Whether the headers of gang blocks may be larger than GANG_SIZE. */
  largeGangs: bool = false;
  /** Whether what can't be read is another one's to tell: there is something else to try. */
  quiet: bool = false;
  /** The key of some checksums; zeros until it was read. */
  readonly salt: usize = allocate(SALT_SIZE);
  /** The pointer that is followed; the one given may be in a block that has to make room. */
  private readonly pointer: usize = allocate(BP_SIZE);

  constructor(
    /** Of the pool, for reports. */
    readonly name: string,
  ) {
    memory.fill(this.salt, 0, SALT_SIZE);
  }

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
    useSalt(this.salt);
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
    if (error != 0 && !this.quiet) {
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
    if (depth >= GANG_DEPTH_MAX) return damaged(this.name, `ZFS gang block: more than ${GANG_DEPTH_MAX} deep`, EIO);
    let headerSize = this.largeGangs ? this.gangSize(bp) : GANG_SIZE;
    const header = allocate(<usize>headerSize);
    let error = this.readGangHeader(bp, header, headerSize, depth);
    // Those that were written before the first large one are found by where their tails are.
    if (error == 0 && load<u64>(header + <usize>(headerSize - TAIL_SIZE)) != TAIL_MAGIC) headerSize = GANG_SIZE;
    let at: u32 = 0;
    for (let i: u32 = 0; i < (headerSize - TAIL_SIZE) / BP_SIZE && error == 0; i++) {
      const part = header + <usize>(i * BP_SIZE);
      if (bpHole(part)) continue;
      const partSize = bpLogicalSize(part);
      if (partSize > size - at) error = damaged(this.name, `ZFS gang block: parts larger than ${size} bytes`, EIO);
      else error = this.readBlock(part, dst + <usize>at, depth + 1);
      at += partSize;
    }
    heap.free(header);
    return error == 0 && !verifyBlock(bp, dst, this.name) ? EIO : error;
  }

  /** Bytes of the header of the gang block at `bp` where headers fill what a vdev gives at least. */
  private gangSize(bp: usize): u32 {
    let size = BLOCK_SIZE_MAX;
    for (let i = 0; i < BP_COPIES; i++) {
      const dva = bp + <usize>i * DVA_SIZE;
      const vdev = load<u64>(dva) != 0 || load<u64>(dva, 8) != 0 ? this.top(dvaDevice(dva)) : null;
      if (vdev !== null) size = min(size, vdev.leastSize());
    }
    return max(size, GANG_SIZE);
  }

  private readGangHeader(bp: usize, header: usize, size: u32, depth: i32): i32 {
    const pointer = allocate(BP_SIZE);
    memory.copy(pointer, bp, BP_SIZE);
    // Uncompressed, with a checksum of its own; everything above that (type, level, birth) stays.
    const kept = load<u64>(bp, BP_PROPERTIES) & 0xffff000000000000;
    const sectors = <u64>((size >> 9) - 1);
    const sizes = (sectors << 16) | sectors;
    store<u64>(pointer, kept | ((<u64>CHECKSUM_GANG) << 40) | ((<u64>COMPRESS_OFF) << 32) | sizes, BP_PROPERTIES);
    for (let i = 0; i < BP_COPIES; i++) {
      const word = pointer + <usize>i * DVA_SIZE + 8;
      store<u64>(word, load<u64>(word) & 0x7fffffffffffffff);
    }
    const error = this.readBlock(pointer, header, depth + 1);
    heap.free(pointer);
    return error;
  }
}

/** Words of a block pointer that hold data when it is embedded: all but properties and birth. */
const EMBEDDED_WORDS: StaticArray<u8> = [0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 14, 15];
const embeddedData: usize = memory.data(112, 8);

function readEmbedded(bp: usize, dst: usize): i32 {
  // What a redacted `zfs receive` left out is marked so.
  if (bpEmbeddedKind(bp) == EMBEDDED_REDACTED) return damaged("", "ZFS block: redacted, it was never received", EIO);
  const size = bpPhysicalSize(bp);
  if (size > 112) return damaged("", `ZFS block pointer: ${size} bytes of data in it`, EIO);
  for (let i = 0; i < EMBEDDED_WORDS.length; i++) {
    store<u64>(embeddedData + ((<usize>i) << 3), load<u64>(bp + ((<usize>EMBEDDED_WORDS[i]) << 3)));
  }
  if (decompress(bpCompression(bp), embeddedData, size, dst, bpLogicalSize(bp))) return 0;
  print(`ZFS: i/o error - unable to decompress block pointer data, error ${EIO}\n`);
  return EIO;
}
