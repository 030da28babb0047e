// Expressions on their way to code. The parser describes what it has read; only when it is known what becomes of
// a value (a register, a constant, a jump) are instructions emitted. A description is 32 bytes of an arena that
// is emptied after each statement.

import { allocateBlock, freeBlock } from "../values/heap";
import { aOf, B_LIMIT, CONSTANT, cOf, Op, opOf, TRUTH } from "../values/opcodes";
import { isShort } from "../values/string";
import { FALSE, INTEGER, NIL, TRUE } from "../values/value";
import { FunctionState } from "./function_state";
import {
  dropValue,
  invert,
  joinJumps,
  jump,
  labelHere,
  NO_JUMP,
  NO_REGISTER,
  needsValue,
  patch,
  patchHere,
} from "./jumps";
import { syntaxError } from "./lexer";

/** Kinds of expressions, with what the fields of their descriptions mean. */
export namespace Kind {
  export const VOID: i32 = 0;
  export const NIL: i32 = 1;
  export const FALSE: i32 = 2;
  export const TRUE: i32 = 3;
  /** VALUE; TAG says which subtype. */
  export const NUMBER: i32 = 4;
  /** VALUE: the string. */
  export const STRING: i32 = 5;
  /** INFO: register; AUX: number of the active local. */
  export const LOCAL: i32 = 6;
  /** INFO: number of the upvalue. */
  export const UPVALUE: i32 = 7;
  /** INFO: upvalue that holds a table; AUX: constant key. */
  export const GLOBAL: i32 = 8;
  /** INFO: register of a table; AUX: constant key, a short string. */
  export const FIELD: i32 = 9;
  /** INFO: register of a table; AUX: integer key. */
  export const INDEX: i32 = 10;
  /** INFO: register of a table; AUX: register of the key. */
  export const ELEMENT: i32 = 11;
  /** INFO: instruction that jumps when the comparison is true. */
  export const COMPARISON: i32 = 12;
  /** INFO: instruction whose A is still open. */
  export const OPEN: i32 = 13;
  /** INFO: register. */
  export const REGISTER: i32 = 14;
  /** INFO: instruction. */
  export const CALL: i32 = 15;
  export const VARARG: i32 = 16;
  /** A variable that stands for a constant. INFO: its name; AUX: kind of the constant, which has VALUE and TAG. */
  export const NAMED: i32 = 17;
}

/** Offsets in a description: kind (i32), then what the kind says (i32, i64, i32). */
export const KIND: usize = 0;
export const INFO: usize = 4;
export const VALUE: usize = 8;
export const AUX: usize = 16;
/** Jumps to where the expression is true, and false. */
export const WHEN_TRUE: usize = 20;
export const WHEN_FALSE: usize = 24;
/** Number subtype; for assignments, the target before this one. */
export const TAG: usize = 28;
export const EXPRESSION_SIZE: usize = 32;

/** Range of the integers in instructions. */
export const SMALL: i64 = 16383;

let arena: usize = 0;
let arenaSize: usize = 0;
/** Bytes of the arena in use. Setting it back drops the descriptions made since. */
export let arenaUsed: usize = 0;

/** Sets `arenaUsed`. */
export function setArenaUsed(used: usize): void {
  arenaUsed = used;
}

/** An empty description. The parser's depth bounds how many there can be. */
export function newExpression(): usize {
  if (arenaUsed + EXPRESSION_SIZE > arenaSize) syntaxError("chunk has too many syntax levels");
  else arenaUsed += EXPRESSION_SIZE;
  const e = arena + arenaUsed - EXPRESSION_SIZE;
  setExpression(e, Kind.VOID, 0);
  return e;
}

/** Descriptions that may be needed at once: a few for each of the parser's levels. */
const ARENA_EXPRESSIONS: usize = 2048;

/** Makes the arena, for one chunk. */
export function openArena(): void {
  arenaSize = ARENA_EXPRESSIONS * EXPRESSION_SIZE;
  arena = allocateBlock(arenaSize);
  arenaUsed = EXPRESSION_SIZE;
}

