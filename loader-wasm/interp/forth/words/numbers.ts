// Numbers as texts, and pictured conversion (<# ... #>).

import { print } from "../../../lib/output";
import { digitValue } from "../../../lib/text";
import { primitive } from "../define";
import { PAD_SIZE, pad, placeText, readable, variables } from "../memory";
import { peek, pop, push } from "../stacks";

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

/** Prints `text`, which is left in PAD, as scripts can see. */
export function show(text: string): void {
  print(text);
  placeText(pad, text.length < PAD_SIZE ? text : text.substring(0, PAD_SIZE - 1));
}

/** The number as text being made by <# ... #>. */
let picture: string = "";
const PICTURE_LIMIT: i32 = 256;

function digit(): void {
  const base = <u64>variables.base;
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

/** Pictured conversion, and its reverse. */
export function definePictured(): void {
  primitive("<#", 0, 0, () => {
    picture = "";
  });
  primitive("#", 2, 2, digit);
  primitive("#s", 2, 2, () => {
    do digit();
    while ((peek(0) | peek(1)) != 0 && picture.length < PICTURE_LIMIT);
  });
  primitive("hold", 1, 0, () => {
    if (picture.length < PICTURE_LIMIT) picture = String.fromCharCode(<i32>pop() & 0xff) + picture;
  });
  primitive("sign", 1, 0, () => {
    if (pop() < 0) picture = "-" + picture;
  });
  primitive("#>", 2, 2, () => {
    pop();
    pop();
    const size = min(picture.length, PICTURE_LIMIT - 1);
    store<u8>(pad, <u8>size);
    placeText(pad + 1, picture.substring(0, size));
    push(<i64>pad + 1);
    push(size);
  });
  primitive(">number", 4, 4, () => {
    let size = pop();
    let address = pop();
    let high = <u64>pop();
    let low = <u64>pop();
    if (!readable(address, size)) return;
    const base = variables.base;
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
}
