// The library `io` as the loader has it: files that are opened, read, written (in vain) and closed through
// functions, and the console's keys. A file is a userdata without a metatable, so it stays open until closed.

import { getchar, ischar } from "../../../console/console";
import { editLine } from "../../../console/lines";
import { close, fstat, open, pathOf, read, write } from "../../../files/files";
import { O_RDONLY, O_RDWR, O_WRONLY } from "../../../fs/file_system";
import { cutAtNul } from "../../../lib/bytes";
import { EINVAL, errno, isReadFailure, setErrno, strerror } from "../../../lib/errno";
import { openBuffer } from "../run/buffers";
import { raiseMemory, raisePlain } from "../run/errors";
import { RAISED } from "../run/state";
import { hasRoom } from "../values/heap";
import { converted, toInteger } from "../values/number";
import { STRING_BYTES, Table } from "../values/objects";
import { owe } from "../values/owed";
import { bytesOf, lengthOf, newLongString, newString, SHORT_LIMIT, STRING_LIMIT } from "../values/string";
import { newTable } from "../values/table";
import { FLOAT, INTEGER, STRING, USERDATA } from "../values/value";
import {
  argAt,
  argCount,
  argTag,
  checkString,
  pushBoolean,
  pushBuffer,
  pushBytes,
  pushInteger,
  pushNil,
  pushObject,
  pushString,
  pushText,
  setFunction,
} from "./builtin";
import { ctextOf, FILE, newUserdata, PATH_GARBAGE, USERDATA_CONTENT, userdataAt } from "./library";

// A file's content: descriptor (i32, -1 once closed), and at 8 its size when it was opened and its position.
const FILE_SIZE: usize = USERDATA_CONTENT + 8;
const FILE_POSITION: usize = USERDATA_CONTENT + 16;
const FILE_BYTES: usize = 24;
const CLOSED: i32 = -1;

/** Files said to be larger don't know their size; compressed ones. */
const SIZE_LIMIT: u64 = 1 << 48;
/** Bytes read at a time when it isn't known how many there are. */
const PIECE: u64 = 65536;
/** Longest line of `gets`, in bytes. */
const LINE_LIMIT: i32 = 127;

/** Makes the library. */
export function openIo(): Table {
  const table = newTable();
  setFunction(table, "close", closeFile);
  setFunction(table, "getchar", getKey);
  setFunction(table, "gets", getLine);
  setFunction(table, "ischar", hasKey);
  setFunction(table, "open", openFile);
  setFunction(table, "read", readFile);
  setFunction(table, "write", writeFile);
  return table;
}

function isText(index: i32): bool {
  const tag = argTag(index);
  return tag == STRING || tag == INTEGER || tag == FLOAT;
}

/** The descriptor to read with, write with or both that `mode` asks for, or -1. */
function openMode(mode: string): i32 {
  if (!mode.startsWith("r") && !mode.startsWith("w")) return -1;
  if (mode.startsWith("+", 1)) return O_RDWR;
  return mode.startsWith("r") ? O_RDONLY : O_WRONLY;
}

/** `open(path [, mode])`: a file, or nil. */
function openFile(): i32 {
  const count = argCount();
  if (count >= 1 && count <= 2 && isText(1) && (count == 1 || isText(2))) {
    const mode = count == 1 ? O_RDONLY : openMode(ctextOf(checkString(2)));
    owe(PATH_GARBAGE);
    const fd = mode < 0 ? -1 : open(ctextOf(checkString(1)), mode);
    if (fd >= 0) {
      const status = fstat(fd);
      if (status !== null) {
        const file = newUserdata(FILE, FILE_BYTES, null);
        store<i32>(file, fd, USERDATA_CONTENT);
        store<u64>(file, status.size, FILE_SIZE);
        pushObject(file, USERDATA);
        return 1;
      }
      close(fd);
    }
  }
  pushNil();
  return 1;
}

/** The open file in argument 1, or 0. */
function openedFile(): usize {
  const file = userdataAt(1, FILE);
  return file != 0 && load<i32>(file, USERDATA_CONTENT) != CLOSED ? file : 0;
}

