// What the compiler knows of the function it is in: code, constants, registers, local variables, upvalues,
// blocks and labels. The vectors are kept for the next function at the same depth.

import { raised } from "../run/state";
import { newObject } from "../values/heap";
import {
  LOCAL_SIZE,
  LocalVariable,
  ORIGIN_SIZE,
  PROTOTYPE_SIZE,
  Prototype,
  Table,
  UpvalueOrigin,
} from "../values/objects";
import { INSTRUCTION_SIZE, REGISTER_LIMIT } from "../values/opcodes";
import { isShort, sameString } from "../values/string";
import { getInteger, newTable, slotForInteger, slotForString } from "../values/table";
import {
  INTEGER,
  integerOf,
  NIL,
  PROTOTYPE,
  STRING,
  setInteger,
  setObject,
  setTag,
  tagOf,
  VALUE_SIZE,
} from "../values/value";
import { Vector } from "../values/vector";
import { lastLine, lexError, line, syntaxError, token } from "./lexer";

/** Most local variables that can be seen at once. */
export const LOCALS_LIMIT: i32 = 200;
const UPVALUES_LIMIT: i32 = 255;

// A local variable that can be seen: index of its debug record (u32), attribute (u32), name (string), and of one that stands
// for a constant, what kind of expression that is (else 0) and its value.
/** Index of its record among `locals`. */
export const ACTIVE_RECORD: usize = 0;
/** Its attribute. */
export const ACTIVE_ATTRIBUTE: usize = 4;
/** Its name. */
export const ACTIVE_NAME: usize = 8;
/** Kind of expression that it stands for, and its value and subtype as in an expression. */
export const ACTIVE_KIND: usize = 12;
export const ACTIVE_VALUE: usize = 16;
export const ACTIVE_TAG: usize = 24;
const ACTIVE_SIZE: i32 = 32;
/** No attribute. */
export const REGULAR: u32 = 0;
/** Declared `<const>`: never assigned. */
export const CONST: u32 = 1;
/** Declared `<close>`: its metamethod is called when it goes out of scope. */
export const CLOSE: u32 = 2;

// A label, or a goto that waits for its label: name (string), instruction, line, active locals there.
/** Its name. */
export const LABEL_NAME: usize = 0;
/** The instruction that it marks, or that jumps. */
export const LABEL_PC: usize = 4;
/** Where it stands. */
export const LABEL_LINE: usize = 8;
/** Locals that are active there. */
export const LABEL_ACTIVE: usize = 12;

// A block: first label and goto of its own, active locals outside, a local is an upvalue of an inner function, loop.
/** First label of its own. */
export const BLOCK_LABELS: usize = 0;
/** First goto of its own. */
export const BLOCK_GOTOS: usize = 4;
/** Active locals outside. */
export const BLOCK_ACTIVE: usize = 8;
/** Whether a function inside has one of its locals as an upvalue. */
export const BLOCK_CAPTURED: usize = 12;
/** Whether `break` leaves it. */
export const BLOCK_LOOP: usize = 13;
/** Whether it, or one around it, has variables that are to be closed. */
export const BLOCK_CLOSES: usize = 14;

/** A function that is being compiled. */
export class FunctionState {
  code: Vector = new Vector(INSTRUCTION_SIZE);
  lines: Vector = new Vector(4);
  constants: Vector = new Vector(VALUE_SIZE);
  protos: Vector = new Vector(4);
  upvalues: Vector = new Vector(<i32>ORIGIN_SIZE);
  locals: Vector = new Vector(<i32>LOCAL_SIZE);
  active: Vector = new Vector(ACTIVE_SIZE);
  labels: Vector = new Vector(16);
  gotos: Vector = new Vector(16);
  blocks: Vector = new Vector(16);
  /** Constants already there: string or integer to index. */
  private known: Table = changetype<Table>(0);
  private knownNil: i32 = -1;
  private knownFalse: i32 = -1;
  private knownTrue: i32 = -1;
  previous: FunctionState | null = null;
  /** Variables that have been declared and can't be seen yet. */
  pending: i32 = 0;
  /** Registers in use, and the most that ever were. */
  free: i32 = 0;
  registers: i32 = 2;
  parameters: i32 = 0;
  isVararg: bool = false;
  firstLine: i32 = 0;
  lastLine: i32 = 0;
  /** Last instruction that jumps lead to. */
  lastTarget: i32 = -1;

