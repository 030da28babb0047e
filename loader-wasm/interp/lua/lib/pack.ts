// Lua's `string.pack`, `packsize` and `unpack` (Lua 5.3 Reference Manual, 6.4.2) for a 64-bit little-endian machine
// whose second number subtype is an integer: there are no options for floating point but `n`, of 8 bytes.

import { burn } from "../../../lib/fault";
import { isDigit } from "../../../lib/text";
import { Buffer, openBuffer } from "../run/buffers";
import { raiseText } from "../run/errors";
import { RAISED, raised } from "../run/state";
import { is54 } from "../values/dialect";
import { bytesOf, lengthOf } from "../values/string";
import {
  argError,
  checkInteger,
  checkStack,
  checkString,
  fromStart,
  optInteger,
  pushBuffer,
  pushBytes,
  pushFloat,
  pushInteger,
  pushNil,
} from "./builtin";
import { shownByte } from "./format";

/** Largest integer in bytes. */
const SIZE_LIMIT: i64 = 16;
/** Bytes of an integer of Lua, and largest alignment unless a format says otherwise. */
const WORD: i64 = 8;
/** Numerals in formats end before they get larger than C's int. */
const NUMERAL_LIMIT: i64 = (0x7fffffff - 9) / 10;
const RESULT_LIMIT: i64 = 0x7fffffff;

// What an option is about.
const SIGNED: i32 = 0;
const UNSIGNED: i32 = 1;
const NUMBER: i32 = 2;
/** Bytes of a given number. */
const FIXED: i32 = 3;
/** Bytes after their number. */
const COUNTED: i32 = 4;
/** Bytes with a NUL after them. */
const ENDED: i32 = 5;
const PADDING: i32 = 6;
const ALIGNMENT: i32 = 7;
/** Changes how others are read, or nothing. */
const SETTING: i32 = 8;

// ---- formats ---------------------------------------------------------------------------------------------

/** Where the format is read, and its settings. */
let at: usize = 0;
let isLittle: bool = true;
let alignLimit: i64 = 1;
/** Of the option that was read: bytes, and bytes of padding before them. */
let size: i64 = 0;
let before: i64 = 0;

function startFormat(format: usize): void {
  at = bytesOf(format);
  isLittle = true;
  alignLimit = 1;
}

/** A NUL ends a format. */
function hasOption(): bool {
  return load<u8>(at) != 0;
}

/** The numeral at `at`, or `otherwise`. */
function readNumeral(otherwise: i64): i64 {
  if (!isDigit(load<u8>(at))) return otherwise;
  let value: i64 = 0;
  do {
    value = value * 10 + (<i64>load<u8>(at++) - 0x30);
  } while (isDigit(load<u8>(at)) && value <= NUMERAL_LIMIT);
  return value;
}

function readSize(otherwise: i64): i64 {
  const value = readNumeral(otherwise);
  if (value < 1 || value > SIZE_LIMIT) raiseText(`integral size (${value}) out of limits [1,${SIZE_LIMIT}]`);
  return value;
}

/** Reads an option and what belongs to it; puts its bytes into `size`. Look at `raised`. */
function readOption(): i32 {
  const c = <u32>load<u8>(at++);
  size = 0;
  switch (c) {
    case 0x62: // b
      size = 1;
      return SIGNED;
    case 0x42: // B
      size = 1;
      return UNSIGNED;
    case 0x68: // h
      size = 2;
      return SIGNED;
    case 0x48: // H
      size = 2;
      return UNSIGNED;
    case 0x69: // i
      size = readSize(4);
      return SIGNED;
    case 0x49: // I
      size = readSize(4);
      return UNSIGNED;
    case 0x6c: // l
    case 0x6a: // j
      size = WORD;
      return SIGNED;
    case 0x4c: // L
    case 0x4a: // J
    case 0x54: // T
      size = WORD;
      return UNSIGNED;
    case 0x6e: // n
      size = WORD;
      return NUMBER;
    case 0x73: // s
      size = readSize(WORD);
      return COUNTED;
    case 0x63: // c
      size = readNumeral(-1);
      if (size < 0) raiseText("missing size for format option 'c'");
      return FIXED;
    case 0x7a: // z
      return ENDED;
    case 0x78: // x
      size = 1;
      return PADDING;
    case 0x58: // X
      return ALIGNMENT;
    case 0x3c: // <
    case 0x3d: // =
      isLittle = true;
      return SETTING;
    case 0x3e: // >
      isLittle = false;
      return SETTING;
    case 0x21: // !
      alignLimit = readSize(WORD);
      return SETTING;
    case 0x20:
      return SETTING;
    default:
      raiseText(`invalid format option '${shownByte(c)}'`);
      return SETTING;
  }
}

