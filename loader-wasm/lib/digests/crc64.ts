// CRC-64 as in ECMA-182 (polynomial 0xc96c5795d7870f42, reflected): the usual check of .xz files.

import { burn } from "../fault";

/** One u64 for each byte value. */
const table: usize = memory.data(256 * 8, 8);

/** The CRC of `size` bytes at `src`, behind bytes whose CRC is `before`. */
export function crc64(src: usize, size: u32, before: u64 = 0): u64 {
  if (load<u64>(table + 8) == 0) {
    for (let i: u64 = 0; i < 256; i++) {
      let value = i;
      for (let bit = 0; bit < 8; bit++) value = (value >> 1) ^ (-(value & 1) & 0xc96c5795d7870f42);
      store<u64>(table + ((<usize>i) << 3), value);
    }
  }
  burn(<i64>(size >> 3));
  let crc = ~before;
  for (let i: usize = 0; i < <usize>size; i++) {
    crc = load<u64>(table + ((<usize>(crc ^ <u64>load<u8>(src + i)) & 0xff) << 3)) ^ (crc >> 8);
  }
  return ~crc;
}
