// Words on texts and numbers as texts: output, pictured conversion, parsing, strings.

import { getchar, ischar } from "../../console/console";
import { storeString } from "../../lib/bytes";
import { burn } from "../../lib/fault";
import { print, putchar } from "../../lib/output";
import { digitValue, isDigit, toLower } from "../../lib/text";
import { immediate, loose, primitive, variableAt } from "./define";
import { FLAG_IMMEDIATE, ficlHash, findWordAt, flagsOf } from "./dictionary";
import { takeRestart, waitForText } from "./inner";
import {
  allocateBlock,
  baseCell,
  depth,
  fail,
  inCell,
  looseCheck,
  PAD_SIZE,
  pad,
  peek,
  placeText,
  poke,
  pop,
  popText,
  push,
  pushFlag,
  pushTaken,
  readable,
  returnBase,
  rp,
  stackBase,
  thrown,
  writable,
} from "./memory";
import {
  parsedAt,
  parsedSize,
  parseUntil,
  position,
  scanUntil,
  scanWord,
  setPosition,
  source,
  sourceId,
  sourceSize,
} from "./outer";

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
  // By halves of a cell, which don't overflow: a base has 16 bits at the most.
  const upper = ((high % radix) << 32) | (low >> 32);
  const lower = ((upper % radix) << 32) | (low & 0xffffffff);
  picture = DIGITS.charAt(<i32>(lower % radix)) + picture;
  push(<i64>(((upper / radix) << 32) | (lower / radix)));
  push(<i64>(high / radix));
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
    // Bytes are signed there.
    let x = <i32>load<i8>(<usize>(a + i));
    let y = <i32>load<i8>(<usize>(b + i));
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

/** An integer of a format: 32 bits, as the reference takes them. */
function formatted(letter: i32): string {
  const value = <i64>(<i32>pop());
  if (letter == 0x64) return signedText(value, 10);
  return unsignedText(<u64>value, letter == 0x78 ? 16 : 10);
}

/** Formats %d %u %x %s, with a width, from the stack; any other letter, % among them, stands for itself. */
function sprintf(): void {
  let room = pop();
  const target = pop();
  const format = popText();
  if (format === null) return;
  let out = target;
  let whole = true;
  for (let i = 0; i < format.length; i++) {
    let part = format.charAt(i);
    let width: i64 = 0;
    let zeros = false;
    if (part == "%") {
      i++;
      zeros = i < format.length && format.charCodeAt(i) == 0x30;
      if (zeros) i++;
      if (i < format.length && format.charCodeAt(i) == 0x2a) {
        if (!looseCheck(1)) return;
        width = pop();
        i++;
      } else {
        for (; i < format.length && isDigit(format.charCodeAt(i)) && width < 4096; i++) {
          width = width * 10 + format.charCodeAt(i) - 0x30;
        }
      }
      if (i >= format.length) break;
      const letter = toLower(format.charCodeAt(i));
      if (letter == 0x73) {
        if (!looseCheck(2)) return;
        const text = popText();
        if (text === null) return;
        part = text;
      } else if (letter == 0x64 || letter == 0x75 || letter == 0x78) {
        if (!looseCheck(1)) return;
        part = formatted(letter);
      } else {
        // What follows % is looked at again, as text: so `%%` begins a format too.
        i--;
        continue;
      }
    }
    if (!whole) continue;
    if (width == 0) width = part.length;
    if (width > room) {
      // The part that no longer fits is still written, then nothing more.
      whole = false;
      width = room;
    }
    const padding = max(width - part.length, 0);
    if (!writable(out, padding + part.length)) return;
    for (let j: i64 = 0; j < padding; j++) store<u8>(<usize>(out + j), zeros ? 0x30 : 0x20);
    storeString(<usize>(out + padding), part);
    out += padding + part.length;
    room -= padding + part.length;
  }
  push(target);
  push(out - target);
  pushFlag(whole);
}

/** Takes what is left of the line being interpreted, not what is typed; waits for a line when nothing is. */
function accept(): void {
  const at = position();
  if (at >= sourceSize) {
    waitForText();
    return;
  }
  takeRestart();
  const limit = <u64>pop();
  const address = pop();
  const size = min(limit, <u64>(sourceSize - at));
  if (!writable(address, <i64>size)) return;
  memory.copy(<usize>address, source + <usize>at, <usize>size);
  setPosition(at + <i32>size);
  push(<i64>size);
}

/** Where EXPECT leaves its count. */
let span: usize = 0;

