// The VM: executes the instructions of Lua functions. Calls between Lua functions stay in one loop; only calls
// by functions of the core nest. The loop returns when its ticks are used up (ops/ticks.ts) so that fuel is paid, and so
// that an engine which compiles in steps gets to use its better code.
//
// An instruction has a fast half here, which knows the usual values, and most have a slow one in ops/slow.ts. `continue`
// ends an instruction; `break` leaves the rest of it to the slow half, behind the switch. That is the one place where
// the pc is saved and all that the loop knows of the frame is read again, as what runs there may raise, collect, move
// the stack or enter another frame (Lua's own VM has the macro Protect for it). Only CALL and RETURN do so by themselves.

import { burn } from "../../../lib/fault";
import {
  aOf,
  atA,
  atB,
  atC,
  bOf,
  cOf,
  INSTRUCTION_SHIFT,
  INSTRUCTION_SIZE,
  immediateOf,
  Op,
  operandOf,
  opOf,
  valueOf,
} from "../values/opcodes";
import {
  CLOSURE,
  copyValue,
  FALSE,
  INTEGER,
  integerOf,
  isFalsy,
  NIL,
  nth,
  setBoolean,
  setInteger,
  setTag,
  TABLE,
  tagOf,
  USERDATA,
  VALUE_SHIFT,
  VALUE_SIZE,
} from "../values/value";
import { ENTERED, enterCall, enterLua, FAILED, toClose, Vm } from "./call";
import { equalRaw } from "./events";
import { isCollectionDue } from "./gc";
import { Access } from "./ops/access";
import { Integers, Jump } from "./ops/arithmetic";
import { Calls, closeAll, makeClosure } from "./ops/calls";
import { Loops } from "./ops/loops";
import { finish } from "./ops/slow";
import { CALL_TICKS, refillTicks, TICKS, Ticks, ticks } from "./ops/ticks";
import { closeUpvalues, frame, IS_ENTRY, MANY, setTop, top } from "./state";

/** How `execute` ended: the function that was entered first has returned, */
const DONE: i32 = 0;
/** or the ticks are used up, */
const GO_ON: i32 = 1;
/** or an error is on its way. */
const UNWIND: i32 = 2;

/** The VM as call.ts knows it. */
export class LuaVm extends Vm {
  /** Executes the newest frame until it returns or raises. */
  run(): void {
    while (execute() == GO_ON) {
      burn(TICKS);
      refillTicks();
    }
  }
}

/** Leaves the loop until the ticks are paid. */
function pause(pc: usize): i32 {
  frame.pc = pc;
  return GO_ON;
}