/** Gives the arena back. */
export function closeArena(): void {
  freeBlock(arena, arenaSize);
}

/** Makes `e` an expression of `kind` without jumps. */
export function setExpression(e: usize, kind: i32, info: i32): void {
  store<i32>(e, kind, KIND);
  store<i32>(e, info, INFO);
  store<i64>(e, 0, VALUE);
  store<i32>(e, 0, AUX);
  store<i32>(e, NO_JUMP, WHEN_TRUE);
  store<i32>(e, NO_JUMP, WHEN_FALSE);
  store<u32>(e, 0, TAG);
}

/** The expression's kind: one of `Kind`. */
export function kindOf(e: usize): i32 {
  return load<i32>(e, KIND);
}
/** Its INFO. */
export function infoOf(e: usize): i32 {
  return load<i32>(e, INFO);
}
/** Its AUX. */
export function auxOf(e: usize): i32 {
  return load<i32>(e, AUX);
}

/** Changes what `e` is; its jumps stay. */
export function become(e: usize, kind: i32, info: i32): void {
  store<i32>(e, kind, KIND);
  store<i32>(e, info, INFO);
}

/** Whether jumps lead out of it: then its value is not only where the kind says. */
export function hasJumps(e: usize): bool {
  return load<i32>(e, WHEN_TRUE) != load<i32>(e, WHEN_FALSE);
}

/** Whether it is a number that operators can be folded over. */
export function isNumeral(e: usize): bool {
  return kindOf(e) == Kind.NUMBER && !hasJumps(e);
}

/** Whether it is a constant, or stands for one. */
export function isConstant(e: usize): bool {
  const kind = kindOf(e);
  return ((kind >= Kind.NIL && kind <= Kind.STRING) || kind == Kind.NAMED) && !hasJumps(e);
}

// ---- values ----------------------------------------------------------------------------------------------

/** A call or `...` gives exactly `count` values from the next register on; -1: all. */
export function setResults(fs: FunctionState, e: usize, count: i32): void {
  const at = fs.instruction(infoOf(e));
  if (kindOf(e) == Kind.CALL) {
    store<i32>(at, count + 1, 4);
  } else if (kindOf(e) == Kind.VARARG) {
    store<u16>(at, <u16>(count + 1), 2);
    store<u8>(at, <u8>fs.free, 1);
    fs.reserve(1);
  }
}

/** A call or `...` gives one value. */
export function oneResult(fs: FunctionState, e: usize): void {
  if (kindOf(e) == Kind.CALL) {
    become(e, Kind.REGISTER, aOf(fs.instruction(infoOf(e))));
  } else if (kindOf(e) == Kind.VARARG) {
    store<u16>(fs.instruction(infoOf(e)), 2, 2);
    store<i32>(e, Kind.OPEN, KIND);
  }
}

/** Fetches variables; what is left is a constant, a register or an instruction with open A. */
export function fetch(fs: FunctionState, e: usize): void {
  const info = infoOf(e);
  const aux = auxOf(e);
  switch (kindOf(e)) {
    case Kind.LOCAL:
      store<i32>(e, Kind.REGISTER, KIND);
      break;
    case Kind.UPVALUE:
      become(e, Kind.OPEN, fs.emit(Op.GETUPVAL, 0, info, 0));
      break;
    case Kind.GLOBAL:
      become(e, Kind.OPEN, fs.emit(Op.GETTABUP, 0, info, aux));
      break;
    case Kind.FIELD:
      fs.release(info);
      become(e, Kind.OPEN, fs.emit(Op.GETFIELD, 0, info, aux));
      break;
    case Kind.INDEX:
      fs.release(info);
      become(e, Kind.OPEN, fs.emit(Op.GETINT, 0, info, aux));
      break;
    case Kind.ELEMENT:
      fs.release(max(info, aux));
      fs.release(min(info, aux));
      become(e, Kind.OPEN, fs.emit(Op.GETTABLE, 0, info, aux));
      break;
    case Kind.NAMED:
      become(e, aux, 0);
      break;
    case Kind.CALL:
    case Kind.VARARG:
      oneResult(fs, e);
  }
}

