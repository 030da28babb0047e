// Arithmetic with texts in Lua 5.4: metamethods of strings, which scripts see and can replace. In 5.3 the operators do
// it by themselves.

import { callFunction } from "../run/call";
import { raiseText } from "../run/errors";
import { Event, handlerOf } from "../run/events";
import { arithmetic } from "../run/metamethods";
import { RAISED, top } from "../run/state";
import { toNumber } from "../values/number";
import { Table } from "../values/objects";
import { Op } from "../values/opcodes";
import { nothing } from "../values/table";
import { STRING, typeName, VALUE_SIZE } from "../values/value";
import { argAt, argCount, argTag, drop, pushValue, setArgCount, setFunction } from "./builtin";

/** Puts the metamethods into the metatable of strings. */
export function addArithmetic(meta: Table): void {
  setFunction(meta, "__add", () => calculate(Op.ADD, "add"));
  setFunction(meta, "__sub", () => calculate(Op.SUB, "sub"));
  setFunction(meta, "__mul", () => calculate(Op.MUL, "mul"));
  setFunction(meta, "__mod", () => calculate(Op.MOD, "mod"));
  setFunction(meta, "__pow", () => calculate(Op.POW, "pow"));
  setFunction(meta, "__div", () => calculate(Op.DIV, "div"));
  setFunction(meta, "__idiv", () => calculate(Op.IDIV, "idiv"));
  setFunction(meta, "__unm", () => calculate(Op.UNM, "unm"));
}

/** What two texts that are numbers give; else the other operand's metamethod is asked. */
function calculate(op: u32, name: string): i32 {
  // The first operand, read as a number, is what is found in the place of a second that isn't there.
  const other = argCount() == 1 ? 1 : 2;
  setArgCount(2);
  pushValue(argAt(1));
  pushValue(argAt(other));
  const first = top - 2 * VALUE_SIZE;
  const second = top - VALUE_SIZE;
  if (toNumber(first, first) && toNumber(second, second)) {
    if (!arithmetic(op, first, second, first)) return RAISED;
    drop(1);
    return 1;
  }
  const handler = argTag(2) == STRING ? nothing : handlerOf(argAt(2), Event.ARITHMETIC + <i32>(op - Op.ADD));
  if (handler == nothing) {
    return raiseText(`attempt to ${name} a '${typeName(argTag(1))}' with a '${typeName(argTag(2))}'`);
  }
  setArgCount(2);
  pushValue(handler);
  pushValue(argAt(1));
  pushValue(argAt(2));
  return callFunction(2, 1) ? 1 : RAISED;
}
