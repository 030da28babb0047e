// The parser's half for expressions: operators by precedence, variables, constructors, calls.

import { burn } from "../../../lib/fault";
import { LARGE_ARRAY, Op } from "../values/opcodes";
import { stringOf } from "../values/string";
import { integerOf, tagOf } from "../values/value";
import {
  AUX,
  arenaUsed,
  fetch,
  indexed,
  infoOf,
  Kind,
  kindOf,
  method,
  newExpression,
  setArenaUsed,
  setExpression,
  setList,
  setResults,
  storeVariable,
  TAG,
  toAnyRegister,
  toNextRegister,
  toValue,
  VALUE,
} from "./expression";
import { ACTIVE_KIND, ACTIVE_NAME, ACTIVE_TAG, ACTIVE_VALUE, current, FunctionState } from "./function_state";
import { advance, line, numeral, peekToken, syntaxError, Token, token, tokenString } from "./lexer";
import {
  infix,
  not,
  OPERATOR_AND,
  OPERATOR_GE,
  OPERATOR_GT,
  OPERATOR_NE,
  OPERATOR_OR,
  posfix,
  unary,
} from "./operators";
import { parseBody } from "./parser_blocks";
import { accept, enter, expect, expectMatch, expectName, leave } from "./tokens";

// ---- variables -------------------------------------------------------------------------------------------

/** Describes the variable called `name`: a local, an upvalue, or a field of `_ENV`. */
export function findVariable(name: usize, e: usize): void {
  const fs = current;
  if (lookUp(fs, name, e, true)) return;
  lookUp(fs, stringOf("_ENV"), e, true);
  const key = newExpression();
  setString(key, name);
  if (kindOf(e) != Kind.UPVALUE) toAnyRegister(fs, e);
  indexed(fs, e, key);
}

/** Looks in `fs` and around it. `base`: it is the function where the variable is used. */
function lookUp(fs: FunctionState, name: usize, e: usize, base: bool): bool {
  burn(1 + ((fs.active.count + fs.upvalues.count) >> 4));
  const local = fs.findLocal(name);
  if (local >= 0) {
    if (standsForConstant(fs.active.item(local), e)) return true;
    setExpression(e, Kind.LOCAL, local);
    store<i32>(e, local, AUX);
    if (!base) fs.markCaptured(local);
    return true;
  }
  let upvalue = fs.findUpvalue(name);
  if (upvalue < 0) {
    const outer = fs.previous;
    if (outer === null || !lookUp(outer, name, e, false)) return false;
    if (kindOf(e) == Kind.NAMED) return true;
    const isLocal = kindOf(e) == Kind.LOCAL;
    const attribute = isLocal ? outer.attributeOf(infoOf(e)) : <u32>outer.origin(infoOf(e)).attribute;
    upvalue = fs.addUpvalue(name, isLocal, infoOf(e), attribute);
  }
  setExpression(e, Kind.UPVALUE, upvalue);
  return true;
}

/** Lets the active local `index` stand for the constant in `e`. */
export function nameConstant(fs: FunctionState, index: i32, e: usize): void {
  const active = fs.active.item(index);
  fetch(fs, e);
  store<i32>(active, kindOf(e), ACTIVE_KIND);
  store<i64>(active, load<i64>(e, VALUE), ACTIVE_VALUE);
  store<u32>(active, load<u32>(e, TAG), ACTIVE_TAG);
}

/** Whether the active local stands for a constant, which `e` is then. */
function standsForConstant(active: usize, e: usize): bool {
  const kind = load<i32>(active, ACTIVE_KIND);
  if (kind == Kind.VOID) return false;
  setExpression(e, Kind.NAMED, load<i32>(active, ACTIVE_NAME));
  store<i32>(e, kind, AUX);
  store<i64>(e, load<i64>(active, ACTIVE_VALUE), VALUE);
  store<u32>(e, load<u32>(active, ACTIVE_TAG), TAG);
  return true;
}

function setString(e: usize, text: usize): void {
  setExpression(e, Kind.STRING, 0);
  store<i64>(e, <i64>text, VALUE);
}

/** `.name` or `:name` after a variable. */
export function parseField(e: usize): void {
  const fs = current;
  toRegisterOrUpvalue(fs, e);
  advance();
  const key = newExpression();
  setString(key, expectName());
  indexed(fs, e, key);
}

function toRegisterOrUpvalue(fs: FunctionState, e: usize): void {
  if (kindOf(e) != Kind.UPVALUE || load<i32>(e, 20) != load<i32>(e, 24)) toAnyRegister(fs, e);
}

function parseIndex(key: usize): void {
  advance();
  parseExpression(key);
  toValue(current, key);
  expect(0x5d);
}

// ---- constructors ----------------------------------------------------------------------------------------

/** Values that go into the table at once. */
const LIST_STEP: i32 = 50;