/** `close(file)`: whether it was open. */
function closeFile(): i32 {
  const file = argCount() == 1 ? openedFile() : 0;
  if (file != 0) {
    close(load<i32>(file, USERDATA_CONTENT));
    store<i32>(file, CLOSED, USERDATA_CONTENT);
  }
  pushBoolean(file != 0);
  return 1;
}

/** `read(file [, size])`: what was read, and its length; nil and 0 when there is nothing to read from. */
function readFile(): i32 {
  const count = argCount();
  const file = count <= 2 ? openedFile() : 0;
  if (file == 0) {
    pushNil();
    pushInteger(0);
    return 2;
  }
  const size = load<u64>(file, FILE_SIZE);
  const position = load<u64>(file, FILE_POSITION);
  let wanted = size;
  if (count == 2) wanted = toInteger(argAt(2)) ? <u64>converted : 0;
  const fd = load<i32>(file, USERDATA_CONTENT);
  const got =
    size < SIZE_LIMIT ? readKnown(fd, min(wanted, size > position ? size - position : 0)) : readPieces(fd, wanted);
  if (got < 0) return RAISED;
  store<u64>(file, position + <u64>got, FILE_POSITION);
  pushInteger(got);
  return 2;
}

const shortText: usize = memory.data(SHORT_LIMIT);

/** Reads up to `size` bytes, which the file is known to have, and pushes them. Returns how many, or -1 after raising. */
function readKnown(fd: i32, size: u64): i64 {
  if (<i64>size > STRING_LIMIT || !hasRoom(<usize>size + STRING_BYTES + 1)) return raiseMemory();
  let text: usize = 0;
  let dst = shortText;
  if (size > <u64>SHORT_LIMIT) {
    text = newLongString(<u32>size);
    dst = text + STRING_BYTES;
  }
  const got = read(fd, dst, <i32>size);
  if (got < 0) return raiseRead(fd);
  if (text != 0 && <u64>got == size) pushString(text);
  else if (got <= SHORT_LIMIT) pushString(newString(dst, <u32>got));
  else if (!pushBytes(dst, <u32>got)) return RAISED;
  return got;
}

/** Reads up to `size` bytes of a file that may have fewer, and pushes them. Returns how many, or -1 after raising. */
function readPieces(fd: i32, size: u64): i64 {
  const buffer = openBuffer();
  let total: u64 = 0;
  while (total < size) {
    const piece = <i32>min(size - total, PIECE);
    if (!buffer.reserve(<usize>piece)) return RAISED;
    const got = read(fd, buffer.at + buffer.size, piece);
    if (got < 0) return raiseRead(fd);
    buffer.size += <usize>got;
    total += <u64>got;
    if (got < piece) break;
  }
  return pushBuffer(buffer) == RAISED ? RAISED : <i64>total;
}

/** Nothing can be read: the disk fails, or it is a directory, say. The reference takes the -1 for a length. */
function raiseRead(fd: i32): i32 {
  if (isReadFailure(errno)) return raisePlain(`cannot read ${pathOf(fd)}: ${strerror(errno)}`);
  return raisePlain("memory allocation error: block too big");
}

/** Pushes nil and the reason that `errno` has. */
function pushFailure(): i32 {
  const error = errno;
  pushNil();
  pushText(strerror(error));
  pushInteger(error);
  return 3;
}

/** `write(file, ...)`: the bytes written, or nil, text and number of an error. */
function writeFile(): i32 {
  const count = argCount();
  const file = openedFile();
  let valid = count >= 2 && file != 0;
  for (let i = 2; i <= count && valid; i++) valid = isText(i);
  if (!valid) {
    setErrno(EINVAL);
    return pushFailure();
  }
  let total: i64 = 0;
  for (let i = 2; i <= count; i++) {
    const text = checkString(i);
    const length = <i32>lengthOf(text);
    const written = max(write(load<i32>(file, USERDATA_CONTENT), bytesOf(text), length), 0);
    if (written < length) return pushFailure();
    total += written;
  }
  pushInteger(total);
  return 1;
}

function getKey(): i32 {
  pushInteger(getchar());
  return 1;
}

function hasKey(): i32 {
  pushBoolean(ischar());
  return 1;
}

function getLine(): i32 {
  pushText(cutAtNul(editLine(LINE_LIMIT)));
  return 1;
}
