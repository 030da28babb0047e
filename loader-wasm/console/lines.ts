// Editing a line at the console. What 12.1's loader knows goes for any key; keys that the host marks with KEY_EDITS, as
// it does for terminals, move in the line, erase parts of it and bring back earlier ones. Only backspaces and the text
// itself draw that, so that any terminal will do; a line that is longer than its row is drawn wrong.

import { Ascii } from "../lib/ascii";
import { print, putchar } from "../lib/output";
import { KEY_EDITS } from "../protocol";
import { getKey } from "./console";

/** Longest line that the prompt takes, in bytes; further ones are dropped. */
const LINE_LIMIT: i32 = 255;

/** Lines that are kept to be brought back. */
const HISTORY_MAX: i32 = 32;

/** Keys are told by these bits. */
const ASCII_BITS: i32 = 0x7f;

const history: string[] = [];
let line = "";
/** Where the cursor is in it. */
let cursor: i32 = 0;
/** How long it may become. */
let limit: i32 = 0;
/** Which line of the history is shown: none at its length, and never any below 0. */
let shown: i32 = 0;

/** Reads a line at the prompt, where earlier ones can be had again. */
export function promptLine(): string {
  shown = history.length;
  const typed = readLine(LINE_LIMIT);
  if (typed.length > 0 && (history.length == 0 || history[history.length - 1] != typed)) {
    if (history.length == HISTORY_MAX) history.shift();
    history.push(typed);
  }
  return typed;
}

/** Reads an edited line: backspace or delete rubs out, ^U or ^W starts again, ^R shows the line once more. */
export function editLine(most: i32 = LINE_LIMIT): string {
  shown = -1;
  return readLine(most);
}

function readLine(most: i32): string {
  line = "";
  cursor = 0;
  limit = most;
  while (true) {
    const key = getKey();
    if (key >= KEY_EDITS) {
      edit(key & 0xff);
      continue;
    }
    switch (key & ASCII_BITS) {
      case Ascii.NEWLINE:
      case Ascii.RETURN:
        putchar(Ascii.NEWLINE);
        return line;
      case Ascii.BACKSPACE:
      case Ascii.DELETE:
        erase(cursor - 1, cursor);
        break;
      case Ascii.CONTROL_R:
        putchar(Ascii.NEWLINE);
        print(line);
        cursor = line.length;
        break;
      case Ascii.CONTROL_U:
      case Ascii.CONTROL_W:
        line = "";
        cursor = 0;
        putchar(Ascii.NEWLINE);
        break;
      default:
        insert(key);
    }
  }
}

/** What a key of a terminal does: edits, or is text beyond ASCII; other control keys do nothing. */
function edit(key: i32): void {
  switch (key) {
    case Ascii.CONTROL_A:
      moveTo(0);
      break;
    case Ascii.CONTROL_B:
      moveTo(cursor - 1);
      break;
    case Ascii.CONTROL_D:
      erase(cursor, cursor + 1);
      break;
    case Ascii.CONTROL_E:
      moveTo(line.length);
      break;
    case Ascii.CONTROL_F:
      moveTo(cursor + 1);
      break;
    case Ascii.VERTICAL_TAB:
      erase(cursor, line.length);
      break;
    case Ascii.CONTROL_N:
      recall(shown + 1);
      break;
    case Ascii.CONTROL_P:
      recall(shown - 1);
      break;
    case Ascii.CONTROL_U:
      erase(0, cursor);
      break;
    case Ascii.CONTROL_W:
      erase(wordStart(), cursor);
      break;
    default:
      if (key > ASCII_BITS) insert(key);
  }
}

/** Puts a byte where the cursor is. */
function insert(key: i32): void {
  if (line.length >= limit) return;
  const rest = line.substring(cursor);
  line = line.substring(0, cursor) + String.fromCharCode(key) + rest;
  cursor++;
  putchar(key);
  print(rest);
  back(rest.length);
}

/** Takes out what is from `start` to `end`, if there is that. */
function erase(start: i32, end: i32): void {
  if (start < 0 || end > line.length || start == end) return;
  moveTo(start);
  const rest = line.substring(end);
  line = line.substring(0, start) + rest;
  print(rest);
  for (let i = start; i < end; i++) putchar(Ascii.SPACE);
  back(rest.length + end - start);
}

/** Moves the cursor, if the line reaches that far. */
function moveTo(position: i32): void {
  if (position < 0 || position > line.length) return;
  if (position < cursor) back(cursor - position);
  else print(line.substring(cursor, position));
  cursor = position;
}

function back(count: i32): void {
  for (let i = 0; i < count; i++) putchar(Ascii.BACKSPACE);
}

/** Where the word before the cursor begins. */
function wordStart(): i32 {
  let at = cursor;
  while (at > 0 && line.charCodeAt(at - 1) == Ascii.SPACE) at--;
  while (at > 0 && line.charCodeAt(at - 1) != Ascii.SPACE) at--;
  return at;
}

/** Shows an earlier line in place of this one; behind the last, an empty one. */
function recall(index: i32): void {
  if (shown < 0 || index < 0 || index > history.length) return;
  shown = index;
  erase(0, line.length);
  line = index < history.length ? history[index] : "";
  cursor = line.length;
  print(line);
}
