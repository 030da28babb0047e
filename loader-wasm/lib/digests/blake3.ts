// BLAKE3 (its specification, version 1), keyed, of memory: chunks of 1024 bytes are the leaves of a binary tree. Four chunks
// go side by side through the lanes of vectors; what is left, and the tree, one compression at a time by rows of its state.

import { burn } from "../fault";

const BLOCK_SIZE: usize = 64;
const CHUNK_SIZE: usize = 1024;
/** Levels of the tree: more chunks than memory has room for. */
const DEPTH_MAX: usize = 32;

/** Flags of a compression. */
const CHUNK_START: u32 = 1;
const CHUNK_END: u32 = 2;
const PARENT: u32 = 4;
const ROOT: u32 = 8;
const KEYED: u32 = 16;

/** Fractional parts of the square roots of the first four primes. */
const IV_0: u32 = 0x6a09e667;
const IV_1: u32 = 0xbb67ae85;
const IV_2: u32 = 0x3c6ef372;
const IV_3: u32 = 0xa54ff53a;

/** The order in which each round takes the words of a block. */
const ORDER: StaticArray<u8> = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8,
  3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1,
  10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6,
  12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4,
  9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7,
  11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13,
];
const ROUNDS: usize = 7;

/** Values of subtrees whose siblings are to come, the smallest last. */
const stack: usize = memory.data(<i32>DEPTH_MAX * 32, 16);
/** Values of four chunks. */
const four: usize = memory.data(128, 16);
/** Words of a block, one for each of four chunks side by side. */
const words: usize = memory.data(256, 16);
const last: usize = memory.data(64, 16);

/** The digest of `size` bytes at `src`, with the key of 32 bytes at `key`, to `dst`, 32 bytes. */
export function blake3(src: usize, size: u32, key: usize, dst: usize): void {
  burn(<i64>(size >> 4));
  const end = src + <usize>size;
  let top = stack;
  let chunk: u32 = 0;
  // The last chunk is for later: it may be the root.
  for (; end - src > 4 * CHUNK_SIZE; src += 4 * CHUNK_SIZE) {
    fourChunks(src, key, chunk, four);
    for (let i: usize = 0; i < 4; i++) {
      memory.copy(top, four + (i << 5), 32);
      top = mergeTrees(key, ++chunk, top + 32);
    }
  }
  for (; end - src > CHUNK_SIZE; src += CHUNK_SIZE) {
    oneChunk(src, CHUNK_SIZE, key, chunk, 0, top);
    top = mergeTrees(key, ++chunk, top + 32);
  }
  oneChunk(src, end - src, key, chunk, top == stack ? ROOT : 0, top);
  for (; top > stack; top -= 32) {
    compress(top - 32, key, top - 32, 0, BLOCK_SIZE, KEYED | PARENT | (top == stack + 32 ? ROOT : 0));
  }
  memory.copy(dst, stack, 32);
}

/** Joins subtrees below `top` that are complete, now that there are `chunks` chunks. Returns the new top. */
function mergeTrees(key: usize, chunks: u32, top: usize): usize {
  for (; (chunks & 1) == 0; chunks >>= 1) {
    top -= 32;
    compress(top - 32, key, top - 32, 0, BLOCK_SIZE, KEYED | PARENT);
  }
  return top;
}

/** The value of one chunk of up to 1024 bytes. */
function oneChunk(src: usize, size: usize, key: usize, chunk: u32, root: u32, dst: usize): void {
  let from = key;
  let flags = KEYED | CHUNK_START;
  for (; size > BLOCK_SIZE; size -= BLOCK_SIZE) {
    compress(dst, from, src, chunk, BLOCK_SIZE, flags);
    from = dst;
    flags = KEYED;
    src += BLOCK_SIZE;
  }
  memory.fill(last, 0, BLOCK_SIZE);
  memory.copy(last, src, size);
  compress(dst, from, last, chunk, size, flags | CHUNK_END | root);
}

