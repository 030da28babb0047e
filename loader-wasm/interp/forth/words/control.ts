// Control structures of the core word set.

import { compileWord, mark, markBranch, match, patch, popPatch, resolveBack, resolveForward, Tag } from "../compiler";
import { immediate } from "../define";
import { appendCell } from "../dictionary";
import { here, writable } from "../memory";
import { check, depth, fail, peek, pop, push, thrown } from "../stacks";

function startLoop(word: string): void {
  compileWord(word);
  markBranch(Tag.LEAVE);
  appendCell(0);
  markBranch(Tag.DO);
}

function endLoop(word: string): void {
  compileWord(word);
  resolveBack(Tag.DO);
  if (thrown != 0 || !match(Tag.LEAVE)) return;
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
      markBranch(Tag.ORIGIN);
      appendCell(1);
    },
    true,
  );
  immediate(
    "else",
    0,
    0,
    () => {
      if (!match(Tag.ORIGIN)) return;
      const address = popPatch();
      compileWord("(branch)");
      markBranch(Tag.ORIGIN);
      appendCell(1);
      patch(address, here);
    },
    true,
  );
  immediate("then", 0, 0, () => resolveForward(Tag.ORIGIN), true);
  immediate("endif", 0, 0, () => resolveForward(Tag.ORIGIN), true);
  immediate("begin", 0, 2, () => markBranch(Tag.TARGET), true);
  immediate(
    "until",
    0,
    0,
    () => {
      compileWord("(branch0)");
      resolveBack(Tag.TARGET);
    },
    true,
  );
  immediate(
    "again",
    0,
    0,
    () => {
      compileWord("(branch)");
      resolveBack(Tag.TARGET);
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
      markBranch(Tag.ORIGIN);
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
      resolveBack(Tag.TARGET);
      if (thrown == 0) resolveForward(Tag.ORIGIN);
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
      mark(Tag.CASE);
    },
    true,
  );
  immediate(
    "of",
    1,
    3,
    () => {
      let through: usize = 0;
      if (peek(0) == Tag.FALL) {
        pop();
        through = popPatch();
      }
      if (!match(Tag.CASE)) return;
      mark(Tag.CASE);
      compileWord("(of)");
      markBranch(Tag.OF);
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
      if (!match(Tag.OF)) return;
      const address = popPatch();
      if (!match(Tag.CASE) || !check(1, 0)) return;
      const count = pop();
      compileWord("(branch)");
      push(<i64>here);
      push(count + 1);
      mark(Tag.CASE);
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
      if (!match(Tag.OF)) return;
      const address = popPatch();
      if (!match(Tag.CASE)) return;
      mark(Tag.CASE);
      compileWord("(branch)");
      push(<i64>here);
      mark(Tag.FALL);
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
      if (peek(0) == Tag.FALL) {
        pop();
        through = pop();
      }
      if (!match(Tag.CASE) || !check(1, 0)) return;
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
