// The VM: executes the instructions of Lua functions. Calls between Lua functions stay in one loop; only calls
// by functions of the core nest. The loop returns after every TICKS instructions so that fuel is paid, and so
// that an engine which compiles in steps gets to use its better code.

import { burn } from "../../../lib/fault";
import { collectAt, heapUsed } from "../values/heap";
import { converted, toInteger, toNumber } from "../values/number";
import {
  aOf,
  bOf,
  cOf,
  IMMEDIATE_ZERO,
  LARGE_ARRAY,
  OPERAND_MASK,
  Op,
  opOf,
  PROTO_CODE_COUNT,
  PROTO_CONSTANTS,
  PROTO_PARAMETERS,
  PROTO_PROTOS,
  PROTO_UPVALUES,
  UPVALUE_DESC_SIZE,
  valueOf,
} from "../values/opcodes";
import {
  border,
  getInteger,
  getShort,
  getString,
  newTable,
  nextEntry,
  reserveArray,
  slotForInteger,
  slotForString,
} from "../values/table";
import {
  BUILTIN,
  CLOSURE,
  CLOSURE_CODE,
  CLOSURE_COUNT,
  CLOSURE_UPVALUES,
  copyValue,
  FALSE,
  FLOAT,
  INTEGER,
  integerOf,
  isFalsy,
  NIL,
  objectOf,
  STRING,
  setBoolean,
  setInteger,
  setObject,
  setTag,
  TABLE,
  TABLE_ABSENT,
  TABLE_ARRAY,
  TABLE_META,
  tagOf,
  UPVALUE_AT,
  USERDATA,
  VALUE_SHIFT,
  VALUE_SIZE,
} from "../values/value";
import {
  closeVariables,
  ENTERED,
  ensureStack,
  enterCall,
  enterLua,
  FAILED,
  giveResults,
  noteVariable,
  payForMoving,
  toClose,
  Vm,
} from "./call";
import { raiseHere, raiseMemory } from "./errors";
import { Event, equalRaw, handlerIn } from "./events";
import { collect, isStopped } from "./gc";
import { arithmetic, concatenate, equals, indexValue, lengthTo, lessEqual, lessThan, setIndexed } from "./metamethods";
import {
  closeUpvalues,
  FRAME_BASE,
  FRAME_FUNCTION,
  FRAME_PC,
  FRAME_STATUS,
  FRAME_TOP,
  FRAME_WANTED,
  findUpvalue,
  frame,
  IS_ENTRY,
  IS_TAIL,
  MANY,
  newClosure,
  openUpvalue,
  popFrame,
  raised,
  setTop,
  top,
} from "./state";

/** Instructions between two payments. */
const TICKS: i32 = 32768;
/** What a call costs besides. */
const CALL_TICKS: i32 = 8;
let ticks: i32 = TICKS;

const DONE: i32 = 0;
const GO_ON: i32 = 1;
const UNWIND: i32 = 2;

/** Function of the core that `next` is; loops over it are executed here. */
let nextFunction: u32 = 0xffffffff;
export function setNextFunction(index: u32): void {
  nextFunction = index;
}

/** The VM as call.ts knows it. */
export class LuaVm extends Vm {
  /** Executes the newest frame until it returns or raises. */
  run(): void {
    while (execute() == GO_ON) {
      burn(TICKS);
      ticks = TICKS;
    }
  }
}

/** A constant operand for slow paths. */
const immediate: usize = memory.data(16, 8);

function closureOf(at: usize): usize {
  return objectOf(<usize>load<u32>(at, FRAME_FUNCTION));
}

/** Tables that are asked one after the other before the slow way is taken. */
const INHERITANCE_LIMIT: i32 = 16;

/** What tables that `__index` leads to have for a key that `table` doesn't: address of a value or a nil; 0: ask `indexValue`. */
function inherited(table: usize, key: usize): usize {
  for (let i = 0; i < INHERITANCE_LIMIT; i++) {
    const handler = handlerIn(<usize>load<u32>(table, TABLE_META), Event.INDEX);
    if (tagOf(handler) == NIL) return handler;
    if (tagOf(handler) != TABLE) return 0;
    table = objectOf(handler);
    const found = getShort(table, key);
    if (tagOf(found) != NIL) return found;
  }
  return 0;
}

