// Paged output: after a screenful the reader is asked to go on, line by line or page by page, or to quit.

import { getenv } from "../boot/environment";
import { close, open, read } from "../fs/files";
import { errno, strerror } from "../lib/errno";
import { parseInteger } from "../lib/text";
import { getchar, print, putchar } from "./console";

const PROMPT = " --more--  <space> page down <enter> line down <q> quit ";
const BLANK = "                                                        ";
/** Lines of a screen when `LINES` doesn't say. */
const DEFAULT_LINES: i32 = 24;

let pageLines: i32 = -1;
let freeLines: i32 = 0;

/** Starts a page. */
export function openPager(): void {
  const lines = getenv("LINES");
  const count = lines === null ? DEFAULT_LINES : <i32>parseInteger(lines);
  pageLines = max(count - 1, 1);
  freeLines = pageLines;
}

export function closePager(): void {
  pageLines = -1;
}

/** Prints `text`, asking where a page is full. True when the reader quits. */
export function page(text: string): bool {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    putchar(c);
    if (c == 0x0a && --freeLines <= 0 && askForMore()) return true;
  }
  return false;
}

function askForMore(): bool {
  print(PROMPT);
  let quit = false;
  while (true) {
    const key = getchar();
    if (key == 0x0d || key == 0x0a) {
      freeLines = 1;
      break;
    }
    if (key == 0x20) {
      freeLines = pageLines;
      break;
    }
    if (key == 0x71 || key == 0x51) {
      quit = true;
      break;
    }
  }
  print(`\r${BLANK}\r`);
  return quit;
}

/** Bytes read from a file at a time. */
const CHUNK: i32 = 79;
const chunk: usize = memory.data(80);

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

/** Pages `size` bytes at `src`, up to a NUL. True when the reader quits. */
export function pageBytes(src: usize, size: i32): bool {
  for (let i = 0; i < size; i++) {
    const c = load<u8>(src + <usize>i);
    if (c == 0) return false;
    putchar(c);
    if (c == 0x0a && --freeLines <= 0 && askForMore()) return true;
  }
  return false;
}
