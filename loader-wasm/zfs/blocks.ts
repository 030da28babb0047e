// Reading the blocks of a pool by their pointers: from whichever copy is good, decompressed, and kept for a while.

import { LANES } from "../lib/digests/sha256_lanes";
import { EIO, setErrno } from "../lib/errno";
import { allocate, burn, damaged } from "../lib/fault";
import { print } from "../lib/output";
import { Region } from "../lib/region";
import { AHEAD_MAX, startAhead } from "./ahead";
import { Block, BlockCache, roomBehind, SMALL_MAX } from "./cache";
import { decompress } from "./decompress";
import {
  BLOCK_SIZE_MAX,
  BP_COPIES,
  BP_PROPERTIES,
  BP_SHIFT,
  BP_SIZE,
  bpChecksum,
  bpCompression,
  bpEmbedded,
  bpEmbeddedKind,
  bpHole,
  bpLogicalSize,
  bpPhysicalSize,
  bpPlain,
  CHECKSUM_GANG,
  CHECKSUM_SHA256,
  COMPRESS_LZ4,
  COMPRESS_OFF,
  DVA_SIZE,
  dvaDevice,
  dvaGang,
  dvaNone,
  dvaOffset,
  dvaSize,
  EMBEDDED_REDACTED,
  GANG_DEPTH_MAX,
  GANG_SIZE,
  TAIL_MAGIC,
  TAIL_SIZE,
} from "./layout";
import { badReadCount, countHealed, Vdev } from "./vdev";
import { laneBlock, laneMatches, makeLanes, useSalt, verifyBlock } from "./verify";

/** Bytes that rows of sectors add to what is fetched ahead. */
const ROWS_MAX: u32 = 256 << 10;

/** A piece of a top-level vdev. */
class Piece {
  vdev: u64 = 0;
  offset: u64 = 0;
  size: u64 = 0;
}
const pieces: Piece[] = [];

/** Which blocks are verified together. */
const quartet: StaticArray<u32> = new StaticArray<u32>(LANES);

/** Large blocks that are still compressed. */
const rawRegion = new Region();

/** The blocks of a pool. */
export class Blocks {
  /** Top-level vdevs, by id. */
  readonly tops: Vdev[] = [];
  private readonly cache: BlockCache = new BlockCache();
  /** Pieces to be fetched ahead. */
  private spans: i32 = 0;
  /** Whether the headers of gang blocks may be larger than GANG_SIZE. */
  largeGangs: bool = false;
  /** Whether what can't be read is another one's to tell: there is something else to try. */
  quiet: bool = false;
  /** The pointer that is followed; the one given may be in a block that has to make room. */
  private readonly pointer: usize = allocate(BP_SIZE);

  constructor(
    /** Of the pool, for reports. */
    readonly name: string,
    /** The key of some checksums, SALT_SIZE bytes; zeros until it was read. */
    readonly salt: usize,
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
    const known = !embedded ? this.cache.find(bp) : null;
    if (known !== null) return known;
    const size = bpLogicalSize(bp);
    const larger = max(size, bpPhysicalSize(bp));
    if (larger > BLOCK_SIZE_MAX) {
      damaged(this.name, `ZFS block pointer: size ${larger}`, EIO);
      return null;
    }
    memory.copy(this.pointer, bp, BP_SIZE);
    const block = this.cache.add(size);
    const before = badReadCount();
    const error = this.readBlock(this.pointer, block.data, 0);
    if (error == 0 && badReadCount() != before) countHealed();
    if (error != 0) {
      setErrno(error);
      return null;
    }
    if (!embedded) this.cache.keep(block, this.pointer);
    return block;
  }

