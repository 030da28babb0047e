// Numbers to text and back, as FreeBSD's build of Lua has them: both subtypes are 64-bit integers; a numeral
// that is too long for an integer saturates and is of the subtype "float".

import { burn } from "../../../lib/fault";
import { digitValue, isSpace } from "../../../lib/text";
import { is54 } from "./dialect";
import { bytesOf, lengthOf, newString } from "./string";
import { copyValue, FLOAT, INTEGER, integerOf, objectOf, STRING, setFloat, setInteger, tagOf } from "./value";

/** Reads the `length` bytes at `src` as a numeral with blanks around it into the value at `to`. */
export function parseNumber(src: usize, length: u32, to: usize): bool {
  return parseInteger(src, length, to) || parseSaturating(src, length, to);
}

/** A decimal integer that fits, or a hexadecimal one of any length that wraps. */
function parseInteger(src: usize, length: u32, to: usize): bool {
  const end = src + length;
  let at = skipBlanks(src, end);
  let negative = false;
  if (at < end && (load<u8>(at) == 0x2d || load<u8>(at) == 0x2b)) negative = load<u8>(at++) == 0x2d;
  let value: u64 = 0;
  let empty = true;
  if (at + 1 < end && load<u8>(at) == 0x30 && (load<u8>(at, 1) | 0x20) == 0x78) {
    for (at += 2; at < end; at++) {
      const digit = <u32>digitValue(load<u8>(at));
      if (digit >= 16) break;
      value = (value << 4) + digit;
      empty = false;
    }
  } else {
    for (; at < end; at++) {
      const digit = <u32>digitValue(load<u8>(at));
      if (digit >= 10) break;
      const limit: u64 = <u64>i64.MAX_VALUE;
      if (value > limit / 10 || (value == limit / 10 && <u64>digit > (limit % 10) + <u64>negative)) return false;
      value = value * 10 + digit;
      empty = false;
    }
  }
  if (empty || skipBlanks(at, end) != end) return false;
  setInteger(to, negative ? -(<i64>value) : <i64>value);
  return true;
}

/** What C's strtoll makes of it, with its prefixes `0` and `0x` and its saturation. */
function parseSaturating(src: usize, length: u32, to: usize): bool {
  const end = src + length;
  let at = skipBlanks(src, end);
  let negative = false;
  if (at < end && (load<u8>(at) == 0x2d || load<u8>(at) == 0x2b)) negative = load<u8>(at++) == 0x2d;
  let base: u32 = 10;
  if (at < end && load<u8>(at) == 0x30) {
    base = 8;
    if (at + 2 < end && (load<u8>(at, 1) | 0x20) == 0x78 && digitValue(load<u8>(at, 2)) < 16) {
      base = 16;
      at += 2;
    }
  }
  const limit: u64 = negative ? 0x8000000000000000 : 0x7fffffffffffffff;
  let value: u64 = 0;
  let empty = true;
  for (; at < end; at++) {
    const digit = <u32>digitValue(load<u8>(at));
    if (digit >= base) break;
    empty = false;
    value = value > (limit - digit) / base ? limit : value * base + digit;
  }
  if (empty || skipBlanks(at, end) != end) return false;
  setFloat(to, negative ? -(<i64>value) : <i64>value);
  return true;
}

function skipBlanks(at: usize, end: usize): usize {
  while (at < end && isSpace(load<u8>(at))) at++;
  return at;
}

/** Writes `value` in decimal at `dst` (room for 20 bytes) and returns the length. */
export function writeInteger(value: i64, dst: usize): u32 {
  let rest: u64 = value < 0 ? -(<u64>value) : <u64>value;
  let size: u32 = <u32>(value < 0);
  for (let scan = rest; ; scan /= 10) {
    size++;
    if (scan < 10) break;
  }
  let at = dst + size;
  do {
    store<u8>(--at, 0x30 + <u8>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  if (value < 0) store<u8>(dst, 0x2d);
  return size;
}

/** Most bytes that `writeNumber` writes. */
export const NUMBER_ROOM: i32 = 24;
const digits: usize = memory.data(NUMBER_ROOM);

/** Writes the number at `at` at `dst` and returns the length. Lua 5.4 marks those of the second subtype, as if they had a fraction. */
export function writeNumber(at: usize, dst: usize): u32 {
  const size = writeInteger(integerOf(at), dst);
  if (!is54 || tagOf(at) != FLOAT) return size;
  store<u16>(dst + size, 0x302e);
  return size + 2;
}

/** The string that shows the number at `at`. */
export function numberToString(at: usize): usize {
  return newString(digits, writeNumber(at, digits));
}

/** What the last successful conversion gave. */
export let converted: i64 = 0;
const scratch: usize = memory.data(16, 8);

/** Whether the value at `at` is a number, or a string that reads as one; puts it into `converted`. */
export function toInteger(at: usize): bool {
  const tag = tagOf(at);
  if (tag == INTEGER || tag == FLOAT) {
    converted = integerOf(at);
    return true;
  }
  if (tag != STRING || !stringToNumber(objectOf(at), scratch)) return false;
  converted = integerOf(scratch);
  return true;
}

/** Like `toInteger`, with the subtype: puts the number into the value at `to`. */
export function toNumber(at: usize, to: usize): bool {
  const tag = tagOf(at);
  if (tag == INTEGER || tag == FLOAT) {
    copyValue(to, at);
    return true;
  }
  return tag == STRING && stringToNumber(objectOf(at), to);
}

/** Longest numeral in bytes that is looked at; blanks count. */
const NUMERAL_LIMIT: u32 = 4096;

/** Stores the number that the string `text` stands for at `to`. False when it is none. */
export function stringToNumber(text: usize, to: usize): bool {
  const length = lengthOf(text);
  if (length >= 32) burn(<i64>(min(length, NUMERAL_LIMIT) >> 5));
  return length <= NUMERAL_LIMIT && parseNumber(bytesOf(text), length, to);
}
