// The checksums of ZFS blocks, by the numbers that block pointers have for them (zio_checksum.c): Fletcher's with two and four
// sums, and digests of lib/digests/. Some have a key, the pool's salt.

import { blake3 } from "../lib/digests/blake3";
import { EDONR_BLOCK, EDONR_DIGEST, edonr512 } from "../lib/digests/edonr";
import { finishSha256, SHA256_SIZE, startSha256, updateSha256 } from "../lib/digests/sha256";
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

/** Sums, and sums of sums, of 32-bit words. */
function fletcher4(src: usize, size: u32): void {
  let a: u64 = 0;
  let b: u64 = 0;
  let c: u64 = 0;
  let d: u64 = 0;
  const end = src + <usize>(size & ~3);
  for (let at = src; at < end; at += 4) {
    a += <u64>load<u32>(at);
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

const context: usize = memory.data(SHA256_SIZE, 8);

/** SHA-256, as four words of which each holds two of the digest's, the first one higher. */
export function sha256(src: usize, size: u32): void {
  startSha256(context);
  updateSha256(context, src, size);
  finishSha256(context);
  for (let i: usize = 0; i < 32; i += 8) store<u64>(sum + i, rotl<u64>(load<u64>(context + i), 32));
}

const saltBlock: usize = memory.data(<i32>EDONR_BLOCK, 8);

/** Edon-R has no key: a block goes first, made of the salt's digest and of that one's. */
function edonr(src: usize, size: u32, salt: usize): void {
  edonr512(0, salt, SALT_SIZE, saltBlock);
  edonr512(0, saltBlock, <u32>EDONR_DIGEST, saltBlock + EDONR_DIGEST);
  edonr512(saltBlock, src, size, sum);
}
