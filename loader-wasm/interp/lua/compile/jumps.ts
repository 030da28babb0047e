// Lists of jumps whose target is still open: each jump holds the distance to the next one of its list.

import { bOf, cOf, OPERAND_MASK, Op, opOf, TRUTH } from "../values/opcodes";
import { FunctionState } from "./function_state";

/** The empty list, and the end of each. */
export const NO_JUMP: i32 = -1;
/** A of a jump that gives a value to no register yet. */
export const NO_REGISTER: i32 = 255;

/** Emits a jump to nowhere yet. */
export function jump(fs: FunctionState): i32 {
  return fs.emit(Op.JMP, 0, 0, NO_JUMP);
}

/** Remembers that the next instruction is jumped to. */
export function labelHere(fs: FunctionState): i32 {
  fs.lastTarget = fs.pc;
  return fs.pc;
}

/**
 * Joins two lists of jumps and returns the result. A list is linked through C of its jumps. The first one is
 * walked along: it should be the one that is short.
 */
export function joinJumps(fs: FunctionState, a: i32, b: i32): i32 {
  if (b == NO_JUMP) return a;
  if (a == NO_JUMP) return b;
  let at = a;
  while (cOf(fs.instruction(at)) != NO_JUMP) at = cOf(fs.instruction(at));
  store<i32>(fs.instruction(at), b, 4);
  return a;
}

/** Lets every jump of the list lead to `target`. */
export function patchJumps(fs: FunctionState, list: i32, target: i32): void {
  patch(fs, list, target, NO_REGISTER, target);
}

/** Lets every jump of the list lead to the next instruction. */
export function patchHere(fs: FunctionState, list: i32): void {
  patchJumps(fs, list, labelHere(fs));
}

/** Jumps that give a value give it to `register` and go to `withValue`; the others go to `target`. */
export function patch(fs: FunctionState, list: i32, withValue: i32, register: i32, target: i32): void {
  while (list != NO_JUMP) {
    const at = fs.instruction(list);
    const next = cOf(at);
    let to = target;
    if (opOf(at) == Op.SETTEST) {
      const from = bOf(at) & OPERAND_MASK;
      if (register != NO_REGISTER && from != register) store<u8>(at, <u8>register, 1);
      else dropValue(at);
      to = withValue;
    }
    store<i32>(at, to - list - 1, 4);
    list = next;
  }
}

/** Makes of a jump that gives a value one that doesn't. */
export function dropValue(at: usize): void {
  store<u8>(at, <u8>Op.JTEST);
  store<u8>(at, <u8>(bOf(at) & OPERAND_MASK), 1);
  store<u16>(at, <u16>(bOf(at) & TRUTH), 2);
}

/** Lets a conditional jump be taken in the opposite case. */
export function invert(at: usize): void {
  store<u16>(at, <u16>(bOf(at) ^ TRUTH), 2);
}

/** Whether some jump of the list gives no value. */
export function needsValue(fs: FunctionState, list: i32): bool {
  for (; list != NO_JUMP; list = cOf(fs.instruction(list))) {
    if (opOf(fs.instruction(list)) != Op.SETTEST) return true;
  }
  return false;
}
