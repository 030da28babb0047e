// Running words from outside of the loop: one word until it is done, words that wait for the next line of text,
// and the debugger's stops. Interpreters nest: a primitive that executes a word starts the loop again inside.

import { burn } from "../../../lib/fault";
import { Op } from "../codes";
import { codeOf, Header, isWord } from "../header";
import { check, fail, INNER_EXIT, ip, push, pushReturn, RESTART, running, setIp, throwCode, thrown } from "../stacks";
import { FUEL_STEP, next, run, setNext, setUntilFuel } from "./loop";

/** A cell in the dictionary with the word that ends `execute`. */
let stopCell: usize = 0;

/** Sets that cell. */
export function setStopCell(cell: usize): void {
  stopCell = cell;
}

/** Interpreters that may run inside each other (execute, catch, evaluate, include). */
const NESTING_LIMIT: i32 = 100;
let nesting: i32 = 0;

/** The debugger's word, when it is to run before the word after next. */
let stepWord: usize = 0;
/** The word that it then comes before. */
export let stoppedBefore: usize = 0;

/** Has the word `xt` run when the word that comes next is done. */
export function stopAfterNext(xt: usize): void {
  stepWord = xt;
  setUntilFuel(1);
}

/** Doesn't let it run, since something was thrown. */
export function forgetStop(): void {
  stepWord = 0;
}

/** Puts the debugger's word before the word that the loop is to go on with. */
function stop(): void {
  if (ip == stopCell || (isWord(<usize>next) && codeOf(<usize>next) == Op.EXIT_INNER)) {
    // On the way into `execute`, or out of it: no word of a definition.
    setUntilFuel(1);
    return;
  }
  stoppedBefore = <usize>next;
  setNext(stepWord);
  stepWord = 0;
}

/** The word that wants more text than its line had, and what comes after it; 0 when there is none. */
let waiting: usize = 0;
let waitingIp: usize = 0;
/** Nesting of the text interpreter that it belongs to. */
let waitingLevel: i32 = 0;
/** Whether the word that runs does so again because there is more text now, and hasn't asked yet. */
let restarted: bool = false;
/** Whether what waits has lost what was to come after it, and the line ends with it. */
let cutOff: bool = false;

/** Tells, once, whether the word that runs waited for text before. */
export function takeRestart(): bool {
  const was = restarted;
  restarted = false;
  return was;
}

/** What waits for text shall be all that is done then. */
export function cutOffWaiting(): void {
  cutOff = true;
  waitingIp = stopCell;
}

/** Nothing waits any more: the wish for text was caught, or its text has ended. Returns the word that did, or 0. */
export function forgetWaiting(): usize {
  const xt = waiting;
  waiting = 0;
  return xt;
}

/** Stops here until there is another line, then runs the current word again. */
export function waitForText(): void {
  waiting = running;
  cutOff = false;
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
  if (cutOff && thrown == 0) throwCode(INNER_EXIT);
}

/** Executes the word at `xt` until it is done, or something is thrown. */
export function execute(xt: usize): void {
  executeAt(xt, stopCell);
}

/** Has the loop that runs the current word go on with the word at `xt`; a definition needs no loop of its own. */
export function enter(xt: usize): void {
  const code = isWord(xt) ? codeOf(xt) : Op.NONE;
  if (code != Op.COLON && code != Op.DOES) {
    execute(xt);
    return;
  }
  if (code == Op.DOES && !check(0, 1)) return;
  pushReturn(ip);
  if (thrown != 0) return;
  const word = changetype<Header>(xt);
  if (code == Op.DOES) push(<i64>word.data);
  setIp(code == Op.DOES ? <usize>word.first : word.body);
}

function executeAt(xt: usize, then: usize): void {
  if (nesting == NESTING_LIMIT) {
    fail("Error: interpreters nested too deeply");
    return;
  }
  nesting++;
  const before = ip;
  setIp(then);
  let more = run(xt);
  while (more) {
    setUntilFuel(FUEL_STEP);
    burn(FUEL_STEP);
    if (stepWord != 0) stop();
    more = run(next);
  }
  setIp(before);
  nesting--;
}
