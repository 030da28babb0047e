// SHA-256 (FIPS 180-4), piece by piece: for ZFS blocks, and for guests' scripts.

import { sha256 } from "../../protocol";
import { burn } from "../fault";

// Context: eight words of state, bytes so far (u64), the block that isn't full yet.
const CONTEXT_TOTAL: usize = 32;
const CONTEXT_BLOCK: usize = 40;
/** Bytes of a context, which is the caller's. */
export const SHA256_SIZE: i32 = 104;
const BLOCK_SIZE: usize = 64;

/** Fractional parts of the cube roots of the first 64 primes. */
export const ROUND: StaticArray<u32> = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
];
/** Fractional parts of the square roots of the first eight. */
export const START: StaticArray<u32> = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

/** From so many bytes on a call of the host is worth its while. */
const CALL_MIN: u32 = 1024;
let hostMakes: bool = true;

/** Has the host make the digest of `size` bytes at `src`, 32 bytes at `dst`. Whether it did: few bytes aren't worth it, and not every host can. */
export function hostSha256(src: usize, size: u32, dst: usize): bool {
  if (size < CALL_MIN || !hostMakes) return false;
  burn(<i64>(size >> 3));
  hostMakes = sha256(src, size, dst) == 0;
  return hostMakes;
}

const whole: usize = memory.data(SHA256_SIZE, 8);

/** The digest of `size` bytes at `src`, 32 bytes at `dst`. */
export function sha256Of(src: usize, size: u32, dst: usize): void {
  if (hostSha256(src, size, dst)) return;
  startSha256(whole);
  updateSha256(whole, src, size);
  finishSha256(whole);
  storeDigest(whole, dst);
}

/** Stores the eight words at `words` as the bytes of a digest. */
export function storeDigest(words: usize, dst: usize): void {
  for (let i: usize = 0; i < 32; i += 4) store<u32>(dst + i, bswap<u32>(load<u32>(words + i)));
}

/** Begins a digest in `context`. */
export function startSha256(context: usize): void {
  for (let i = 0; i < 8; i++) store<u32>(context + ((<usize>i) << 2), START[i]);
  store<u64>(context, 0, CONTEXT_TOTAL);
}

/** Goes on in `context` after `size` bytes, whole blocks, with a state that has its words 16 bytes apart at `state`. */
export function resumeSha256(context: usize, state: usize, size: u32): void {
  for (let i: usize = 0; i < 8; i++) store<u32>(context + (i << 2), load<u32>(state + (i << 4)));
  store<u64>(context, size, CONTEXT_TOTAL);
}

/** Adds `size` bytes at `src`. */
export function updateSha256(context: usize, src: usize, size: u32): void {
  burn(<i64>(size >> 3));
  const end = src + <usize>size;
  const filled = <usize>load<u64>(context, CONTEXT_TOTAL) & (BLOCK_SIZE - 1);
  store<u64>(context, load<u64>(context, CONTEXT_TOTAL) + <u64>size, CONTEXT_TOTAL);
  if (filled > 0) {
    const piece = min(BLOCK_SIZE - filled, <usize>size);
    memory.copy(context + CONTEXT_BLOCK + filled, src, piece);
    if (filled + piece < BLOCK_SIZE) return;
    compress(context, context + CONTEXT_BLOCK);
    src += piece;
  }
  for (; end - src >= BLOCK_SIZE; src += BLOCK_SIZE) compress(context, src);
  memory.copy(context + CONTEXT_BLOCK, src, end - src);
}

/** Leaves the digest as eight words where the context begins. */
export function finishSha256(context: usize): void {
  const total = load<u64>(context, CONTEXT_TOTAL);
  const block = context + CONTEXT_BLOCK;
  let filled = <usize>total & (BLOCK_SIZE - 1);
  store<u8>(block + filled++, 0x80);
  if (filled > BLOCK_SIZE - 8) {
    memory.fill(block + filled, 0, BLOCK_SIZE - filled);
    compress(context, block);
    filled = 0;
  }
  memory.fill(block + filled, 0, BLOCK_SIZE - 8 - filled);
  store<u64>(block, bswap<u64>(total << 3), BLOCK_SIZE - 8);
  compress(context, block);
}

