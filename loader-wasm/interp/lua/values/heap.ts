// Memory of the Lua VM: blocks of size classes, taken from the module's memory in chunks and given back to
// free lists. What scripts may have in all is counted here; objects are linked into one list for the collector.

import { burn, die } from "../../../lib/fault";
import { FAULT_MEMORY } from "../../../protocol";
import { LuaObject } from "./objects";

/** Bytes of live and dead blocks. */
export let heapUsed: usize = 0;
/** The collector runs when `heapUsed` passes this. */
export let collectAt: usize = 256 * 1024;
/** Least distance to the next collection. */
const COLLECT_STEP: usize = 256 * 1024;
/** The object that was made last: the head of the list that the collector sweeps. */
export let newestObject: LuaObject | null = null;

/** Sets it; for the collector, which frees objects. */
export function setNewestObject(object: LuaObject | null): void {
  newestObject = object;
}

/** Most memory that is used between two collections, so that garbage never takes what the living need. */
const COLLECT_STEP_MOST: usize = 8 * 1024 * 1024;

/** Sets when to collect again: when as much again is used, within bounds. */
export function planCollection(): void {
  collectAt = heapUsed + min(max(heapUsed, COLLECT_STEP), COLLECT_STEP_MOST);
}

/** Small classes: multiples of 16 bytes. */
const SMALL_SHIFT: i32 = 4;
const SMALL_LIMIT: usize = 512;
const SMALL_CLASSES: i32 = 33;

/** Free lists in order of their blocks' sizes: the small ones, then four large ones to each doubling, up to 1 GiB. */
const LISTS: i32 = 33 + 96;
const lists: usize = memory.data((33 + 96) * 4);
/** Bytes taken from the module's memory at a time; growing it costs more than what isn't used. */
const CHUNK: usize = 256 * 1024;
const PAGE_SHIFT: i32 = 16;
/** The first chunk is half of what the module has at the start, which it needn't grow for. */
const FIRST_CHUNK: usize = (((<usize>memory.size()) << PAGE_SHIFT) - __heap_base) >> 1;
let chunkAt: usize = heap.alloc(FIRST_CHUNK);
let chunkEnd: usize = chunkAt + FIRST_CHUNK;

/** Largest block. */
export const BLOCK_LIMIT: usize = 0x30000000;

/** What the blocks of the class have that was asked for last. */
let classSize: usize = 0;

/** Class of a block of `size` > SMALL_LIMIT bytes, and in `classSize` what such a block has. */
function largeClass(size: usize): i32 {
  const bits = 31 - clz<u32>(<u32>(size - 1));
  // Quarter steps between 2^bits and 2^(bits+1).
  const step: usize = (<usize>1) << (bits - 2);
  const base: usize = (<usize>1) << bits;
  const quarter = (size - base + step - 1) >> (bits - 2);
  classSize = base + quarter * step;
  return (bits - 9) * 4 + <i32>quarter;
}

/** The free list for blocks of `size` bytes, and in `classSize` what they have. */
function listFor(size: usize): usize {
  if (size > SMALL_LIMIT) return lists + <usize>((SMALL_CLASSES + largeClass(size)) << 2);
  classSize = (size + 15) & ~15;
  return lists + ((classSize >> SMALL_SHIFT) << 2);
}

/** Puts a block into its free list. */
function addFree(list: usize, block: usize): void {
  store<u32>(block, load<u32>(list));
  store<u32>(list, <u32>block);
}

/** Bytes of module memory, or 0 when there are no more. */
function carve(size: usize): usize {
  if (size > chunkEnd - chunkAt) {
    // The rest of the chunk serves as small blocks.
    while (chunkEnd - chunkAt >= 16) {
      const rest = min(chunkEnd - chunkAt, SMALL_LIMIT);
      addFree(lists + ((rest >> SMALL_SHIFT) << 2), chunkAt);
      chunkAt += rest;
    }
    let pages = <i32>((max(size, CHUNK) + 0xffff) >> PAGE_SHIFT);
    let before = memory.grow(pages);
    if (before < 0 && size < CHUNK) {
      pages = <i32>((size + 0xffff) >> PAGE_SHIFT);
      before = memory.grow(pages);
    }
    if (before < 0) return 0;
    chunkAt = (<usize>before) << PAGE_SHIFT;
    chunkEnd = chunkAt + ((<usize>pages) << PAGE_SHIFT);
    burn(pages);
  }
  const block = chunkAt;
  chunkAt += size;
  return block;
}

/** Bytes of the blocks in list `index`. */
function sizeOfList(index: i32): usize {
  if (index < SMALL_CLASSES) return (<usize>index) << SMALL_SHIFT;
  const large = index - SMALL_CLASSES;
  const base: usize = (<usize>1) << (9 + (large >> 2));
  return base + <usize>(large & 3) * (base >> 2);
}

/** When there is no more memory: `size` bytes of a larger free block, whose rest is free for others. Or 0. */
function split(size: usize): usize {
  let index = size <= SMALL_LIMIT ? <i32>(size >> SMALL_SHIFT) : SMALL_CLASSES + largeClass(size);
  while (++index < LISTS) {
    const list = lists + ((<usize>index) << 2);
    const block = <usize>load<u32>(list);
    if (block == 0) continue;
    store<u32>(list, load<u32>(block));
    burn(1);
    let rest = block + size;
    let left = sizeOfList(index) - size;
    // Pieces as large as there are lists for.
    for (let smaller = index - 1; smaller > 0; smaller--) {
      // The first large list has the size of the last small one, and no blocks.
      if (smaller == SMALL_CLASSES) continue;
      const piece = sizeOfList(smaller);
      for (; piece <= left; left -= piece) {
        addFree(lists + ((<usize>smaller) << 2), rest);
        rest += piece;
      }
    }
    return block;
  }
  return 0;
}

/** A block of at least `size` bytes, contents undefined; 0 when there is no memory for it. */
export function tryAllocate(size: usize): usize {
  if (size > BLOCK_LIMIT) return 0;
  const list = listFor(size);
  const whole = classSize;
  let block = <usize>load<u32>(list);
  if (block != 0) {
    store<u32>(list, load<u32>(block));
  } else {
    block = carve(whole);
    if (block == 0) block = split(whole);
    if (block == 0) return 0;
  }
  heapUsed += whole;
  return block;
}

/** Like `tryAllocate`; ends the session when there is no memory. For what is small, or checked by `hasRoom` before. */
export function allocateBlock(size: usize): usize {
  const block = tryAllocate(size);
  if (block == 0) die(FAULT_MEMORY, `Lua block of ${size} bytes`);
  return block;
}

/** Gives a block back; `size` is what was asked for. */
export function freeBlock(block: usize, size: usize): void {
  const list = listFor(size);
  heapUsed -= classSize;
  addFree(list, block);
}

/** Whether a block of `size` bytes could be had now. */
export function hasRoom(size: usize): bool {
  const block = tryAllocate(size);
  if (block == 0) return false;
  freeBlock(block, size);
  return true;
}

/** A new object of `size` bytes with header `kind`, in the collector's list. */
export function newObject(kind: u32, size: usize): LuaObject {
  const object = changetype<LuaObject>(allocateBlock(size));
  object.next = newestObject;
  // The mark and the kind's own two bytes begin as zeros.
  store<u32>(object.address, kind, offsetof<LuaObject>("kind"));
  newestObject = object;
  return object;
}

/** Whether the collector has seen `object` in this round. */
export function isMarked(object: LuaObject): bool {
  return object.mark != 0;
}
