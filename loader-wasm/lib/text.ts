// Text helpers of the C library that the loader's behaviour rests on: character classes, strtol, and the
// few number formats that reach the console. Texts are byte strings (lib/bytes.ts).

import { Ascii } from "./ascii";
import { burn } from "./fault";

/** As C's isspace: blank, and tab to carriage return. Like all of these, for bytes and in the C locale. */
export function isSpace(c: i32): bool {
  return c == Ascii.SPACE || (c >= Ascii.TAB && c <= Ascii.RETURN);
}

/** `0` to `9`. */
export function isDigit(c: i32): bool {
  return c >= Ascii.DIGIT_0 && c <= Ascii.DIGIT_9;
}

/** Digits of either case. */
export function isHexDigit(c: i32): bool {
  return isDigit(c) || (c >= Ascii.LOWER_A && c <= Ascii.LOWER_F) || (c >= Ascii.UPPER_A && c <= Ascii.UPPER_F);
}

/** `a` to `z`. */
export function isLower(c: i32): bool {
  return c >= Ascii.LOWER_A && c <= Ascii.LOWER_Z;
}

/** `A` to `Z`. */
export function isUpper(c: i32): bool {
  return c >= Ascii.UPPER_A && c <= Ascii.UPPER_Z;
}

/** `c` in lower case; what isn't a capital stays. */
export function toLower(c: i32): i32 {
  return isUpper(c) ? c + (Ascii.LOWER_A - Ascii.UPPER_A) : c;
}

/** `c` in upper case; what isn't a small letter stays. */
export function toUpper(c: i32): i32 {
  return isLower(c) ? c - (Ascii.LOWER_A - Ascii.UPPER_A) : c;
}

/** What `digitValue` gives for anything but a digit. */
export const NO_DIGIT: i32 = 99;

/** Value of a digit in bases up to 36, or NO_DIGIT. */
export function digitValue(c: i32): i32 {
  if (isDigit(c)) return c - Ascii.DIGIT_0;
  const lower = toLower(c);
  return isLower(lower) ? lower - Ascii.LOWER_A + 10 : NO_DIGIT;
}

/** What `scanInteger` found. */
export class ScannedInteger {
  constructor(
    readonly value: i64,
    /** Where the text goes on behind it; 0 when there was no number. */
    readonly end: i32,
  ) {}
}

/** The number that `text` begins with, as `scanInteger` reads it; 0 when there is none. */
export function parseInteger(text: string, base: i32 = 0): i64 {
  return scanInteger(text, base).value;
}

/**
 * strtol: blanks, sign, `0x`/`0` prefix when `base` is 0 (or 16), digits. Saturates like C's on overflow of
 * 64 bits.
 */
export function scanInteger(text: string, base: i32 = 0): ScannedInteger {
  const size = text.length;
  let at = 0;
  while (at < size && isSpace(text.charCodeAt(at))) at++;
  let negative = false;
  if (at < size && (text.charCodeAt(at) == Ascii.MINUS || text.charCodeAt(at) == Ascii.PLUS)) {
    negative = text.charCodeAt(at) == Ascii.MINUS;
    at++;
  }
  if (
    (base == 0 || base == 16) &&
    at + 2 < size &&
    text.charCodeAt(at) == Ascii.DIGIT_0 &&
    toLower(text.charCodeAt(at + 1)) == Ascii.LOWER_X &&
    isHexDigit(text.charCodeAt(at + 2))
  ) {
    base = 16;
    at += 2;
  } else if (base == 0) {
    base = at < size && text.charCodeAt(at) == Ascii.DIGIT_0 ? 8 : 10;
  }
  const first = at;
  let value: u64 = 0;
  let overflow = false;
  const limit: u64 = negative ? 0x8000000000000000 : 0x7fffffffffffffff;
  for (; at < size; at++) {
    const digit = digitValue(text.charCodeAt(at));
    if (digit >= base) break;
    if (overflow || value > (limit - <u64>digit) / <u64>base) overflow = true;
    else value = value * <u64>base + <u64>digit;
  }
  if (overflow) value = limit;
  return new ScannedInteger(negative ? -(<i64>value) : <i64>value, at == first ? 0 : at);
}

/** Lower-case hexadecimal without a prefix. */
export function hex(value: u64): string {
  let text = "";
  do {
    const digit = <i32>(value & 15);
    text = String.fromCharCode(digit < 10 ? digit + Ascii.DIGIT_0 : digit - 10 + Ascii.LOWER_A) + text;
    value >>= 4;
  } while (value != 0);
  return text;
}

/** C's `%#x`: `0x` before anything but zero. */
export function hexAlternate(value: u64): string {
  return value == 0 ? "0" : `0x${hex(value)}`;
}

/** What snprintf into `size` bytes keeps. */
export function clip(text: string, size: i32): string {
  return text.length < size ? text : text.substring(0, size - 1);
}

/** strcasecmp() == 0. */
export function equalsIgnoreCase(a: string, b: string): bool {
  if (a.length != b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (toLower(a.charCodeAt(i)) != toLower(b.charCodeAt(i))) return false;
  }
  return true;
}

/**
 * `text` with `by` in place of every `mark`; null when that would be longer than `limit`. (The standard library's
 * `replaceAll` writes beyond its block when `by` is much longer than `mark`.)
 */
export function replaceMarks(text: string, mark: string, by: string, limit: i64): string | null {
  const parts = text.split(mark);
  const size = <i64>text.length + <i64>(parts.length - 1) * (<i64>by.length - <i64>mark.length);
  burn(<i64>text.length + size);
  return size > limit ? null : parts.join(by);
}

/** The GUID of 16 bytes at `at`, whose first parts are little-endian numbers, as it is usually written. */
export function guidText(at: usize): string {
  const low = hex(load<u32>(at)).padStart(8, "0");
  const middle = `${hex(load<u16>(at, 4)).padStart(4, "0")}-${hex(load<u16>(at, 6)).padStart(4, "0")}`;
  const high = hex(bswap<u16>(load<u16>(at, 8))).padStart(4, "0");
  const last = bswap<u64>(load<u64>(at, 8)) & 0xffffffffffff;
  return `${low}-${middle}-${high}-${hex(last).padStart(12, "0")}`;
}

/** UTF-16 of at most `count` units at `at`, up to a NUL, as UTF-8; halves of pairs are `?`. */
export function utf8Text(at: usize, count: i32): string {
  let text = "";
  for (let i = 0; i < count; i++) {
    let c = <u32>load<u16>(at + ((<usize>i) << 1));
    if (c == 0) break;
    if ((c & 0xf800) == 0xd800) {
      const next = i + 1 < count ? <u32>load<u16>(at + ((<usize>i) << 1), 2) : 0;
      const isPair = c < 0xdc00 && (next & 0xfc00) == 0xdc00;
      if (isPair) i++;
      c = isPair ? 0x10000 + ((c & 0x3ff) << 10) + (next & 0x3ff) : 0x3f;
    }
    if (c < 0x80) text += String.fromCharCode(c);
    else if (c < 0x800) text += byteText(0xc0 | (c >> 6)) + byteText(0x80 | (c & 0x3f));
    else {
      const head =
        c < 0x10000 ? byteText(0xe0 | (c >> 12)) : byteText(0xf0 | (c >> 18)) + byteText(0x80 | ((c >> 12) & 0x3f));
      text += head + byteText(0x80 | ((c >> 6) & 0x3f)) + byteText(0x80 | (c & 0x3f));
    }
  }
  return text;
}

function byteText(byte: u32): string {
  return String.fromCharCode(byte);
}
