// Words on texts and numbers as texts: output, pictured conversion, parsing, strings.

import { getchar, ischar, print, putchar } from "../../console/console";
import { cstringAt } from "../../lib/bytes";
import { digitValue, toLower } from "../../lib/text";
import { colon, immediate, primitive } from "./define";
import { FLAG_IMMEDIATE, findWordAt, flagsOf } from "./dictionary";
import { restarted, waitForText } from "./inner";
import {
  allocateBlock,
  baseCell,
  check,
  depth,
  inCell,
  PAD_SIZE,
  pad,
  peek,
  placeText,
  poke,
  pop,
  popText,
  push,
  pushFlag,
  readable,
  returnBase,
  rp,
  stackBase,
  writable,
} from "./memory";
import {
  double,
  isNumber,
  number,
  parsedAt,
  parsedSize,
  parseUntil,
  parseWord,
  scanUntil,
  scanWord,
  source,
  sourceId,
  sourceSize,
} from "./outer";
import { divideUnsigned, lastQuotient, lastRemainder } from "./words_core";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** `value` in base `base` (2 to 36, else 10), upper-case. */
export function unsignedText(value: u64, base: i64): string {
  const radix: u64 = base < 2 || base > 36 ? 10 : <u64>base;
  let text = "";
  do {
    text = DIGITS.charAt(<i32>(value % radix)) + text;
    value /= radix;
  } while (value != 0);
  return text;
}

/** Only in base 10 is a number negative. */
export function signedText(value: i64, base: i64): string {
  return value < 0 && base == 10 ? "-" + unsignedText(<u64>-value, base) : unsignedText(<u64>value, base);
}

/** The number as text being made by <# ... #>. */
let picture: string = "";
const pictureArea: i32 = 256;

function digit(): void {
  const base = <u64>load<i64>(baseCell);
  const high = <u64>pop();
  const low = <u64>pop();
  const radix: u64 = base < 2 || base > 36 ? 10 : base;
  const top = high / radix;
  if (!divideUnsigned(high % radix, low, radix)) return;
  picture = DIGITS.charAt(<i32>lastRemainder()) + picture;
  push(<i64>lastQuotient());
  push(<i64>top);
}

function compareTexts(ignoreCase: bool): void {
  const bSize = pop();
  const b = pop();
  const aSize = pop();
  const a = pop();
  if (!readable(a, aSize) || !readable(b, bSize)) return;
  const shorter = min(aSize, bSize);
  let order = 0;
  for (let i: i64 = 0; i < shorter && order == 0; i++) {
    let x = <i32>load<u8>(<usize>(a + i));
    let y = <i32>load<u8>(<usize>(b + i));
    if (ignoreCase) {
      x = toLower(x);
      y = toLower(y);
    }
    order = x - y;
  }
  if (order == 0) order = aSize < bSize ? -1 : aSize > bSize ? 1 : 0;
  push(order < 0 ? -1 : order > 0 ? 1 : 0);
}

/** Prints the data stack. */
export function showStack(): void {
  if (depth() == 0) {
    print("(Stack Empty) ");
    return;
  }
  const base = load<i64>(baseCell);
  for (let at = stackBase; at < stackBase + <usize>(depth() << 3); at += 8) {
    const value = load<i64>(at);
    print((base == 10 ? signedText(value, base) : unsignedText(<u64>value, base)) + " ");
  }
}

/** Formats like C's printf with %d %x %s %% from the stack; other letters stand for themselves. */
function sprintf(): void {
  const room = pop();
  const target = pop();
  const format = popText();
  if (format === null || !writable(target, max(room, 0))) return;
  let text = "";
  for (let i = 0; i < format.length; i++) {
    if (format.charCodeAt(i) != 0x25 || i + 1 == format.length) {
      text += format.charAt(i);
      continue;
    }
    i++;
    const letter = format.charAt(i);
    if (letter == "s") {
      if (!check(2, 0)) return;
      const part = popText();
      if (part === null) return;
      text += part;
    } else if (letter == "d" || letter == "x" || letter == "u") {
      if (!check(1, 0)) return;
      const value = pop();
      text += letter == "d" ? signedText(value, 10) : unsignedText(<u64>value, letter == "x" ? 16 : 10);
    } else {
      text += letter;
    }
  }
  const whole = <i64>text.length < room;
  const kept = whole ? text : text.substring(0, <i32>max(room - 1, 0));
  if (room > 0) placeText(<usize>target, kept);
  push(target);
  push(kept.length);
  pushFlag(whole);
}

