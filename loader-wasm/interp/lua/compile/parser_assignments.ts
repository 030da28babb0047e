// The parser's part for assignments and the calls that are statements: targets, lists of values.

import { DEPTH_LIMIT, depth } from "../run/state";
import { is54 } from "../values/dialect";
import { Op } from "../values/opcodes";
import { textOf } from "../values/string";
import {
  auxOf,
  infoOf,
  Kind,
  kindOf,
  loadNil,
  newExpression,
  oneResult,
  setExpression,
  setResults,
  storeVariable,
  TAG,
  toNextRegister,
} from "./expression";
import { current, REGULAR } from "./function_state";
import { lexError, syntaxError, token } from "./lexer";
import { parseList, parsePrimary } from "./parser_expressions";
import { accept, enter, expect, leave } from "./tokens";

/** Raises when `target` is a variable that is not to be assigned to. */
export function checkAssignable(target: usize): void {
  const fs = current;
  let name: usize = 0;
  if (kindOf(target) == Kind.LOCAL) {
    if (fs.attributeOf(auxOf(target)) != REGULAR) name = fs.localName(auxOf(target));
  } else if (kindOf(target) == Kind.NAMED) {
    name = <usize>infoOf(target);
  } else if (kindOf(target) == Kind.UPVALUE) {
    const origin = fs.origin(infoOf(target));
    if (origin.attribute != REGULAR) name = origin.name;
  }
  if (name != 0) lexError(`attempt to assign to const variable '${textOf(name)}'`, 0);
}

/** A call, or an assignment. */
export function parseExpressionStatement(): void {
  const fs = current;
  const e = newExpression();
  parsePrimary(e);
  if (token == 0x3d || token == 0x2c) {
    store<u32>(e, 0, TAG);
    parseAssignment(e, 1);
  } else {
    if (kindOf(e) != Kind.CALL) {
      syntaxError("syntax error");
      return;
    }
    store<i32>(fs.instruction(infoOf(e)), 1, 4);
  }
}

/** The rest of an assignment after its target `last`; the targets are linked through TAG. */
function parseAssignment(last: usize, targets: i32): void {
  const fs = current;
  const kind = kindOf(last);
  checkAssignable(last);
  if (kind < Kind.LOCAL || kind > Kind.ELEMENT) {
    syntaxError("syntax error");
    return;
  }
  if (accept(0x2c)) {
    const target = newExpression();
    parsePrimary(target);
    store<u32>(target, <u32>last, TAG);
    if (kindOf(target) == Kind.LOCAL || kindOf(target) == Kind.UPVALUE) avoidConflict(last, target);
    if (is54) enter();
    else fs.checkLimit(targets + depth, DEPTH_LIMIT, "C levels");
    parseAssignment(target, targets + 1);
    if (is54) leave();
  } else {
    expect(0x3d);
    const e = newExpression();
    const values = parseList(e);
    if (values == targets) {
      oneResult(fs, e);
      storeVariable(fs, last, e);
      return;
    }
    adjust(targets, values, e);
    if (values > targets) fs.free -= values - targets;
  }
  const value = newExpression();
  setExpression(value, Kind.REGISTER, fs.free - 1);
  storeVariable(fs, last, value);
}

/** Earlier targets that index with the variable now assigned to use a copy of it. */
function avoidConflict(chain: usize, target: usize): void {
  const fs = current;
  const copy = fs.free;
  let conflict = false;
  const local = kindOf(target) == Kind.LOCAL;
  for (let at = chain; at != 0; at = <usize>load<u32>(at, TAG)) {
    const kind = kindOf(at);
    if (local) {
      if (kind >= Kind.FIELD && kind <= Kind.ELEMENT && infoOf(at) == infoOf(target)) {
        conflict = true;
        store<i32>(at, copy, 4);
      }
      if (kind == Kind.ELEMENT && auxOf(at) == infoOf(target)) {
        conflict = true;
        store<i32>(at, copy, 16);
      }
    } else if (kind == Kind.GLOBAL && infoOf(at) == infoOf(target)) {
      conflict = true;
      store<i32>(at, Kind.FIELD);
      store<i32>(at, copy, 4);
    }
  }
  if (!conflict) return;
  if (local) fs.emit(Op.MOVE, copy, infoOf(target), 0);
  else fs.emit(Op.GETUPVAL, copy, infoOf(target), 0);
  fs.reserve(1);
}

/** Makes `values` values, the last of them `e`, `wanted` ones. */
export function adjust(wanted: i32, values: i32, e: usize): void {
  const fs = current;
  let missing = wanted - values;
  if (kindOf(e) == Kind.CALL || kindOf(e) == Kind.VARARG) {
    missing = max(missing + 1, 0);
    setResults(fs, e, missing);
    if (missing > 1) fs.reserve(missing - 1);
    return;
  }
  if (kindOf(e) != Kind.VOID) toNextRegister(fs, e);
  if (missing > 0) {
    const register = fs.free;
    fs.reserve(missing);
    loadNil(fs, register, missing);
  }
}
