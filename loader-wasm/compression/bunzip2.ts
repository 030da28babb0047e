// Decoder of bzip2 streams: blocks of up to 900,000 bytes, each Huffman-coded, moved to front, sorted by
// rotation (Burrows-Wheeler) and run-length coded, with a checksum. Bits come most significant first.

import { Ascii } from "../lib/ascii";
import { allocate, burn } from "../lib/fault";
import { sumsAgree } from "../lib/variant";
import { Decoder } from "./decoder";
import { Input } from "./input";

/** The first bytes of a stream: "BZh" and the block size in units of 100,000 bytes, '1' to '9'. */
export const HEADER_SIZE: i32 = 4;
const LEVEL_UNIT: u32 = 100000;
/** What a block, and the end of the stream, begin with. */
const BLOCK_MAGIC: u64 = 0x314159265359;
const END_MAGIC: u64 = 0x177245385090;

const GROUPS_MIN: i32 = 2;
const GROUPS_MAX: i32 = 6;
/** Symbols coded with one group's table before the next selector. */
const GROUP_RUN: i32 = 50;
const SELECTORS_MAX: i32 = 18002;
const CODE_BITS_MAX: i32 = 20;
/** Symbols: two for runs, up to 255 for move-to-front places, one for the block's end. */
const SYMBOLS_MAX: i32 = 258;
/** Beyond this a run is longer than any block. */
const RUN_WEIGHT_MAX: u32 = 0x200000;
/** Equal bytes after which a count follows. */
const RUN_START: i32 = 4;

/** libbz2's name for anything wrong in a stream. */
const DATA_ERROR = "bzf_read: BZ2_bzDecompress returned -4";

/** One group's code, for canonical decoding. */
class Group {
  shortest: i32 = 0;
  longest: i32 = 0;
  /** By length: the last code, and what to subtract from a code to get its place in `symbols`. */
  readonly limit: StaticArray<i32> = new StaticArray<i32>(CODE_BITS_MAX + 2);
  readonly base: StaticArray<i32> = new StaticArray<i32>(CODE_BITS_MAX + 2);
  readonly symbols: StaticArray<u16> = new StaticArray<u16>(SYMBOLS_MAX);
  readonly lengths: StaticArray<u8> = new StaticArray<u8>(SYMBOLS_MAX);
  private count: i32 = 0;

  build(count: i32): void {
    this.count = count;
    this.shortest = CODE_BITS_MAX;
    this.longest = 0;
    for (let i = 0; i < count; i++) {
      this.shortest = min(this.shortest, <i32>this.lengths[i]);
      this.longest = max(this.longest, <i32>this.lengths[i]);
    }
    let place = 0;
    let code = 0;
    for (let bits = this.shortest; bits <= this.longest; bits++) {
      const first = place;
      for (let i = 0; i < count; i++) if (<i32>this.lengths[i] == bits) this.symbols[place++] = <u16>i;
      this.base[bits] = code - first;
      code += place - first;
      this.limit[bits] = code - 1;
      code <<= 1;
    }
  }

  /** The symbol of `code` of `bits` bits, -1 when there is none. */
  symbolOf(code: i32, bits: i32): i32 {
    const place = code - this.base[bits];
    return place >= 0 && place < this.count ? <i32>this.symbols[place] : -1;
  }
}

/** CRC-32 with the most significant bit first (polynomial 0x04c11db7), one u32 for each byte. */
const crcTable: usize = memory.data(256 * 4, 4);

function fillCrcTable(): void {
  for (let i: u32 = 0; i < 256; i++) {
    let value = i << 24;
    for (let bit = 0; bit < 8; bit++) value = value & 0x80000000 ? (value << 1) ^ 0x04c11db7 : value << 1;
    store<u32>(crcTable + ((<usize>i) << 2), value);
  }
}

/** The decoder. One block is in memory at a time: what `decode` gives is read off it along the links. */
export class Bunzip2 extends Decoder {
  private hold: u64 = 0;
  private bits: u32 = 0;
  private starved: bool = false;

  /** Bytes a block may have. */
  private blockLimit: u32 = 0;
  /** The block: in the low byte of each u32 the sorted bytes, above it the links of the rotation. */
  private block: usize = 0;
  private blockSize: u32 = 0;
  /** Bytes of the block already taken, and the link to the next. */
  private taken: u32 = 0;
  private link: u32 = 0;
  /** Run-length decoding: the byte, how often it came in a row, how many copies are still to be written. */
  private current: i32 = -1;
  private inRow: i32 = 0;
  private copies: u32 = 0;

  private crc: u32 = 0;
  private blockCrc: u32 = 0;
  private streamCrc: u32 = 0;
  private inBlock: bool = false;

  private readonly groups: Group[] = [];
  private readonly selectors: usize = allocate(<usize>SELECTORS_MAX);
  private readonly inUse: StaticArray<u8> = new StaticArray<u8>(256);
  private readonly front: StaticArray<u8> = new StaticArray<u8>(256);
  private readonly counts: StaticArray<u32> = new StaticArray<u32>(257);

