// The text interpreter: takes words from the input, looks them up, converts numbers, and executes or
// compiles. `interpretText` is one level of it: a typed line, a script's line, or an EVALUATE.

import { Ascii } from "../../lib/ascii";
import { countBefore, stringAt } from "../../lib/bytes";
import { digitValue, isSpace } from "../../lib/text";
import { abortDefinition, appendCell } from "./dictionary";
import { FLAG_COMPILE_ONLY, FLAG_IMMEDIATE, flagsOf, nameSize } from "./header";
import { forgetLocals, hasLocals, useLocal } from "./locals";
import { cellsLeft, cellsUsed, compiling, pad, setCompiling, variables } from "./memory";
import {
  BREAK,
  check,
  fail,
  INNER_EXIT,
  looseCheck,
  OUT_OF_TEXT,
  pop,
  push,
  QUIT,
  RESTART,
  resetReturnStack,
  resetStacks,
  setThrown,
  thrown,
  USER_EXIT,
} from "./stacks";
import { cutOffWaiting, execute, forgetStop, goOn, takeRestart, waitForText } from "./vm/execute";
import {
  FORTH_WORDLIST,
  findWord,
  findWordAt,
  isCalled,
  PREFIX_WORDLIST,
  resetSearchOrder,
  searchList,
  wordlists,
} from "./wordlists";

/** The text being interpreted. */
export let source: usize = 0;
/** Its bytes. */
export let sourceSize: i32 = 0;
/** Where it came from: 0 the prompt, -1 EVALUATE, else a file. */
export let sourceId: i64 = 0;

/** Says where the text comes from. */
export function setSourceId(id: i64): void {
  sourceId = id;
}

/** Position in the source; scripts can set it to anything. */
export function position(): i32 {
  const at = variables.in;
  return at < 0 || at > <i64>sourceSize ? sourceSize : <i32>at;
}

/** Sets that position. */
export function setPosition(at: i32): void {
  variables.in = at;
}

/** Where the last text that was parsed began in the source. */
export let parsedAt: i32 = 0;
/** Its bytes. */
export let parsedSize: i32 = 0;

function parsed(start: i32, end: i32): void {
  parsedAt = start;
  parsedSize = end - start;
  setPosition(end < sourceSize ? end + 1 : end);
}

/** Parses the next blank-separated word; empty at the end. */
export function scanWord(): void {
  let at = position();
  while (at < sourceSize && isSpace(load<u8>(source + <usize>at))) at++;
  const start = at;
  while (at < sourceSize && !isSpace(load<u8>(source + <usize>at))) at++;
  parsed(start, at);
}

/** Parses the text up to `delimiter`, or the rest of the line (with `acrossLines`, of the source). */
export function scanUntil(delimiter: i32, skipLeading: bool = false, acrossLines: bool = false): void {
  let at = position();
  if (skipLeading) while (at < sourceSize && load<u8>(source + <usize>at) == delimiter) at++;
  const start = at;
  const mark = delimiter & 0xff;
  at += countBefore(
    source + <usize>at,
    sourceSize - at,
    mark,
    acrossLines ? mark : Ascii.NEWLINE,
    acrossLines ? mark : Ascii.RETURN,
  );
  parsedAt = start;
  parsedSize = at - start;
  setPosition(at < sourceSize && load<u8>(source + <usize>at) == delimiter ? at + 1 : at);
}

/** The next blank-separated word; empty at the end. */
export function parseWord(): string {
  scanWord();
  return stringAt(source + <usize>parsedAt, parsedSize);
}

/** The text that `scanUntil` parses. */
export function parseUntil(delimiter: i32, skipLeading: bool = false, acrossLines: bool = false): string {
  scanUntil(delimiter, skipLeading, acrossLines);
  return stringAt(source + <usize>parsedAt, parsedSize);
}

/** The name that comes next; empty, and unwinding until there is another line, when there is none. */
export function wantName(): string {
  const name = parseWord();
  if (name.length == 0) waitForText();
  else takeRestart();
  return name;
}

/** The word that is named next, or 0 and unwinding. */
export function tickNext(): usize {
  const name = wantName();
  if (thrown != 0) return 0;
  const xt = findWord(name);
  if (xt == 0) fail(`${name} not found`);
  return xt;
}

/** The number of the last call of `isNumber` that said so. */
let number: i64 = 0;
/** Whether it ended in a point. */
let double: bool = false;

/** Whether the `size` bytes at `text` are a number in base `base`. */
export function isNumber(text: usize, size: i32, base: i64): bool {
  let at = text;
  let end = text + <usize>size;
  let negative = false;
  if (size > 1) {
    const sign = load<u8>(at);
    negative = sign == Ascii.MINUS;
    if (negative || sign == Ascii.PLUS) at++;
  }
  double = end > at && load<u8>(end - 1) == Ascii.POINT;
  if (double) end--;
  if (at >= end) return false;
  let value: u64 = 0;
  for (; at < end; at++) {
    const digit = digitValue(load<u8>(at));
    if (digit > 35 || <u32>digit >= <u32>base) return false;
    value = value * <u64>base + <u64>digit;
  }
  number = negative ? -(<i64>value) : <i64>value;
  return true;
}

