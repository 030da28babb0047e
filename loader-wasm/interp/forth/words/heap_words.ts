// The memory allocation word set.

import { loose } from "../define";
import { allocateBlock, blockSize, freeBlock } from "../heap";
import { pop, push, pushTaken } from "../stacks";

/** Defines the memory allocation word set. */
export function defineHeap(): void {
  loose("allocate", 1, 2, () => {
    const block = allocateBlock(pop());
    pushTaken(<i64>block);
    pushTaken(block == 0 ? 1 : 0);
  });
  loose("free", 1, 1, () => {
    freeBlock(<usize>pop());
    pushTaken(0);
  });
  loose("resize", 2, 2, () => {
    const size = pop();
    const old = <usize>pop();
    const before = blockSize(old);
    let block: usize = 0;
    if (before >= 0 || old == 0) block = allocateBlock(size);
    if (block != 0 && before >= 0) {
      // A size of -1 has made a small block.
      memory.copy(block, old, <usize>min(before, blockSize(block)));
      freeBlock(old);
    }
    push(<i64>(block == 0 ? old : block));
    push(block == 0 ? 1 : 0);
  });
}