  constructor(input: Input) {
    super(input);
    if (load<u32>(crcTable + 4) == 0) fillCrcTable();
    for (let i = 0; i < GROUPS_MAX; i++) this.groups.push(new Group());
  }

  reset(): void {
    this.ended = false;
    this.failure = null;
    this.hold = 0;
    this.bits = 0;
    this.starved = false;
    this.inBlock = false;
    this.streamCrc = 0;
    this.blockLimit = 0;
  }

  close(): void {
    heap.free(this.selectors);
    if (this.block != 0) heap.free(this.block);
  }

  exhausted(): bool {
    return this.starved || (this.bits < 8 && !this.input.fill());
  }

  decode(dst: usize, size: i32): i32 {
    let done = 0;
    while (done < size && !this.ended && !this.starved && this.failure === null) {
      if (!this.inBlock) {
        this.next();
      } else {
        done += this.unpack(dst + <usize>done, size - done);
        if (this.taken == this.blockSize && this.copies == 0) this.finishBlock();
      }
    }
    return done;
  }

  private fail(): void {
    this.failure = DATA_ERROR;
  }

  /** Takes `count` (at most 32) bits; 0 and `starved` when there aren't as many. */
  private take(count: u32): u32 {
    const input = this.input;
    while (this.bits < count) {
      if (!input.fill()) {
        this.starved = true;
        return 0;
      }
      this.hold = (this.hold << 8) | <u64>load<u8>(input.next++);
      this.bits += 8;
    }
    this.bits -= count;
    return <u32>(this.hold >> <u64>this.bits) & <u32>(((<u64>1) << (<u64>count)) - 1);
  }

  // ---- reading a block --------------------------------------------------------------------------------

  /** Reads the stream's header, the next block, or the end. */
  private next(): void {
    if (this.blockLimit == 0) {
      this.take(24);
      const level = this.take(8) - Ascii.DIGIT_0;
      if (this.starved) return;
      if (level < 1 || level > 9) {
        this.fail();
        return;
      }
      const limit = level * LEVEL_UNIT;
      if (this.block != 0) heap.free(this.block);
      this.block = allocate((<usize>limit) << 2);
      this.blockLimit = limit;
    }
    const magic = ((<u64>this.take(24)) << 24) | <u64>this.take(24);
    const crc = this.take(32);
    if (this.starved) return;
    if (magic == END_MAGIC) {
      if (!sumsAgree(crc, this.streamCrc)) this.fail();
      else this.ended = true;
      return;
    }
    if (magic != BLOCK_MAGIC) {
      this.fail();
      return;
    }
    this.blockCrc = crc;
    // Randomised blocks are of bzip2 versions before 0.9.5; nothing of FreeBSD was ever packed so.
    const randomised = this.take(1);
    const origin = this.take(24);
    if (this.starved) return;
    if (randomised != 0 || !this.readBlock()) {
      if (!this.starved) this.fail();
      return;
    }
    if (origin < this.blockSize) this.sortBack(origin);
    else this.fail();
  }

  /** Reads codes and contents of a block. False when something is wrong or missing. */
  private readBlock(): bool {
    const used = this.readInUse();
    if (used == 0) return false;
    const symbols = used + 2;
    const groups = <i32>this.take(3);
    const selectors = <i32>this.take(15);
    if (this.starved || groups < GROUPS_MIN || groups > GROUPS_MAX || selectors < 1) return false;
    if (!this.readSelectors(groups, selectors)) return false;
    for (let i = 0; i < groups; i++) if (!this.readLengths(this.groups[i], symbols)) return false;
    return this.readSymbols(used, min(selectors, SELECTORS_MAX));
  }

  /** Reads which bytes occur, to `front`. Returns how many. */
  private readInUse(): i32 {
    const rows = this.take(16);
    let used = 0;
    for (let row = 0; row < 16; row++) {
      if (((rows >> (15 - row)) & 1) == 0) continue;
      const bits = this.take(16);
      for (let i = 0; i < 16; i++) if ((bits >> (15 - i)) & 1) this.front[used++] = <u8>((row << 4) + i);
    }
    return this.starved ? 0 : used;
  }

  private readSelectors(groups: i32, count: i32): bool {
    for (let i = 0; i < groups; i++) this.inUse[i] = <u8>i;
    burn(count);
    for (let i = 0; i < count; i++) {
      let place = 0;
      while (this.take(1) == 1) if (++place >= groups) return false;
      if (this.starved) return false;
      const group = this.inUse[place];
      for (; place > 0; place--) this.inUse[place] = this.inUse[place - 1];
      this.inUse[0] = group;
      if (i < SELECTORS_MAX) store<u8>(this.selectors + <usize>i, group);
    }
    return true;
  }

