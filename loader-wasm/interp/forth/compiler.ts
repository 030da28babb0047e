// What words that compile have in common: code and texts that are appended to the definition, and control
// structures, which stand on the data stack while they are open, each with a tag that tells what it is.

import { align, appendCell, room } from "./dictionary";
import { here, placeText, setHere, writable } from "./memory";
import { check, fail, pop, push, thrown } from "./stacks";
import { FORTH_WORDLIST, searchList } from "./wordlists";

/** The tags: what an open control structure is. */
export enum Tag {
  COLON = 0x7a000001,
  DO = 0x7a000002,
  LEAVE = 0x7a000003,
  TARGET = 0x7a000004,
  ORIGIN = 0x7a000005,
  CASE = 0x7a000006,
  OF = 0x7a000007,
  FALL = 0x7a000008,
}
/** Their names, in this order. */
const TAG_NAMES: string[] = ["colon", "do", "leave", "target", "origin", "case", "of", "fallthrough"];

/** The word `name` of the system, for code that is compiled. */
export function systemWord(name: string): i64 {
  return <i64>searchList(FORTH_WORDLIST, name);
}

/** Compiles the word `name` of the system. */
export function compileWord(name: string): void {
  appendCell(systemWord(name));
}

/** Puts `tag` on the stack. */
export function mark(tag: Tag): void {
  push(tag);
}

/** Takes `tag` off the stack; unwinding when something else is there. */
export function match(tag: Tag): bool {
  if (!check(1, 0)) return false;
  if (pop() == tag) return true;
  fail(`Error -- unmatched control structure "${TAG_NAMES[tag - Tag.COLON]}"`);
  return false;
}

/** Leaves the place of a branch that is to be filled in. */
export function markBranch(tag: Tag): void {
  push(<i64>here);
  mark(tag);
}

/** An address that the dictionary still has room at, from the stack. */
export function popPatch(): usize {
  if (!check(1, 0)) return 0;
  const address = pop();
  return writable(address, 8) ? <usize>address : 0;
}

/** Has the branch at `address` go to `target`; does nothing at address 0. */
export function patch(address: usize, target: usize): void {
  if (address != 0) store<i64>(address, (<i64>target - <i64>address) >> 3);
}

/** Has the branch that is open with `tag` go here. */
export function resolveForward(tag: Tag): void {
  if (match(tag)) patch(popPatch(), here);
}

/** Compiles the distance to the place that was kept with `tag`. */
export function resolveBack(tag: Tag): void {
  if (!match(tag)) return;
  const target = popPatch();
  if (thrown == 0) appendCell((<i64>target - <i64>here) >> 3);
}

/** Puts `text` with a count and a NUL at `here` and returns its size there. */
export function placeCounted(text: string): i32 {
  const size = min(text.length, 255);
  if (!room(<i64>size + 2)) return 0;
  store<u8>(here, <u8>size);
  placeText(here + 1, text.substring(0, size));
  return size + 2;
}

/** Compiles a text behind the word `word`. */
export function compileText(word: string, text: string): void {
  compileWord(word);
  setHere(here + <usize>placeCounted(text));
  align();
}
