// The memory map for the kernel, in the form of the BIOS's E820 entries (sys/x86/include/bios.h).

import { highMemory, lowMemory } from "../lib/guest";
import { MODINFOMD_SMAP, PreloadedFile } from "../load/preloaded";
import { getmap } from "../protocol";

/** Base and length (u64), type (u32). */
const ENTRY_SIZE: u32 = 20;
/** Entries that a caller's map may have. */
const ENTRY_LIMIT: i32 = 128;
const TYPE_MEMORY: u32 = 1;

/** Memory below the video memory's hole, where extended memory begins, and where high memory does. */
const BASE_MEMORY: u64 = 0xa0000;
const EXTENDED_START: u64 = 0x100000;
const HIGH_START: u64 = 0x100000000;

const map: usize = memory.data(2560, 8);

/** Adds the map to `kernel`'s metadata: the caller's, or one made from the sizes. */
export function addMemoryMap(kernel: PreloadedFile): void {
  let count = 0;
  while (count < ENTRY_LIMIT && getmap(count, map + count * ENTRY_SIZE) == 0) count++;
  if (count == 0) {
    count = addEntry(count, 0, BASE_MEMORY);
    count = addEntry(count, EXTENDED_START, lowMemory() - EXTENDED_START);
    const high = highMemory();
    if (high != 0) count = addEntry(count, HIGH_START, high);
  }
  kernel.addMetadata(MODINFOMD_SMAP, map, count * ENTRY_SIZE);
}

function addEntry(index: i32, base: u64, length: u64): i32 {
  const at = map + index * ENTRY_SIZE;
  store<u64>(at, base);
  store<u64>(at, length, 8);
  store<u32>(at, TYPE_MEMORY, 16);
  return index + 1;
}
