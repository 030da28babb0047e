// The loader's own words: environment, files, time, guest memory, and the loader's commands as words.

import { argumentCount, argumentList, split } from "../../boot/command_line";
import { Command, commands, findCommandAt } from "../../boot/commands";
import { panic } from "../../boot/ending";
import { delay, time } from "../../console/console";
import { getenvAt, setDefault, setenv, setenvAt, unsetenvAt } from "../../environment/variables";
import { close, fstat, open, pathOf, read, readdir, readToLineEnd, seek, write } from "../../files/files";
import { O_RDONLY, S_IFDIR, S_IFMT } from "../../fs/file_system";
import { compareBytesAt, copyText, stringAt } from "../../lib/bytes";
import { EIO, errno, isReadFailure, strerror } from "../../lib/errno";
import { allocate, burn } from "../../lib/fault";
import { CMD_CRIT, CMD_FATAL, CMD_OK, commandError, failDetailed } from "../../lib/outcome";
import { print } from "../../lib/output";
import { digitValue } from "../../lib/text";
import { findFile } from "../../load/preloaded";
import { copyin, copyout, PURPOSE_SCRIPT } from "../../protocol";
import { colon, forth, primitive } from "./define";
import {
  appendCell,
  appendWord,
  BODY,
  current,
  FLAG_IMMEDIATE,
  FLAG_UNLISTED,
  FORTH_WORDLIST,
  latest,
  nameAddress,
  nameOf,
  nameSize,
  setCurrent,
  setFlag,
  wordlists,
} from "./dictionary";
import { addPrimitive, execute } from "./inner";
import {
  allocateBlock,
  cellsLeft,
  check,
  compiling,
  ERROR_EXIT,
  fail,
  freeBlock,
  increaseCell,
  looseCheck,
  OUT_OF_TEXT,
  placeText,
  pop,
  popRange,
  popText,
  push,
  pushFlag,
  readable,
  running,
  textAt,
  textSize,
  thresholdCell,
  throwCode,
  thrown,
  writable,
} from "./memory";
import {
  compileLiteral,
  interpretText,
  parsedAt,
  parsedSize,
  parseWord,
  position,
  scanUntil,
  setPosition,
  setSourceId,
  source,
  sourceId,
  tickNext,
} from "./outer";
import { compileWord } from "./words_compile";

/** THROW code of a command line that can't be split into words. */
export const PARSE_ERROR: i32 = 100;
/** Bytes of the line of a script that FLOAD reads; longer ones are cut into several. */
const LINE_LIMIT: i32 = 4096;

