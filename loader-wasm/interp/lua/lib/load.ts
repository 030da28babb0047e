// Chunks to functions: from memory, from files, and from a script's reader function. Only text is accepted.

import { close, fstat, open, read, unreadable } from "../../../files/files";
import { O_RDONLY, S_IFDIR, S_IFMT } from "../../../fs/file_system";
import { EFBIG, EIO, EISDIR, errno, setErrno, strerror } from "../../../lib/errno";
import { failDetailed } from "../../../lib/outcome";
import { PURPOSE_SCRIPT } from "../../../protocol";
import { compile } from "../compile/parser";
import { Buffer, closeBuffers, openBuffer, openBuffers } from "../run/buffers";
import { protectedCall } from "../run/call";
import { raiseText } from "../run/errors";
import { errorValue, globals, handlerAt, newClosure, newUpvalue, raised, setRaised, setTop, top } from "../run/state";
import { is54 } from "../values/dialect";
import { owe } from "../values/owed";
import { bytesOf, lengthOf, stringOf, textOf } from "../values/string";
import { CLOSURE, isNumberTag, NIL, objectOf, STRING, setObject, TABLE, tagOf, VALUE_SIZE } from "../values/value";
import { pushObject, pushText, pushValue, setArgCount, stringify } from "./builtin";

/** Bytes of the core's own objects that reading and compiling one may leave behind. */
const FILE_GARBAGE: i32 = 16384;
/** Bytes of a script file. */
const SCRIPT_LIMIT: usize = 16 * 1024 * 1024;
/** Bytes read at a time. */
const STEP: i32 = 65536;

/**
 * Compiles `size` bytes at `src`, called `name`, and pushes the function; or pushes the message and returns
 * false. `mode` has the letters of the kinds of chunks that may be loaded (null: all).
 */
function loadBytes(src: usize, size: u32, name: usize, mode: string | null): bool {
  const kind = size > 0 && load<u8>(src) == 0x1b ? "binary" : "text";
  if (mode !== null && !mode.includes(kind.substring(0, 1))) {
    pushText(`attempt to load a ${kind} chunk (mode is '${mode}')`);
    return false;
  }
  if (kind == "binary") {
    pushText(binaryFault(binaryName(name), src, size));
    return false;
  }
  const proto = compile(src, size, name);
  if (proto === null) {
    setRaised(false);
    pushValue(errorValue);
    return false;
  }
  const closure = newClosure(proto);
  const count = closure.count;
  // A main function's one upvalue is its table of globals.
  for (let i: u32 = 0; i < count; i++) {
    const upvalue = newUpvalue();
    setObject(upvalue.at, globals.address, TABLE);
    closure.setUpvalue(i, upvalue);
  }
  pushObject(closure.address, CLOSURE);
  return true;
}

/** How messages call a compiled chunk named `source`. */
function binaryName(source: usize): string {
  const name = textOf(source);
  const first = name.length > 0 ? name.charCodeAt(0) : 0;
  return first == 0x40 || first == 0x3d ? name.substring(1) : first == 0x1b ? "binary string" : name;
}

/** What a compiled chunk of the reference's begins with: sizes of its types and a number of each of the two kinds among it. */
const HEADER = "\x1bLua\x53\0\x19\x93\r\n\x1a\n\x04\x08\x04\x08\x08\x78\x56\0\0\0\0\0\0\x72\x01\0\0\0\0\0\0";
/** Where the parts of that end, and what is said of a chunk in which one is different. */
const HEADER_ENDS: StaticArray<i32> = [4, 5, 6, 12, 13, 14, 15, 16, 17, 25, 33];
const HEADER_FAULTS: StaticArray<string> = [
  "not a",
  "version mismatch in",
  "format mismatch in",
  "corrupted",
  "int size mismatch in",
  "size_t size mismatch in",
  "Instruction size mismatch in",
  "lua_Integer size mismatch in",
  "lua_Number size mismatch in",
  "endianness mismatch in",
  "float format mismatch in",
];

/** The header of Lua 5.4's compiled chunks, where its parts end, and what is said of a chunk in which one is different. */
const HEADER_54 = "\x1bLua\x54\0\x19\x93\r\n\x1a\n\x04\x08\x08\x78\x56\0\0\0\0\0\0\x72\x01\0\0\0\0\0\0";
const HEADER_ENDS_54: StaticArray<i32> = [4, 5, 6, 12, 13, 14, 15, 23, 31];
const HEADER_FAULTS_54: StaticArray<string> = [
  "not a binary chunk",
  "version mismatch",
  "format mismatch",
  "corrupted chunk",
  "Instruction size mismatch",
  "lua_Integer size mismatch",
  "lua_Number size mismatch",
  "integer format mismatch",
  "float format mismatch",
];

