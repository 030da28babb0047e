// ZLE, ZFS's encoding of runs of zeros: counts, each of bytes that follow or of zeros.

import { burn } from "../lib/fault";

/** Bytes up to this announce literals, larger ones zeros. */
const LITERALS_MAX: usize = 64;

/** Fills `dstSize` bytes at `dst` from `srcSize` bytes at `src`. False when they are damaged. */
export function zle(src: usize, srcSize: u32, dst: usize, dstSize: u32): bool {
  const srcEnd = src + <usize>srcSize;
  const dstEnd = dst + <usize>dstSize;
  burn(<i64>(dstSize >> 5));
  while (dst < dstEnd && src < srcEnd) {
    let count = <usize>load<u8>(src++) + 1;
    const literals = count <= LITERALS_MAX;
    if (!literals) count -= LITERALS_MAX;
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
