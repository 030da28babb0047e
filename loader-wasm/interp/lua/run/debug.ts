// Names for messages: which variable holds a value, and how a running function was called. They are found by
// looking back through the instructions before the current one for the one that last set a register.

import { cstringAt } from "../../../lib/bytes";
import { burn } from "../../../lib/fault";
import { is54 } from "../values/dialect";
import { Frame, Prototype, Table } from "../values/objects";
import { aOf, bOf, cOf, INSTRUCTION_SHIFT, Op, opOf } from "../values/opcodes";
import { bytesOf, lengthOf, textOf } from "../values/string";
import { nextEntry } from "../values/table";
import { NIL, objectOf, STRING, setTag, TABLE, tagOf, VALUE_SHIFT } from "../values/value";
import { instructionOf, isLuaFrame, protoOf, raiseHere } from "./errors";
import { Event, equalRaw, eventText, typeNameOf } from "./events";
import { frame, IS_FINALIZER, IS_TAIL, loadedTable } from "./state";

/** Kind of the last name found: local, global, field, method, upvalue, constant; empty when there is none. */
let kind: string = "";
let name: string = "";

/** ` (local 'x')` for the value at `at`, if the running Lua function knows it by a name; else empty. */
export function variableInfo(at: usize): string {
  if (!isLuaFrame(frame)) return "";
  kind = "";
  const closure = frame.closure;
  const proto = protoOf(frame);
  const count = <i32>closure.count;
  for (let i = 0; i < count; i++) {
    if (closure.upvalue(i).at == at) {
      kind = "upvalue";
      name = upvalueName(proto, i);
      break;
    }
  }
  const base = frame.base;
  if (kind == "" && at >= base && at < frame.top) {
    const pc = instructionOf(frame);
    nameRegister(proto, pc, <i32>((at - base) >> VALUE_SHIFT));
    // Arithmetic with a constant has no name for it; that it was in a register is this compiler's way.
    if (!is54 && kind == "constant" && isArithmetic(opOf(instructionAt(proto, pc)))) kind = "";
  }
  return kind == "" ? "" : ` (${kind} '${name}')`;
}

function isArithmetic(op: u32): bool {
  return (op >= Op.ADD && op < Op.UNM) || op == Op.ADDI || op == Op.SUBI;
}

function upvalueName(proto: Prototype, index: i32): string {
  const text = proto.origin(index).name;
  return text == 0 ? "?" : textOf(text);
}

/** Name of the local variable that is register `register` at instruction `pc`, or null. */
function localAt(proto: Prototype, register: i32, pc: i32): string | null {
  const count = <i32>proto.localCount;
  let left = register;
  for (let i = 0; i < count; i++) {
    const local = proto.local(i);
    if (local.first > pc) break;
    if (pc >= local.last) continue;
    if (left == 0) return textOf(local.name);
    left--;
  }
  return null;
}

function instructionAt(proto: Prototype, pc: i32): usize {
  return proto.code + ((<usize>pc) << INSTRUCTION_SHIFT);
}

/** Whether the instruction changes `register`. */
function sets(at: usize, register: i32): bool {
  const op = opOf(at);
  const a = aOf(at);
  switch (op) {
    case Op.LOADNIL:
      return register >= a && register <= a + bOf(at);
    case Op.TFORCALL:
      return register >= a + 3;
    case Op.CALL:
    case Op.TAILCALL:
    case Op.VARARG:
      return register >= a;
    case Op.SELF:
      return register == a || register == a + 1;
    case Op.FORLOOP:
    case Op.COUNTLOOP:
    case Op.TFORPREP:
      return register >= a && register <= a + 3;
    case Op.TFORLOOP:
    case Op.SETTEST:
      return register == a;
    case Op.CONCAT:
      return register == a;
    default:
      return register == a && isSetter(op);
  }
}

/** Whether A of the operation is a result. */
function isSetter(op: u32): bool {
  if (op <= Op.GETUPVAL || (op >= Op.GETTABLE && op <= Op.GETINT) || op == Op.GETTABUP) return true;
  return op == Op.NEWTABLE || (op >= Op.ADD && op <= Op.ADDI) || op == Op.SUBI || op == Op.CLOSURE;
}

