// What functions of the core see of the VM. Such a function takes nothing, finds its arguments by number (from
// 1), pushes its results and returns how many there are, or RAISED after raising an error. Between two calls
// into Lua nothing is collected, so that objects may be kept in variables; across such a call they must be on
// the stack. It may push BUILTIN_ROOM values without asking.

import { Buffer, closeBuffers, openBuffers } from "../run/buffers";
import { callNamed } from "../run/debug";
import { raiseMemory, raiseText } from "../run/errors";
import { Event, handlerOf } from "../run/events";
import {
  BUILTIN_ROOM,
  frame,
  GROWN,
  growStack,
  RAISED,
  raised,
  STACK_LIMIT,
  setTop,
  stack,
  stackEnd,
  top,
} from "../run/state";
import { is54 } from "../values/dialect";
import { hasRoom, newObject } from "../values/heap";
import { converted, numberToString, toInteger } from "../values/number";
import { BuiltinClosure, builtinSize, Table } from "../values/objects";
import { newString, stringOf, textOf } from "../values/string";
import { getString, nothing, slotForString } from "../values/table";
import {
  BUILTIN,
  BUILTIN_CLOSURE,
  copyValue,
  FLOAT,
  INTEGER,
  NIL,
  NONE,
  objectOf,
  STRING,
  setBoolean,
  setFloat,
  setInteger,
  setObject,
  setTag,
  TABLE,
  tagOf,
  typeName,
  VALUE_SHIFT,
  VALUE_SIZE,
} from "../values/value";

// ---- arguments -----------------------------------------------------------------------------------------

/** Number of arguments; with what has been pushed since. */
export function argCount(): i32 {
  return <i32>((top - frame.base) >> VALUE_SHIFT);
}

/** Address of argument `index`, or of a nil that must not be written. */
export function argAt(index: i32): usize {
  const at = frame.base + ((<usize>(index - 1)) << VALUE_SHIFT);
  return at < top ? at : nothing;
}

/** Tag of argument `index`; NONE when it isn't there. */
export function argTag(index: i32): u32 {
  const at = frame.base + ((<usize>(index - 1)) << VALUE_SHIFT);
  return at < top ? tagOf(at) : NONE;
}

/** Whether argument `index` is nil or isn't there. */
export function isAbsent(index: i32): bool {
  const tag = argTag(index);
  return tag == NIL || tag == NONE;
}

/** Drops or adds (nil) values so that there are `count` arguments. */
export function setArgCount(count: i32): void {
  const target = frame.base + ((<usize>count) << VALUE_SHIFT);
  for (let at = top; at < target; at += VALUE_SIZE) setTag(at, NIL);
  setTop(target);
}

/** Raises that argument `index` is wrong because of `reason`. */
export function argError(index: i32, reason: string): i32 {
  const name = callNamed();
  if (name.isMethod) {
    index--;
    if (index == 0) return raiseText(`calling '${name.text}' on bad self (${reason})`);
  }
  return raiseText(`bad argument #${index} to '${name.text}' (${reason})`);
}

/** Raises that argument `index` is not of the type `expected`. */
export function typeError(index: i32, expected: string): i32 {
  return argError(index, `${expected} expected, got ${argTypeName(index)}`);
}

/** Raises that argument `index` is none of the types `expected`; Lua 5.4 says what it is instead. */
export function expectedError(index: i32, expected: string): i32 {
  return is54 ? typeError(index, expected) : argError(index, `${expected} expected`);
}

/** The type of an argument as messages name it: `__name` of its metatable, if it has one. */
function argTypeName(index: i32): string {
  const name = handlerOf(argAt(index), Event.NAME);
  return tagOf(name) == STRING ? textOf(objectOf(name)) : typeName(argTag(index));
}

/** Whether there is an argument `index`; raises if not. */
export function checkAny(index: i32): bool {
  if (argTag(index) != NONE) return true;
  argError(index, "value expected");
  return false;
}

/** The string in argument `index`, which is made one if it is a number; 0 after raising. */
export function checkString(index: i32): usize {
  const tag = argTag(index);
  if (tag == STRING) return objectOf(argAt(index));
  if (tag == INTEGER || tag == FLOAT) return stringify(argAt(index));
  typeError(index, "string");
  return 0;
}

/** Makes the number at `at` a string, and returns it. */
export function stringify(at: usize): usize {
  const text = numberToString(at);
  setObject(at, text, STRING);
  return text;
}

/** The integer in argument `index`; look at `raised`. */
export function checkInteger(index: i32): i64 {
  if (toInteger(argAt(index))) return converted;
  typeError(index, "number");
  return 0;
}

/** The integer in argument `index`, or `otherwise` when it is absent. Look at `raised`. */
export function optInteger(index: i32, otherwise: i64): i64 {
  return isAbsent(index) ? otherwise : checkInteger(index);
}

