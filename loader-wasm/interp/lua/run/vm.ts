// The VM: executes the instructions of Lua functions. Calls between Lua functions stay in one loop; only calls
// by functions of the core nest. The loop returns after every TICKS instructions so that fuel is paid, and so
// that an engine which compiles in steps gets to use its better code.

import { burn } from "../../../lib/fault";
import { collectAt, heapUsed } from "../values/heap";
import { converted, toInteger, toNumber } from "../values/number";
import { Closure, Table } from "../values/objects";
import { aOf, bOf, cOf, IMMEDIATE_ZERO, LARGE_ARRAY, OPERAND_MASK, Op, opOf, valueOf } from "../values/opcodes";
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
  copyValue,
  FALSE,
  FLOAT,
  INTEGER,
  integerOf,
  isFalsy,
  NIL,
  nth,
  objectOf,
  STRING,
  setBoolean,
  setInteger,
  setObject,
  setTag,
  TABLE,
  tagOf,
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

/** Tables that are asked one after the other before the slow way is taken. */
const INHERITANCE_LIMIT: i32 = 16;

/** What tables that `__index` leads to have for a key that `table` doesn't: address of a value or a nil; 0: ask `indexValue`. */
function inherited(table: Table, key: usize): usize {
  for (let i = 0; i < INHERITANCE_LIMIT; i++) {
    const handler = handlerIn(table.meta, Event.INDEX);
    if (tagOf(handler) == NIL) return handler;
    if (tagOf(handler) != TABLE) return 0;
    table = Table.of(handler);
    const found = getShort(table, key);
    if (tagOf(found) != NIL) return found;
  }
  return 0;
}