/** Reads the next option of a format whose earlier ones take `place` bytes. Look at `raised`. */
function nextOption(place: i64): i32 {
  burn(1);
  const option = readOption();
  before = 0;
  if (raised) return option;
  let align = size;
  if (option == ALIGNMENT) {
    // It aligns like the option that follows, which does nothing else.
    let like = FIXED;
    if (hasOption()) {
      like = readOption();
      if (raised) return option;
      align = size;
      size = 0;
    }
    if (like == FIXED || align == 0) {
      argError(1, "invalid next option for option 'X'");
      return option;
    }
  }
  if (align <= 1 || option == FIXED) return option;
  align = min(align, alignLimit);
  if ((align & (align - 1)) != 0) argError(1, "format asks for alignment not power of 2");
  else before = -place & (align - 1);
  return option;
}

// ---- integers --------------------------------------------------------------------------------------------

/** Adds `value` in `size` bytes; bytes beyond its own are `more`. */
function addInteger(buffer: Buffer, value: i64, more: u32): void {
  for (let i: i64 = 0; i < size; i++) {
    const place = isLittle ? i : size - 1 - i;
    buffer.addByte(place < WORD ? <u32>(value >> (place * 8)) & 0xff : more);
  }
}

/** Reads an integer of `size` bytes at `src`. Look at `raised`. */
function integerAt(src: usize, isSigned: bool): i64 {
  let value: i64 = 0;
  for (let i = min(size, WORD) - 1; i >= 0; i--) value = (value << 8) | load<u8>(byteAt(src, i));
  if (size < WORD) {
    const unused = (WORD - size) * 8;
    return isSigned ? (value << unused) >> unused : value;
  }
  const more = isSigned && value < 0 ? 0xff : 0;
  for (let i = WORD; i < size; i++) {
    if (load<u8>(byteAt(src, i)) != more) {
      raiseText(`${size}-byte integer does not fit into Lua Integer`);
      return 0;
    }
  }
  return value;
}

/** Where byte `index` of an integer is, the least significant one being 0. */
function byteAt(src: usize, index: i64): usize {
  return src + <usize>(isLittle ? index : size - 1 - index);
}

/** Whether argument `index`, which is `value`, fits into `size` bytes; raises if not. */
function fits(value: i64, isSigned: bool, index: i32): bool {
  if (size >= WORD) return true;
  const bits = size * 8;
  if (isSigned) {
    const half = (<i64>1) << (bits - 1);
    if (value >= -half && value < half) return true;
    argError(index, "integer overflow");
  } else {
    if (<u64>value < (<u64>1) << bits) return true;
    argError(index, "unsigned overflow");
  }
  return false;
}

// ---- pack ------------------------------------------------------------------------------------------------

function addZeros(buffer: Buffer, count: i64): void {
  if (count <= 0 || !buffer.reserve(<usize>count)) return;
  burn(count >> 6);
  memory.fill(buffer.at + buffer.size, 0, <usize>count);
  buffer.size += <usize>count;
}

/** Adds argument `index` as a string of kind `option`. */
function addString(buffer: Buffer, option: i32, index: i32): void {
  const text = checkString(index);
  if (text == 0) return;
  const length = <i64>lengthOf(text);
  if (option == FIXED) {
    if (length > size) {
      argError(index, "string longer than given size");
      return;
    }
    buffer.addString(text);
    addZeros(buffer, size - length);
  } else if (option == COUNTED) {
    if (size < WORD && length >= (<i64>1) << (size * 8)) {
      argError(index, "string length does not fit in given size");
      return;
    }
    addInteger(buffer, length, 0);
    buffer.addString(text);
  } else {
    if (endOfText(bytesOf(text)) - bytesOf(text) != <usize>length) {
      argError(index, "string contains zeros");
      return;
    }
    buffer.addString(text);
    buffer.addByte(0);
  }
}

