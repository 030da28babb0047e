// Calling values: Lua functions, functions of the core, and what has a `__call`; calls that catch errors; and what
// is called besides: the handler that `xpcall` sets, finalizers, and `__close` of variables.

import { burn } from "../../../lib/fault";
import { is54 } from "../values/dialect";
import { BuiltinClosure, Closure, MetaObject, Table, Userdata } from "../values/objects";
import { stringOf, textOf } from "../values/string";
import { nothing } from "../values/table";
import {
  BUILTIN,
  BUILTIN_CLOSURE,
  CLOSURE,
  copyValue,
  isFalsy,
  isFunctionTag,
  NIL,
  objectOf,
  STRING,
  setObject,
  setTag,
  TABLE,
  tagOf,
  VALUE_SHIFT,
  VALUE_SIZE,
} from "../values/value";
import { Vector } from "../values/vector";
import { closeBuffers, openBuffers } from "./buffers";
import { raiseUncallable, raiseUnclosable } from "./debug";
import { protoOf, raiseHere, raiseMemory, raisePlain, useErrorHandler } from "./errors";
import { Event, handlerIn, handlerOf } from "./events";
import { collectIfDue, useFinalizers } from "./gc";
import { tidyIfDue } from "./managed";
import {
  BUILTIN_ROOM,
  closeUpvalues,
  DEPTH_LIMIT,
  depth,
  errorValue,
  frame,
  frameOffset,
  GROWN,
  growStack,
  handlerAt,
  IS_ENTRY,
  IS_FINALIZER,
  IS_LUA,
  MANY,
  NO_MEMORY,
  OVERFLOW,
  popFrame,
  pushFrame,
  raised,
  setDepth,
  setHandlerAt,
  setRaised,
  setTop,
  shrinkStack,
  stack,
  stackEnd,
  top,
  unwindFrames,
} from "./state";

/** What `enterCall` did: called a function of the core, which has returned, */
export const CALLED: i32 = 0;
/** made the frame of a Lua function, */
export const ENTERED: i32 = 1;
/** or raised. */
export const FAILED: i32 = -1;

/** Makes room for `count` values from `top` on; false after raising. */
export function ensureStack(count: usize): bool {
  if (top + ((count + BUILTIN_ROOM) << VALUE_SHIFT) <= stackEnd) return true;
  const outcome = growStack(count);
  if (outcome == GROWN) return true;
  if (outcome == NO_MEMORY) raiseMemory();
  else if (outcome == OVERFLOW) raiseHere("stack overflow");
  else endInHandler();
  return false;
}

/** An error while an overflow is handled: nobody is asked any more. */
function endInHandler(): void {
  setObject(errorValue, stringOf("error in error handling"), STRING);
  setRaised(true);
}

/**
 * Begins the call of the value at `func` with the values up to `top`. A function of the core is done when this
 * returns (CALLED): `wanted` results are at `func`. A Lua function has its frame then (ENTERED).
 */
export function enterCall(func: usize, wanted: i32, status: u32): i32 {
  while (true) {
    const tag = tagOf(func);
    if (tag == CLOSURE) return enterLua(func, wanted, status);
    if (tag == BUILTIN || tag == BUILTIN_CLOSURE) return callBuiltin(func, wanted, status);
    // In Lua 5.4 the handler may be anything that can be called in turn.
    const handler = handlerOf(func, Event.CALL);
    if (is54 ? handler == nothing : !isFunctionTag(tagOf(handler))) {
      raiseUncallable(func);
      return FAILED;
    }
    payForMoving((top - func) >> VALUE_SHIFT);
    for (let at = top; at > func; at -= VALUE_SIZE) copyValue(at, at - VALUE_SIZE);
    copyValue(func, handler);
    setTop(top + VALUE_SIZE);
    const offset = func - stack;
    if (!ensureStack(0)) return FAILED;
    burn(1);
    func = stack + offset;
  }
}

/** A few values are moved for nothing, many aren't. */
export function payForMoving(count: usize): void {
  if (count > 64) burn(<i64>(count >> 3));
}