function execute(): i32 {
  let base = frame.base;
  let pc = frame.pc;
  let closure = frame.closure;
  let k = closure.proto.constants;
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
        const upvalue = closure.upvalue(bOf(i));
        copyValue(a, upvalue.at);
        continue;
      }
      case Op.SETUPVAL: {
        const upvalue = closure.upvalue(bOf(i));
        copyValue(upvalue.at, a);
        continue;
      }
      case Op.GETTABUP: {
        const upvalue = closure.upvalue(bOf(i));
        const from = upvalue.at;
        const key = k + ((<usize>cOf(i)) << VALUE_SHIFT);
        if (tagOf(from) == TABLE) {
          const found = getShort(Table.of(from), objectOf(key));
          if (tagOf(found) != NIL || Table.of(from).meta === null) {
            copyValue(a, found);
            continue;
          }
        }
        frame.pc = pc;
        if (!indexValue(from, key, a)) return UNWIND;
        base = frame.base;
        continue;
      }
      case Op.SETTABUP: {
        const upvalue = closure.upvalue(bOf(i));
        const into = upvalue.at;
        const key = k + ((<usize>cOf(i)) << VALUE_SHIFT);
        if (tagOf(into) == TABLE) {
          const found = getShort(Table.of(into), objectOf(key));
          if (tagOf(found) != NIL) {
            copyValue(found, a);
            continue;
          }
        }
        frame.pc = pc;
        if (!setIndexed(into, key, a)) return UNWIND;
        base = frame.base;
        continue;
      }
      case Op.GETTABLE: {
        const from = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        const key = base + ((<usize>cOf(i)) << VALUE_SHIFT);
        if (tagOf(from) == TABLE) {
          const table = Table.of(from);
          let found: usize = 0;
          if (tagOf(key) == INTEGER) found = getInteger(table, integerOf(key));
          else if (tagOf(key) == STRING) found = getString(table, objectOf(key));
          if (found != 0 && (tagOf(found) != NIL || table.meta === null)) {
            copyValue(a, found);
            continue;
          }
        }
        frame.pc = pc;
        if (!indexValue(from, key, a)) return UNWIND;
        base = frame.base;
        continue;
      }
      case Op.GETFIELD: {
        const from = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        const key = k + ((<usize>cOf(i)) << VALUE_SHIFT);
        if (tagOf(from) == TABLE) {
          const table = Table.of(from);
          let found = getShort(table, objectOf(key));
          if (tagOf(found) == NIL && table.meta !== null) found = inherited(table, objectOf(key));
          if (found != 0) {
            copyValue(a, found);
            continue;
          }
        }
        frame.pc = pc;
        if (!indexValue(from, key, a)) return UNWIND;
        base = frame.base;
        continue;
      }
      case Op.GETINT: {
        const from = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        if (tagOf(from) == TABLE) {
          const table = Table.of(from);
          const found = getInteger(table, cOf(i));
          if (tagOf(found) != NIL || table.meta === null) {
            copyValue(a, found);
            continue;
          }
        }
        frame.pc = pc;
        setInteger(immediate, cOf(i));
        if (!indexValue(from, immediate, a)) return UNWIND;
        base = frame.base;
        continue;
      }
      case Op.SETTABLE: {
        const key = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        const value = valueOf(cOf(i), base, k);
        if (tagOf(a) == TABLE) {
          const table = Table.of(a);
          if (tagOf(key) == INTEGER) {
            const index = integerOf(key);
            const found = getInteger(table, index);
            if (tagOf(found) != NIL) {
              copyValue(found, value);
              continue;
            }
            if (table.meta === null) {
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
        frame.pc = pc;
        if (!setIndexed(a, key, value)) return UNWIND;
        base = frame.base;
        continue;
      }
      case Op.SETFIELD: {
        const key = k + ((<usize>bOf(i)) << VALUE_SHIFT);
        const value = valueOf(cOf(i), base, k);
        if (tagOf(a) == TABLE) {
          const table = Table.of(a);
          const found = getShort(table, objectOf(key));
          if (tagOf(found) != NIL) {
            copyValue(found, value);
            continue;
          }
          if (table.meta === null) {
            const slot = slotForString(table, objectOf(key));
            if (slot == 0) {
              raiseMemory();
              return UNWIND;
            }
            table.absent = 0;
            copyValue(slot, value);
            continue;
          }
        }
        frame.pc = pc;
        if (!setIndexed(a, key, value)) return UNWIND;
        base = frame.base;
        continue;
      }
      case Op.SETINT: {
        const value = valueOf(cOf(i), base, k);
        if (tagOf(a) == TABLE) {
          const found = getInteger(Table.of(a), bOf(i));
          if (tagOf(found) != NIL) {
            copyValue(found, value);
            continue;
          }
        }
        frame.pc = pc;
        setInteger(immediate, bOf(i));
        if (!setIndexed(a, immediate, value)) return UNWIND;
        base = frame.base;
        continue;
      }
      case Op.NEWTABLE:
        if (heapUsed >= collectAt && !isStopped()) {
          frame.pc = pc;
          collect();
          if (raised) return UNWIND;
          base = frame.base;
        }
        setObject(
          base + ((<usize>aOf(i)) << VALUE_SHIFT),
          newTable(bOf(i) < LARGE_ARRAY ? bOf(i) : 0, cOf(i)).address,
          TABLE,
        );
        if (bOf(i) >= LARGE_ARRAY && !reserveArray(Table.of(base + ((<usize>aOf(i)) << VALUE_SHIFT)), largeArray(i))) {
          raiseMemory();
          return UNWIND;
        }
        continue;
      case Op.SELF: {
        const from = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        const key = k + ((<usize>cOf(i)) << VALUE_SHIFT);
        copyValue(a + VALUE_SIZE, from);
        if (tagOf(from) == TABLE) {
          const table = Table.of(from);
          let found = getShort(table, objectOf(key));
          if (tagOf(found) == NIL && table.meta !== null) found = inherited(table, objectOf(key));
          if (found != 0) {
            copyValue(a, found);
            continue;
          }
        }
        frame.pc = pc;
        if (!indexValue(from, key, a)) return UNWIND;
        base = frame.base;
        continue;
      }
      case Op.ADD: {
        const b = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        const c = base + ((<usize>cOf(i)) << VALUE_SHIFT);
        if (tagOf(b) == INTEGER && tagOf(c) == INTEGER) {
          setInteger(a, integerOf(b) + integerOf(c));
          continue;
        }
        frame.pc = pc;
        if (!arithmetic(Op.ADD, b, c, a)) return UNWIND;
        base = frame.base;
        continue;
      }
      case Op.SUB: {
        const b = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        const c = base + ((<usize>cOf(i)) << VALUE_SHIFT);
        if (tagOf(b) == INTEGER && tagOf(c) == INTEGER) {
          setInteger(a, integerOf(b) - integerOf(c));
          continue;
        }
        frame.pc = pc;
        if (!arithmetic(Op.SUB, b, c, a)) return UNWIND;
        base = frame.base;
        continue;
      }
      case Op.MUL: {
        const b = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        const c = base + ((<usize>cOf(i)) << VALUE_SHIFT);
        if (tagOf(b) == INTEGER && tagOf(c) == INTEGER) {
          setInteger(a, integerOf(b) * integerOf(c));
          continue;
        }
        frame.pc = pc;
        if (!arithmetic(Op.MUL, b, c, a)) return UNWIND;
        base = frame.base;
        continue;
      }
      case Op.ADDI: {
        const b = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        if (tagOf(b) == INTEGER) {
          setInteger(a, integerOf(b) + <i64>cOf(i));
          continue;
        }
        frame.pc = pc;
        setInteger(immediate, cOf(i));
        if (!arithmetic(Op.ADD, b, immediate, a)) return UNWIND;
        base = frame.base;
        continue;
      }
      case Op.SUBI: {
        const b = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        if (tagOf(b) == INTEGER) {
          setInteger(a, integerOf(b) - <i64>cOf(i));
          continue;
        }
        frame.pc = pc;
        setInteger(immediate, cOf(i));
        if (!arithmetic(Op.SUB, b, immediate, a)) return UNWIND;
        base = frame.base;
        continue;
      }
      case Op.NOT:
        setBoolean(a, isFalsy(base + ((<usize>bOf(i)) << VALUE_SHIFT)));
        continue;
      case Op.LEN: {
        const b = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        if (tagOf(b) == TABLE && Table.of(b).meta === null) {
          setInteger(a, border(Table.of(b)));
          continue;
        }
        frame.pc = pc;
        if (!lengthTo(b, a)) return UNWIND;
        base = frame.base;
        continue;
      }
      case Op.CONCAT: {
        frame.pc = pc;
        const b = bOf(i);
        if (heapUsed >= collectAt && !isStopped()) {
          collect();
          if (raised) return UNWIND;
          base = frame.base;
        }
        if (!concatenate(base + ((<usize>b) << VALUE_SHIFT), cOf(i) - b + 1)) return UNWIND;
        base = frame.base;
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
            frame.pc = pc;
            const offset = from - base;
            closeVariables(from, false);
            if (raised) return UNWIND;
            base = frame.base;
            closeUpvalues(base + offset);
            setTop(frame.top);
          } else {
            closeUpvalues(from);
          }
        }
        if (c < 0) {
          ticks += c;
          if (ticks < 0) {
            frame.pc = pc;
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
          frame.pc = pc;
          truth = equals(a, b);
          if (raised) return UNWIND;
          base = frame.base;
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
          frame.pc = pc;
          truth = lessThan(a, b);
          if (raised) return UNWIND;
          base = frame.base;
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
          frame.pc = pc;
          truth = lessEqual(a, b);
          if (raised) return UNWIND;
          base = frame.base;
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
          frame.pc = pc;
          setInteger(immediate, number);
          truth = lessThan(a, immediate);
          if (raised) return UNWIND;
          base = frame.base;
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
          frame.pc = pc;
          setInteger(immediate, number);
          truth = lessThan(immediate, a);
          if (raised) return UNWIND;
          base = frame.base;
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
        frame.pc = pc;
        const outcome = tagOf(a) == CLOSURE ? enterLua(a, cOf(i) - 1, 0) : enterCall(a, cOf(i) - 1, 0);
        if (outcome == ENTERED) {
          base = frame.base;
          pc = frame.pc;
          closure = frame.closure;
          const proto = closure.proto;
          k = proto.constants;
          ticks -= CALL_TICKS + (<i32>proto.codeCount >> 3);
          if (ticks < 0) return GO_ON;
          continue;
        }
        if (outcome == FAILED) return UNWIND;
        base = frame.base;
        if (cOf(i) != 0) setTop(frame.top);
        ticks -= CALL_TICKS;
        continue;
      }
      case Op.TAILCALL: {
        const b = bOf(i);
        if (b != 0) setTop(a + ((<usize>b) << VALUE_SHIFT));
        frame.pc = pc;
        if (tagOf(a) != CLOSURE) {
          // Stays here until it is done; a RETURN of all results follows.
          const outcome = enterCall(a, MANY, 0);
          if (outcome == FAILED) return UNWIND;
          base = frame.base;
          if (outcome == ENTERED) {
            pc = frame.pc;
            closure = frame.closure;
            k = closure.proto.constants;
          }
          ticks -= CALL_TICKS;
          continue;
        }
        if (openUpvalue !== null) closeUpvalues(base);
        const func = frame.callee;
        let to = func;
        for (let at = a; at < top; at += VALUE_SIZE) {
          copyValue(to, at);
          to += VALUE_SIZE;
        }
        setTop(to);
        const wanted = frame.wanted;
        const status = (frame.status & IS_ENTRY) | IS_TAIL;
        popFrame();
        if (enterCall(func, wanted, status) == FAILED) return UNWIND;
        base = frame.base;
        pc = frame.pc;
        closure = frame.closure;
        const proto = closure.proto;
        k = proto.constants;
        ticks -= CALL_TICKS + (<i32>proto.codeCount >> 3);
        if (ticks < 0) return GO_ON;
        continue;
      }
      case Op.RETURN1: {
        if (openUpvalue !== null) closeUpvalues(base);
        const func = frame.callee;
        const wanted = frame.wanted;
        const status = frame.status;
        popFrame();
        if (wanted == 1) {
          copyValue(func, a);
          setTop(func + VALUE_SIZE);
        } else {
          giveResults(func, a, 1, wanted);
        }
        if ((status & IS_ENTRY) != 0) return DONE;
        base = frame.base;
        pc = frame.pc;
        closure = frame.closure;
        k = closure.proto.constants;
        if (wanted != MANY) setTop(frame.top);
        continue;
      }
      case Op.RETURN: {
        const b = bOf(i);
        let from = a;
        let count = b != 0 ? b - 1 : <i32>((top - a) >> VALUE_SHIFT);
        if (toClose > 0) {
          frame.pc = pc;
          const offset = a - base;
          setTop(a + ((<usize>count) << VALUE_SHIFT));
          closeVariables(base, false);
          if (raised) return UNWIND;
          base = frame.base;
          from = base + offset;
        }
        if (openUpvalue !== null) closeUpvalues(base);
        const func = frame.callee;
        const wanted = frame.wanted;
        const status = frame.status;
        popFrame();
        giveResults(func, from, count, wanted);
        if ((status & IS_ENTRY) != 0) return DONE;
        base = frame.base;
        pc = frame.pc;
        closure = frame.closure;
        k = closure.proto.constants;
        if (wanted != MANY) setTop(frame.top);
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
            frame.pc = pc;
            return GO_ON;
          }
        }
        continue;
      }
      case Op.FORPREP:
        if (tagOf(a) != INTEGER || tagOf(a + 16) != INTEGER || tagOf(a + 32) != INTEGER) {
          frame.pc = pc;
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
          const outcome = nextEntry(Table.of(a + 16), a + 48);
          if (outcome == 1) continue;
          if (outcome == 0) {
            setTag(a + 48, NIL);
            continue;
          }
          copyValue(a + 48, a);
        }
        setTop(a + 96);
        frame.pc = pc;
        const outcome = enterCall(a + 48, b, 0);
        if (outcome == FAILED) return UNWIND;
        base = frame.base;
        if (outcome == ENTERED) {
          pc = frame.pc;
          closure = frame.closure;
          k = closure.proto.constants;
        } else {
          setTop(frame.top);
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
            frame.pc = pc;
            return GO_ON;
          }
        }
        continue;
      case Op.SETLIST: {
        const b = bOf(i);
        const count = b != 0 ? <u32>b : <u32>((top - a - VALUE_SIZE) >> VALUE_SHIFT);
        const done = <u32>cOf(i);
        const table = Table.of(a);
        if (!reserveArray(table, done + count)) {
          raiseMemory();
          return UNWIND;
        }
        payForMoving(count);
        const array = table.array + ((<usize>done) << VALUE_SHIFT);
        for (let j: u32 = 0; j < count; j++) {
          copyValue(array + ((<usize>j) << VALUE_SHIFT), a + VALUE_SIZE + ((<usize>j) << VALUE_SHIFT));
        }
        if (b == 0) setTop(frame.top);
        continue;
      }
      case Op.CLOSURE:
        if (heapUsed >= collectAt && !isStopped()) {
          frame.pc = pc;
          collect();
          if (raised) return UNWIND;
          base = frame.base;
        }
        makeClosure(closure, cOf(i), base, base + ((<usize>aOf(i)) << VALUE_SHIFT));
        continue;
      case Op.VARARG: {
        const func = frame.callee;
        const parameters = <usize>closure.proto.parameters;
        const count = <i32>(((base - func) >> VALUE_SHIFT) - 1 - parameters);
        const wanted = bOf(i) - 1;
        const offset = a - base;
        if (wanted < 0) {
          frame.pc = pc;
          setTop(a);
          if (!ensureStack(<usize>count)) return UNWIND;
          base = frame.base;
        }
        const from = frame.callee + ((parameters + 1) << VALUE_SHIFT);
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
        frame.pc = pc;
        if (!noteVariable(a)) return UNWIND;
        continue;
      default: {
        // The rarer arithmetic; unary operations have C 0, and take B twice.
        const op = opOf(i);
        const b = base + ((<usize>bOf(i)) << VALUE_SHIFT);
        const c = op == Op.UNM || op == Op.BNOT ? b : base + ((<usize>cOf(i)) << VALUE_SHIFT);
        frame.pc = pc;
        if (!arithmetic(op, b, c, a)) return UNWIND;
        base = frame.base;
        continue;
      }
    }
    // A jump that went back costs what lies between.
    if (pc <= i) {
      ticks -= <i32>((i - pc) >> 3) + 1;
      if (ticks < 0) {
        frame.pc = pc;
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
function makeClosure(running: Closure, index: i32, base: usize, to: usize): void {
  const proto = running.proto.inner(index);
  const closure = newClosure(proto);
  for (let i: u32 = 0; i < closure.count; i++) {
    const origin = proto.origin(i);
    closure.setUpvalue(
      i,
      origin.isRegister != 0 ? findUpvalue(nth(base, origin.number)) : running.upvalue(origin.number),
    );
  }
  setObject(to, closure.address, CLOSURE);
}