  /** Makes it ready for another function. */
  reset(previous: FunctionState | null, firstLine: i32): void {
    this.code.count = 0;
    this.lines.count = 0;
    this.constants.count = 0;
    this.protos.count = 0;
    this.upvalues.count = 0;
    this.locals.count = 0;
    this.active.count = 0;
    this.labels.count = 0;
    this.gotos.count = 0;
    this.blocks.count = 0;
    this.known = newTable();
    this.knownNil = -1;
    this.knownFalse = -1;
    this.knownTrue = -1;
    this.previous = previous;
    this.pending = 0;
    this.free = 0;
    this.registers = 2;
    this.parameters = 0;
    this.isVararg = false;
    this.firstLine = firstLine;
    this.lastLine = 0;
    this.lastTarget = -1;
  }

  /** The finished prototype. */
  finish(source: usize): Prototype {
    const proto = changetype<Prototype>(newObject(PROTOTYPE, PROTOTYPE_SIZE));
    proto.code = this.code.take();
    proto.codeCount = this.code.count;
    proto.lines = this.lines.take();
    proto.constants = this.constants.take();
    proto.constantCount = this.constants.count;
    proto.protos = this.protos.take();
    proto.protoCount = this.protos.count;
    proto.upvalues = this.upvalues.take();
    proto.upvalueCount = this.upvalues.count;
    proto.locals = this.locals.take();
    proto.localCount = this.locals.count;
    proto.parameters = <u8>this.parameters;
    proto.isVararg = <u8>this.isVararg;
    proto.registers = <u8>this.registers;
    proto.firstLine = this.firstLine;
    proto.lastLine = this.lastLine;
    proto.source = source;
    return proto;
  }

  // ---- limits --------------------------------------------------------------------------------------------

  /** Raises when `count` is more than `limit` of something. */
  checkLimit(count: i32, limit: i32, what: string): bool {
    if (count <= limit) return true;
    if (raised) return false;
    const place = this.firstLine == 0 ? "main function" : `function at line ${this.firstLine}`;
    lexError(`too many ${what} (limit is ${limit}) in ${place}`, token);
    return false;
  }

  // ---- instructions --------------------------------------------------------------------------------------

  /** Index of the next instruction. */
  get pc(): i32 {
    return this.code.count;
  }

  emit(op: u32, a: i32, b: i32, c: i32): i32 {
    const at = this.code.add();
    store<u8>(at, <u8>op);
    store<u8>(at, <u8>a, 1);
    store<u16>(at, <u16>b, 2);
    store<i32>(at, c, 4);
    store<i32>(this.lines.add(), lastLine);
    return this.code.count - 1;
  }

  /** The last instruction counts as of `at`. */
  fixLine(at: i32): void {
    store<i32>(this.lines.item(this.lines.count - 1), at);
  }

  instruction(pc: i32): usize {
    return this.code.item(pc);
  }

  // ---- registers -----------------------------------------------------------------------------------------

  /** Checks that `count` more registers can be used. */
  need(count: i32): bool {
    const total = this.free + count;
    if (total > this.registers) {
      if (total >= REGISTER_LIMIT) {
        syntaxError("function or expression needs too many registers");
        return false;
      }
      this.registers = total;
    }
    return true;
  }

  reserve(count: i32): void {
    if (this.need(count)) this.free += count;
  }

  /** Gives a register back that isn't a local variable's. Registers are freed in the order opposite to their use. */
  release(register: i32): void {
    if (register >= this.active.count && register < this.free) this.free = register;
  }

  // ---- constants -----------------------------------------------------------------------------------------

  stringConstant(text: usize): i32 {
    const slot = slotForString(this.known, text);
    if (tagOf(slot) == INTEGER) return <i32>integerOf(slot);
    setObject(this.constants.add(), text, STRING);
    setInteger(slot, this.constants.count - 1);
    return this.constants.count - 1;
  }

