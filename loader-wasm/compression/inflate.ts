// Decoder of deflate streams (RFC 1951), for gzip files and for compressed ZFS blocks. What is decoded stays where it is
// written as long as it may be repeated: in a window of its own, or in memory that takes all of it.

import { allocate, burn } from "../lib/fault";
import { repeat } from "./copies";
import { Decoder } from "./decoder";
import { Completeness, HuffmanCode, SYMBOLS_MAX, TABLE_MASK } from "./huffman";
import { Input } from "./input";

/** Earlier output that can be repeated, and the memory that it slides through. */
const WINDOW_SIZE: usize = 32768;
const BUFFER_SIZE: usize = 98304;
/** Decoding stops that much before the buffer's end, so that what is repeated last has room. */
const MATCH_MAX: usize = 258;

const END_OF_BLOCK: i32 = 256;
/** Symbols of the alphabets, and those that mean something. */
const LITERALS_MAX: i32 = 286;
const DISTANCES_MAX: i32 = 30;
const LENGTH_CODES: i32 = 19;
const LENGTHS_MAX: i32 = 29;

/** Base value and extra bits of length and distance symbols. */
const LENGTH_BASE: StaticArray<u16> = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_EXTRA: StaticArray<u8> = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];
const DISTANCE_BASE: StaticArray<u16> = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];
const DISTANCE_EXTRA: StaticArray<u8> = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];
/** Order in which a dynamic block gives the lengths of the code lengths' own code. */
const CODE_ORDER: StaticArray<u8> = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** Code lengths while tables are built: literals and distances one after the other. */
const lengths: usize = memory.data(320);

enum Phase {
  Header,
  Stored,
  Codes,
}

/** The decoder. It can stop after any symbol, when there is no input or no room, and goes on from `phase`. */
export class Inflater extends Decoder {
  /** Its own window; 0 as long as it isn't needed. */
  private buffer: usize = 0;
  /** Output: its start, up to where it is delivered, its end, and the end of the memory for it. */
  private start: usize = 0;
  private delivered: usize = 0;
  private out: usize = 0;
  private outEnd: usize = 0;

  private hold: u64 = 0;
  private bits: u32 = 0;
  /** More bits are needed than there are. */
  private starved: bool = false;

  private phase: Phase = Phase.Header;
  private lastBlock: bool = false;
  /** Bytes left of a stored block. */
  private storedLeft: u32 = 0;
  private readonly literals: HuffmanCode = new HuffmanCode();
  private readonly distances: HuffmanCode = new HuffmanCode();

  constructor(input: Input) {
    super(input);
  }

  reset(): void {
    this.ended = false;
    this.failure = null;
    this.hold = 0;
    this.bits = 0;
    this.starved = false;
    this.phase = Phase.Header;
    this.lastBlock = false;
    this.useMemory(this.buffer, this.buffer + BUFFER_SIZE);
  }

  private useMemory(start: usize, end: usize): void {
    this.start = start;
    this.delivered = start;
    this.out = start;
    this.outEnd = end;
  }

  close(): void {
    if (this.buffer != 0) heap.free(this.buffer);
  }

  exhausted(): bool {
    return this.starved || (this.bits < 8 && !this.input.fill());
  }

  decode(dst: usize, size: i32): i32 {
    if (this.buffer == 0) {
      this.buffer = allocate(BUFFER_SIZE);
      this.useMemory(this.buffer, this.buffer + BUFFER_SIZE);
    }
    const stop = this.outEnd - MATCH_MAX;
    let done: usize = 0;
    while (done < <usize>size) {
      const wanted = <usize>size - done;
      while (this.out - this.delivered < wanted && this.out < stop && this.running()) {
        this.step(min(this.delivered + wanted, stop));
      }
      const ready = min(this.out - this.delivered, wanted);
      memory.copy(dst + done, this.delivered, ready);
      this.delivered += ready;
      done += ready;
      if (ready == wanted || this.out < stop) break;
      if (this.delivered == this.out) this.slide();
    }
    return <i32>done;
  }

  /** Makes room behind the window. */
  private slide(): void {
    memory.copy(this.buffer, this.out - WINDOW_SIZE, WINDOW_SIZE);
    this.delivered = this.buffer + WINDOW_SIZE;
    this.out = this.delivered;
  }

  /** Decodes a stream into all of the `size` bytes at `dst`. False when it is damaged, or has fewer or more. */
  decodeAll(dst: usize, size: u32): bool {
    this.reset();
    this.useMemory(dst, dst + <usize>size);
    while (this.running()) this.step(this.outEnd);
    return this.ended && this.out == this.outEnd;
  }

  private running(): bool {
    return !this.ended && !this.starved && this.failure === null;
  }

  private fail(what: string): void {
    this.failure = `inflate: ${what}`;
  }

  /** Behind the end of the stream: the next 32 bits from the next whole byte on, -1 when there aren't as many. */
  trailer(): i64 {
    this.take(this.bits & 7);
    return this.take(32);
  }

  // ---- bits -------------------------------------------------------------------------------------------

