// LZ4 blocks (lz4_Block_format.md).

import { burn } from "../lib/fault";
import { copyLiterals, repeat } from "./copies";

/** Lengths of 15 and more go on in bytes, of which each but the last is 255. */
const LENGTH_MORE: usize = 15;
const MATCH_MIN: usize = 4;

/** Fills `dstSize` bytes at `dst` from `srcSize` bytes at `src`. False when they are damaged. */
export function lz4(src: usize, srcSize: u32, dst: usize, dstSize: u32): bool {
  const dstEnd = dst + <usize>dstSize;
  const end = lz4Block(src, src + <usize>srcSize, dst, dstEnd, dst);
  // What a short block leaves open is zero.
  if (end != 0) memory.fill(end, 0, dstEnd - end);
  return end != 0;
}

/**
 * Decodes the block from `src` to `srcEnd` to `dst`, where there is room up to `dstEnd`; earlier output is at `lowest` up to
 * `dst`. Returns where the output ends; 0 when the block is damaged or has more.
 */
export function lz4Block(src: usize, srcEnd: usize, dst: usize, dstEnd: usize, lowest: usize): usize {
  burn(<i64>((dstEnd - dst) >> 3));
  while (src < srcEnd) {
    const token = <usize>load<u8>(src++);
    let count = token >> 4;
    if (count == LENGTH_MORE) {
      let more: usize = 255;
      while (more == 255) {
        if (src >= srcEnd || count > dstEnd - dst) return 0;
        more = <usize>load<u8>(src++);
        count += more;
      }
    }
    if (count > srcEnd - src || count > dstEnd - dst) return 0;
    if (count <= 16 && srcEnd - src >= 16 && dstEnd - dst >= 16) v128.store(dst, v128.load(src));
    else copyLiterals(dst, src, count, srcEnd, dstEnd);
    src += count;
    dst += count;
    if (src == srcEnd) break;
    if (srcEnd - src < 2) return 0;
    const distance = <usize>load<u16>(src);
    src += 2;
    if (distance == 0 || distance > dst - lowest) return 0;
    count = token & 15;
    if (count == LENGTH_MORE) {
      let more: usize = 255;
      while (more == 255) {
        if (src >= srcEnd || count > dstEnd - dst) return 0;
        more = <usize>load<u8>(src++);
        count += more;
      }
    }
    count += MATCH_MIN;
    if (count > dstEnd - dst) return 0;
    if (distance >= 16 && count <= 16 && dstEnd - dst >= 16) v128.store(dst, v128.load(dst - distance));
    else repeat(dst, distance, count, dstEnd);
    dst += count;
  }
  return dst;
}
