// Lua's `string.format` (Lua 5.3 Reference Manual, 6.4) over the printf of FreeBSD's loader: that one knows no
// blank as a flag, no width for characters and no floating point, and prints such a conversion as it is written.

import { cstringAt } from "../../../lib/bytes";
import { burn } from "../../../lib/fault";
import { isDigit } from "../../../lib/text";
import { Buffer, openBuffer } from "../run/buffers";
import { raiseText } from "../run/errors";
import { addressText, stringFor } from "../run/metamethods";
import { RAISED, raised } from "../run/state";
import { is54 } from "../values/dialect";
import { writeInteger } from "../values/number";
import { bytesOf, lengthOf, stringOf } from "../values/string";
import { BUILTIN, FALSE, FLOAT, INTEGER, integerOf, NIL, NONE, objectOf, STRING, TRUE } from "../values/value";
import { argAt, argCount, argError, argTag, checkInteger, checkString, pushBuffer } from "./builtin";

const PERCENT: u32 = 0x25;
const ZERO: u32 = 0x30;
/** Most flags of a conversion. */
const FLAG_LIMIT: i32 = 5;
/** Strings from here on aren't padded. */
const LONG: u32 = 100;

// ---- a conversion ----------------------------------------------------------------------------------------

/** Where it begins, after the percent sign, and where its letter is. */
let start: usize = 0;
let letterAt: usize = 0;
let width: i32 = 0;
/** -1: none given. */
let precision: i32 = -1;
let isLeft: bool = false;
let isPadded: bool = false;
let isAlternate: bool = false;
/** There is a flag that makes the loader's printf print the conversion itself. */
let isUnknown: bool = false;

/** Takes the flag at `at`, if it is one. */
function readFlag(c: u32): bool {
  switch (c) {
    case 0x2d: // -
      isLeft = true;
      return true;
    case 0x2b: // + says that the number has a sign, which it has anyway
      return true;
    case 0x20:
      isUnknown = true;
      return true;
    case 0x23: // #
      isAlternate = true;
      return true;
    case ZERO:
      isPadded = true;
      return true;
    default:
      return false;
  }
}

/** Value of the up to two digits at `letterAt`, which moves behind them. */
function readTwoDigits(): i32 {
  let value = 0;
  for (let i = 0; i < 2; i++) {
    const digit = <u32>load<u8>(letterAt) - ZERO;
    if (digit > 9) break;
    value = value * 10 + <i32>digit;
    letterAt++;
  }
  return value;
}

/** Reads flags, width and precision at `at`. */
function readConversion(at: usize): bool {
  start = at;
  letterAt = at;
  if (is54 && !isShortEnough(at)) return false;
  isLeft = false;
  isPadded = false;
  isAlternate = false;
  isUnknown = false;
  precision = -1;
  while (readFlag(load<u8>(letterAt))) letterAt++;
  if (!is54 && letterAt - at > <usize>FLAG_LIMIT) {
    raiseText("invalid format (repeated flags)");
    return false;
  }
  width = readTwoDigits();
  if (load<u8>(letterAt) == 0x2e) {
    letterAt++;
    precision = readTwoDigits();
  }
  if (is54) {
    // What is more of all this is found by `isValid`.
    while (isModifier(load<u8>(letterAt))) letterAt++;
  } else if (<u32>load<u8>(letterAt) - ZERO <= 9) {
    raiseText("invalid format (width or precision too long)");
    return false;
  }
  return true;
}

// Lua 5.4 takes all flags, digits and points for the conversion's and looks then whether they go with its letter.

/** Most of them. */
const MODIFIERS_LIMIT_54: usize = 20;
/** Flags that letters take. */
const FLAGS_INTEGER = "-+0 ";
const FLAGS_UNSIGNED = "-0";
const FLAGS_HEX = "-#0";
const FLAGS_FLOAT = "-+#0 ";
const FLAGS_TEXT = "-";

/** Whether the byte is a flag, a digit or a point. */
function isModifier(c: u32): bool {
  return isDigit(c) || c == 0x2d || c == 0x2b || c == 0x23 || c == 0x20 || c == 0x2e;
}

function isShortEnough(at: usize): bool {
  let count: usize = 0;
  while (isModifier(load<u8>(at + count))) count++;
  if (count <= MODIFIERS_LIMIT_54) return true;
  raiseText("invalid format (too long)");
  return false;
}

/** Whether the conversion that was read has no more than these flags, two digits, and two behind a point; raises if not. */
function isValid(flags: string, takesPrecision: bool): bool {
  if (!is54) return true;
  let at = start;
  while (flags.includes(String.fromCharCode(load<u8>(at)))) at++;
  // A width can't begin with a 0.
  if (load<u8>(at) != ZERO) {
    at = skipTwoDigits(at);
    if (takesPrecision && load<u8>(at) == 0x2e) at = skipTwoDigits(at + 1);
  }
  if (at == letterAt) return true;
  raiseText(`invalid conversion specification: '${written()}'`);
  return false;
}

