// Words on texts in memory.

import { Ascii } from "../../../lib/ascii";
import { storeString } from "../../../lib/bytes";
import { burn } from "../../../lib/fault";
import { isDigit, toLower } from "../../../lib/text";
import { loose, primitive } from "../define";
import { FLAG_IMMEDIATE, flagsOf } from "../header";
import { allocateBlock } from "../heap";
import { MEMORY_PAGE_SHIFT, placeText, popText, readable, writable } from "../memory";
import { looseCheck, peek, poke, pop, push, pushFlag, pushTaken } from "../stacks";
import { ficlHash, findWordAt } from "../wordlists";
import { signedText, unsignedText } from "./numbers";

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

/** An integer of a format: 32 bits, as the reference takes them. */
function formatted(letter: i32): string {
  const value = <i64>(<i32>pop());
  if (letter == Ascii.LOWER_D) return signedText(value, 10);
  return unsignedText(<u64>value, letter == Ascii.LOWER_X ? 16 : 10);
}

/** Widths from here on are not read on. */
const WIDTH_LIMIT: i64 = 4096;

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
      zeros = i < format.length && format.charCodeAt(i) == Ascii.DIGIT_0;
      if (zeros) i++;
      if (i < format.length && format.charCodeAt(i) == Ascii.STAR) {
        if (!looseCheck(1)) return;
        width = pop();
        i++;
      } else {
        for (; i < format.length && isDigit(format.charCodeAt(i)) && width < WIDTH_LIMIT; i++) {
          width = width * 10 + format.charCodeAt(i) - Ascii.DIGIT_0;
        }
      }
      if (i >= format.length) break;
      const letter = toLower(format.charCodeAt(i));
      if (letter == Ascii.LOWER_S) {
        if (!looseCheck(2)) return;
        const text = popText();
        if (text === null) return;
        part = text;
      } else if (letter == Ascii.LOWER_D || letter == Ascii.LOWER_U || letter == Ascii.LOWER_X) {
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
    for (let j: i64 = 0; j < padding; j++) store<u8>(<usize>(out + j), <u8>(zeros ? Ascii.DIGIT_0 : Ascii.SPACE));
    storeString(<usize>(out + padding), part);
    out += padding + part.length;
    room -= padding + part.length;
  }
  push(target);
  push(out - target);
  pushFlag(whole);
}

/** Bytes before the NUL of the text at `address`, which can be read. */
function textSize(address: i64): i64 {
  const end = (<i64>memory.size()) << MEMORY_PAGE_SHIFT;
  let at = address;
  while (at < end && load<u8>(<usize>at) != 0) at++;
  burn((at - address) >> 6);
  return at - address;
}

/** Defines the words on texts. */
export function defineStrings(): void {
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
