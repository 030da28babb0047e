// The inner interpreter: executes words. A word's code is a small number: the kinds that definitions have
// and the hottest primitives are cases below, all others a row of the table of primitives.

import { burn } from "../../lib/fault";
import { BODY, codeOf, isWord } from "./dictionary";
import {
  check,
  dictionaryEnd,
  dictionaryStart,
  fail,
  ip,
  pop,
  popReturn,
  push,
  pushReturn,
  RESTART,
  returnBase,
  rp,
  running,
  setIp,
  setRp,
  setRunning,
  throwCode,
  thrown,
} from "./memory";

// Kinds of definitions.
export const COLON: i32 = 1;
export const CREATED: i32 = 2;
export const VARIABLE: i32 = 3;
export const CONSTANT: i32 = 4;
export const TWO_CONSTANT: i32 = 5;
export const USER: i32 = 6;
export const DOES: i32 = 7;
// Hot primitives.
export const EXIT: i32 = 8;
export const LITERAL: i32 = 9;
export const BRANCH: i32 = 10;
export const BRANCH_ZERO: i32 = 11;
export const LOOP: i32 = 12;
export const INDEX: i32 = 13;
export const EXIT_INNER: i32 = 14;
/** Codes from here on are rows of the table. */
export const TABLE: i32 = 32;

/** A primitive: how many items it takes and leaves at least, and what it does. */
class Primitive {
  constructor(
    readonly takes: i32,
    readonly gives: i32,
    readonly run: () => void,
  ) {}
}

const table: Primitive[] = [];

/** Adds a primitive and returns its code. */
export function addPrimitive(takes: i32, gives: i32, run: () => void): i32 {
  table.push(new Primitive(takes, gives, run));
  return TABLE + table.length - 1;
}

/** A cell in the dictionary with the word that ends `execute`. */
let stopCell: usize = 0;
export function setStopCell(cell: usize): void {
  stopCell = cell;
}

/** Interpreters that may run inside each other (execute, catch, evaluate, include). */
const NESTING_LIMIT: i32 = 100;
let nesting: i32 = 0;

/** Instructions between two payments of fuel. */
const FUEL_STEP: i32 = 4096;
let untilFuel: i32 = FUEL_STEP;

export const USER_CELLS: i32 = 256;
export let userArea: usize = 0;
export function setUserArea(address: usize): void {
  userArea = address;
}

/** The word that wants more text than its line had, and what comes after it; 0 when there is none. */
let waiting: usize = 0;
let waitingIp: usize = 0;
/** Nesting of the text interpreter that it belongs to. */
let waitingLevel: i32 = 0;
/** Whether the word that runs does so again because there is more text now. */
export let restarted: bool = false;

/** Stops here until there is another line, then runs the current word again. */
export function waitForText(): void {
  waiting = running;
  waitingIp = ip;
  waitingLevel = nesting - 1;
  throwCode(RESTART);
}

/** Goes on with the word that waits for text, if one does in this text interpreter. */
export function goOn(): void {
  if (waiting == 0 || waitingLevel != nesting) return;
  const xt = waiting;
  waiting = 0;
  restarted = true;
  executeAt(xt, waitingIp);
  restarted = false;
}

/** Executes the word at `xt` until it is done, or something is thrown. */
export function execute(xt: usize): void {
  executeAt(xt, stopCell);
}

function executeAt(xt: usize, then: usize): void {
  if (nesting == NESTING_LIMIT) {
    fail("Error: interpreters nested too deeply");
    return;
  }
  nesting++;
  const before = ip;
  setIp(then);
  let next = xt;
  let going = true;
  while (going) {
    if (--untilFuel == 0) {
      untilFuel = FUEL_STEP;
      burn(FUEL_STEP);
    }
    if (!isWord(next)) {
      fail("Error: not an execution token");
      break;
    }
    const code = codeOf(next);
    switch (code) {
      case COLON:
        pushReturn(ip);
        setIp(next + BODY);
        break;
      case CREATED:
        if (check(0, 1)) push(next + BODY + 8);
        break;
      case VARIABLE:
        if (check(0, 1)) push(next + BODY);
        break;
      case CONSTANT:
        if (check(0, 1)) push(load<i64>(next + BODY));
        break;
      case TWO_CONSTANT:
        if (check(0, 2)) {
          push(load<i64>(next + BODY));
          push(load<i64>(next + BODY + 8));
        }
        break;
      case USER:
        if (check(0, 1)) push(userArea + <usize>((load<i64>(next + BODY) & (USER_CELLS - 1)) << 3));
        break;
      case DOES:
        if (check(0, 1)) {
          push(next + BODY + 8);
          pushReturn(ip);
          setIp(<usize>load<u64>(next + BODY));
        }
        break;
      case EXIT:
        setIp(<usize>popReturn());
        break;
      case LITERAL:
        if (check(0, 1)) push(load<i64>(ip));
        setIp(ip + 8);
        break;
      case BRANCH:
        setIp(ip + <usize>(load<i64>(ip) << 3));
        break;
      case BRANCH_ZERO:
        if (check(1, 0)) setIp(pop() == 0 ? ip + <usize>(load<i64>(ip) << 3) : ip + 8);
        break;
      case LOOP: {
        const index = load<i64>(rp - 8) + 1;
        if (rp < returnBase + 24) {
          fail("Error: return stack underflow");
        } else if (index >= load<i64>(rp - 16)) {
          setRp(rp - 24);
          setIp(ip + 8);
        } else {
          store<i64>(rp - 8, index);
          setIp(ip + <usize>(load<i64>(ip) << 3));
        }
        break;
      }
      case INDEX:
        if (check(0, 1)) push(load<i64>(rp - 8));
        break;
      case EXIT_INNER:
        going = false;
        break;
      default: {
        const row = code - TABLE;
        if (row < 0 || row >= table.length) {
          fail("Error: not an execution token");
          break;
        }
        const primitive = table[row];
        if (check(primitive.takes, primitive.gives)) {
          setRunning(next);
          primitive.run();
        }
      }
    }
    if (thrown != 0) break;
    if (going) {
      if (ip < dictionaryStart || ip + 8 > dictionaryEnd) {
        fail("Error: execution left the dictionary");
        break;
      }
      next = <usize>load<u64>(ip);
      setIp(ip + 8);
    }
  }
  setIp(before);
  nesting--;
}
