// The inner interpreter: executes words. A word's code (codes.ts) is a case of the loop below or a row of the
// table of primitives. The loop keeps its registers in locals and hands them over (memory.ts) around
// primitives of the table; it returns every few thousand instructions, since an engine takes better code for a
// function only when that is called again.

import { allocate, burn } from "../../lib/fault";
import {
  AND,
  BRANCH,
  BRANCH_ZERO,
  C_FETCH,
  C_STORE,
  CELL_PLUS,
  CELLS,
  COLON,
  CONSTANT,
  CREATED,
  DO,
  DOES,
  DROP,
  DUP,
  EQUAL,
  EXIT,
  EXIT_INNER,
  FETCH,
  GREATER,
  INDEX,
  INVERT,
  LEAVE,
  LESS,
  LINK,
  LITERAL,
  LOCAL,
  LOCAL_0,
  LOCAL_1,
  LOOP,
  MINUS,
  NEGATE,
  NIP,
  NONE,
  NOT_EQUAL,
  OF,
  ONE_MINUS,
  ONE_PLUS,
  OR,
  OVER,
  PICK,
  PLUS,
  PLUS_LOOP,
  PLUS_STORE,
  QUESTION_DO,
  QUESTION_DUP,
  R_FETCH,
  R_FROM,
  ROT,
  STORE,
  SWAP,
  TABLE,
  TEXT,
  TIMES,
  TO_LOCAL,
  TO_LOCAL_0,
  TO_LOCAL_1,
  TO_R,
  TUCK,
  TWO_CONSTANT,
  TWO_DROP,
  TWO_DUP,
  UNLINK,
  UNLOOP,
  USER,
  VARIABLE,
  XOR,
  ZERO_EQUAL,
  ZERO_GREATER,
  ZERO_LESS,
  ZERO_NOT_EQUAL,
} from "./codes";
import { BODY, CODE, codeOf, isWord } from "./dictionary";
import {
  CELL,
  CODE_CELLS,
  check,
  dictionaryStart,
  fail,
  frame,
  INNER_EXIT,
  LOOSENESS,
  localAt,
  push,
  pushReturn,
  RESTART,
  RETURN_END,
  regionEnd,
  regionStart,
  returnBase,
  running,
  STACK_CELLS,
  STACK_END,
  ip as savedIp,
  rp as savedRp,
  sp as savedSp,
  setFrame,
  setIp,
  setRp,
  setRunning,
  setSp,
  stackBase,
  throwCode,
  thrown,
  USER_CELLS,
  userArea,
  writable,
} from "./memory";

// ---- the table of primitives --------------------------------------------------------------------------

// A row: least and greatest stack pointer that the primitive can run with, and the function.
const ROW_LEAST: usize = 0;
const ROW_GREATEST: usize = 4;
const ROW_FUNCTION: usize = 8;
const ROW_SIZE: usize = 16;
const FIRST_ROWS: i32 = 512;
let rows: usize = 0;
let rowCount: i32 = 0;
let rowRoom: i32 = 0;

/** Adds a primitive that takes and leaves at most so many items, and returns its code. */
export function addPrimitive(takes: i32, gives: i32, run: () => void): i32 {
  if (rowCount == rowRoom) {
    rowRoom = max(2 * rowRoom, FIRST_ROWS);
    const larger = allocate(<usize>rowRoom * ROW_SIZE);
    memory.copy(larger, rows, <usize>rowCount * ROW_SIZE);
    if (rows != 0) heap.free(rows);
    rows = larger;
  }
  const row = rows + <usize>rowCount * ROW_SIZE;
  store<u32>(row, <u32>(stackBase + <usize>(takes * CELL)), ROW_LEAST);
  store<u32>(row, <u32>(STACK_END - <usize>((gives - takes) * CELL)), ROW_GREATEST);
  store<u32>(row, run.index, ROW_FUNCTION);
  return TABLE + rowCount++;
}

// ---- nesting ------------------------------------------------------------------------------------------

/** A cell in the dictionary with the word that ends `execute`. */
let stopCell: usize = 0;
export function setStopCell(cell: usize): void {
  stopCell = cell;
}

