// Words on the two stacks, of the core word set.

import { Op } from "../codes";
import { colon, fast, hot, loose, primitive } from "../define";
import { depth, fail, peek, poke, pop, popReturn, push, pushReturn, rp, setSp, stackBase } from "../stacks";
import { LoopFrame } from "../vm/return_stack";

/** Moves item `from` (from the top) to the top (or back, when negative). */
function roll(from: i64): void {
  if (from > 0) {
    if (from >= <i64>depth()) {
      fail("Error: stack underflow");
      return;
    }
    const value = peek(<i32>from);
    for (let i = <i32>from; i > 0; i--) poke(i, peek(i - 1));
    poke(0, value);
  } else if (from < 0) {
    const to = -from;
    if (to >= <i64>depth()) {
      fail("Error: stack underflow");
      return;
    }
    const value = peek(0);
    for (let i = 0; i < <i32>to; i++) poke(i, peek(i + 1));
    poke(<i32>to, value);
  }
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
  primitive("-rot", 3, 3, () => roll(-2));
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
  loose("roll", 1, 0, () => roll(max(pop(), 0)));
  loose("-roll", 1, 0, () => roll(min(-pop(), 0)));
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
