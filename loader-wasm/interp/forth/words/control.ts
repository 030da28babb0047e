// Control structures of the core word set.

import {
  CASE_TAG,
  compileWord,
  DO_TAG,
  FALL_TAG,
  LEAVE_TAG,
  mark,
  markBranch,
  match,
  OF_TAG,
  ORIGIN_TAG,
  patch,
  popPatch,
  resolveBack,
  resolveForward,
  TARGET_TAG,
} from "../compiler";
import { immediate } from "../define";
import { appendCell } from "../dictionary";
import { here, writable } from "../memory";
import { check, depth, fail, peek, pop, push, thrown } from "../stacks";

function startLoop(word: string): void {
  compileWord(word);
  markBranch(LEAVE_TAG);
  appendCell(0);
  markBranch(DO_TAG);
}

function endLoop(word: string): void {
  compileWord(word);
  resolveBack(DO_TAG);
  if (thrown != 0 || !match(LEAVE_TAG)) return;
  const address = popPatch();
  if (address != 0) store<i64>(address, <i64>here);
}

/** IF and BEGIN. */
export function defineBranches(): void {
  immediate(
    "if",
    0,
    2,
    () => {
      compileWord("(branch0)");
      markBranch(ORIGIN_TAG);
      appendCell(1);
    },
    true,
  );
  immediate(
    "else",
    0,
    0,
    () => {
      if (!match(ORIGIN_TAG)) return;
      const address = popPatch();
      compileWord("(branch)");
      markBranch(ORIGIN_TAG);
      appendCell(1);
      patch(address, here);
    },
    true,
  );
  immediate("then", 0, 0, () => resolveForward(ORIGIN_TAG), true);
  immediate("endif", 0, 0, () => resolveForward(ORIGIN_TAG), true);
  immediate("begin", 0, 2, () => markBranch(TARGET_TAG), true);
  immediate(
    "until",
    0,
    0,
    () => {
      compileWord("(branch0)");
      resolveBack(TARGET_TAG);
    },
    true,
  );
  immediate(
    "again",
    0,
    0,
    () => {
      compileWord("(branch)");
      resolveBack(TARGET_TAG);
    },
    true,
  );
  immediate(
    "while",
    2,
    4,
    () => {
      compileWord("(branch0)");
      const tag = pop();
      const place = pop();
      markBranch(ORIGIN_TAG);
      push(place);
      push(tag);
      appendCell(1);
    },
    true,
  );
  immediate(
    "repeat",
    0,
    0,
    () => {
      compileWord("(branch)");
      resolveBack(TARGET_TAG);
      resolveForward(ORIGIN_TAG);
    },
    true,
  );
}

/** DO. */
export function defineLoops(): void {
  immediate("do", 0, 4, () => startLoop("(do)"), true);
  immediate("?do", 0, 4, () => startLoop("(?do)"), true);
  immediate("loop", 0, 0, () => endLoop("(loop)"), true);
  immediate("+loop", 0, 0, () => endLoop("(+loop)"), true);
}

/** CASE, with the reference's FALLTHROUGH. */
export function defineCases(): void {
  immediate(
    "case",
    0,
    2,
    () => {
      push(0);
      mark(CASE_TAG);
    },
    true,
  );
  immediate(
    "of",
    1,
    3,
    () => {
      let through: usize = 0;
      if (peek(0) == FALL_TAG) {
        pop();
        through = popPatch();
      }
      if (!match(CASE_TAG)) return;
      mark(CASE_TAG);
      compileWord("(of)");
      markBranch(OF_TAG);
      appendCell(2);
      patch(through, here);
    },
    true,
  );
  immediate(
    "endof",
    4,
    3,
    () => {
      if (!match(OF_TAG)) return;
      const address = popPatch();
      if (!match(CASE_TAG) || !check(1, 0)) return;
      const count = pop();
      compileWord("(branch)");
      push(<i64>here);
      push(count + 1);
      mark(CASE_TAG);
      appendCell(2);
      patch(address, here);
    },
    true,
  );
  immediate(
    "fallthrough",
    4,
    3,
    () => {
      if (!match(OF_TAG)) return;
      const address = popPatch();
      if (!match(CASE_TAG)) return;
      mark(CASE_TAG);
      compileWord("(branch)");
      push(<i64>here);
      mark(FALL_TAG);
      appendCell(2);
      patch(address, here);
    },
    true,
  );
  immediate(
    "endcase",
    1,
    0,
    () => {
      let through: i64 = 0;
      if (peek(0) == FALL_TAG) {
        pop();
        through = pop();
      }
      if (!match(CASE_TAG) || !check(1, 0)) return;
      const count = pop();
      if (count < 0 || count > <i64>depth()) {
        fail("Error: stack underflow");
        return;
      }
      compileWord("drop");
      if (through != 0 && writable(through, 8)) patch(<usize>through, here);
      for (let i: i64 = 0; i < count; i++) patch(popPatch(), here);
    },
    true,
  );
}