function skipTwoDigits(at: usize): usize {
  if (isDigit(load<u8>(at))) at++;
  return isDigit(load<u8>(at)) ? at + 1 : at;
}

/** The conversion as it is written, percent sign and all. */
function written(): string {
  return `%${cstringAt(start, <i32>(letterAt - start) + 1)}`;
}

/** Adds the conversion as it is written, with `modifier` before its letter. */
function addWritten(buffer: Buffer, modifier: string): void {
  buffer.addByte(PERCENT);
  buffer.addBytes(start, <u32>(letterAt - start));
  buffer.addText(modifier);
  buffer.addByte(load<u8>(letterAt));
}

function addMany(buffer: Buffer, byte: u32, count: i32): void {
  for (let i = 0; i < count; i++) buffer.addByte(byte);
}

// ---- numbers ---------------------------------------------------------------------------------------------

/** Digits of a number, the last one at the end. */
const digits: usize = memory.data(24);
const digitsEnd: usize = digits + 24;

/** Writes `value` into the end of `digits`; returns where it begins. */
function writeDigits(value: u64, base: u64, ten: u8): usize {
  let at = digitsEnd;
  do {
    const digit = <u8>(value % base);
    store<u8>(--at, digit < 10 ? <u8>ZERO + digit : ten + (digit - 10));
    value /= base;
  } while (value != 0);
  return at;
}

function addInteger(buffer: Buffer, value: i64, letter: u32): void {
  if (isUnknown) {
    addWritten(buffer, "ll");
    return;
  }
  const isSigned = letter == 0x64 || letter == 0x69; // d i
  const isNegative = isSigned && value < 0;
  let base: u64 = 10;
  if (letter == 0x6f)
    base = 8; // o
  else if (letter == 0x78 || letter == 0x58) base = 16; // x X
  const first = writeDigits(isNegative ? -(<u64>value) : <u64>value, base, letter == 0x58 ? 0x41 : 0x61);
  const count = <i32>(digitsEnd - first);
  let prefix = 0;
  if (isAlternate && value != 0) prefix = base == 16 ? 2 : <i32>(base == 8);
  const before = prefix + <i32>isNegative;
  // Padding with zeros takes the place of a precision.
  const least = isPadded && !isLeft ? width - before : precision;
  const blanks = width - before - max(least, count);
  if (!isLeft) addMany(buffer, 0x20, blanks);
  if (isNegative) buffer.addByte(0x2d);
  if (prefix > 0) buffer.addByte(ZERO);
  if (prefix > 1) buffer.addByte(0x78);
  addMany(buffer, ZERO, least - count);
  buffer.addBytes(first, count);
  if (isLeft) addMany(buffer, 0x20, blanks);
}

// ---- strings ---------------------------------------------------------------------------------------------

function hasZero(text: usize): bool {
  const length = lengthOf(text);
  burn(<i64>(length >> 5));
  const from = bytesOf(text);
  for (let i: usize = 0; i < length; i++) {
    if (load<u8>(from + i) == 0) return true;
  }
  return false;
}

/** Adds argument `index` as `tostring` has it. */
function addAnything(buffer: Buffer, index: i32): void {
  const conversion = start;
  const text = stringFor(argAt(index));
  if (text == 0) return;
  // A `__tostring` may have formatted something itself.
  readConversion(conversion);
  const length = lengthOf(text);
  if (letterAt == start) {
    buffer.addString(text);
  } else if (hasZero(text)) {
    argError(index, "string contains zeros");
  } else if (!isValid(FLAGS_TEXT, true)) {
    return;
  } else if (precision < 0 && length >= LONG) {
    buffer.addString(text);
  } else if (isUnknown) {
    addWritten(buffer, "");
  } else {
    addPadded(buffer, text, precision < 0 ? length : min<u32>(length, <u32>precision));
  }
}

/** Adds `count` bytes of a string, and what the width wants beside them. */
function addPadded(buffer: Buffer, text: usize, count: u32): void {
  const fill = width - <i32>count;
  const padding = isPadded ? ZERO : 0x20;
  if (!isLeft) addMany(buffer, padding, fill);
  buffer.addBytes(bytesOf(text), count);
  if (isLeft) addMany(buffer, padding, fill);
}

/** Adds a control character as an escape that the digit after it, if there is one, can't be taken for a part of. */
function addEscape(buffer: Buffer, c: u32, next: u32): void {
  const first = writeDigits(c, 10, 0);
  buffer.addByte(0x5c);
  if (next - ZERO <= 9) addMany(buffer, ZERO, 3 - <i32>(digitsEnd - first));
  buffer.addBytes(first, <u32>(digitsEnd - first));
}

