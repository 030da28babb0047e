// LZJB, ZFS's first compression: groups of eight, a bit for each says whether it is a byte or a copy of earlier ones
// (length 3 to 66, distance up to 1023).

import { burn } from "../lib/fault";
import { repeat } from "./copies";

const LENGTH_MIN: usize = 3;
const DISTANCE_MASK: u32 = 0x3ff;

/** Fills `dstSize` bytes at `dst` from `srcSize` bytes at `src`. False when they are damaged. */
export function lzjb(src: usize, srcSize: u32, dst: usize, dstSize: u32): bool {
  const srcEnd = src + <usize>srcSize;
  const dstEnd = dst + <usize>dstSize;
  const start = dst;
  let map: u32 = 0;
  burn(<i64>(dstSize >> 3));
  while (dst < dstEnd) {
    // The bits that are left, under a mark that says when there are none.
    map >>= 1;
    if (map <= 1) {
      if (src >= srcEnd) return false;
      map = <u32>load<u8>(src++) | 0x100;
      // Eight bytes in a row, as in what doesn't compress.
      if (map == 0x100 && srcEnd - src >= 8 && dstEnd - dst >= 8) {
        store<u64>(dst, load<u64>(src));
        src += 8;
        dst += 8;
        map = 1;
        continue;
      }
    }
    if ((map & 1) == 0) {
      if (src >= srcEnd) return false;
      store<u8>(dst++, load<u8>(src++));
      continue;
    }
    if (srcEnd - src < 2) return false;
    const word = <u32>bswap<u16>(load<u16>(src));
    const distance = <usize>(word & DISTANCE_MASK);
    src += 2;
    if (distance == 0 || distance > dst - start) return false;
    const count = min(<usize>(word >> 10) + LENGTH_MIN, dstEnd - dst);
    if (distance >= 16 && count <= 16 && dstEnd - dst >= 16) v128.store(dst, v128.load(dst - distance));
    else repeat(dst, distance, count, dstEnd);
    dst += count;
  }
  return true;
}
