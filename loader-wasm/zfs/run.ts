// Files on their way to guest memory: many blocks one after the other, of which nothing is kept. The disk is read some
// megabytes at a time; a block is verified where it lies, decompressed once, and copied once.

import { EIO } from "../lib/errno";
import { allocate } from "../lib/fault";
import { putGuest, zeroGuest } from "../lib/guest";
import { Blocks } from "./blocks";
import { SMALL_MAX } from "./cache";
import { Dnode } from "./dnode";
import { BP_SHIFT, bpHole, bpLogicalSize } from "./layout";

/** Pointers that are looked at together. */
const POINTERS_MAX: u32 = 64;
const pointers: usize = memory.data(8192, 8);

/** The blocks of an object that are copied. */
class Run {
  /** Room for a decompressed block; 0 as long as none was needed. */
  private room: usize = 0;
  /** A bit for each block, from the next one on, that was verified where it was fetched to. */
  private verified: u64 = 0;
  private readonly pool: Blocks;

  constructor(private readonly dnode: Dnode) {
    this.pool = dnode.pool;
  }

  /** Copies `size` bytes at `offset` to `gpa`. Returns an errno. */
  copy(offset: u64, gpa: u64, size: u64): i32 {
    const blockSize = <u64>this.dnode.blockSize;
    let error = 0;
    let done: u64 = 0;
    while (done < size && error == 0) {
      const first = (offset + done) / blockSize;
      const wanted = (offset + size - 1) / blockSize - first + 1;
      let count = this.dnode.pointersTo(first, <u32>min(wanted, <u64>POINTERS_MAX), pointers);
      if (count == 0) {
        error = EIO;
        break;
      }
      if (blockSize <= <u64>SMALL_MAX) count = this.pool.readAhead(pointers, count);
      this.verified = this.pool.verifyAhead(pointers, count);
      for (let i: u32 = 0; i < count && error == 0; i++) {
        const within = (offset + done) % blockSize;
        const piece = min(blockSize - within, size - done);
        const bp = pointers + ((<usize>i) << BP_SHIFT);
        error = this.copyBlock(first + <u64>i, bp, <u32>within, gpa + done, <u32>piece);
        done += piece;
        this.verified >>= 1;
      }
      this.pool.forgetAhead();
    }
    if (this.room != 0) heap.free(this.room);
    return error;
  }

  /** Copies `size` bytes at `within` of data block `number`, to which the pointer at `bp` leads. Returns an errno. */
  private copyBlock(number: u64, bp: usize, within: u32, gpa: u64, size: u32): i32 {
    if (bpHole(bp)) {
      zeroGuest(gpa, size);
      return 0;
    }
    const length = bpLogicalSize(bp);
    if (within + size > length) return this.dnode.damaged(`block of ${length} bytes`);
    let data: usize = 0;
    // What is used in part now will be soon again.
    if (size == length && size == this.dnode.blockSize && size <= SMALL_MAX) {
      if (this.room == 0) this.room = allocate(<usize>this.dnode.blockSize);
      data = this.pool.passing(bp, this.room, (this.verified & 1) != 0);
    }
    if (data == 0) {
      const block = this.dnode.dataBlock(number, bp);
      if (block === null) return EIO;
      data = block.data;
    }
    putGuest(data + <usize>within, gpa, size);
    return 0;
  }
}

/** Copies `size` bytes at `offset` of the object to `gpa`, where all of them fit. Returns an errno. */
export function objectToGuest(dnode: Dnode, offset: u64, gpa: u64, size: u64): i32 {
  return size == 0 ? 0 : new Run(dnode).copy(offset, gpa, size);
}