/** A position as functions take it, where negative ones count from the end; 0: before the beginning. */
export function fromStart(position: i64, length: u32): i64 {
  if (position >= 0) return position;
  return position < -(<i64>length) ? 0 : <i64>length + position + 1;
}

/** The table in argument `index`; null after raising. */
export function checkTable(index: i32): Table | null {
  if (argTag(index) == TABLE) return Table.of(argAt(index));
  typeError(index, "table");
  return null;
}

// ---- results -------------------------------------------------------------------------------------------

/** Pushes nil. */
export function pushNil(): void {
  setTag(top, NIL);
  setTop(top + VALUE_SIZE);
}

/** Pushes a boolean. */
export function pushBoolean(value: bool): void {
  setBoolean(top, value);
  setTop(top + VALUE_SIZE);
}

/** Pushes an integer. */
export function pushInteger(value: i64): void {
  setInteger(top, value);
  setTop(top + VALUE_SIZE);
}

/** Pushes a number of the second subtype. */
export function pushFloat(value: i64): void {
  setFloat(top, value);
  setTop(top + VALUE_SIZE);
}

/** Pushes an object with its tag. */
export function pushObject(object: usize, tag: u32): void {
  setObject(top, object, tag);
  setTop(top + VALUE_SIZE);
}

/** Pushes a Lua string. */
export function pushString(text: usize): void {
  pushObject(text, STRING);
}

/** Pushes a byte string of the core. */
export function pushText(text: string): void {
  pushObject(stringOf(text), STRING);
}

/** Pushes a copy of the value at `at`. */
export function pushValue(at: usize): void {
  copyValue(top, at);
  setTop(top + VALUE_SIZE);
}

/** Pushes a function of the core. */
export function pushBuiltin(run: () => i32): void {
  setObject(top, <usize>run.index, BUILTIN);
  setTop(top + VALUE_SIZE);
}

/** Takes `count` values off the stack and pushes a function of the core that has them as its own. */
export function pushBuiltinClosure(run: () => i32, count: i32): void {
  const size = (<usize>count) << VALUE_SHIFT;
  const closure = changetype<BuiltinClosure>(newObject(BUILTIN_CLOSURE, builtinSize(count)));
  closure.index = run.index;
  closure.count = <u32>count;
  setTop(top - size);
  memory.copy(closure.item(0), top, size);
  pushObject(closure.address, BUILTIN_CLOSURE);
}

/** Address of value `index` (from 1) of the running function of the core, which has values of its own. */
export function ownValue(index: i32): usize {
  return BuiltinClosure.of(frame.callee).item(<usize>(index - 1));
}

/** Makes room for `count` values besides BUILTIN_ROOM; raises an error with `reason` when there can't be so many. */
export function checkStack(count: usize, reason: string): bool {
  if (count + BUILTIN_ROOM <= (stackEnd - top) >> VALUE_SHIFT) return true;
  if (((top - stack) >> VALUE_SHIFT) + count + BUILTIN_ROOM > STACK_LIMIT) {
    raiseText(`stack overflow (${reason})`);
  } else if (growStack(count) == GROWN) {
    return true;
  } else {
    raiseMemory();
  }
  return false;
}

/** Takes `count` values off. */
export function drop(count: i32): void {
  setTop(top - ((<usize>count) << VALUE_SHIFT));
}

/** Pushes the string of `length` bytes at `src`. False after raising that there is no memory. */
export function pushBytes(src: usize, length: u32): bool {
  if (length > 4096 && !hasRoom(<usize>length + 64)) {
    raiseMemory();
    return false;
  }
  pushObject(newString(src, length), STRING);
  return true;
}

// ---- tables of functions -------------------------------------------------------------------------------

/** table[name] = the function. */
export function setFunction(table: Table, name: string, run: () => i32): void {
  setObject(slotForString(table, stringOf(name)), <usize>run.index, BUILTIN);
}

/** table[name] = an integer. */
export function setIntegerField(table: Table, name: string, value: i64): void {
  setInteger(slotForString(table, stringOf(name)), value);
}

/** table[name] = a table. */
export function setTableField(table: Table, name: string, value: Table): void {
  setObject(slotForString(table, stringOf(name)), value.address, TABLE);
}

/** table[name] = a text. */
export function setTextField(table: Table, name: string, text: string): void {
  setObject(slotForString(table, stringOf(name)), stringOf(text), STRING);
}

/** Address of table[name], raw, or of a nil. */
export function fieldOf(table: Table, name: string): usize {
  return getString(table, stringOf(name));
}

/** Pushes what the newest buffer holds as a string and gives the buffer back. Returns 1, or RAISED. */
export function pushBuffer(buffer: Buffer): i32 {
  if (!raised) pushBytes(buffer.at, <u32>buffer.size);
  closeBuffers(openBuffers - 1);
  return raised ? RAISED : 1;
}