/** Interpreters that may run inside each other (execute, catch, evaluate, include). */
const NESTING_LIMIT: i32 = 100;
let nesting: i32 = 0;

/** Instructions between two payments of fuel. */
const FUEL_STEP: i32 = 4096;
let untilFuel: i32 = FUEL_STEP;
/** The word that the loop goes on with when that is paid. */
let next: u64 = 0;

/** The debugger's word, when it is to run before the word after next; and the word that it then comes before. */
let stepWord: usize = 0;
export let stoppedBefore: usize = 0;

/** Has the word `xt` run when the word that comes next is done. */
export function stopAfterNext(xt: usize): void {
  stepWord = xt;
  untilFuel = 1;
}

/** Doesn't let it run, since something was thrown. */
export function forgetStop(): void {
  stepWord = 0;
}

/** Puts the debugger's word before the word that the loop is to go on with. */
function stop(): void {
  if (savedIp == stopCell || (isWord(<usize>next) && codeOf(<usize>next) == EXIT_INNER)) {
    // On the way into `execute`, or out of it: no word of a definition.
    untilFuel = 1;
    return;
  }
  stoppedBefore = <usize>next;
  next = stepWord;
  stepWord = 0;
}

/** The word that wants more text than its line had, and what comes after it; 0 when there is none. */
let waiting: usize = 0;
let waitingIp: usize = 0;
/** Nesting of the text interpreter that it belongs to. */
let waitingLevel: i32 = 0;
/** Whether the word that runs does so again because there is more text now, and hasn't asked yet. */
let restarted: bool = false;
/** Whether what waits has lost what was to come after it, and the line ends with it. */
let cutOff: bool = false;

/** Tells, once, whether the word that runs waited for text before. */
export function takeRestart(): bool {
  const was = restarted;
  restarted = false;
  return was;
}

/** What waits for text shall be all that is done then. */
export function cutOffWaiting(): void {
  cutOff = true;
  waitingIp = stopCell;
}

/** Nothing waits any more: the wish for text was caught. */
export function forgetWaiting(): void {
  waiting = 0;
}

/** Stops here until there is another line, then runs the current word again. */
export function waitForText(): void {
  waiting = running;
  cutOff = false;
  waitingIp = savedIp;
  waitingLevel = nesting - 1;
  throwCode(RESTART);
}

/** Goes on with the word that waits for text, if one does in this text interpreter. */
export function goOn(): void {
  if (waiting == 0 || waitingLevel != nesting) return;
  const xt = waiting;
  waiting = 0;
  restarted = true;
  executeAt(xt, waitingIp);
  restarted = false;
  if (cutOff && thrown == 0) throwCode(INNER_EXIT);
}

/** Executes the word at `xt` until it is done, or something is thrown. */
export function execute(xt: usize): void {
  executeAt(xt, stopCell);
}

/** Has the loop that runs the current word go on with the word at `xt`; a definition needs no loop of its own. */
export function enter(xt: usize): void {
  const code = isWord(xt) ? codeOf(xt) : NONE;
  if (code != COLON && code != DOES) {
    execute(xt);
    return;
  }
  if (code == DOES && !check(0, 1)) return;
  pushReturn(savedIp);
  if (thrown != 0) return;
  if (code == DOES) push(xt + BODY + 8);
  setIp(code == DOES ? <usize>load<u64>(xt + BODY) : xt + BODY);
}

function executeAt(xt: usize, then: usize): void {
  if (nesting == NESTING_LIMIT) {
    fail("Error: interpreters nested too deeply");
    return;
  }
  nesting++;
  const before = savedIp;
  setIp(then);
  let more = run(xt);
  while (more) {
    untilFuel = FUEL_STEP;
    burn(FUEL_STEP);
    if (stepWord != 0) stop();
    more = run(next);
  }
  setIp(before);
  nesting--;
}

// ---- the loop -----------------------------------------------------------------------------------------