export function defineText(): void {
  // Output.
  primitive("emit", 1, 0, () => putchar(<i32>pop() & 0xff));
  primitive("cr", 0, 0, () => print("\n"));
  primitive("space", 0, 0, () => putchar(0x20));
  primitive("spaces", 1, 0, () => {
    const count = min(pop(), 65536);
    // A loop of Forth's: a negative count is found out after the first turn.
    for (let i: i64 = 0; i < count || (i == 0 && count < 0); i++) putchar(0x20);
  });
  primitive("type", 2, 0, () => {
    const size = pop();
    const address = pop();
    if (size <= 0 || !readable(address, size)) return;
    for (let i: i64 = 0; i < size; i++) {
      const c = load<u8>(<usize>(address + i));
      if (c == 0) break;
      putchar(c);
    }
  });
  primitive(".", 1, 0, () => {
    // The number's text is left in PAD, as scripts can see.
    const text = signedText(pop(), load<i64>(baseCell)) + " ";
    placeText(pad + <usize>PAD_SIZE, text);
    print(text);
  });
  colon("?", "@ .");
  primitive("u.", 1, 0, () => print(unsignedText(<u64>pop(), load<i64>(baseCell)) + " "));
  primitive("x.", 1, 0, () => print(unsignedText(<u64>pop(), 16) + " "));
  primitive(".#", 1, 0, () => print(signedText(pop(), load<i64>(baseCell))));
  primitive(".s", 0, 0, showStack);
  primitive("r.s", 0, 0, () => {
    for (let at = returnBase; at < rp; at += 8) print(signedText(load<i64>(at), load<i64>(baseCell)) + " ");
    print("0 ");
  });
  primitive("xemit", 1, 0, () => {
    const code = <u32>pop();
    if (code < 0x80) {
      if (code != 0) putchar(code);
    } else if (code < 0x800) {
      putchar(0xc0 | (code >> 6));
      putchar(0x80 | (code & 63));
    } else if (code < 0x10000) {
      putchar(0xe0 | (code >> 12));
      putchar(0x80 | ((code >> 6) & 63));
      putchar(0x80 | (code & 63));
    } else {
      putchar(0xf0 | ((code >> 18) & 7));
      putchar(0x80 | ((code >> 12) & 63));
      putchar(0x80 | ((code >> 6) & 63));
      putchar(0x80 | (code & 63));
    }
  });
  colon("dump", "0 ?do dup c@ . 1+ i 7 and 7 = if cr then loop drop");

  // Pictured numbers.
  primitive("<#", 0, 0, () => {
    picture = "";
  });
  primitive("#", 2, 2, digit);
  primitive("#s", 2, 2, () => {
    do digit();
    while ((peek(0) | peek(1)) != 0 && picture.length < pictureArea);
  });
  primitive("hold", 1, 0, () => {
    if (picture.length < pictureArea) picture = String.fromCharCode(<i32>pop() & 0xff) + picture;
  });
  primitive("sign", 1, 0, () => {
    if (pop() < 0) picture = "-" + picture;
  });
  primitive("#>", 2, 2, () => {
    pop();
    pop();
    const at = pad + <usize>(PAD_SIZE * 2);
    placeText(at, picture.substring(0, pictureArea - 1));
    push(<i64>at);
    push(min(picture.length, pictureArea - 1));
  });
  primitive(">number", 4, 4, () => {
    let size = pop();
    let address = pop();
    let high = <u64>pop();
    let low = <u64>pop();
    if (!readable(address, size)) return;
    const base = load<i64>(baseCell);
    while (size > 0) {
      const value = digitValue(load<u8>(<usize>address));
      if (<i64>value >= base) break;
      const product = low * <u64>base;
      // The high half of low * base, from halves.
      const carry = ((low >> 32) * <u64>base + (((low & 0xffffffff) * <u64>base) >> 32)) >> 32;
      high = high * <u64>base + carry;
      low = product + <u64>value;
      if (low < product) high++;
      address++;
      size--;
    }
    push(<i64>low);
    push(<i64>high);
    push(address);
    push(size);
  });
  colon("convert", "char+ 65535 >number drop");
  primitive("?number", 2, 3, () => {
    const size = pop();
    const address = pop();
    if (!readable(address, size)) return;
    if (isNumber(<usize>address, <i32>size, load<i64>(baseCell))) {
      if (double) push(0);
      push(number);
      push(1);
    } else {
      push(address);
      push(size);
      push(0);
    }
  });

  // Input.
  primitive("key", 0, 1, () => push(getchar()));
  primitive("key?", 0, 1, () => pushFlag(ischar()));
  primitive("accept", 2, 1, () => {
    const limit = pop();
    const address = pop();
    if (limit <= 0 || !writable(address, limit)) {
      push(0);
      return;
    }
    // The reference takes what is left of the line being interpreted.
    const text = parseUntil(-1);
    const size = min(<i64>text.length, limit);
    for (let i: i64 = 0; i < size; i++) store<u8>(<usize>(address + i), <u8>text.charCodeAt(<i32>i));
    push(size);
  });
  primitive("source", 0, 2, () => {
    push(<i64>source);
    push(sourceSize);
  });
  primitive("source-id", 0, 1, () => push(sourceId));
  primitive(">in", 0, 1, () => push(inCell));
  primitive("refill", 0, 1, () => {
    if (sourceId == -1) push(0);
    else if (restarted) push(1);
    else waitForText();
  });
  primitive("parse", 1, 2, () => {
    scanUntil(<i32>pop());
    push(<i64>source + <i64>parsedAt);
    push(parsedSize);
  });
  primitive("parse-word", 0, 2, () => {
    scanWord();
    push(<i64>source + <i64>parsedAt);
    push(parsedSize);
  });
  primitive("word", 1, 1, () => {
    const delimiter = <i32>pop();
    const text = delimiter == 0x20 ? parseWord() : parseUntil(delimiter, true);
    const kept = text.substring(0, PAD_SIZE - 2);
    store<u8>(pad, <u8>kept.length);
    placeText(pad + 1, kept);
    push(<i64>pad);
  });
  immediate("(", 0, 0, () => {
    scanUntil(0x29);
  });
  immediate("\\", 0, 0, () => {
    scanUntil(0x0a);
  });
  immediate(".(", 0, 0, () => print(parseUntil(0x29)));
  primitive("pad", 0, 1, () => push(<i64>(pad + <usize>PAD_SIZE)));

  // Strings.
  primitive("compare", 4, 1, () => compareTexts(false));
  primitive("compare-insensitive", 4, 1, () => compareTexts(true));
  primitive("strlen", 1, 2, () => {
    const address = peek(0);
    if (!readable(address, 1)) return;
    const limit = ((<i64>memory.size()) << 16) - address;
    push(cstringAt(<usize>address, <i32>min(limit, 1 << 20)).length);
  });
  primitive("strdup", 2, 3, () => {
    const text = popText();
    if (text === null) return;
    const copy = allocateBlock(text.length + 1);
    if (copy != 0) placeText(copy, text);
    push(<i64>copy);
    push(copy == 0 ? 0 : text.length);
    push(copy == 0 ? -1 : 0);
  });
  primitive("strcat", 4, 2, () => {
    const text = popText();
    const size = pop();
    const address = pop();
    if (text === null || size < 0 || !writable(address, size + <i64>text.length)) return;
    for (let i = 0; i < text.length; i++) store<u8>(<usize>(address + size) + i, <u8>text.charCodeAt(i));
    push(address);
    push(size + <i64>text.length);
  });
  primitive("strcpy", 4, 2, () => {
    const text = popText();
    const address = pop();
    pop();
    if (text === null || !writable(address, text.length)) return;
    for (let i = 0; i < text.length; i++) store<u8>(<usize>address + i, <u8>text.charCodeAt(i));
    push(address);
    push(text.length);
  });
  primitive("sprintf", 4, 3, sprintf);
  primitive("hash", 2, 1, () => {
    const text = popText();
    if (text === null) return;
    // FICL's hash of a name: 16 bits, what leaves at the top comes back below.
    let hash: u32 = <u32>text.length;
    for (let i = 0; i < text.length; i++) {
      hash = ((hash << 4) + <u32>toLower(text.charCodeAt(i))) & 0xffff;
      const top = hash & 0xf000;
      hash ^= (top >> 8) | top;
    }
    push(hash);
  });
  primitive("find", 1, 2, () => {
    const address = peek(0);
    if (!readable(address, 256)) return;
    const xt = findWordAt(<usize>address + 1, load<u8>(<usize>address));
    if (xt == 0) {
      push(0);
      return;
    }
    poke(0, <i64>xt);
    push((flagsOf(xt) & FLAG_IMMEDIATE) != 0 ? 1 : -1);
  });
  primitive("sfind", 2, 3, () => {
    const size = pop();
    const address = pop();
    if (!readable(address, size)) return;
    const xt = findWordAt(<usize>address, <i32>size);
    if (xt == 0) {
      push(address);
      push(size);
      push(0);
    } else {
      push(<i64>xt);
      push((flagsOf(xt) & FLAG_IMMEDIATE) != 0 ? 1 : -1);
    }
  });
}
