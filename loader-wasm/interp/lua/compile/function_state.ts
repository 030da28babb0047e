// What the compiler knows of the function it is in: code, constants, registers, local variables, upvalues,
// blocks and labels. The vectors are kept for the next function at the same depth.

import { raised } from "../run/state";
import { newObject } from "../values/heap";
import {
  INSTRUCTION_SIZE,
  LOCAL_SIZE,
  PROTO_CODE,
  PROTO_CODE_COUNT,
  PROTO_CONSTANT_COUNT,
  PROTO_CONSTANTS,
  PROTO_FIRST_LINE,
  PROTO_LAST_LINE,
  PROTO_LINES,
  PROTO_LOCAL_COUNT,
  PROTO_LOCALS,
  PROTO_PARAMETERS,
  PROTO_PROTO_COUNT,
  PROTO_PROTOS,
  PROTO_REGISTERS,
  PROTO_SIZE,
  PROTO_SOURCE,
  PROTO_UPVALUE_COUNT,
  PROTO_UPVALUES,
  PROTO_VARARG,
  REGISTER_LIMIT,
  UPVALUE_DESC_SIZE,
} from "../values/opcodes";
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

export const LOCALS_LIMIT: i32 = 200;
const UPVALUES_LIMIT: i32 = 255;

// A local variable that can be seen: index of its debug record (u32), attribute (u32), name (string).
export const ACTIVE_RECORD: usize = 0;
export const ACTIVE_ATTRIBUTE: usize = 4;
export const ACTIVE_NAME: usize = 8;
const ACTIVE_SIZE: i32 = 12;
export const REGULAR: u32 = 0;
export const CONST: u32 = 1;
export const CLOSE: u32 = 2;

// A label, or a goto that waits for its label: name (string), instruction, line, active locals there.
export const LABEL_NAME: usize = 0;
export const LABEL_PC: usize = 4;
export const LABEL_LINE: usize = 8;
export const LABEL_ACTIVE: usize = 12;

// A block: first label and goto of its own, active locals outside, a local is an upvalue of an inner function, loop.
export const BLOCK_LABELS: usize = 0;
export const BLOCK_GOTOS: usize = 4;
export const BLOCK_ACTIVE: usize = 8;
export const BLOCK_CAPTURED: usize = 12;
export const BLOCK_LOOP: usize = 13;

export class FunctionState {
  code: Vector = new Vector(INSTRUCTION_SIZE);
  lines: Vector = new Vector(4);
  constants: Vector = new Vector(VALUE_SIZE);
  protos: Vector = new Vector(4);
  upvalues: Vector = new Vector(UPVALUE_DESC_SIZE);
  locals: Vector = new Vector(LOCAL_SIZE);
  active: Vector = new Vector(ACTIVE_SIZE);
  labels: Vector = new Vector(16);
  gotos: Vector = new Vector(16);
  blocks: Vector = new Vector(16);
  /** Constants already there: string or integer to index. */
  private known: usize = 0;
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
  /** Whether a variable with the attribute `close` is in it. */
  closes: bool = false;

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
    this.closes = false;
  }

  /** The finished prototype. */
  finish(source: usize): usize {
    const proto = newObject(PROTOTYPE, PROTO_SIZE);
    store<u32>(proto, <u32>this.code.take(), PROTO_CODE);
    store<u32>(proto, this.code.count, PROTO_CODE_COUNT);
    store<u32>(proto, <u32>this.lines.take(), PROTO_LINES);
    store<u32>(proto, <u32>this.constants.take(), PROTO_CONSTANTS);
    store<u32>(proto, this.constants.count, PROTO_CONSTANT_COUNT);
    store<u32>(proto, <u32>this.protos.take(), PROTO_PROTOS);
    store<u32>(proto, this.protos.count, PROTO_PROTO_COUNT);
    store<u32>(proto, <u32>this.upvalues.take(), PROTO_UPVALUES);
    store<u32>(proto, this.upvalues.count, PROTO_UPVALUE_COUNT);
    store<u32>(proto, <u32>this.locals.take(), PROTO_LOCALS);
    store<u32>(proto, this.locals.count, PROTO_LOCAL_COUNT);
    store<u8>(proto, this.parameters, PROTO_PARAMETERS);
    store<u8>(proto, <u8>this.isVararg, PROTO_VARARG);
    store<u8>(proto, this.registers, PROTO_REGISTERS);
    store<u32>(proto, this.firstLine, PROTO_FIRST_LINE);
    store<u32>(proto, this.lastLine, PROTO_LAST_LINE);
    store<u32>(proto, <u32>source, PROTO_SOURCE);
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
    const record = this.locals.add();
    store<u32>(record, <u32>name);
    store<u32>(record, 0, 4);
    store<u32>(record, 0, 8);
    return this.locals.count - 1;
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
    for (let i = 0; i < this.upvalues.count; i++)
      if (sameString(<usize>load<u32>(this.upvalues.item(i)), name)) return i;
    return -1;
  }

  addUpvalue(name: usize, fromRegister: bool, index: i32, attribute: u32): i32 {
    if (!this.checkLimit(this.upvalues.count + 1, UPVALUES_LIMIT, "upvalues")) return 0;
    const at = this.upvalues.add();
    store<u32>(at, <u32>name);
    store<u8>(at, <u8>fromRegister, 4);
    store<u8>(at, <u8>index, 5);
    store<u8>(at, <u8>attribute, 6);
    return this.upvalues.count - 1;
  }

  /** Ends the life of the active locals from `count` on. */
  removeLocals(count: i32): void {
    while (this.active.count > count) {
      const record = this.locals.item(load<u32>(this.active.item(this.active.count - 1), ACTIVE_RECORD));
      store<u32>(record, this.pc, 8);
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