  private readLengths(group: Group, symbols: i32): bool {
    let length = <i32>this.take(5);
    for (let i = 0; i < symbols; i++) {
      while (true) {
        if (length < 1 || length > CODE_BITS_MAX || this.starved) return false;
        if (this.take(1) == 0) break;
        length += this.take(1) == 0 ? 1 : -1;
      }
      group.lengths[i] = <u8>length;
    }
    if (this.starved) return false;
    group.build(symbols);
    return true;
  }

  /** A symbol of `group`; -1 when there is no such code or no more input. */
  private symbol(group: Group): i32 {
    let bits = group.shortest;
    let code = <i32>this.take(bits);
    while (code > group.limit[bits]) {
      if (++bits > group.longest || this.starved) return -1;
      code = (code << 1) | <i32>this.take(1);
    }
    return this.starved ? -1 : group.symbolOf(code, bits);
  }

  /** Reads the contents of a block with `used` different bytes to `block`, and counts them. */
  private readSymbols(used: i32, selectors: i32): bool {
    const end = used + 1;
    const front = this.front;
    const counts = this.counts;
    for (let i = 0; i < 256; i++) counts[i] = 0;
    let size: u32 = 0;
    let run: u32 = 0;
    let weight: u32 = 1;
    for (let selector = 0; selector < selectors; selector++) {
      const group = this.groups[load<u8>(this.selectors + <usize>selector)];
      burn(GROUP_RUN);
      for (let i = 0; i < GROUP_RUN; i++) {
        const symbol = this.symbol(group);
        if (symbol < 0) return false;
        if (symbol <= 1) {
          // Digits 1 and 2 of a number in base two, lowest first.
          if (weight >= RUN_WEIGHT_MAX) return false;
          run += weight << symbol;
          weight <<= 1;
          continue;
        }
        if (run > 0) {
          if (run > this.blockLimit - size) return false;
          const byte = front[0];
          counts[byte] += run;
          for (; run > 0; run--) this.append(size++, byte);
          weight = 1;
        }
        if (symbol == end) {
          this.blockSize = size;
          return size > 0;
        }
        if (size >= this.blockLimit) return false;
        let place = symbol - 1;
        const byte = front[place];
        for (; place > 0; place--) unchecked((front[place] = unchecked(front[place - 1])));
        front[0] = byte;
        counts[byte]++;
        this.append(size++, byte);
      }
    }
    return false;
  }

  private append(place: u32, byte: u8): void {
    store<u32>(this.block + ((<usize>place) << 2), <u32>byte);
  }

  /** Undoes the sorting: each entry gets the place of the byte that follows it. */
  private sortBack(origin: u32): void {
    const counts = this.counts;
    let sum: u32 = 0;
    for (let i = 0; i < 256; i++) {
      const count = counts[i];
      counts[i] = sum;
      sum += count;
    }
    burn(<i64>(this.blockSize >> 3));
    for (let i: u32 = 0; i < this.blockSize; i++) {
      const byte = <i32>(load<u32>(this.block + ((<usize>i) << 2)) & 0xff);
      const at = this.block + ((<usize>unchecked(counts[byte])) << 2);
      unchecked(counts[byte]++);
      store<u32>(at, load<u32>(at) | (i << 8));
    }
    this.link = load<u32>(this.block + ((<usize>origin) << 2)) >> 8;
    this.taken = 0;
    this.current = -1;
    this.inRow = 0;
    this.copies = 0;
    this.crc = 0xffffffff;
    this.inBlock = true;
  }

  // ---- output -----------------------------------------------------------------------------------------

  private nextByte(): i32 {
    const entry = load<u32>(this.block + ((<usize>this.link) << 2));
    this.link = entry >> 8;
    this.taken++;
    return <i32>(entry & 0xff);
  }

  /** Writes up to `size` bytes of the block to `dst`. */
  private unpack(dst: usize, size: i32): i32 {
    let done = 0;
    let crc = this.crc;
    while (done < size) {
      if (this.copies == 0) {
        if (this.taken == this.blockSize) break;
        const byte = this.nextByte();
        this.inRow = byte == this.current ? this.inRow + 1 : 1;
        this.current = byte;
        this.copies = 1;
        if (this.inRow == RUN_START) {
          if (this.taken < this.blockSize) this.copies += <u32>this.nextByte();
          this.inRow = 0;
        }
      }
      store<u8>(dst + <usize>done, <u8>this.current);
      done++;
      crc = (crc << 8) ^ load<u32>(crcTable + ((<usize>((crc >> 24) ^ <u32>this.current)) << 2));
      this.copies--;
    }
    this.crc = crc;
    burn(done >> 4);
    return done;
  }

  private finishBlock(): void {
    this.inBlock = false;
    if (!sumsAgree(~this.crc, this.blockCrc)) this.fail();
    else this.streamCrc = rotl<u32>(this.streamCrc, 1) ^ this.blockCrc;
  }
}
