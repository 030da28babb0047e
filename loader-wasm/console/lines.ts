// Lines: editing at the console, and reading them from files.

import { readToLineEnd } from "../fs/files";
import { stringAt } from "../lib/bytes";
import { errno, isReadFailure } from "../lib/errno";
import { getchar, putchar } from "./console";

/** Longest line that the prompt takes, in bytes; further ones are dropped. */
const LINE_LIMIT: i32 = 255;

/** Reads an edited line: backspace or delete rubs out, ^U or ^W starts again, ^R shows the line once more. */
export function editLine(limit: i32 = LINE_LIMIT): string {
  let line = "";
  while (true) {
    const key = getchar();
    switch (key & 0x7f) {
      case 0x0a:
      case 0x0d:
        putchar(0x0a);
        return line;
      case 0x08:
      case 0x7f:
        if (line.length > 0) {
          line = line.substring(0, line.length - 1);
          putchar(0x08);
          putchar(0x20);
          putchar(0x08);
        }
        break;
      case 0x12:
        putchar(0x0a);
        for (let i = 0; i < line.length; i++) putchar(line.charCodeAt(i));
        break;
      case 0x15:
      case 0x17:
        line = "";
        putchar(0x0a);
        break;
      default:
        if (line.length < limit) {
          line += String.fromCharCode(key & 0xff);
          putchar(key);
        }
    }
  }
}

/** Why the last `readLine` or `readLineTo` found no line: an errno; 0 at the end of the file, and where there is none to read. */
export let lineError: i32 = 0;

/** Longest piece that `readLine` returns, in bytes. */
const PIECE_LIMIT: i32 = 1024;
const piece: usize = memory.data(1024);

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
  return last == 0x0a || last == 0x0d ? got - 1 : got;
}
