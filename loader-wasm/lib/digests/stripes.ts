// Hashes that take whole stripes of bytes, which come in pieces of any size: what xxHash's have in common.

import { burn } from "../fault";

/** Such a hash, of stripes of `stripe` bytes. */
export abstract class StripeHash {
  /** Bytes so far, and those since the last whole stripe. */
  protected length: u64 = 0;
  private readonly kept: StaticArray<u8>;

  constructor(private readonly stripe: usize) {
    this.kept = new StaticArray<u8>(<i32>stripe);
  }

  /** Adds whole stripes. Returns where they end. */
  protected abstract stripes(src: usize, end: usize): usize;

  /** Adds `size` bytes at `src`. */
  add(src: usize, size: u32): void {
    burn(<i64>(size >> 4));
    const end = src + <usize>size;
    const kept = this.rest();
    const count = <usize>(this.length % <u64>this.stripe);
    this.length += <u64>size;
    if (count > 0) {
      const more = min(this.stripe - count, <usize>size);
      memory.copy(kept + count, src, more);
      src += more;
      if (count + more < this.stripe) return;
      this.stripes(kept, kept + this.stripe);
    }
    src = this.stripes(src, end);
    memory.copy(kept, src, end - src);
  }

  /** Where the bytes since the last whole stripe are, and where they end. */
  protected rest(): usize {
    return changetype<usize>(this.kept);
  }

  protected restEnd(): usize {
    return this.rest() + <usize>(this.length % <u64>this.stripe);
  }
}
