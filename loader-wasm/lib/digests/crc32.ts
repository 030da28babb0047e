// CRC-32 as in ISO 3309 (polynomial 0xedb88320, reflected), used by GPT and gzip; and Castagnoli's (0x82f63b78), which VHDX and
// ext4 have.

/** One u32 for each byte value, of each kind. */
const plain: usize = memory.data(256 * 4, 4);
const castagnoli: usize = memory.data(256 * 4, 4);

function fillTable(table: usize, polynomial: u32): void {
  for (let i: u32 = 0; i < 256; i++) {
    let value = i;
    for (let bit = 0; bit < 8; bit++) value = (value >> 1) ^ (-(value & 1) & polynomial);
    store<u32>(table + ((<usize>i) << 2), value);
  }
}

function sum(table: usize, src: usize, size: u32, crc: u32): u32 {
  for (let i: usize = 0; i < <usize>size; i++) {
    crc = load<u32>(table + ((<usize>(crc ^ <u32>load<u8>(src + i)) & 0xff) << 2)) ^ (crc >> 8);
  }
  return crc;
}

/** The CRC of `size` bytes at `src`, behind bytes whose CRC is `before`. */
export function crc32(src: usize, size: u32, before: u32 = 0): u32 {
  if (load<u32>(plain + 4) == 0) fillTable(plain, 0xedb88320);
  return ~sum(plain, src, size, ~before);
}

/** Castagnoli's, as ext4 has it: what is usually inverted before and behind isn't, and `before` begins with all ones. */
export function rawCrc32c(src: usize, size: u32, before: u32): u32 {
  if (load<u32>(castagnoli + 4) == 0) fillTable(castagnoli, 0x82f63b78);
  return sum(castagnoli, src, size, before);
}

/** Castagnoli's, of `size` bytes at `src`. */
export function crc32c(src: usize, size: u32): u32 {
  return ~rawCrc32c(src, size, u32.MAX_VALUE);
}