/** Distance of the jump that the instruction may make, or 0. */
function jumpOf(at: usize): i32 {
  const op = opOf(at);
  const jumps =
    (op >= Op.JMP && op <= Op.SETTEST) ||
    op == Op.FORLOOP ||
    op == Op.FORPREP ||
    op == Op.TFORLOOP ||
    op >= Op.COUNTPREP;
  return jumps ? cOf(at) : 0;
}

/** The last instruction before `pc` that set `register` for certain, or -1. */
function setterOf(proto: Prototype, pc: i32, register: i32): i32 {
  let setter = -1;
  // Instructions before this one may have been jumped over.
  let target = 0;
  for (let i = 0; i < pc; i++) {
    const at = instructionAt(proto, i);
    const by = jumpOf(at);
    if (by > 0) {
      const to = i + 1 + by;
      if (to <= pc && to > target) target = to;
    } else if (opOf(at) == Op.LOADBOOL && cOf(at) != 0 && i + 2 > target && i + 2 <= pc) {
      target = i + 2;
    }
    if (sets(at, register)) setter = i < target ? -1 : i;
  }
  return setter;
}

/** Largest index that Lua 5.4 has in its instructions. */
const SMALL_INDEX: i32 = 255;

/** Sets kind and name for what register `register` holds at instruction `pc`. */
function nameRegister(proto: Prototype, pc: i32, register: i32): void {
  const local = localAt(proto, register, pc);
  if (local !== null) {
    kind = "local";
    name = local;
    return;
  }
  const setter = setterOf(proto, pc, register);
  if (setter < 0) return;
  const at = instructionAt(proto, setter);
  switch (opOf(at)) {
    case Op.MOVE:
      if (bOf(at) < aOf(at)) nameRegister(proto, setter, bOf(at));
      break;
    case Op.GETTABUP:
      name = constantText(proto, cOf(at));
      kind = upvalueName(proto, bOf(at)) == "_ENV" ? "global" : "field";
      break;
    case Op.GETFIELD: {
      name = constantText(proto, cOf(at));
      const table = localAt(proto, bOf(at), setter);
      kind = table !== null && table == "_ENV" ? "global" : "field";
      break;
    }
    case Op.GETTABLE: {
      const key = setterOf(proto, setter, cOf(at));
      name = "?";
      if (key >= 0 && localAt(proto, cOf(at), setter) === null) {
        const loads = instructionAt(proto, key);
        if (opOf(loads) == Op.LOADK) name = constantText(proto, cOf(loads));
        // The one small index that is no GETINT's.
        else if (is54 && opOf(loads) == Op.LOADI && cOf(loads) == 0) name = "integer index";
      }
      kind = isLongGlobal(proto, setter, at) ? "global" : isLongMethod(at) ? "method" : "field";
      break;
    }
    case Op.GETINT:
      name = is54 && cOf(at) <= SMALL_INDEX ? "integer index" : "?";
      kind = "field";
      break;
    case Op.SELF:
      name = constantText(proto, cOf(at));
      kind = "method";
      break;
    case Op.GETUPVAL:
      name = upvalueName(proto, bOf(at));
      kind = "upvalue";
      break;
    case Op.LOADK: {
      const constant = proto.constant(cOf(at));
      if (tagOf(constant) == STRING) {
        name = shownText(objectOf(constant));
        kind = "constant";
      }
    }
  }
}

/** Whether the GETTABLE at `at`, instruction `pc`, fetches a global whose name is too long for GETTABUP. */
function isLongGlobal(proto: Prototype, pc: i32, at: usize): bool {
  const setter = setterOf(proto, pc, bOf(at));
  if (setter < 0) return false;
  const table = instructionAt(proto, setter);
  return opOf(table) == Op.GETUPVAL && upvalueName(proto, bOf(table)) == "_ENV";
}

/** Whether it fetches a method whose name is too long for SELF: object and name are in the next registers. */
function isLongMethod(at: usize): bool {
  return bOf(at) == aOf(at) + 1 && cOf(at) == aOf(at) + 2;
}

/** A string as messages show it: up to its first NUL. */
function shownText(text: usize): string {
  return cstringAt(bytesOf(text), <i32>lengthOf(text));
}