/** Whether a command has run since the last error text was shown. */
export let errorWaits: bool = false;
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
    store<u8>(line + <usize>lineSize, 0x20);
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
    const count = looseCheck(1) ? pop() : 0;
    for (let i: i64 = 0; i < count; i++) {
      if (!check(2, 0)) return;
      const size = pop();
      const address = pop();
      if (size != 0 && !readable(address, size)) return;
      addToLine(<usize>address, <i32>size);
    }
  } else {
    scanUntil(0x0a, false, true);
    if (parsedSize > 0) addToLine(source + <usize>parsedAt, parsedSize);
  }
  failDetailed("");
  errorWaits = true;
  const result = split(line, lineSize) ? runSplit(command) : PARSE_ERROR;
  if (result == CMD_CRIT) print(`${commandError}\n`);
  else if (result == CMD_FATAL) panic(commandError);
  if (result != CMD_OK) throwCode(result);
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
  const xt = load<u64>(running + BODY);
  if (compiling()) {
    compileLiteral(1);
    appendCell(<i64>xt);
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

/** Says that `fd` can't be read any further: that is not its end. Returns what is thrown. */
function readFailed(fd: i32): i32 {
  print(`can't read '${pathOf(fd)}': ${strerror(errno)}\n`);
  return ERROR_EXIT;
}

/** Interprets the lines of an open file. Returns OUT_OF_TEXT or what was thrown. */
export function interpretFile(fd: i32): i32 {
  const before = sourceId;
  setSourceId(fd);
  let result = OUT_OF_TEXT;
  const line = heap.alloc(LINE_LIMIT + 1);
  while (result == OUT_OF_TEXT) {
    burn(1);
    const got = readToLineEnd(fd, line, LINE_LIMIT, false);
    if (got < 0 && isReadFailure(errno)) result = readFailed(fd);
    if (got <= 0) break;
    const size = load<u8>(line + <usize>got - 1) == 0x0a ? got - 1 : got;
    result = interpretText(line, size);
  }
  heap.free(line);
  setSourceId(before);
  return result;
}

/** Copies of variables' values that scripts were given, by name: a value stays where it is until it changes. */
const values: Map<string, usize> = new Map<string, usize>();

function pushValue(name: string, value: string): void {
  if (values.has(name)) {
    const old = values.get(name);
    if (compareBytesAt(value, old, value.length) == 0 && load<u8>(old + <usize>value.length) == 0) {
      push(<i64>old);
      push(value.length);
      return;
    }
    freeBlock(old);
    values.delete(name);
  }
  const block = allocateBlock(value.length + 1);
  if (block == 0) {
    fail("Error: out of memory");
    return;
  }
  placeText(block, value);
  values.set(name, block);
  push(<i64>block);
  push(value.length);
}

/** Bytes of a UUID, and of its text: 8-4-4-4-12 digits. */
const UUID_SIZE: i64 = 16;
const UUID_TEXT: i32 = 36;

/** A block with the UUID that `text` tells, or 0. Nothing tells the nil UUID. */
function uuidFromText(text: string): usize {
  const bytes: u8[] = [];
  if (text.length > 0) {
    if (text.length != UUID_TEXT) return 0;
    for (let i = 0; i < UUID_TEXT; ) {
      const dash = i == 8 || i == 13 || i == 18 || i == 23;
      if (dash && text.charCodeAt(i++) != 0x2d) return 0;
      const high = digitValue(text.charCodeAt(i));
      const low = digitValue(text.charCodeAt(i + 1));
      if (high > 15 || low > 15) return 0;
      bytes.push(<u8>((high << 4) | low));
      i += 2;
    }
    // Of the variants those of DCE, NCS and Microsoft are known.
    const variant = bytes[8];
    if ((variant & 0x80) != 0 && (variant & 0xc0) != 0x80 && (variant & 0xe0) != 0xc0) return 0;
  }
  const block = allocateBlock(UUID_SIZE);
  if (block == 0) {
    fail("Error: out of memory");
    return 0;
  }
  memory.fill(block, 0, <usize>UUID_SIZE);
  // The first three fields are numbers of 4, 2 and 2 bytes.
  const places: i32[] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  for (let i = 0; i < bytes.length; i++) store<u8>(block + <usize>places[i], bytes[i]);
  return block;
}

export function defineLoader(): void {
  primitive("setenv", 4, 0, () => {
    if (!popRange()) return;
    const name = textAt;
    const size = textSize;
    const value = popText();
    if (value !== null) setenvAt(name, size, value);
  });
  primitive("setenv?", 5, 0, () => {
    const overwrite = pop();
    const name = popText();
    if (name === null) return;
    const value = popText();
    if (value === null) return;
    if (overwrite != 0) setenv(name, value);
    else setDefault(name, value);
  });
  primitive("getenv", 2, 2, () => {
    if (!popRange()) return;
    const value = getenvAt(textAt, textSize);
    if (value === null) push(-1);
    else pushValue(stringAt(textAt, textSize), value);
  });
  primitive("unsetenv", 2, 0, () => {
    if (popRange()) unsetenvAt(textAt, textSize);
  });
  primitive("copyin", 3, 0, () => {
    const size = pop();
    const to = pop();
    const from = pop();
    if (size > 0 && readable(from, size)) copyin(<usize>from, <u64>to, <u32>size);
  });
  primitive("copyout", 3, 0, () => {
    const size = pop();
    const to = pop();
    const from = pop();
    if (size > 0 && writable(to, size)) copyout(<u64>from, <usize>to, <u32>size);
  });
  primitive("findfile", 4, 1, () => {
    const type = popText();
    if (type === null) return;
    const name = popText();
    if (name !== null) push(findFile(name, type) === null ? 0 : 1);
  });
  primitive("ccall", 2, 1, () => fail("Error: ccall is not available"));

  // Files.
  primitive("fopen", 3, 1, () => {
    const mode = <i32>pop();
    const size = <i32>pop();
    const address = pop();
    if (size < 0 || address == 0) {
      push(-1);
      return;
    }
    push(address);
    push(size);
    const name = popText();
    if (name !== null) push(open(name, mode == 0 ? O_RDONLY : mode, PURPOSE_SCRIPT));
  });
  primitive("fclose", 1, 0, () => {
    close(<i32>pop());
  });
  primitive("fread", 3, 1, () => {
    const size = pop();
    const address = pop();
    const fd = <i32>pop();
    if (size <= 0 || address == 0) push(-1);
    else if (writable(address, size)) push(read(fd, <usize>address, <i32>size));
  });
  primitive("fwrite", 3, 1, () => {
    const size = pop();
    const address = pop();
    const fd = <i32>pop();
    if (readable(address, size)) push(write(fd, <usize>address, <i32>size));
  });
  primitive("fseek", 3, 1, () => {
    const whence = <i32>pop();
    const offset = pop();
    push(seek(<i32>pop(), offset, whence));
  });
  primitive("fkey", 1, 1, () => {
    const fd = <i32>pop();
    const cell = heap.alloc(1);
    const got = read(fd, cell, 1);
    const key = load<i8>(cell);
    heap.free(cell);
    if (got < 0 && isReadFailure(errno)) throwCode(readFailed(fd));
    else push(got > 0 ? key : -1);
  });
  primitive("fload", 1, 0, () => {
    const fd = <i32>pop();
    if (fd == -1) return;
    const result = interpretFile(fd);
    if (result != OUT_OF_TEXT) throwCode(result);
  });
  primitive("isdir?", 1, 1, () => {
    const status = fstat(<i32>pop());
    pushFlag(status !== null && (status.mode & S_IFMT) == S_IFDIR);
  });
  primitive("freaddir", 1, 3, () => {
    const fd = <i32>pop();
    const entry = readdir(fd);
    if (entry === null) {
      if (errno == EIO) throwCode(readFailed(fd));
      else push(0);
      return;
    }
    pushValue("\0readdir", entry.name);
    push(-1);
  });

  // Time.
  primitive("ms", 1, 0, () => delay(<i32>min(pop() * 1000, i32.MAX_VALUE)));
  primitive("seconds", 0, 1, () => push(time()));
  primitive("heap?", 0, 1, () => push(cellsLeft()));
  primitive("dictthreshold", 0, 1, () => push(thresholdCell));
  primitive("dictincrease", 0, 1, () => push(increaseCell));
  primitive("uuid-from-string", 2, 1, () => {
    const text = popText();
    if (text !== null) push(<i64>uuidFromText(text));
  });
  // The reference gives a text only when it couldn't make one.
  primitive("uuid-to-string", 1, 1, () => {
    pop();
    push(-1);
  });
  colon("tib>", "source >in @ tuck over >in ! - >r + r>");
  colon("%", "tib> ['] evaluate catch drop");
  colon("$", "tib> 2dup type cr evaluate");
}
