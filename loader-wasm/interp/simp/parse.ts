// The simple command language: one line to a vector of arguments. Backslash escapes first, then words with
// '' and "" quotes and $name, ${name}, $(name) expansions.

import { getenv } from "../../boot/environment";
import { print } from "../../console/console";
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

/** `text` with its backslash escapes replaced; those of quotes and dollars stay for the word splitter. */
export function unescape(text: string): string {
  let result = "";
  let i = 0;
  while (i < text.length) {
    const c = text.charCodeAt(i++);
    if (c != BACKSLASH) {
      result += String.fromCharCode(c);
      continue;
    }
    if (i == text.length) return result + "\\";
    const escaped = text.charCodeAt(i);
    switch (escaped) {
      case QUOTE:
      case DOUBLE_QUOTE:
      case DOLLAR:
        result += "\\" + String.fromCharCode(escaped);
        i++;
        break;
      case 0x62:
        result += "\b";
        i++;
        break;
      case 0x66:
        result += "\f";
        i++;
        break;
      case 0x72:
        result += "\r";
        i++;
        break;
      case 0x6e:
        result += "\n";
        i++;
        break;
      case 0x73:
        result += " ";
        i++;
        break;
      case 0x74:
        result += "\t";
        i++;
        break;
      case 0x76:
        result += "\v";
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
            result += String.fromCharCode(((escaped - 0x30) << 6) | ((b - 0x30) << 3) | (c - 0x30));
            i += 3;
          } else if (escaped == 0x30 && (b | 0x20) == 0x78 && isHexDigit(c)) {
            let value = digitValue(c);
            i += 3;
            if (i < text.length && isHexDigit(text.charCodeAt(i))) {
              value = (value << 4) + digitValue(text.charCodeAt(i));
              i++;
            }
            result += String.fromCharCode(value);
          }
          // Any other digit: the backslash vanishes, the digit is read as plain text next.
        } else {
          result += String.fromCharCode(escaped);
          i++;
        }
    }
  }
  return result;
}

class Words {
  list: string[] = [];
  word: string = "";

  /** Ends a word. False when there are too many. */
  finish(): bool {
    if (this.word.length == 0) return true;
    if (this.list.length >= ARGUMENT_LIMIT) return false;
    this.list.push(this.word);
    this.word = "";
    return true;
  }

  /** Adds a byte to the word. False when it gets too long. */
  add(c: i32): bool {
    if (this.word.length == WORD_LIMIT) return false;
    this.word += String.fromCharCode(c);
    return true;
  }
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
  const words = new Words();
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
      if (!words.add(text.charCodeAt(i + 1))) return refuse(113);
      i += 2;
    } else if (c == QUOTE) {
      quoted = !quoted;
      if (doubleQuoted && !words.add(c)) return refuse(118);
      i++;
    } else if (c == DOUBLE_QUOTE) {
      doubleQuoted = !doubleQuoted;
      if (quoted && !words.add(c)) return refuse(125);
      i++;
    } else if (isSpace(c) && !quoted && !doubleQuoted) {
      blank = true;
      if (!words.finish()) return refuse(133);
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
      if (value !== null) words.word = (words.word + value).substring(0, WORD_LIMIT);
      i = end + close.length;
    } else {
      if (!words.add(c)) return refuse(145);
      i++;
    }
  }
  if (quoted || doubleQuoted) return refuse(180);
  if (!blank && !dangling && !words.finish()) return refuse(184);
  return words.list;
}
