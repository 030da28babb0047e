// The basic functions (Lua 5.3 Reference Manual, 6.1), with the texts of FreeBSD 12.1's build.

import { errno, strerror } from "../../../lib/errno";
import { burn } from "../../../lib/fault";
import { printBytes, putchar } from "../../../lib/output";
import { digitValue, isSpace, NO_DIGIT } from "../../../lib/text";
import { callFunction, payForMoving, protectedCall } from "../run/call";
import { raisePlain, raiseText, raiseValue, where } from "../run/errors";
import { Event, equalRaw, handlerIn, handlerOf, metaOf } from "../run/events";
import { collect, isFinalizing, isStopped, noteFinalizer, stopCollector } from "../run/gc";
import { enterPlain, leavePlain } from "../run/managed";
import { indexValue, setRaw, stringFor } from "../run/metamethods";
import { setNextFunction } from "../run/ops/loops";
import { frame, globals, MANY, RAISED, raised, setTop, stack, top } from "../run/state";
import { is54 } from "../values/dialect";
import { heapUsed } from "../values/heap";
import { stringToNumber } from "../values/number";
import { Closure, Table } from "../values/objects";
import { bytesOf, lengthOf, stringOf, textOf } from "../values/string";
import { border, getValue, nextEntry, nothing } from "../values/table";
import {
  copyValue,
  isFalsy,
  isFunctionTag,
  isNumberTag,
  NIL,
  NONE,
  objectOf,
  STRING,
  setBoolean,
  setFloat,
  setObject,
  setTag,
  TABLE,
  tagOf,
  typeName,
  VALUE_SHIFT,
  VALUE_SIZE,
} from "../values/value";
import {
  argAt,
  argCount,
  argError,
  argTag,
  checkAny,
  checkInteger,
  checkTable,
  drop,
  expectedError,
  fieldOf,
  isAbsent,
  optInteger,
  pushBoolean,
  pushBuiltin,
  pushInteger,
  pushNil,
  pushObject,
  pushString,
  pushText,
  pushValue,
  setArgCount,
  setFunction,
  setTableField,
  setTextField,
  stringify,
  typeError,
} from "./builtin";
import { checkName, checkText, isHidden } from "./library";
import { loadFile, loadPieces, loadString } from "./load";

/** Puts the base library among the globals. */
export function openBase(): void {
  const table = globals;
  setFunction(table, "assert", baseAssert);
  setFunction(table, "collectgarbage", collectGarbage);
  setFunction(table, "dofile", doFile);
  setFunction(table, "error", error);
  setFunction(table, "getmetatable", getMetatable);
  setFunction(table, "ipairs", ipairs);
  setFunction(table, "loadfile", loadFileFunction);
  setFunction(table, "load", loadFunction);
  setFunction(table, "next", next);
  setFunction(table, "pairs", pairs);
  setFunction(table, "pcall", pcall);
  setFunction(table, "print", print);
  setFunction(table, "rawequal", rawEqual);
  setFunction(table, "rawlen", rawLength);
  setFunction(table, "rawget", rawGet);
  setFunction(table, "rawset", rawSet);
  setFunction(table, "select", select);
  setFunction(table, "setmetatable", setMetatable);
  setFunction(table, "tonumber", toNumberFunction);
  setFunction(table, "tostring", toStringFunction);
  setFunction(table, "type", typeFunction);
  setFunction(table, "xpcall", xpcall);
  setTableField(table, "_G", table);
  setTextField(table, "_VERSION", is54 ? "Lua 5.4" : "Lua 5.3");
  if (is54) stepMultiplier = STEP_MULTIPLIER_54;
  const nextFunction: () => i32 = next;
  setNextFunction(nextFunction.index);
}

// ---- output, conversions ---------------------------------------------------------------------------------

function print(): i32 {
  const count = argCount();
  // Lua 5.4 asks nobody how values look.
  if (!is54) pushValue(fieldOf(globals, "tostring"));
  for (let i = 1; i <= count; i++) {
    const text = is54 ? stringFor(argAt(i)) : stringByScript(argAt(i));
    if (text == 0) return RAISED;
    if (i > 1) putchar(0x09);
    printBytes(bytesOf(text), <i32>lengthOf(text));
  }
  putchar(0x0a);
  return 0;
}

/** What the global `tostring`, on top, makes of the value at `at`; 0 after raising. */
function stringByScript(at: usize): usize {
  pushValue(top - VALUE_SIZE);
  pushValue(at);
  if (!callFunction(1, 1)) return 0;
  const result = top - VALUE_SIZE;
  if (isNumberTag(tagOf(result))) stringify(result);
  drop(1);
  if (tagOf(result) == STRING) return objectOf(result);
  raiseText("'tostring' must return a string to 'print'");
  return 0;
}