  /** Collects bits while there is room and input. Those above `bits` are none, or the ones that come next. */
  private refill(): void {
    const input = this.input;
    while (this.bits <= 56) {
      if (input.next == input.end && !input.fill()) return;
      this.hold |= (<u64>load<u8>(input.next)) << (<u64>this.bits);
      input.next++;
      this.bits += 8;
    }
  }

  /** Takes `count` (at most 32) bits; -1 when there aren't as many. */
  private take(count: u32): i64 {
    if (this.bits < count) {
      this.refill();
      if (this.bits < count) {
        this.starved = true;
        return -1;
      }
    }
    const value = this.hold & (((<u64>1) << (<u64>count)) - 1);
    this.hold >>= <u64>count;
    this.bits -= count;
    return <i64>value;
  }

  /** Takes a symbol of `code`; -1 when bits are missing, -2 when there is no such code. */
  private symbol(code: HuffmanCode): i32 {
    if (this.bits < 15) this.refill();
    const found = code.find(this.hold);
    if (found < 0) return -2;
    const length = <u32>(found & 15);
    if (length > this.bits) {
      this.starved = true;
      return -1;
    }
    this.hold >>= <u64>length;
    this.bits -= length;
    return found >> 4;
  }

  // ---- blocks -----------------------------------------------------------------------------------------

  /** Decodes on, at most a little past `limit` bytes of output. */
  private step(limit: usize): void {
    burn(1);
    if (this.phase == Phase.Header) this.readHeader();
    else if (this.phase == Phase.Stored) this.copyStored(limit);
    else this.decodeCodes(limit);
  }

  private endBlock(): void {
    this.phase = Phase.Header;
    if (this.lastBlock) this.ended = true;
  }

  private readHeader(): void {
    const header = this.take(3);
    if (header < 0) return;
    this.lastBlock = (header & 1) != 0;
    switch (<i32>(header >> 1)) {
      case 0:
        this.readStoredHeader();
        break;
      case 1:
        this.fixedCodes();
        this.phase = Phase.Codes;
        break;
      case 2:
        if (this.readCodes()) this.phase = Phase.Codes;
        break;
      default:
        this.fail("invalid block type");
    }
  }

  private readStoredHeader(): void {
    this.take(this.bits & 7);
    const size = this.take(16);
    const check = this.take(16);
    if (check < 0) return;
    if (size != (check ^ 0xffff)) {
      this.fail("invalid stored block lengths");
      return;
    }
    this.storedLeft = <u32>size;
    this.phase = Phase.Stored;
    if (size == 0) this.endBlock();
  }

  private copyStored(limit: usize): void {
    const input = this.input;
    while (this.storedLeft > 0 && this.out <= limit) {
      if (this.out == this.outEnd) {
        this.fail("more than there is room for");
        return;
      }
      if (this.out == limit) return;
      if (this.bits > 0) {
        // Whole bytes, as the header ended with one.
        store<u8>(this.out++, <u8>this.take(8));
        this.storedLeft--;
        continue;
      }
      // Above the bits that count there may be some of the next bytes (decodeCodes).
      this.hold = 0;
      if (!input.fill()) {
        this.starved = true;
        return;
      }
      const piece = min(min(<usize>this.storedLeft, limit - this.out), input.end - input.next);
      memory.copy(this.out, input.next, piece);
      input.next += piece;
      this.out += piece;
      this.storedLeft -= <u32>piece;
    }
    if (this.storedLeft == 0) this.endBlock();
  }

  private fixedCodes(): void {
    for (let i = 0; i < SYMBOLS_MAX; i++) {
      store<u8>(lengths + <usize>i, i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8);
    }
    this.literals.build(lengths, SYMBOLS_MAX);
    memory.fill(lengths, 5, 32);
    this.distances.build(lengths, 32);
  }

  /** Reads the codes of a dynamic block. */
  private readCodes(): bool {
    const head = <i32>this.take(14);
    if (head < 0) return false;
    const literalCount = (head & 31) + 257;
    const distanceCount = ((head >> 5) & 31) + 1;
    const codeCount = (head >> 10) + 4;
    if (literalCount > LITERALS_MAX || distanceCount > DISTANCES_MAX) {
      this.fail("too many length or distance symbols");
      return false;
    }
    memory.fill(lengths, 0, LENGTH_CODES);
    for (let i = 0; i < codeCount; i++) {
      const length = this.take(3);
      if (length < 0) return false;
      store<u8>(lengths + <usize>CODE_ORDER[i], <u8>length);
    }
    if (this.literals.build(lengths, LENGTH_CODES) != Completeness.Complete) {
      this.fail("invalid code lengths set");
      return false;
    }
    if (!this.readLengths(literalCount + distanceCount)) return false;
    if (load<u8>(lengths + <usize>END_OF_BLOCK) == 0) {
      this.fail("invalid code -- missing end-of-block");
      return false;
    }
    if (!usable(this.distances, lengths + <usize>literalCount, distanceCount)) {
      this.fail("invalid distances set");
      return false;
    }
    if (!usable(this.literals, lengths, literalCount)) {
      this.fail("invalid literal/lengths set");
      return false;
    }
    return true;
  }