function constantText(proto: Prototype, index: i32): string {
  const constant = proto.constant(index);
  return tagOf(constant) == STRING ? shownText(objectOf(constant)) : "?";
}

/** How a function is called in messages. */
export class CalledAs {
  constructor(
    readonly text: string,
    readonly isMethod: bool,
  ) {}
}

/** The name by which the running function of the core was called: in its caller, else in `package.loaded`. */
export function callNamed(): CalledAs {
  kind = "";
  const caller = frame.caller;
  const status = frame.status;
  if ((status & IS_FINALIZER) != 0) return new CalledAs("__gc", false);
  if (isLuaFrame(caller) && (status & IS_TAIL) == 0) {
    nameCalled(caller);
  }
  if (kind != "") return new CalledAs(name, kind == "method");
  const global = globalName(frame.callee);
  return new CalledAs(global === null ? "?" : global, false);
}

/** Sets kind and name for what the Lua function of a frame calls. */
function nameCalled(caller: Frame): void {
  const proto = protoOf(caller);
  const pc = instructionOf(caller);
  const at = instructionAt(proto, pc);
  const op = opOf(at);
  kind = "";
  if (op == Op.CALL || op == Op.TAILCALL) {
    nameRegister(proto, pc, aOf(at));
  } else if (op == Op.TFORCALL) {
    kind = "for iterator";
    name = kind;
  } else {
    kind = "metamethod";
    name = is54 ? hookName(op).substring(2) : hookName(op);
  }
}

/** Raises that the value at `at` can't be called; Lua 5.4 names it by the instruction that calls, and so knows metamethods. */
export function raiseUncallable(at: usize): void {
  if (!is54 || !isLuaFrame(frame)) {
    raiseType(at, "call");
    return;
  }
  nameCalled(frame);
  raiseHere(`attempt to call a ${typeNameOf(at)} value${kind == "" ? "" : ` (${kind} '${name}')`}`);
}

/** Raises that the variable at `at` can't be closed. */
export function raiseUnclosable(at: usize): void {
  const local = localAt(protoOf(frame), <i32>((at - frame.base) >> VALUE_SHIFT), instructionOf(frame) + 1);
  raiseHere(`variable '${local === null ? "?" : local}' got a non-closable value`);
}

/** Name of the metamethod that an operation calls. */
function hookName(op: u32): string {
  if (op >= Op.ADD && op <= Op.BNOT) return eventText(Event.ARITHMETIC + <i32>(op - Op.ADD));
  switch (op) {
    case Op.ADDI:
      return "__add";
    case Op.SUBI:
      return "__sub";
    case Op.LEN:
      return "__len";
    case Op.CONCAT:
      return "__concat";
    case Op.JEQ:
      return "__eq";
    case Op.JLE:
      return "__le";
    case Op.JLT:
    case Op.JLTI:
    case Op.JGTI:
      return "__lt";
    case Op.SETTABLE:
    case Op.SETFIELD:
    case Op.SETINT:
    case Op.SETTABUP:
      return "__newindex";
    case Op.RETURN:
    case Op.JMP:
      return "__close";
    default:
      return "__index";
  }
}

const moduleAt: usize = memory.data(48, 8);
const fieldAt: usize = memory.data(48, 8);

/** `module.name` of a function that a loaded module holds; without the module for globals. */
function globalName(value: usize): string | null {
  setTag(moduleAt, NIL);
  let found: string | null = null;
  while (nextEntry(loadedTable, moduleAt) == 1) {
    if (tagOf(moduleAt) != STRING || tagOf(moduleAt + 16) != TABLE) continue;
    const table = Table.of(moduleAt + 16);
    setTag(fieldAt, NIL);
    while (nextEntry(table, fieldAt) == 1) {
      burn(2);
      if (tagOf(fieldAt) != STRING || !equalRaw(fieldAt + 16, value)) continue;
      const module = textOf(objectOf(moduleAt));
      const field = textOf(objectOf(fieldAt));
      if (module != "_G") return `${module}.${field}`;
      found = field;
    }
  }
  return found;
}

/** Raises that something can't be done with the value at `at`, which it names. */
export function raiseType(at: usize, what: string): void {
  raiseHere(`attempt to ${what} a ${typeNameOf(at)} value${variableInfo(at)}`);
}