function parseConstructor(e: usize): void {
  const fs = current;
  const at = line;
  const pc = fs.emit(Op.NEWTABLE, 0, 0, 0);
  setExpression(e, Kind.OPEN, pc);
  const value = newExpression();
  toNextRegister(fs, e);
  const base = infoOf(e);
  let listed = 0;
  let waiting = 0;
  let named = 0;
  expect(0x7b);
  while (token != 0x7d) {
    if (kindOf(value) != Kind.VOID) {
      toNextRegister(fs, value);
      setExpression(value, Kind.VOID, 0);
      if (waiting == LIST_STEP) {
        setList(fs, base, listed - waiting, waiting);
        waiting = 0;
      }
    }
    if (token == 0x5b || (token == Token.NAME && peekToken() == 0x3d)) {
      parseRecord(base);
      named++;
    } else {
      parseExpression(value);
      listed++;
      waiting++;
    }
    if (!accept(0x2c) && !accept(0x3b)) break;
  }
  expectMatch(0x7d, 0x7b, at);
  if (waiting > 0) {
    if (kindOf(value) == Kind.CALL || kindOf(value) == Kind.VARARG) {
      setResults(fs, value, -1);
      setList(fs, base, listed - waiting, -1);
      listed--;
    } else {
      if (kindOf(value) != Kind.VOID) toNextRegister(fs, value);
      setList(fs, base, listed - waiting, waiting);
    }
  }
  store<u16>(fs.instruction(pc), arrayRoom(listed), 2);
  store<i32>(fs.instruction(pc), named, 4);
}

/**
 * B of NEWTABLE for `count` entries. As in the reference, whose instructions have few bits for it, larger ones are
 * rounded up to four bits and zeros: `#` shows that.
 */
function arrayRoom(count: u32): u16 {
  let bits = count;
  let zeros: u32 = 0;
  for (; bits >= 16; zeros++) bits = (bits + 1) >> 1;
  const size = bits << zeros;
  return <u16>(size < <u32>LARGE_ARRAY ? size : <u32>LARGE_ARRAY | (zeros << 4) | bits);
}

/** `name = value` or `[key] = value` for the table in register `base`. */
function parseRecord(base: i32): void {
  const fs = current;
  const free = fs.free;
  const arena = arenaUsed;
  const key = newExpression();
  if (token == Token.NAME) setString(key, expectName());
  else parseIndex(key);
  expect(0x3d);
  const target = newExpression();
  setExpression(target, Kind.REGISTER, base);
  indexed(fs, target, key);
  const value = newExpression();
  parseExpression(value);
  storeVariable(fs, target, value);
  fs.free = free;
  setArenaUsed(arena);
}

// ---- calls -----------------------------------------------------------------------------------------------

function parseArguments(e: usize, at: i32): void {
  const fs = current;
  const base = infoOf(e);
  const values = newExpression();
  switch (token) {
    case 0x28:
      advance();
      if (token != 0x29) {
        parseList(values);
        if (kindOf(values) == Kind.CALL || kindOf(values) == Kind.VARARG) setResults(fs, values, -1);
      }
      expectMatch(0x29, 0x28, at);
      break;
    case 0x7b:
      parseConstructor(values);
      break;
    case Token.STRING:
      setString(values, tokenString);
      advance();
      break;
    default:
      syntaxError("function arguments expected");
      return;
  }
  let count = -1;
  if (kindOf(values) != Kind.CALL && kindOf(values) != Kind.VARARG) {
    if (kindOf(values) != Kind.VOID) toNextRegister(fs, values);
    count = fs.free - (base + 1);
  }
  setExpression(e, Kind.CALL, fs.emit(Op.CALL, base, count + 1, 2));
  fs.fixLine(at);
  // The call takes function and arguments away and leaves one result, unless changed.
  fs.free = base + 1;
}

/** A variable or call: a name or something in parentheses, with what follows it. */
export function parsePrimary(e: usize): void {
  const fs = current;
  const at = line;
  switch (token) {
    case Token.NAME:
      findVariable(expectName(), e);
      break;
    case 0x28: {
      advance();
      parseExpression(e);
      expectMatch(0x29, 0x28, at);
      fetch(fs, e);
      break;
    }
    default:
      syntaxError("unexpected symbol");
      return;
  }
  const arena = arenaUsed;
  while (true) {
    setArenaUsed(arena);
    switch (token) {
      case 0x2e:
        parseField(e);
        break;
      case 0x5b: {
        toRegisterOrUpvalue(fs, e);
        const key = newExpression();
        parseIndex(key);
        indexed(fs, e, key);
        break;
      }
      case 0x3a: {
        advance();
        const key = newExpression();
        setString(key, expectName());
        method(fs, e, key);
        parseArguments(e, at);
        break;
      }
      case 0x28:
      case 0x7b:
      case Token.STRING:
        toNextRegister(fs, e);
        parseArguments(e, at);
        break;
      default:
        return;
    }
  }
}

// ---- operators -------------------------------------------------------------------------------------------

