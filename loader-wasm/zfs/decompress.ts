// The compressions of ZFS blocks: LZJB, runs of zeros (ZLE), LZ4. Each fills `dstSize` bytes at `dst` from `srcSize` bytes
// at `src`, and answers false when the source is damaged.

import { burn } from "../lib/fault";

/**
 * LZJB: groups of eight, a bit for each says whether it is a byte or a copy of earlier ones (length 3 to 66, distance
 * up to 1023).
 */
export function lzjb(src: usize, srcSize: u32, dst: usize, dstSize: u32): bool {
  const srcEnd = src + <usize>srcSize;
  const dstEnd = dst + <usize>dstSize;
  const start = dst;
  let map: u32 = 0;
  let bit = 7;
  burn(<i64>(dstSize >> 3));
  while (dst < dstEnd) {
    if (++bit == 8) {
      if (src >= srcEnd) return false;
      bit = 0;
      map = <u32>load<u8>(src++);
    }
    if (((map >> bit) & 1) == 0) {
      if (src >= srcEnd) return false;
      store<u8>(dst++, load<u8>(src++));
      continue;
    }
    if (src + 2 > srcEnd) return false;
    const first = <u32>load<u8>(src);
    const distance = <usize>(((first << 8) | <u32>load<u8>(src, 1)) & 0x3ff);
    src += 2;
    if (distance == 0 || distance > dst - start) return false;
    for (let left = (first >> 2) + 3; left > 0 && dst < dstEnd; left--) {
      store<u8>(dst, load<u8>(dst - distance));
      dst++;
    }
  }
  return true;
}

/** Bytes up to this announce literals, larger ones zeros. */
const ZLE_LITERALS: u32 = 64;

/** ZLE: counts, each of bytes that follow or of zeros. */
export function zle(src: usize, srcSize: u32, dst: usize, dstSize: u32): bool {
  const srcEnd = src + <usize>srcSize;
  const dstEnd = dst + <usize>dstSize;
  burn(<i64>(dstSize >> 5));
  while (dst < dstEnd && src < srcEnd) {
    let count = <usize>load<u8>(src++) + 1;
    const literals = count <= <usize>ZLE_LITERALS;
    if (!literals) count -= <usize>ZLE_LITERALS;
    if (count > dstEnd - dst) return false;
    if (literals) {
      if (count > srcEnd - src) return false;
      memory.copy(dst, src, count);
      src += count;
    } else {
      memory.fill(dst, 0, count);
    }
    dst += count;
  }
  return dst == dstEnd;
}

/** LZ4 blocks begin with their compressed size, big-endian. */
export function lz4(src: usize, srcSize: u32, dst: usize, dstSize: u32): bool {
  if (srcSize < 4) return false;
  const size = bswap<u32>(load<u32>(src));
  if (size > srcSize - 4) return false;
  src += 4;
  const srcEnd = src + <usize>size;
  const dstEnd = dst + <usize>dstSize;
  const start = dst;
  burn(<i64>(dstSize >> 3));
  while (src < srcEnd) {
    const token = <u32>load<u8>(src++);
    let count = <usize>(token >> 4);
    if (count == 15) {
      let more: usize = 255;
      while (more == 255) {
        if (src >= srcEnd) return false;
        more = <usize>load<u8>(src++);
        count += more;
      }
    }
    if (count > srcEnd - src || count > dstEnd - dst) return false;
    memory.copy(dst, src, count);
    src += count;
    dst += count;
    if (src == srcEnd) break;
    if (src + 2 > srcEnd) return false;
    const distance = <usize>load<u16>(src);
    src += 2;
    if (distance == 0 || distance > dst - start) return false;
    count = <usize>(token & 15) + 4;
    if (count == 19) {
      let more: usize = 255;
      while (more == 255) {
        if (src >= srcEnd) return false;
        more = <usize>load<u8>(src++);
        count += more;
      }
    }
    if (count > dstEnd - dst) return false;
    for (; count > 0; count--) {
      store<u8>(dst, load<u8>(dst - distance));
      dst++;
    }
  }
  // What a short block leaves open is zero.
  memory.fill(dst, 0, dstEnd - dst);
  return true;
}
