// Compressed blocks of zstd (RFC 8878, 3.1.1.3): literals (literals.ts), and sequences, each of which puts some of them out
// and then repeats earlier output.

import { copyLiterals, repeat } from "../copies";
import { FseCode } from "./fse";
import { Literals, lastBit } from "./literals";

/** Extra bits of the symbols for the number of literals and for the length of what is repeated; those of offsets have n. */
const LITERALS_EXTRA: StaticArray<u8> = [
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
];
const MATCH_EXTRA: StaticArray<u8> = [
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3,
  3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
];
const OFFSET_EXTRA: StaticArray<u8> = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
];
const MATCH_MIN: u32 = 3;

/** How often symbols occur where a block says nothing else; bits of the states. */
const LITERALS_USUAL: StaticArray<i8> = [
  4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1,
];
const MATCH_USUAL: StaticArray<i8> = [
  1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
  1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
];
const OFFSET_USUAL: StaticArray<i8> = [
  1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
];
const LITERALS_USUAL_BITS: u32 = 6;
const MATCH_USUAL_BITS: u32 = 6;
const OFFSET_USUAL_BITS: u32 = 5;

/** How a block gives one of its codes. */
const MODE_USUAL: u32 = 0;
const MODE_SINGLE: u32 = 1;
const MODE_READ: u32 = 2;

/** Offsets up to this stand for those of earlier sequences. */
const RECENT: u32 = 3;

/** The blocks of one frame after the other. Codes and offsets go on from block to block until `reset`. */
export class BlockDecoder {
  private readonly literals: Literals = new Literals();
  private readonly literalLengths: FseCode = new FseCode(36, 9, 0, LITERALS_EXTRA);
  private readonly matchLengths: FseCode = new FseCode(53, 9, MATCH_MIN, MATCH_EXTRA);
  private readonly offsets: FseCode = new FseCode(32, 8, 1, OFFSET_EXTRA);
  /** The offsets used last. */
  private recent0: u32 = 1;
  private recent1: u32 = 4;
  private recent2: u32 = 8;

  /** A frame begins. */
  reset(): void {
    this.literals.reset();
    this.literalLengths.ready = false;
    this.matchLengths.ready = false;
    this.offsets.ready = false;
    this.recent0 = 1;
    this.recent1 = 4;
    this.recent2 = 8;
  }

  /**
   * Decodes the block of `size` bytes at `src` to `dst`, where there is room up to `dstEnd`; earlier output is at `lowest` up to
   * `dst`. At least five bytes before `src` are readable, as its own and the frame's header are. Returns where the output ends;
   * 0 when the block is damaged or has more.
   */
  decode(src: usize, size: u32, dst: usize, dstEnd: usize, lowest: usize): usize {
    const end = src + <usize>size;
    const literals = this.literals;
    src = literals.read(src, end);
    if (src == 0 || src >= end) return 0;
    let count = <u32>load<u8>(src++);
    if (count >= 128) {
      const more: usize = count == 255 ? 2 : 1;
      if (more > end - src) return 0;
      count = more == 2 ? <u32>load<u16>(src) + 0x7f00 : ((count - 128) << 8) + <u32>load<u8>(src);
      src += more;
    }
    if (count == 0) {
      if (src != end) return 0;
    } else {
      src = this.readCodes(src, end);
      if (src == 0) return 0;
      dst = this.sequences(src, end, count, dst, dstEnd, lowest);
      if (dst == 0) return 0;
    }
    const left = literals.end - literals.start;
    if (left > dstEnd - dst) return 0;
    copyLiterals(dst, literals.start, left, literals.readable, dstEnd);
    return dst + left;
  }

  /** Reads the three codes. Returns where their description ends; 0 for damage. */
  private readCodes(src: usize, end: usize): usize {
    if (src >= end) return 0;
    const modes = <u32>load<u8>(src++);
    // The lowest two bits are for what is to come.
    if ((modes & 3) != 0) return 0;
    src = readCode(this.literalLengths, modes >> 6, LITERALS_USUAL, LITERALS_USUAL_BITS, src, end);
    if (src != 0) src = readCode(this.offsets, (modes >> 4) & 3, OFFSET_USUAL, OFFSET_USUAL_BITS, src, end);
    if (src != 0) src = readCode(this.matchLengths, (modes >> 2) & 3, MATCH_USUAL, MATCH_USUAL_BITS, src, end);
    return src;
  }

