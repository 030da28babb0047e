// zlib streams (RFC 1950), from memory to memory: a deflate stream between a header and a checksum.

import { sumsAgree } from "../lib/variant";
import { Inflater } from "./inflate";
import { Input } from "./input";

const METHOD_DEFLATE: u32 = 8;
/** The header: method and window in its first byte, flags in the second; as a big-endian number it is a multiple of 31. */
const METHOD_MASK: u32 = 0x0f00;
const FLAG_DICTIONARY: u32 = 0x20;
const HEAD_MULTIPLE: u32 = 31;
const HEAD_SIZE: u32 = 2;

const ADLER_MODULUS: u32 = 65521;
/** So many bytes don't overflow its sums. */
const ADLER_RUN: usize = 5552;

let input: Input | null = null;
let inflater: Inflater | null = null;

/** Fills `dstSize` bytes at `dst` from the stream at `src`, which may have more behind it. False when it is damaged. */
export function zlib(src: usize, srcSize: u32, dst: usize, dstSize: u32): bool {
  if (srcSize < HEAD_SIZE) return false;
  const head = <u32>bswap<u16>(load<u16>(src));
  if ((head & METHOD_MASK) != METHOD_DEFLATE << 8 || (head & FLAG_DICTIONARY) != 0 || head % HEAD_MULTIPLE != 0)
    return false;
  if (inflater === null) {
    input = new Input();
    inflater = new Inflater(input!);
  }
  const from = input!;
  from.next = src + HEAD_SIZE;
  from.end = src + <usize>srcSize;
  const decoder = inflater!;
  if (!decoder.decodeAll(dst, dstSize)) return false;
  const sum = decoder.trailer();
  return sum >= 0 && sumsAgree(bswap<u32>(<u32>sum), adler32(dst, dstSize));
}

/** Adler-32: the sum of all bytes, and the sum of those sums. */
function adler32(src: usize, size: u32): u32 {
  const end = src + <usize>size;
  let low: u32 = 1;
  let high: u32 = 0;
  while (src < end) {
    for (const stop = src + min(end - src, ADLER_RUN); src < stop; src++) {
      low += <u32>load<u8>(src);
      high += low;
    }
    low %= ADLER_MODULUS;
    high %= ADLER_MODULUS;
  }
  return (high << 16) | low;
}
