// Words on files.

import { close, fstat, open, pathOf, read, readdir, readToLineEnd, seek, write } from "../../../files/files";
import { O_RDONLY, S_IFDIR, S_IFMT } from "../../../fs/file_system";
import { Ascii } from "../../../lib/ascii";
import { EIO, errno, isReadFailure, strerror } from "../../../lib/errno";
import { burn } from "../../../lib/fault";
import { print } from "../../../lib/output";
import { PURPOSE_SCRIPT } from "../../../protocol";
import { primitive } from "../define";
import { popText, readable, writable } from "../memory";
import { interpretText, setSourceId, sourceId } from "../outer";
import { ERROR_EXIT, OUT_OF_TEXT, pop, push, pushFlag, throwCode } from "../stacks";
import { pushValue } from "./environment";

/** Bytes of the line of a script that FLOAD reads; longer ones are cut into several. */
const LINE_LIMIT: i32 = 4096;

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
    const size = load<u8>(line + <usize>got - 1) == Ascii.NEWLINE ? got - 1 : got;
    result = interpretText(line, size);
  }
  heap.free(line);
  setSourceId(before);
  return result;
}

/** Whether `fd` is open, and a directory. */
export function isDirectory(fd: i32): bool {
  const status = fstat(fd);
  return status !== null && (status.mode & S_IFMT) == S_IFDIR;
}

/** Defines the words on files. */
export function defineFiles(): void {
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
  primitive("isdir?", 1, 1, () => pushFlag(isDirectory(<i32>pop())));
  primitive("freaddir", 1, 3, () => nextEntry(<i32>pop(), false));
}

/** Pushes the next name in a directory and true, or false; the two that all directories have may be left out. */
export function nextEntry(fd: i32, skipsDots: bool): void {
  let entry = readdir(fd);
  while (skipsDots && entry !== null && (entry.name == "." || entry.name == "..")) entry = readdir(fd);
  if (entry === null) {
    if (errno == EIO) throwCode(readFailed(fd));
    else push(0);
    return;
  }
  pushValue("\0readdir", entry.name);
  push(-1);
}
