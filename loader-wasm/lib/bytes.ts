// Byte strings. Everything textual in the core is an AssemblyScript string whose characters are bytes
// (U+0000..U+00FF, one a byte), so that names and values of guests survive whatever their encoding. This
// file converts between such strings and module memory. Hot code works on memory itself.

/** The byte string of `size` bytes at `src`. */
export function stringAt(src: usize, size: i32): string {
  const result = changetype<string>(__new((<usize>size) << 1, idof<string>()));
  const dst = changetype<usize>(result);
  for (let i: usize = 0; i < <usize>size; i++) store<u16>(dst + (i << 1), load<u8>(src + i));
  return result;
}

/** Bytes of the text at `src` before its NUL, at most `limit`. */
export function cstringSize(src: usize, limit: i32): i32 {
  return countBefore(src, limit, 0, 0, 0);
}

/** The byte string at `src` up to its NUL, at most `limit` bytes. */
export function cstringAt(src: usize, limit: i32): string {
  return stringAt(src, cstringSize(src, limit));
}

/** Stores the bytes of `text`, without a NUL, at `dst`, which must have room for `text.length` bytes. */
export function storeString(dst: usize, text: string): void {
  const src = changetype<usize>(text);
  const size = <usize>text.length;
  for (let i: usize = 0; i < size; i++) store<u8>(dst + i, <u8>load<u16>(src + (i << 1)));
}

/** A fresh block (`heap.free` it) with the bytes of `text` and a NUL. */
export function allocString(text: string): usize {
  const block = heap.alloc(<usize>text.length + 1);
  storeString(block, text);
  store<u8>(block + <usize>text.length, 0);
  return block;
}

/** `text` up to its first NUL, as C would see it. */
export function cutAtNul(text: string): string {
  const end = text.indexOf("\0");
  return end < 0 ? text : text.substring(0, end);
}

/** strcmp's order: bytewise, unsigned, a prefix first. Negative, zero or positive. */
export function compareBytes(a: string, b: string): i32 {
  const shorter = (<usize>min(a.length, b.length)) << 1;
  const left = changetype<usize>(a);
  const right = changetype<usize>(b);
  for (let i: usize = 0; i < shorter; i += 2) {
    const difference = <i32>load<u16>(left + i) - <i32>load<u16>(right + i);
    if (difference != 0) return difference;
  }
  return a.length - b.length;
}

/** The same for a string and the `size` bytes at `bytes`. */
export function compareBytesAt(a: string, bytes: usize, size: i32): i32 {
  const shorter = <usize>min(a.length, size);
  const left = changetype<usize>(a);
  for (let i: usize = 0; i < shorter; i++) {
    const difference = <i32>load<u16>(left + (i << 1)) - <i32>load<u8>(bytes + i);
    if (difference != 0) return difference;
  }
  return a.length - size;
}

/** Copies `size` bytes to where they don't overlap. For short texts that is faster than `memory.copy`, which is a call. */
export function copyText(dst: usize, src: usize, size: i32): void {
  if (size > 64) {
    memory.copy(dst, src, <usize>size);
    return;
  }
  const end = <usize>max(size, 0);
  let i: usize = 0;
  for (; i + 8 <= end; i += 8) store<u64>(dst + i, load<u64>(src + i));
  for (; i < end; i++) store<u8>(dst + i, load<u8>(src + i));
}

/** How many of the `size` bytes at `text` come before the first that is `a`, `b` or `c`, bytes themselves. */
export function countBefore(text: usize, size: i32, a: i32, b: i32, c: i32): i32 {
  const ones: u64 = 0x0101010101010101;
  const tops: u64 = 0x8080808080808080;
  const eightA = ones * <u64>a;
  const eightB = ones * <u64>b;
  const eightC = ones * <u64>c;
  let at = 0;
  // Eight at a time: taking 1 from each byte borrows into the top bit of those that are 0, the first of them for sure.
  for (; at + 8 <= size; at += 8) {
    const eight = load<u64>(text + <usize>at);
    const fromA = eight ^ eightA;
    const fromB = eight ^ eightB;
    const fromC = eight ^ eightC;
    const found = (((fromA - ones) & ~fromA) | ((fromB - ones) & ~fromB) | ((fromC - ones) & ~fromC)) & tops;
    if (found != 0) return at + <i32>(ctz(found) >> 3);
  }
  for (; at < size; at++) {
    const byte = load<u8>(text + <usize>at);
    if (byte == a || byte == b || byte == c) break;
  }
  return at;
}
