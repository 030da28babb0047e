// The cache between disks and everything that reads small things from them: partition tables, superblocks,
// inodes, directories, scripts. It holds aligned chunks and forgets the least recently used one. Large
// reads of file data pass it by (storage/disk.ts).

import { EIO, setErrno } from "../lib/errno";
import { allocate, burn } from "../lib/fault";
import { twiddle } from "../lib/output";
import { diskread } from "../protocol";

/** Bytes of a chunk. */
export const CHUNK_SIZE: u32 = 32768;
const CHUNK_SHIFT: u64 = 15;
/** Chunks kept, over all disks. */
export const CHUNK_LIMIT: i32 = 128;
/** Most chunks fetched with one call, when reads go on and on. */
const WINDOW_LIMIT: i32 = 8;

/** Chunks fetched together when reads go backwards. */
const GROUP: i32 = 8;

/** No chunk has this key. */
const NO_KEY: u64 = u64.MAX_VALUE;

/** A cached chunk. */
class Chunk {
  /** Disk and number of the chunk, see `keyOf`; NO_KEY: none. */
  key: u64 = NO_KEY;
  /** Bytes that the disk has there; less than `CHUNK_SIZE` at its end. */
  size: u32 = 0;
  /** When it was used last. */
  stamp: u64 = 0;

  constructor(
    /** Room for its bytes, owned for the session. */
    readonly data: usize,
  ) {}
}

const chunks: Chunk[] = [];
/** Index in `chunks`, by key. */
const index = new Map<u64, i32>();
let clock: u64 = 0;
/** Where one call's bytes land before they are dealt out. */
let landing: usize = 0;

/** The key that follows the last fetch, and how many chunks that fetched: reads that go on get larger pieces. */
let nextKey: u64 = NO_KEY;
let window: i32 = 1;

/** What `bcachestat` tells. */
export let cacheHits: u32 = 0;
export let cacheMisses: u32 = 0;
export let cacheFetches: u32 = 0;
export let cacheAhead: u32 = 0;

function keyOf(unit: i32, chunk: u64): u64 {
  return ((<u64>unit) << 50) | chunk;
}

/** The chunk that was not used for longest, to be filled anew. */
function victim(): i32 {
  let oldest = 0;
  for (let i = 1; i < chunks.length; i++) if (chunks[i].stamp < chunks[oldest].stamp) oldest = i;
  index.delete(chunks[oldest].key);
  return oldest;
}

/** Reads `count` chunks of disk `unit` from chunk number `first` with one call. False and errno on failure. */
function fetch(unit: i32, first: u64, count: i32): bool {
  burn(count);
  twiddle();
  cacheFetches++;
  // As long as there is room for more chunks, the bytes stay where they land.
  const stays = chunks.length + count <= CHUNK_LIMIT;
  if (!stays && landing == 0) landing = allocate(<usize>WINDOW_LIMIT * CHUNK_SIZE);
  const wanted = <u32>count * CHUNK_SIZE;
  const block = stays ? allocate(wanted) : landing;
  const error = diskread(unit, first << CHUNK_SHIFT, block, wanted, residual);
  if (error != 0) {
    if (stays) heap.free(block);
    setErrno(error);
    return false;
  }
  const got = wanted - min(load<u32>(residual), wanted);
  for (let i = 0; i < count; i++) {
    const at = <u32>i * CHUNK_SIZE;
    const key = keyOf(unit, first + <u64>i);
    const skipped = i > 0 && (at >= got || index.has(key));
    if (skipped && !stays) continue;
    const slot = stays ? chunks.push(new Chunk(block + <usize>at)) - 1 : victim();
    // The room of one that isn't needed is the next to be used.
    if (skipped) continue;
    const chunk = chunks[slot];
    chunk.key = key;
    chunk.size = at < got ? min(got - at, CHUNK_SIZE) : 0;
    chunk.stamp = ++clock;
    if (!stays) memory.copy(chunk.data, block + <usize>at, <usize>chunk.size);
    index.set(key, slot);
  }
  return true;
}
const residual: usize = memory.data(8, 8);