/** Sixteen rounds are written out: the state's words change places in them, and the schedule's are where they were. */
function compress(state: usize, block: usize): void {
  let w0 = bswap<u32>(load<u32>(block));
  let w1 = bswap<u32>(load<u32>(block, 4));
  let w2 = bswap<u32>(load<u32>(block, 8));
  let w3 = bswap<u32>(load<u32>(block, 12));
  let w4 = bswap<u32>(load<u32>(block, 16));
  let w5 = bswap<u32>(load<u32>(block, 20));
  let w6 = bswap<u32>(load<u32>(block, 24));
  let w7 = bswap<u32>(load<u32>(block, 28));
  let w8 = bswap<u32>(load<u32>(block, 32));
  let w9 = bswap<u32>(load<u32>(block, 36));
  let w10 = bswap<u32>(load<u32>(block, 40));
  let w11 = bswap<u32>(load<u32>(block, 44));
  let w12 = bswap<u32>(load<u32>(block, 48));
  let w13 = bswap<u32>(load<u32>(block, 52));
  let w14 = bswap<u32>(load<u32>(block, 56));
  let w15 = bswap<u32>(load<u32>(block, 60));
  let a = load<u32>(state);
  let b = load<u32>(state, 4);
  let c = load<u32>(state, 8);
  let d = load<u32>(state, 12);
  let e = load<u32>(state, 16);
  let f = load<u32>(state, 20);
  let g = load<u32>(state, 24);
  let h = load<u32>(state, 28);
  let round = changetype<usize>(ROUND);
  const lastRound = round + 48 * 4;
  while (true) {
    h += sum1(e) + choice(e, f, g) + load<u32>(round) + w0;
    d += h;
    h += sum0(a) + majority(a, b, c);
    g += sum1(d) + choice(d, e, f) + load<u32>(round, 4) + w1;
    c += g;
    g += sum0(h) + majority(h, a, b);
    f += sum1(c) + choice(c, d, e) + load<u32>(round, 8) + w2;
    b += f;
    f += sum0(g) + majority(g, h, a);
    e += sum1(b) + choice(b, c, d) + load<u32>(round, 12) + w3;
    a += e;
    e += sum0(f) + majority(f, g, h);
    d += sum1(a) + choice(a, b, c) + load<u32>(round, 16) + w4;
    h += d;
    d += sum0(e) + majority(e, f, g);
    c += sum1(h) + choice(h, a, b) + load<u32>(round, 20) + w5;
    g += c;
    c += sum0(d) + majority(d, e, f);
    b += sum1(g) + choice(g, h, a) + load<u32>(round, 24) + w6;
    f += b;
    b += sum0(c) + majority(c, d, e);
    a += sum1(f) + choice(f, g, h) + load<u32>(round, 28) + w7;
    e += a;
    a += sum0(b) + majority(b, c, d);
    h += sum1(e) + choice(e, f, g) + load<u32>(round, 32) + w8;
    d += h;
    h += sum0(a) + majority(a, b, c);
    g += sum1(d) + choice(d, e, f) + load<u32>(round, 36) + w9;
    c += g;
    g += sum0(h) + majority(h, a, b);
    f += sum1(c) + choice(c, d, e) + load<u32>(round, 40) + w10;
    b += f;
    f += sum0(g) + majority(g, h, a);
    e += sum1(b) + choice(b, c, d) + load<u32>(round, 44) + w11;
    a += e;
    e += sum0(f) + majority(f, g, h);
    d += sum1(a) + choice(a, b, c) + load<u32>(round, 48) + w12;
    h += d;
    d += sum0(e) + majority(e, f, g);
    c += sum1(h) + choice(h, a, b) + load<u32>(round, 52) + w13;
    g += c;
    c += sum0(d) + majority(d, e, f);
    b += sum1(g) + choice(g, h, a) + load<u32>(round, 56) + w14;
    f += b;
    b += sum0(c) + majority(c, d, e);
    a += sum1(f) + choice(f, g, h) + load<u32>(round, 60) + w15;
    e += a;
    a += sum0(b) + majority(b, c, d);
    if (round == lastRound) break;
    round += 16 * 4;
    w0 += sigma0(w1) + w9 + sigma1(w14);
    w1 += sigma0(w2) + w10 + sigma1(w15);
    w2 += sigma0(w3) + w11 + sigma1(w0);
    w3 += sigma0(w4) + w12 + sigma1(w1);
    w4 += sigma0(w5) + w13 + sigma1(w2);
    w5 += sigma0(w6) + w14 + sigma1(w3);
    w6 += sigma0(w7) + w15 + sigma1(w4);
    w7 += sigma0(w8) + w0 + sigma1(w5);
    w8 += sigma0(w9) + w1 + sigma1(w6);
    w9 += sigma0(w10) + w2 + sigma1(w7);
    w10 += sigma0(w11) + w3 + sigma1(w8);
    w11 += sigma0(w12) + w4 + sigma1(w9);
    w12 += sigma0(w13) + w5 + sigma1(w10);
    w13 += sigma0(w14) + w6 + sigma1(w11);
    w14 += sigma0(w15) + w7 + sigma1(w12);
    w15 += sigma0(w0) + w8 + sigma1(w13);
  }
  store<u32>(state, load<u32>(state) + a);
  store<u32>(state, load<u32>(state, 4) + b, 4);
  store<u32>(state, load<u32>(state, 8) + c, 8);
  store<u32>(state, load<u32>(state, 12) + d, 12);
  store<u32>(state, load<u32>(state, 16) + e, 16);
  store<u32>(state, load<u32>(state, 20) + f, 20);
  store<u32>(state, load<u32>(state, 24) + g, 24);
  store<u32>(state, load<u32>(state, 28) + h, 28);
}

@inline
function choice(e: u32, f: u32, g: u32): u32 {
  return g ^ (e & (f ^ g));
}

@inline
function majority(a: u32, b: u32, c: u32): u32 {
  return (a & b) ^ (c & (a ^ b));
}

@inline
function sum0(a: u32): u32 {
  return rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22);
}

@inline
function sum1(e: u32): u32 {
  return rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25);
}

@inline
function sigma0(w: u32): u32 {
  return rotr<u32>(w, 7) ^ rotr<u32>(w, 18) ^ (w >> 3);
}

@inline
function sigma1(w: u32): u32 {
  return rotr<u32>(w, 17) ^ rotr<u32>(w, 19) ^ (w >> 10);
}