// What ended it, other than a word that threw.
const NOTHING: i32 = 0;
const DATA_STACK: i32 = 1;
const RETURN_STACK: i32 = 2;
const NO_WORD: i32 = 3;
const NO_CODE: i32 = 4;
const ADDRESS: i32 = 5;
const UNDERFLOW: i32 = 6;
const NO_FRAME: i32 = 7;

/** The least stack pointer that words can leave that take what they need whether it is there or not (define.ts). */
const LOOSE_BASE: usize = stackBase - <usize>(LOOSENESS * CELL);
const HALF: usize = <usize>((STACK_CELLS >> 1) * CELL);

function failFor(reason: i32): void {
  // No word needs more items, or more room, than half of a stack.
  const full = reason == DATA_STACK ? savedSp > stackBase + HALF : savedRp > returnBase + HALF;
  const kind = full ? "overflow" : "underflow";
  if (reason == DATA_STACK) fail(`Error: stack ${kind}`);
  else if (reason == RETURN_STACK) fail(`Error: return stack ${kind}`);
  else if (reason == UNDERFLOW) fail("Error: stack underflow");
  else if (reason == NO_FRAME) fail("Error: return stack overflow");
  else if (reason == NO_WORD) fail("Error: not an execution token");
  else if (reason == NO_CODE) fail("Error: execution left the dictionary");
  else if (thrown == 0) fail("Error: invalid address");
}

/** Hands the registers over. */
function leave(ip: usize, sp: usize, rp: usize, left: i32): void {
  setIp(ip);
  setSp(sp);
  setRp(rp);
  untilFuel = left;
}

/**
 * Runs the word at `first`, then those that `ip` points to. False when that is done or something was thrown; true
 * when fuel is to be paid before it goes on with `next`.
 */