/** Puts the value, jumps aside, into `register`. */
function load1(fs: FunctionState, e: usize, register: i32): void {
  fetch(fs, e);
  switch (kindOf(e)) {
    case Kind.NIL:
      loadNil(fs, register, 1);
      break;
    case Kind.FALSE:
    case Kind.TRUE:
      fs.emit(Op.LOADBOOL, register, <i32>(kindOf(e) == Kind.TRUE), 0);
      break;
    case Kind.NUMBER: {
      const value = load<i64>(e, VALUE);
      if (load<u32>(e, TAG) == INTEGER && value == <i64>(<i32>value)) fs.emit(Op.LOADI, register, 0, <i32>value);
      else fs.emit(Op.LOADK, register, 0, fs.numberConstant(value, load<u32>(e, TAG)));
      break;
    }
    case Kind.STRING:
      fs.emit(Op.LOADK, register, 0, fs.stringConstant(<usize>load<i64>(e, VALUE)));
      break;
    case Kind.OPEN:
      store<u8>(fs.instruction(infoOf(e)), <u8>register, 1);
      break;
    case Kind.REGISTER:
      if (infoOf(e) != register) fs.emit(Op.MOVE, register, infoOf(e), 0);
      break;
    default:
      // A comparison or nothing: the jumps give the value.
      return;
  }
  become(e, Kind.REGISTER, register);
}

/** Makes `count` registers from `register` on nil. */
export function loadNil(fs: FunctionState, register: i32, count: i32): void {
  if (fs.pc > fs.lastTarget && fs.pc > 0) {
    // One instruction for neighbours.
    const before = fs.instruction(fs.pc - 1);
    if (opOf(before) == Op.LOADNIL) {
      const first = aOf(before);
      const last = first + <i32>load<u16>(before, 2);
      if (first <= register && register <= last + 1) {
        store<u16>(before, <u16>(max(last, register + count - 1) - first), 2);
        return;
      }
    }
  }
  fs.emit(Op.LOADNIL, register, count - 1, 0);
}

/** Puts the value into `register`, with all its jumps. */
function toRegister(fs: FunctionState, e: usize, register: i32): void {
  load1(fs, e, register);
  if (kindOf(e) == Kind.COMPARISON) {
    store<i32>(e, joinJumps(fs, infoOf(e), load<i32>(e, WHEN_TRUE)), WHEN_TRUE);
  }
  if (hasJumps(e)) {
    let whenFalse = NO_JUMP;
    let whenTrue = NO_JUMP;
    const trues = load<i32>(e, WHEN_TRUE);
    const falses = load<i32>(e, WHEN_FALSE);
    if (needsValue(fs, trues) || needsValue(fs, falses)) {
      const over = kindOf(e) == Kind.COMPARISON ? NO_JUMP : jump(fs);
      labelHere(fs);
      whenFalse = fs.emit(Op.LOADBOOL, register, 0, 1);
      labelHere(fs);
      whenTrue = fs.emit(Op.LOADBOOL, register, 1, 0);
      patchHere(fs, over);
    }
    const end = labelHere(fs);
    patch(fs, falses, end, register, whenFalse);
    patch(fs, trues, end, register, whenTrue);
  }
  setExpression(e, Kind.REGISTER, register);
}

/** Puts the value into the next free register. */
export function toNextRegister(fs: FunctionState, e: usize): void {
  fetch(fs, e);
  freeExpression(fs, e);
  fs.reserve(1);
  toRegister(fs, e, fs.free - 1);
}

/** Puts the value into some register and returns it. */
export function toAnyRegister(fs: FunctionState, e: usize): i32 {
  fetch(fs, e);
  if (kindOf(e) == Kind.REGISTER) {
    if (!hasJumps(e)) return infoOf(e);
    if (infoOf(e) >= fs.active.count) {
      toRegister(fs, e, infoOf(e));
      return infoOf(e);
    }
  }
  toNextRegister(fs, e);
  return infoOf(e);
}

