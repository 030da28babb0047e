// CRC-32C (Castagnoli; RFC 3720, 12.1), by which a reader of a machine file knows that it has all of it, as it was written.

const POLYNOMIAL = 0x82f6_3b78;

const TABLE = /* @__PURE__ */ Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  return value;
});

/** Takes bytes and tells their check. */
export class Crc32c {
  #state = 0xffff_ffff;

  /** Takes the next bytes. */
  add(bytes: Uint8Array): void {
    let state = this.#state;
    for (let i = 0; i < bytes.length; i++) state = TABLE[(state ^ bytes[i]!) & 0xff]! ^ (state >>> 8);
    this.#state = state;
  }

  /** Of all bytes so far. */
  get value(): number {
    return ~this.#state >>> 0;
  }
}
