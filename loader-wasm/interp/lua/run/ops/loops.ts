// Loops. A numeric one has index, limit, step and the variable that the body sees in four registers; a generic one has
// function, state and control value, and the function's results from the fourth register on.

import { converted, toInteger, toNumber } from "../../values/number";
import { Table } from "../../values/objects";
import { nextEntry } from "../../values/table";
import {
  BUILTIN,
  copyValue,
  FLOAT,
  INTEGER,
  integerOf,
  NIL,
  setInteger,
  setTag,
  TABLE,
  tagOf,
  VALUE_SIZE,
} from "../../values/value";
import { raiseHere } from "../errors";
import { typeNameOf } from "../events";
import { top } from "../state";

/** From a loop's first register to those of a numeric one. */
const LIMIT: usize = VALUE_SIZE;
const STEP: usize = 2 * VALUE_SIZE;
const VARIABLE: usize = 3 * VALUE_SIZE;
/** And to those of a generic one. */
const STATE: usize = VALUE_SIZE;
const CONTROL: usize = 2 * VALUE_SIZE;
const RESULTS: usize = 3 * VALUE_SIZE;

/** Function of the core that `next` is; loops over it are executed here. */
let nextFunction: u32 = 0xffffffff;

/** Says which one it is. */
export function setNextFunction(index: u32): void {
  nextFunction = index;
}

/** Steps of loops; `a` is a loop's first register. */
// biome-ignore lint/complexity/noStaticOnlyClass: functions outside of classes can't be `inline` and be linted
export class Loops {
  /** Whether a numeric loop has integers only. */
  @inline
  static isPlain(a: usize): bool {
    return tagOf(a) == INTEGER && tagOf(a + LIMIT) == INTEGER && tagOf(a + STEP) == INTEGER;
  }

  /** Puts the index one step before the first, as FORLOOP comes next. */
  @inline
  static begin(a: usize): void {
    store<i64>(a, integerOf(a) - integerOf(a + STEP));
  }

  /** Steps on. False at the end. */
  @inline
  static step(a: usize): bool {
    const step = integerOf(a + STEP);
    const index = integerOf(a) + step;
    const limit = integerOf(a + LIMIT);
    if (step > 0 ? index > limit : limit > index) return false;
    store<i64>(a, index);
    store<i64>(a + VARIABLE, index);
    setTag(a + VARIABLE, tagOf(a));
    return true;
  }

  /** Begins a loop of Lua 5.4 that has integers only, of a step that isn't 0. False when it has no turns. */
  @inline
  static count(a: usize): bool {
    const first = integerOf(a);
    const limit = integerOf(a + LIMIT);
    const step = integerOf(a + STEP);
    if (step > 0 ? first > limit : first < limit) return false;
    const way = step > 0 ? <u64>limit - <u64>first : <u64>first - <u64>limit;
    // In place of the limit: the turns that follow the first.
    store<u64>(a + LIMIT, way / (step > 0 ? <u64>step : -(<u64>step)));
    copyValue(a + VARIABLE, a);
    return true;
  }

  /** Steps on in a loop of Lua 5.4. False at the end. */
  @inline
  static countDown(a: usize): bool {
    if (tagOf(a) != INTEGER) return Loops.step(a);
    const turns = load<u64>(a + LIMIT);
    if (turns == 0) return false;
    store<u64>(a + LIMIT, turns - 1);
    const index = integerOf(a) + integerOf(a + STEP);
    store<i64>(a, index);
    setInteger(a + VARIABLE, index);
    return true;
  }

  /** Calls the function of a generic loop for `wanted` results if it is `next`. False when that isn't so, or an error. */
  @inline
  static next(a: usize, wanted: i32): bool {
    if (tagOf(a) != BUILTIN || load<u32>(a) != nextFunction || tagOf(a + STATE) != TABLE || wanted > 2) return false;
    copyValue(a + RESULTS, a + CONTROL);
    const outcome = nextEntry(Table.of(a + STATE), a + RESULTS);
    if (outcome < 0) return false;
    if (outcome == 0) setTag(a + RESULTS, NIL);
    return true;
  }
}

/** Where a generic loop's function is called. */
export function iteratorOf(a: usize): usize {
  return a + RESULTS;
}

/** Puts function, state and control value of a generic loop there. Returns the end of them. */
export function placeCall(a: usize): usize {
  copyValue(a + RESULTS, a);
  copyValue(a + RESULTS + STATE, a + STATE);
  copyValue(a + RESULTS + CONTROL, a + CONTROL);
  return a + 2 * RESULTS;
}

/** What `beginCounting` found: turns, none, or an error. */
export const TURNS: i32 = 1;
export const NO_TURNS: i32 = 0;
export const NO_LOOP: i32 = -1;

/** Begins a numeric loop of Lua 5.4 with any values. */
export function beginCounting(a: usize): i32 {
  const integers = tagOf(a) == INTEGER && tagOf(a + STEP) == INTEGER;
  if (integers) {
    if (integerOf(a + STEP) != 0) {
      if (!toInteger(a + LIMIT)) return badLoop(a + LIMIT, "limit");
      setInteger(a + LIMIT, converted);
      return Loops.count(a) ? TURNS : NO_TURNS;
    }
  } else {
    if (!toNumber(a + LIMIT, a + LIMIT)) return badLoop(a + LIMIT, "limit");
    if (!toNumber(a + STEP, a + STEP)) return badLoop(a + STEP, "step");
    if (!toNumber(a, a)) return badLoop(a, "initial value");
  }
  const step = integerOf(a + STEP);
  if (step == 0) {
    raiseHere("'for' step is zero");
    return NO_LOOP;
  }
  if (step > 0 ? integerOf(a + LIMIT) < integerOf(a) : integerOf(a) < integerOf(a + LIMIT)) return NO_TURNS;
  setTag(a, FLOAT);
  copyValue(a + VARIABLE, a);
  return TURNS;
}

function badLoop(at: usize, what: string): i32 {
  raiseHere(`bad 'for' ${what} (number expected, got ${typeNameOf(at)})`);
  return NO_LOOP;
}

/** Moves the value that a generic loop closes before the others. */
export function placeClosing(a: usize): void {
  const closing = a + RESULTS;
  copyValue(top, closing);
  for (let at = closing; at > a; at -= VALUE_SIZE) copyValue(at, at - VALUE_SIZE);
  copyValue(a, top);
}

/** Makes numbers of the three values of a loop at `a` where not all are integers. False after raising. */
export function prepareLoop(a: usize): bool {
  if (tagOf(a) == INTEGER && tagOf(a + STEP) == INTEGER && toInteger(a + LIMIT)) {
    setInteger(a + LIMIT, converted);
    return true;
  }
  return loopNumber(a + LIMIT, "limit") && loopNumber(a + STEP, "step") && loopNumber(a, "initial value");
}

function loopNumber(at: usize, what: string): bool {
  if (!toNumber(at, at)) {
    raiseHere(`'for' ${what} must be a number`);
    return false;
  }
  setTag(at, FLOAT);
  return true;
}