function toStringFunction(): i32 {
  if (!checkAny(1)) return RAISED;
  const text = stringFor(argAt(1));
  if (text == 0) return RAISED;
  pushString(text);
  return 1;
}

function toNumberFunction(): i32 {
  if (isAbsent(2)) {
    if (!checkAny(1)) return RAISED;
    if (isNumberTag(argTag(1))) {
      pushValue(argAt(1));
      return 1;
    }
    if (argTag(1) == STRING && stringToNumber(objectOf(argAt(1)), top)) {
      setTop(top + VALUE_SIZE);
      return 1;
    }
    pushNil();
    return 1;
  }
  const base = checkInteger(2);
  if (raised) return RAISED;
  if (argTag(1) != STRING) return typeError(1, "string");
  if (base < 2 || base > 36) return argError(2, "base out of range");
  const text = objectOf(argAt(1));
  burn(<i64>(lengthOf(text) >> 5));
  if (!parseInBase(bytesOf(text), bytesOf(text) + lengthOf(text), <u32>base)) {
    pushNil();
    return 1;
  }
  pushInteger(parsed);
  return 1;
}

let parsed: i64 = 0;

/** Reads an integer in any base, with blanks around it; it wraps. */
function parseInBase(at: usize, end: usize, base: u32): bool {
  while (at < end && isSpace(load<u8>(at))) at++;
  let negative = false;
  if (at < end && load<u8>(at) == 0x2d) {
    negative = true;
    at++;
  } else if (at < end && load<u8>(at) == 0x2b) at++;
  let value: u64 = 0;
  let empty = true;
  for (; at < end; at++) {
    const digit = digitValue(load<u8>(at));
    if (digit == NO_DIGIT) break;
    if (<u32>digit >= base) return false;
    value = value * base + <u64>digit;
    empty = false;
  }
  while (at < end && isSpace(load<u8>(at))) at++;
  parsed = negative ? -(<i64>value) : <i64>value;
  return !empty && at == end;
}

function typeFunction(): i32 {
  if (argTag(1) == NONE) return argError(1, "value expected");
  pushText(typeName(argTag(1)));
  return 1;
}

// ---- errors ----------------------------------------------------------------------------------------------

function error(): i32 {
  const level = <i32>optInteger(2, 1);
  if (raised) return RAISED;
  return raiseAt(level);
}

/** Calls that may be open at a time are fewer. */
const LEVEL_MAX: i32 = 1000000;

/** Raises argument 1; a text gets the position of the function `level` calls up in front. */
function raiseAt(level: i32): i32 {
  setArgCount(1);
  if (argTag(1) == STRING && level > 0) {
    const position = where(min(level, LEVEL_MAX));
    if (position != "") setObject(argAt(1), stringOf(position + textOf(objectOf(argAt(1)))), STRING);
  }
  return raiseValue(argAt(1));
}

function baseAssert(): i32 {
  if (argTag(1) != NONE && !isFalsy(argAt(1))) return argCount();
  if (!checkAny(1)) return RAISED;
  if (argCount() >= 2) copyValue(argAt(1), argAt(2));
  else setObject(argAt(1), stringOf("assertion failed!"), STRING);
  return raiseAt(1);
}

function pcall(): i32 {
  if (!checkAny(1)) return RAISED;
  const count = argCount();
  const before = enterPlain();
  const done = protectedCall(count - 1, MANY, 0);
  leavePlain(before);
  return finishProtected(done, 0);
}

/** Results of a protected call with true or false in front of them; `skipped` arguments lie below. */
function finishProtected(done: bool, skipped: i32): i32 {
  const first = frame.base + ((<usize>skipped) << VALUE_SHIFT);
  payForMoving((top - first) >> VALUE_SHIFT);
  for (let at = top; at > first; at -= VALUE_SIZE) copyValue(at, at - VALUE_SIZE);
  setBoolean(first, done);
  setTop(top + VALUE_SIZE);
  return <i32>((top - first) >> VALUE_SHIFT);
}

function xpcall(): i32 {
  if (!isFunctionTag(argTag(2))) return typeError(2, "function");
  const count = argCount();
  // Handler first, then the function with its arguments.
  const base = frame.base;
  copyValue(top, base);
  copyValue(base, base + VALUE_SIZE);
  copyValue(base + VALUE_SIZE, top);
  const before = enterPlain();
  const done = protectedCall(count - 2, MANY, base - stack);
  leavePlain(before);
  return finishProtected(done, 1);
}