  /**
   * The bytes of the block behind the pointer at `bp`, which isn't kept, and of which `room` has space for all. They are there, in
   * what is kept, or in what was fetched ahead, where it may be `verified`. 0 when it isn't so simple, as with a bad copy: `block`
   * tries all there is.
   */
  passing(bp: usize, room: usize, verified: bool): usize {
    if (bpEmbedded(bp)) return readEmbedded(bp, room) == 0 ? room : 0;
    const known = this.cache.find(bp);
    if (known !== null) return known.data;
    const vdev = !dvaGang(bp) ? this.top(dvaDevice(bp)) : null;
    if (vdev === null) return 0;
    useSalt(this.salt);
    burn(16);
    const physical = bpPhysicalSize(bp);
    const size = bpLogicalSize(bp);
    if (physical > SMALL_MAX) return 0;
    const plain = bpPlain(bp);
    const ahead = vdev.peek(dvaOffset(bp), physical);
    if (ahead != 0) {
      if (!verified && !verifyBlock(bp, ahead, this.name)) return 0;
      if (plain) return ahead;
      return decompress(bpCompression(bp), ahead, physical, room, size) ? room : 0;
    }
    const raw = plain ? room : allocate(<usize>physical);
    const before = badReadCount();
    let good = vdev.read(bp, raw, dvaOffset(bp), physical, 0) == 0;
    if (good && !plain) good = decompress(bpCompression(bp), raw, physical, room, size);
    if (!plain) heap.free(raw);
    if (good && badReadCount() != before) countHealed();
    return good ? room : 0;
  }

  /**
   * Verifies those of `count` (64 at most) blocks that were fetched ahead in one piece and have a SHA-256: by fours, which is faster.
   * Returns a bit for each that is good; nothing is said of the others.
   */
  verifyAhead(pointers: usize, count: u32): u64 {
    let good: u64 = 0;
    let lanes = 0;
    for (let i: u32 = 0; i < count; i++) {
      const bp = pointers + ((<usize>i) << BP_SHIFT);
      if (bpHole(bp) || bpEmbedded(bp) || dvaGang(bp) || bpChecksum(bp) != CHECKSUM_SHA256) continue;
      const vdev = this.top(dvaDevice(bp));
      const ahead = vdev !== null ? vdev.peek(dvaOffset(bp), bpPhysicalSize(bp)) : 0;
      if (ahead == 0) continue;
      quartet[lanes++] = i;
      laneBlock(lanes - 1, ahead, bpPhysicalSize(bp));
      if (lanes < LANES) continue;
      lanes = 0;
      makeLanes();
      for (let k = 0; k < LANES; k++) {
        if (laneMatches(k, pointers + ((<usize>quartet[k]) << BP_SHIFT))) good |= (<u64>1) << (<u64>quartet[k]);
      }
    }
    return good;
  }

  /** Fetches ahead what the first of `count` pointers lead to. Returns how many it was enough for, one at least. */
  readAhead(pointers: usize, count: u32): u32 {
    let size = this.planAhead(pointers, count);
    // With all that lies between them they may be too much.
    for (; size > <u64>AHEAD_MAX && count > 1; size = this.planAhead(pointers, count)) {
      count = max(min(<u32>((<u64>count * <u64>AHEAD_MAX) / size), count - 1), 1);
    }
    if (size > <u64>AHEAD_MAX || size == 0) return count;
    // Members of groups fetch whole rows of sectors.
    startAhead(<u32>size + ROWS_MAX);
    for (let i = 0; i < this.spans; i++) {
      const vdev = this.top(pieces[i].vdev);
      if (vdev !== null) vdev.readAhead(pieces[i].offset, <u32>pieces[i].size);
    }
    return count;
  }

  /** Finds out what to fetch for `count` pointers: the first `spans` pieces. Returns the bytes. */
  private planAhead(pointers: usize, count: u32): u64 {
    let used = 0;
    for (let i: u32 = 0; i < count; i++) {
      const bp = pointers + ((<usize>i) << BP_SHIFT);
      if (bpHole(bp) || bpEmbedded(bp) || this.cache.find(bp) !== null) continue;
      // The size of a gang block's address is that of all its parts, which often follow its header.
      this.addPiece(used++, dvaDevice(bp), dvaOffset(bp), max(dvaSize(bp), <u64>bpPhysicalSize(bp)));
    }
    let total: u64 = 0;
    this.spans = 0;
    for (let i = 0; i < used; ) {
      const vdev = pieces[i].vdev;
      const start = pieces[i].offset;
      let size = pieces[i].size;
      const top = this.top(vdev);
      const gap = top !== null ? top.worthwhileGap() : 0;
      for (i++; i < used && pieces[i].vdev == vdev && pieces[i].offset - start <= size + gap; i++) {
        size = max(size, pieces[i].offset - start + pieces[i].size);
      }
      const span = pieces[this.spans++];
      span.vdev = vdev;
      span.offset = start;
      span.size = size;
      total += size;
    }
    return total;
  }

