// Copies inside a decompressor's output: of literals, and of earlier output that is repeated. They go by 16 bytes where
// there is room for that, since most are short, and memory.copy is a call out of the module.

/** Longer literals are for memory.copy. */
const LONG: usize = 128;

/** Copies `count` bytes from `src` to `dst`, which are apart; up to `srcEnd` and `dstEnd` it may read and write more. */
export function copyLiterals(dst: usize, src: usize, count: usize, srcEnd: usize, dstEnd: usize): void {
  // No block is longer than its 15 bytes more, so `count` can't wrap: it is at most `dstEnd - dst`.
  const rounded = (count + 15) & ~15;
  if (count > LONG || rounded > srcEnd - src || rounded > dstEnd - dst) {
    memory.copy(dst, src, count);
    return;
  }
  for (let at: usize = 0; at < count; at += 16) v128.store(dst + at, v128.load(src + at));
}

/**
 * Repeats `count` bytes that begin `distance` before `dst`. There must be as many bytes before (1 to `distance`) and
 * behind (`count` up to `end`); up to `end` it may write more.
 */
export function repeat(dst: usize, distance: usize, count: usize, end: usize): void {
  const stop = dst + count;
  // Nearer than that, a piece of 16 bytes would have to read what it writes: the first one goes byte by byte, and from
  // then on the same bytes are also at a multiple of the distance.
  if (distance < 16) {
    const first = min(stop, dst + 16);
    for (; dst < first; dst++) store<u8>(dst, load<u8>(dst - distance));
    distance *= (15 + distance) / distance;
  }
  const last = min(stop, end - 15);
  for (; dst < last; dst += 16) v128.store(dst, v128.load(dst - distance));
  for (; dst < stop; dst++) store<u8>(dst, load<u8>(dst - distance));
}
