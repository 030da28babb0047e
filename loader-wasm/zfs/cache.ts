// The blocks of a pool that are kept decompressed, since much is read of few: pointers, dnodes, directories, and a file
// piece by piece. Those that were used longest ago make room; of very large ones there is a single one.

import { allocate } from "../lib/fault";
import { Region } from "../lib/region";
import { BLOCK_SIZE_MAX, BP_BIRTH, BP_PROPERTIES } from "./layout";

/** A block as its pointer describes it, decompressed. The pool owns it: it is good until the next one is asked for. */
export class Block {
  /** What it was read by. */
  private word0: u64 = 0;
  private word1: u64 = 0;
  private properties: u64 = 0;
  private birth: u64 = 0;
  /** When it was used last; 0 for what is not to be found again. */
  stamp: u64 = 0;

  constructor(
    readonly size: u32,
    readonly data: usize,
  ) {}

  /** Whether it is what the pointer at `bp` leads to. */
  isOf(bp: usize): bool {
    return (
      this.stamp != 0 &&
      this.word1 == load<u64>(bp, 8) &&
      this.word0 == load<u64>(bp) &&
      this.birth == load<u64>(bp, BP_BIRTH) &&
      // A pointer that says another size of it is a forged one.
      this.properties == load<u64>(bp, BP_PROPERTIES)
    );
  }

  /** It has been filled with what the pointer at `bp` leads to. */
  filled(bp: usize): void {
    this.word0 = load<u64>(bp);
    this.word1 = load<u64>(bp, 8);
    this.birth = load<u64>(bp, BP_BIRTH);
    this.properties = load<u64>(bp, BP_PROPERTIES);
  }
}

/** Bytes and number of blocks that are kept. */
const CACHE_SIZE: u32 = 2 << 20;
const CACHE_BLOCKS: i32 = 64;
/** Of those that are larger there is one, over all pools. */
export const SMALL_MAX: u32 = 1 << 20;
/** It has room for so much, or for the largest that there is; and some more, so that LZ4 can be decompressed in it. */
const LARGE_SIZE: u32 = 4 << 20;
const LARGE_MARGIN: u32 = 128 << 10;
const region = new Region();
let largeOwner: BlockCache | null = null;

/** Where the room of the large block ends, if that is at `address`; else 0. */
export function roomBehind(address: usize): usize {
  return region.size > 0 && address == region.need(0) ? address + <usize>region.size : 0;
}

/** Blocks, found by their pointers. */
export class BlockCache {
  private readonly blocks: Block[] = [];
  private size: u32 = 0;
  private large: Block | null = null;
  private clock: u64 = 0;

  /** What the pointer at `bp` leads to, when it is known. */
  find(bp: usize): Block | null {
    const large = this.large;
    if (large !== null && largeOwner == this && large.isOf(bp)) return large;
    for (let i = 0; i < this.blocks.length; i++) {
      const block = this.blocks[i];
      if (!block.isOf(bp)) continue;
      block.stamp = ++this.clock;
      return block;
    }
    return null;
  }

  /** A block of `size` bytes to fill, for which others make room. */
  add(size: u32): Block {
    if (size > SMALL_MAX) {
      const block = new Block(size, region.need((size <= LARGE_SIZE ? LARGE_SIZE : BLOCK_SIZE_MAX) + LARGE_MARGIN));
      this.large = block;
      largeOwner = this;
      return block;
    }
    while (this.size + size > CACHE_SIZE || this.blocks.length >= CACHE_BLOCKS) this.forget();
    const block = new Block(size, allocate(<usize>size));
    this.blocks.push(block);
    this.size += size;
    return block;
  }

  /** Says that the block, just added, is what the pointer at `bp` leads to. */
  keep(block: Block, bp: usize): void {
    block.filled(bp);
    block.stamp = ++this.clock;
  }

  /** Forgets the block that was used longest ago. */
  private forget(): void {
    let oldest = 0;
    for (let i = 1; i < this.blocks.length; i++) if (this.blocks[i].stamp < this.blocks[oldest].stamp) oldest = i;
    const block = this.blocks[oldest];
    this.blocks[oldest] = this.blocks[this.blocks.length - 1];
    this.blocks.pop();
    this.size -= block.size;
    heap.free(block.data);
  }
}