/** Makes a value of what still has jumps. */
export function toValue(fs: FunctionState, e: usize): void {
  if (hasJumps(e)) toAnyRegister(fs, e);
  else fetch(fs, e);
}

/** Frees the register that the value is in, if that is a temporary one. */
export function freeExpression(fs: FunctionState, e: usize): void {
  if (kindOf(e) == Kind.REGISTER) fs.release(infoOf(e));
}

/** The same for two, the higher one first: registers are freed like a stack. */
export function freeBoth(fs: FunctionState, a: usize, b: usize): void {
  const first = kindOf(a) == Kind.REGISTER ? infoOf(a) : -1;
  const second = kindOf(b) == Kind.REGISTER ? infoOf(b) : -1;
  if (max(first, second) >= 0) fs.release(max(first, second));
  if (min(first, second) >= 0) fs.release(min(first, second));
}

/** Register of the value, or the number of the constant with CONSTANT. */
export function toOperand(fs: FunctionState, e: usize): i32 {
  toValue(fs, e);
  let constant = -1;
  switch (kindOf(e)) {
    case Kind.NIL:
      constant = fs.plainConstant(NIL);
      break;
    case Kind.FALSE:
      constant = fs.plainConstant(FALSE);
      break;
    case Kind.TRUE:
      constant = fs.plainConstant(TRUE);
      break;
    case Kind.NUMBER:
      constant = fs.numberConstant(load<i64>(e, VALUE), load<u32>(e, TAG));
      break;
    case Kind.STRING:
      constant = fs.stringConstant(<usize>load<i64>(e, VALUE));
  }
  return constant >= 0 && constant < CONSTANT ? constant | CONSTANT : toAnyRegister(fs, e);
}

/** Assigns the value of `e` to the variable that `target` describes. */
export function storeVariable(fs: FunctionState, target: usize, e: usize): void {
  const info = infoOf(target);
  const aux = auxOf(target);
  switch (kindOf(target)) {
    case Kind.LOCAL:
      freeExpression(fs, e);
      toRegister(fs, e, info);
      return;
    case Kind.UPVALUE:
      fs.emit(Op.SETUPVAL, toAnyRegister(fs, e), info, 0);
      break;
    case Kind.GLOBAL:
      fs.emit(Op.SETTABUP, toAnyRegister(fs, e), info, aux);
      break;
    case Kind.FIELD:
      fs.emit(Op.SETFIELD, info, aux, toOperand(fs, e));
      break;
    case Kind.INDEX:
      fs.emit(Op.SETINT, info, aux, toOperand(fs, e));
      break;
    case Kind.ELEMENT:
      fs.emit(Op.SETTABLE, info, aux, toOperand(fs, e));
  }
  freeExpression(fs, e);
}

/** Makes of `table` the variable table[key]; the table is in a register or an upvalue. */
export function indexed(fs: FunctionState, table: usize, key: usize): void {
  const isName = kindOf(key) == Kind.STRING && !hasJumps(key) && isShort(<usize>load<i64>(key, VALUE));
  let constant = -1;
  if (isName) constant = fs.stringConstant(<usize>load<i64>(key, VALUE));
  if (kindOf(table) == Kind.UPVALUE) {
    if (isName) {
      store<i32>(table, constant, AUX);
      store<i32>(table, Kind.GLOBAL, KIND);
      return;
    }
    toAnyRegister(fs, table);
  }
  const register = infoOf(table);
  if (isName && constant <= B_LIMIT) {
    become(table, Kind.FIELD, register);
    store<i32>(table, constant, AUX);
    return;
  }
  const small = load<i64>(key, VALUE);
  if (isNumeral(key) && load<u32>(key, TAG) == INTEGER && small > 0 && small <= <i64>B_LIMIT) {
    become(table, Kind.INDEX, register);
    store<i32>(table, <i32>small, AUX);
    return;
  }
  const keyRegister = toAnyRegister(fs, key);
  become(table, Kind.ELEMENT, register);
  store<i32>(table, keyRegister, AUX);
}

