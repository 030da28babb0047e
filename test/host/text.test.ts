// What of a guest's texts an operator is shown: characters, none of which does anything.

import { printable } from "userboot-wasm";
import { expect, it } from "vitest";

it.each([
  ["a plain text", "kernel: /boot/kernel", "kernel: /boot/kernel"],
  ["controls", "a\x1b[2J\r\nb\x9b1m\0", "a?[2J??b?1m?"],
  // As UTF-8: one that turns the direction of writing, one that isn't seen, two line breaks.
  ["what acts on a reader", bytes("a\u202eb\u200bc\u2028d\u2029"), "a?b?c?d?"],
  ["UTF-8", bytes("Größe 語 🙂"), "Größe 語 🙂"],
  ["bytes that are no UTF-8", "\xe9t\xe9 \xff", "été ÿ"],
  ["characters that are no bytes, and half a pair", "語\ud800", "語?"],
])("%s", (_, text, shown) => expect(printable(text)).toBe(shown));

function bytes(text: string): string {
  return Buffer.from(text).toString("latin1");
}
