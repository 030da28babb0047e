// XXH32 (xxHash's specification), with seed 0: the checksums of LZ4 frames.

import { StripeHash } from "./stripes";

const PRIME_1: u32 = 0x9e3779b1;
const PRIME_2: u32 = 0x85ebca77;
const PRIME_3: u32 = 0xc2b2ae3d;
const PRIME_4: u32 = 0x27d4eb2f;
const PRIME_5: u32 = 0x165667b1;
/** Bytes that are hashed together. */
const STRIPE: usize = 16;

function round(sum: u32, word: u32): u32 {
  return rotl<u32>(sum + word * PRIME_2, 13) * PRIME_1;
}

/** A hash of bytes that come in pieces. */
export class Xxh32 extends StripeHash {
  private sum1: u32 = 0;
  private sum2: u32 = 0;
  private sum3: u32 = 0;
  private sum4: u32 = 0;

  constructor() {
    super(STRIPE);
  }

  /** Begins anew. */
  reset(): this {
    this.sum1 = PRIME_1 + PRIME_2;
    this.sum2 = PRIME_2;
    this.sum3 = 0;
    this.sum4 = 0 - PRIME_1;
    this.length = 0;
    return this;
  }

  /** Adds `size` bytes at `src`. */
  update(src: usize, size: u32): this {
    this.add(src, size);
    return this;
  }

  protected stripes(src: usize, end: usize): usize {
    for (; end - src >= STRIPE; src += STRIPE) {
      this.sum1 = round(this.sum1, load<u32>(src));
      this.sum2 = round(this.sum2, load<u32>(src, 4));
      this.sum3 = round(this.sum3, load<u32>(src, 8));
      this.sum4 = round(this.sum4, load<u32>(src, 12));
    }
    return src;
  }

  /** The hash of all of them. */
  digest(): u32 {
    let hash = PRIME_5;
    if (this.length >= <u64>STRIPE) {
      hash = rotl<u32>(this.sum1, 1) + rotl<u32>(this.sum2, 7) + rotl<u32>(this.sum3, 12) + rotl<u32>(this.sum4, 18);
    }
    hash += <u32>this.length;
    let src = this.rest();
    const end = this.restEnd();
    for (; end - src >= 4; src += 4) hash = rotl<u32>(hash + load<u32>(src) * PRIME_3, 17) * PRIME_4;
    for (; src < end; src++) hash = rotl<u32>(hash + <u32>load<u8>(src) * PRIME_5, 11) * PRIME_1;
    hash = (hash ^ (hash >> 15)) * PRIME_2;
    hash = (hash ^ (hash >> 13)) * PRIME_3;
    return hash ^ (hash >> 16);
  }
}
