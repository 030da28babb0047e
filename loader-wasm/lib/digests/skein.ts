// Skein-512-256 with a key (The Skein Hash Function Family, version 1.3) of memory: the block cipher Threefish-512, chained.

import { burn } from "../fault";

const BLOCK_SIZE: usize = 64;

/** What a block is, in the upper word of its tweak; flags of its argument's first and last one. */
const TYPE_KEY: u64 = 0;
const TYPE_CONFIG: u64 = 4 << 56;
const TYPE_MESSAGE: u64 = 48 << 56;
const TYPE_OUTPUT: u64 = 63 << 56;
const FIRST: u64 = 1 << 62;
const FINAL: u64 = 0x8000000000000000;

/** The configuration: "SHA3" and version 1, bits of the digest, no tree. */
const CONFIG_NAME: u64 = 0x0000000133414853;
const CONFIG_SIZE: u64 = 32;
const DIGEST_BITS: u64 = 256;

/** Makes the ninth word of a key. */
const PARITY: u64 = 0x1bd11bdaa9fc1a22;
/** 72 rounds, eight in a row between which subkeys are added twice. */
const ROWS: u64 = 9;

/** The chaining value, with its ninth word, and once more up to where subkeys reach. */
const key: usize = memory.data(17 * 8, 8);
/** The tweak: position and type, and both together. */
const tweak: usize = memory.data(24, 8);
const last: usize = memory.data(64, 8);

/** The digest of `size` bytes at `src`, with the key of `keySize` bytes at `keyed`, to `dst`, 32 bytes. */
export function skein512x256(src: usize, size: u32, keyed: usize, keySize: u32, dst: usize): void {
  burn(<i64>(size >> 3));
  memory.fill(key, 0, 64);
  if (keySize > 0) absorb(keyed, keySize, TYPE_KEY);
  memory.fill(last, 0, 64);
  store<u64>(last, CONFIG_NAME);
  store<u64>(last, DIGEST_BITS, 8);
  block(last, CONFIG_SIZE, TYPE_CONFIG | FIRST | FINAL);
  absorb(src, size, TYPE_MESSAGE);
  // The number of the only output block.
  memory.fill(last, 0, 64);
  block(last, 8, TYPE_OUTPUT | FIRST | FINAL);
  memory.copy(dst, key, 32);
}

/** Takes in an argument: at least one block, the last one filled up with zeros. */
function absorb(src: usize, size: u32, type: u64): void {
  let left = <usize>size;
  let flags = type | FIRST;
  for (; left > BLOCK_SIZE; left -= BLOCK_SIZE) {
    block(src, <u64>(<usize>size - left + BLOCK_SIZE), flags);
    flags = type;
    src += BLOCK_SIZE;
  }
  memory.fill(last, 0, 64);
  memory.copy(last, src, left);
  block(last, <u64>size, flags | FINAL);
}

