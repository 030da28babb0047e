// The inner interpreter's loop: runs a word, then those that compiled code names, until that ends. It is one
// function with a case for each code (codes.ts), longer than any other, because its registers are locals: the
// instruction pointer, the two stacks and the fuel, which a function for each word couldn't keep in the
// processor's. What the cases do is written with the registers' types (code.ts, data_stack.ts, return_stack.ts) and
// compiled into them. The loop hands its registers over (stacks.ts) around primitives of the table; it returns every
// few thousand words, since an engine takes better code for a function only when that is called again.

import { Op } from "../codes";
import { BODY, Header } from "../header";
import { CODE_CELLS, dictionaryStart, USER_CELLS, userArea } from "../memory";
import {
  CELL,
  frame,
  localAt,
  ip as savedIp,
  rp as savedRp,
  sp as savedSp,
  setIp,
  setRp,
  setRunning,
  setSp,
  thrown,
} from "../stacks";
import { Code } from "./code";
import { DataStack } from "./data_stack";
import { primitiveCount, primitiveOf } from "./primitives";
import { LOOP_CELLS, LoopFrame, ReturnStack } from "./return_stack";
import { ADDRESS, DATA_STACK, failFor, NO_CODE, NO_FRAME, NO_WORD, NOTHING, RETURN_STACK, UNDERFLOW } from "./stops";

/** Words between two payments of fuel. */
export const FUEL_STEP: i32 = 4096;
/** Words until the next payment. */
let untilFuel: i32 = FUEL_STEP;
/** The word that the loop goes on with when that is paid. */
export let next: u64 = 0;

/** Sets how many words may run until the loop returns for fuel, or for the debugger. */
export function setUntilFuel(words: i32): void {
  untilFuel = words;
}

/** Sets the word that the loop goes on with. */
export function setNext(xt: u64): void {
  next = xt;
}

/** Hands the registers over. */
function leave(ip: Code, sp: DataStack, rp: ReturnStack, left: i32): void {
  setIp(changetype<usize>(ip));
  setSp(changetype<usize>(sp));
  setRp(changetype<usize>(rp));
  untilFuel = left;
}

/**
 * Runs the word at `first`, then those that the instruction pointer points to. False when that is done or something
 * was thrown; true when fuel is to be paid before it goes on with `next`.
 */
