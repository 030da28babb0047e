// The heap of ALLOCATE. What is free and what is given out is kept outside of the scripts' memory, so that nothing
// they store can break it: a table of blocks in the order of their addresses.

import { allocate, burn } from "../../lib/fault";
import { addOwn } from "./memory";

/** Most bytes of one block, and of all that the heap has. */
const BLOCK_LIMIT: i64 = 4 * 1024 * 1024;
const HEAP_LIMIT: usize = 8 * 1024 * 1024;
/** Least bytes that it takes from the module's memory at a time. */
const EXTENT: usize = 512 * 1024;
let heapSize: usize = 0;

/** A block that is given out, or free. */
@unmanaged
class Block {
  start: u32;
  /** Bytes, and GIVEN while it's given out. */
  size: u32;
}
const GIVEN: u32 = 1;
const FIRST_BLOCKS: i32 = 512;
/** All blocks, in the order of their addresses. */
let blocks: usize = 0;
let blockCount: i32 = 0;
let blockRoom: i32 = 0;
/** Blocks begin at multiples of this, and have multiples of it. */
const ALIGNMENT: usize = 16;
/** The block that was taken back last, not free yet; 0 when there is none. */
let lastFreed: usize = 0;
/** Blocks that can be looked through for one step of fuel. */
const BLOCKS_PER_FUEL: i32 = 16;

function blockAt(index: i32): Block {
  return changetype<Block>(blocks + <usize>index * offsetof<Block>());
}

/** Puts a block before block `index`. */
function insertBlock(index: i32, start: usize, size: u32): void {
  if (blockCount == blockRoom) {
    blockRoom = 2 * blockRoom + FIRST_BLOCKS;
    const larger = allocate(<usize>blockRoom * offsetof<Block>());
    memory.copy(larger, blocks, <usize>blockCount * offsetof<Block>());
    if (blocks != 0) heap.free(blocks);
    blocks = larger;
  }
  const at = blocks + <usize>index * offsetof<Block>();
  memory.copy(at + offsetof<Block>(), at, <usize>(blockCount - index) * offsetof<Block>());
  const block = blockAt(index);
  block.start = <u32>start;
  block.size = size;
  blockCount++;
}

function removeBlock(index: i32): void {
  const at = blocks + <usize>index * offsetof<Block>();
  memory.copy(at, at + offsetof<Block>(), <usize>(blockCount - index - 1) * offsetof<Block>());
  blockCount--;
}

/** Room for `size` bytes, or 0. */
export function allocateBlock(size: i64): usize {
  // Rounding up makes a small size of -1, as in the reference.
  const needed = <u32>max(<i64>ALIGNMENT, (size + <i64>ALIGNMENT - 1) & -(<i64>ALIGNMENT));
  if (size < -(<i64>ALIGNMENT) || size > BLOCK_LIMIT) return 0;
  burn(blockCount / BLOCKS_PER_FUEL);
  let start = takeBlock(needed);
  if (start == 0 && lastFreed != 0) {
    releaseLast();
    start = takeBlock(needed);
  }
  if (start == 0 && addExtent(needed)) start = takeBlock(needed);
  return start;
}

/** Gives out the first free block of `needed` bytes; 0 when there is none. */
function takeBlock(needed: u32): usize {
  for (let i = 0; i < blockCount; i++) {
    const block = blockAt(i);
    const free = block.size;
    if ((free & GIVEN) != 0 || free < needed) continue;
    const start = <usize>block.start;
    block.size = needed | GIVEN;
    if (free > needed) insertBlock(i + 1, start + <usize>needed, free - needed);
    return start;
  }
  return 0;
}

/** Gives the heap room for a block of `needed` bytes. False when that would be more than it may have. */
function addExtent(needed: u32): bool {
  const size = max(<usize>needed, EXTENT);
  if (size > HEAP_LIMIT - heapSize) return false;
  const start = allocate(size);
  if (!addOwn(start, size)) return false;
  heapSize += size;
  let index = 0;
  while (index < blockCount && <usize>blockAt(index).start < start) index++;
  insertBlock(index, start, <u32>size);
  return true;
}

/** Index of the block at `start` that is given out, or -1. */
function find(start: usize): i32 {
  let low = 0;
  let high = blockCount - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const block = blockAt(middle);
    if (<usize>block.start == start) return (block.size & GIVEN) != 0 ? middle : -1;
    if (<usize>block.start < start) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** Size of the block at `start`, or -1 when there is none. */
export function blockSize(start: usize): i64 {
  const index = start == lastFreed ? -1 : find(start);
  return index < 0 ? -1 : blockAt(index).size & ~GIVEN;
}

/** Makes one of free block `index` and the next one, when that is free and begins where the first ends. */
function joinNext(index: i32): void {
  if (index + 1 >= blockCount) return;
  const block = blockAt(index);
  const next = blockAt(index + 1);
  if (((block.size | next.size) & GIVEN) != 0 || block.start + block.size != next.start) return;
  block.size = block.size + next.size;
  removeBlock(index + 1);
}

/**
 * Takes a block back. False when it was not given out. It can be given out again once the next one was taken back:
 * the scripts of FreeBSD up to 8 free the list of their configuration files, make the new one and see by its address
 * that there is one. In the reference's heap, with the loader's own blocks in it, the address is another one.
 */
export function freeBlock(start: usize): bool {
  if (start == 0 || start == lastFreed || find(start) < 0) return false;
  burn(blockCount / BLOCKS_PER_FUEL);
  releaseLast();
  lastFreed = start;
  return true;
}

function releaseLast(): void {
  const index = find(lastFreed);
  lastFreed = 0;
  if (index < 0) return;
  const block = blockAt(index);
  block.size = block.size & ~GIVEN;
  joinNext(index);
  if (index > 0) joinNext(index - 1);
}
