// What operators do beyond the fast cases of the VM: conversions, metamethods, errors (Lua 5.3 Reference Manual,
// 2.4 and 3.4). Operands are addresses on the stack or of constants; results go to addresses on the stack, which
// may move while a metamethod runs. False, or `raised`, means that an error is on its way.

import { burn } from "../../../lib/fault";
import { hex } from "../../../lib/text";
import { is54 } from "../values/dialect";
import { hasRoom } from "../values/heap";
import { NUMBER_ROOM, numberToString, toNumber, writeNumber } from "../values/number";
import { Table } from "../values/objects";
import { Op } from "../values/opcodes";
import { owe } from "../values/owed";
import {
  bytesOf,
  compareStrings,
  lengthOf,
  newLongString,
  newString,
  SHORT_LIMIT,
  STRING_LIMIT,
  stringOf,
} from "../values/string";
import { border, getValue, nothing, slotFor } from "../values/table";
import {
  copyValue,
  FALSE,
  INTEGER,
  integerOf,
  isFalsy,
  isFunctionTag,
  isNumberTag,
  NIL,
  objectOf,
  STRING,
  setFloat,
  setInteger,
  setObject,
  setTag,
  TABLE,
  TRUE,
  tagOf,
  USERDATA,
} from "../values/value";
import { callFunction } from "./call";
import { raiseType } from "./debug";
import { raiseHere, raiseMemory } from "./errors";
import { Event, equalRaw, handlerIn, handlerOf, handlerOfEither, typeNameOf } from "./events";
import { raised, setTop, stack, top } from "./state";

/** Calls `handler` with two values; one result goes to `to`. */
function callHandlerTo(handler: usize, a: usize, b: usize, to: usize): bool {
  const offset = to - stack;
  const at = top;
  copyValue(at, handler);
  copyValue(at + 16, a);
  copyValue(at + 32, b);
  setTop(at + 48);
  if (!callFunction(2, 1)) return false;
  setTop(top - 16);
  copyValue(stack + offset, top);
  return true;
}

// ---- indexing --------------------------------------------------------------------------------------------

/** Steps along `__index` and `__newindex`. */
const CHAIN_LIMIT: i32 = 2000;

/** Puts the value at `at` indexed with the key at `key` to `to`. */
export function indexValue(at: usize, key: usize, to: usize): bool {
  let value = at;
  for (let i = 0; i < CHAIN_LIMIT; i++) {
    let handler: usize;
    if (tagOf(value) == TABLE) {
      const table = Table.of(value);
      const found = getValue(table, key);
      if (tagOf(found) != NIL) {
        copyValue(to, found);
        return true;
      }
      handler = handlerIn(table.meta, Event.INDEX);
      if (handler == nothing) {
        setTag(to, NIL);
        return true;
      }
    } else {
      handler = handlerOf(value, Event.INDEX);
      if (handler == nothing) {
        raiseType(value, "index");
        return false;
      }
    }
    if (isFunctionTag(tagOf(handler))) return callHandlerTo(handler, value, key, to);
    value = handler;
    burn(1);
  }
  raiseChain("__index");
  return false;
}

/** Sets the value at `at` indexed with the key at `key` to the value at `from`. */
export function setIndexed(at: usize, key: usize, from: usize): bool {
  let value = at;
  for (let i = 0; i < CHAIN_LIMIT; i++) {
    let handler: usize;
    if (tagOf(value) == TABLE) {
      const table = Table.of(value);
      const found = getValue(table, key);
      if (tagOf(found) != NIL) {
        copyValue(found, from);
        return true;
      }
      handler = handlerIn(table.meta, Event.NEWINDEX);
      if (handler == nothing) return setRaw(table, key, from);
    } else {
      handler = handlerOf(value, Event.NEWINDEX);
      if (handler == nothing) {
        raiseType(value, "index");
        return false;
      }
    }
    if (isFunctionTag(tagOf(handler))) {
      const place = top;
      copyValue(place, handler);
      copyValue(place + 16, value);
      copyValue(place + 32, key);
      copyValue(place + 48, from);
      setTop(place + 64);
      return callFunction(3, 0);
    }
    value = handler;
    burn(1);
  }
  raiseChain("__newindex");
  return false;
}

function raiseChain(event: string): void {
  raiseHere(`'${event}' chain too long; possible loop`);
}

/** table[key] = value, without metamethods. */
export function setRaw(table: Table, key: usize, from: usize): bool {
  if (tagOf(key) == NIL) {
    raiseHere("table index is nil");
    return false;
  }
  const slot = slotFor(table, key);
  if (slot == 0) {
    raiseMemory();
    return false;
  }
  table.absent = 0;
  copyValue(slot, from);
  return true;
}

// ---- arithmetic ------------------------------------------------------------------------------------------

const left: usize = memory.data(16, 8);
const right: usize = memory.data(16, 8);