function parseSimple(e: usize): void {
  const fs = current;
  switch (token) {
    case Token.NUMERAL:
      setExpression(e, Kind.NUMBER, 0);
      store<i64>(e, integerOf(numeral), VALUE);
      store<u32>(e, tagOf(numeral), TAG);
      break;
    case Token.STRING:
      setString(e, tokenString);
      break;
    case Token.NIL:
      setExpression(e, Kind.NIL, 0);
      break;
    case Token.TRUE:
      setExpression(e, Kind.TRUE, 0);
      break;
    case Token.FALSE:
      setExpression(e, Kind.FALSE, 0);
      break;
    case Token.DOTS:
      if (!fs.isVararg) syntaxError("cannot use '...' outside a vararg function");
      setExpression(e, Kind.VARARG, fs.emit(Op.VARARG, 0, 1, 0));
      break;
    case 0x7b:
      parseConstructor(e);
      return;
    case Token.FUNCTION: {
      const at = line;
      advance();
      parseBody(e, false, at);
      return;
    }
    default:
      parsePrimary(e);
      return;
  }
  advance();
}

/** The operation of a binary operator, or NO_OPERATOR. */
function operatorOf(which: i32): u32 {
  switch (which) {
    case 0x2b:
      return Op.ADD;
    case 0x2d:
      return Op.SUB;
    case 0x2a:
      return Op.MUL;
    case 0x25:
      return Op.MOD;
    case 0x5e:
      return Op.POW;
    case 0x2f:
      return Op.DIV;
    case Token.IDIV:
      return Op.IDIV;
    case 0x26:
      return Op.BAND;
    case 0x7c:
      return Op.BOR;
    case 0x7e:
      return Op.BXOR;
    case Token.SHL:
      return Op.SHL;
    case Token.SHR:
      return Op.SHR;
    case Token.CONCAT:
      return Op.CONCAT;
    case Token.EQ:
      return Op.JEQ;
    case Token.NE:
      return OPERATOR_NE;
    case 0x3c:
      return Op.JLT;
    case Token.LE:
      return Op.JLE;
    case 0x3e:
      return OPERATOR_GT;
    case Token.GE:
      return OPERATOR_GE;
    case Token.AND:
      return OPERATOR_AND;
    case Token.OR:
      return OPERATOR_OR;
    default:
      return NO_OPERATOR;
  }
}
const NO_OPERATOR: u32 = 200;

/** How strongly an operator binds what is on its left (high byte) and right. */
function bindingOf(op: u32): i32 {
  switch (op) {
    case OPERATOR_OR:
      return 0x0101;
    case OPERATOR_AND:
      return 0x0202;
    case Op.JEQ:
    case OPERATOR_NE:
    case Op.JLT:
    case Op.JLE:
    case OPERATOR_GT:
    case OPERATOR_GE:
      return 0x0303;
    case Op.BOR:
      return 0x0404;
    case Op.BXOR:
      return 0x0505;
    case Op.BAND:
      return 0x0606;
    case Op.SHL:
    case Op.SHR:
      return 0x0707;
    case Op.CONCAT:
      return 0x0908;
    case Op.ADD:
    case Op.SUB:
      return 0x0a0a;
    case Op.POW:
      return 0x0e0d;
    default:
      return 0x0b0b;
  }
}
/** Binding of unary operators. */
const UNARY: i32 = 12;

/** Parses an expression into `e`. */
export function parseExpression(e: usize): void {
  setExpression(e, Kind.VOID, 0);
  const arena = arenaUsed;
  parseOperators(e, 0);
  // All that matters is in `e` now.
  setArenaUsed(arena);
}

/** Reads operators that bind more strongly than `limit`; returns the first one that doesn't. */
function parseOperators(e: usize, limit: i32): u32 {
  const fs = current;
  enter();
  const prefix = token;
  if (prefix == Token.NOT || prefix == 0x2d || prefix == 0x7e || prefix == 0x23) {
    const at = line;
    advance();
    parseOperators(e, UNARY);
    if (prefix == Token.NOT) not(fs, e);
    else unary(fs, prefix == 0x2d ? Op.UNM : prefix == 0x7e ? Op.BNOT : Op.LEN, e, at);
  } else {
    parseSimple(e);
  }
  let op = operatorOf(token);
  while (op != NO_OPERATOR && bindingOf(op) >> 8 > limit) {
    const at = line;
    advance();
    infix(fs, op, e);
    const arena = arenaUsed;
    const second = newExpression();
    const next = parseOperators(second, bindingOf(op) & 0xff);
    posfix(fs, op, e, second, at);
    setArenaUsed(arena);
    op = next;
  }
  leave();
  return op;
}

/** Expressions with commas; all but the last are in registers. Returns how many. */
export function parseList(e: usize): i32 {
  let count = 1;
  parseExpression(e);
  while (accept(0x2c)) {
    toNextRegister(current, e);
    parseExpression(e);
    count++;
  }
  return count;
}
