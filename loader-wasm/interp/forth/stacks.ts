// The Forth machine's registers and its two stacks, and how what is thrown unwinds: a THROW code is set, and
// everything returns until something takes it. Cells have 64 bits.

import { print } from "../../lib/output";

/** Bytes of a cell. */
export const CELL: i32 = 8;
/** Cells of each stack. */
export const STACK_CELLS: i32 = 128;
/** Cells that the return stack has beside: the reference doesn't look, and some of what runs over ends well there. */
const RETURN_SPARE: i32 = 32;
/** Items that a word which doesn't look may take more than there are. */
export const LOOSENESS: i32 = 16;

// Codes of THROW that the system itself knows.

/** Back to the prompt. */
export const ABORT: i32 = -1;
/** The same with a text of the script's, which was printed. */
export const ABORT_QUOTE: i32 = -2;
/** The same, but the data stack stays. */
export const QUIT: i32 = -56;
/** Ends what was executed, and well. */
export const INNER_EXIT: i32 = -256;
/** All of the text was interpreted. */
export const OUT_OF_TEXT: i32 = -257;
/** The word waits for more text. */
export const RESTART: i32 = -258;
/** BYE. */
export const USER_EXIT: i32 = -259;
/** The system has found something wrong, and has said so. */
export const ERROR_EXIT: i32 = -260;
/** Ends a line quietly. */
export const BREAK: i32 = -261;

// Stacks grow upwards; `sp` and `rp` point behind the top.

/** Bytes below and above each stack, where words that don't look may look. */
const MARGIN: i32 = 256;
const stacks: usize = memory.data((2 * STACK_CELLS + RETURN_SPARE) * CELL + 3 * MARGIN, 16);
/** The stack pointer of an empty data stack. */
export const stackBase: usize = stacks + MARGIN;
/** That of an empty return stack. */
export const returnBase: usize = stackBase + <usize>(STACK_CELLS * CELL) + MARGIN;
/** The stack pointer of a full data stack. */
export const STACK_END: usize = stackBase + <usize>(STACK_CELLS * CELL);
/** That of a full return stack. */
export const RETURN_END: usize = returnBase + <usize>((STACK_CELLS + RETURN_SPARE) * CELL);
/** Behind the top of the data stack. */
export let sp: usize = 0;
/** Behind the top of the return stack. */
export let rp: usize = 0;
/** Locals' frame on the return stack. */
export let frame: usize = 0;
/** Next cell of the word that runs. */
export let ip: usize = 0;
/** The word that runs (its header). */
export let running: usize = 0;
/** The THROW code on its way up, 0 when there is none. */
export let thrown: i32 = 0;

/** Sets the stack pointer. */
export function setSp(value: usize): void {
  sp = value;
}

/** Sets the return stack pointer. */
export function setRp(value: usize): void {
  rp = value;
}

/** Sets the instruction pointer. */
export function setIp(value: usize): void {
  ip = value;
}

/** Sets the frame of locals. */
export function setFrame(value: usize): void {
  frame = value;
}

/** Sets the word that runs. */
export function setRunning(value: usize): void {
  running = value;
}

/** Sets the THROW code that is on its way up; 0 stops unwinding. */
export function setThrown(code: i32): void {
  thrown = code;
}

/** Makes both stacks empty. No address and no size is as large as what is found below the data stack. */
export function startStacks(): void {
  memory.fill(stacks, BELOW, MARGIN);
  resetStacks();
}
const BELOW: u8 = 0x7f;

/** Empties the return stack. */
export function resetReturnStack(): void {
  rp = returnBase;
  frame = 0;
}

/** Empties both. */
export function resetStacks(): void {
  sp = stackBase;
  resetReturnStack();
}

/** Starts unwinding with `code`. */
export function throwCode(code: i32): void {
  thrown = code;
}

/** Prints `text` on a line of its own and starts unwinding to the prompt. */
export function fail(text: string): void {
  print(`${text}\n`);
  thrown = ERROR_EXIT;
}

/** Items on the stack; negative when more was taken than was there. */
export function depth(): i32 {
  return <i32>(sp - stackBase) >> 3;
}

/** Whether `taken` items are on the stack and there is room for `given` in their place; else starts unwinding. */
export function check(taken: i32, given: i32): bool {
  const items = depth();
  if (items < taken) {
    fail("Error: stack underflow");
    return false;
  }
  if (items - taken + given > STACK_CELLS) {
    fail("Error: stack overflow");
    return false;
  }
  return true;
}

/** Whether `taken` items can be taken loosely, whether they are there or not; else starts unwinding. */
export function looseCheck(taken: i32): bool {
  return check(taken - LOOSENESS, 0 - LOOSENESS);
}

/** Puts an item; whether there is room has been looked at. */
export function push(value: i64): void {
  store<i64>(sp, value);
  sp += 8;
}

/** Takes an item; whether there is one has been looked at. */
export function pop(): i64 {
  sp -= 8;
  return load<i64>(sp);
}

/** Cell number `index` of the locals' frame at `at`; the return stack's first, should the frame not be on it. */
export function localAt(at: usize, index: u64): usize {
  const cell = at + <usize>(index << 3);
  return cell >= returnBase && cell + 2 * CELL <= RETURN_END + MARGIN ? cell : returnBase;
}

/** Item `index` from the top. */
export function peek(index: i32): i64 {
  return load<i64>(sp - <usize>((index + 1) << 3));
}

/** Changes that. */
export function poke(index: i32, value: i64): void {
  store<i64>(sp - <usize>((index + 1) << 3), value);
}

/**
 * Pushes the result of a word that takes what it needs without a look. When that wasn't there, nothing is left in its
 * place: the next word finds the stack below its bottom, as in the reference.
 */
export function pushTaken(value: i64): void {
  if (sp >= stackBase) push(value);
}

/** Pushes -1 for true, 0 for false. */
export function pushFlag(flag: bool): void {
  push(flag ? -1 : 0);
}

/** Puts an item on the return stack; unwinding when that is full. */
export function pushReturn(value: i64): void {
  if (rp >= RETURN_END) {
    fail("Error: return stack overflow");
    return;
  }
  store<i64>(rp, value);
  rp += 8;
}

/** Takes an item from the return stack; 0 and unwinding when there is none. */
export function popReturn(): i64 {
  if (rp <= returnBase) {
    fail("Error: return stack underflow");
    return 0;
  }
  rp -= 8;
  return load<i64>(rp);
}
