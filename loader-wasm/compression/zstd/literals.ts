// Literals of zstd blocks (RFC 8878, 3.1.1.3.1 and 4.2): bytes as they are, one byte many times, or Huffman-coded in one
// or four streams that are read from their ends.

import { entryBase, entryBits, entryNext, FseCode } from "./fse";

/** Bytes of a block, and so of its literals, at most. */
export const BLOCK_MAX: u32 = 131072;
/** Behind the literals there is room for a copy by 16 bytes to overrun. */
const OVERRUN: i32 = 32;

const CODE_BITS_MAX: u32 = 11;
const CODES_MAX: i32 = 2048;
const SYMBOLS_MAX: i32 = 256;
const WEIGHT_ACCURACY_MAX: u32 = 6;

/** Types of a literals section. */
const RAW: u32 = 0;
const RLE: u32 = 1;
const TREELESS: u32 = 3;

const weights: usize = memory.data(SYMBOLS_MAX, 8);
/** For each weight, where the codes of its symbols begin in the table. */
const starts: usize = memory.data((CODE_BITS_MAX + 2) * 4, 4);

/** The literals of one block after the other; Huffman codes may be used again by the next block. */
export class Literals {
  /** The literals of the block: `start` up to `end`; bytes up to `readable` may be read. */
  start: usize = 0;
  end: usize = 0;
  readable: usize = 0;

  private readonly buffer: StaticArray<u8> = new StaticArray<u8>(<i32>BLOCK_MAX + OVERRUN);
  /** For the next bits of a stream, as many as the longest code has: u16 of length, and symbol << 8. */
  private readonly table: StaticArray<u16> = new StaticArray<u16>(CODES_MAX);
  /** Bits of the longest code; 0 as long as there are none. */
  private longest: u32 = 0;
  private readonly weightCode: FseCode = new FseCode(CODE_BITS_MAX + 2, WEIGHT_ACCURACY_MAX, 0, null);

  /** Forgets the codes. */
  reset(): void {
    this.longest = 0;
  }

  /** Reads the section at `src`. Returns where it ends; 0 when it is damaged. */
  read(src: usize, end: usize): usize {
    if (end - src < 5) return this.readShort(src, end);
    const head = load<u32>(src);
    const type = head & 3;
    const format = (head >> 2) & 3;
    if (type <= RLE) return this.readPlain(src, end);
    // Both sizes have 10, 10, 14 or 18 bits behind the first four.
    const sizeBits = format < 2 ? 10 : format == 2 ? 14 : 18;
    const sizes = (<u64>head | ((<u64>load<u8>(src, 4)) << 32)) >> 4;
    const mask = ((<u32>1) << sizeBits) - 1;
    const size = <u32>sizes & mask;
    const packed = <usize>(<u32>(sizes >> <u64>sizeBits) & mask);
    src += (4 + 2 * sizeBits) >> 3;
    if (size > BLOCK_MAX || packed > end - src) return 0;
    const stop = src + packed;
    if (type != TREELESS) src = this.readCode(src, stop);
    if (src == 0 || this.longest == 0) return 0;
    this.start = changetype<usize>(this.buffer);
    this.end = this.start + <usize>size;
    this.readable = this.end + <usize>OVERRUN;
    const good = format == 0 ? this.stream(src, stop, this.start, this.end) : this.fourStreams(src, stop, size);
    return good ? stop : 0;
  }

  /** Sections of less than five bytes can't be Huffman-coded. */
  private readShort(src: usize, end: usize): usize {
    return src < end && (<u32>load<u8>(src) & 3) <= RLE ? this.readPlain(src, end) : 0;
  }

  private readPlain(src: usize, end: usize): usize {
    const first = <u32>load<u8>(src);
    const format = (first >> 2) & 3;
    let head: usize = 1;
    let size = first >> 3;
    if ((format & 1) != 0) {
      head = format == 1 ? 2 : 3;
      if (end - src < head) return 0;
      size = (first >> 4) | ((<u32>load<u8>(src, 1)) << 4);
      if (format == 3) size |= (<u32>load<u8>(src, 2)) << 12;
    }
    src += head;
    if (size > BLOCK_MAX) return 0;
    if ((first & 3) == RAW) {
      if (<usize>size > end - src) return 0;
      this.start = src;
      this.end = src + <usize>size;
      this.readable = end;
      return this.end;
    }
    if (src >= end) return 0;
    memory.fill(changetype<usize>(this.buffer), load<u8>(src), <usize>size);
    this.start = changetype<usize>(this.buffer);
    this.end = this.start + <usize>size;
    this.readable = this.end + <usize>OVERRUN;
    return src + 1;
  }

  // ---- the code ---------------------------------------------------------------------------------------