/** Puts the number at `at` to `to`. In Lua 5.4 texts are none: their metatable has the arithmetic (lib/string_arithmetic.ts). */
function isOperand(at: usize, to: usize): bool {
  return is54 && tagOf(at) == STRING ? false : toNumber(at, to);
}

/** `a op b` to `to`; the same operand twice for unary operations. */
export function arithmetic(op: u32, a: usize, b: usize, to: usize): bool {
  const bits = (op >= Op.BAND && op <= Op.SHR) || op == Op.BNOT;
  if (isOperand(a, left) && isOperand(b, right)) {
    const x = integerOf(left);
    const y = integerOf(right);
    if (bits) {
      setInteger(to, bitwise(op, x, y));
      return true;
    }
    // A text isn't an integer, whatever it holds.
    const integers = tagOf(a) == INTEGER && tagOf(b) == INTEGER && op != Op.DIV && op != Op.POW;
    if (op == Op.MOD || op == Op.IDIV || op == Op.DIV) return divide(op, x, y, integers, to);
    let result: i64;
    if (op == Op.ADD) result = x + y;
    else if (op == Op.SUB) result = x - y;
    else if (op == Op.MUL) result = x * y;
    else if (op == Op.POW) result = power(x, y);
    else result = -x;
    if (integers) setInteger(to, result);
    else setFloat(to, result);
    return true;
  }
  const handler = handlerOfEither(a, b, Event.ARITHMETIC + <i32>(op - Op.ADD));
  if (handler != nothing) return callHandlerTo(handler, a, b, to);
  const wrong = isOperand(a, left) ? b : a;
  raiseType(wrong, bits ? "perform bitwise operation on" : "perform arithmetic on");
  return false;
}

function bitwise(op: u32, x: i64, y: i64): i64 {
  switch (op) {
    case Op.BAND:
      return x & y;
    case Op.BOR:
      return x | y;
    case Op.BXOR:
      return x ^ y;
    case Op.SHL:
      return shiftLeft(x, y);
    case Op.SHR:
      return shiftLeft(x, y == i64.MIN_VALUE ? i64.MAX_VALUE : -y);
    default:
      return ~x;
  }
}

/** Shifts fill with zeros; negative ones go to the right. */
function shiftLeft(x: i64, by: i64): i64 {
  if (by <= -64 || by >= 64) return 0;
  return by >= 0 ? x << by : <i64>(<u64>x >> <u64>-by);
}

/** Division of integers rounds down; that of the other subtype rounds to zero, as its C type does. */
function divide(op: u32, x: i64, y: i64, integers: bool, to: usize): bool {
  if (y == 0) {
    raiseHere(op == Op.MOD ? "attempt to perform 'n%0'" : "attempt to divide by zero");
    return false;
  }
  // The one quotient that overflows wraps; the machine would trap.
  const quotient = y == -1 ? -x : x / y;
  const rest = y == -1 ? 0 : x % y;
  const down = rest != 0 && (rest ^ y) < 0;
  let result: i64;
  if (op == Op.MOD) result = down ? rest + y : rest;
  else result = integers && down ? quotient - 1 : quotient;
  if (integers) setInteger(to, result);
  else setFloat(to, result);
  return true;
}

function power(x: i64, y: i64): i64 {
  if (y < 0) return 0;
  // To the power of 0 the reference's loop runs on until it wraps; 1 is what it means.
  let result: i64 = 1;
  let factor = x;
  for (let rest = y; rest > 0; rest >>= 1) {
    if ((rest & 1) != 0) result *= factor;
    factor *= factor;
  }
  return result;
}

// ---- length, comparison ----------------------------------------------------------------------------------

/** The length of the value at `at` to `to`. */
export function lengthTo(at: usize, to: usize): bool {
  const tag = tagOf(at);
  if (tag == STRING) {
    setInteger(to, lengthOf(objectOf(at)));
    return true;
  }
  const handler = handlerOf(at, Event.LEN);
  if (handler != nothing) return callHandlerTo(handler, at, at, to);
  if (tag == TABLE) {
    setInteger(to, border(Table.of(at)));
    return true;
  }
  raiseType(at, "get length of");
  return false;
}

/** `a == b`; look at `raised`. */
export function equals(a: usize, b: usize): bool {
  if (equalRaw(a, b)) return true;
  const tag = tagOf(a);
  if (tag != tagOf(b) || (tag != TABLE && tag != USERDATA)) return false;
  const handler = handlerOfEither(a, b, Event.EQ);
  return handler != nothing && truthOf(handler, a, b);
}

/** Whether `handler` gives something true for two values. */
function truthOf(handler: usize, a: usize, b: usize): bool {
  if (!callHandlerTo(handler, a, b, top)) return false;
  return !isFalsy(top);
}

/** `a < b`; look at `raised`. */
export function lessThan(a: usize, b: usize): bool {
  if (isNumberTag(tagOf(a)) && isNumberTag(tagOf(b))) return integerOf(a) < integerOf(b);
  if (tagOf(a) == STRING && tagOf(b) == STRING) return compareStrings(objectOf(a), objectOf(b)) < 0;
  const handler = handlerOfEither(a, b, Event.LT);
  if (handler != nothing) return truthOf(handler, a, b);
  raiseOrder(a, b);
  return false;
}