/** `enterCall` for a Lua function. */
export function enterLua(func: usize, wanted: i32, status: u32): i32 {
  const proto = Closure.of(func).proto;
  const registers = <usize>proto.registers;
  const parameters = <usize>proto.parameters;
  if (top + ((registers + parameters + BUILTIN_ROOM) << VALUE_SHIFT) > stackEnd) {
    const offset = func - stack;
    if (!ensureStack(registers + parameters)) return FAILED;
    func = stack + offset;
  }
  let count = (top - func - VALUE_SIZE) >> VALUE_SHIFT;
  let base = func + VALUE_SIZE;
  if (proto.isVararg != 0) {
    for (; count < parameters; count++) {
      setTag(top, NIL);
      setTop(top + VALUE_SIZE);
    }
    // The named ones move up behind the others.
    base = top;
    for (let i: usize = 0; i < parameters; i++) {
      const from = func + VALUE_SIZE + (i << VALUE_SHIFT);
      copyValue(base + (i << VALUE_SHIFT), from);
      setTag(from, NIL);
    }
  } else {
    for (; count < parameters; count++) setTag(base + (count << VALUE_SHIFT), NIL);
  }
  if (!pushFrame()) {
    raiseMemory();
    return FAILED;
  }
  const end = base + (registers << VALUE_SHIFT);
  const fresh = frame;
  fresh.callee = func;
  fresh.base = base;
  fresh.top = end;
  fresh.pc = proto.code;
  fresh.wanted = wanted;
  fresh.status = status | IS_LUA;
  setTop(end);
  return ENTERED;
}

function callBuiltin(func: usize, wanted: i32, status: u32): i32 {
  if (top + (BUILTIN_ROOM << VALUE_SHIFT) > stackEnd) {
    const offset = func - stack;
    if (!ensureStack(0)) return FAILED;
    func = stack + offset;
  }
  if (!pushFrame()) {
    raiseMemory();
    return FAILED;
  }
  frame.callee = func;
  frame.base = func + VALUE_SIZE;
  frame.top = stackEnd;
  frame.wanted = wanted;
  frame.status = status;
  tidyIfDue();
  collectIfDue();
  if (raised) return FAILED;
  func = frame.callee;
  const target = tagOf(func) == BUILTIN ? load<u32>(func) : BuiltinClosure.of(func).index;
  const results = call_indirect<i32>(target);
  if (results < 0 || raised) return FAILED;
  // The stack may have moved.
  func = frame.callee;
  popFrame();
  giveResults(func, top - ((<usize>results) << VALUE_SHIFT), results, wanted);
  return CALLED;
}

/** Moves `count` results from `from` to `to`, as many as are wanted; `top` is behind them. */
export function giveResults(to: usize, from: usize, count: i32, wanted: i32): void {
  const given = wanted == MANY ? count : min(count, wanted);
  payForMoving(given);
  for (let i = 0; i < given; i++) {
    copyValue(to, from);
    to += VALUE_SIZE;
    from += VALUE_SIZE;
  }
  for (let i = given; i < wanted; i++) {
    setTag(to, NIL);
    to += VALUE_SIZE;
  }
  setTop(to);
}

/** The VM, which in turn calls functions here; vm.ts has it. A class, as its methods cost less than a call through a table. */
export class Vm {
  /** Runs the function whose frame is the topmost one. */
  run(): void {}
}
let vm: Vm = new Vm();

/** Hands `lua` to those who call Lua functions, and what calls them to those who can't know it. Comes first. */
export function startCalls(lua: Vm): void {
  vm = lua;
  useErrorHandler(callHandler);
  useFinalizers(runFinalizer);
}

/** Fuel for a call by a function of the core. */
const CALL_COST: i64 = 16;
/** Levels beyond the limit for the handling of the overflow. */
const DEPTH_SPARE: i32 = 25;
const DEPTH_SPARE_54: i32 = 20;

/**
 * Calls the function below the `argCount` values on top of the stack. The `wanted` results (MANY: all) are on
 * top in their place. False when an error is on its way.
 */
export function callFunction(argCount: i32, wanted: i32, status: u32 = 0): bool {
  setDepth(depth + 1);
  if (depth >= DEPTH_LIMIT) {
    if (depth == DEPTH_LIMIT) raiseHere("C stack overflow");
    else if (depth >= DEPTH_LIMIT + (is54 ? DEPTH_SPARE_54 : DEPTH_SPARE)) endInHandler();
    if (raised) {
      setDepth(depth - 1);
      return false;
    }
  }
  const func = top - ((<usize>(argCount + 1)) << VALUE_SHIFT);
  burn(CALL_COST);
  if (enterCall(func, wanted, status | IS_ENTRY) == ENTERED) {
    burn(<i64>(protoOf(frame).codeCount >> 3));
    vm.run();
  }
  setDepth(depth - 1);
  return !raised;
}

/**
 * Like `callFunction`, but takes errors: false, and the error's value is on top in the place of function and
 * arguments. `handler` is the position on the stack, relative to `stack`, of a handler, or 0.
 */
