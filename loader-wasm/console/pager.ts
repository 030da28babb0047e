// Paged output: after a screenful the reader is asked to go on, line by line or page by page, or to quit.

import { getenv } from "../environment/variables";
import { Ascii } from "../lib/ascii";
import { print, putchar } from "../lib/output";
import { parseInteger } from "../lib/text";
import { getchar } from "./console";

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

/** Ends a page: from now on nothing counts lines. */
export function closePager(): void {
  pageLines = -1;
}

/** Prints `text`, asking where a page is full. True when the reader quits. */
export function page(text: string): bool {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    putchar(c);
    if (c == Ascii.NEWLINE && --freeLines <= 0 && askForMore()) return true;
  }
  return false;
}

function askForMore(): bool {
  print(PROMPT);
  let quit = false;
  while (true) {
    const key = getchar();
    if (key == Ascii.RETURN || key == Ascii.NEWLINE) {
      freeLines = 1;
      break;
    }
    if (key == Ascii.SPACE) {
      freeLines = pageLines;
      break;
    }
    if (key == Ascii.LOWER_Q || key == Ascii.UPPER_Q) {
      quit = true;
      break;
    }
  }
  print(`\r${BLANK}\r`);
  return quit;
}

/** Pages `size` bytes at `src`, up to a NUL. True when the reader quits. */
export function pageBytes(src: usize, size: i32): bool {
  for (let i = 0; i < size; i++) {
    const c = load<u8>(src + <usize>i);
    if (c == 0) return false;
    putchar(c);
    if (c == Ascii.NEWLINE && --freeLines <= 0 && askForMore()) return true;
  }
  return false;
}