// ---- tables and metatables -------------------------------------------------------------------------------

function getMetatable(): i32 {
  if (!checkAny(1)) return RAISED;
  const meta = metaOf(argAt(1));
  if (meta === null || (argTag(1) == TABLE && isHidden(meta))) {
    pushNil();
    return 1;
  }
  const shown = handlerIn(meta, Event.METATABLE);
  if (shown != nothing) pushValue(shown);
  else pushObject(meta.address, TABLE);
  return 1;
}

function setMetatable(): i32 {
  const table = checkTable(1);
  if (table === null) return RAISED;
  const tag = argTag(2);
  if (tag != NIL && tag != TABLE) return expectedError(2, "nil or table");
  if (handlerOf(argAt(1), Event.METATABLE) != nothing) return raiseText("cannot change a protected metatable");
  const meta = tag == TABLE ? Table.of(argAt(2)) : null;
  table.meta = meta;
  if (handlerIn(meta, Event.GC) != nothing) noteFinalizer(table);
  setArgCount(1);
  return 1;
}

function rawEqual(): i32 {
  if (!checkAny(1) || !checkAny(2)) return RAISED;
  pushBoolean(equalRaw(argAt(1), argAt(2)));
  return 1;
}

function rawLength(): i32 {
  const tag = argTag(1);
  if (tag == TABLE) pushInteger(border(Table.of(argAt(1))));
  else if (tag == STRING) pushInteger(lengthOf(objectOf(argAt(1))));
  else return expectedError(1, "table or string");
  return 1;
}

function rawGet(): i32 {
  const table = checkTable(1);
  if (table === null || !checkAny(2)) return RAISED;
  pushValue(getValue(table, argAt(2)));
  return 1;
}

function rawSet(): i32 {
  const table = checkTable(1);
  if (table === null || !checkAny(2) || !checkAny(3)) return RAISED;
  table.absent = 0;
  if (!setRaw(table, argAt(2), argAt(3))) return RAISED;
  setArgCount(1);
  return 1;
}

function next(): i32 {
  const table = checkTable(1);
  if (table === null) return RAISED;
  setArgCount(2);
  const key = argAt(2);
  const outcome = nextEntry(table, key);
  // No position: it is no Lua function that finds it out.
  if (outcome < 0) return raisePlain("invalid key to 'next'");
  if (outcome == 0) {
    pushNil();
    return 1;
  }
  setTop(top + VALUE_SIZE);
  return 2;
}

function pairs(): i32 {
  if (!checkAny(1)) return RAISED;
  const handler = handlerOf(argAt(1), Event.PAIRS);
  if (handler == nothing) {
    pushBuiltin(next);
    pushValue(argAt(1));
    pushNil();
    return 3;
  }
  pushValue(handler);
  pushValue(argAt(1));
  return callFunction(1, 3) ? 3 : RAISED;
}

function ipairs(): i32 {
  if (!checkAny(1)) return RAISED;
  pushBuiltin(nextIndex);
  pushValue(argAt(1));
  pushInteger(0);
  return 3;
}

function nextIndex(): i32 {
  const index = checkInteger(2) + 1;
  if (raised) return RAISED;
  pushInteger(index);
  const key = top - VALUE_SIZE;
  setTag(top, NIL);
  setTop(top + VALUE_SIZE);
  if (!indexValue(argAt(1), key, key + VALUE_SIZE)) return RAISED;
  return tagOf(top - VALUE_SIZE) == NIL ? 1 : 2;
}

function select(): i32 {
  const count = argCount();
  if (argTag(1) == STRING && load<u8>(bytesOf(objectOf(argAt(1)))) == 0x23) {
    pushInteger(count - 1);
    return 1;
  }
  let index = checkInteger(1);
  if (raised) return RAISED;
  if (index < 0) index = <i64>count + index;
  else if (index > <i64>count) index = count;
  if (index < 1) return argError(1, "index out of range");
  return count - <i32>index;
}

// ---- chunks ----------------------------------------------------------------------------------------------

/** The text in an optional argument; `given` tells whether it was there. Look at `raised`. */
function optText(index: i32): string | null {
  if (isAbsent(index)) return null;
  return checkText(index);
}

