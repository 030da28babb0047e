// Edon-R-512 (its second-round "tweaked" form, as OpenZFS has it) of memory: a double pipe that goes through rows of
// quasigroup operations.

import { burn } from "../fault";

/** Bytes of a block, of which `edonr512` takes one before the data, and of a digest. */
export const EDONR_BLOCK: usize = 128;
export const EDONR_DIGEST: usize = 64;

/** Both pipes begin with bytes that count up. */
const START: u64 = 0x8081828384858687;
const START_STEP: u64 = 0x0808080808080808;
/** Added to the first sum of the left operand; its complement to that of the right one. */
const OPERAND: u64 = 0xaaaaaaaaaaaaaaaa;

const pipe: usize = memory.data(128, 8);
/** A block's words in reverse order. */
const mirror: usize = memory.data(128, 8);
const left: usize = memory.data(64, 8);
const right: usize = memory.data(64, 8);
const last: usize = memory.data(256, 8);

/** The digest of `size` bytes at `src`, behind one block at `prefix` unless that is 0, to `dst`, 64 bytes. */
export function edonr512(prefix: usize, src: usize, size: u32, dst: usize): void {
  burn(<i64>(size >> 4));
  let word = START;
  for (let i: usize = 0; i < 128; i += 8) {
    store<u64>(pipe + i, word);
    word += START_STEP;
  }
  let bits = (<u64>size) << 3;
  if (prefix != 0) {
    compress(prefix);
    bits += (<u64>EDONR_BLOCK) << 3;
  }
  const end = src + <usize>size;
  for (; end - src >= EDONR_BLOCK; src += EDONR_BLOCK) compress(src);
  const filled = end - src;
  const total: usize = filled < EDONR_BLOCK - 8 ? EDONR_BLOCK : 2 * EDONR_BLOCK;
  memory.fill(last, 0, total);
  memory.copy(last, src, filled);
  store<u8>(last + filled, 0x80);
  store<u64>(last + total - 8, bits);
  compress(last);
  if (total > EDONR_BLOCK) compress(last + EDONR_BLOCK);
  memory.copy(dst, pipe + 64, EDONR_DIGEST);
}

function compress(block: usize): void {
  for (let i: usize = 0; i < 128; i += 8) store<u64>(mirror + 120 - i, load<u64>(block + i));
  combine(left, mirror, block);
  combine(right, left, block + 64);
  combine(left, pipe + 64, left);
  combine(right, left, right);
  combine(left, left, pipe);
  combine(right, right, left);
  combine(left, mirror + 64, left);
  combine(right, left, right);
  for (let i: usize = 0; i < 64; i += 8) {
    const at = pipe + i;
    store<u64>(at, load<u64>(at) ^ load<u64>(block + i, 64) ^ load<u64>(left + i));
    store<u64>(at, load<u64>(at, 64) ^ load<u64>(block + i) ^ load<u64>(right + i), 64);
  }
}

/**
 * The quasigroup's operation on the eight words at `x` and those at `y`, to `dst`: sums of five words each, rotated; then of
 * each operand's sums three, combined, are added.
 */
function combine(dst: usize, x: usize, y: usize): void {
  let w0 = load<u64>(x);
  let w1 = load<u64>(x, 8);
  let w2 = load<u64>(x, 16);
  let w3 = load<u64>(x, 24);
  let w4 = load<u64>(x, 32);
  let w5 = load<u64>(x, 40);
  let w6 = load<u64>(x, 48);
  let w7 = load<u64>(x, 56);
  const s0 = OPERAND + w0 + w1 + w2 + w4 + w7;
  const s1 = rotl<u64>(w0 + w1 + w3 + w4 + w7, 5);
  const s2 = rotl<u64>(w0 + w1 + w4 + w6 + w7, 15);
  const s3 = rotl<u64>(w2 + w3 + w5 + w6 + w7, 22);
  const s4 = rotl<u64>(w1 + w2 + w3 + w5 + w6, 31);
  const s5 = rotl<u64>(w0 + w2 + w3 + w4 + w5, 40);
  const s6 = rotl<u64>(w0 + w1 + w5 + w6 + w7, 50);
  const s7 = rotl<u64>(w2 + w3 + w4 + w5 + w6, 59);
  w0 = load<u64>(y);
  w1 = load<u64>(y, 8);
  w2 = load<u64>(y, 16);
  w3 = load<u64>(y, 24);
  w4 = load<u64>(y, 32);
  w5 = load<u64>(y, 40);
  w6 = load<u64>(y, 48);
  w7 = load<u64>(y, 56);
  const t0 = ~OPERAND + w0 + w1 + w2 + w5 + w7;
  const t1 = rotl<u64>(w0 + w1 + w3 + w4 + w6, 10);
  const t2 = rotl<u64>(w0 + w1 + w2 + w3 + w5, 19);
  const t3 = rotl<u64>(w2 + w3 + w4 + w6 + w7, 29);
  const t4 = rotl<u64>(w0 + w1 + w3 + w4 + w5, 36);
  const t5 = rotl<u64>(w2 + w4 + w5 + w6 + w7, 44);
  const t6 = rotl<u64>(w1 + w2 + w5 + w6 + w7, 48);
  const t7 = rotl<u64>(w0 + w3 + w4 + w6 + w7, 55);
  store<u64>(dst, (s0 ^ s1 ^ s4) + (t0 ^ t1 ^ t5));
  store<u64>(dst, (s0 ^ s4 ^ s7) + (t2 ^ t6 ^ t7), 8);
  store<u64>(dst, (s1 ^ s6 ^ s7) + (t0 ^ t1 ^ t3), 16);
  store<u64>(dst, (s2 ^ s3 ^ s4) + (t0 ^ t3 ^ t4), 24);
  store<u64>(dst, (s0 ^ s1 ^ s7) + (t1 ^ t2 ^ t5), 32);
  store<u64>(dst, (s3 ^ s5 ^ s6) + (t3 ^ t4 ^ t6), 40);
  store<u64>(dst, (s2 ^ s5 ^ s6) + (t2 ^ t5 ^ t7), 48);
  store<u64>(dst, (s2 ^ s3 ^ s5) + (t4 ^ t6 ^ t7), 56);
}
