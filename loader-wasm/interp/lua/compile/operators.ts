// Operators on their way to code: constants are folded, operands brought where instructions want them.

import { arithmetic as calculate } from "../run/metamethods";
import { is54 } from "../values/dialect";
import { CONSTANT, IMMEDIATE_ZERO, OPERAND_MASK, Op, opOf, TRUTH } from "../values/opcodes";
import { FLOAT, INTEGER, integerOf, setInteger, setTag, tagOf } from "../values/value";
import {
  become,
  dropValues,
  EXPRESSION_SIZE,
  fetch,
  freeBoth,
  freeExpression,
  goOnIfFalse,
  goOnIfTrue,
  hasJumps,
  infoOf,
  isNumeral,
  KIND,
  Kind,
  kindOf,
  SMALL,
  setExpression,
  TAG,
  toAnyRegister,
  toNextRegister,
  toNextRegisterPlain,
  toOperand,
  toValue,
  VALUE,
  WHEN_FALSE,
  WHEN_TRUE,
} from "./expression";
import { FunctionState } from "./function_state";
import { invert, joinJumps, NO_JUMP } from "./jumps";

/** Puts the constant in the place of a variable that stands for one. */
function fetchNamed(fs: FunctionState, e: usize): void {
  if (kindOf(e) == Kind.NAMED) fetch(fs, e);
}

/** `not e`: constants are folded, jumps change sides. */
export function not(fs: FunctionState, e: usize): void {
  fetch(fs, e);
  switch (kindOf(e)) {
    case Kind.NIL:
    case Kind.FALSE:
      store<i32>(e, Kind.TRUE, KIND);
      break;
    case Kind.TRUE:
    case Kind.NUMBER:
    case Kind.STRING:
      store<i32>(e, Kind.FALSE, KIND);
      break;
    case Kind.COMPARISON:
      invert(fs.instruction(infoOf(e)));
      break;
    default: {
      if (kindOf(e) != Kind.REGISTER) toNextRegisterPlain(fs, e);
      freeExpression(fs, e);
      become(e, Kind.OPEN, fs.emit(Op.NOT, 0, infoOf(e), 0));
    }
  }
  const trues = load<i32>(e, WHEN_TRUE);
  store<i32>(e, load<i32>(e, WHEN_FALSE), WHEN_TRUE);
  store<i32>(e, trues, WHEN_FALSE);
  dropValues(fs, load<i32>(e, WHEN_TRUE));
  dropValues(fs, load<i32>(e, WHEN_FALSE));
}

/** A unary operator with a register: UNM, BNOT, LEN. */
export function unary(fs: FunctionState, op: u32, e: usize, at: i32): void {
  fetchNamed(fs, e);
  if (isNumeral(e) && op != Op.LEN) {
    const value = load<i64>(e, VALUE);
    if (op == Op.UNM && (load<u32>(e, TAG) == INTEGER || value != 0)) {
      store<i64>(e, -value, VALUE);
      return;
    }
    if (op == Op.BNOT) {
      store<i64>(e, ~value, VALUE);
      store<u32>(e, INTEGER, TAG);
      return;
    }
  }
  const register = toAnyRegister(fs, e);
  freeExpression(fs, e);
  become(e, Kind.OPEN, fs.emit(op, 0, register, 0));
  fs.fixLine(at);
}

/** The first operand of a binary operator has been read; makes it ready while the second is. */
export function infix(fs: FunctionState, op: u32, e: usize): void {
  fetchNamed(fs, e);
  switch (op) {
    case OPERATOR_AND:
      goOnIfTrue(fs, e);
      break;
    case OPERATOR_OR:
      goOnIfFalse(fs, e);
      break;
    case Op.CONCAT:
      toNextRegister(fs, e);
      break;
    default:
      if (!isNumeral(e)) {
        if (op == Op.JEQ || op == OPERATOR_NE) toEqualityOperand(fs, e);
        else toAnyRegister(fs, e);
      }
  }
}

