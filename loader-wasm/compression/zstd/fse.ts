// Finite state entropy codes of zstd (RFC 8878, 4.1): reading how often each symbol occurs, and the table that follows
// from it. Three kinds code the parts of sequences, a fourth the weights of Huffman codes (literals.ts).

/** Codes have at most so many symbols, and states of so many bits. */
const SYMBOLS_MAX: i32 = 64;
const ACCURACY_MIN: u32 = 5;
const STATES_MAX: i32 = 512;

/** How often each symbol occurs while a table is built, -1 for less than once; then its next state. i16 each. */
const counts: usize = memory.data(SYMBOLS_MAX * 2, 8);
/** What each symbol puts into its entries: base and extra bits. u64 each. */
const parts: usize = memory.data(SYMBOLS_MAX * 8, 8);

// An entry of a table, u64: what the symbol stands for (u32), the next state without the bits to come (u16), extra bits of
// what the symbol stands for (u8), bits of the next state (u8).

/** What the entry's symbol stands for, before its extra bits are added. */
export function entryBase(entry: u64): u32 {
  return <u32>entry;
}

/** The next state, before `entryBits` bits are added. */
export function entryNext(entry: u64): u32 {
  return <u32>(entry >> 32) & 0xffff;
}

/** How many bits are to be added to the next state. */
export function entryBits(entry: u64): u64 {
  return entry >> 56;
}

/**
 * A code. Its symbols stand for ranges of numbers, one after the other from `first` on, each as large as its extra bits
 * say; without any, the symbols stand for themselves.
 */
export class FseCode {
  private readonly entries: StaticArray<u64> = new StaticArray<u64>(STATES_MAX);
  /** Bits of a state; undefined until `ready`. */
  accuracy: u32 = 0;
  ready: bool = false;

  constructor(
    /** Symbols there are. */
    private readonly symbols: i32,
    private readonly accuracyMax: u32,
    private readonly first: u32,
    /** Extra bits of each symbol, or none. */
    private readonly extra: StaticArray<u8> | null,
  ) {}

  /** Address of the table: an entry for each state. */
  table(): usize {
    return changetype<usize>(this.entries);
  }

  /** Becomes the code of the standard, `usual` with states of `accuracy` bits. */
  useUsual(usual: StaticArray<i8>, accuracy: u32): void {
    for (let i = 0; i < usual.length; i++) store<i16>(counts + ((<usize>i) << 1), <i16>usual[i]);
    this.build(usual.length, accuracy);
  }

  /** Becomes the code of one symbol, which takes no bits. False when there is none. */
  useSingle(symbol: i32): bool {
    if (symbol >= this.symbols) return false;
    memory.fill(counts, 0, (<usize>(symbol + 1)) << 1);
    store<i16>(counts + ((<usize>symbol) << 1), 1);
    this.build(symbol + 1, 0);
    return true;
  }

  /** Becomes the code that is described at `src`. Returns where the description ends; 0 when it is damaged. */
  read(src: usize, end: usize): usize {
    if (src >= end) return 0;
    const accuracy = (<u32>load<u8>(src) & 15) + ACCURACY_MIN;
    if (accuracy > this.accuracyMax) return 0;
    let at: u32 = 4;
    let left = (<i32>1) << accuracy;
    let symbol = 0;
    while (left > 0) {
      if (symbol >= this.symbols) return 0;
      // A number up to `top`, of which the lowest take a bit less.
      const top = <u32>left + 1;
      const bits = 32 - clz<u32>(top);
      const spare = ((<u32>1) << bits) - 1 - top;
      let value = forwardBits(src, end, at, bits);
      const half = ((<u32>1) << (bits - 1)) - 1;
      if ((value & half) < spare) {
        value &= half;
        at += bits - 1;
      } else {
        if (value > half) value -= spare;
        at += bits;
      }
      const count = <i32>value - 1;
      left -= count < 0 ? 1 : count;
      store<i16>(counts + ((<usize>symbol) << 1), <i16>count);
      symbol++;
      if (count != 0) continue;
      // More that don't occur.
      let more: u32 = 3;
      while (more == 3) {
        more = forwardBits(src, end, at, 2);
        at += 2;
        if (symbol + <i32>more > this.symbols) return 0;
        for (let i: u32 = 0; i < more; i++, symbol++) store<i16>(counts + ((<usize>symbol) << 1), 0);
      }
    }
    const size = <usize>((at + 7) >> 3);
    if (left < 0 || size > end - src) return 0;
    this.build(symbol, accuracy);
    return src + size;
  }

  /** Builds the table from `counts` of `symbols` symbols, which add up to all the states. */
  private build(symbols: i32, accuracy: u32): void {
    const size = (<u32>1) << accuracy;
    const mask = size - 1;
    const table = this.table();
    // Those that occur less than once have the last states; the others are spread.
    let high = mask;
    for (let i = 0; i < symbols; i++) {
      const count = counts + ((<usize>i) << 1);
      if (load<i16>(count) >= 0) continue;
      store<u32>(table + ((<usize>high) << 3), i);
      high--;
    }
    const step = (size >> 1) + (size >> 3) + 3;
    let place: u32 = 0;
    for (let i = 0; i < symbols; i++) {
      for (let left = <i32>load<i16>(counts + ((<usize>i) << 1)); left > 0; left--) {
        store<u32>(table + ((<usize>place) << 3), i);
        place = (place + step) & mask;
        while (place > high) place = (place + step) & mask;
      }
    }
    this.fill(symbols, accuracy);
  }

  /** Turns the symbols in the table's states into entries. */
  private fill(symbols: i32, accuracy: u32): void {
    const table = this.table();
    const size = (<u32>1) << accuracy;
    const extra = this.extra;
    let base = this.first;
    for (let i = 0; i < symbols; i++) {
      const count = counts + ((<usize>i) << 1);
      if (load<i16>(count) < 0) store<i16>(count, 1);
      const extraBits = extra === null ? 0 : <u32>extra[i];
      store<u64>(parts + ((<usize>i) << 3), <u64>base | ((<u64>extraBits) << 48));
      base += (<u32>1) << extraBits;
    }
    for (let i: u32 = 0; i < size; i++) {
      const entry = table + ((<usize>i) << 3);
      const symbol = <usize>load<u32>(entry);
      const count = counts + (symbol << 1);
      const next = <u32>load<i16>(count);
      store<i16>(count, <i16>(next + 1));
      const bits = accuracy - (31 - clz<u32>(next));
      const state = (next << bits) - size;
      store<u64>(entry, load<u64>(parts + (symbol << 3)) | ((<u64>state) << 32) | ((<u64>bits) << 56));
    }
    this.accuracy = accuracy;
    this.ready = true;
  }
}

/** `count` (at most 16) bits from bit `at` behind `src` on, lowest first; behind `end` there are zeros. */
function forwardBits(src: usize, end: usize, at: u32, count: u32): u32 {
  let from = src + <usize>(at >> 3);
  let value: u32 = 0;
  for (let shift: u32 = 0; shift < 24 && from < end; shift += 8) value |= (<u32>load<u8>(from++)) << shift;
  return (value >> (at & 7)) & (((<u32>1) << count) - 1);
}