/** The word (literal). */
let literal: usize = 0;

/** Called once the words are there that the text interpreter compiles. */
export function finishOuter(): void {
  literal = searchList(FORTH_WORDLIST, "(literal)");
}

/** Compiles `value` as a literal. */
export function compileLiteral(value: i64): void {
  appendCell(literal);
  appendCell(value);
}

/** Leaves or compiles the number of the last `isNumber`. */
function takeNumber(): void {
  if (double) push(0);
  // Of a double number only the lower half is compiled: that is what the reference does.
  if (compiling()) compileLiteral(number);
  else push(number);
}

/** Takes the `size` bytes at `text` for a number in the current base. */
export function tryNumber(text: usize, size: i32): bool {
  if (!isNumber(text, size, variables.base)) return false;
  takeNumber();
  return true;
}

/** Takes the next word for a number in base `base`, whatever BASE is. */
export function numberIn(base: i64): void {
  scanWord();
  const text = source + <usize>parsedAt;
  if (isNumber(text, parsedSize, base)) takeNumber();
  else fail(`${stringAt(text, parsedSize)} not recognized`);
}

/** What is tried, in this order, with a word that isn't found: execution tokens ( c-addr u -- flag ). */
export const parseSteps: usize[] = [];
/** Steps that there can be. */
export const PARSE_STEPS_LIMIT: i32 = 8;

/** The steps that the system itself has. */
class Steps {
  prefix: usize = 0;
  number: usize = 0;
}
/** Their execution tokens. */
export const steps = new Steps();

/** Executes the word of the list of prefixes that the `size` bytes at `at` of the source begin with, if one does. */
export function tryPrefix(at: i32, size: i32): bool {
  const words = wordlists[PREFIX_WORDLIST - 1].words;
  const text = source + <usize>at;
  for (let i = words.length - 1; i >= 0; i--) {
    const length = nameSize(words[i]);
    if (length == 0 || length > size || !isCalled(words[i], text, length)) continue;
    if (findWord("<prefixes>") == 0) return false;
    setPosition(at + length);
    execute(words[i]);
    return true;
  }
  return false;
}

/** Executes or compiles the word whose name is the `size` bytes at `name`, if there is one. */
export function tryWord(name: usize, size: i32): bool {
  if (!check(0, 0) || !dictionaryChecked()) return true;
  if (hasLocals() && useLocal(stringAt(name, size))) return true;
  const xt = findWordAt(name, size);
  if (xt == 0) return false;
  const flags = flagsOf(xt);
  if (compiling()) {
    if ((flags & FLAG_IMMEDIATE) != 0) execute(xt);
    else appendCell(xt);
  } else if ((flags & FLAG_COMPILE_ONLY) != 0) {
    fail("Error: Compile only!");
  } else {
    execute(xt);
  }
  return true;
}

/** Whether the dictionary has its end where it should; else starts unwinding. */
function dictionaryChecked(): bool {
  if (cellsLeft() < 0) fail("Error: dictionary full");
  else if (cellsUsed() < 0) fail("Error: dictionary underflow");
  return thrown == 0;
}

/** Executes or compiles the word that was just parsed. */
function interpretWord(): void {
  const at = parsedAt;
  const size = parsedSize;
  const name = source + <usize>at;
  if (tryWord(name, size)) return;
  for (let i = 0; i < parseSteps.length; i++) {
    const step = parseSteps[i];
    if (step == steps.prefix) {
      if (tryPrefix(at, size)) return;
    } else if (step == steps.number) {
      if (tryNumber(name, size)) return;
    } else {
      if (!check(0, 2)) return;
      push(<i64>name);
      push(size);
      execute(step);
      if (thrown == RESTART) cutOffWaiting();
      if (thrown != 0 || !looseCheck(1) || pop() != 0) return;
    }
  }
  fail(`${stringAt(name, size)} not found`);
}

/**
 * Interprets `size` bytes at `text`. Returns OUT_OF_TEXT when all went well, else the code that was thrown;
 * anything but QUIT and an exit then has cleared the stacks and the search order.
 */
export function interpretText(text: usize, size: i32): i32 {
  const oldSource = source;
  const oldSize = sourceSize;
  const oldPosition = variables.in;
  source = text;
  sourceSize = size;
  setPosition(0);
  let result = OUT_OF_TEXT;
  goOn();
  while (true) {
    if (thrown == 0) {
      scanWord();
      if (parsedSize == 0) break;
      interpretWord();
    }
    if (thrown != 0) {
      result = thrown;
      setThrown(0);
      break;
    }
  }
  if (result == RESTART) {
    result = OUT_OF_TEXT;
  } else if (result != OUT_OF_TEXT && result != USER_EXIT && result != INNER_EXIT && result != BREAK) {
    forgetStop();
    store<u8>(pad, 0);
    if (compiling()) {
      abortDefinition();
      forgetLocals();
      setCompiling(false);
    }
    if (result == QUIT) {
      resetReturnStack();
    } else {
      resetSearchOrder();
      resetStacks();
      variables.base = 10;
    }
  }
  source = oldSource;
  sourceSize = oldSize;
  variables.in = oldPosition;
  return result;
}
