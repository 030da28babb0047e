// Words on the two stacks, of the core word set.

import { Op } from "../codes";
import { colon, fast, hot, loose, primitive } from "../define";
import { depth, fail, peek, poke, pop, popReturn, push, pushReturn, rp, setSp, stackBase } from "../stacks";
import { LoopFrame } from "../vm/return_stack";

/** Moves item `from` (from the top), which must be there, to the top. */
function roll(from: i32): void {
  const value = peek(from);
  for (let i = from; i > 0; i--) poke(i, peek(i - 1));
  poke(0, value);
}

/** Moves the top to where item `to` was. */
function rollBack(to: i32): void {
  const value = peek(0);
  for (let i = 0; i < to; i++) poke(i, peek(i + 1));
  poke(to, value);
}

/** The item that ROLL is told, as 32 bits; -1 and unwinding when it isn't there. */
function popItem(): i32 {
  const item = max(<i32>pop(), 0);
  if (item < depth()) return item;
  fail("Error: stack underflow");
  return -1;
}

/** The frame of the loop so many levels out of the one that runs. */
function outerLoop(levels: usize): LoopFrame {
  return changetype<LoopFrame>(rp - (levels + 1) * offsetof<LoopFrame>());
}

/** What a loop has on the return stack. */
export function defineLoopIndexes(): void {
  hot("(exit)", Op.EXIT);
  hot("i", Op.INDEX);
  primitive("j", 0, 1, () => push(outerLoop(1).index), true);
  primitive("k", 0, 1, () => push(outerLoop(2).index), true);
}

/** The data stack. */
export function defineStack(): void {
  fast("dup", Op.DUP);
  fast("drop", Op.DROP);
  fast("swap", Op.SWAP);
  fast("over", Op.OVER);
  fast("rot", Op.ROT);
  primitive("-rot", 3, 3, () => rollBack(2));
  fast("nip", Op.NIP);
  fast("tuck", Op.TUCK);
  fast("?dup", Op.QUESTION_DUP);
  fast("2dup", Op.TWO_DUP);
  fast("2drop", Op.TWO_DROP);
  primitive("2swap", 4, 4, () => {
    roll(3);
    roll(3);
  });
  primitive("2over", 4, 6, () => {
    push(peek(3));
    push(peek(3));
  });
  fast("pick", Op.PICK);
  loose("roll", 1, 0, () => {
    const item = popItem();
    if (item >= 0) roll(item);
  });
  loose("-roll", 1, 0, () => {
    const item = popItem();
    if (item >= 0) rollBack(item);
  });
  primitive("depth", 0, 1, () => push(depth()));
  // The reference counts the items in a loop, for which there must be room.
  primitive("empty", 0, 2, () => setSp(stackBase));
}

/** Defines the words on the return stack. */
export function defineReturnStack(): void {
  hot(">r", Op.TO_R);
  hot("r>", Op.R_FROM);
  hot("r@", Op.R_FETCH);
  primitive(
    "2>r",
    2,
    0,
    () => {
      const top = pop();
      pushReturn(pop());
      pushReturn(top);
    },
    true,
  );
  primitive(
    "2r>",
    0,
    2,
    () => {
      const top = popReturn();
      push(popReturn());
      push(top);
    },
    true,
  );
  primitive(
    "2r@",
    0,
    2,
    () => {
      push(load<i64>(rp - 16));
      push(load<i64>(rp - 8));
    },
    true,
  );
}

/** Words in terms of those above. */
export function defineShown(): void {
  colon("?", "@ .");
  colon("dump", "0 ?do dup c@ . 1+ i 7 and 7 = if cr then loop drop");
  colon("convert", "char+ 65535 >number drop");
}