  numberConstant(value: i64, tag: u32): i32 {
    if (tag == INTEGER) {
      const there = getInteger(this.known, value);
      if (tagOf(there) == INTEGER) return <i32>integerOf(there);
    }
    const at = this.constants.add();
    setInteger(at, value);
    setTag(at, tag);
    const index = this.constants.count - 1;
    if (tag == INTEGER) setInteger(slotForInteger(this.known, value), index);
    return index;
  }

  /** nil, false or true. */
  plainConstant(tag: u32): i32 {
    let index = tag == NIL ? this.knownNil : tag == 1 ? this.knownFalse : this.knownTrue;
    if (index >= 0) return index;
    const at = this.constants.add();
    store<i64>(at, 0);
    setTag(at, tag);
    index = this.constants.count - 1;
    if (tag == NIL) this.knownNil = index;
    else if (tag == 1) this.knownFalse = index;
    else this.knownTrue = index;
    return index;
  }

  // ---- variables -----------------------------------------------------------------------------------------

  /** Records a local variable's name; returns the record's index. */
  describeLocal(name: usize): i32 {
    const local = changetype<LocalVariable>(this.locals.add());
    local.name = name;
    local.first = 0;
    local.last = 0;
    return this.locals.count - 1;
  }

  /** The record of a local variable. */
  local(index: i32): LocalVariable {
    return changetype<LocalVariable>(this.locals.item(index));
  }

  /** Where upvalue `index` comes from. */
  origin(index: i32): UpvalueOrigin {
    return changetype<UpvalueOrigin>(this.upvalues.item(index));
  }

  /** Name of active local `index`. */
  localName(index: i32): usize {
    return <usize>load<u32>(this.active.item(index), ACTIVE_NAME);
  }

  attributeOf(index: i32): u32 {
    return load<u32>(this.active.item(index), ACTIVE_ATTRIBUTE);
  }

  /** Number of the active local called `name`, or -1. */
  findLocal(name: usize): i32 {
    const first = this.active.at;
    for (let i = this.active.count - 1; i >= 0; i--) {
      const other = <usize>load<u32>(first + <usize>(i * ACTIVE_SIZE), ACTIVE_NAME);
      if (other == name || (!isShort(name) && sameString(other, name))) return i;
    }
    return -1;
  }

  findUpvalue(name: usize): i32 {
    for (let i = 0; i < this.upvalues.count; i++) if (sameString(this.origin(i).name, name)) return i;
    return -1;
  }

  addUpvalue(name: usize, fromRegister: bool, index: i32, attribute: u32): i32 {
    if (!this.checkLimit(this.upvalues.count + 1, UPVALUES_LIMIT, "upvalues")) return 0;
    const origin = changetype<UpvalueOrigin>(this.upvalues.add());
    origin.name = name;
    origin.isRegister = <u8>fromRegister;
    origin.number = <u8>index;
    origin.attribute = <u8>attribute;
    return this.upvalues.count - 1;
  }

  /** Ends the life of the active locals from `count` on. */
  removeLocals(count: i32): void {
    while (this.active.count > count) {
      this.local(load<u32>(this.active.item(this.active.count - 1), ACTIVE_RECORD)).last = this.pc;
      this.active.count--;
    }
  }

  /** Marks the block in which local `index` is declared: leaving it closes upvalues. */
  markCaptured(index: i32): void {
    let i = this.blocks.count - 1;
    while (i > 0 && load<u32>(this.blocks.item(i), BLOCK_ACTIVE) > <u32>index) i--;
    store<u8>(this.blocks.item(i), 1, BLOCK_CAPTURED);
  }
}

/** One for each function around the one being compiled, and for that. */
const states: FunctionState[] = [new FunctionState()];
let depth: i32 = 0;
/** The function that is being compiled. */
export let current: FunctionState = states[0];

/** Starts on the main function of a chunk. */
export function openMain(): FunctionState {
  depth = 0;
  current = states[0];
  current.reset(null, 0);
  return current;
}

/** Starts on a function inside the current one. */
export function openFunction(): FunctionState {
  const outer = current;
  depth++;
  if (states.length == depth) states.push(new FunctionState());
  current = states[depth];
  current.reset(outer, line);
  return current;
}

/** Goes back to the function around the current one. */
export function leaveFunction(): void {
  depth--;
  current = states[depth];
}
