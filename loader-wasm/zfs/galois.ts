// Arithmetic of RAID-Z parity: GF(2^8) with x^8 + x^4 + x^3 + x^2 + 1, and systems of linear equations over it.

import { burn } from "../lib/fault";

/** Powers of 2, twice over, so that the sum of two logarithms is an index; and logarithms. */
const powers: usize = memory.data(512);
const logarithms: usize = memory.data(256);

/** Fills the tables, once. */
export function startGalois(): void {
  if (load<u8>(powers) != 0) return;
  let value: u32 = 1;
  for (let i: usize = 0; i < 255; i++) {
    store<u8>(powers + i, <u8>value);
    store<u8>(powers + i + 255, <u8>value);
    store<u8>(logarithms + <usize>value, <u8>i);
    value <<= 1;
    if (value & 0x100) value ^= 0x11d;
  }
}

/** 2 to the power of `exponent`. */
export function power(exponent: i32): u8 {
  return load<u8>(powers + <usize>(exponent % 255));
}

/** The product of `a` and `b`. */
export function multiply(a: u8, b: u8): u8 {
  if (a == 0 || b == 0) return 0;
  return load<u8>(powers + <usize>load<u8>(logarithms + <usize>a) + <usize>load<u8>(logarithms + <usize>b));
}

function inverse(a: u8): u8 {
  return load<u8>(powers + 255 - <usize>load<u8>(logarithms + <usize>a));
}

const LOW_BITS: u64 = 0x0101010101010101;

/** `dst` ^= `factor` * `src`, for `size` bytes (a multiple of 8), eight at a time. */
export function addMultiple(dst: usize, src: usize, size: u32, factor: u8): void {
  if (factor == 0) return;
  burn(<i64>(size >> 5));
  const end = src + <usize>size;
  if (factor == 1) {
    for (; src < end; src += 8, dst += 8) store<u64>(dst, load<u64>(dst) ^ load<u64>(src));
    return;
  }
  for (; src < end; src += 8, dst += 8) {
    let value = load<u64>(src);
    let sum = load<u64>(dst);
    for (let rest = <u32>factor; rest != 0; rest >>= 1) {
      if (rest & 1) sum ^= value;
      // Each byte times 2.
      value = ((value & ~(LOW_BITS << 7)) << 1) ^ (((value >> 7) & LOW_BITS) * 0x1d);
    }
    store<u64>(dst, sum);
  }
}

/** Unknowns of a system of equations, at most. */
export const UNKNOWNS_MAX: i32 = 3;

/** A matrix beside the one that becomes its inverse, row by row. */
const matrix: usize = memory.data(UNKNOWNS_MAX * UNKNOWNS_MAX * 2);
let order: i32 = 0;

function place(row: i32, column: i32): usize {
  return matrix + <usize>(row * order * 2 + column);
}

/** Begins a matrix of `n` rows and columns. */
export function startMatrix(n: i32): void {
  order = n;
  for (let i = 0; i < n; i++) for (let k = 0; k < n; k++) store<u8>(place(i, n + k), i == k ? 1 : 0);
}

/** Sets an element. */
export function setElement(row: i32, column: i32, value: u8): void {
  store<u8>(place(row, column), value);
}

/** What the inverse has at `row` and `column`, once `invert` found one. */
export function inverseElement(row: i32, column: i32): u8 {
  return load<u8>(place(row, order + column));
}

/** Inverts the matrix (Gauss-Jordan). False when it has no inverse. */
export function invert(): bool {
  for (let i = 0; i < order; i++) {
    let pivot = i;
    while (pivot < order && load<u8>(place(pivot, i)) == 0) pivot++;
    if (pivot == order) return false;
    const factor = inverse(load<u8>(place(pivot, i)));
    for (let k = 0; k < order * 2; k++) {
      const value = load<u8>(place(pivot, k));
      store<u8>(place(pivot, k), load<u8>(place(i, k)));
      store<u8>(place(i, k), multiply(value, factor));
    }
    for (let j = 0; j < order; j++) {
      const other = load<u8>(place(j, i));
      if (j == i || other == 0) continue;
      for (let k = 0; k < order * 2; k++) {
        store<u8>(place(j, k), load<u8>(place(j, k)) ^ multiply(load<u8>(place(i, k)), other));
      }
    }
  }
  return true;
}
