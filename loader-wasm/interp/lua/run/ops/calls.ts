// Calls, returns and variable arguments: what lies between the instructions and run/call.ts. And closures.

import { Closure } from "../../values/objects";
import { bOf } from "../../values/opcodes";
import { CLOSURE, copyValue, NIL, nth, setObject, setTag, VALUE_SHIFT, VALUE_SIZE } from "../../values/value";
import { closeVariables, giveResults } from "../call";
import {
  BUILTIN_ROOM,
  closeUpvalues,
  findUpvalue,
  frame,
  IS_ENTRY,
  IS_TAIL,
  newClosure,
  openUpvalue,
  popFrame,
  raised,
  setTop,
  stackEnd,
  top,
} from "../state";
import { Ticks } from "./ticks";

/** Leaving functions, and their variable arguments. */
// biome-ignore lint/complexity/noStaticOnlyClass: functions outside of classes can't be `inline` and be linted
export class Calls {
  /** Leaves the frame, whose registers begin at `base`, with the one result at `from`. */
  @inline
  static return1(base: usize, from: usize): void {
    if (openUpvalue !== null) closeUpvalues(base);
    const callee = frame.callee;
    const wanted = frame.wanted;
    popFrame();
    if (wanted == 1) {
      copyValue(callee, from);
      setTop(callee + VALUE_SIZE);
    } else {
      giveResults(callee, from, 1, wanted);
    }
  }

  /** The same with the `count` results from `from` on. */
  @inline
  static return(base: usize, from: usize, count: i32): void {
    if (openUpvalue !== null) closeUpvalues(base);
    const callee = frame.callee;
    const wanted = frame.wanted;
    popFrame();
    giveResults(callee, from, count, wanted);
  }

  /** Number of arguments beyond the named ones. They lie below the frame's registers. */
  @inline
  static varargCount(): i32 {
    return <i32>((frame.base - frame.callee) >> VALUE_SHIFT) - 1 - <i32>frame.closure.proto.parameters;
  }

  /** Puts as many of those to `a` as the VARARG at `i` says, nils where there are fewer. False when there is no room for all. */
  @inline
  static spread(i: usize, a: usize): bool {
    const count = Calls.varargCount();
    let wanted = bOf(i) - 1;
    if (wanted < 0) {
      if (nth(a, <usize>count + BUILTIN_ROOM) > stackEnd) return false;
      wanted = count;
      setTop(nth(a, count));
    }
    const from = nth(frame.callee, <usize>frame.closure.proto.parameters + 1);
    const given = min(wanted, count);
    for (let j = 0; j < given; j++) copyValue(nth(a, j), nth(from, j));
    for (let j = given; j < wanted; j++) setTag(nth(a, j), NIL);
    Ticks.take(given >> 2);
    return true;
  }
}

/** Closes the variables of the frame before it is left; the results from `from` on stay. False after raising. */
export function closeAll(from: usize, count: i32): bool {
  // Above all registers: closures may still have any of them.
  setTop(max(nth(from, count), frame.top));
  closeVariables(frame.base, false);
  return !raised;
}

/** Puts the function at `a` and its arguments, up to `top`, in the place of the running one. Returns where that is. */
export function replaceFrame(a: usize): usize {
  if (openUpvalue !== null) closeUpvalues(frame.base);
  const callee = frame.callee;
  let to = callee;
  for (let at = a; at < top; at += VALUE_SIZE) {
    copyValue(to, at);
    to += VALUE_SIZE;
  }
  setTop(to);
  popFrame();
  return callee;
}

/** Status of the frame that comes in the place of one that has `status`. */
export function tailStatus(status: u32): u32 {
  return (status & IS_ENTRY) | IS_TAIL;
}

/** Puts a closure of prototype `index` of the running one to `to`. */
export function makeClosure(running: Closure, index: i32, base: usize, to: usize): void {
  const proto = running.proto.inner(index);
  const closure = newClosure(proto);
  for (let i: u32 = 0; i < closure.count; i++) {
    const origin = proto.origin(i);
    closure.setUpvalue(
      i,
      origin.isRegister != 0 ? findUpvalue(nth(base, origin.number)) : running.upvalue(origin.number),
    );
  }
  setObject(to, closure.address, CLOSURE);
}
