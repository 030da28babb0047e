// The simple command language: one line to a vector of arguments. Backslash escapes first, then words with
// '' and "" quotes and $name, ${name}, $(name) expansions.

import { getenvAt } from "../environment/variables";
import { Ascii } from "../lib/ascii";
import { allocString, copyText, countBefore, cstringSize, stringAt } from "../lib/bytes";
import { print } from "../lib/output";
import { digitValue, isDigit, isHexDigit, isSpace, toLower } from "../lib/text";

/** Longest argument in bytes, and most arguments of a line. */
const WORD_LIMIT: i32 = 1023;
const ARGUMENT_LIMIT: i32 = 20;

const BACKSLASH: u8 = 0x5c;
const QUOTE: i32 = 0x27;
const DOUBLE_QUOTE: i32 = 0x22;
const DOLLAR: i32 = 0x24;

function isOctal(c: i32, highest: i32 = Ascii.DIGIT_7): bool {
  return c >= Ascii.DIGIT_0 && c <= highest;
}

/**
 * Replaces the backslash escapes of the `size` bytes at `text`, in place, since they never get longer; those of quotes
 * and dollars stay for the word splitter. Returns the new length.
 */
function unescape(text: usize, size: i32): i32 {
  let i = countBefore(text, size, BACKSLASH, BACKSLASH, BACKSLASH);
  let out = text + <usize>i;
  while (i < size) {
    const c = load<u8>(text + <usize>i);
    i++;
    if (c != BACKSLASH || i == size) {
      store<u8>(out++, c);
      continue;
    }
    const escaped = <i32>load<u8>(text + <usize>i);
    switch (escaped) {
      case QUOTE:
      case DOUBLE_QUOTE:
      case DOLLAR:
        store<u8>(out++, <u8>BACKSLASH);
        store<u8>(out++, <u8>escaped);
        i++;
        break;
      case Ascii.LOWER_B:
        store<u8>(out++, Ascii.BACKSPACE);
        i++;
        break;
      case Ascii.LOWER_F:
        store<u8>(out++, Ascii.FORM_FEED);
        i++;
        break;
      case Ascii.LOWER_R:
        store<u8>(out++, Ascii.RETURN);
        i++;
        break;
      case Ascii.LOWER_N:
        store<u8>(out++, Ascii.NEWLINE);
        i++;
        break;
      case Ascii.LOWER_S:
        store<u8>(out++, Ascii.SPACE);
        i++;
        break;
      case Ascii.LOWER_T:
        store<u8>(out++, Ascii.TAB);
        i++;
        break;
      case Ascii.LOWER_V:
        store<u8>(out++, Ascii.VERTICAL_TAB);
        i++;
        break;
      case Ascii.LOWER_Z:
        i++;
        break;
      default:
        if (isDigit(escaped)) {
          const b = i + 1 < size ? <i32>load<u8>(text + <usize>i + 1) : 0;
          const c = i + 2 < size ? <i32>load<u8>(text + <usize>i + 2) : 0;
          if (isOctal(escaped, Ascii.DIGIT_3) && isOctal(b) && isOctal(c)) {
            store<u8>(out++, <u8>((digitValue(escaped) << 6) | (digitValue(b) << 3) | digitValue(c)));
            i += 3;
          } else if (escaped == Ascii.DIGIT_0 && toLower(b) == Ascii.LOWER_X && isHexDigit(c)) {
            let value = digitValue(c);
            i += 3;
            if (i < size && isHexDigit(load<u8>(text + <usize>i))) {
              value = (value << 4) + digitValue(load<u8>(text + <usize>i));
              i++;
            }
            store<u8>(out++, <u8>value);
          }
          // Any other digit: the backslash vanishes, the digit is read as plain text next.
        } else {
          store<u8>(out++, <u8>escaped);
          i++;
        }
    }
  }
  return <i32>(out - text);
}

/** The arguments of the last `split`, one after the other, and where each ends. */
const argumentBytes: usize = memory.data((WORD_LIMIT + 1) * (ARGUMENT_LIMIT + 1));
const argumentEnds: usize = memory.data((ARGUMENT_LIMIT + 1) * 4, 4);
/** How many there are. */
export let argumentCount: i32 = 0;
/** Where the one being made begins, and its bytes so far. */
let wordStart: i32 = 0;
let wordSize: i32 = 0;

/**
 * Address of argument `index` (0 is the command) of the last `split`: bytes without a NUL, good until the next `split`.
 */