export function protectedCall(argCount: i32, wanted: i32, handler: usize, status: u32 = 0): bool {
  const func = top - stack - ((<usize>(argCount + 1)) << VALUE_SHIFT);
  const frameBefore = frameOffset();
  const depthBefore = depth;
  const handlerBefore = handlerAt;
  const buffersBefore = openBuffers;
  setHandlerAt(handler);
  const done = callFunction(argCount, wanted, status);
  setHandlerAt(handlerBefore);
  if (done) return true;
  setRaised(false);
  unwindFrames(frameBefore);
  setDepth(depthBefore);
  closeBuffers(buffersBefore);
  setTop(max(top, stack + func + VALUE_SIZE));
  closeVariables(stack + func, true, handler);
  closeUpvalues(stack + func);
  copyValue(stack + func, errorValue);
  setTop(stack + func + VALUE_SIZE);
  shrinkStack();
  return false;
}

/** Lets the handler of `xpcall`, if there is one, change the error's value where it happened. */
function callHandler(): void {
  if (handlerAt == 0) return;
  setRaised(false);
  const isLua = (frame.status & IS_LUA) != 0;
  if (isLua) setTop(max(top, frame.top));
  const at = top;
  copyValue(at, stack + handlerAt);
  copyValue(at + VALUE_SIZE, errorValue);
  setTop(at + 2 * VALUE_SIZE);
  if (callFunction(1, 1)) {
    setTop(top - VALUE_SIZE);
    copyValue(errorValue, top);
  }
  setRaised(true);
}

/** Calls what the metatable of the dying `object` has as `__gc`. */
function runFinalizer(object: MetaObject): void {
  const kind = <u32>object.kind;
  const meta = kind == TABLE ? changetype<Table>(object).meta : changetype<Userdata>(object).meta;
  const handler = handlerIn(meta, Event.GC);
  // Lua 5.3 passes over what is no function; 5.4 calls it, and passes over the error.
  if (handler == nothing || (!is54 && !isFunctionTag(tagOf(handler)))) return;
  copyValue(top, handler);
  setObject(top + VALUE_SIZE, object.address, kind);
  setTop(top + 2 * VALUE_SIZE);
  if (protectedCall(1, 0, 0, IS_FINALIZER)) return;
  setTop(top - VALUE_SIZE);
  // Lua 5.4 warns, which nobody hears.
  if (is54) return;
  const reason = tagOf(top) == STRING ? textOf(objectOf(top)) : "no message";
  raisePlain(`error in __gc metamethod (${reason})`);
}

// ---- variables to be closed -----------------------------------------------------------------------------
// Those with the attribute `close` (Lua 5.4 Reference Manual, 3.3.8): their `__close` runs when the block is left,
// whichever way.

/** Positions on the stack, relative to `stack`, of the variables that are to be closed. */
const closing = new Vector(4);
/** How many there are; the VM looks at this often. */
export let toClose: i32 = 0;

/** Notes the variable at `at`; raises when it can't be closed. */
export function noteVariable(at: usize): bool {
  if (isFalsy(at)) return true;
  if (handlerOf(at, Event.CLOSE) == nothing) {
    raiseUnclosable(at);
    return false;
  }
  closing.push(at - stack);
  toClose = closing.count;
  return true;
}

/**
 * Closes the variables from `level` on up the stack. With `failed`, `errorValue` is what they are told and may be replaced;
 * `handler` is that of `xpcall` then, as `protectedCall` has it.
 */
export function closeVariables(level: usize, failed: bool, handler: usize = 0): void {
  const lowest = <u32>(level - stack);
  while (toClose > 0 && closing.u32At(toClose - 1) >= lowest) {
    closing.count--;
    toClose = closing.count;
    const variable = stack + closing.u32At(toClose);
    const at = max(top, variable + VALUE_SIZE);
    // What is no longer there is called all the same, and the error says so.
    copyValue(at, handlerOf(variable, Event.CLOSE));
    copyValue(at + VALUE_SIZE, variable);
    if (failed) copyValue(at + 2 * VALUE_SIZE, errorValue);
    else setTag(at + 2 * VALUE_SIZE, NIL);
    setTop(at + 3 * VALUE_SIZE);
    // An error of the handler is the one that counts from then on: `errorValue` is that one's.
    if (failed) {
      if (!protectedCall(2, 0, handler)) setTop(top - VALUE_SIZE);
    } else if (!callFunction(2, 0)) {
      return;
    }
  }
}
