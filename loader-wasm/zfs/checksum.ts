// The checksums of ZFS blocks: Fletcher's with two and four sums, and SHA-256 (lib/sha256.ts).

import { finishSha256, SHA256_SIZE, startSha256, updateSha256 } from "../lib/digests/sha256";

/** Four words: the result of the last checksum. */
export const sum: usize = memory.data(32, 8);

/** Two interleaved sums of 64-bit words. */
export function fletcher2(src: usize, size: u32): void {
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
export function fletcher4(src: usize, size: u32): void {
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
