// Canonical Huffman codes with their least significant bit first, as deflate has them: a table answers codes of up to ten
// bits at once, longer ones are found by counting.

/** Longest code, and bits answered by the table. */
export const CODE_BITS_MAX: i32 = 15;
const TABLE_BITS: i32 = 10;
const TABLE_ENTRIES: i32 = 1024;
/** Of the next bits, those that the table is indexed by. */
export const TABLE_MASK: usize = 1023;
/** Most symbols of a code. */
export const SYMBOLS_MAX: i32 = 288;

/** How a set of code lengths fills the space of codes. */
export enum Completeness {
  OverSubscribed,
  Incomplete,
  Complete,
}

/**
 * A code; it can be built anew for each block. The codes themselves are never stored: with the lengths given, symbols
 * in the order of (length, number) have consecutive ones.
 */
export class HuffmanCode {
  /** u16 each: symbol << 4 | bits, 0 where the code is longer (or none). */
  readonly table: StaticArray<u16> = new StaticArray<u16>(TABLE_ENTRIES);
  /** Number of codes of each length. */
  private readonly counts: StaticArray<i32> = new StaticArray<i32>(CODE_BITS_MAX + 1);
  /** Of each length the next code, and its place among the symbols, while the code is built. */
  private readonly codes: StaticArray<i32> = new StaticArray<i32>(CODE_BITS_MAX + 1);
  private readonly places: StaticArray<i32> = new StaticArray<i32>(CODE_BITS_MAX + 1);
  /** Symbols in order of their codes. */
  private readonly symbols: StaticArray<u16> = new StaticArray<u16>(SYMBOLS_MAX);
  /** Longest code in use, 0 for none. */
  longest: i32 = 0;

  /** Takes the code lengths (u8 each) of `count` symbols at `lengths`. */
  build(lengths: usize, count: i32): Completeness {
    const counts = this.counts;
    for (let bits = 0; bits <= CODE_BITS_MAX; bits++) counts[bits] = 0;
    for (let i = 0; i < count; i++) counts[load<u8>(lengths + <usize>i)]++;
    counts[0] = 0;
    this.longest = 0;
    let left = 1;
    for (let bits = 1; bits <= CODE_BITS_MAX; bits++) {
      left = (left << 1) - counts[bits];
      if (left < 0) return Completeness.OverSubscribed;
      if (counts[bits] > 0) this.longest = bits;
    }
    memory.fill(changetype<usize>(this.table), 0, <usize>TABLE_ENTRIES * 2);
    const codes = this.codes;
    const places = this.places;
    let code = 0;
    let place = 0;
    for (let bits = 1; bits <= this.longest; bits++) {
      codes[bits] = code;
      places[bits] = place;
      code = (code + counts[bits]) << 1;
      place += counts[bits];
    }
    for (let i = 0; i < count; i++) {
      const bits = <i32>load<u8>(lengths + <usize>i);
      if (bits == 0) continue;
      this.symbols[places[bits]++] = <u16>i;
      if (bits <= TABLE_BITS) this.enter(reverse(codes[bits]++, bits), bits, i);
    }
    return left > 0 ? Completeness.Incomplete : Completeness.Complete;
  }

  private enter(reversed: i32, bits: i32, symbol: i32): void {
    const value = <u16>((symbol << 4) | bits);
    for (let at = reversed; at < TABLE_ENTRIES; at += 1 << bits) unchecked((this.table[at] = value));
  }

  /**
   * The code at the low end of `hold`: its symbol << 4 | bits. The caller sees
   * from the bits whether it has them all. -1 for no code.
   */
  find(hold: u64): i32 {
    const quick = <i32>load<u16>(changetype<usize>(this.table) + ((<usize>hold & TABLE_MASK) << 1));
    if (quick != 0) return quick;
    let code = 0;
    let first = 0;
    let place = 0;
    for (let bits = 1; bits <= this.longest; bits++) {
      code |= <i32>((hold >> <u64>(bits - 1)) & 1);
      const count = unchecked(this.counts[bits]);
      if (code - first < count) return ((<i32>unchecked(this.symbols[place + code - first])) << 4) | bits;
      place += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    return -1;
  }
}

/** The low `bits` bits of `code` in reverse order. */
function reverse(code: i32, bits: i32): i32 {
  let result = 0;
  for (let i = 0; i < bits; i++) result |= ((code >> i) & 1) << (bits - 1 - i);
  return result;
}