  /** Reads the code at `src`. Returns where its description ends; 0 when it is damaged. */
  private readCode(src: usize, end: usize): usize {
    this.longest = 0;
    if (src >= end) return 0;
    const first = <u32>load<u8>(src++);
    const packed = first < 128 ? <usize>first : <usize>((first - 126) >> 1);
    if (packed > end - src) return 0;
    let count = 0;
    if (first < 128) {
      count = this.readWeights(src, src + packed);
    } else {
      count = <i32>(first - 127);
      for (let i = 0; i < count; i++) {
        const pair = load<u8>(src + <usize>(i >> 1));
        store<u8>(weights + <usize>i, (i & 1) == 0 ? pair >> 4 : pair & 15);
      }
    }
    return count > 0 && this.build(count) ? src + packed : 0;
  }

  /** Reads weights that are FSE-coded, by two states that take turns. Returns how many; 0 for damage. */
  private readWeights(src: usize, end: usize): i32 {
    const code = this.weightCode;
    src = code.read(src, end);
    if (src == 0) return 0;
    let at = lastBit(src, end);
    const start = (<u64>src) << 3;
    const accuracy = <u64>code.accuracy;
    if (at < start + 2 * accuracy) return 0;
    let state = <u32>backwardBits(at, accuracy);
    let other = <u32>backwardBits(at - accuracy, accuracy);
    at -= 2 * accuracy;
    // The last symbol has none, so there is always one more to come.
    for (let count = 0; count < SYMBOLS_MAX - 2; count++) {
      const entry = load<u64>(code.table() + ((<usize>state) << 3));
      store<u8>(weights + <usize>count, <u8>entryBase(entry));
      const bits = entryBits(entry);
      if (bits > at - start) {
        store<u8>(weights + <usize>(count + 1), load<u8>(code.table() + ((<usize>other) << 3)));
        return count + 2;
      }
      state = other;
      other = entryNext(entry) + <u32>backwardBits(at, bits);
      at -= bits;
    }
    return 0;
  }

  /** Builds the table from `count` weights; the one more that there is follows from them. */
  private build(count: i32): bool {
    memory.fill(starts, 0, (CODE_BITS_MAX + 2) * 4);
    let total: u32 = 0;
    for (let i = 0; i < count; i++) {
      const weight = <u32>load<u8>(weights + <usize>i);
      if (weight > CODE_BITS_MAX) return false;
      total += ((<u32>1) << weight) >> 1;
      const sized = starts + ((<usize>weight) << 2);
      store<u32>(sized, load<u32>(sized) + 1);
    }
    if (total == 0) return false;
    const longest: u32 = 32 - clz<u32>(total);
    const rest = ((<u32>1) << longest) - total;
    if (longest > CODE_BITS_MAX || popcnt<u32>(rest) != 1) return false;
    const last = ctz<u32>(rest) + 1;
    store<u8>(weights + <usize>count, <u8>last);
    const sized = starts + ((<usize>last) << 2);
    store<u32>(sized, load<u32>(sized) + 1);
    const table = changetype<usize>(this.table);
    let place: u32 = 0;
    for (let weight: u32 = 1; weight <= longest; weight++) {
      const at = starts + ((<usize>weight) << 2);
      const width = load<u32>(at) << (weight - 1);
      store<u32>(at, place);
      place += width;
    }
    for (let i = 0; i <= count; i++) {
      const weight = <u32>load<u8>(weights + <usize>i);
      if (weight == 0) continue;
      const at = starts + ((<usize>weight) << 2);
      const begin = load<u32>(at);
      const width = ((<u32>1) << weight) >> 1;
      store<u32>(at, begin + width);
      const entry = <u16>(((<u32>i) << 8) | (longest + 1 - weight));
      const stop = table + ((<usize>(begin + width)) << 1);
      for (let to = table + ((<usize>begin) << 1); to < stop; to += 2) store<u16>(to, entry);
    }
    this.longest = longest;
    return true;
  }

  // ---- streams ----------------------------------------------------------------------------------------

  // A place in a stream is counted in bits of memory: the address times eight. What is before it is to be read. Streams are
  // read by eight bytes, and so may be the up to seven bytes before one: those are of the block's header and of its frame's
  // (block.ts). Such bits are never taken but by a damaged stream, which is found to be one as its end is before its start.

  /** Decodes the stream from `src` to `end` into all of `to` up to `stop`. */
  private stream(src: usize, end: usize, to: usize, stop: usize): bool {
    const at = lastBit(src, end);
    return at != 0 && this.finish((<u64>src) << 3, at, to, stop);
  }

  /** Decodes what is left of a stream, which begins at `start`, from place `at` on. */
  private finish(start: u64, at: u64, to: usize, stop: usize): bool {
    const table = changetype<usize>(this.table);
    const shift = <u64>(64 - this.longest);
    while (stop - to >= 5) {
      if (at <= start) return false;
      const top = (at + 7) >> 3;
      let bits = load<u64>(<usize>top - 8) << ((top << 3) - at);
      for (let i: usize = 0; i < 5; i++) {
        const entry = <u64>load<u16>(table + ((<usize>(bits >> shift)) << 1));
        store<u8>(to + i, <u8>(entry >> 8));
        bits <<= entry;
        at -= entry & 15;
      }
      to += 5;
    }
    for (; to < stop; to++) {
      if (at <= start) return false;
      const top = (at + 7) >> 3;
      const bits = load<u64>(<usize>top - 8) << ((top << 3) - at);
      const entry = <u64>load<u16>(table + ((<usize>(bits >> shift)) << 1));
      store<u8>(to, <u8>(entry >> 8));
      at -= entry & 15;
    }
    return at == start;
  }

