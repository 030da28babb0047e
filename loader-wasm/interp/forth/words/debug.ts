// The debugger: `debug NAME` runs a word step by step. Before each step it shows the stack and what comes next,
// and takes a command from the line, or waits for a line to take it from.

import { print } from "../../../lib/output";
import { equalsIgnoreCase } from "../../../lib/text";
import { Op } from "../codes";
import { forth, loose, primitive } from "../define";
import { latest } from "../dictionary";
import { codeOf, isWord, nameOf } from "../header";
import { interpretText, position, source, sourceSize, wantName } from "../outer";
import { ABORT, fail, ip, OUT_OF_TEXT, pop, setIp, setRunning, throwCode, thrown } from "../stacks";
import { enter, execute, stopAfterNext, stoppedBefore, takeRestart, waitForText } from "../vm/execute";
import { findWord, wordlists } from "../wordlists";
import { see } from "./see";

/** Where a breakpoint is, and the word that was there; 0 when the stop is the inner interpreter's own. */
let breakAt: usize = 0;
let replaced: usize = 0;
/** The word STEP-BREAK. */
let stepBreak: usize = 0;

/** Cells that the code around the instruction pointer is looked for in. */
const NEIGHBOURHOOD: usize = 100 * 8;

/** Stops at the next word of the definition that runs. */
function setBreak(at: usize): void {
  breakAt = at;
  replaced = <usize>load<u64>(at);
  store<u64>(at, stepBreak);
}

/** The definition around `at`, or 0. */
function enclosing(at: usize): usize {
  let found: usize = 0;
  for (let i = 0; i < wordlists.length; i++) {
    const words = wordlists[i].words;
    for (let j = 0; j < words.length; j++) if (words[j] <= at && words[j] > found) found = words[j];
  }
  return at - found < NEIGHBOURHOOD ? found : 0;
}

function debug(): void {
  const xt = <usize>pop();
  if (!isWord(xt)) {
    fail("Error: not an execution token");
    return;
  }
  see(xt);
  const code = codeOf(xt);
  enter(xt);
  if (thrown == 0 && (code == Op.COLON || code == Op.DOES) && isWord(ip)) setBreak(ip);
}

/** The next word is executed, whatever it calls, and the one behind it stops. */
function stepOver(): void {
  const next = <usize>load<u64>(ip);
  const code = isWord(next) ? codeOf(next) : 0;
  if (code == Op.COLON || code == Op.DOES) setBreak(ip + 8);
  else stopAfterNext(stepBreak);
}

function showState(): void {
  const next = breakAt != 0 ? replaced : stoppedBefore;
  if (breakAt != 0) {
    setIp(breakAt);
    store<u64>(breakAt, replaced);
    breakAt = 0;
  } else {
    setIp(ip - 8);
  }
  const onStep = findWord("on-step");
  if (onStep != 0) execute(onStep);
  if (thrown != 0) return;
  setRunning(stepBreak);
  print(`next: ${isWord(next) ? nameOf(next) : ""}\ndbg> `);
}

function step(): void {
  if (!takeRestart()) {
    if (breakAt == 0 && stoppedBefore == 0) fail("Error: no breakpoint");
    else showState();
  }
  if (thrown != 0) return;
  const command = wantName();
  if (thrown != 0) return;
  if (equalsIgnoreCase(command, "i")) {
    stopAfterNext(stepBreak);
  } else if (equalsIgnoreCase(command, "o")) {
    stepOver();
  } else if (equalsIgnoreCase(command, "l")) {
    const xt = enclosing(ip);
    if (xt != 0) see(xt);
    else print("sorry - can't do that\n");
    waitForText();
  } else if (equalsIgnoreCase(command, "q")) {
    print("ok> ");
    throwCode(ABORT);
  } else if (equalsIgnoreCase(command, "x")) {
    executeRest();
  } else if (!equalsIgnoreCase(command, "g")) {
    print("i -- step In\no -- step Over\ng -- Go (execute to completion)\nl -- List source code\n");
    print("q -- Quit (stop debugging and abort)\nx -- eXecute the rest of the line as ficl words\ndbg> ");
    waitForText();
  }
}

/** Interprets the rest of the line and waits for the next command. */
function executeRest(): void {
  const at = position();
  const result = interpretText(source + <usize>at, sourceSize - at);
  if (result != OUT_OF_TEXT) {
    throwCode(result);
    return;
  }
  print("\n");
  setRunning(stepBreak);
  waitForText();
}

/** Defines the debugger's words. */
export function defineDebug(): void {
  loose("debug-xt", 1, 1, debug);
  primitive("step-break", 0, 0, step);
  stepBreak = latest;
  forth(": debug ' debug-xt ; immediate");
  forth(': on-step ." S: " .s cr ;');
}