function run(first: u64): bool {
  let ip = savedIp;
  let sp = savedSp;
  let rp = savedRp;
  let left = untilFuel;
  let xt = first;
  let reason = DATA_STACK;
  for (; ; xt = load<u64>(ip), ip += 8) {
    if (--left < 0) {
      next = xt;
      leave(ip, sp, rp, left);
      return true;
    }
    // In range and aligned: what isn't aligned has its lowest bits at the top.
    if (rotr<u64>(xt - dictionaryStart, 3) > CODE_CELLS - <u64>(BODY >> 3)) {
      leave(ip, sp, rp, left);
      failFor(NO_WORD);
      return false;
    }
    const word = <usize>xt;
    const code = load<u32>(word, CODE);
    // One label a case, from 0 on: then this is a single jump through a table.
    switch (code) {
      case NONE:
        reason = NO_WORD;
        break;

      // Kinds of definitions.
      case COLON:
        if (rp >= RETURN_END) {
          reason = RETURN_STACK;
          break;
        }
        store<u64>(rp, ip);
        rp += 8;
        ip = word + BODY;
        continue;
      case CREATED:
        if (sp > STACK_END - 8) break;
        store<u64>(sp, word + BODY + 8);
        sp += 8;
        continue;
      case VARIABLE:
        if (sp > STACK_END - 8) break;
        store<u64>(sp, word + BODY);
        sp += 8;
        continue;
      case CONSTANT:
        if (sp > STACK_END - 8) break;
        store<i64>(sp, load<i64>(word, BODY));
        sp += 8;
        continue;
      case TWO_CONSTANT:
        if (sp > STACK_END - 16) break;
        store<i64>(sp, load<i64>(word, BODY));
        store<i64>(sp, load<i64>(word, BODY + 8), 8);
        sp += 16;
        continue;
      case USER:
        if (sp > STACK_END - 8) break;
        store<u64>(sp, userArea + ((<usize>load<u32>(word, BODY) & (USER_CELLS - 1)) << 3));
        sp += 8;
        continue;
      case DOES:
        if (sp > STACK_END - 8) break;
        if (rp >= RETURN_END) {
          reason = RETURN_STACK;
          break;
        }
        store<u64>(sp, word + BODY + 8);
        sp += 8;
        store<u64>(rp, ip);
        rp += 8;
        ip = <usize>load<u64>(word, BODY);
        if (ip - regionStart <= regionEnd - regionStart) continue;
        reason = NO_CODE;
        break;

      // Compiled code.
      case EXIT:
        if (rp <= returnBase) {
          reason = RETURN_STACK;
          break;
        }
        rp -= 8;
        ip = <usize>load<u64>(rp);
        if (ip - regionStart <= regionEnd - regionStart) continue;
        reason = NO_CODE;
        break;
      case EXIT_INNER:
        reason = NOTHING;
        break;
      case LITERAL:
        if (sp > STACK_END - 8) break;
        store<i64>(sp, load<i64>(ip));
        sp += 8;
        ip += 8;
        continue;
      case BRANCH:
        ip += (<usize>load<u64>(ip)) << 3;
        if (ip - regionStart <= regionEnd - regionStart) continue;
        reason = NO_CODE;
        break;
      case BRANCH_ZERO:
        if (sp < stackBase + 8) break;
        sp -= 8;
        ip += load<i64>(sp) == 0 ? (<usize>load<u64>(ip)) << 3 : 8;
        if (ip - regionStart <= regionEnd - regionStart) continue;
        reason = NO_CODE;
        break;
      // A loop's frame on the return stack: where it ends, limit, index.
      case DO:
        if (sp < stackBase + 16) break;
        if (rp > RETURN_END - 24) {
          reason = RETURN_STACK;
          break;
        }
        sp -= 16;
        store<i64>(rp, load<i64>(ip));
        store<i64>(rp, load<i64>(sp), 8);
        store<i64>(rp, load<i64>(sp, 8), 16);
        rp += 24;
        ip += 8;
        continue;
      case QUESTION_DO:
        if (sp < stackBase + 16) break;
        if (load<i64>(sp - 8) == load<i64>(sp - 16)) {
          sp -= 16;
          ip = <usize>load<u64>(ip);
          if (ip - regionStart <= regionEnd - regionStart) continue;
          reason = NO_CODE;
          break;
        }
        if (rp > RETURN_END - 24) {
          reason = RETURN_STACK;
          break;
        }
        sp -= 16;
        store<i64>(rp, load<i64>(ip));
        store<i64>(rp, load<i64>(sp), 8);
        store<i64>(rp, load<i64>(sp, 8), 16);
        rp += 24;
        ip += 8;
        continue;
      case LOOP: {
        if (rp < returnBase + 24) {
          reason = RETURN_STACK;
          break;
        }
        const index = load<i64>(rp - 8) + 1;
        if (index < load<i64>(rp - 16)) {
          store<i64>(rp - 8, index);
          ip += (<usize>load<u64>(ip)) << 3;
        } else {
          rp -= 24;
          ip += 8;
        }
        if (ip - regionStart <= regionEnd - regionStart) continue;
        reason = NO_CODE;
        break;
      }
      case PLUS_LOOP: {
        if (sp < stackBase + 8) break;
        if (rp < returnBase + 24) {
          reason = RETURN_STACK;
          break;
        }
        sp -= 8;
        const step = load<i64>(sp);
        const limit = load<i64>(rp - 16);
        const index = load<i64>(rp - 8) + step;
        if (step < 0 ? index >= limit : index < limit) {
          store<i64>(rp - 8, index);
          ip += (<usize>load<u64>(ip)) << 3;
        } else {
          rp -= 24;
          ip += 8;
        }
        if (ip - regionStart <= regionEnd - regionStart) continue;
        reason = NO_CODE;
        break;
      }
      case INDEX:
        if (sp > STACK_END - 8) break;
        store<i64>(sp, load<i64>(rp - 8));
        sp += 8;
        continue;
      case UNLOOP:
        rp = max(rp - 24, returnBase);
        continue;
      case LEAVE:
        if (rp < returnBase + 24) {
          reason = RETURN_STACK;
          break;
        }
        rp -= 24;
        ip = <usize>load<u64>(rp);
        if (ip - regionStart <= regionEnd - regionStart) continue;
        reason = NO_CODE;
        break;
      case OF:
        if (sp < stackBase + 16) break;
        sp -= 8;
        if (load<i64>(sp) == load<i64>(sp - 8)) {
          sp -= 8;
          ip += 8;
          continue;
        }
        ip += (<usize>load<u64>(ip)) << 3;
        if (ip - regionStart <= regionEnd - regionStart) continue;
        reason = NO_CODE;
        break;
      case TEXT: {
        if (sp > STACK_END - 16) break;
        const size = <usize>load<u8>(ip);
        store<u64>(sp, ip + 1);
        store<u64>(sp, size, 8);
        sp += 16;
        ip = (ip + size + 9) & ~(<usize>7);
        if (ip - regionStart <= regionEnd - regionStart) continue;
        reason = NO_CODE;
        break;
      }

      // Stacks.
      case DUP:
        if (sp - (stackBase + 8) > STACK_END - stackBase - 16) break;
        store<i64>(sp, load<i64>(sp - 8));
        sp += 8;
        continue;
      case DROP:
        if (sp < stackBase + 8) break;
        sp -= 8;
        continue;
      case SWAP: {
        if (sp < stackBase + 16) break;
        const top = load<i64>(sp - 8);
        store<i64>(sp - 8, load<i64>(sp - 16));
        store<i64>(sp - 16, top);
        continue;
      }
      case OVER:
        if (sp - (stackBase + 16) > STACK_END - stackBase - 24) break;
        store<i64>(sp, load<i64>(sp - 16));
        sp += 8;
        continue;
      case ROT: {
        if (sp < stackBase + 24) break;
        const third = load<i64>(sp - 24);
        store<i64>(sp - 24, load<i64>(sp - 16));
        store<i64>(sp - 16, load<i64>(sp - 8));
        store<i64>(sp - 8, third);
        continue;
      }
      case NIP:
        if (sp < stackBase + 16) break;
        sp -= 8;
        store<i64>(sp - 8, load<i64>(sp));
        continue;
      case TUCK: {
        if (sp - (stackBase + 16) > STACK_END - stackBase - 24) break;
        const top = load<i64>(sp - 8);
        store<i64>(sp - 8, load<i64>(sp - 16));
        store<i64>(sp - 16, top);
        store<i64>(sp, top);
        sp += 8;
        continue;
      }
      case QUESTION_DUP: {
        if (sp - (stackBase + 8) > STACK_END - stackBase - 16) break;
        const top = load<i64>(sp - 8);
        store<i64>(sp, top);
        if (top != 0) sp += 8;
        continue;
      }
      case TWO_DUP:
        if (sp - (stackBase + 16) > STACK_END - stackBase - 32) break;
        store<i64>(sp, load<i64>(sp - 16));
        store<i64>(sp, load<i64>(sp - 8), 8);
        sp += 16;
        continue;
      case TWO_DROP:
        if (sp < stackBase + 16) break;
        sp -= 16;
        continue;
      case TO_R:
        if (sp < stackBase + 8) break;
        if (rp >= RETURN_END) {
          reason = RETURN_STACK;
          break;
        }
        sp -= 8;
        store<i64>(rp, load<i64>(sp));
        rp += 8;
        continue;
      case R_FROM:
        if (sp > STACK_END - 8) break;
        if (rp <= returnBase) {
          reason = RETURN_STACK;
          break;
        }
        rp -= 8;
        store<i64>(sp, load<i64>(rp));
        sp += 8;
        continue;
      case R_FETCH:
        if (sp > STACK_END - 8) break;
        store<i64>(sp, rp > returnBase ? load<i64>(rp - 8) : 0);
        sp += 8;
        continue;

      // Arithmetic and comparison.
      case PLUS:
        if (sp < stackBase + 16) break;
        sp -= 8;
        store<i64>(sp - 8, load<i64>(sp - 8) + load<i64>(sp));
        continue;
      case MINUS:
        if (sp < stackBase + 16) break;
        sp -= 8;
        store<i64>(sp - 8, load<i64>(sp - 8) - load<i64>(sp));
        continue;
      case TIMES:
        if (sp < stackBase + 16) break;
        sp -= 8;
        store<i64>(sp - 8, load<i64>(sp - 8) * load<i64>(sp));
        continue;
      case ONE_PLUS:
        if (sp < stackBase + 8) break;
        store<i64>(sp - 8, load<i64>(sp - 8) + 1);
        continue;
      case ONE_MINUS:
        if (sp < stackBase + 8) break;
        store<i64>(sp - 8, load<i64>(sp - 8) - 1);
        continue;
      case AND:
        if (sp < stackBase + 16) break;
        sp -= 8;
        store<i64>(sp - 8, load<i64>(sp - 8) & load<i64>(sp));
        continue;
      case OR:
        if (sp < stackBase + 16) break;
        sp -= 8;
        store<i64>(sp - 8, load<i64>(sp - 8) | load<i64>(sp));
        continue;
      case XOR:
        if (sp < stackBase + 16) break;
        sp -= 8;
        store<i64>(sp - 8, load<i64>(sp - 8) ^ load<i64>(sp));
        continue;
      case INVERT:
        if (sp < stackBase + 8) break;
        store<i64>(sp - 8, ~load<i64>(sp - 8));
        continue;
      case NEGATE:
        if (sp < stackBase + 8) break;
        store<i64>(sp - 8, -load<i64>(sp - 8));
        continue;
      case CELLS:
        if (sp < stackBase + 8) break;
        store<i64>(sp - 8, load<i64>(sp - 8) << 3);
        continue;
      case CELL_PLUS:
        if (sp < stackBase + 8) break;
        store<i64>(sp - 8, load<i64>(sp - 8) + 8);
        continue;
      case EQUAL:
        if (sp < stackBase + 16) break;
        sp -= 8;
        store<i64>(sp - 8, -(<i64>(load<i64>(sp - 8) == load<i64>(sp))));
        continue;
      case NOT_EQUAL:
        if (sp < stackBase + 16) break;
        sp -= 8;
        store<i64>(sp - 8, -(<i64>(load<i64>(sp - 8) != load<i64>(sp))));
        continue;
      case LESS:
        if (sp < stackBase + 16) break;
        sp -= 8;
        store<i64>(sp - 8, -(<i64>(load<i64>(sp - 8) < load<i64>(sp))));
        continue;
      case GREATER:
        if (sp < stackBase + 16) break;
        sp -= 8;
        store<i64>(sp - 8, -(<i64>(load<i64>(sp - 8) > load<i64>(sp))));
        continue;
      case ZERO_EQUAL:
        if (sp < stackBase + 8) break;
        store<i64>(sp - 8, -(<i64>(load<i64>(sp - 8) == 0)));
        continue;
      case ZERO_NOT_EQUAL:
        if (sp < stackBase + 8) break;
        store<i64>(sp - 8, -(<i64>(load<i64>(sp - 8) != 0)));
        continue;
      case ZERO_LESS:
        if (sp < stackBase + 8) break;
        store<i64>(sp - 8, load<i64>(sp - 8) >> 63);
        continue;

      case ZERO_GREATER:
        if (sp < stackBase + 8) break;
        store<i64>(sp - 8, -(<i64>(load<i64>(sp - 8) > 0)));
        continue;
      case PICK: {
        if (sp < LOOSE_BASE + 8) break;
        const index = load<i64>(sp - 8);
        // Item -1 is the index itself.
        if (index < -1 || index >= <i64>(<i32>(sp - 8 - stackBase) >> 3)) {
          sp -= 8;
          reason = UNDERFLOW;
          break;
        }
        store<i64>(sp - 8, load<i64>(sp - 16 - ((<usize>index) << 3)));
        continue;
      }

      // Locals: a frame on the return stack, below it the frame of the caller.
      case LINK: {
        const count = load<u64>(ip);
        ip += 8;
        if (count > <u64>STACK_CELLS || rp + <usize>(count << 3) + 8 > RETURN_END) {
          reason = NO_FRAME;
          break;
        }
        store<u64>(rp, frame);
        setFrame(rp + 8);
        rp += 8 + <usize>(count << 3);
        continue;
      }
      case UNLINK: {
        // Scripts can put anything on the return stack, a frame's link among it.
        const at = frame;
        if (at < returnBase + 8 || at > RETURN_END) continue;
        rp = at - 8;
        setFrame(<usize>load<u64>(rp));
        continue;
      }
      case LOCAL:
        if (sp > STACK_END - 8) break;
        store<i64>(sp, load<i64>(localAt(frame, load<u64>(ip))));
        ip += 8;
        sp += 8;
        continue;
      case LOCAL_0:
        if (sp > STACK_END - 8) break;
        store<i64>(sp, load<i64>(localAt(frame, 0)));
        sp += 8;
        continue;
      case LOCAL_1:
        if (sp > STACK_END - 8) break;
        store<i64>(sp, load<i64>(localAt(frame, 1)));
        sp += 8;
        continue;
      case TO_LOCAL:
        if (sp < LOOSE_BASE + 8) break;
        sp -= 8;
        store<i64>(localAt(frame, load<u64>(ip)), load<i64>(sp));
        ip += 8;
        continue;
      case TO_LOCAL_0:
        if (sp < LOOSE_BASE + 8) break;
        sp -= 8;
        store<i64>(localAt(frame, 0), load<i64>(sp));
        continue;
      case TO_LOCAL_1:
        if (sp < LOOSE_BASE + 8) break;
        sp -= 8;
        store<i64>(localAt(frame, 1), load<i64>(sp));
        continue;

      // Memory: any may be read, the scripts' own written.
      case FETCH: {
        if (sp < stackBase + 8) break;
        const address = load<u64>(sp - 8);
        if (address - 1 > ((<u64>memory.size()) << 16) - 9) {
          reason = ADDRESS;
          break;
        }
        store<i64>(sp - 8, load<i64>(<usize>address));
        continue;
      }
      case C_FETCH: {
        if (sp < stackBase + 8) break;
        const address = load<u64>(sp - 8);
        if (address - 1 > ((<u64>memory.size()) << 16) - 2) {
          reason = ADDRESS;
          break;
        }
        store<i64>(sp - 8, load<u8>(<usize>address));
        continue;
      }
      case STORE: {
        if (sp < stackBase + 16) break;
        sp -= 16;
        const address = load<u64>(sp, 8);
        if (address - regionStart > regionEnd - regionStart - 8 && !writable(address, 8)) {
          reason = ADDRESS;
          break;
        }
        store<i64>(<usize>address, load<i64>(sp));
        continue;
      }
      case C_STORE: {
        if (sp < stackBase + 16) break;
        sp -= 16;
        const address = load<u64>(sp, 8);
        if (address - regionStart > regionEnd - regionStart - 1 && !writable(address, 1)) {
          reason = ADDRESS;
          break;
        }
        store<u8>(<usize>address, <u8>load<i64>(sp));
        continue;
      }
      case PLUS_STORE: {
        if (sp < stackBase + 16) break;
        sp -= 16;
        const address = load<u64>(sp, 8);
        if (address - regionStart > regionEnd - regionStart - 8 && !writable(address, 8)) {
          reason = ADDRESS;
          break;
        }
        store<i64>(<usize>address, load<i64>(<usize>address) + load<i64>(sp));
        continue;
      }
      default: {
        if (code - TABLE >= <u32>rowCount) {
          reason = NO_WORD;
          break;
        }
        const row = rows + <usize>(code - TABLE) * ROW_SIZE;
        if (sp < load<u32>(row, ROW_LEAST) || sp > load<u32>(row, ROW_GREATEST)) break;
        leave(ip, sp, rp, left);
        setRunning(word);
        call_indirect<void>(load<u32>(row, ROW_FUNCTION));
        left = untilFuel;
        ip = savedIp;
        sp = savedSp;
        rp = savedRp;
        if (thrown != 0) return false;
        if (ip - regionStart <= regionEnd - regionStart) continue;
        reason = NO_CODE;
      }
    }
    // What comes here ends it.
    leave(ip, sp, rp, left);
    if (reason != NOTHING) failFor(reason);
    return false;
  }
}
