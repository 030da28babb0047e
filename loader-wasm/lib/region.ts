// Memory beside the heap, for few and very large things. The heap doubles whenever it grows and never gives back; a region
// takes just the pages it needs, and what it held before is used again for the next.

import { FAULT_MEMORY } from "../protocol";
import { die } from "./fault";

const PAGE_SHIFT: u32 = 16;
/** Room that the heap gets before the first region lies behind it; else it would double the regions, too. */
const HEAP_ROOM: usize = 5 << 20;
let prepared = false;

/** One stretch of memory, replaced by a larger one when more is needed. */
export class Region {
  private at: usize = 0;
  private pages: u32 = 0;

  /** Bytes there are. */
  get size(): u32 {
    return this.pages << PAGE_SHIFT;
  }

  /** Its address, once it has `size` bytes at least. What was in it is lost when it hadn't. */
  need(size: u32): usize {
    const wanted = (size + 0xffff) >> PAGE_SHIFT;
    if (wanted <= this.pages) return this.at;
    if (!prepared) heap.free(heap.alloc(HEAP_ROOM));
    prepared = true;
    // One that ends where all memory does just grows.
    const last = this.pages > 0 && this.at + <usize>this.size == (<usize>memory.size()) << PAGE_SHIFT;
    const before = memory.grow(last ? wanted - this.pages : wanted);
    if (before < 0) die(FAULT_MEMORY, `allocation of ${size} bytes`);
    if (!last) this.at = (<usize>before) << PAGE_SHIFT;
    this.pages = wanted;
    return this.at;
  }
}