function addQuoted(buffer: Buffer, text: usize): void {
  const length = lengthOf(text);
  burn(<i64>(length >> 4));
  const from = bytesOf(text);
  buffer.addByte(0x22);
  for (let i: usize = 0; i < length && !raised; i++) {
    const c = <u32>load<u8>(from + i);
    if (c == 0x22 || c == 0x5c || c == 0x0a) {
      buffer.addByte(0x5c);
      buffer.addByte(c);
    } else if (c < 0x20 || c == 0x7f) {
      // After the last byte there is a NUL.
      addEscape(buffer, c, load<u8>(from + i, 1));
    } else {
      buffer.addByte(c);
    }
  }
  buffer.addByte(0x22);
}

/** Adds argument `index` as a Lua program has it. */
function addLiteral(buffer: Buffer, index: i32): void {
  switch (argTag(index)) {
    case STRING: {
      addQuoted(buffer, objectOf(argAt(index)));
      break;
    }
    case INTEGER:
    case FLOAT: {
      const value = integerOf(argAt(index));
      // The least integer has no decimal numeral.
      if (value == i64.MIN_VALUE) buffer.addText("0x8000000000000000");
      else buffer.addBytes(digits, writeInteger(value, digits));
      break;
    }
    case NIL:
    case FALSE:
    case TRUE: {
      const text = stringFor(argAt(index));
      if (text != 0) buffer.addString(text);
      break;
    }
    default:
      argError(index, "value has no literal form");
  }
}

// ---- format ----------------------------------------------------------------------------------------------

/** A byte as messages show it. */
export function shownByte(c: u32): string {
  return c >= 0x20 && c < 0x7f ? String.fromCharCode(<i32>c) : `<\\${c}>`;
}

/** Adds argument `index` as the conversion that was read says. */
function addConversion(buffer: Buffer, index: i32): void {
  const letter = <u32>load<u8>(letterAt);
  switch (letter) {
    case 0x63: {
      // c
      if (!isValid(FLAGS_TEXT, false)) return;
      const code = checkInteger(index);
      if (raised) return;
      if (isUnknown) addWritten(buffer, "");
      else buffer.addByte(<u32>code & 0xff);
      break;
    }
    case 0x64: // d
    case 0x69: // i
    case 0x6f: // o
    case 0x75: // u
    case 0x78: // x
    case 0x58: {
      // X
      const value = checkInteger(index);
      if (raised || !isValid(integerFlags(letter), true)) return;
      addInteger(buffer, value, letter);
      break;
    }
    case 0x61: // a
    case 0x41: // A
    case 0x65: // e
    case 0x45: // E
    case 0x66: // f
    case 0x67: // g
    case 0x47: {
      // G
      if (is54 && letter == 0x66) {
        invalidLetter(letter);
        return;
      }
      checkInteger(index);
      if (raised || !isValid(FLAGS_FLOAT, true)) return;
      addWritten(buffer, "");
      break;
    }
    case 0x70: {
      // p
      if (!is54) invalidLetter(letter);
      else if (isValid(FLAGS_TEXT, false)) addAddress(buffer, index);
      break;
    }
    case 0x71: {
      // q
      if (is54 && letterAt != start) {
        raiseText("specifier '%q' cannot have modifiers");
        return;
      }
      addLiteral(buffer, index);
      break;
    }
    case 0x73: {
      // s
      addAnything(buffer, index);
      break;
    }
    default:
      invalidLetter(letter);
  }
}

function integerFlags(letter: u32): string {
  if (letter == 0x64 || letter == 0x69) return FLAGS_INTEGER;
  return letter == 0x75 ? FLAGS_UNSIGNED : FLAGS_HEX;
}

function invalidLetter(letter: u32): void {
  raiseText(
    is54 ? `invalid conversion '${written()}' to 'format'` : `invalid option '%${shownByte(letter)}' to 'format'`,
  );
}

/** Adds the address of argument `index`, as `tostring` shows those of objects. */
function addAddress(buffer: Buffer, index: i32): void {
  const tag = argTag(index);
  const text = tag < BUILTIN || tag == NONE ? stringOf("(null)") : stringOf(addressText(argAt(index)));
  addPadded(buffer, text, lengthOf(text));
}

/** `string.format`. */
export function format(): i32 {
  const count = argCount();
  const text = checkString(1);
  if (text == 0) return RAISED;
  const end = bytesOf(text) + lengthOf(text);
  const buffer = openBuffer();
  let index = 1;
  /** What isn't in the buffer yet. */
  let plain = bytesOf(text);
  for (let at = plain; at < end; at++) {
    if (load<u8>(at) != PERCENT) continue;
    buffer.addBytes(plain, <u32>(at - plain));
    at++;
    plain = at;
    if (load<u8>(at) == PERCENT) continue;
    burn(2);
    if (++index > count) argError(index, "no value");
    else if (readConversion(at)) addConversion(buffer, index);
    if (raised) return pushBuffer(buffer);
    at = letterAt;
    plain = at + 1;
  }
  buffer.addBytes(plain, <u32>(end - plain));
  return pushBuffer(buffer);
}
