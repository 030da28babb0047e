// The loader's commands as words.

import { argumentCount, argumentList, split } from "../../../boot/command_line";
import { Command, commands, findCommandAt } from "../../../boot/commands";
import { panic } from "../../../boot/ending";
import { Ascii } from "../../../lib/ascii";
import { copyText } from "../../../lib/bytes";
import { allocate } from "../../../lib/fault";
import { CMD_CRIT, CMD_FATAL, CMD_OK, commandError, failDetailed } from "../../../lib/outcome";
import { print } from "../../../lib/output";
import { compileWord } from "../compiler";
import { forth, primitive } from "../define";
import { appendCell, appendWord, latest } from "../dictionary";
import { FLAG_IMMEDIATE, FLAG_UNLISTED, Header, nameAddress, nameOf, nameSize, setFlag } from "../header";
import { compiling, readable } from "../memory";
import {
  compileLiteral,
  parsedAt,
  parsedSize,
  parseWord,
  position,
  scanUntil,
  setPosition,
  source,
  tickNext,
} from "../outer";
import { ABORT, check, depth, pop, push, running, throwCode, thrown } from "../stacks";
import { execute, forgetWaiting } from "../vm/execute";
import { addPrimitive } from "../vm/primitives";
import { current, FORTH_WORDLIST, setCurrent, wordlists } from "../wordlists";

/** THROW code of a command line that can't be split into words. */
export const PARSE_ERROR: i32 = 100;

/** Whether a command has run since the last error text was shown. */
export let errorWaits: bool = false;

/** It has been shown. */
export function errorShown(): void {
  errorWaits = false;
}

/** The command line that is being put together: a block, its size, and what of it is used. */
let line: usize = 0;
let lineRoom: i32 = 0;
let lineSize: i32 = 0;
/** Bytes that a command line has room for at first. */
const LINE_ROOM: i32 = 512;

function addToLine(text: usize, size: i32): void {
  if (lineSize + 1 + size > lineRoom) {
    lineRoom = 2 * lineRoom + size + LINE_ROOM;
    const larger = allocate(<usize>lineRoom);
    memory.copy(larger, line, lineSize);
    if (line != 0) heap.free(line);
    line = larger;
  }
  if (lineSize > 0) {
    store<u8>(line + <usize>lineSize, Ascii.SPACE);
    lineSize++;
  }
  copyText(line + <usize>lineSize, text, size);
  lineSize += size;
}

function runSplit(command: Command): i32 {
  if (argumentCount == 0) return CMD_OK;
  const quick = command.runSplit;
  return quick !== null ? quick() : command.run(argumentList());
}

/** Runs the command that is named like the running word. What it needs is on the stack, or behind it on the line. */
function runCommand(fromStack: bool): void {
  const command = findCommandAt(nameAddress(running), nameSize(running));
  if (command === null) {
    panic(`callout for unknown command '${nameOf(running)}'`);
    return;
  }
  lineSize = 0;
  addToLine(nameAddress(running), nameSize(running));
  if (fromStack) {
    // Below the bottom of the stack the reference finds no number either.
    const count = depth() > 0 ? pop() : 0;
    for (let i: i64 = 0; i < count; i++) {
      if (!check(2, 0)) return;
      const size = pop();
      const address = pop();
      if (size != 0 && !readable(address, size)) return;
      addToLine(<usize>address, <i32>size);
    }
  } else {
    scanUntil(Ascii.NEWLINE, false, true);
    if (parsedSize > 0) addToLine(source + <usize>parsedAt, parsedSize);
  }
  failDetailed("");
  errorWaits = true;
  const result = split(line, lineSize) ? runSplit(command) : PARSE_ERROR;
  if (result == CMD_CRIT) print(`${commandError}\n`);
  else if (result == CMD_FATAL) panic(commandError);
  const cut = forgetWaiting();
  if (result != CMD_OK) throwCode(result);
  // A script has ended in what [if] or [else] skips.
  else if (cut != 0 && nameOf(cut).endsWith("]")) throwCode(ABORT);
  else push(result);
}

/** Code of the words that BUILTIN: makes. */
let builtinCode: i32 = 0;

/**
 * Makes an immediate word in front of the word `xt` of the same name. It tells that one, by a flag, whether it
 * was compiled (then its arguments are on the stack) or not (they follow on the line), and throws its result.
 */
function wrapBuiltin(name: string, xt: usize): void {
  if (appendWord(current, name, builtinCode, FLAG_IMMEDIATE) != 0) appendCell(<i64>xt);
}

function runBuiltin(): void {
  const xt = changetype<Header>(running).first;
  if (compiling()) {
    compileLiteral(1);
    appendCell(xt);
    compileWord("throw");
    return;
  }
  push(0);
  execute(<usize>xt);
  if (thrown != 0 || !check(1, 0)) return;
  const result = <i32>pop();
  if (result != 0) throwCode(result);
}

/** Makes all commands words, and the vocabulary `builtins` that keeps what they are made of. */
export function defineCommandWords(): void {
  builtinCode = addPrimitive(0, 1, runBuiltin);
  const command = addPrimitive(1, 1, () => runCommand(pop() != 0));
  forth("vocabulary builtins");
  const list = wordlists.length;
  setCurrent(list);
  primitive("builtin:", 0, 0, () => {
    const before = position();
    const xt = tickNext();
    if (xt == 0) return;
    setPosition(before);
    wrapBuiltin(parseWord(), xt);
  });
  for (let i = 0; i < commands.length; i++) {
    setCurrent(list);
    const xt = appendWord(list, commands[i].name, command, commands[i].listed ? 0 : FLAG_UNLISTED);
    setCurrent(FORTH_WORDLIST);
    wrapBuiltin(commands[i].name, xt);
    if (!commands[i].listed) setFlag(latest, FLAG_UNLISTED);
  }
}
