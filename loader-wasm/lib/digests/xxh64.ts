// XXH64 (xxHash's specification), with seed 0: the checksum of zstd frames.

import { StripeHash } from "./stripes";

const PRIME_1: u64 = 0x9e3779b185ebca87;
const PRIME_2: u64 = 0xc2b2ae3d27d4eb4f;
const PRIME_3: u64 = 0x165667b19e3779f9;
const PRIME_4: u64 = 0x85ebca77c2b2ae63;
const PRIME_5: u64 = 0x27d4eb2f165667c5;

function round(sum: u64, word: u64): u64 {
  return rotl<u64>(sum + word * PRIME_2, 31) * PRIME_1;
}

function merge(hash: u64, sum: u64): u64 {
  return (hash ^ round(0, sum)) * PRIME_1 + PRIME_4;
}

/** Bytes that are hashed together. */
const STRIPE: usize = 32;

/** A hash of bytes that come in pieces. */
export class Xxh64 extends StripeHash {
  private sum1: u64 = 0;
  private sum2: u64 = 0;
  private sum3: u64 = 0;
  private sum4: u64 = 0;

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
    let sum1 = this.sum1;
    let sum2 = this.sum2;
    let sum3 = this.sum3;
    let sum4 = this.sum4;
    for (; end - src >= STRIPE; src += STRIPE) {
      sum1 = round(sum1, load<u64>(src));
      sum2 = round(sum2, load<u64>(src, 8));
      sum3 = round(sum3, load<u64>(src, 16));
      sum4 = round(sum4, load<u64>(src, 24));
    }
    this.sum1 = sum1;
    this.sum2 = sum2;
    this.sum3 = sum3;
    this.sum4 = sum4;
    return src;
  }

  /** The hash of all of them. */
  digest(): u64 {
    let hash: u64 = PRIME_5;
    if (this.length >= <u64>STRIPE) {
      const sum1 = this.sum1;
      const sum2 = this.sum2;
      const sum3 = this.sum3;
      const sum4 = this.sum4;
      hash = rotl<u64>(sum1, 1) + rotl<u64>(sum2, 7) + rotl<u64>(sum3, 12) + rotl<u64>(sum4, 18);
      hash = merge(merge(merge(merge(hash, sum1), sum2), sum3), sum4);
    }
    hash += this.length;
    let src = this.rest();
    const end = this.restEnd();
    for (; end - src >= 8; src += 8) hash = rotl<u64>(hash ^ round(0, load<u64>(src)), 27) * PRIME_1 + PRIME_4;
    if (end - src >= 4) {
      hash = rotl<u64>(hash ^ (<u64>load<u32>(src) * PRIME_1), 23) * PRIME_2 + PRIME_3;
      src += 4;
    }
    for (; src < end; src++) hash = rotl<u64>(hash ^ (<u64>load<u8>(src) * PRIME_5), 11) * PRIME_1;
    hash = (hash ^ (hash >> 33)) * PRIME_2;
    hash = (hash ^ (hash >> 29)) * PRIME_3;
    return hash ^ (hash >> 32);
  }
}

const whole = new Xxh64();

/** The hash of `size` bytes at `src`. */
export function xxh64(src: usize, size: u32): u64 {
  return whole.reset().update(src, size).digest();
}
