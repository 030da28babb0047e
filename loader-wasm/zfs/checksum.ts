// The checksums of ZFS blocks, by the numbers that block pointers have for them (zio_checksum.c): Fletcher's with two and four
// sums, and digests of lib/digests/. Some have a key, the pool's salt.

import { blake3 } from "../lib/digests/blake3";
import { EDONR_BLOCK, EDONR_DIGEST, edonr512 } from "../lib/digests/edonr";
import { sha256Of } from "../lib/digests/sha256";
import { sha512t256 } from "../lib/digests/sha512";
import { skein512x256 } from "../lib/digests/skein";
import {
  CHECKSUM_BLAKE3,
  CHECKSUM_EDONR,
  CHECKSUM_FLETCHER2,
  CHECKSUM_FLETCHER4,
  CHECKSUM_SHA256,
  CHECKSUM_SHA512,
  CHECKSUM_SKEIN,
  SALT_SIZE,
} from "./layout";

/** Four words: the result of the last checksum. */
export const sum: usize = memory.data(64, 8);

/** Makes the checksum of that number, with the salt at `salt`, of `size` bytes at `src`. False when there is none. */
export function checksum(kind: u32, src: usize, size: u32, salt: usize): bool {
  if (kind == CHECKSUM_FLETCHER4) fletcher4(src, size);
  else if (kind == CHECKSUM_FLETCHER2) fletcher2(src, size);
  else if (kind == CHECKSUM_SHA256) sha256(src, size);
  else if (kind == CHECKSUM_SHA512) sha512t256(src, size, sum);
  else if (kind == CHECKSUM_SKEIN) skein512x256(src, size, salt, SALT_SIZE, sum);
  else if (kind == CHECKSUM_EDONR) edonr(src, size, salt);
  else if (kind == CHECKSUM_BLAKE3) blake3(src, size, salt, sum);
  else return false;
  return true;
}

/** Two interleaved sums of 64-bit words. */
function fletcher2(src: usize, size: u32): void {
  let a0: u64 = 0;
  let a1: u64 = 0;
  let b0: u64 = 0;
  let b1: u64 = 0;
  const end = src + <usize>(size & ~15);
  for (let at = src; at < end; at += 16) {
    a0 += load<u64>(at);
    a1 += load<u64>(at, 8);
    b0 += a0;
    b1 += a1;
  }
  setSum(a0, a1, b0, b1);
}

/** Four lanes of sums, and of each kind two vectors. */
const lanes: usize = memory.data(128, 16);
/** How often the second sum of each lane counts in the fourth of all words. */
const SECOND_IN_FOURTH: StaticArray<u64> = [4, 10, 20, 34];

/**
 * Sums, and sums of sums, of 32-bit words. Every fourth word goes into one of four lanes. A word that is m from its lane's end
 * counts 1, m, m(m+1)/2 and m(m+1)(m+2)/6 times in the lane's sums; among all words it is 4m - k from the end, in lane k,
 * and what it counts there follows as a sum of the former.
 */
function fletcher4(src: usize, size: u32): void {
  const end = src + <usize>(size & ~3);
  let a0 = i64x2.splat(0);
  let b0 = a0;
  let c0 = a0;
  let d0 = a0;
  let a1 = a0;
  let b1 = a0;
  let c1 = a0;
  let d1 = a0;
  for (const last = src + <usize>(size & ~15); src < last; src += 16) {
    const words = v128.load(src);
    a0 = i64x2.add(a0, i64x2.extend_low_i32x4_u(words));
    a1 = i64x2.add(a1, i64x2.extend_high_i32x4_u(words));
    b0 = i64x2.add(b0, a0);
    b1 = i64x2.add(b1, a1);
    c0 = i64x2.add(c0, b0);
    c1 = i64x2.add(c1, b1);
    d0 = i64x2.add(d0, c0);
    d1 = i64x2.add(d1, c1);
  }
  v128.store(lanes, a0);
  v128.store(lanes, a1, 16);
  v128.store(lanes, b0, 32);
  v128.store(lanes, b1, 48);
  v128.store(lanes, c0, 64);
  v128.store(lanes, c1, 80);
  v128.store(lanes, d0, 96);
  v128.store(lanes, d1, 112);
  let a: u64 = 0;
  let b: u64 = 0;
  let c: u64 = 0;
  let d: u64 = 0;
  for (let k: u64 = 0; k < 4; k++) {
    const lane = lanes + ((<usize>k) << 3);
    const first = load<u64>(lane);
    const second = load<u64>(lane, 32);
    const third = load<u64>(lane, 64);
    a += first;
    b += 4 * second - k * first;
    // Of k(k-1)/2 and k(k-1)(k-2)/6 lanes 0 to 3 have 0, 0, 1, 3 and 0, 0, 0, 1.
    c += 16 * third - (6 + 4 * k) * second + ((k * (k - 1)) >> 1) * first;
    d += 64 * load<u64>(lane, 96) - (48 + 16 * k) * third + SECOND_IN_FOURTH[<i32>k] * second - (k == 3 ? first : 0);
  }
  for (; src < end; src += 4) {
    a += <u64>load<u32>(src);
    b += a;
    c += b;
    d += c;
  }
  setSum(a, b, c, d);
}

function setSum(a: u64, b: u64, c: u64, d: u64): void {
  store<u64>(sum, a);
  store<u64>(sum, b, 8);
  store<u64>(sum, c, 16);
  store<u64>(sum, d, 24);
}

/** SHA-256, as four words: the digest's bytes, the first one highest. */
export function sha256(src: usize, size: u32): void {
  sha256Of(src, size, sum);
  for (let i: usize = 0; i < 32; i += 8) store<u64>(sum + i, bswap<u64>(load<u64>(sum + i)));
}

const saltBlock: usize = memory.data(<i32>EDONR_BLOCK, 8);

/** Edon-R has no key: a block goes first, made of the salt's digest and of that one's. */
function edonr(src: usize, size: u32, salt: usize): void {
  edonr512(0, salt, SALT_SIZE, saltBlock);
  edonr512(0, saltBlock, <u32>EDONR_DIGEST, saltBlock + EDONR_DIGEST);
  edonr512(saltBlock, src, size, sum);
}