/** Compresses the block of `size` bytes at `block`, filled up with zeros, into the value at `from`, to `dst`. */
function compress(dst: usize, from: usize, block: usize, chunk: u32, size: usize, flags: u32): void {
  let a = v128.load(from);
  let b = v128.load(from, 16);
  let c = i32x4(IV_0, IV_1, IV_2, IV_3);
  let d = i32x4(chunk, 0, <i32>size, flags);
  let order = changetype<usize>(ORDER);
  for (const end = order + 16 * ROUNDS; order < end; order += 16) {
    a = i32x4.add(i32x4.add(a, b), gathered(block, order));
    d = rotate16(v128.xor(d, a));
    c = i32x4.add(c, d);
    b = rotate12(v128.xor(b, c));
    a = i32x4.add(i32x4.add(a, b), gathered(block, order + 1));
    d = rotate8(v128.xor(d, a));
    c = i32x4.add(c, d);
    b = rotate7(v128.xor(b, c));
    // Diagonals become columns, and back.
    b = v128.shuffle<i32>(b, b, 1, 2, 3, 0);
    c = v128.shuffle<i32>(c, c, 2, 3, 0, 1);
    d = v128.shuffle<i32>(d, d, 3, 0, 1, 2);
    a = i32x4.add(i32x4.add(a, b), gathered(block, order + 8));
    d = rotate16(v128.xor(d, a));
    c = i32x4.add(c, d);
    b = rotate12(v128.xor(b, c));
    a = i32x4.add(i32x4.add(a, b), gathered(block, order + 9));
    d = rotate8(v128.xor(d, a));
    c = i32x4.add(c, d);
    b = rotate7(v128.xor(b, c));
    b = v128.shuffle<i32>(b, b, 3, 0, 1, 2);
    c = v128.shuffle<i32>(c, c, 2, 3, 0, 1);
    d = v128.shuffle<i32>(d, d, 1, 2, 3, 0);
  }
  v128.store(dst, v128.xor(a, c));
  v128.store(dst, v128.xor(b, d), 16);
}

/** Every second one of eight words of a block, in the order at `order`. */
@inline
function gathered(block: usize, order: usize): v128 {
  return i32x4(wordAt(block, order), wordAt(block, order + 2), wordAt(block, order + 4), wordAt(block, order + 6));
}

@inline
function wordAt(block: usize, order: usize): i32 {
  return load<i32>(block + ((<usize>load<u8>(order)) << 2));
}

@inline
function word(order: usize, index: usize): v128 {
  return v128.load(words + ((<usize>load<u8>(order + index)) << 4));
}