/** Bytes that TYPE can take: more than the reference's heap has. */
const TYPE_LIMIT: u64 = 64 * 1024 * 1024;

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
  loose("type", 2, 0, () => {
    const size = pop();
    const address = pop();
    // The reference copies the text first.
    if (<u64>size > TYPE_LIMIT) fail("Error: out of memory");
    if (thrown != 0 || size == 0 || !readable(address, size)) return;
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
      if (value > 35 || <i64>value >= base) break;
      // As UM* does it: cells of 32 bits.
      const product = low * <u64>base;
      high = ((high * <u64>base) & 0xffffffff) + (product >> 32);
      low = (product & 0xffffffff) + <u64>value;
      address++;
      size--;
    }
    push(<i64>low);
    push(<i64>high);
    push(address);
    push(size);
  });
  // Input.
  span = variableAt("span");
  primitive("key", 0, 1, () => push(getchar()));
  primitive("key?", 0, 1, () => pushFlag(ischar()));
  primitive("accept", 2, 1, accept);
  primitive("expect", 2, 0, () => {
    accept();
    if (thrown == 0) store<i64>(span, pop());
  });
  primitive("source", 0, 2, () => {
    push(<i64>source);
    push(sourceSize);
  });
  primitive("source-id", 0, 1, () => push(sourceId));
  primitive(">in", 0, 1, () => push(inCell));
  primitive("refill", 0, 1, () => {
    if (sourceId == -1) push(0);
    else if (takeRestart()) push(-1);
    else waitForText();
  });
  primitive("parse", 1, 2, () => {
    scanUntil(<i32>pop() & 0xff);
    push(<i64>source + <i64>parsedAt);
    push(parsedSize);
  });
  primitive("parse-word", 0, 2, () => {
    scanWord();
    push(<i64>source + <i64>parsedAt);
    push(parsedSize);
  });
  primitive("word", 1, 1, () => {
    const kept = parseUntil(<i32>pop() & 0xff, true).substring(0, PAD_SIZE - 1);
    store<u8>(pad, <u8>kept.length);
    // A blank follows that doesn't count.
    placeText(pad + 1, `${kept} `);
    push(<i64>pad);
  });
  immediate("(", 0, 0, () => {
    scanUntil(0x29);
  });
  immediate("\\", 0, 0, () => {
    scanUntil(0x0a);
  });
  immediate(".(", 0, 0, () => print(parseUntil(0x29, false, true)));
  primitive("pad", 0, 1, () => push(<i64>(pad + <usize>PAD_SIZE)));

  // Strings.
  primitive("compare", 4, 1, () => compareTexts(false));
  primitive("compare-insensitive", 4, 1, () => compareTexts(true));
  loose("strlen", 1, 1, () => {
    const address = pop();
    if (readable(address, 1)) pushTaken(textSize(address));
  });
  primitive("strdup", 2, 3, () => {
    const text = popText();
    if (text === null) return;
    const copy = allocateBlock(text.length + 1);
    if (copy == 0) {
      push(0);
      push(-1);
      return;
    }
    placeText(copy, text);
    push(<i64>copy);
    push(text.length);
    push(0);
  });
  primitive("strcat", 4, 2, () => {
    const text = popText();
    const size = pop();
    const address = pop();
    if (text === null || size < 0 || !writable(address, size + <i64>text.length)) return;
    storeString(<usize>(address + size), text);
    push(address);
    push(size + <i64>text.length);
  });
  primitive("strcpy", 4, 2, () => {
    const text = popText();
    pop();
    const address = pop();
    if (text === null || !writable(address, text.length)) return;
    storeString(<usize>address, text);
    push(address);
    push(text.length);
  });
  loose("sprintf", 4, 3, sprintf);
  loose("hash", 2, 1, () => {
    const text = popText();
    if (text !== null) pushTaken(ficlHash(text));
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
  primitive("sfind", 2, 2, () => {
    const size = pop();
    const address = pop();
    if (!readable(address, size)) return;
    const xt = findWordAt(<usize>address, <i32>size);
    push(<i64>xt);
    push(xt == 0 ? 0 : (flagsOf(xt) & FLAG_IMMEDIATE) != 0 ? 1 : -1);
  });
}

/** Bytes before the NUL of the text at `address`, which can be read. */
function textSize(address: i64): i64 {
  const end = (<i64>memory.size()) << 16;
  let at = address;
  while (at < end && load<u8>(<usize>at) != 0) at++;
  burn((at - address) >> 6);
  return at - address;
}