/** Copies `size` bytes at `offset` of disk `unit`, with no more around them than the sectors that they are in. False and errno. */
function readUncached(unit: i32, end: u64, sectorSize: u32, offset: u64, dst: usize, size: u32): bool {
  const mask = <u64>sectorSize - 1;
  const first = offset & ~mask;
  const last = min((offset + <u64>size + mask) & ~mask, end);
  const length = <u32>(last - first);
  burn(1);
  const block = allocate(<usize>length);
  let error = diskread(unit, first, block, length, residual);
  if (error == 0 && load<u32>(residual) > 0) error = EIO;
  if (error == 0) memory.copy(dst, block + <usize>(offset - first), <usize>size);
  heap.free(block);
  if (error != 0) setErrno(error);
  return error == 0;
}

/** Where to begin when `number` is missing: what is read from its end to its start is fetched in groups, too. */
function groupStart(unit: i32, number: u64): u64 {
  const least = number & ~(<u64>(GROUP - 1));
  if (!index.has(keyOf(unit, number + 1))) return number;
  let first = number;
  while (first > least && !index.has(keyOf(unit, first - 1))) first--;
  return first;
}

/**
 * Copies `size` bytes at `offset` of disk `unit`, which ends at `end`, to `dst`. Returns how many there were, or -1
 * and errno. `offset` must be below 2^62, `sectorSize` is a power of two.
 */
export function readCached(unit: i32, end: u64, sectorSize: u32, offset: u64, dst: usize, size: u32): i64 {
  if (offset >= end) return 0;
  const wanted = <u32>min(<u64>size, end - offset);
  let done: u32 = 0;
  while (done < wanted) {
    const number = (offset + <u64>done) >> CHUNK_SHIFT;
    const key = keyOf(unit, number);
    if (!index.has(key)) {
      cacheMisses++;
      const last = (offset + <u64>wanted - 1) >> CHUNK_SHIFT;
      const needed = <i32>min(last - number + 1, <u64>WINDOW_LIMIT);
      if (key == nextKey) window = min(window << 1, WINDOW_LIMIT);
      else window = number > 0 && index.has(key - 1) ? 2 : 1;
      const first = window == 1 ? groupStart(unit, number) : number;
      const before = <i32>(number - first);
      const available = <i32>min(((end - 1) >> CHUNK_SHIFT) - first + 1, <u64>WINDOW_LIMIT);
      const most = min(max(needed + before, first < number ? GROUP : window), available);
      // What is known isn't read again.
      let count = before + 1;
      while (count < most && !index.has(keyOf(unit, first + <u64>count))) count++;
      cacheAhead += count - min(needed, count);
      // Fewer bytes than were asked for may end before the one that is wanted.
      if (fetch(unit, first, count) && index.has(key)) {
        nextKey = keyOf(unit, first) + <u64>count;
      } else if (count == 1 || !fetch(unit, number, 1)) {
        // A bad sector spoils a chunk, and not what else is in it.
        const from = offset + <u64>done;
        const piece = min(CHUNK_SIZE - <u32>(from & <u64>(CHUNK_SIZE - 1)), wanted - done);
        if (!readUncached(unit, end, sectorSize, from, dst + <usize>done, piece)) return -1;
        done += piece;
        continue;
      }
    } else {
      cacheHits++;
    }
    const chunk = chunks[index.get(key)];
    chunk.stamp = ++clock;
    const at = <u32>((offset + <u64>done) & <u64>(CHUNK_SIZE - 1));
    if (at >= chunk.size) break;
    const piece = min(chunk.size - at, wanted - done);
    memory.copy(dst + <usize>done, chunk.data + <usize>at, <usize>piece);
    done += piece;
    if (chunk.size < CHUNK_SIZE) break;
  }
  return <i64>done;
}
