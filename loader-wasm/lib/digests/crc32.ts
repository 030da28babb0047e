// CRC-32 as in ISO 3309 (polynomial 0xedb88320, reflected), used by GPT and gzip.

/** One u32 for each byte value. */
const table: usize = memory.data(256 * 4, 4);

function fillTable(): void {
  for (let i: u32 = 0; i < 256; i++) {
    let value = i;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >> 1) ^ 0xedb88320 : value >> 1;
    store<u32>(table + ((<usize>i) << 2), value);
  }
}

/** The CRC of `size` bytes at `src`, behind bytes whose CRC is `before`. */
export function crc32(src: usize, size: u32, before: u32 = 0): u32 {
  if (load<u32>(table + 4) == 0) fillTable();
  let crc = ~before;
  for (let i: usize = 0; i < <usize>size; i++) {
    crc = load<u32>(table + ((<usize>(crc ^ <u32>load<u8>(src + i)) & 0xff) << 2)) ^ (crc >> 8);
  }
  return ~crc;
}
