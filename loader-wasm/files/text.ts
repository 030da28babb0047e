// Text files: reading them line by line, and showing them page by page.

import { pageBytes } from "../console/pager";
import { Ascii } from "../lib/ascii";
import { stringAt } from "../lib/bytes";
import { errno, isReadFailure, strerror } from "../lib/errno";
import { print } from "../lib/output";
import { close, open, read, readToLineEnd } from "./files";

/** Why the last `readLine` or `readLineTo` found no line: an errno; 0 at the end of the file, and where there is none to read. */
export let lineError: i32 = 0;

/** Longest piece that `readLine` returns, in bytes. */
const PIECE_LIMIT: i32 = 1024;
const piece: usize = memory.data(PIECE_LIMIT);

/**
 * The next line of `fd`, without its terminator (CR or LF, each ending a line). Longer ones are cut into
 * pieces of `limit` bytes (at most 1024). Null and `lineError` at the end of the file or on a read error.
 */
export function readLine(fd: i32, limit: i32): string | null {
  const size = readLineTo(fd, piece, min(limit, PIECE_LIMIT));
  return size < 0 ? null : stringAt(piece, size);
}

/** The same at `dst`, which has room for `limit` bytes. Returns the line's length, -1 and `lineError` at the end or on an error. */
export function readLineTo(fd: i32, dst: usize, limit: i32): i32 {
  const got = readToLineEnd(fd, dst, limit, true);
  if (got <= 0) {
    lineError = got < 0 && isReadFailure(errno) ? errno : 0;
    return -1;
  }
  lineError = 0;
  const last = load<u8>(dst + <usize>got - 1);
  return last == Ascii.NEWLINE || last == Ascii.RETURN ? got - 1 : got;
}

/** Bytes read from a file at a time. */
const CHUNK: i32 = 79;
const chunk: usize = memory.data(CHUNK);

/** Pages through a file. 0 at its end, 1 when the reader quit, -1 when it can't be read. */
export function pageFile(path: string): i32 {
  const fd = open(path);
  if (fd < 0) {
    print(`can't open '${path}': ${strerror(errno)}\n`);
    return -1;
  }
  let result = 0;
  while (true) {
    const got = read(fd, chunk, CHUNK);
    if (got <= 0) {
      result = got;
      break;
    }
    if (pageBytes(chunk, got)) {
      result = 1;
      break;
    }
  }
  close(fd);
  return result;
}