// One function, as long as there are instructions: a switch is one jump, and the four variables stay in the machine's
// registers, which calls of a function per instruction would have to pass and give back. Bodies of more than a line or
// two are inline functions of ops/.
function execute(): i32 {
  let base = frame.base;
  let pc = frame.pc;
  let closure = frame.closure;
  let k = closure.proto.constants;
  while (true) {
    const i = pc;
    const a = atA(i, base);
    pc += INSTRUCTION_SIZE;
    switch (<i32>opOf(i)) {
      // ---- values ----
      case Op.MOVE:
        copyValue(a, atB(i, base));
        continue;
      case Op.LOADK:
        copyValue(a, atC(i, k));
        continue;
      case Op.LOADNIL:
        for (let at = a, last = nth(a, bOf(i)); at <= last; at += VALUE_SIZE) setTag(at, NIL);
        continue;
      case Op.LOADBOOL:
        setTag(a, FALSE + <u32>bOf(i));
        if (cOf(i) != 0) pc += INSTRUCTION_SIZE;
        continue;
      case Op.LOADI:
        setInteger(a, cOf(i));
        continue;
      case Op.GETUPVAL:
        copyValue(a, closure.upvalue(bOf(i)).at);
        continue;
      case Op.SETUPVAL:
        copyValue(closure.upvalue(bOf(i)).at, a);
        continue;
      case Op.CLOSURE:
        if (isCollectionDue()) break;
        makeClosure(closure, cOf(i), base, a);
        continue;
      case Op.VARARG:
        if (Calls.spread(i, a)) continue;
        break;

      // ---- tables ----
      case Op.GETTABUP:
        if (Access.getGlobal(closure.upvalue(bOf(i)).at, atC(i, k), a)) continue;
        break;
      case Op.SETTABUP:
        if (Access.setGlobal(closure.upvalue(bOf(i)).at, atC(i, k), a)) continue;
        break;
      case Op.GETTABLE:
        if (Access.get(atB(i, base), atC(i, base), a)) continue;
        break;
      case Op.GETFIELD:
        if (Access.getField(atB(i, base), atC(i, k), a)) continue;
        break;
      case Op.GETINT:
        if (Access.getIndex(atB(i, base), cOf(i), a)) continue;
        break;
      case Op.SELF:
        copyValue(a + VALUE_SIZE, atB(i, base));
        if (Access.getField(atB(i, base), atC(i, k), a)) continue;
        break;
      case Op.SETTABLE:
        if (Access.set(a, atB(i, base), valueOf(i, base, k))) continue;
        break;
      case Op.SETFIELD:
        if (Access.setField(a, atB(i, k), valueOf(i, base, k))) continue;
        break;
      case Op.SETINT:
        if (Access.setIndex(a, bOf(i), valueOf(i, base, k))) continue;
        break;
      case Op.NEWTABLE:
        if (!isCollectionDue() && Access.make(i, a)) continue;
        break;
      case Op.SETLIST:
        if (Access.setList(i, a)) continue;
        break;
      case Op.LEN:
        if (Access.length(atB(i, base), a)) continue;
        break;

      // ---- arithmetic ----
      case Op.ADD: {
        const b = atB(i, base);
        const c = atC(i, base);
        if (!Integers.are(b, c)) break;
        setInteger(a, integerOf(b) + integerOf(c));
        continue;
      }
      case Op.SUB: {
        const b = atB(i, base);
        const c = atC(i, base);
        if (!Integers.are(b, c)) break;
        setInteger(a, integerOf(b) - integerOf(c));
        continue;
      }
      case Op.MUL: {
        const b = atB(i, base);
        const c = atC(i, base);
        if (!Integers.are(b, c)) break;
        setInteger(a, integerOf(b) * integerOf(c));
        continue;
      }
      case Op.MOD:
        if (Integers.modulo(atB(i, base), atC(i, base), a)) continue;
        break;
      case Op.IDIV:
        if (Integers.divide(atB(i, base), atC(i, base), a)) continue;
        break;
      case Op.SHL: {
        const b = atB(i, base);
        const c = atC(i, base);
        if (!Integers.are(b, c) || <u64>integerOf(c) > 63) break;
        setInteger(a, integerOf(b) << integerOf(c));
        continue;
      }
      case Op.SHR: {
        const b = atB(i, base);
        const c = atC(i, base);
        if (!Integers.are(b, c) || <u64>integerOf(c) > 63) break;
        setInteger(a, <i64>(<u64>integerOf(b) >> <u64>integerOf(c)));
        continue;
      }
      case Op.BAND: {
        const b = atB(i, base);
        const c = atC(i, base);
        if (!Integers.are(b, c)) break;
        setInteger(a, integerOf(b) & integerOf(c));
        continue;
      }
      case Op.BOR: {
        const b = atB(i, base);
        const c = atC(i, base);
        if (!Integers.are(b, c)) break;
        setInteger(a, integerOf(b) | integerOf(c));
        continue;
      }
      case Op.BXOR: {
        const b = atB(i, base);
        const c = atC(i, base);
        if (!Integers.are(b, c)) break;
        setInteger(a, integerOf(b) ^ integerOf(c));
        continue;
      }
      case Op.ADDI: {
        const b = atB(i, base);
        if (tagOf(b) != INTEGER) break;
        setInteger(a, integerOf(b) + <i64>cOf(i));
        continue;
      }
      case Op.SUBI: {
        const b = atB(i, base);
        if (tagOf(b) != INTEGER) break;
        setInteger(a, integerOf(b) - <i64>cOf(i));
        continue;
      }
      case Op.NOT:
        setBoolean(a, isFalsy(atB(i, base)));
        continue;

      // ---- jumps ----
      case Op.JMP: {
        if (aOf(i) > 0) {
          if (toClose > 0) break;
          closeUpvalues(a - VALUE_SIZE);
        }
        const by = cOf(i);
        pc += by << INSTRUCTION_SHIFT;
        if (by >= 0 || Ticks.jumpBack(by)) continue;
        return pause(pc);
      }
      case Op.JEQ: {
        const b = operandOf(i, base);
        if (tagOf(a) != tagOf(b) || tagOf(a) == TABLE || tagOf(a) == USERDATA) break;
        const by = Jump.when(i, equalRaw(a, b));
        pc += by << INSTRUCTION_SHIFT;
        if (by >= 0 || Ticks.jumpBack(by)) continue;
        return pause(pc);
      }
      case Op.JLT: {
        const b = operandOf(i, base);
        if (!Integers.are(a, b)) break;
        const by = Jump.when(i, integerOf(a) < integerOf(b));
        pc += by << INSTRUCTION_SHIFT;
        if (by >= 0 || Ticks.jumpBack(by)) continue;
        return pause(pc);
      }
      case Op.JLE: {
        const b = operandOf(i, base);
        if (!Integers.are(a, b)) break;
        const by = Jump.when(i, integerOf(a) <= integerOf(b));
        pc += by << INSTRUCTION_SHIFT;
        if (by >= 0 || Ticks.jumpBack(by)) continue;
        return pause(pc);
      }
      case Op.JEQK: {
        const by = Jump.when(i, equalRaw(a, operandOf(i, k)));
        pc += by << INSTRUCTION_SHIFT;
        if (by >= 0 || Ticks.jumpBack(by)) continue;
        return pause(pc);
      }
      case Op.JLTI: {
        if (tagOf(a) != INTEGER) break;
        const by = Jump.when(i, integerOf(a) < <i64>immediateOf(i));
        pc += by << INSTRUCTION_SHIFT;
        if (by >= 0 || Ticks.jumpBack(by)) continue;
        return pause(pc);
      }
      case Op.JGTI: {
        if (tagOf(a) != INTEGER) break;
        const by = Jump.when(i, integerOf(a) > <i64>immediateOf(i));
        pc += by << INSTRUCTION_SHIFT;
        if (by >= 0 || Ticks.jumpBack(by)) continue;
        return pause(pc);
      }
      case Op.JTEST: {
        const by = Jump.when(i, !isFalsy(a));
        pc += by << INSTRUCTION_SHIFT;
        if (by >= 0 || Ticks.jumpBack(by)) continue;
        return pause(pc);
      }
      case Op.SETTEST: {
        const b = operandOf(i, base);
        const by = Jump.when(i, !isFalsy(b));
        if (by != 0) copyValue(a, b);
        pc += by << INSTRUCTION_SHIFT;
        if (by >= 0 || Ticks.jumpBack(by)) continue;
        return pause(pc);
      }

      // ---- loops ----
      case Op.FORPREP:
        if (!Loops.isPlain(a)) break;
        Loops.begin(a);
        pc += cOf(i) << INSTRUCTION_SHIFT;
        continue;
      case Op.FORLOOP:
        if (!Loops.step(a)) continue;
        pc += cOf(i) << INSTRUCTION_SHIFT;
        if (Ticks.jumpBack(cOf(i))) continue;
        return pause(pc);
      case Op.COUNTPREP:
        if (!Loops.isPlain(a) || integerOf(a + 2 * VALUE_SIZE) == 0) break;
        if (!Loops.count(a)) pc += (cOf(i) + 1) << INSTRUCTION_SHIFT;
        continue;
      case Op.COUNTLOOP:
        if (!Loops.countDown(a)) continue;
        pc += cOf(i) << INSTRUCTION_SHIFT;
        if (Ticks.jumpBack(cOf(i))) continue;
        return pause(pc);
      case Op.TFORCALL:
        if (Loops.next(a, bOf(i))) continue;
        break;
      case Op.TFORLOOP:
        if (tagOf(a + VALUE_SIZE) == NIL) continue;
        copyValue(a, a + VALUE_SIZE);
        pc += cOf(i) << INSTRUCTION_SHIFT;
        if (Ticks.jumpBack(cOf(i))) continue;
        return pause(pc);

      // ---- calls: they enter and leave frames by themselves ----
      case Op.CALL: {
        if (bOf(i) != 0) setTop(nth(a, bOf(i)));
        frame.pc = pc;
        const outcome = tagOf(a) == CLOSURE ? enterLua(a, cOf(i) - 1, 0) : enterCall(a, cOf(i) - 1, 0);
        if (outcome == FAILED) return UNWIND;
        base = frame.base;
        if (outcome == ENTERED) {
          pc = frame.pc;
          closure = frame.closure;
          const proto = closure.proto;
          k = proto.constants;
          Ticks.take(CALL_TICKS + <i32>(proto.codeCount >> 3));
          if (ticks < 0) return GO_ON;
          continue;
        }
        if (cOf(i) != 0) setTop(frame.top);
        Ticks.take(CALL_TICKS);
        continue;
      }
      case Op.RETURN1: {
        const status = frame.status;
        const wanted = frame.wanted;
        Calls.return1(base, a);
        if ((status & IS_ENTRY) != 0) return DONE;
        base = frame.base;
        pc = frame.pc;
        closure = frame.closure;
        k = closure.proto.constants;
        if (wanted != MANY) setTop(frame.top);
        continue;
      }
      case Op.RETURN: {
        const count = bOf(i) != 0 ? bOf(i) - 1 : <i32>((top - a) >> VALUE_SHIFT);
        if (toClose > 0) {
          frame.pc = pc;
          if (!closeAll(a, count)) return UNWIND;
          base = frame.base;
        }
        const status = frame.status;
        const wanted = frame.wanted;
        Calls.return(base, atA(i, base), count);
        if ((status & IS_ENTRY) != 0) return DONE;
        base = frame.base;
        pc = frame.pc;
        closure = frame.closure;
        k = closure.proto.constants;
        if (wanted != MANY) setTop(frame.top);
        continue;
      }
      default:
        break;
    }
    frame.pc = pc;
    if (!finish(i, base, k)) return UNWIND;
    if (ticks < 0) return GO_ON;
    base = frame.base;
    pc = frame.pc;
    closure = frame.closure;
    k = closure.proto.constants;
  }
}