/** The method `key` of `e`: function and object in two new registers. */
export function method(fs: FunctionState, e: usize, key: usize): void {
  const object = toAnyRegister(fs, e);
  freeExpression(fs, e);
  const base = fs.free;
  fs.reserve(2);
  const name = <usize>load<i64>(key, VALUE);
  if (isShort(name)) {
    fs.emit(Op.SELF, base, object, fs.stringConstant(name));
  } else {
    // Too long for SELF: the object moves up before its place is taken.
    fs.emit(Op.MOVE, base + 1, object, 0);
    fs.reserve(1);
    fs.emit(Op.LOADK, base + 2, 0, fs.stringConstant(name));
    fs.emit(Op.GETTABLE, base, base + 1, base + 2);
    fs.release(base + 2);
  }
  setExpression(e, Kind.REGISTER, base);
}

// ---- conditions ------------------------------------------------------------------------------------------

/** Emits a jump that is taken when the value is `truth`, and returns it. */
function jumpWhen(fs: FunctionState, e: usize, truth: bool): i32 {
  if (kindOf(e) == Kind.COMPARISON) {
    if (!truth) invert(fs.instruction(infoOf(e)));
    return infoOf(e);
  }
  if (kindOf(e) == Kind.OPEN) {
    const at = fs.instruction(infoOf(e));
    if (opOf(at) == Op.NOT) {
      const register = load<u16>(at, 2);
      fs.code.count--;
      fs.lines.count--;
      return fs.emit(Op.JTEST, register, truth ? 0 : TRUTH, NO_JUMP);
    }
  }
  if (kindOf(e) != Kind.REGISTER) toNextRegisterPlain(fs, e);
  freeExpression(fs, e);
  return fs.emit(Op.SETTEST, NO_REGISTER, infoOf(e) | (truth ? TRUTH : 0), NO_JUMP);
}

/** `toNextRegister` without the jumps that the expression has. */
export function toNextRegisterPlain(fs: FunctionState, e: usize): void {
  fs.reserve(1);
  load1(fs, e, fs.free - 1);
}

/** Goes on here when the value is true, and jumps when it isn't. */
export function goOnIfTrue(fs: FunctionState, e: usize): void {
  fetch(fs, e);
  let out = NO_JUMP;
  switch (kindOf(e)) {
    case Kind.TRUE:
    case Kind.NUMBER:
    case Kind.STRING:
      break;
    default:
      out = jumpWhen(fs, e, false);
  }
  store<i32>(e, joinJumps(fs, out, load<i32>(e, WHEN_FALSE)), WHEN_FALSE);
  patchHere(fs, load<i32>(e, WHEN_TRUE));
  store<i32>(e, NO_JUMP, WHEN_TRUE);
}

/** Goes on here when the value is false, and jumps when it isn't. */
export function goOnIfFalse(fs: FunctionState, e: usize): void {
  fetch(fs, e);
  let out = NO_JUMP;
  switch (kindOf(e)) {
    case Kind.NIL:
    case Kind.FALSE:
      break;
    default:
      out = jumpWhen(fs, e, true);
  }
  store<i32>(e, joinJumps(fs, out, load<i32>(e, WHEN_TRUE)), WHEN_TRUE);
  patchHere(fs, load<i32>(e, WHEN_FALSE));
  store<i32>(e, NO_JUMP, WHEN_FALSE);
}

/** Jumps of the list give no value that anyone wants. */
export function dropValues(fs: FunctionState, list: i32): void {
  for (; list != NO_JUMP; list = cOf(fs.instruction(list))) {
    const at = fs.instruction(list);
    if (opOf(at) == Op.SETTEST) dropValue(at);
  }
}

/**
 * Stores the `count` values behind the table in register `base` (-1: all up to top) at its indices from `done` + 1 on.
 */
export function setList(fs: FunctionState, base: i32, done: i32, count: i32): void {
  fs.emit(Op.SETLIST, base, count < 0 ? 0 : count, done);
  fs.free = base + 1;
}
