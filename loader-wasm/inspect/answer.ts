// The answer to a request: JSON in a block of its own, which the host reads and checks. Texts are byte strings, whose bytes
// are characters U+0000 to U+00FF there; numbers are what JavaScript has exactly, larger ones the largest of those.

import { Ascii } from "../lib/ascii";
import { allocate, burn, die } from "../lib/fault";
import { FAULT_MEMORY } from "../protocol";

/** Bytes of an answer: more is no answer that anybody reads. */
const ANSWER_MAX: i32 = 16 << 20;
/** Lists end when there is so much: what is left is the next request's. */
export const ANSWER_ENOUGH: i32 = 1 << 20;
/** First room of the block. */
const FIRST_ROOM: i32 = 65536;
/** The largest whole number that JSON's readers have exactly. */
const NUMBER_MAX: u64 = 9007199254740991;
/** Bytes of one character at most: \u00ff. */
const CHARACTER_SIZE: i32 = 6;

let block: usize = 0;
let room: i32 = 0;
let size: i32 = 0;
/** Whether a comma comes before what follows. */
let following: bool = false;

/** Exported to the host: where the answer is. */
export function answerAt(): usize {
  return block;
}

/** Bytes so far. */
export function answerSize(): i32 {
  return size;
}

/** Begins an answer; the one before is gone. */
export function beginAnswer(): void {
  size = 0;
  following = false;
}

function need(bytes: i32): void {
  if (bytes <= room - size) return;
  if (size + bytes > ANSWER_MAX) die(FAULT_MEMORY, `answer of ${size + bytes} bytes`);
  const wanted = max(max(room * 2, FIRST_ROOM), size + bytes);
  const larger = allocate(<usize>wanted);
  memory.copy(larger, block, <usize>size);
  if (block != 0) heap.free(block);
  block = larger;
  room = wanted;
}

function put(c: i32): void {
  store<u8>(block + <usize>size, <u8>c);
  size++;
}

function raw(text: string): void {
  need(text.length);
  for (let i = 0; i < text.length; i++) put(text.charCodeAt(i));
}

function separate(): void {
  if (following) raw(",");
  following = true;
}

/** Opens an object or a list, by its bracket. */
export function open(bracket: string): void {
  separate();
  raw(bracket);
  following = false;
}

/** Closes it. */
export function close(bracket: string): void {
  raw(bracket);
  following = true;
}

function hexDigit(value: i32): i32 {
  return value < 10 ? value + Ascii.DIGIT_0 : value - 10 + Ascii.LOWER_A;
}

function quoted(text: string): void {
  burn(<i64>(text.length >> 4));
  need(text.length * CHARACTER_SIZE + 2);
  put(Ascii.QUOTE);
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i) & 0xff;
    if (c >= 0x20 && c < 0x7f && c != Ascii.QUOTE && c != Ascii.BACKSLASH) {
      put(c);
      continue;
    }
    put(Ascii.BACKSLASH);
    put(Ascii.LOWER_U);
    put(Ascii.DIGIT_0);
    put(Ascii.DIGIT_0);
    put(hexDigit(c >> 4));
    put(hexDigit(c & 15));
  }
  put(Ascii.QUOTE);
}

/** The name of a member, whose value follows. */
export function key(name: string): void {
  separate();
  quoted(name);
  raw(":");
  following = false;
}

/** A value: a byte string. */
export function text(value: string): void {
  separate();
  quoted(value);
}

/** A member that is a text. */
export function textOf(name: string, value: string): void {
  key(name);
  text(value);
}

/** A member that is a text, unless that is empty. */
export function textIf(name: string, value: string): void {
  if (value.length > 0) textOf(name, value);
}

/** A member that is a whole number. */
export function numberOf(name: string, value: u64): void {
  key(name);
  following = true;
  raw(min(value, NUMBER_MAX).toString());
}

/** The same of one that may be negative. */
export function signedOf(name: string, value: i64): void {
  key(name);
  following = true;
  const most = <i64>NUMBER_MAX;
  raw(max(min(value, most), -most).toString());
}

/** A member that is true or false. */
export function flagOf(name: string, value: bool): void {
  key(name);
  following = true;
  raw(value ? "true" : "false");
}

/** A member that is a list of texts. */
export function textsOf(name: string, values: string[]): void {
  key(name);
  open("[");
  for (let i = 0; i < values.length; i++) text(values[i]);
  close("]");
}
