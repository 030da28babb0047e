// Items of one size in plain memory whose number grows: what the compiler collects of a function, what the
// collector has still to look at, variables that are to be closed.

import { allocateBlock, freeBlock } from "./heap";

/** Items of one size that grow. */
export class Vector {
  at: usize = 0;
  count: i32 = 0;
  private room: i32 = 0;
  constructor(readonly itemSize: i32) {}

  /** Address of a new item, whose bytes are for the caller to set. */
  add(): usize {
    if (this.count == this.room) {
      const room = max(this.room * 2, 16);
      const fresh = allocateBlock(<usize>(room * this.itemSize));
      memory.copy(fresh, this.at, <usize>(this.count * this.itemSize));
      if (this.room > 0) freeBlock(this.at, <usize>(this.room * this.itemSize));
      this.at = fresh;
      this.room = room;
    }
    const item = this.at + <usize>(this.count * this.itemSize);
    this.count++;
    return item;
  }

  item(index: i32): usize {
    return this.at + <usize>(index * this.itemSize);
  }

  /** Adds an item of 4 bytes. */
  push(value: usize): void {
    store<u32>(this.add(), <u32>value);
  }

  /** An item of 4 bytes. */
  u32At(index: i32): u32 {
    return load<u32>(this.item(index));
  }

  /** A block of exactly the items, or 0 when there are none. */
  take(): usize {
    if (this.count == 0) return 0;
    const bytes = <usize>(this.count * this.itemSize);
    const block = allocateBlock(bytes);
    memory.copy(block, this.at, bytes);
    return block;
  }
}
