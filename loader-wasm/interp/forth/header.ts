// A word's header in the dictionary, with its body behind it. An execution token is a header's address. Scripts can
// overwrite all of it: what it says is checked where it is used.

import { stringAt } from "../../lib/bytes";
import { dictionaryEnd, dictionaryStart, regionStart } from "./memory";

/** Executed when it is compiled. */
export const FLAG_IMMEDIATE: u8 = 1;
/** Not executed from a line. */
export const FLAG_COMPILE_ONLY: u8 = 2;
/** Not finished: not found yet. */
export const FLAG_SMUDGE: u8 = 4;
/** Marked by OBJECTIFY. */
export const FLAG_OBJECT: u8 = 8;
/** Not shown or counted by WORDS, as the reference doesn't have it. */
export const FLAG_UNLISTED: u8 = 16;

/** Longest name, bytes. */
export const NAME_LIMIT: i32 = 31;

/** A header, and the first cells of the body, as far as kinds of definitions (codes.ts) use them. */
@unmanaged
export class Header {
  /** A cell that the reference has a link in; what finds words is elsewhere (dictionary.ts). */
  link: u64;
  /** FICL's hash of the name. */
  hash: u16;
  flags: u8;
  /** Bytes of the name. */
  length: u8;
  spare: u32;
  /** Address of the name. */
  name: u64;
  /** What executing the word means (codes.ts); the upper half of the cell is 0. */
  code: u32;
  codeHigh: u32;
  first: i64;
  second: i64;

  /** Address of the body. */
  @inline
  get body(): usize {
    return changetype<usize>(this) + BODY;
  }

  /** Address of what is behind the body's first cell: a created word's data. */
  @inline
  get data(): usize {
    return changetype<usize>(this) + BODY + 8;
  }
}

/** Bytes of a header: where the body is. */
export const BODY: usize = offsetof<Header>("first");

/** Whether a header may be at `xt`. */
export function isWord(xt: usize): bool {
  return xt >= dictionaryStart && xt <= dictionaryEnd - BODY && (xt & 7) == 0;
}

/** The flags of the word at `xt`. */
export function flagsOf(xt: usize): u8 {
  return changetype<Header>(xt).flags;
}

/** Sets a flag of the word at `xt`. */
export function setFlag(xt: usize, flag: u8): void {
  const word = changetype<Header>(xt);
  word.flags = word.flags | flag;
}

/** Takes a flag from the word at `xt`. */
export function clearFlag(xt: usize, flag: u8): void {
  const word = changetype<Header>(xt);
  word.flags = word.flags & ~flag;
}

/** What executing the word at `xt` means (codes.ts). */
export function codeOf(xt: usize): i32 {
  return <i32>changetype<Header>(xt).code;
}

/** Sets what executing the word at `xt` means. */
export function setCode(xt: usize, code: i32): void {
  const word = changetype<Header>(xt);
  word.code = <u32>code;
  word.codeHigh = 0;
}

/** FICL's hash of the name of the word at `xt`. */
export function storedHashOf(xt: usize): i32 {
  return changetype<Header>(xt).hash;
}

/** Where the name of the word at `xt` is. */
export function nameAddress(xt: usize): usize {
  return <usize>changetype<Header>(xt).name;
}

/** Bytes of that name; 0 when what the header says can't be. */
export function nameSize(xt: usize): i32 {
  const size = changetype<Header>(xt).length;
  return nameAddress(xt) - regionStart <= dictionaryEnd - regionStart - <usize>size ? size : 0;
}

/** That name. */
export function nameOf(xt: usize): string {
  return stringAt(nameAddress(xt), nameSize(xt));
}