  /** Decodes `count` sequences from the stream at `src`, and does what they say. Returns where the output ends, or 0. */
  private sequences(src: usize, end: usize, count: u32, dst: usize, dstEnd: usize, lowest: usize): usize {
    // Read as those of literals are (literals.ts), from the end, by eight bytes.
    const start = (<u64>src) << 3;
    let at = lastBit(src, end);
    if (at == 0) return 0;
    const literalTable = this.literalLengths.table();
    const offsetTable = this.offsets.table();
    const matchTable = this.matchLengths.table();
    let from = this.literals.start;
    const fromEnd = this.literals.end;
    const readable = this.literals.readable;
    let recent0 = this.recent0;
    let recent1 = this.recent1;
    let recent2 = this.recent2;

    let top = (at + 7) >> 3;
    let bits = load<u64>(<usize>top - 8) << ((top << 3) - at);
    let need = <u64>this.literalLengths.accuracy;
    let literalState = <usize>((bits >> 1) >> (63 - need));
    bits <<= need;
    at -= need;
    need = <u64>this.offsets.accuracy;
    let offsetState = <usize>((bits >> 1) >> (63 - need));
    bits <<= need;
    at -= need;
    need = <u64>this.matchLengths.accuracy;
    let matchState = <usize>((bits >> 1) >> (63 - need));
    at -= need;

    // A stream that comes to its start too soon gives nothing that matters until `at` is looked at.
    while (true) {
      const offsetEntry = load<u64>(offsetTable + (offsetState << 3));
      const matchEntry = load<u64>(matchTable + (matchState << 3));
      const literalEntry = load<u64>(literalTable + (literalState << 3));
      top = (at + 7) >> 3;
      // At least 57 bits: enough for offset and length (31 and 16), and for the rest (16, and 26 for states) if these are few.
      bits = load<u64>(<usize>top - 8) << ((top << 3) - at);
      need = (offsetEntry >> 48) & 0xff;
      let offset = <u32>offsetEntry + <u32>((bits >> 1) >> (63 - need));
      bits <<= need;
      at -= need;
      need = (matchEntry >> 48) & 0xff;
      const match = <usize>(<u32>matchEntry + <u32>((bits >> 1) >> (63 - need)));
      bits <<= need;
      at -= need;
      need = (literalEntry >> 48) & 0xff;
      if (((offsetEntry >> 48) & 0xff) + ((matchEntry >> 48) & 0xff) + need > 31) {
        top = (at + 7) >> 3;
        bits = load<u64>(<usize>top - 8) << ((top << 3) - at);
      }
      const plain = <usize>(<u32>literalEntry + <u32>((bits >> 1) >> (63 - need)));
      bits <<= need;
      at -= need;

      if (offset > RECENT) {
        offset -= RECENT;
        recent2 = recent1;
        recent1 = recent0;
        recent0 = offset;
      } else {
        if (plain == 0) offset++;
        if (offset == 1) {
          offset = recent0;
        } else {
          const used = offset == 2 ? recent1 : offset == 3 ? recent2 : recent0 - 1;
          if (offset != 2) recent2 = recent1;
          recent1 = recent0;
          recent0 = used;
          offset = used;
        }
      }

      // Both lengths have 17 bits, so they can't wrap.
      if (plain > fromEnd - from || plain + match > dstEnd - dst) return 0;
      if (plain <= 16 && readable - from >= 16 && dstEnd - dst >= 16) v128.store(dst, v128.load(from));
      else copyLiterals(dst, from, plain, readable, dstEnd);
      from += plain;
      dst += plain;
      if (offset == 0 || <usize>offset > dst - lowest) return 0;
      if (offset >= 16 && match <= 16 && dstEnd - dst >= 16) v128.store(dst, v128.load(dst - <usize>offset));
      else repeat(dst, <usize>offset, match, dstEnd);
      dst += match;

      if (--count == 0) break;
      if (at < start) return 0;
      need = literalEntry >> 56;
      literalState = <usize>((<u32>(literalEntry >> 32) & 0xffff) + <u32>((bits >> 1) >> (63 - need)));
      bits <<= need;
      at -= need;
      need = matchEntry >> 56;
      matchState = <usize>((<u32>(matchEntry >> 32) & 0xffff) + <u32>((bits >> 1) >> (63 - need)));
      bits <<= need;
      at -= need;
      need = offsetEntry >> 56;
      offsetState = <usize>((<u32>(offsetEntry >> 32) & 0xffff) + <u32>((bits >> 1) >> (63 - need)));
      at -= need;
    }
    if (at != start) return 0;
    this.literals.start = from;
    this.recent0 = recent0;
    this.recent1 = recent1;
    this.recent2 = recent2;
    return dst;
  }
}

/** Makes `code` what `mode` says. Returns where its description ends; 0 for damage. */
function readCode(code: FseCode, mode: u32, usual: StaticArray<i8>, bits: u32, src: usize, end: usize): usize {
  if (mode == MODE_READ) return code.read(src, end);
  if (mode == MODE_USUAL) {
    code.useUsual(usual, bits);
    return src;
  }
  if (mode == MODE_SINGLE) return src < end && code.useSingle(<i32>load<u8>(src)) ? src + 1 : 0;
  return code.ready ? src : 0;
}
