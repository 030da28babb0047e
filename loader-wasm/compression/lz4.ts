// LZ4 blocks (lz4_Block_format.md).

import { burn } from "../lib/fault";
import { copyLiterals, repeat } from "./copies";

/** Lengths of 15 and more go on in bytes, of which each but the last is 255. */
const LENGTH_MORE: usize = 15;
const MATCH_MIN: usize = 4;
/** Bytes that a short sequence can touch: 14 and 18, of which the last piece begins at 16, and those of the copies. */
const FAST_ROOM: usize = 64;

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
  // As long as a short sequence, with what is copied beyond its end, fits at both sides, nothing else needs to be asked.
  const srcFast = srcEnd - src < FAST_ROOM ? src : srcEnd - FAST_ROOM;
  const dstFast = dstEnd - dst < FAST_ROOM ? dst : dstEnd - FAST_ROOM;
  while (src < srcEnd) {
    const token = <usize>load<u8>(src++);
    let count = token >> 4;
    if (count < LENGTH_MORE && src < srcFast && dst < dstFast) {
      const more = token & 15;
      const distance = <usize>load<u16>(src + count);
      const to = dst + count;
      if (more < LENGTH_MORE && distance >= 16 && distance <= to - lowest) {
        v128.store(dst, v128.load(src));
        const from = to - distance;
        v128.store(to, v128.load(from));
        // A match has 18 bytes at most here. The second piece follows the first, which may be a part of it.
        store<u64>(to, load<u64>(from, 16), 16);
        src += count + 2;
        dst = to + more + MATCH_MIN;
        continue;
      }
    }
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
