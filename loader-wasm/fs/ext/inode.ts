// ext inodes: decoding, and where the bytes of a file are, by addresses of blocks, by a tree of extents, or in the inode itself.

import { stringAt } from "../../lib/bytes";
import { rawCrc32c } from "../../lib/digests/crc32";
import { EIO } from "../../lib/errno";
import { allocate, burn, damaged } from "../../lib/fault";
import { sumsAgree } from "../../lib/variant";
import { ADDRESSES, BlockContent } from "../blocks";
import { foundRun, HOLE, readWhole } from "../content";
import { S_IFDIR, S_IFLNK, S_IFREG } from "../file_system";
import {
  A_HEAD_SIZE,
  A_MAGIC,
  A_NAME,
  A_NAME_INDEX,
  A_NAME_LENGTH,
  A_VALUE,
  A_VALUE_INODE,
  A_VALUE_SIZE,
  E_BLOCK,
  E_LEAF_HIGH,
  E_LEAF_LOW,
  E_LENGTH,
  E_START_HIGH,
  E_START_LOW,
  EXTENT_DEPTH_MAX,
  EXTENT_LENGTH_MAX,
  EXTENT_MAGIC,
  EXTENT_SIZE,
  FLAG_COMPRESSED,
  FLAG_ENCRYPTED,
  FLAG_EXTENTS,
  FLAG_INLINE,
  I_BLOCKS,
  I_BLOCKS_SIZE,
  I_CHECKSUM_HIGH,
  I_CHECKSUM_LOW,
  I_EXTRA_SIZE,
  I_FLAGS,
  I_GENERATION,
  I_GID_HIGH,
  I_GID_LOW,
  I_MODE,
  I_SIZE_HIGH,
  I_SIZE_LOW,
  I_UID_HIGH,
  I_UID_LOW,
  INCOMPATIBLE_LARGE_DIRECTORIES,
  INLINE_INDEX,
  INLINE_NAME,
  INODE_SIZE_OLD,
  X_DEPTH,
  X_ENTRIES,
  X_MAGIC,
  X_ROOM,
} from "./layout";
import { Superblock, seedOf } from "./superblock";

/** The node of a tree of extents that was read last: of which inode, and its block. */
let node: usize = 0;
let nodeInode: Inode | null = null;
let nodeBlock: u64 = 0;

/** A file, directory or link. */
export class Inode extends BlockContent {
  readonly flags: u32;
  /** What checksums of its blocks begin with. */
  readonly seed: u32;
  private readonly size: u64;
  /** The addresses of blocks as bytes: the root of a tree of extents. */
  private readonly root: StaticArray<u8> = new StaticArray<u8>(<i32>I_BLOCKS_SIZE);
  /** Whether the bytes are in the inode, and where there those behind the first 60 are. */
  readonly isInline: bool;
  private inlineMore: u32 = 0;

  /** Decodes inode `number`, in memory at `src`, which is at `offset` of the volume. */
  constructor(
    readonly superblock: Superblock,
    readonly number: u32,
    private readonly offset: u64,
    src: usize,
  ) {
    super(superblock.volume, superblock.blockSize, superblock.blockSize, 4, superblock.blocks);
    this.mode = <u32>load<u16>(src, I_MODE);
    this.uid = <u32>load<u16>(src, I_UID_LOW) | ((<u32>load<u16>(src, I_UID_HIGH)) << 16);
    this.gid = <u32>load<u16>(src, I_GID_LOW) | ((<u32>load<u16>(src, I_GID_HIGH)) << 16);
    this.flags = load<u32>(src, I_FLAGS);
    this.seed = seedOf(seedOf(superblock.seed, number), load<u32>(src, I_GENERATION));
    // What is the upper half of a file's size is something else in old directories.
    const large = (superblock.incompatible & INCOMPATIBLE_LARGE_DIRECTORIES) != 0;
    const hasHigh = this.isKind(S_IFREG) || (this.isKind(S_IFDIR) && large);
    this.size = <u64>load<u32>(src, I_SIZE_LOW) | (hasHigh ? (<u64>load<u32>(src, I_SIZE_HIGH)) << 32 : 0);
    for (let i = 0; i < ADDRESSES; i++) this.addresses[i] = <u64>load<u32>(src + ((<usize>i) << 2), I_BLOCKS);
    memory.copy(changetype<usize>(this.root), src + I_BLOCKS, <usize>I_BLOCKS_SIZE);
    const isShortLink = this.isKind(S_IFLNK) && this.size < <u64>I_BLOCKS_SIZE && (this.flags & FLAG_EXTENTS) == 0;
    this.isInline = isShortLink || (this.flags & FLAG_INLINE) != 0;
  }