@inline
function rotate16(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

@inline
function rotate12(x: v128): v128 {
  return v128.or(i32x4.shr_u(x, 12), i32x4.shl(x, 20));
}

@inline
function rotate8(x: v128): v128 {
  return v128.shuffle<u8>(x, x, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
}

@inline
function rotate7(x: v128): v128 {
  return v128.or(i32x4.shr_u(x, 7), i32x4.shl(x, 25));
}

/** Turns four rows of four words, one of each chunk, into columns: what `block` of each chunk has at `at`, to `words`. */
function turn(block: usize, at: usize): void {
  const row0 = v128.load(block + at);
  const row1 = v128.load(block + at, 1024);
  const row2 = v128.load(block + at, 2048);
  const row3 = v128.load(block + at, 3072);
  const low01 = v128.shuffle<i32>(row0, row1, 0, 4, 1, 5);
  const high01 = v128.shuffle<i32>(row0, row1, 2, 6, 3, 7);
  const low23 = v128.shuffle<i32>(row2, row3, 0, 4, 1, 5);
  const high23 = v128.shuffle<i32>(row2, row3, 2, 6, 3, 7);
  const to = words + (at << 2);
  v128.store(to, v128.shuffle<i64>(low01, low23, 0, 2));
  v128.store(to, v128.shuffle<i64>(low01, low23, 1, 3), 16);
  v128.store(to, v128.shuffle<i64>(high01, high23, 0, 2), 32);
  v128.store(to, v128.shuffle<i64>(high01, high23, 1, 3), 48);
}

/** The values of the four whole chunks at `src`, of which the first has number `chunk`, to `dst`, 32 bytes each. */
function fourChunks(src: usize, key: usize, chunk: u32, dst: usize): void {
  // Columns of the state, first those of the value; each with its word of the four chunks.
  let a0 = i32x4.splat(load<i32>(key));
  let a1 = i32x4.splat(load<i32>(key, 4));
  let a2 = i32x4.splat(load<i32>(key, 8));
  let a3 = i32x4.splat(load<i32>(key, 12));
  let b0 = i32x4.splat(load<i32>(key, 16));
  let b1 = i32x4.splat(load<i32>(key, 20));
  let b2 = i32x4.splat(load<i32>(key, 24));
  let b3 = i32x4.splat(load<i32>(key, 28));
  const counter = i32x4(chunk, chunk + 1, chunk + 2, chunk + 3);
  let flags = KEYED | CHUNK_START;
  for (let at: usize = 0; at < CHUNK_SIZE; at += BLOCK_SIZE) {
    for (let i: usize = 0; i < BLOCK_SIZE; i += 16) turn(src + at, i);
    if (at == CHUNK_SIZE - BLOCK_SIZE) flags |= CHUNK_END;
    let c0 = i32x4.splat(IV_0);
    let c1 = i32x4.splat(IV_1);
    let c2 = i32x4.splat(IV_2);
    let c3 = i32x4.splat(IV_3);
    let d0 = counter;
    let d1 = i32x4.splat(0);
    let d2 = i32x4.splat(<i32>BLOCK_SIZE);
    let d3 = i32x4.splat(flags);
    let order = changetype<usize>(ORDER);
    for (const end = order + 16 * ROUNDS; order < end; order += 16) {
      a0 = i32x4.add(i32x4.add(a0, b0), word(order, 0));
      a1 = i32x4.add(i32x4.add(a1, b1), word(order, 2));
      a2 = i32x4.add(i32x4.add(a2, b2), word(order, 4));
      a3 = i32x4.add(i32x4.add(a3, b3), word(order, 6));
      d0 = rotate16(v128.xor(d0, a0));
      d1 = rotate16(v128.xor(d1, a1));
      d2 = rotate16(v128.xor(d2, a2));
      d3 = rotate16(v128.xor(d3, a3));
      c0 = i32x4.add(c0, d0);
      c1 = i32x4.add(c1, d1);
      c2 = i32x4.add(c2, d2);
      c3 = i32x4.add(c3, d3);
      b0 = rotate12(v128.xor(b0, c0));
      b1 = rotate12(v128.xor(b1, c1));
      b2 = rotate12(v128.xor(b2, c2));
      b3 = rotate12(v128.xor(b3, c3));
      a0 = i32x4.add(i32x4.add(a0, b0), word(order, 1));
      a1 = i32x4.add(i32x4.add(a1, b1), word(order, 3));
      a2 = i32x4.add(i32x4.add(a2, b2), word(order, 5));
      a3 = i32x4.add(i32x4.add(a3, b3), word(order, 7));
      d0 = rotate8(v128.xor(d0, a0));
      d1 = rotate8(v128.xor(d1, a1));
      d2 = rotate8(v128.xor(d2, a2));
      d3 = rotate8(v128.xor(d3, a3));
      c0 = i32x4.add(c0, d0);
      c1 = i32x4.add(c1, d1);
      c2 = i32x4.add(c2, d2);
      c3 = i32x4.add(c3, d3);
      b0 = rotate7(v128.xor(b0, c0));
      b1 = rotate7(v128.xor(b1, c1));
      b2 = rotate7(v128.xor(b2, c2));
      b3 = rotate7(v128.xor(b3, c3));
      // Diagonals.
      a0 = i32x4.add(i32x4.add(a0, b1), word(order, 8));
      a1 = i32x4.add(i32x4.add(a1, b2), word(order, 10));
      a2 = i32x4.add(i32x4.add(a2, b3), word(order, 12));
      a3 = i32x4.add(i32x4.add(a3, b0), word(order, 14));
      d3 = rotate16(v128.xor(d3, a0));
      d0 = rotate16(v128.xor(d0, a1));
      d1 = rotate16(v128.xor(d1, a2));
      d2 = rotate16(v128.xor(d2, a3));
      c2 = i32x4.add(c2, d3);
      c3 = i32x4.add(c3, d0);
      c0 = i32x4.add(c0, d1);
      c1 = i32x4.add(c1, d2);
      b1 = rotate12(v128.xor(b1, c2));
      b2 = rotate12(v128.xor(b2, c3));
      b3 = rotate12(v128.xor(b3, c0));
      b0 = rotate12(v128.xor(b0, c1));
      a0 = i32x4.add(i32x4.add(a0, b1), word(order, 9));
      a1 = i32x4.add(i32x4.add(a1, b2), word(order, 11));
      a2 = i32x4.add(i32x4.add(a2, b3), word(order, 13));
      a3 = i32x4.add(i32x4.add(a3, b0), word(order, 15));
      d3 = rotate8(v128.xor(d3, a0));
      d0 = rotate8(v128.xor(d0, a1));
      d1 = rotate8(v128.xor(d1, a2));
      d2 = rotate8(v128.xor(d2, a3));
      c2 = i32x4.add(c2, d3);
      c3 = i32x4.add(c3, d0);
      c0 = i32x4.add(c0, d1);
      c1 = i32x4.add(c1, d2);
      b1 = rotate7(v128.xor(b1, c2));
      b2 = rotate7(v128.xor(b2, c3));
      b3 = rotate7(v128.xor(b3, c0));
      b0 = rotate7(v128.xor(b0, c1));
    }
    a0 = v128.xor(a0, c0);
    a1 = v128.xor(a1, c1);
    a2 = v128.xor(a2, c2);
    a3 = v128.xor(a3, c3);
    b0 = v128.xor(b0, d0);
    b1 = v128.xor(b1, d1);
    b2 = v128.xor(b2, d2);
    b3 = v128.xor(b3, d3);
    flags = KEYED;
  }
  v128.store(words, a0);
  v128.store(words, a1, 16);
  v128.store(words, a2, 32);
  v128.store(words, a3, 48);
  v128.store(words, b0, 64);
  v128.store(words, b1, 80);
  v128.store(words, b2, 96);
  v128.store(words, b3, 112);
  for (let i: usize = 0; i < 32; i++) store<u32>(dst + ((i & 3) << 5) + (i & ~3), load<u32>(words + (i << 2)));
}