function execute(): i32 {
  let base = <usize>load<u32>(frame, FRAME_BASE);
  let pc = <usize>load<u32>(frame, FRAME_PC);
  let closure = closureOf(frame);
  let k = <usize>load<u32>(<usize>load<u32>(closure, CLOSURE_CODE), PROTO_CONSTANTS);
  while (true) {
    const i = pc;
    const a = base + ((<usize>load<u8>(i, 1)) << VALUE_SHIFT);
    pc += 8;
    switch (<i32>load<u8>(i)) {
      case Op.MOVE:
        copyValue(a, base + ((<usize>bOf(i)) << VALUE_SHIFT));
        continue;
      case Op.LOADK:
        copyValue(a, k + ((<usize>cOf(i)) << VALUE_SHIFT));
        continue;
      case Op.LOADNIL: {
        const end = a + ((<usize>bOf(i)) << VALUE_SHIFT);
        for (let at = a; at <= end; at += VALUE_SIZE) setTag(at, NIL);
        continue;
      }
      case Op.LOADBOOL:
        setTag(a, FALSE + <u32>bOf(i));
        if (cOf(i) != 0) pc += 8;
        continue;
      case Op.LOADI:
        setInteger(a, cOf(i));
        continue;
      case Op.GETUPVAL: {
        const upvalue = <usize>load<u32>(closure + CLOSURE_UPVALUES + ((<usize>bOf(i)) << 2));
        copyValue(a, <usize>load<u32>(upvalue, UPVALUE_AT));
        continue;
      }
      case Op.SETUPVAL: {
        const upvalue = <usize>load<u32>(closure + CLOSURE_UPVALUES + ((<usize>bOf(i)) << 2));
        copyValue(<usize>load<u32>(upvalue, UPVALUE_AT), a);
        continue;
      }
      case Op.GETTABUP: {
        const upvalue = <usize>load<u32>(closure + CLOSURE_UPVALUES + ((<usize>bOf(i)) << 2));
        const from = <usize>load<u32>(upvalue, UPVALUE_AT);
        const key = k + ((<usize>cOf(i)) << VALUE_SHIFT);
        if (tagOf(from) == TABLE) {
          const found = getShort(objectOf(from), objectOf(key));
          if (tagOf(found) != NIL || load<u32>(objectOf(from), TABLE_META) == 0) {
            copyValue(a, found);
            continue;
          }
        }
        store<u32>(frame, <u32>pc, FRAME_PC);
        if (!indexValue(from, key, a)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        continue;
      }
      case Op.SETTABUP: {
        const upvalue = <usize>load<u32>(closure + CLOSURE_UPVALUES + ((<usize>bOf(i)) << 2));
        const into = <usize>load<u32>(upvalue, UPVALUE_AT);
        const key = k + ((<usize>cOf(i)) << VALUE_SHIFT);
        if (tagOf(into) == TABLE) {
          const found = getShort(objectOf(into), objectOf(key));
          if (tagOf(found) != NIL) {
            copyValue(found, a);
            continue;
          }
        }
        store<u32>(frame, <u32>pc, FRAME_PC);
        if (!setIndexed(into, key, a)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        continue;
      }
      case Op.GETTABLE: {
        const from = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        const key = base + ((<usize>cOf(i)) << VALUE_SHIFT);
        if (tagOf(from) == TABLE) {
          const table = objectOf(from);
          let found: usize = 0;
          if (tagOf(key) == INTEGER) found = getInteger(table, integerOf(key));
          else if (tagOf(key) == STRING) found = getString(table, objectOf(key));
          if (found != 0 && (tagOf(found) != NIL || load<u32>(table, TABLE_META) == 0)) {
            copyValue(a, found);
            continue;
          }
        }
        store<u32>(frame, <u32>pc, FRAME_PC);
        if (!indexValue(from, key, a)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        continue;
      }
      case Op.GETFIELD: {
        const from = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        const key = k + ((<usize>cOf(i)) << VALUE_SHIFT);
        if (tagOf(from) == TABLE) {
          const table = objectOf(from);
          let found = getShort(table, objectOf(key));
          if (tagOf(found) == NIL && load<u32>(table, TABLE_META) != 0) found = inherited(table, objectOf(key));
          if (found != 0) {
            copyValue(a, found);
            continue;
          }
        }
        store<u32>(frame, <u32>pc, FRAME_PC);
        if (!indexValue(from, key, a)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        continue;
      }
      case Op.GETINT: {
        const from = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        if (tagOf(from) == TABLE) {
          const table = objectOf(from);
          const found = getInteger(table, cOf(i));
          if (tagOf(found) != NIL || load<u32>(table, TABLE_META) == 0) {
            copyValue(a, found);
            continue;
          }
        }
        store<u32>(frame, <u32>pc, FRAME_PC);
        setInteger(immediate, cOf(i));
        if (!indexValue(from, immediate, a)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        continue;
      }
      case Op.SETTABLE: {
        const key = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        const value = valueOf(cOf(i), base, k);
        if (tagOf(a) == TABLE) {
          const table = objectOf(a);
          if (tagOf(key) == INTEGER) {
            const index = integerOf(key);
            const found = getInteger(table, index);
            if (tagOf(found) != NIL) {
              copyValue(found, value);
              continue;
            }
            if (load<u32>(table, TABLE_META) == 0) {
              const slot = slotForInteger(table, index);
              if (slot == 0) {
                raiseMemory();
                return UNWIND;
              }
              copyValue(slot, value);
              continue;
            }
          } else if (tagOf(key) == STRING) {
            const found = getString(table, objectOf(key));
            if (tagOf(found) != NIL) {
              copyValue(found, value);
              continue;
            }
          }
        }
        store<u32>(frame, <u32>pc, FRAME_PC);
        if (!setIndexed(a, key, value)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        continue;
      }
      case Op.SETFIELD: {
        const key = k + ((<usize>bOf(i)) << VALUE_SHIFT);
        const value = valueOf(cOf(i), base, k);
        if (tagOf(a) == TABLE) {
          const table = objectOf(a);
          const found = getShort(table, objectOf(key));
          if (tagOf(found) != NIL) {
            copyValue(found, value);
            continue;
          }
          if (load<u32>(table, TABLE_META) == 0) {
            const slot = slotForString(table, objectOf(key));
            if (slot == 0) {
              raiseMemory();
              return UNWIND;
            }
            store<u8>(table, 0, TABLE_ABSENT);
            copyValue(slot, value);
            continue;
          }
        }
        store<u32>(frame, <u32>pc, FRAME_PC);
        if (!setIndexed(a, key, value)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        continue;
      }
      case Op.SETINT: {
        const value = valueOf(cOf(i), base, k);
        if (tagOf(a) == TABLE) {
          const found = getInteger(objectOf(a), bOf(i));
          if (tagOf(found) != NIL) {
            copyValue(found, value);
            continue;
          }
        }
        store<u32>(frame, <u32>pc, FRAME_PC);
        setInteger(immediate, bOf(i));
        if (!setIndexed(a, immediate, value)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        continue;
      }
      case Op.NEWTABLE:
        if (heapUsed >= collectAt && !isStopped()) {
          store<u32>(frame, <u32>pc, FRAME_PC);
          collect();
          if (raised) return UNWIND;
          base = <usize>load<u32>(frame, FRAME_BASE);
        }
        setObject(base + ((<usize>aOf(i)) << VALUE_SHIFT), newTable(bOf(i) < LARGE_ARRAY ? bOf(i) : 0, cOf(i)), TABLE);
        if (bOf(i) >= LARGE_ARRAY && !reserveArray(objectOf(base + ((<usize>aOf(i)) << VALUE_SHIFT)), largeArray(i))) {
          raiseMemory();
          return UNWIND;
        }
        continue;
      case Op.SELF: {
        const from = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        const key = k + ((<usize>cOf(i)) << VALUE_SHIFT);
        copyValue(a + VALUE_SIZE, from);
        if (tagOf(from) == TABLE) {
          const table = objectOf(from);
          let found = getShort(table, objectOf(key));
          if (tagOf(found) == NIL && load<u32>(table, TABLE_META) != 0) found = inherited(table, objectOf(key));
          if (found != 0) {
            copyValue(a, found);
            continue;
          }
        }
        store<u32>(frame, <u32>pc, FRAME_PC);
        if (!indexValue(from, key, a)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        continue;
      }
      case Op.ADD: {
        const b = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        const c = base + ((<usize>cOf(i)) << VALUE_SHIFT);
        if (tagOf(b) == INTEGER && tagOf(c) == INTEGER) {
          setInteger(a, integerOf(b) + integerOf(c));
          continue;
        }
        store<u32>(frame, <u32>pc, FRAME_PC);
        if (!arithmetic(Op.ADD, b, c, a)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        continue;
      }
      case Op.SUB: {
        const b = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        const c = base + ((<usize>cOf(i)) << VALUE_SHIFT);
        if (tagOf(b) == INTEGER && tagOf(c) == INTEGER) {
          setInteger(a, integerOf(b) - integerOf(c));
          continue;
        }
        store<u32>(frame, <u32>pc, FRAME_PC);
        if (!arithmetic(Op.SUB, b, c, a)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        continue;
      }
      case Op.MUL: {
        const b = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        const c = base + ((<usize>cOf(i)) << VALUE_SHIFT);
        if (tagOf(b) == INTEGER && tagOf(c) == INTEGER) {
          setInteger(a, integerOf(b) * integerOf(c));
          continue;
        }
        store<u32>(frame, <u32>pc, FRAME_PC);
        if (!arithmetic(Op.MUL, b, c, a)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        continue;
      }
      case Op.ADDI: {
        const b = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        if (tagOf(b) == INTEGER) {
          setInteger(a, integerOf(b) + <i64>cOf(i));
          continue;
        }
        store<u32>(frame, <u32>pc, FRAME_PC);
        setInteger(immediate, cOf(i));
        if (!arithmetic(Op.ADD, b, immediate, a)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        continue;
      }
      case Op.SUBI: {
        const b = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        if (tagOf(b) == INTEGER) {
          setInteger(a, integerOf(b) - <i64>cOf(i));
          continue;
        }
        store<u32>(frame, <u32>pc, FRAME_PC);
        setInteger(immediate, cOf(i));
        if (!arithmetic(Op.SUB, b, immediate, a)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        continue;
      }
      case Op.NOT:
        setBoolean(a, isFalsy(base + ((<usize>bOf(i)) << VALUE_SHIFT)));
        continue;
      case Op.LEN: {
        const b = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        if (tagOf(b) == TABLE && load<u32>(objectOf(b), TABLE_META) == 0) {
          setInteger(a, border(objectOf(b)));
          continue;
        }
        store<u32>(frame, <u32>pc, FRAME_PC);
        if (!lengthTo(b, a)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        continue;
      }
      case Op.CONCAT: {
        store<u32>(frame, <u32>pc, FRAME_PC);
        const b = bOf(i);
        if (heapUsed >= collectAt && !isStopped()) {
          collect();
          if (raised) return UNWIND;
          base = <usize>load<u32>(frame, FRAME_BASE);
        }
        if (!concatenate(base + ((<usize>b) << VALUE_SHIFT), cOf(i) - b + 1)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        copyValue(base + ((<usize>aOf(i)) << VALUE_SHIFT), base + ((<usize>b) << VALUE_SHIFT));
        continue;
      }
      case Op.JMP: {
        const level = aOf(i);
        const c = cOf(i);
        pc += c << 3;
        if (level > 0) {
          const from = base + ((<usize>(level - 1)) << VALUE_SHIFT);
          if (toClose > 0) {
            store<u32>(frame, <u32>pc, FRAME_PC);
            const offset = from - base;
            closeVariables(from, false);
            if (raised) return UNWIND;
            base = <usize>load<u32>(frame, FRAME_BASE);
            closeUpvalues(base + offset);
            setTop(<usize>load<u32>(frame, FRAME_TOP));
          } else {
            closeUpvalues(from);
          }
        }
        if (c < 0) {
          ticks += c;
          if (ticks < 0) {
            store<u32>(frame, <u32>pc, FRAME_PC);
            return GO_ON;
          }
        }
        continue;
      }
      case Op.JEQ: {
        const b = base + ((<usize>(bOf(i) & OPERAND_MASK)) << VALUE_SHIFT);
        let truth: bool;
        if (tagOf(a) == tagOf(b) && tagOf(a) != TABLE && tagOf(a) != USERDATA) {
          truth = equalRaw(a, b);
        } else {
          store<u32>(frame, <u32>pc, FRAME_PC);
          truth = equals(a, b);
          if (raised) return UNWIND;
          base = <usize>load<u32>(frame, FRAME_BASE);
        }
        if (<i32>truth == bOf(i) >> 15) pc += cOf(i) << 3;
        break;
      }
      case Op.JLT: {
        const b = base + ((<usize>(bOf(i) & OPERAND_MASK)) << VALUE_SHIFT);
        let truth: bool;
        if (tagOf(a) == INTEGER && tagOf(b) == INTEGER) {
          truth = integerOf(a) < integerOf(b);
        } else {
          store<u32>(frame, <u32>pc, FRAME_PC);
          truth = lessThan(a, b);
          if (raised) return UNWIND;
          base = <usize>load<u32>(frame, FRAME_BASE);
        }
        if (<i32>truth == bOf(i) >> 15) pc += cOf(i) << 3;
        break;
      }
      case Op.JLE: {
        const b = base + ((<usize>(bOf(i) & OPERAND_MASK)) << VALUE_SHIFT);
        let truth: bool;
        if (tagOf(a) == INTEGER && tagOf(b) == INTEGER) {
          truth = integerOf(a) <= integerOf(b);
        } else {
          store<u32>(frame, <u32>pc, FRAME_PC);
          truth = lessEqual(a, b);
          if (raised) return UNWIND;
          base = <usize>load<u32>(frame, FRAME_BASE);
        }
        if (<i32>truth == bOf(i) >> 15) pc += cOf(i) << 3;
        break;
      }
      case Op.JEQK: {
        const constant = k + ((<usize>(bOf(i) & OPERAND_MASK)) << VALUE_SHIFT);
        if (<i32>equalRaw(a, constant) == bOf(i) >> 15) pc += cOf(i) << 3;
        break;
      }
      case Op.JLTI: {
        const number = (bOf(i) & OPERAND_MASK) - IMMEDIATE_ZERO;
        let truth: bool;
        if (tagOf(a) == INTEGER) {
          truth = integerOf(a) < <i64>number;
        } else {
          store<u32>(frame, <u32>pc, FRAME_PC);
          setInteger(immediate, number);
          truth = lessThan(a, immediate);
          if (raised) return UNWIND;
          base = <usize>load<u32>(frame, FRAME_BASE);
        }
        if (<i32>truth == bOf(i) >> 15) pc += cOf(i) << 3;
        break;
      }
      case Op.JGTI: {
        const number = (bOf(i) & OPERAND_MASK) - IMMEDIATE_ZERO;
        let truth: bool;
        if (tagOf(a) == INTEGER) {
          truth = integerOf(a) > <i64>number;
        } else {
          store<u32>(frame, <u32>pc, FRAME_PC);
          setInteger(immediate, number);
          truth = lessThan(immediate, a);
          if (raised) return UNWIND;
          base = <usize>load<u32>(frame, FRAME_BASE);
        }
        if (<i32>truth == bOf(i) >> 15) pc += cOf(i) << 3;
        break;
      }
      case Op.JTEST:
        if (<i32>!isFalsy(a) == bOf(i) >> 15) pc += cOf(i) << 3;
        break;
      case Op.SETTEST: {
        const b = base + ((<usize>(bOf(i) & OPERAND_MASK)) << VALUE_SHIFT);
        if (<i32>!isFalsy(b) == bOf(i) >> 15) {
          copyValue(a, b);
          pc += cOf(i) << 3;
        }
        break;
      }
      case Op.CALL: {
        const b = bOf(i);
        if (b != 0) setTop(a + ((<usize>b) << VALUE_SHIFT));
        store<u32>(frame, <u32>pc, FRAME_PC);
        const outcome = tagOf(a) == CLOSURE ? enterLua(a, cOf(i) - 1, 0) : enterCall(a, cOf(i) - 1, 0);
        if (outcome == ENTERED) {
          base = <usize>load<u32>(frame, FRAME_BASE);
          pc = <usize>load<u32>(frame, FRAME_PC);
          closure = closureOf(frame);
          const proto = <usize>load<u32>(closure, CLOSURE_CODE);
          k = <usize>load<u32>(proto, PROTO_CONSTANTS);
          ticks -= CALL_TICKS + (load<i32>(proto, PROTO_CODE_COUNT) >> 3);
          if (ticks < 0) return GO_ON;
          continue;
        }
        if (outcome == FAILED) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        if (cOf(i) != 0) setTop(<usize>load<u32>(frame, FRAME_TOP));
        ticks -= CALL_TICKS;
        continue;
      }
      case Op.TAILCALL: {
        const b = bOf(i);
        if (b != 0) setTop(a + ((<usize>b) << VALUE_SHIFT));
        store<u32>(frame, <u32>pc, FRAME_PC);
        if (tagOf(a) != CLOSURE) {
          // Stays here until it is done; a RETURN of all results follows.
          const outcome = enterCall(a, MANY, 0);
          if (outcome == FAILED) return UNWIND;
          base = <usize>load<u32>(frame, FRAME_BASE);
          if (outcome == ENTERED) {
            pc = <usize>load<u32>(frame, FRAME_PC);
            closure = closureOf(frame);
            k = <usize>load<u32>(<usize>load<u32>(closure, CLOSURE_CODE), PROTO_CONSTANTS);
          }
          ticks -= CALL_TICKS;
          continue;
        }
        if (openUpvalue != 0) closeUpvalues(base);
        const func = <usize>load<u32>(frame, FRAME_FUNCTION);
        let to = func;
        for (let at = a; at < top; at += VALUE_SIZE) {
          copyValue(to, at);
          to += VALUE_SIZE;
        }
        setTop(to);
        const wanted = load<i32>(frame, FRAME_WANTED);
        const status = (load<u32>(frame, FRAME_STATUS) & IS_ENTRY) | IS_TAIL;
        popFrame();
        if (enterCall(func, wanted, status) == FAILED) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        pc = <usize>load<u32>(frame, FRAME_PC);
        closure = closureOf(frame);
        const proto = <usize>load<u32>(closure, CLOSURE_CODE);
        k = <usize>load<u32>(proto, PROTO_CONSTANTS);
        ticks -= CALL_TICKS + (load<i32>(proto, PROTO_CODE_COUNT) >> 3);
        if (ticks < 0) return GO_ON;
        continue;
      }
      case Op.RETURN1: {
        if (openUpvalue != 0) closeUpvalues(base);
        const func = <usize>load<u32>(frame, FRAME_FUNCTION);
        const wanted = load<i32>(frame, FRAME_WANTED);
        const status = load<u32>(frame, FRAME_STATUS);
        popFrame();
        if (wanted == 1) {
          copyValue(func, a);
          setTop(func + VALUE_SIZE);
        } else {
          giveResults(func, a, 1, wanted);
        }
        if ((status & IS_ENTRY) != 0) return DONE;
        base = <usize>load<u32>(frame, FRAME_BASE);
        pc = <usize>load<u32>(frame, FRAME_PC);
        closure = closureOf(frame);
        k = <usize>load<u32>(<usize>load<u32>(closure, CLOSURE_CODE), PROTO_CONSTANTS);
        if (wanted != MANY) setTop(<usize>load<u32>(frame, FRAME_TOP));
        continue;
      }
      case Op.RETURN: {
        const b = bOf(i);
        let from = a;
        let count = b != 0 ? b - 1 : <i32>((top - a) >> VALUE_SHIFT);
        if (toClose > 0) {
          store<u32>(frame, <u32>pc, FRAME_PC);
          const offset = a - base;
          setTop(a + ((<usize>count) << VALUE_SHIFT));
          closeVariables(base, false);
          if (raised) return UNWIND;
          base = <usize>load<u32>(frame, FRAME_BASE);
          from = base + offset;
        }
        if (openUpvalue != 0) closeUpvalues(base);
        const func = <usize>load<u32>(frame, FRAME_FUNCTION);
        const wanted = load<i32>(frame, FRAME_WANTED);
        const status = load<u32>(frame, FRAME_STATUS);
        popFrame();
        giveResults(func, from, count, wanted);
        if ((status & IS_ENTRY) != 0) return DONE;
        base = <usize>load<u32>(frame, FRAME_BASE);
        pc = <usize>load<u32>(frame, FRAME_PC);
        closure = closureOf(frame);
        k = <usize>load<u32>(<usize>load<u32>(closure, CLOSURE_CODE), PROTO_CONSTANTS);
        if (wanted != MANY) setTop(<usize>load<u32>(frame, FRAME_TOP));
        continue;
      }
      case Op.FORLOOP: {
        const step = integerOf(a + 32);
        const index = integerOf(a) + step;
        const limit = integerOf(a + 16);
        if (step > 0 ? index <= limit : limit <= index) {
          store<i64>(a, index);
          store<i64>(a + 48, index);
          setTag(a + 48, tagOf(a));
          const c = cOf(i);
          pc += c << 3;
          ticks += c;
          if (ticks < 0) {
            store<u32>(frame, <u32>pc, FRAME_PC);
            return GO_ON;
          }
        }
        continue;
      }
      case Op.FORPREP:
        if (tagOf(a) != INTEGER || tagOf(a + 16) != INTEGER || tagOf(a + 32) != INTEGER) {
          store<u32>(frame, <u32>pc, FRAME_PC);
          if (!prepareLoop(a)) return UNWIND;
        }
        store<i64>(a, integerOf(a) - integerOf(a + 32));
        pc += cOf(i) << 3;
        continue;
      case Op.TFORCALL: {
        const b = bOf(i);
        copyValue(a + 48, a);
        copyValue(a + 64, a + 16);
        copyValue(a + 80, a + 32);
        if (tagOf(a) == BUILTIN && load<u32>(a) == nextFunction && tagOf(a + 16) == TABLE && b <= 2) {
          copyValue(a + 48, a + 32);
          const outcome = nextEntry(objectOf(a + 16), a + 48);
          if (outcome == 1) continue;
          if (outcome == 0) {
            setTag(a + 48, NIL);
            continue;
          }
          copyValue(a + 48, a);
        }
        setTop(a + 96);
        store<u32>(frame, <u32>pc, FRAME_PC);
        const outcome = enterCall(a + 48, b, 0);
        if (outcome == FAILED) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        if (outcome == ENTERED) {
          pc = <usize>load<u32>(frame, FRAME_PC);
          closure = closureOf(frame);
          k = <usize>load<u32>(<usize>load<u32>(closure, CLOSURE_CODE), PROTO_CONSTANTS);
        } else {
          setTop(<usize>load<u32>(frame, FRAME_TOP));
        }
        ticks -= CALL_TICKS;
        continue;
      }
      case Op.TFORLOOP:
        if (tagOf(a + 16) != NIL) {
          copyValue(a, a + 16);
          const c = cOf(i);
          pc += c << 3;
          ticks += c;
          if (ticks < 0) {
            store<u32>(frame, <u32>pc, FRAME_PC);
            return GO_ON;
          }
        }
        continue;
      case Op.SETLIST: {
        const b = bOf(i);
        const count = b != 0 ? <u32>b : <u32>((top - a - VALUE_SIZE) >> VALUE_SHIFT);
        const done = <u32>cOf(i);
        const table = objectOf(a);
        if (!reserveArray(table, done + count)) {
          raiseMemory();
          return UNWIND;
        }
        payForMoving(count);
        const array = <usize>load<u32>(table, TABLE_ARRAY) + ((<usize>done) << VALUE_SHIFT);
        for (let j: u32 = 0; j < count; j++) {
          copyValue(array + ((<usize>j) << VALUE_SHIFT), a + VALUE_SIZE + ((<usize>j) << VALUE_SHIFT));
        }
        if (b == 0) setTop(<usize>load<u32>(frame, FRAME_TOP));
        continue;
      }
      case Op.CLOSURE:
        if (heapUsed >= collectAt && !isStopped()) {
          store<u32>(frame, <u32>pc, FRAME_PC);
          collect();
          if (raised) return UNWIND;
          base = <usize>load<u32>(frame, FRAME_BASE);
        }
        makeClosure(closure, cOf(i), base, base + ((<usize>aOf(i)) << VALUE_SHIFT));
        continue;
      case Op.VARARG: {
        const func = <usize>load<u32>(frame, FRAME_FUNCTION);
        const parameters = <usize>load<u8>(<usize>load<u32>(closure, CLOSURE_CODE), PROTO_PARAMETERS);
        const count = <i32>(((base - func) >> VALUE_SHIFT) - 1 - parameters);
        const wanted = bOf(i) - 1;
        const offset = a - base;
        if (wanted < 0) {
          store<u32>(frame, <u32>pc, FRAME_PC);
          setTop(a);
          if (!ensureStack(<usize>count)) return UNWIND;
          base = <usize>load<u32>(frame, FRAME_BASE);
        }
        const from = <usize>load<u32>(frame, FRAME_FUNCTION) + ((parameters + 1) << VALUE_SHIFT);
        let to = base + offset;
        const given = wanted < 0 ? count : min(wanted, count);
        for (let j = 0; j < given; j++) {
          copyValue(to, from + ((<usize>j) << VALUE_SHIFT));
          to += VALUE_SIZE;
        }
        for (let j = given; j < wanted; j++) {
          setTag(to, NIL);
          to += VALUE_SIZE;
        }
        ticks -= given >> 2;
        if (wanted < 0) setTop(to);
        continue;
      }
      case Op.TBC:
        store<u32>(frame, <u32>pc, FRAME_PC);
        if (!noteVariable(a)) return UNWIND;
        continue;
      default: {
        // The rarer arithmetic; unary operations have C 0, and take B twice.
        const op = opOf(i);
        const b = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        const c = op == Op.UNM || op == Op.BNOT ? b : base + ((<usize>cOf(i)) << VALUE_SHIFT);
        store<u32>(frame, <u32>pc, FRAME_PC);
        if (!arithmetic(op, b, c, a)) return UNWIND;
        base = <usize>load<u32>(frame, FRAME_BASE);
        continue;
      }
    }
    // A jump that went back costs what lies between.
    if (pc <= i) {
      ticks -= <i32>((i - pc) >> 3) + 1;
      if (ticks < 0) {
        store<u32>(frame, <u32>pc, FRAME_PC);
        return GO_ON;
      }
    }
  }
}

/** Size of the array part that the NEWTABLE at `i` asks for. */
function largeArray(i: usize): u32 {
  const code = bOf(i) ^ LARGE_ARRAY;
  return (code & 15) << (code >> 4);
}

/** Makes numbers of the three values of a loop at `a` where not all are integers. False after raising. */
function prepareLoop(a: usize): bool {
  if (tagOf(a) == INTEGER && tagOf(a + 32) == INTEGER && toInteger(a + 16)) {
    setInteger(a + 16, converted);
    return true;
  }
  if (!loopNumber(a + 16, "limit") || !loopNumber(a + 32, "step") || !loopNumber(a, "initial value")) return false;
  return true;
}

function loopNumber(at: usize, what: string): bool {
  if (!toNumber(at, at)) {
    raiseHere(`'for' ${what} must be a number`);
    return false;
  }
  setTag(at, FLOAT);
  return true;
}

/** Puts a closure of prototype `index` of the running one to `to`. */
function makeClosure(running: usize, index: i32, base: usize, to: usize): void {
  const outer = <usize>load<u32>(running, CLOSURE_CODE);
  const proto = <usize>load<u32>(<usize>load<u32>(outer, PROTO_PROTOS) + ((<usize>index) << 2));
  const closure = newClosure(proto);
  const count = load<u32>(closure, CLOSURE_COUNT);
  const descriptions = <usize>load<u32>(proto, PROTO_UPVALUES);
  for (let i: u32 = 0; i < count; i++) {
    const description = descriptions + i * UPVALUE_DESC_SIZE;
    const number = <usize>load<u8>(description, 5);
    const upvalue =
      load<u8>(description, 4) != 0
        ? findUpvalue(base + (number << VALUE_SHIFT))
        : <usize>load<u32>(running + (number << 2), CLOSURE_UPVALUES);
    store<u32>(closure + (i << 2), <u32>upvalue, CLOSURE_UPVALUES);
  }
  setObject(to, closure, CLOSURE);
}
