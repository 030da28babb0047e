// What ends the inner interpreter's loop (loop.ts), other than a word that threw, and the line that tells it.

import { CELL, fail, returnBase, rp, STACK_CELLS, sp, stackBase, thrown } from "../stacks";

/** The word that ends `execute`. */
export const NOTHING: i32 = 0;
/** Too few items, or no room for more. */
export const DATA_STACK: i32 = 1;
/** The same on the return stack. */
export const RETURN_STACK: i32 = 2;
/** What was to be executed is no word. */
export const NO_WORD: i32 = 3;
/** The instruction pointer has left the scripts' memory. */
export const NO_CODE: i32 = 4;
/** An address that is none, or not the scripts' own. */
export const ADDRESS: i32 = 5;
/** PICK found no such item. */
export const UNDERFLOW: i32 = 6;
/** No room for a frame of locals. */
export const NO_FRAME: i32 = 7;

const HALF: usize = <usize>((STACK_CELLS >> 1) * CELL);

/** Tells what is wrong by a `reason` of those above, and starts unwinding. The registers have been handed over. */
export function failFor(reason: i32): void {
  // No word needs more items, or more room, than half of a stack.
  const full = reason == DATA_STACK ? sp > stackBase + HALF : rp > returnBase + HALF;
  const kind = full ? "overflow" : "underflow";
  if (reason == DATA_STACK) fail(`Error: stack ${kind}`);
  else if (reason == RETURN_STACK) fail(`Error: return stack ${kind}`);
  else if (reason == UNDERFLOW) fail("Error: stack underflow");
  else if (reason == NO_FRAME) fail("Error: return stack overflow");
  else if (reason == NO_WORD) fail("Error: not an execution token");
  else if (reason == NO_CODE) fail("Error: execution left the dictionary");
  else if (thrown == 0) fail("Error: invalid address");
}