/** A constant stays one: it can be the right side of an equality. */
function toEqualityOperand(fs: FunctionState, e: usize): void {
  if (kindOf(e) >= Kind.NIL && kindOf(e) <= Kind.STRING && !hasJumps(e)) return;
  toAnyRegister(fs, e);
}

/** Operators that no instruction has for its number: those that are jumps ... */
export const OPERATOR_AND: u32 = 100;
export const OPERATOR_OR: u32 = 101;

/** Both operands have been read: makes `a` what `a op b` is. */
export function posfix(fs: FunctionState, op: u32, a: usize, b: usize, at: i32): void {
  fetchNamed(fs, b);
  switch (op) {
    case OPERATOR_AND:
      fetch(fs, b);
      store<i32>(b, joinJumps(fs, load<i32>(b, WHEN_FALSE), load<i32>(a, WHEN_FALSE)), WHEN_FALSE);
      memory.copy(a, b, EXPRESSION_SIZE);
      return;
    case OPERATOR_OR:
      fetch(fs, b);
      store<i32>(b, joinJumps(fs, load<i32>(b, WHEN_TRUE), load<i32>(a, WHEN_TRUE)), WHEN_TRUE);
      memory.copy(a, b, EXPRESSION_SIZE);
      return;
    case Op.CONCAT:
      concatenation(fs, a, b, at);
      return;
    case Op.JEQ:
    case OPERATOR_NE:
      equality(fs, op == Op.JEQ ? TRUTH : 0, a, b);
      break;
    case Op.JLT:
    case Op.JLE:
      order(fs, op, a, b, false);
      break;
    case OPERATOR_GT:
      order(fs, Op.JLT, b, a, true);
      memory.copy(a, b, EXPRESSION_SIZE);
      break;
    case OPERATOR_GE:
      order(fs, Op.JLE, b, a, true);
      memory.copy(a, b, EXPRESSION_SIZE);
      break;
    default:
      if (fold(op, a, b)) return;
      arithmetic(fs, op, a, b);
      // Its line is the operator's; a comparison's is where its second operand ends.
      fs.fixLine(at);
  }
}

/** ... and comparisons that are made of others. */
export const OPERATOR_GT: u32 = 102;
export const OPERATOR_GE: u32 = 103;
export const OPERATOR_NE: u32 = 104;

function concatenation(fs: FunctionState, a: usize, b: usize, at: i32): void {
  toValue(fs, b);
  if (kindOf(b) == Kind.OPEN && opOf(fs.instruction(infoOf(b))) == Op.CONCAT) {
    // a .. (b .. c): one instruction for all.
    freeExpression(fs, a);
    store<u16>(fs.instruction(infoOf(b)), <u16>infoOf(a), 2);
    become(a, Kind.OPEN, infoOf(b));
    return;
  }
  toNextRegister(fs, b);
  freeBoth(fs, a, b);
  become(a, Kind.OPEN, fs.emit(Op.CONCAT, 0, infoOf(a), infoOf(b)));
  fs.fixLine(at);
}

function arithmetic(fs: FunctionState, op: u32, a: usize, b: usize): void {
  if (isNumeral(b) && load<u32>(b, TAG) == INTEGER && (op == Op.ADD || op == Op.SUB)) {
    const value = load<i64>(b, VALUE);
    if (value >= -SMALL && value <= SMALL) {
      const register = toAnyRegister(fs, a);
      freeExpression(fs, a);
      become(a, Kind.OPEN, fs.emit(op == Op.ADD ? Op.ADDI : Op.SUBI, 0, register, <i32>value));
      return;
    }
  }
  // A numeral on the left waits until now, so that it can be folded; the right side has its register already.
  const second = toAnyRegister(fs, b);
  const first = toAnyRegister(fs, a);
  freeBoth(fs, a, b);
  become(a, Kind.OPEN, fs.emit(op, 0, first, second));
}

