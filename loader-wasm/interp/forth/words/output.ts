// Words that print.

import { Ascii } from "../../../lib/ascii";
import { print, putchar } from "../../../lib/output";
import { loose, primitive } from "../define";
import { pad, readable, variables } from "../memory";
import { depth, fail, pop, returnBase, rp, stackBase, thrown } from "../stacks";
import { show, signedText, unsignedText } from "./numbers";

/** Prints the data stack. */
function showStack(): void {
  if (depth() == 0) {
    print("(Stack Empty) ");
    return;
  }
  const base = variables.base;
  for (let at = stackBase; at < stackBase + <usize>(depth() << 3); at += 8) {
    const value = load<i64>(at);
    show(base == 10 ? signedText(value, base) : unsignedText(<u64>value, base));
    putchar(Ascii.SPACE);
  }
}

/** Bytes that TYPE can take: more than the reference's heap has. */
const TYPE_LIMIT: u64 = 64 * 1024 * 1024;

/** Prints the character of Unicode with `code`, in UTF-8. */
function printUtf8(code: u32): void {
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
}

/** Defines the words that print. */
export function defineOutput(): void {
  primitive("emit", 1, 0, () => {
    const key = <i32>pop() & 0xff;
    store<u16>(pad, <u16>key);
    if (key != 0) putchar(key);
  });
  primitive("cr", 0, 0, () => print("\n"));
  primitive("space", 0, 0, () => show(" "));
  primitive("spaces", 1, 0, () => {
    const count = min(pop(), 65536);
    // A loop of Forth's: a negative count is found out after the first turn.
    for (let i: i64 = 0; i < count || (i == 0 && count < 0); i++) show(" ");
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
  primitive(".", 1, 0, () => show(`${signedText(pop(), variables.base)} `));
  primitive("u.", 1, 0, () => show(`${unsignedText(<u64>pop(), variables.base)} `));
  primitive("x.", 1, 0, () => show(`${unsignedText(<u64>pop(), 16)} `));
  primitive(".#", 1, 0, () => show(signedText(pop(), variables.base)));
  primitive(".s", 0, 0, showStack);
  primitive("r.s", 0, 0, () => {
    for (let at = returnBase; at < rp; at += 8) print(signedText(load<i64>(at), variables.base) + " ");
    print("0 ");
  });
  primitive("xemit", 1, 0, () => printUtf8(<u32>pop()));
}