/** Where the first NUL from `src` on is; every string ends in one. */
function endOfText(src: usize): usize {
  let end = src;
  while (load<u8>(end) != 0) end++;
  burn(<i64>((end - src) >> 5));
  return end;
}

/** `string.pack`. */
export function pack(): i32 {
  const format = checkString(1);
  if (format == 0) return RAISED;
  // What an argument that is missing turns out to be.
  pushNil();
  startFormat(format);
  const buffer = openBuffer();
  let index = 1;
  while (hasOption() && !raised) {
    const option = nextOption(buffer.size);
    if (raised) break;
    addZeros(buffer, before);
    switch (option) {
      case SIGNED:
      case UNSIGNED: {
        const value = checkInteger(++index);
        if (raised || !fits(value, option == SIGNED, index)) break;
        addInteger(buffer, value, option == SIGNED && value < 0 ? 0xff : 0);
        break;
      }
      case NUMBER: {
        const value = checkInteger(++index);
        if (!raised) addInteger(buffer, value, 0);
        break;
      }
      case FIXED:
      case COUNTED:
      case ENDED: {
        addString(buffer, option, ++index);
        break;
      }
      case PADDING: {
        buffer.addByte(0);
        break;
      }
    }
  }
  return pushBuffer(buffer);
}

// ---- packsize and unpack ---------------------------------------------------------------------------------

/** `string.packsize`. */
export function packsize(): i32 {
  const format = checkString(1);
  if (format == 0) return RAISED;
  startFormat(format);
  let total: i64 = 0;
  while (hasOption()) {
    const option = nextOption(total);
    if (raised) return RAISED;
    if (total > RESULT_LIMIT - (before + size)) return argError(1, "format result too large");
    total += before + size;
    if (option == COUNTED || option == ENDED) return argError(1, "variable-length format");
  }
  pushInteger(total);
  return 1;
}

/** `string.unpack`. */
export function unpack(): i32 {
  const format = checkString(1);
  if (format == 0) return RAISED;
  const data = checkString(2);
  if (data == 0) return RAISED;
  const length = <i64>lengthOf(data);
  let place = fromStart(optInteger(3, 1), lengthOf(data)) - 1;
  if (raised) return RAISED;
  // What is before the beginning is the beginning in Lua 5.4.
  if (is54) place = max<i64>(place, 0);
  if (<u64>place > <u64>length) return argError(3, "initial position out of string");
  const src = bytesOf(data);
  startFormat(format);
  let count = 0;
  while (hasOption()) {
    const option = nextOption(place);
    if (raised) return RAISED;
    if (place + before + size > length) return argError(2, "data string too short");
    place += before;
    if (!checkStack(2, "too many results")) return RAISED;
    const from = src + <usize>place;
    place += size;
    switch (option) {
      case SIGNED:
      case UNSIGNED: {
        const value = integerAt(from, option == SIGNED);
        if (raised) return RAISED;
        pushInteger(value);
        break;
      }
      case NUMBER: {
        pushFloat(integerAt(from, true));
        break;
      }
      case FIXED: {
        if (!pushBytes(from, <u32>size)) return RAISED;
        break;
      }
      case COUNTED: {
        const bytes = integerAt(from, false);
        if (raised) return RAISED;
        if (<u64>bytes > <u64>(length - place)) return argError(2, "data string too short");
        if (!pushBytes(src + <usize>place, <u32>bytes)) return RAISED;
        place += bytes;
        break;
      }
      case ENDED: {
        const bytes = endOfText(from) - from;
        if (is54 && place + <i64>bytes >= length) return argError(2, "unfinished string for format 'z'");
        if (!pushBytes(from, <u32>bytes)) return RAISED;
        // Beyond the NUL; one that isn't there counts too.
        place += bytes + 1;
        break;
      }
      default:
        continue;
    }
    count++;
  }
  pushInteger(place + 1);
  return count + 1;
}