export function argumentAt(index: i32): usize {
  return argumentBytes + <usize>(index == 0 ? 0 : load<i32>(argumentEnds + ((<usize>(index - 1)) << 2)));
}
/** Its length in bytes. */
export function argumentSize(index: i32): i32 {
  return load<i32>(argumentEnds + ((<usize>index) << 2)) - <i32>(argumentAt(index) - argumentBytes);
}

/** The arguments of the last `split` as strings. */
export function argumentList(): string[] {
  const list = new Array<string>(argumentCount);
  for (let i = 0; i < argumentCount; i++) list[i] = stringAt(argumentAt(i), argumentSize(i));
  return list;
}

/** Ends a word. False when there are too many. */
function finish(): bool {
  if (wordSize == 0) return true;
  if (argumentCount >= ARGUMENT_LIMIT) return false;
  wordStart += wordSize;
  store<i32>(argumentEnds + ((<usize>argumentCount) << 2), wordStart);
  argumentCount++;
  wordSize = 0;
  return true;
}

/** Adds a byte to the word. False when it gets too long. */
function add(c: i32): bool {
  if (wordSize == WORD_LIMIT) return false;
  store<u8>(argumentBytes + <usize>(wordStart + wordSize), <u8>c);
  wordSize++;
  return true;
}

/** Adds `size` bytes. False when that is too long. */
function addAll(from: usize, size: i32): bool {
  if (size > WORD_LIMIT - wordSize) return false;
  copyText(argumentBytes + <usize>(wordStart + wordSize), from, size);
  wordSize += size;
  return true;
}

/** Whether `c` is more than itself somewhere in a line: blanks, quotes, dollars, backslashes. */
function isSpecial(c: i32): bool {
  return c <= QUOTE ? isSpace(c) || c == QUOTE || c == DOUBLE_QUOTE || c == DOLLAR : c == BACKSLASH;
}

/** Prints the reference's complaint, whose number is a line of its source, and returns false. */
function refuse(number: i32): bool {
  print(`fail at line ${number}\n`);
  return false;
}

/**
 * The arguments of `line`, or null after a complaint on the console: unbalanced quotes or braces, a word or
 * a list too long. A word that ends in a dangling `$` or `${` is left out, as the reference does.
 */
export function parse(line: string): string[] | null {
  const text = allocString(line);
  const well = split(text, line.length);
  heap.free(text);
  return well ? argumentList() : null;
}

/** The same for the `size` bytes at `text`, which are changed. False after a complaint. */
export function split(text: usize, size: i32): bool {
  const length = unescape(text, size);
  const end = text + <usize>cstringSize(text, length);
  argumentCount = 0;
  wordStart = 0;
  wordSize = 0;
  let quoted = false;
  let doubleQuoted = false;
  let blank = false;
  let dangling = false;
  let at = text;
  while (at < end) {
    const c = <i32>load<u8>(at);
    if (blank) {
      if (isSpace(c)) {
        at++;
        continue;
      }
      blank = false;
    }
    if (c == BACKSLASH && at + 1 < end) {
      if (!add(load<u8>(at + 1))) return refuse(113);
      at += 2;
    } else if (c == QUOTE) {
      quoted = !quoted;
      if (doubleQuoted && !add(c)) return refuse(118);
      at++;
    } else if (c == DOUBLE_QUOTE) {
      doubleQuoted = !doubleQuoted;
      if (quoted && !add(c)) return refuse(125);
      at++;
    } else if (isSpace(c) && !quoted && !doubleQuoted) {
      blank = true;
      if (!finish()) return refuse(133);
      at++;
    } else if (c == DOLLAR && !quoted) {
      const open = at + 1 < end ? <i32>load<u8>(at + 1) : 0;
      const close: i32 =
        open == Ascii.OPEN_BRACE ? Ascii.CLOSE_BRACE : open == Ascii.OPEN_PAREN ? Ascii.CLOSE_PAREN : 0;
      at += close != 0 ? 2 : 1;
      if (at >= end) {
        dangling = true;
        break;
      }
      const name = at;
      if (close != 0) {
        while (at < end && load<u8>(at) != close) at++;
        if (at == end) return refuse(159);
      } else {
        while (at < end && !isSpace(load<u8>(at))) at++;
      }
      const value = getenvAt(name, <i32>(at - name));
      if (value !== null) for (let j = 0; j < value.length && add(value.charCodeAt(j)); j++);
      if (close != 0) at++;
    } else {
      const from = at;
      do at++;
      while (at < end && !isSpecial(load<u8>(at)));
      if (!addAll(from, <i32>(at - from))) return refuse(145);
    }
  }
  if (quoted || doubleQuoted) return refuse(180);
  if (!blank && !dangling && !finish()) return refuse(184);
  return true;
}
