// Packed name-value lists in XDR encoding (RFC 4506), in which pools describe themselves: big-endian, every
// pair preceded by its size.

import { cutAtNul, stringAt } from "../lib/bytes";
import { burn } from "../lib/fault";

const ENCODING_XDR: u8 = 1;
/** Encoding, byte order. */
const PACK_HEAD: usize = 4;
/** Version and flags of a list. */
const LIST_HEAD: usize = 8;

/** Types of values (nvpair.h, data_type_t): a mark, a number, a text, numbers, a list, an array of lists. */
export const TYPE_BOOLEAN: u32 = 1;
export const TYPE_UINT64: u32 = 8;
export const TYPE_STRING: u32 = 9;
export const TYPE_UINT64_ARRAY: u32 = 16;
export const TYPE_LIST: u32 = 19;
export const TYPE_LISTS: u32 = 20;

/** Lists in an array that are looked at. */
const ARRAY_MAX: u32 = 256;

function word(at: usize): u32 {
  return bswap<u32>(load<u32>(at));
}

function rounded(size: u32): usize {
  return <usize>((size + 3) & ~3);
}

/** A list in memory, borrowed. */
export class NvList {
  /** Where the pair that `find` found ends, and its number of elements. */
  private valueEnd: usize = 0;
  private elements: u32 = 0;

  constructor(
    /** Version word of the list. */
    readonly start: usize,
    /** End of the memory it may be in. */
    readonly end: usize,
  ) {}

  /** The list packed in `size` bytes at `src`; null when it is not in XDR. */
  static unpack(src: usize, size: u32): NvList | null {
    if (<usize>size < PACK_HEAD + LIST_HEAD || load<u8>(src) != ENCODING_XDR) return null;
    return new NvList(src + PACK_HEAD, src + <usize>size);
  }

  /** Size of the pair at `at`, checked; 0 at the end of the list or of sense. */
  private pairSize(at: usize): usize {
    burn(1);
    if (at + 8 > this.end) return 0;
    const size = <usize>word(at);
    return size < 20 || (size & 3) != 0 || size > this.end - at || word(at + 4) == 0 ? 0 : size;
  }

  /** Address of the value of the pair `name` of `type`, 0 when there is none. */
  private find(name: string, type: u32): usize {
    let at = this.start + LIST_HEAD;
    while (true) {
      const size = this.pairSize(at);
      if (size == 0) return 0;
      const end = at + size;
      const length = word(at + 8);
      const value = at + 12 + rounded(length);
      // Name, type and number of elements.
      if (length <= <u32>size && value + 8 <= end && word(value) == type) {
        if (<i32>length == name.length && stringAt(at + 12, <i32>length) == name) {
          this.valueEnd = end;
          this.elements = word(value + 4);
          return value + 8;
        }
      }
      at = end;
    }
  }

  has(name: string): bool {
    return this.find(name, TYPE_UINT64) != 0;
  }

  /** The number `name`, 0 when there is none. */
  number(name: string): u64 {
    const at = this.find(name, TYPE_UINT64);
    return at == 0 || at + 8 > this.valueEnd ? 0 : ((<u64>word(at)) << 32) | <u64>word(at + 4);
  }

  /** Whether there is the mark `name`, which has no value. */
  mentions(name: string): bool {
    return this.find(name, TYPE_BOOLEAN) != 0;
  }

  /** The numbers in the array `name`. */
  numbers(name: string): u64[] {
    const result: u64[] = [];
    const found = this.find(name, TYPE_UINT64_ARRAY);
    // Their number comes once more.
    let at = found + 4;
    const count = min(this.elements, ARRAY_MAX);
    for (let i: u32 = 0; found != 0 && i < count && at + 8 <= this.valueEnd; i++) {
      result.push(((<u64>word(at)) << 32) | <u64>word(at + 4));
      at += 8;
    }
    return result;
  }

  text(name: string): string | null {
    const at = this.find(name, TYPE_STRING);
    if (at == 0 || at + 4 > this.valueEnd) return null;
    const length = word(at);
    if (<usize>length > this.valueEnd - at - 4) return null;
    return cutAtNul(stringAt(at + 4, <i32>length));
  }

  list(name: string): NvList | null {
    const at = this.find(name, TYPE_LIST);
    return at == 0 || at + LIST_HEAD > this.valueEnd ? null : new NvList(at, this.valueEnd);
  }

  lists(name: string): NvList[] {
    const result: NvList[] = [];
    let at = this.find(name, TYPE_LISTS);
    const end = this.valueEnd;
    const count = min(this.elements, ARRAY_MAX);
    for (let i: u32 = 0; at != 0 && i < count && at + LIST_HEAD <= end; i++) {
      const list = new NvList(at, end);
      result.push(list);
      at = list.after();
    }
    return result;
  }

  /** Where what follows the list begins. */
  private after(): usize {
    let at = this.start + LIST_HEAD;
    while (true) {
      const size = this.pairSize(at);
      if (size == 0) return at + 8;
      at += size;
    }
  }

  /** The list's bytes, to be kept. */
  copy(): StaticArray<u8> {
    const size = <i32>(min(this.after(), this.end) - this.start);
    const bytes = new StaticArray<u8>(size);
    memory.copy(changetype<usize>(bytes), this.start, <usize>size);
    return bytes;
  }

  /** Names of all pairs. */
  names(): string[] {
    const result: string[] = [];
    let at = this.start + LIST_HEAD;
    while (true) {
      const size = this.pairSize(at);
      if (size == 0) return result;
      const length = word(at + 8);
      if (length <= <u32>size - 12) result.push(stringAt(at + 12, <i32>length));
      at += size;
    }
  }
}
