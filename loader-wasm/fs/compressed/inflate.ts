// Decoder of deflate streams (RFC 1951), for gzip files and for compressed ZFS blocks. Output goes through a ring that
// doubles as the window of earlier output.

import { allocate, burn } from "../../lib/fault";
import { Decoder } from "./decoder";
import { Completeness, HuffmanCode, SYMBOLS_MAX } from "./huffman";
import { Input } from "./input";

/** The ring: the window of 32 KiB and what is not delivered yet. */
const RING_SIZE: u32 = 65536;
const RING_MASK: u32 = RING_SIZE - 1;
const WINDOW_SIZE: u64 = 32768;
/** Most bytes decoded before they are delivered. */
const BATCH: u32 = 16384;

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
  private readonly ring: usize = allocate(RING_SIZE);
  /** Bytes decoded, and of those delivered. */
  private produced: u64 = 0;
  private delivered: u64 = 0;

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
    this.produced = 0;
    this.delivered = 0;
    this.hold = 0;
    this.bits = 0;
    this.starved = false;
    this.phase = Phase.Header;
    this.lastBlock = false;
  }

  close(): void {
    heap.free(this.ring);
  }

  exhausted(): bool {
    return this.starved || (this.bits < 8 && !this.input.fill());
  }

  decode(dst: usize, size: i32): i32 {
    let done: u32 = 0;
    while (done < <u32>size) {
      const batch = min(<u32>size - done, BATCH);
      while (this.produced - this.delivered < <u64>batch && this.running()) this.step(this.delivered + <u64>batch);
      const ready = <u32>min(this.produced - this.delivered, <u64>batch);
      this.deliver(dst + <usize>done, ready);
      done += ready;
      if (ready < batch) break;
    }
    return <i32>done;
  }

  private running(): bool {
    return !this.ended && !this.starved && this.failure === null;
  }

  private deliver(dst: usize, size: u32): void {
    const at = <u32>this.delivered & RING_MASK;
    const first = min(size, RING_SIZE - at);
    memory.copy(dst, this.ring + <usize>at, <usize>first);
    memory.copy(dst + <usize>first, this.ring, <usize>(size - first));
    this.delivered += <u64>size;
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

  /** Collects bits while there is room and input. */
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
  private step(limit: u64): void {
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

  private copyStored(limit: u64): void {
    while (this.storedLeft > 0 && this.produced < limit) {
      const byte = this.take(8);
      if (byte < 0) return;
      this.put(<u8>byte);
      this.storedLeft--;
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

  private put(byte: u8): void {
    store<u8>(this.ring + <usize>(<u32>this.produced & RING_MASK), byte);
    this.produced++;
  }

  private decodeCodes(limit: u64): void {
    const before = this.produced;
    while (this.produced < limit) {
      const symbol = this.symbol(this.literals);
      if (symbol < 0) {
        if (symbol == -2) this.fail("invalid literal/length code");
        break;
      }
      if (symbol < END_OF_BLOCK) {
        this.put(<u8>symbol);
      } else if (symbol == END_OF_BLOCK) {
        this.endBlock();
        break;
      } else if (!this.copyMatch(symbol - END_OF_BLOCK - 1)) {
        break;
      }
    }
    burn(<i64>((this.produced - before) >> 4));
  }

  /** Repeats earlier output; `index` is the length symbol, counted from the first. */
  private copyMatch(index: i32): bool {
    if (index >= LENGTHS_MAX) {
      this.fail("invalid literal/length code");
      return false;
    }
    const length = <u32>LENGTH_BASE[index] + <u32>this.take(LENGTH_EXTRA[index]);
    if (this.starved) return false;
    const symbol = this.symbol(this.distances);
    if (symbol == -2 || symbol >= DISTANCES_MAX) {
      this.fail("invalid distance code");
      return false;
    }
    if (symbol < 0) return false;
    const distance = <u64>DISTANCE_BASE[symbol] + <u64>this.take(DISTANCE_EXTRA[symbol]);
    if (this.starved) return false;
    if (distance > this.produced || distance > WINDOW_SIZE) {
      this.fail("invalid distance too far back");
      return false;
    }
    let to = <u32>this.produced;
    let from = <u32>(this.produced - distance);
    for (let i: u32 = 0; i < length; i++) {
      store<u8>(this.ring + <usize>(to++ & RING_MASK), load<u8>(this.ring + <usize>(from++ & RING_MASK)));
    }
    this.produced += <u64>length;
    return true;
  }
}

/** Builds `code`. An incomplete one will do only with at most one bit: a single code, or none that is ever used. */
function usable(code: HuffmanCode, src: usize, count: i32): bool {
  const completeness = code.build(src, count);
  if (completeness == Completeness.OverSubscribed) return false;
  return completeness == Completeness.Complete || code.longest <= 1;
}