/** Says of the compiled chunk `name` what is wrong with it. */
function binaryFault(name: string, src: usize, size: u32): string {
  if (!is54)
    return `${name}: ${headerFault(src, size, HEADER, HEADER_ENDS, HEADER_FAULTS, "truncated")} precompiled chunk`;
  const fault = headerFault(src, size, HEADER_54, HEADER_ENDS_54, HEADER_FAULTS_54, "truncated chunk");
  return `${name}: bad binary format (${fault})`;
}

/** What is wrong with the compiled chunk of `size` bytes at `src`. One with nothing wrong is of a version that isn't run, as all are. */
function headerFault(
  src: usize,
  size: u32,
  header: string,
  ends: StaticArray<i32>,
  faults: StaticArray<string>,
  short: string,
): string {
  let at = 0;
  for (let part = 0; part < ends.length; part++) {
    const end = ends[part];
    if (<u32>end > size) return short;
    for (; at < end; at++) if (load<u8>(src + <usize>at) != header.charCodeAt(at)) return faults[part];
  }
  return faults[1];
}

/** Compiles a string; see `loadBytes`. */
export function loadString(text: usize, name: usize, mode: string | null): bool {
  return loadBytes(bytesOf(text), lengthOf(text), name, mode);
}

/** Compiles the file `path`; see `loadBytes`. A first line that begins with `#` is skipped. */
export function loadFile(path: string, mode: string | null): bool {
  owe(FILE_GARBAGE);
  const fd = openScript(path);
  if (fd < 0) {
    pushFailure("open", path, errno, unreadable);
    return false;
  }
  const before = openBuffers;
  const buffer = openBuffer();
  const failed = !readAll(fd, buffer);
  const error = errno;
  close(fd);
  if (failed || raised) {
    closeBuffers(before);
    if (raised) {
      setRaised(false);
      pushValue(errorValue);
    } else {
      pushFailure("read", path, error, error == EIO);
    }
    return false;
  }
  let start: usize = 0;
  if (buffer.size > 0 && load<u8>(buffer.at) == 0x23) {
    while (start < buffer.size && load<u8>(buffer.at + start) != 0x0a) start++;
  }
  const done = loadBytes(buffer.at + start, <u32>(buffer.size - start), stringOf(`@${path}`), mode);
  closeBuffers(before);
  return done;
}

/** Pushes why a script can't be had. When the disk `failed`, the `include` command says so, too. */
function pushFailure(verb: string, path: string, error: i32, failed: bool): void {
  const text = `cannot ${verb} ${path}: ${strerror(error)}`;
  if (failed) failDetailed(text);
  pushText(text);
}

/** Opens a script, which must be something that has a status. */
function openScript(path: string): i32 {
  const fd = open(path, O_RDONLY, PURPOSE_SCRIPT);
  if (fd < 0) return -1;
  const status = fstat(fd);
  const error = status === null ? errno : (status.mode & S_IFMT) == S_IFDIR ? EISDIR : 0;
  if (error == 0) return fd;
  close(fd);
  setErrno(error);
  return -1;
}

function readAll(fd: i32, buffer: Buffer): bool {
  while (buffer.size < SCRIPT_LIMIT) {
    if (!buffer.reserve(STEP)) return false;
    const got = read(fd, buffer.at + buffer.size, STEP);
    if (got <= 0) return got == 0;
    buffer.size += got;
  }
  setErrno(EFBIG);
  return false;
}

/** Calls the function in argument 1 for pieces of text until it gives none, and compiles them; see `loadBytes`. */
export function loadPieces(name: usize, mode: string | null): bool {
  const before = openBuffers;
  const buffer = openBuffer();
  setArgCount(5);
  // The reader may set off a collection.
  setObject(top - 4 * VALUE_SIZE, name, STRING);
  if (!readPieces(buffer)) {
    closeBuffers(before);
    setRaised(false);
    pushValue(errorValue);
    return false;
  }
  const done = loadBytes(buffer.at, <u32>buffer.size, name, mode);
  closeBuffers(before);
  return done;
}

/** False after an error. */
function readPieces(buffer: Buffer): bool {
  while (true) {
    pushValue(top - 5 * VALUE_SIZE);
    if (!protectedCall(0, 1, handlerAt)) return false;
    const piece = top - VALUE_SIZE;
    const tag = tagOf(piece);
    if (tag == NIL) {
      setTop(piece);
      return true;
    }
    if (isNumberTag(tag)) stringify(piece);
    if (tagOf(piece) != STRING) {
      raiseText("reader function must return a string");
      return false;
    }
    const text = objectOf(piece);
    setTop(piece);
    if (lengthOf(text) == 0) return true;
    buffer.addString(text);
    if (raised) return false;
  }
}