/** Encrypts the block at `src` with the chaining value, which becomes the result combined with the block. */
function block(src: usize, position: u64, flags: u64): void {
  let parity = PARITY;
  for (let i: usize = 0; i < 64; i += 8) {
    const word = load<u64>(key + i);
    parity ^= word;
    store<u64>(key + i, word, 72);
  }
  store<u64>(key, parity, 64);
  store<u64>(tweak, position);
  store<u64>(tweak, flags, 8);
  store<u64>(tweak, position ^ flags, 16);
  let x0 = load<u64>(src) + load<u64>(key);
  let x1 = load<u64>(src, 8) + load<u64>(key, 8);
  let x2 = load<u64>(src, 16) + load<u64>(key, 16);
  let x3 = load<u64>(src, 24) + load<u64>(key, 24);
  let x4 = load<u64>(src, 32) + load<u64>(key, 32);
  let x5 = load<u64>(src, 40) + load<u64>(key, 40) + position;
  let x6 = load<u64>(src, 48) + load<u64>(key, 48) + flags;
  let x7 = load<u64>(src, 56) + load<u64>(key, 56);
  // Subkey s begins with word s of the key, which has nine, and has words s and s + 1 of the tweak, which has three.
  for (let s: u64 = 1; s < 2 * ROWS; s += 2) {
    let sub = key + ((<usize>(s % 9)) << 3);
    x0 += x1;
    x1 = rotl<u64>(x1, 46) ^ x0;
    x2 += x3;
    x3 = rotl<u64>(x3, 36) ^ x2;
    x4 += x5;
    x5 = rotl<u64>(x5, 19) ^ x4;
    x6 += x7;
    x7 = rotl<u64>(x7, 37) ^ x6;
    x2 += x1;
    x1 = rotl<u64>(x1, 33) ^ x2;
    x4 += x7;
    x7 = rotl<u64>(x7, 27) ^ x4;
    x6 += x5;
    x5 = rotl<u64>(x5, 14) ^ x6;
    x0 += x3;
    x3 = rotl<u64>(x3, 42) ^ x0;
    x4 += x1;
    x1 = rotl<u64>(x1, 17) ^ x4;
    x6 += x3;
    x3 = rotl<u64>(x3, 49) ^ x6;
    x0 += x5;
    x5 = rotl<u64>(x5, 36) ^ x0;
    x2 += x7;
    x7 = rotl<u64>(x7, 39) ^ x2;
    x6 += x1;
    x1 = rotl<u64>(x1, 44) ^ x6;
    x0 += x7;
    x7 = rotl<u64>(x7, 9) ^ x0;
    x2 += x5;
    x5 = rotl<u64>(x5, 54) ^ x2;
    x4 += x3;
    x3 = rotl<u64>(x3, 56) ^ x4;
    x0 += load<u64>(sub);
    x1 += load<u64>(sub, 8);
    x2 += load<u64>(sub, 16);
    x3 += load<u64>(sub, 24);
    x4 += load<u64>(sub, 32);
    x5 += load<u64>(sub, 40) + load<u64>(tweak + ((<usize>(s % 3)) << 3));
    x6 += load<u64>(sub, 48) + load<u64>(tweak + ((<usize>((s + 1) % 3)) << 3));
    x7 += load<u64>(sub, 56) + s;
    x0 += x1;
    x1 = rotl<u64>(x1, 39) ^ x0;
    x2 += x3;
    x3 = rotl<u64>(x3, 30) ^ x2;
    x4 += x5;
    x5 = rotl<u64>(x5, 34) ^ x4;
    x6 += x7;
    x7 = rotl<u64>(x7, 24) ^ x6;
    x2 += x1;
    x1 = rotl<u64>(x1, 13) ^ x2;
    x4 += x7;
    x7 = rotl<u64>(x7, 50) ^ x4;
    x6 += x5;
    x5 = rotl<u64>(x5, 10) ^ x6;
    x0 += x3;
    x3 = rotl<u64>(x3, 17) ^ x0;
    x4 += x1;
    x1 = rotl<u64>(x1, 25) ^ x4;
    x6 += x3;
    x3 = rotl<u64>(x3, 29) ^ x6;
    x0 += x5;
    x5 = rotl<u64>(x5, 39) ^ x0;
    x2 += x7;
    x7 = rotl<u64>(x7, 43) ^ x2;
    x6 += x1;
    x1 = rotl<u64>(x1, 8) ^ x6;
    x0 += x7;
    x7 = rotl<u64>(x7, 35) ^ x0;
    x2 += x5;
    x5 = rotl<u64>(x5, 56) ^ x2;
    x4 += x3;
    x3 = rotl<u64>(x3, 22) ^ x4;
    sub = key + ((<usize>((s + 1) % 9)) << 3);
    x0 += load<u64>(sub);
    x1 += load<u64>(sub, 8);
    x2 += load<u64>(sub, 16);
    x3 += load<u64>(sub, 24);
    x4 += load<u64>(sub, 32);
    x5 += load<u64>(sub, 40) + load<u64>(tweak + ((<usize>((s + 1) % 3)) << 3));
    x6 += load<u64>(sub, 48) + load<u64>(tweak + ((<usize>((s + 2) % 3)) << 3));
    x7 += load<u64>(sub, 56) + s + 1;
  }
  store<u64>(key, x0 ^ load<u64>(src));
  store<u64>(key, x1 ^ load<u64>(src, 8), 8);
  store<u64>(key, x2 ^ load<u64>(src, 16), 16);
  store<u64>(key, x3 ^ load<u64>(src, 24), 24);
  store<u64>(key, x4 ^ load<u64>(src, 32), 32);
  store<u64>(key, x5 ^ load<u64>(src, 40), 40);
  store<u64>(key, x6 ^ load<u64>(src, 48), 48);
  store<u64>(key, x7 ^ load<u64>(src, 56), 56);
}