/** `a <= b`; look at `raised`. */
export function lessEqual(a: usize, b: usize): bool {
  if (isNumberTag(tagOf(a)) && isNumberTag(tagOf(b))) return integerOf(a) <= integerOf(b);
  if (tagOf(a) == STRING && tagOf(b) == STRING) return compareStrings(objectOf(a), objectOf(b)) <= 0;
  const handler = handlerOfEither(a, b, Event.LE);
  if (handler != nothing) return truthOf(handler, a, b);
  // Without a `__le`, not (b < a); in Lua 5.4 no longer.
  const opposite = is54 ? nothing : handlerOfEither(b, a, Event.LT);
  if (opposite != nothing) {
    const less = truthOf(opposite, b, a);
    return !raised && !less;
  }
  raiseOrder(a, b);
  return false;
}

function raiseOrder(a: usize, b: usize): void {
  const first = typeNameOf(a);
  const second = typeNameOf(b);
  if (first == second) raiseHere(`attempt to compare two ${first} values`);
  else raiseHere(`attempt to compare ${first} with ${second}`);
}

// ---- concatenation ---------------------------------------------------------------------------------------

function joins(at: usize): bool {
  return tagOf(at) == STRING || isNumberTag(tagOf(at));
}

const digits: usize = memory.data(NUMBER_ROOM);

/** Replaces the `count` values at `first` (registers) by what they give joined, from the right; it is at `first`. */
export function concatenate(first: usize, count: i32): bool {
  const offset = first - stack;
  let total = count;
  while (total > 1) {
    const base = stack + offset;
    const last = base + ((<usize>(total - 1)) << 4);
    const before = last - 16;
    if (!joins(before) || !joins(last)) {
      const handler = handlerOfEither(before, last, Event.CONCAT);
      if (handler == nothing) {
        raiseType(joins(before) ? last : before, "concatenate");
        return false;
      }
      if (!callHandlerTo(handler, before, last, before)) return false;
      total--;
      continue;
    }
    let size: u64 = 0;
    let taken = 0;
    for (let at = last; taken < total && joins(at); at -= 16, taken++) size += <u64>pieceSize(at);
    if (size > <u64>STRING_LIMIT || (size > 4096 && !hasRoom(<usize>size + 64))) {
      raiseMemory();
      return false;
    }
    const from = last - ((<usize>(taken - 1)) << 4);
    setObject(from, joinPieces(from, taken, <u32>size), STRING);
    total -= taken - 1;
  }
  return true;
}

function pieceSize(at: usize): u32 {
  return tagOf(at) == STRING ? lengthOf(objectOf(at)) : writeNumber(at, digits);
}

const shortText: usize = memory.data(48);

function joinPieces(from: usize, count: i32, size: u32): usize {
  const long = size > <u32>SHORT_LIMIT ? newLongString(size) : 0;
  let to = long != 0 ? bytesOf(long) : shortText;
  for (let i = 0; i < count; i++) {
    const at = from + ((<usize>i) << 4);
    if (tagOf(at) == STRING) {
      const piece = objectOf(at);
      memory.copy(to, bytesOf(piece), lengthOf(piece));
      to += lengthOf(piece);
    } else {
      to += writeNumber(at, to);
    }
  }
  return long != 0 ? long : newString(shortText, size);
}

// ---- strings of values -----------------------------------------------------------------------------------

/** Digits of an address as shown, so that it has the length that the reference's have. */
const ADDRESS_DIGITS: i32 = 12;
/** Bytes that putting one together leaves behind. */
const ADDRESS_GARBAGE: i32 = 1024;

/** The address of an object, or of a function of the core, as texts show it. */
export function addressText(at: usize): string {
  owe(ADDRESS_GARBAGE);
  return `0x${hex(<u64>integerOf(at)).padStart(ADDRESS_DIGITS, "0")}`;
}

/** The string of any value, as `tostring` gives it; 0 after raising. Not on the stack. */
export function stringFor(at: usize): usize {
  const tag = tagOf(at);
  if (tag == STRING && handlerOf(at, Event.TOSTRING) == nothing) return objectOf(at);
  const handler = handlerOf(at, Event.TOSTRING);
  if (handler != nothing) {
    if (!callHandlerTo(handler, at, at, top)) return 0;
    if (tagOf(top) == STRING) return objectOf(top);
    if (isNumberTag(tagOf(top))) return numberToString(top);
    raiseHere("'__tostring' must return a string");
    return 0;
  }
  if (isNumberTag(tag)) return numberToString(at);
  if (tag == NIL) return stringOf("nil");
  if (tag == FALSE || tag == TRUE) return stringOf(tag == TRUE ? "true" : "false");
  return stringOf(`${typeNameOf(at)}: ${addressText(at)}`);
}
