// CRC-32 as in ISO 3309 (polynomial 0xedb88320, reflected), used by GPT and gzip, and Castagnoli's (0x82f63b78, reflected),
// which ext4 uses.

/** One u32 for each byte value, of both. */
const table: usize = memory.data(256 * 4, 4);
const tableC: usize = memory.data(256 * 4, 4);

function fillTable(table: usize, polynomial: u32): void {
  for (let i: u32 = 0; i < 256; i++) {
    let value = i;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >> 1) ^ polynomial : value >> 1;
    store<u32>(table + ((<usize>i) << 2), value);
  }
}

/** The CRC of `size` bytes at `src`, behind bytes whose CRC is `before`. */
export function crc32(src: usize, size: u32, before: u32 = 0): u32 {
  if (load<u32>(table + 4) == 0) fillTable(table, 0xedb88320);
  let crc = ~before;
  for (let i: usize = 0; i < <usize>size; i++) {
    crc = load<u32>(table + ((<usize>(crc ^ <u32>load<u8>(src + i)) & 0xff) << 2)) ^ (crc >> 8);
  }
  return ~crc;
}

/** Castagnoli's, as ext4 has it: what is usually inverted before and behind isn't, and `before` begins with all ones. */
export function crc32c(src: usize, size: u32, before: u32): u32 {
  if (load<u32>(tableC + 4) == 0) fillTable(tableC, 0x82f63b78);
  let crc = before;
  for (let i: usize = 0; i < <usize>size; i++) {
    crc = load<u32>(tableC + ((<usize>(crc ^ <u32>load<u8>(src + i)) & 0xff) << 2)) ^ (crc >> 8);
  }
  return crc;
}