/** What the loading functions return: the function, with the table of globals in argument `env`; or nil and a message. */
function loaded(done: bool, env: i32): i32 {
  if (!done) {
    pushNil();
    copyValue(top, top - 2 * VALUE_SIZE);
    setTop(top + VALUE_SIZE);
    return 2;
  }
  if (argTag(env) == NONE || env == 0) return 1;
  const closure = Closure.of(top - VALUE_SIZE);
  if (closure.count > 0) copyValue(closure.upvalue(0).at, argAt(env));
  return 1;
}

function loadFunction(): i32 {
  const mode = isAbsent(3) ? "bt" : optText(3);
  if (raised) return RAISED;
  const env = argTag(4) != NONE ? 4 : 0;
  if (isNumberTag(argTag(1))) stringify(argAt(1));
  if (argTag(1) == STRING) {
    const text = objectOf(argAt(1));
    const name = isAbsent(2) ? text : checkName(2);
    if (name == 0) return RAISED;
    return loaded(loadString(text, name, mode), env);
  }
  const name = isAbsent(2) ? stringOf("=(load)") : checkName(2);
  if (name == 0) return RAISED;
  if (!isFunctionTag(argTag(1))) return typeError(1, "function");
  return loaded(loadPieces(name, mode), env);
}

function loadFileFunction(): i32 {
  const path = optText(1);
  const mode = optText(2);
  if (raised) return RAISED;
  const env = argTag(3) != NONE ? 3 : 0;
  return loaded(loadPath(path, mode), env);
}

/** Without a path, there is a standard input, which can't be read; what the error was before that is told. */
function loadPath(path: string | null, mode: string | null): bool {
  if (path !== null) return loadFile(path, mode);
  pushText(`cannot read stdin: ${strerror(errno)}`);
  return false;
}

function doFile(): i32 {
  const path = optText(1);
  if (raised) return RAISED;
  setArgCount(1);
  if (!loadPath(path, null)) return raiseValue(top - VALUE_SIZE);
  if (!callFunction(0, MANY)) return RAISED;
  return argCount() - 1;
}

// ---- garbage ---------------------------------------------------------------------------------------------

const KIB: i64 = 1024;
/** What the reference's collector has by default, in percent. */
let pause: i32 = 200;
let stepMultiplier: i32 = 200;
/** What that is at least in Lua 5.3, and by default in 5.4. */
const STEP_MULTIPLIER_MIN: i32 = 40;
const STEP_MULTIPLIER_54: i32 = 100;
/** The mode a script of newer loaders asked for last; there is one collector. */
let mode: string = "incremental";

/** The last two are newer loaders'. */
const COLLECTOR_OPTIONS: string[] =
  "stop restart collect count step setpause setstepmul isrunning incremental generational".split(" ");

function collectGarbage(): i32 {
  const option = isAbsent(1) ? "collect" : optText(1);
  if (raised || option === null) return RAISED;
  if (!COLLECTOR_OPTIONS.includes(option)) return argError(1, `invalid option '${option}'`);
  const value = <i32>optInteger(2, 0);
  if (raised) return RAISED;
  if (is54 && isFinalizing()) {
    pushNil();
  } else if (option == "stop") {
    stopCollector(true);
    pushInteger(0);
  } else if (option == "restart") {
    stopCollector(false);
    pushInteger(0);
  } else if (option == "collect") {
    collect();
    if (raised) return RAISED;
    pushInteger(0);
  } else if (option == "count") {
    setFloat(top, <i64>heapUsed / KIB);
    setTop(top + VALUE_SIZE);
  } else if (option == "step") {
    collect();
    if (raised) return RAISED;
    pushBoolean(is54 || value > 0);
  } else if (option == "isrunning") {
    pushBoolean(!isStopped());
  } else if (option == "setpause") {
    pushInteger(pause);
    pause = parameter(value);
  } else if (option == "setstepmul") {
    pushInteger(stepMultiplier);
    stepMultiplier = is54 ? parameter(value) : max(value, STEP_MULTIPLIER_MIN);
  } else {
    pushText(mode);
    mode = option;
    if (option == "incremental") return tune(value);
  }
  return 1;
}

/** A parameter of the collector as it is kept: Lua 5.4 has a byte for a fourth of it. */
function parameter(value: i32): i32 {
  return is54 ? ((value / 4) & 0xff) * 4 : value;
}

/** The mode "incremental" takes its parameters: pause and step multiplier, where they aren't 0. */
function tune(newPause: i32): i32 {
  const multiplier = <i32>optInteger(3, 0);
  if (raised) return RAISED;
  if (newPause != 0) pause = parameter(newPause);
  if (multiplier != 0) stepMultiplier = parameter(multiplier);
  return 1;
}