  /** Puts a piece in its place among the first `count`. */
  private addPiece(count: i32, vdev: u64, offset: u64, size: u64): void {
    if (count == pieces.length) pieces.push(new Piece());
    const piece = pieces[count];
    piece.vdev = vdev;
    piece.offset = offset;
    piece.size = size;
    for (let i = count; i > 0; i--) {
      const before = pieces[i - 1];
      if (before.vdev < vdev || (before.vdev == vdev && before.offset <= offset)) break;
      pieces[i] = before;
      pieces[i - 1] = piece;
    }
  }

  /** Forgets what was fetched ahead. */
  forgetAhead(): void {
    for (let i = 0; i < this.tops.length; i++) this.tops[i].forgetAhead();
  }

  /** Room for the `size` bytes that will be decompressed to `dst`; of the heap, unless they are many. */
  private rawRoom(bp: usize, dst: usize, size: u32, depth: i32): usize {
    if (size <= SMALL_MAX || depth > 0) return allocate(<usize>size);
    const end = roomBehind(dst);
    // LZ4 may be decompressed onto itself: what is written never reaches what is still to be read.
    return bpCompression(bp) == COMPRESS_LZ4 && size < bpLogicalSize(bp) && end != 0
      ? end - <usize>size
      : rawRegion.need(size);
  }

  /** Reads the block behind `bp` to `dst`, which has room for its logical size. Returns an errno. */
  private readBlock(bp: usize, dst: usize, depth: i32): i32 {
    burn(16);
    if (bpEmbedded(bp)) return readEmbedded(bp, dst);
    useSalt(this.salt);
    const physical = bpPhysicalSize(bp);
    const size = bpLogicalSize(bp);
    const plain = bpPlain(bp);
    let error = EIO;
    for (let i = 0; i < BP_COPIES && error != 0; i++) {
      const dva = bp + <usize>i * DVA_SIZE;
      if (dvaNone(dva)) continue;
      const vdev = this.top(dvaDevice(dva));
      if (vdev === null) continue;
      const raw = plain ? dst : this.rawRoom(bp, dst, physical, depth);
      error = dvaGang(dva) ? this.readGang(bp, raw, physical, depth) : vdev.read(bp, raw, dvaOffset(dva), physical, 0);
      if (plain) continue;
      if (error == 0 && !decompress(bpCompression(bp), raw, physical, dst, size)) error = EIO;
      if (physical <= SMALL_MAX || depth > 0) heap.free(raw);
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
      if (dvaNone(dva)) continue;
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
      if (max(partSize, bpPhysicalSize(part)) > size - at)
        error = damaged(this.name, `ZFS gang block: parts larger than ${size} bytes`, EIO);
      else error = this.readBlock(part, dst + <usize>at, depth + 1);
      at += partSize;
    }
    heap.free(header);
    if (error == 0 && at != size) return damaged(this.name, `ZFS gang block: parts of ${at} bytes, not ${size}`, EIO);
    return error == 0 && !verifyBlock(bp, dst, this.name) ? EIO : error;
  }

  /** Bytes of the header of the gang block at `bp` where headers fill what a vdev gives at least. */
  private gangSize(bp: usize): u32 {
    let size = BLOCK_SIZE_MAX;
    for (let i = 0; i < BP_COPIES; i++) {
      const dva = bp + <usize>i * DVA_SIZE;
      const vdev = !dvaNone(dva) ? this.top(dvaDevice(dva)) : null;
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