/** Puts a number in the place of two. */
function fold(op: u32, a: usize, b: usize): bool {
  if (!isNumeral(a) || !isNumeral(b)) return false;
  const x = load<i64>(a, VALUE);
  const y = load<i64>(b, VALUE);
  const integers = load<u32>(a, TAG) == INTEGER && load<u32>(b, TAG) == INTEGER;
  let result: i64 = 0;
  switch (op) {
    case Op.ADD:
      result = x + y;
      break;
    case Op.SUB:
      result = x - y;
      break;
    case Op.MUL:
      result = x * y;
      break;
    case Op.BAND:
      result = x & y;
      break;
    case Op.BOR:
      result = x | y;
      break;
    case Op.BXOR:
      result = x ^ y;
      break;
    default:
      return is54 && foldOther(op, a, b);
  }
  const bits = op == Op.BAND || op == Op.BOR || op == Op.BXOR;
  store<i64>(a, result, VALUE);
  store<u32>(a, integers || bits ? INTEGER : FLOAT, TAG);
  return true;
}

const left: usize = memory.data(16, 8);
const right: usize = memory.data(16, 8);

/** The same for operations that only Lua 5.4 folds, as far as anyone sees it. */
function foldOther(op: u32, a: usize, b: usize): bool {
  const divides = op == Op.DIV || op == Op.IDIV || op == Op.MOD;
  if (divides && load<i64>(b, VALUE) == 0) return false;
  setInteger(left, load<i64>(a, VALUE));
  setTag(left, load<u32>(a, TAG));
  setInteger(right, load<i64>(b, VALUE));
  setTag(right, load<u32>(b, TAG));
  if (!calculate(op, left, right, left) || (tagOf(left) == FLOAT && integerOf(left) == 0)) return false;
  store<i64>(a, integerOf(left), VALUE);
  store<u32>(a, tagOf(left), TAG);
  return true;
}

function equality(fs: FunctionState, truth: i32, a: usize, b: usize): void {
  let left = a;
  let right = b;
  if (kindOf(a) >= Kind.NIL && kindOf(a) <= Kind.STRING && !hasJumps(a)) {
    left = b;
    right = a;
  }
  let done = -1;
  const constant = kindOf(right) >= Kind.NIL && kindOf(right) <= Kind.STRING && !hasJumps(right);
  if (constant) {
    const register = toAnyRegister(fs, left);
    const operand = toOperand(fs, right);
    if ((operand & CONSTANT) != 0 && (operand ^ CONSTANT) <= OPERAND_MASK) {
      freeExpression(fs, left);
      done = fs.emit(Op.JEQK, register, (operand ^ CONSTANT) | truth, NO_JUMP);
    } else {
      const other = toAnyRegister(fs, right);
      freeBoth(fs, left, right);
      done = fs.emit(Op.JEQ, register, other | truth, NO_JUMP);
    }
  } else {
    const second = toAnyRegister(fs, b);
    const first = infoOf(a);
    freeBoth(fs, a, b);
    done = fs.emit(Op.JEQ, first, second | truth, NO_JUMP);
  }
  setExpression(a, Kind.COMPARISON, done);
}

/** a < b or a <= b. `swapped`: what was read first is `b`. */
function order(fs: FunctionState, op: u32, a: usize, b: usize, swapped: bool): void {
  const small = swapped ? a : b;
  const other = swapped ? b : a;
  if (op == Op.JLT && isNumeral(small) && load<u32>(small, TAG) == INTEGER) {
    const value = load<i64>(small, VALUE);
    if (value >= -SMALL && value <= SMALL) {
      const register = toAnyRegister(fs, other);
      freeExpression(fs, other);
      const done = fs.emit(swapped ? Op.JGTI : Op.JLTI, register, (<i32>value + IMMEDIATE_ZERO) | TRUTH, NO_JUMP);
      setExpression(a, Kind.COMPARISON, done);
      return;
    }
  }
  const second = toAnyRegister(fs, small);
  const first = toAnyRegister(fs, other);
  freeBoth(fs, a, b);
  setExpression(a, Kind.COMPARISON, fs.emit(op, swapped ? second : first, (swapped ? first : second) | TRUTH, NO_JUMP));
}

/** Adds `count` values (-1: up to the top) after `base` to the table there, behind `done` others. */
