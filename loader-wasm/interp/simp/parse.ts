// The simple command language: one line to a vector of arguments. Backslash escapes first, then words with
// '' and "" quotes and $name, ${name}, $(name) expansions.

import { getenv } from "../../boot/environment";
import { print } from "../../console/console";
import { stringAt } from "../../lib/bytes";
import { allocate } from "../../lib/fault";
import { digitValue, isHexDigit, isSpace } from "../../lib/text";

/** Longest argument in bytes, and most arguments of a line. */
const WORD_LIMIT: i32 = 1023;
const ARGUMENT_LIMIT: i32 = 20;

const BACKSLASH: i32 = 0x5c;
const QUOTE: i32 = 0x27;
const DOUBLE_QUOTE: i32 = 0x22;
const DOLLAR: i32 = 0x24;

function isOctal(c: i32, highest: i32 = 0x37): bool {
  return c >= 0x30 && c <= highest;
}

/** Where `unescape` collects; a line's escapes never get longer. */
let unescaped: usize = 0;
let size: i32 = 0;

function put(c: i32): void {
  store<u8>(unescaped + <usize>size, <u8>c);
  size++;
}

/** `text` with its backslash escapes replaced; those of quotes and dollars stay for the word splitter. */
export function unescape(text: string): string {
  if (text.indexOf("\\") < 0) return text;
  unescaped = allocate(<usize>text.length);
  size = 0;
  let i = 0;
  while (i < text.length) {
    const c = text.charCodeAt(i++);
    if (c != BACKSLASH || i == text.length) {
      put(c);
      continue;
    }
    const escaped = text.charCodeAt(i);
    switch (escaped) {
      case QUOTE:
      case DOUBLE_QUOTE:
      case DOLLAR:
        put(BACKSLASH);
        put(escaped);
        i++;
        break;
      case 0x62:
        put(0x08);
        i++;
        break;
      case 0x66:
        put(0x0c);
        i++;
        break;
      case 0x72:
        put(0x0d);
        i++;
        break;
      case 0x6e:
        put(0x0a);
        i++;
        break;
      case 0x73:
        put(0x20);
        i++;
        break;
      case 0x74:
        put(0x09);
        i++;
        break;
      case 0x76:
        put(0x0b);
        i++;
        break;
      case 0x7a:
        i++;
        break;
      default:
        if (escaped >= 0x30 && escaped <= 0x39) {
          const b = i + 1 < text.length ? text.charCodeAt(i + 1) : 0;
          const c = i + 2 < text.length ? text.charCodeAt(i + 2) : 0;
          if (isOctal(escaped, 0x33) && isOctal(b) && isOctal(c)) {
            put(((escaped - 0x30) << 6) | ((b - 0x30) << 3) | (c - 0x30));
            i += 3;
          } else if (escaped == 0x30 && (b | 0x20) == 0x78 && isHexDigit(c)) {
            let value = digitValue(c);
            i += 3;
            if (i < text.length && isHexDigit(text.charCodeAt(i))) {
              value = (value << 4) + digitValue(text.charCodeAt(i));
              i++;
            }
            put(value);
          }
          // Any other digit: the backslash vanishes, the digit is read as plain text next.
        } else {
          put(escaped);
          i++;
        }
    }
  }
  const result = stringAt(unescaped, size);
  heap.free(unescaped);
  return result;
}

/** The word being made. */
const word: usize = memory.data(WORD_LIMIT + 1);
let wordSize: i32 = 0;

/** Ends a word of `list`. False when there are too many. */
function finish(list: string[]): bool {
  if (wordSize == 0) return true;
  if (list.length >= ARGUMENT_LIMIT) return false;
  list.push(stringAt(word, wordSize));
  wordSize = 0;
  return true;
}

/** Adds a byte to the word. False when it gets too long. */
function add(c: i32): bool {
  if (wordSize == WORD_LIMIT) return false;
  store<u8>(word + <usize>wordSize, <u8>c);
  wordSize++;
  return true;
}

/** Prints the reference's complaint, whose number is a line of its source, and returns null. */
function refuse(number: i32): string[] | null {
  print(`fail at line ${number}\n`);
  return null;
}

/**
 * The arguments of `line`, or null after a complaint on the console: unbalanced quotes or braces, a word or
 * a list too long. A word that ends in a dangling `$` or `${` is left out, as the reference does.
 */
export function parse(line: string): string[] | null {
  let text = unescape(line);
  const nul = text.indexOf("\0");
  if (nul >= 0) text = text.substring(0, nul);
  const words: string[] = [];
  wordSize = 0;
  let quoted = false;
  let doubleQuoted = false;
  let blank = false;
  let dangling = false;
  let i = 0;
  while (i < text.length) {
    const c = text.charCodeAt(i);
    if (blank) {
      if (isSpace(c)) {
        i++;
        continue;
      }
      blank = false;
    }
    if (c == BACKSLASH && i + 1 < text.length) {
      if (!add(text.charCodeAt(i + 1))) return refuse(113);
      i += 2;
    } else if (c == QUOTE) {
      quoted = !quoted;
      if (doubleQuoted && !add(c)) return refuse(118);
      i++;
    } else if (c == DOUBLE_QUOTE) {
      doubleQuoted = !doubleQuoted;
      if (quoted && !add(c)) return refuse(125);
      i++;
    } else if (isSpace(c) && !quoted && !doubleQuoted) {
      blank = true;
      if (!finish(words)) return refuse(133);
      i++;
    } else if (c == DOLLAR && !quoted) {
      const open = i + 1 < text.length ? text.charCodeAt(i + 1) : 0;
      const close = open == 0x7b ? "}" : open == 0x28 ? ")" : "";
      i += close.length > 0 ? 2 : 1;
      if (i >= text.length) {
        dangling = true;
        break;
      }
      let end: i32;
      if (close.length > 0) {
        end = text.indexOf(close, i);
        if (end < 0) return refuse(159);
      } else {
        end = i;
        while (end < text.length && !isSpace(text.charCodeAt(end))) end++;
      }
      const value = getenv(text.substring(i, end));
      if (value !== null) for (let j = 0; j < value.length && add(value.charCodeAt(j)); j++);
      i = end + close.length;
    } else {
      if (!add(c)) return refuse(145);
      i++;
    }
  }
  if (quoted || doubleQuoted) return refuse(180);
  if (!blank && !dangling && !finish(words)) return refuse(184);
  return words;
}