  /** Decodes four streams side by side, each a quarter of `size` bytes, whose sizes but the last come first. */
  private fourStreams(src: usize, end: usize, size: u32): bool {
    if (end - src < 10 || size < 6) return false;
    const quarter = <usize>((size + 3) >> 2);
    const second = src + 6 + <usize>load<u16>(src);
    const third = second + <usize>load<u16>(src, 2);
    const fourth = third + <usize>load<u16>(src, 4);
    if (fourth >= end) return false;
    const start0 = (<u64>(src + 6)) << 3;
    const start1 = (<u64>second) << 3;
    const start2 = (<u64>third) << 3;
    const start3 = (<u64>fourth) << 3;
    let at0 = lastBit(src + 6, second);
    let at1 = lastBit(second, third);
    let at2 = lastBit(third, fourth);
    let at3 = lastBit(fourth, end);
    if (at0 == 0 || at1 == 0 || at2 == 0 || at3 == 0) return false;
    const table = changetype<usize>(this.table);
    const shift = <u64>(64 - this.longest);
    let to = this.start;
    // Five codes have at most 55 bits, so that many times none of the streams, and none of the quarters, can run out.
    const lastStop = this.end;
    if (lastStop - to < 3 * quarter) return false;
    while (true) {
      const bits = min(min(at0 - start0, at1 - start1), min(at2 - start2, at3 - start3));
      const room = lastStop - to > 3 * quarter ? lastStop - to - 3 * quarter : 0;
      let times = min(<u32>(bits / 55), <u32>room / 5);
      if (times == 0) break;
      for (; times > 0; times--) {
        const top0 = (at0 + 7) >> 3;
        const top1 = (at1 + 7) >> 3;
        const top2 = (at2 + 7) >> 3;
        const top3 = (at3 + 7) >> 3;
        // The lowest bit of the eight bytes, which isn't used before they are read again, marks how far they were.
        let bits0 = (load<u64>(<usize>top0 - 8) | 1) << ((top0 << 3) - at0);
        let bits1 = (load<u64>(<usize>top1 - 8) | 1) << ((top1 << 3) - at1);
        let bits2 = (load<u64>(<usize>top2 - 8) | 1) << ((top2 << 3) - at2);
        let bits3 = (load<u64>(<usize>top3 - 8) | 1) << ((top3 << 3) - at3);
        for (const stop = to + 5; to < stop; to++) {
          const entry0 = <u64>load<u16>(table + ((<usize>(bits0 >> shift)) << 1));
          const entry1 = <u64>load<u16>(table + ((<usize>(bits1 >> shift)) << 1));
          const entry2 = <u64>load<u16>(table + ((<usize>(bits2 >> shift)) << 1));
          const entry3 = <u64>load<u16>(table + ((<usize>(bits3 >> shift)) << 1));
          // A shift takes the low six bits of its count, which are the length.
          bits0 <<= entry0;
          bits1 <<= entry1;
          bits2 <<= entry2;
          bits3 <<= entry3;
          store<u8>(to, <u8>(entry0 >> 8));
          store<u8>(to + quarter, <u8>(entry1 >> 8));
          store<u8>(to + 2 * quarter, <u8>(entry2 >> 8));
          store<u8>(to + 3 * quarter, <u8>(entry3 >> 8));
        }
        at0 = (top0 << 3) - ctz(bits0);
        at1 = (top1 << 3) - ctz(bits1);
        at2 = (top2 << 3) - ctz(bits2);
        at3 = (top3 << 3) - ctz(bits3);
      }
    }
    const from = this.start;
    return (
      this.finish(start0, at0, to, from + quarter) &&
      this.finish(start1, at1, to + quarter, from + 2 * quarter) &&
      this.finish(start2, at2, to + 2 * quarter, from + 3 * quarter) &&
      this.finish(start3, at3, to + 3 * quarter, lastStop)
    );
  }
}

/** The place of the last bit of a stream from `src` to `end`, behind which a one and zeros fill the byte; 0 for damage. */
export function lastBit(src: usize, end: usize): u64 {
  if (src >= end || load<u8>(end - 1) == 0) return 0;
  return ((<u64>end) << 3) - <u64>(clz<u32>(load<u8>(end - 1)) - 23);
}

/** `count` (at most 16) bits before place `at`. */
function backwardBits(at: u64, count: u64): u64 {
  const top = (at + 7) >> 3;
  const bits = load<u64>(<usize>top - 8) << ((top << 3) - at);
  // In two steps, since none of a shift's 64 would be no shift at all.
  return (bits >> 1) >> (63 - count);
}
