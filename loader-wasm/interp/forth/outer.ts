// The text interpreter: takes words from the input, looks them up, converts numbers, and executes or
// compiles. `interpretText` is one level of it: a typed line, a script's line, or an EVALUATE.

import { print } from "../../console/console";
import { stringAt } from "../../lib/bytes";
import { digitValue, isSpace, toLower } from "../../lib/text";
import {
  abortDefinition,
  appendCell,
  FLAG_COMPILE_ONLY,
  FLAG_IMMEDIATE,
  FORTH_WORDLIST,
  findWord,
  findWordAt,
  flagsOf,
  resetSearchOrder,
  searchList,
} from "./dictionary";
import { execute, goOn, waitForText } from "./inner";
import { compileLocal, endLocals, hasLocals } from "./locals";
import {
  BREAK,
  baseCell,
  check,
  fail,
  INNER_EXIT,
  inCell,
  OUT_OF_TEXT,
  push,
  QUIT,
  RESTART,
  resetReturnStack,
  resetStacks,
  setThrown,
  stateCell,
  thrown,
  USER_EXIT,
} from "./memory";

/** The text being interpreted, and where it came from: 0 the prompt, -1 EVALUATE, else a file. */
export let source: usize = 0;
export let sourceSize: i32 = 0;
export let sourceId: i64 = 0;

export function setSourceId(id: i64): void {
  sourceId = id;
}

export function compiling(): bool {
  return load<i64>(stateCell) != 0;
}

export function setCompiling(on: bool): void {
  store<i64>(stateCell, on ? 1 : 0);
}

/** Position in the source; scripts can set it to anything. */
export function position(): i32 {
  const at = load<i64>(inCell);
  return at < 0 || at > <i64>sourceSize ? sourceSize : <i32>at;
}

export function setPosition(at: i32): void {
  store<i64>(inCell, at);
}

/** Where the last text that was parsed began in the source, and its length. */
export let parsedAt: i32 = 0;
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

/** Parses the text up to `delimiter`, or the rest. */
export function scanUntil(delimiter: i32, skipLeading: bool = false): void {
  let at = position();
  if (skipLeading) while (at < sourceSize && load<u8>(source + <usize>at) == delimiter) at++;
  const start = at;
  while (at < sourceSize && load<u8>(source + <usize>at) != delimiter) at++;
  parsed(start, at);
}

/** The same two as strings. */
export function parseWord(): string {
  scanWord();
  return stringAt(source + <usize>parsedAt, parsedSize);
}
export function parseUntil(delimiter: i32, skipLeading: bool = false): string {
  scanUntil(delimiter, skipLeading);
  return stringAt(source + <usize>parsedAt, parsedSize);
}

/** The name that comes next; empty, and unwinding until there is another line, when there is none. */
export function wantName(): string {
  const name = parseWord();
  if (name.length == 0) waitForText();
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

/** The number of the last call of `isNumber` that said so; `double` when it ended in a point. */
export let number: i64 = 0;
export let double: bool = false;

/** Whether the `size` bytes at `text` are a number in base `base`. */
export function isNumber(text: usize, size: i32, base: i64): bool {
  let at = text;
  let end = text + <usize>size;
  let negative = false;
  if (size > 1) {
    const sign = load<u8>(at);
    negative = sign == 0x2d;
    if (negative || sign == 0x2b) at++;
  }
  double = end > at && load<u8>(end - 1) == 0x2e;
  if (double) end--;
  if (at >= end) return false;
  let value: u64 = 0;
  for (; at < end; at++) {
    const digit = digitValue(load<u8>(at));
    if (<i64>digit >= base) return false;
    value = value * <u64>base + <u64>digit;
  }
  number = negative ? -(<i64>value) : <i64>value;
  return true;
}

/** Words that compiled code consists of, looked up once. */
export class Compiled {
  literal: usize = 0;
  twoLiteral: usize = 0;
}
export const compiled = new Compiled();

export function finishOuter(): void {
  compiled.literal = searchList(FORTH_WORDLIST, "(literal)");
  compiled.twoLiteral = searchList(FORTH_WORDLIST, "(2literal)");
}

export function compileLiteral(value: i64): void {
  appendCell(compiled.literal);
  appendCell(value);
}

/** Leaves or compiles the number of the last `isNumber`. */
function takeNumber(): void {
  if (compiling()) {
    if (double) {
      appendCell(compiled.twoLiteral);
      appendCell(0);
      appendCell(number);
    } else {
      compileLiteral(number);
    }
    return;
  }
  if (!check(0, double ? 2 : 1)) return;
  if (double) push(0);
  push(number);
}

/** Executes or compiles the word that was just parsed. */
function interpretWord(): void {
  const name = source + <usize>parsedAt;
  const size = parsedSize;
  if (compiling() && hasLocals() && compileLocal(stringAt(name, size))) return;
  const xt = findWordAt(name, size);
  if (xt != 0) {
    const flags = flagsOf(xt);
    if (compiling()) {
      if ((flags & FLAG_IMMEDIATE) != 0) execute(xt);
      else appendCell(xt);
    } else if ((flags & FLAG_COMPILE_ONLY) != 0) {
      fail("Error: Compile only!");
    } else {
      execute(xt);
    }
    return;
  }
  let digits = name;
  let digitsSize = size;
  let base = load<i64>(baseCell);
  let problem = "not found";
  if (size >= 2 && load<u8>(name) == 0x30) {
    const letter = toLower(load<u8>(name + 1));
    const prefixed: i64 = letter == 0x78 ? 16 : letter == 0x64 ? 10 : 0;
    if (prefixed != 0) {
      base = prefixed;
      problem = "not recognized";
      digits += 2;
      digitsSize -= 2;
      if (size == 2) {
        // A prefix that stands alone belongs to the next word.
        scanWord();
        digits = source + <usize>parsedAt;
        digitsSize = parsedSize;
      }
    }
  }
  if (isNumber(digits, digitsSize, base)) takeNumber();
  else fail(`${stringAt(digits, digitsSize)} ${problem}`);
}

/**
 * Interprets `size` bytes at `text`. Returns OUT_OF_TEXT when all went well, else the code that was thrown;
 * anything but QUIT and an exit then has cleared the stacks and the search order.
 */
export function interpretText(text: usize, size: i32): i32 {
  const oldSource = source;
  const oldSize = sourceSize;
  const oldPosition = load<i64>(inCell);
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
    if (compiling()) {
      abortDefinition();
      endLocals();
      setCompiling(false);
    }
    if (result == QUIT) {
      resetReturnStack();
    } else {
      resetSearchOrder();
      resetStacks();
      store<i64>(baseCell, 10);
    }
  }
  source = oldSource;
  sourceSize = oldSize;
  store<i64>(inCell, oldPosition);
  return result;
}

/** The whole source as text, for those who show it. */
export function printSource(): void {
  print(stringAt(source, sourceSize));
}