export function run(first: u64): bool {
  let ip = changetype<Code>(savedIp);
  let sp = changetype<DataStack>(savedSp);
  let rp = changetype<ReturnStack>(savedRp);
  let left = untilFuel;
  let xt = first;
  let reason = DATA_STACK;
  for (; ; xt = <u64>ip.cell, ip = ip.next()) {
    if (--left < 0) {
      next = xt;
      leave(ip, sp, rp, left);
      return true;
    }
    // In range and aligned: what isn't aligned has its lowest bits at the top.
    if (rotr<u64>(xt - dictionaryStart, 3) > CODE_CELLS - <u64>(BODY >> 3)) {
      leave(ip, sp, rp, left);
      failFor(NO_WORD);
      return false;
    }
    const word = changetype<Header>(<usize>xt);
    const code = <u32>word.code;
    // One label a case, from 0 on: then this is a single jump through a table.
    switch (code) {
      case Op.NONE:
        reason = NO_WORD;
        break;

      // Kinds of definitions.
      case Op.COLON:
        if (!rp.hasRoom(1)) {
          reason = RETURN_STACK;
          break;
        }
        rp = rp.call(ip);
        ip = changetype<Code>(word.body);
        continue;
      case Op.CREATED:
        if (!sp.hasRoom(1)) break;
        sp = sp.push(<i64>word.data);
        continue;
      case Op.VARIABLE:
        if (!sp.hasRoom(1)) break;
        sp = sp.push(<i64>word.body);
        continue;
      case Op.CONSTANT:
        if (!sp.hasRoom(1)) break;
        sp = sp.push(word.first);
        continue;
      case Op.TWO_CONSTANT:
        if (!sp.hasRoom(2)) break;
        sp = sp.push2(word.first, word.second);
        continue;
      case Op.USER:
        if (!sp.hasRoom(1)) break;
        sp = sp.push(<i64>(userArea + ((<usize>word.first & (USER_CELLS - 1)) << 3)));
        continue;
      case Op.DOES:
        if (!sp.hasRoom(1)) break;
        if (!rp.hasRoom(1)) {
          reason = RETURN_STACK;
          break;
        }
        sp = sp.push(<i64>word.data);
        rp = rp.call(ip);
        ip = changetype<Code>(<usize>word.first);
        if (ip.valid) continue;
        reason = NO_CODE;
        break;

      // Compiled code.
      case Op.EXIT:
        if (!rp.has(1)) {
          reason = RETURN_STACK;
          break;
        }
        rp = rp.down(1);
        ip = changetype<Code>(<usize>rp.above);
        if (ip.valid) continue;
        reason = NO_CODE;
        break;
      case Op.EXIT_INNER:
        reason = NOTHING;
        break;
      case Op.LITERAL:
        if (!sp.hasRoom(1)) break;
        sp = sp.push(ip.cell);
        ip = ip.next();
        continue;
      case Op.BRANCH:
        ip = ip.branch();
        if (ip.valid) continue;
        reason = NO_CODE;
        break;
      case Op.BRANCH_ZERO:
        if (!sp.has(1)) break;
        sp = sp.down(1);
        ip = sp.above == 0 ? ip.branch() : ip.next();
        if (ip.valid) continue;
        reason = NO_CODE;
        break;
      case Op.DO:
        if (!sp.has(2)) break;
        if (!rp.hasRoom(LOOP_CELLS)) {
          reason = RETURN_STACK;
          break;
        }
        sp = sp.down(2);
        rp = rp.startLoop(ip.cell, sp.above, sp.higher);
        ip = ip.next();
        continue;
      case Op.QUESTION_DO:
        if (!sp.has(2)) break;
        if (sp.top == sp.second) {
          sp = sp.down(2);
          ip = ip.target();
          if (ip.valid) continue;
          reason = NO_CODE;
          break;
        }
        if (!rp.hasRoom(LOOP_CELLS)) {
          reason = RETURN_STACK;
          break;
        }
        sp = sp.down(2);
        rp = rp.startLoop(ip.cell, sp.above, sp.higher);
        ip = ip.next();
        continue;
      case Op.LOOP: {
        if (!rp.has(LOOP_CELLS)) {
          reason = RETURN_STACK;
          break;
        }
        const loop = rp.loop;
        const index = loop.index + 1;
        if (index < loop.limit) {
          loop.index = index;
          ip = ip.branch();
        } else {
          rp = changetype<ReturnStack>(loop);
          ip = ip.next();
        }
        if (ip.valid) continue;
        reason = NO_CODE;
        break;
      }
      case Op.PLUS_LOOP: {
        if (!sp.has(1)) break;
        if (!rp.has(LOOP_CELLS)) {
          reason = RETURN_STACK;
          break;
        }
        sp = sp.down(1);
        const step = sp.above;
        const loop = rp.loop;
        const index = loop.index + step;
        if (step < 0 ? index >= loop.limit : index < loop.limit) {
          loop.index = index;
          ip = ip.branch();
        } else {
          rp = changetype<ReturnStack>(loop);
          ip = ip.next();
        }
        if (ip.valid) continue;
        reason = NO_CODE;
        break;
      }
      case Op.INDEX:
        if (!sp.hasRoom(1)) break;
        sp = sp.push(rp.loop.index);
        continue;
      case Op.UNLOOP:
        rp = rp.unloop();
        continue;
      case Op.LEAVE:
        if (!rp.has(LOOP_CELLS)) {
          reason = RETURN_STACK;
          break;
        }
        rp = changetype<ReturnStack>(rp.loop);
        ip = changetype<Code>(<usize>changetype<LoopFrame>(rp).end);
        if (ip.valid) continue;
        reason = NO_CODE;
        break;
      case Op.OF:
        if (!sp.has(2)) break;
        sp = sp.down(1);
        if (sp.above == sp.top) {
          sp = sp.down(1);
          ip = ip.next();
          continue;
        }
        ip = ip.branch();
        if (ip.valid) continue;
        reason = NO_CODE;
        break;
      case Op.TEXT: {
        if (!sp.hasRoom(2)) break;
        const size = ip.textSize;
        sp = sp.push2(<i64>ip.text, <i64>size);
        ip = ip.afterText(size);
        if (ip.valid) continue;
        reason = NO_CODE;
        break;
      }

      // Stacks.
      case Op.DUP:
        if (!sp.hasAndRoom(1, 1)) break;
        sp = sp.dup();
        continue;
      case Op.DROP:
        if (!sp.has(1)) break;
        sp = sp.down(1);
        continue;
      case Op.SWAP:
        if (!sp.has(2)) break;
        sp.swap();
        continue;
      case Op.OVER:
        if (!sp.hasAndRoom(2, 1)) break;
        sp = sp.over();
        continue;
      case Op.ROT:
        if (!sp.has(3)) break;
        sp.rot();
        continue;
      case Op.NIP:
        if (!sp.has(2)) break;
        sp = sp.nip();
        continue;
      case Op.TUCK:
        if (!sp.hasAndRoom(2, 1)) break;
        sp = sp.tuck();
        continue;
      case Op.QUESTION_DUP:
        if (!sp.hasAndRoom(1, 1)) break;
        sp = sp.questionDup();
        continue;
      case Op.TWO_DUP:
        if (!sp.hasAndRoom(2, 2)) break;
        sp = sp.twoDup();
        continue;
      case Op.TWO_DROP:
        if (!sp.has(2)) break;
        sp = sp.down(2);
        continue;
      case Op.TO_R:
        if (!sp.has(1)) break;
        if (!rp.hasRoom(1)) {
          reason = RETURN_STACK;
          break;
        }
        sp = sp.down(1);
        rp = rp.push(sp.above);
        continue;
      case Op.R_FROM:
        if (!sp.hasRoom(1)) break;
        if (!rp.has(1)) {
          reason = RETURN_STACK;
          break;
        }
        rp = rp.down(1);
        sp = sp.push(rp.above);
        continue;
      case Op.R_FETCH:
        if (!sp.hasRoom(1)) break;
        sp = sp.push(rp.top);
        continue;

      // Arithmetic and comparison.
      case Op.PLUS:
        if (!sp.has(2)) break;
        sp = sp.plus();
        continue;
      case Op.MINUS:
        if (!sp.has(2)) break;
        sp = sp.minus();
        continue;
      case Op.TIMES:
        if (!sp.has(2)) break;
        sp = sp.times();
        continue;
      case Op.ONE_PLUS:
        if (!sp.has(1)) break;
        sp.add(1);
        continue;
      case Op.ONE_MINUS:
        if (!sp.has(1)) break;
        sp.add(-1);
        continue;
      case Op.AND:
        if (!sp.has(2)) break;
        sp = sp.and();
        continue;
      case Op.OR:
        if (!sp.has(2)) break;
        sp = sp.or();
        continue;
      case Op.XOR:
        if (!sp.has(2)) break;
        sp = sp.xor();
        continue;
      case Op.INVERT:
        if (!sp.has(1)) break;
        sp.invert();
        continue;
      case Op.NEGATE:
        if (!sp.has(1)) break;
        sp.negate();
        continue;
      case Op.CELLS:
        if (!sp.has(1)) break;
        sp.cells();
        continue;
      case Op.CELL_PLUS:
        if (!sp.has(1)) break;
        sp.add(CELL);
        continue;
      case Op.EQUAL:
        if (!sp.has(2)) break;
        sp = sp.equal();
        continue;
      case Op.NOT_EQUAL:
        if (!sp.has(2)) break;
        sp = sp.notEqual();
        continue;
      case Op.LESS:
        if (!sp.has(2)) break;
        sp = sp.less();
        continue;
      case Op.GREATER:
        if (!sp.has(2)) break;
        sp = sp.greater();
        continue;
      case Op.ZERO_EQUAL:
        if (!sp.has(1)) break;
        sp.zeroEqual();
        continue;
      case Op.ZERO_NOT_EQUAL:
        if (!sp.has(1)) break;
        sp.zeroNotEqual();
        continue;
      case Op.ZERO_LESS:
        if (!sp.has(1)) break;
        sp.zeroLess();
        continue;
      case Op.ZERO_GREATER:
        if (!sp.has(1)) break;
        sp.zeroGreater();
        continue;
      case Op.PICK: {
        if (!sp.hasLoosely()) break;
        const index = <i32>sp.top;
        if (!sp.canPick(index)) {
          sp = sp.down(1);
          reason = UNDERFLOW;
          break;
        }
        sp.pick(index);
        continue;
      }

      // Locals.
      case Op.LINK: {
        const locals = <u64>ip.cell;
        ip = ip.next();
        if (!rp.hasFrameRoom(locals)) {
          reason = NO_FRAME;
          break;
        }
        rp = rp.link(locals);
        continue;
      }
      case Op.UNLINK:
        rp = rp.unlink();
        continue;
      case Op.LOCAL:
        if (!sp.hasRoom(1)) break;
        sp = sp.push(load<i64>(localAt(frame, <u64>ip.cell)));
        ip = ip.next();
        continue;
      case Op.LOCAL_0:
        if (!sp.hasRoom(1)) break;
        sp = sp.push(load<i64>(localAt(frame, 0)));
        continue;
      case Op.LOCAL_1:
        if (!sp.hasRoom(1)) break;
        sp = sp.push(load<i64>(localAt(frame, 1)));
        continue;
      case Op.TO_LOCAL:
        if (!sp.hasLoosely()) break;
        sp = sp.down(1);
        store<i64>(localAt(frame, <u64>ip.cell), sp.above);
        ip = ip.next();
        continue;
      case Op.TO_LOCAL_0:
        if (!sp.hasLoosely()) break;
        sp = sp.down(1);
        store<i64>(localAt(frame, 0), sp.above);
        continue;
      case Op.TO_LOCAL_1:
        if (!sp.hasLoosely()) break;
        sp = sp.down(1);
        store<i64>(localAt(frame, 1), sp.above);
        continue;

      // Memory.
      case Op.FETCH: {
        if (!sp.has(1)) break;
        const address = <u64>sp.top;
        if (!DataStack.canRead(address, 8)) {
          reason = ADDRESS;
          break;
        }
        sp.fetch(address);
        continue;
      }
      case Op.C_FETCH: {
        if (!sp.has(1)) break;
        const address = <u64>sp.top;
        if (!DataStack.canRead(address, 1)) {
          reason = ADDRESS;
          break;
        }
        sp.fetchByte(address);
        continue;
      }
      case Op.STORE: {
        if (!sp.has(2)) break;
        sp = sp.down(2);
        const address = <u64>sp.higher;
        if (!DataStack.canWrite(address, 8)) {
          reason = ADDRESS;
          break;
        }
        sp.store(address);
        continue;
      }
      case Op.C_STORE: {
        if (!sp.has(2)) break;
        sp = sp.down(2);
        const address = <u64>sp.higher;
        if (!DataStack.canWrite(address, 1)) {
          reason = ADDRESS;
          break;
        }
        sp.storeByte(address);
        continue;
      }
      case Op.PLUS_STORE: {
        if (!sp.has(2)) break;
        sp = sp.down(2);
        const address = <u64>sp.higher;
        if (!DataStack.canWrite(address, 8)) {
          reason = ADDRESS;
          break;
        }
        sp.addTo(address);
        continue;
      }

      default: {
        if (code - Op.TABLE >= <u32>primitiveCount) {
          reason = NO_WORD;
          break;
        }
        const primitive = primitiveOf(code);
        if (changetype<usize>(sp) < primitive.least || changetype<usize>(sp) > primitive.greatest) break;
        leave(ip, sp, rp, left);
        setRunning(changetype<usize>(word));
        call_indirect<void>(primitive.run);
        left = untilFuel;
        ip = changetype<Code>(savedIp);
        sp = changetype<DataStack>(savedSp);
        rp = changetype<ReturnStack>(savedRp);
        if (thrown != 0) return false;
        if (ip.valid) continue;
        reason = NO_CODE;
      }
    }
    // What comes here ends it.
    leave(ip, sp, rp, left);
    if (reason != NOTHING) failFor(reason);
    return false;
  }
}