  length(): u64 {
    return this.size;
  }

  title(): string {
    return `ext inode ${this.number}`;
  }

  damaged(what: string, code: i32): i32 {
    return damaged(this.volume.where(this.offset), `${this.title()}: ${what}`, code);
  }

  private bad(what: string): bool {
    this.damaged(what, EIO);
    return false;
  }

  /** Whether the inode in memory at `src` is what it says, which is changed there. False and errno. */
  check(src: usize): bool {
    const size = this.superblock.inodeSize;
    const extra: u32 = size > INODE_SIZE_OLD ? <u32>load<u16>(src, I_EXTRA_SIZE) : 0;
    if (extra > size - INODE_SIZE_OLD) return this.bad(`extra size ${extra}`);
    if (this.superblock.checksums) {
      let checksum = <u32>load<u16>(src, I_CHECKSUM_LOW);
      let mask: u32 = 0xffff;
      store<u16>(src, 0, I_CHECKSUM_LOW);
      if (extra >= 4) {
        checksum |= (<u32>load<u16>(src, I_CHECKSUM_HIGH)) << 16;
        mask = u32.MAX_VALUE;
        store<u16>(src, 0, I_CHECKSUM_HIGH);
      }
      if (!sumsAgree(rawCrc32c(src, size, this.seed) & mask, checksum)) return this.bad("checksum");
    }
    if (this.mode == 0) return this.bad("not in use");
    if (this.flags & FLAG_ENCRYPTED) return this.bad("encrypted");
    if (this.flags & FLAG_COMPRESSED) return this.bad("compressed");
    if (!this.isInline || this.size <= <u64>I_BLOCKS_SIZE) return true;
    return this.findInline(src, INODE_SIZE_OLD + extra);
  }

  /** Looks for the attribute that inline data goes on in, among those `from` there on. False and errno. */
  private findInline(src: usize, from: u32): bool {
    const size = this.superblock.inodeSize;
    const wanted = this.size - <u64>I_BLOCKS_SIZE;
    const first = from + A_HEAD_SIZE;
    if (from + A_HEAD_SIZE <= size && load<u32>(src + <usize>from) == A_MAGIC) {
      for (let at = first; at + <u32>A_NAME <= size && load<u32>(src + <usize>at) != 0; ) {
        const entry = src + <usize>at;
        const nameLength = <u32>load<u8>(entry, A_NAME_LENGTH);
        if (nameLength > size - at - <u32>A_NAME) break;
        const isData =
          load<u8>(entry, A_NAME_INDEX) == INLINE_INDEX && stringAt(entry + A_NAME, <i32>nameLength) == INLINE_NAME;
        if (isData) {
          const value = first + <u32>load<u16>(entry, A_VALUE);
          const length = load<u32>(entry, A_VALUE_SIZE);
          if (load<u32>(entry, A_VALUE_INODE) != 0 || value > size || length > size - value || wanted > <u64>length)
            break;
          this.inlineMore = value;
          return true;
        }
        at += (<u32>A_NAME + nameLength + 3) & ~3;
      }
    }
    return this.bad(`inline data: ${this.size} bytes aren't there`);
  }

  map(position: u64, limit: u64): bool {
    if (this.isInline) {
      const size = <u64>I_BLOCKS_SIZE;
      if (position < size) return foundRun(this.offset + <u64>I_BLOCKS + position, size - position);
      return foundRun(this.offset + <u64>this.inlineMore + position - size, this.size - position);
    }
    return this.flags & FLAG_EXTENTS ? this.mapExtent(position, limit) : super.map(position, limit);
  }

