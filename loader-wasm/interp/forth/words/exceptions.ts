// The exception word set, and EVALUATE.

import { Ascii } from "../../../lib/ascii";
import { copyText } from "../../../lib/bytes";
import { allocate } from "../../../lib/fault";
import { print } from "../../../lib/output";
import { compileText, compileWord } from "../compiler";
import { immediate, loose, primitive } from "../define";
import { appendCell } from "../dictionary";
import { compiling, here, readable, USER_CELLS, userArea, Variables, variables } from "../memory";
import { interpretText, parseUntil, setSourceId, sourceId } from "../outer";
import {
  ABORT,
  ABORT_QUOTE,
  BREAK,
  CELL,
  depth,
  fail,
  frame,
  INNER_EXIT,
  ip,
  OUT_OF_TEXT,
  pop,
  push,
  QUIT,
  RESTART,
  rp,
  setFrame,
  setIp,
  setRp,
  setSp,
  setThrown,
  sp,
  stackBase,
  throwCode,
  thrown,
  USER_EXIT,
} from "../stacks";
import { execute, forgetWaiting } from "../vm/execute";

/** Interprets `size` bytes at `text` as EVALUATE does; what is thrown goes on. */
export function evaluate(text: usize, size: i32): void {
  const before = sourceId;
  setSourceId(-1);
  const result = interpretText(text, size);
  setSourceId(before);
  if (result != OUT_OF_TEXT) throwCode(result);
}

/** Copies of the texts that EVALUATE is at, one after the other; what doesn't fit has a block of its own. */
const TEXTS_SIZE: i32 = 8192;
const texts: usize = memory.data(8192, 16);
let textsUsed: i32 = 0;

/** Interprets a copy of the text, since that may be overwritten while it runs. */
function evaluateCopy(text: usize, size: i32): void {
  const fits = size <= TEXTS_SIZE - textsUsed;
  const copy = fits ? texts + <usize>textsUsed : allocate(<usize>size);
  copyText(copy, text, size);
  if (fits) textsUsed += size;
  evaluate(copy, size);
  if (fits) textsUsed -= size;
  else heap.free(copy);
}

function abortText(): void {
  const text = parseUntil(Ascii.QUOTE);
  if (compiling()) {
    compileWord("(branch0)");
    const at = here;
    appendCell(0);
    compileText('(.")', text);
    compileWord("type");
    compileWord("cr");
    compileWord("(literal)");
    appendCell(ABORT_QUOTE);
    compileWord("throw");
    store<i64>(at, (<i64>here - <i64>at) >> 3);
    return;
  }
  if (depth() < 1) {
    fail("Error: stack underflow");
    return;
  }
  if (pop() == 0) return;
  print(`${text}\n`);
  throwCode(ABORT_QUOTE);
}

/** What CATCH brings back when something was thrown, besides the stacks: base, state, >IN and the user variables. */
function saveState(to: usize): void {
  memory.copy(to, changetype<usize>(variables), STATE_SIZE);
  memory.copy(to + STATE_SIZE, userArea, USER_SIZE);
}
function restoreState(from: usize): void {
  memory.copy(changetype<usize>(variables), from, STATE_SIZE);
  memory.copy(userArea, from + STATE_SIZE, USER_SIZE);
}
const STATE_SIZE: usize = offsetof<Variables>("threshold");
const USER_SIZE: usize = <usize>(USER_CELLS * CELL);

function catchThrown(): void {
  const xt = <usize>pop();
  const oldSp = sp;
  const oldRp = rp;
  const oldIp = ip;
  const oldFrame = frame;
  // The reference keeps the stack's first cell with its bounds, and brings it back with them.
  const first = load<i64>(stackBase);
  const saved = heap.alloc(STATE_SIZE + USER_SIZE);
  saveState(saved);
  execute(xt);
  const code = thrown;
  if (code != 0) {
    setThrown(0);
    if (code == RESTART) forgetWaiting();
    setRp(oldRp);
    setIp(oldIp);
    setFrame(oldFrame);
    // EXIT-INNER ends what was executed, and well.
    if (code != INNER_EXIT) {
      restoreState(saved);
      setSp(oldSp);
      store<i64>(stackBase, first);
    }
  }
  heap.free(saved);
  push(code == INNER_EXIT ? 0 : code);
}

/** Defines the exception word set, and EVALUATE. */
export function defineExceptions(): void {
  loose("throw", 1, 0, () => {
    const code = <i32>pop();
    // Leaving the system is BYE's alone; from here the code just ends the line.
    if (code != 0) throwCode(code == USER_EXIT ? BREAK : code);
  });
  primitive("catch", 1, 1, catchThrown);
  primitive("abort", 0, 0, () => throwCode(ABORT));
  immediate('abort"', 0, 0, abortText);
  primitive("quit", 0, 0, () => throwCode(QUIT));
  primitive("bye", 0, 0, () => throwCode(USER_EXIT));
  primitive("evaluate", 2, 0, () => {
    const size = pop();
    const address = pop();
    if (!readable(address, size)) return;
    evaluateCopy(<usize>address, <i32>size);
  });
}