  /** Reads `count` code lengths, packed with the code that `literals` holds just now. */
  private readLengths(count: i32): bool {
    let at = 0;
    while (at < count) {
      const symbol = this.symbol(this.literals);
      if (symbol < 0) {
        if (symbol == -2) this.fail("invalid code lengths set");
        return false;
      }
      if (symbol < 16) {
        store<u8>(lengths + <usize>at, <u8>symbol);
        at++;
        continue;
      }
      let value: u8 = 0;
      let repeat = 0;
      if (symbol == 16) {
        if (at == 0) {
          this.fail("invalid bit length repeat");
          return false;
        }
        value = load<u8>(lengths + <usize>(at - 1));
        repeat = 3 + <i32>this.take(2);
      } else {
        repeat = symbol == 17 ? 3 + <i32>this.take(3) : 11 + <i32>this.take(7);
      }
      if (this.starved) return false;
      if (at + repeat > count) {
        this.fail("invalid bit length repeat");
        return false;
      }
      memory.fill(lengths + <usize>at, value, <usize>repeat);
      at += repeat;
    }
    return true;
  }

  // ---- output -----------------------------------------------------------------------------------------

  /** Decodes a block's symbols until there are `limit` bytes, or a few more; where the memory ends, until the block does. */
  private decodeCodes(limit: usize): void {
    const input = this.input;
    const literals = changetype<usize>(this.literals.table);
    const distances = changetype<usize>(this.distances.table);
    const outEnd = this.outEnd;
    const before = this.out;
    let out = before;
    let hold = this.hold;
    let bits = this.bits;
    while (out < limit || out == outEnd) {
      // At most 48 bits until the next look: two codes of 15, and 5 and 13 extra bits.
      if (bits < 48) {
        if (input.end - input.next >= 8) {
          // More bits come along than count from now on: they are the same ones when they come again.
          hold |= load<u64>(input.next) << (<u64>bits);
          input.next += <usize>((63 - bits) >> 3);
          bits |= 56;
        } else {
          this.hold = hold;
          this.bits = bits;
          this.refill();
          hold = this.hold;
          bits = this.bits;
        }
      }
      let found = <i32>load<u16>(literals + ((<usize>hold & TABLE_MASK) << 1));
      if (found == 0) found = this.literals.find(hold);
      let taken = <u32>found & 15;
      if (found < 0) {
        this.fail("invalid literal/length code");
        break;
      }
      if (taken > bits) {
        this.starved = true;
        break;
      }
      hold >>= <u64>taken;
      bits -= taken;
      const symbol = found >> 4;
      if (symbol == END_OF_BLOCK) {
        this.endBlock();
        break;
      }
      if (out == outEnd) {
        this.fail("more than there is room for");
        break;
      }
      if (symbol < END_OF_BLOCK) {
        store<u8>(out++, <u8>symbol);
        continue;
      }
      const index = symbol - END_OF_BLOCK - 1;
      if (index >= LENGTHS_MAX) {
        this.fail("invalid literal/length code");
        break;
      }
      // Of these tables an index is less than what was just looked at.
      taken = <u32>unchecked(LENGTH_EXTRA[index]);
      const count = <usize>unchecked(LENGTH_BASE[index]) + (<usize>hold & (((<usize>1) << (<usize>taken)) - 1));
      if (taken > bits) {
        this.starved = true;
        break;
      }
      hold >>= <u64>taken;
      bits -= taken;
      found = <i32>load<u16>(distances + ((<usize>hold & TABLE_MASK) << 1));
      if (found == 0) found = this.distances.find(hold);
      if (found < 0 || found >> 4 >= DISTANCES_MAX) {
        this.fail("invalid distance code");
        break;
      }
      taken = <u32>found & 15;
      const more = <u32>unchecked(DISTANCE_EXTRA[found >> 4]);
      if (taken + more > bits) {
        this.starved = true;
        break;
      }
      hold >>= <u64>taken;
      const distance =
        <usize>unchecked(DISTANCE_BASE[found >> 4]) + (<usize>hold & (((<usize>1) << (<usize>more)) - 1));
      hold >>= <u64>more;
      bits -= taken + more;
      if (distance > out - this.start || distance > WINDOW_SIZE) {
        this.fail("invalid distance too far back");
        break;
      }
      if (count > outEnd - out) {
        this.fail("more than there is room for");
        break;
      }
      if (distance >= 16 && count <= 16 && outEnd - out >= 16) v128.store(out, v128.load(out - distance));
      else repeat(out, distance, count, outEnd);
      out += count;
    }
    this.hold = hold;
    this.bits = bits;
    this.out = out;
    burn(<i64>((out - before) >> 4));
  }
}

/** Builds `code`. An incomplete one will do only with at most one bit: a single code, or none that is ever used. */
function usable(code: HuffmanCode, src: usize, count: i32): bool {
  const completeness = code.build(src, count);
  if (completeness == Completeness.OverSubscribed) return false;
  return completeness == Completeness.Complete || code.longest <= 1;
}
