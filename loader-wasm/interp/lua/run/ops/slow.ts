// The slow halves of instructions: what the VM's loop leaves when it meets other values than it knows, no room, or a
// collection that is due. They may raise, call metamethods, move the stack and collect. The loop has saved the pc in
// the frame before, and reads it and all that it knows of the frame again afterwards.

import {
  atA,
  atB,
  atC,
  bOf,
  cOf,
  INSTRUCTION_SHIFT,
  immediateOf,
  Op,
  operandOf,
  opOf,
  valueOf,
} from "../../values/opcodes";
import { CLOSURE, copyValue, nth, setInteger, tagOf, VALUE_SIZE } from "../../values/value";
import { CALLED, closeVariables, ENTERED, ensureStack, enterCall, FAILED, noteVariable } from "../call";
import { raiseMemory } from "../errors";
import { collectIfDue } from "../gc";
import { arithmetic, concatenate, equals, indexValue, lengthTo, lessEqual, lessThan, setIndexed } from "../metamethods";
import { closeUpvalues, frame, MANY, raised, setTop } from "../state";
import { Access } from "./access";
import { Jump } from "./arithmetic";
import { Calls, makeClosure, replaceFrame, tailStatus } from "./calls";
import { beginCounting, iteratorOf, Loops, NO_LOOP, NO_TURNS, placeCall, placeClosing, prepareLoop } from "./loops";
import { CALL_TICKS, Ticks } from "./ticks";

/** An operand that is in the instruction, as a value. */
const immediate: usize = memory.data(16, 8);
function toImmediate(integer: i32): usize {
  setInteger(immediate, integer);
  return immediate;
}

/** Does what the instruction at `i` has left to do; `base` and `k` are where registers and constants begin. False after raising. */
export function finish(i: usize, base: usize, k: usize): bool {
  const a = atA(i, base);
  const b = atB(i, base);
  const op = opOf(i);
  switch (<i32>op) {
    case Op.GETTABUP:
      return indexValue(frame.closure.upvalue(bOf(i)).at, atC(i, k), a);
    case Op.SETTABUP:
      return setIndexed(frame.closure.upvalue(bOf(i)).at, atC(i, k), a);
    case Op.GETTABLE:
      return indexValue(b, atC(i, base), a);
    case Op.GETFIELD:
      return indexValue(b, atC(i, k), a);
    case Op.GETINT:
      return indexValue(b, toImmediate(cOf(i)), a);
    case Op.SELF:
      return indexValue(b, atC(i, k), a);
    case Op.SETTABLE:
      return setIndexed(a, b, valueOf(i, base, k));
    case Op.SETFIELD:
      return setIndexed(a, atB(i, k), valueOf(i, base, k));
    case Op.SETINT:
      return setIndexed(a, toImmediate(bOf(i)), valueOf(i, base, k));
    case Op.NEWTABLE:
      return finishTable(i);
    case Op.SETLIST:
      raiseMemory();
      return false;
    case Op.ADDI:
      return arithmetic(Op.ADD, b, toImmediate(cOf(i)), a);
    case Op.SUBI:
      return arithmetic(Op.SUB, b, toImmediate(cOf(i)), a);
    case Op.UNM:
      return arithmetic(op, b, b, a);
    case Op.BNOT:
      return arithmetic(op, b, b, a);
    case Op.LEN:
      return lengthTo(b, a);
    case Op.CONCAT:
      return finishConcat(i);
    case Op.JMP:
      return finishJump(i, a - VALUE_SIZE - base);
    case Op.JEQ:
      return finishTest(i, equals(a, operandOf(i, base)));
    case Op.JLT:
      return finishTest(i, lessThan(a, operandOf(i, base)));
    case Op.JLE:
      return finishTest(i, lessEqual(a, operandOf(i, base)));
    case Op.JLTI:
      return finishTest(i, lessThan(a, toImmediate(immediateOf(i))));
    case Op.JGTI:
      return finishTest(i, lessThan(toImmediate(immediateOf(i)), a));
    case Op.TAILCALL:
      return finishTailCall(i, a);
    case Op.FORPREP:
      return finishPreparation(i, a);
    case Op.COUNTPREP:
      return finishCounting(i, a);
    case Op.TFORPREP:
      placeClosing(a);
      return noteVariable(a);
    case Op.TFORCALL:
      return finishIteration(i, a);
    case Op.CLOSURE:
      return finishClosure(i);
    case Op.VARARG:
      return finishVarargs(i, a);
    case Op.TBC:
      return noteVariable(a);
    default:
      return arithmetic(op, b, atC(i, base), a);
  }
}

/** Moves the pc by `count` instructions, which costs what lies between when it goes back. */
function jump(count: i32): void {
  frame.pc += <usize>(count << INSTRUCTION_SHIFT);
  if (count < 0) Ticks.take(-count);
}

/** Jumps as the conditional jump at `i` says, unless its comparison has raised. */
function finishTest(i: usize, truth: bool): bool {
  if (raised) return false;
  jump(Jump.when(i, truth));
  return true;
}

/** A jump out of a block with variables to be closed; the block's registers begin `offset` bytes behind the first. */
function finishJump(i: usize, offset: usize): bool {
  jump(cOf(i));
  setTop(frame.top);
  closeVariables(frame.base + offset, false);
  if (raised) return false;
  closeUpvalues(frame.base + offset);
  setTop(frame.top);
  return true;
}

function finishPreparation(i: usize, a: usize): bool {
  if (!prepareLoop(a)) return false;
  Loops.begin(a);
  jump(cOf(i));
  return true;
}

function finishCounting(i: usize, a: usize): bool {
  const outcome = beginCounting(a);
  if (outcome == NO_TURNS) jump(cOf(i) + 1);
  return outcome != NO_LOOP;
}

function finishIteration(i: usize, a: usize): bool {
  setTop(placeCall(a));
  const outcome = enterCall(iteratorOf(a), bOf(i), 0);
  if (outcome == FAILED) return false;
  if (outcome == CALLED) setTop(frame.top);
  Ticks.take(CALL_TICKS);
  return true;
}

function finishTailCall(i: usize, a: usize): bool {
  if (bOf(i) != 0) setTop(nth(a, bOf(i)));
  let outcome: i32;
  if (tagOf(a) == CLOSURE) {
    const wanted = frame.wanted;
    const status = tailStatus(frame.status);
    outcome = enterCall(replaceFrame(a), wanted, status);
    if (outcome == ENTERED) Ticks.take(<i32>(frame.closure.proto.codeCount >> 3));
  } else {
    // Its caller stays until it is done; a RETURN of all results follows.
    outcome = enterCall(a, MANY, 0);
  }
  Ticks.take(CALL_TICKS);
  return outcome != FAILED;
}

function finishTable(i: usize): bool {
  collectIfDue();
  if (raised) return false;
  if (Access.make(i, atA(i, frame.base))) return true;
  raiseMemory();
  return false;
}

function finishClosure(i: usize): bool {
  collectIfDue();
  if (raised) return false;
  makeClosure(frame.closure, cOf(i), frame.base, atA(i, frame.base));
  return true;
}

function finishConcat(i: usize): bool {
  collectIfDue();
  if (raised) return false;
  if (!concatenate(atB(i, frame.base), cOf(i) - bOf(i) + 1)) return false;
  copyValue(atA(i, frame.base), atB(i, frame.base));
  return true;
}

/** All arguments beyond the named ones, where there isn't room for them yet. */
function finishVarargs(i: usize, a: usize): bool {
  setTop(a);
  return ensureStack(Calls.varargCount()) && Calls.spread(i, atA(i, frame.base));
}