  /** Goes down the tree to the extent that has `position`, or to the gap. False and errno. */
  private mapExtent(position: u64, limit: u64): bool {
    const blockSize = <u64>this.blockSize;
    const number = position / blockSize;
    const within = position % blockSize;
    // Where what this node has ends.
    let end: u64 = <u64>u32.MAX_VALUE + 1;
    if (number >= end) return this.bad(`block ${number} is beyond what extents can tell`);
    let at = changetype<usize>(this.root);
    let room = I_BLOCKS_SIZE / EXTENT_SIZE - 1;
    let depth = EXTENT_DEPTH_MAX + 1;
    while (true) {
      const entries = <u32>load<u16>(at, X_ENTRIES);
      const below = <u32>load<u16>(at, X_DEPTH);
      const first = depth > EXTENT_DEPTH_MAX;
      if (
        load<u16>(at, X_MAGIC) != EXTENT_MAGIC ||
        entries > room ||
        (first ? below > EXTENT_DEPTH_MAX : below != depth - 1)
      ) {
        return this.bad(`extents: node of ${entries} entries, ${below} levels above the last one`);
      }
      depth = below;
      // The last entry that doesn't begin behind what is looked for.
      let found: usize = 0;
      for (let i: u32 = 0; i < entries; i++) {
        const entry = at + <usize>((i + 1) * EXTENT_SIZE);
        const start = <u64>load<u32>(entry, E_BLOCK);
        if (start > number) {
          end = min(end, start);
          break;
        }
        found = entry;
      }
      burn(1 + <i64>(entries >> 4));
      if (found == 0) return foundRun(HOLE, min((end - number) * blockSize - within, limit));
      if (depth == 0) return this.takeExtent(found, number, within, end);
      const block = <u64>load<u32>(found, E_LEAF_LOW) | ((<u64>load<u16>(found, E_LEAF_HIGH)) << 32);
      if (!this.readNode(block)) return false;
      at = node;
      room = this.blockSize / EXTENT_SIZE - 1;
    }
  }

  /** The run in the extent at `entry`, or behind it up to the file's block `end`. */
  private takeExtent(entry: usize, number: u64, within: u64, end: u64): bool {
    const blockSize = <u64>this.blockSize;
    const first = <u64>load<u32>(entry, E_BLOCK);
    const length = <u32>load<u16>(entry, E_LENGTH);
    const unwritten = length > EXTENT_LENGTH_MAX;
    const count = <u64>(unwritten ? length - EXTENT_LENGTH_MAX : length);
    const start = <u64>load<u32>(entry, E_START_LOW) | ((<u64>load<u16>(entry, E_START_HIGH)) << 32);
    if (count == 0 || first + count > end || start + count > this.superblock.blocks || start == 0) {
      return this.bad(`extent of ${count} blocks for block ${first}, at block ${start}`);
    }
    const skipped = number - first;
    if (skipped >= count) return foundRun(HOLE, (end - number) * blockSize - within);
    const size = (count - skipped) * blockSize - within;
    return foundRun(unwritten ? HOLE : (start + skipped) * blockSize + within, size);
  }

  /** Makes `node` the node of the tree in block `block`. False and errno. */
  private readNode(block: u64): bool {
    if (nodeInode === this && nodeBlock == block) return true;
    const size = this.blockSize;
    if (block >= this.superblock.blocks) return this.bad(`extents: node at block ${block}`);
    nodeInode = null;
    if (node != 0) heap.free(node);
    node = allocate(<usize>size);
    if (!readWhole(this.volume, block * <u64>size, node, size, `${this.title()}: extents`)) return false;
    if (this.superblock.checksums) {
      const tail = <u32>load<u16>(node, X_ROOM) * EXTENT_SIZE + EXTENT_SIZE;
      const good = tail <= size - 4 && sumsAgree(rawCrc32c(node, tail, this.seed), load<u32>(node + <usize>tail));
      if (!good) return this.bad(`extents: checksum of the node at block ${block}`);
    }
    nodeInode = this;
    nodeBlock = block;
    return true;
  }
}

/** Reads inode `number`; null and errno. */
export function readInode(superblock: Superblock, number: u32): Inode | null {
  const offset = superblock.inodeOffset(number);
  if (offset < 0) return null;
  const size = superblock.inodeSize;
  const block = allocate(<usize>size);
  let found: Inode | null = null;
  if (readWhole(superblock.volume, <u64>offset, block, size, `ext inode ${number}`)) {
    const inode = new Inode(superblock, number, <u64>offset, block);
    if (inode.check(block)) found = inode;
  }
  heap.free(block);
  return found;
}
