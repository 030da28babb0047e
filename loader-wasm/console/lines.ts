// Editing a line at the console.

import { Ascii } from "../lib/ascii";
import { putchar } from "../lib/output";
import { getchar } from "./console";

/** Longest line that the prompt takes, in bytes; further ones are dropped. */
const LINE_LIMIT: i32 = 255;

/** Keys are told by these bits. */
const ASCII_BITS: i32 = 0x7f;

/** Reads an edited line: backspace or delete rubs out, ^U or ^W starts again, ^R shows the line once more. */
export function editLine(limit: i32 = LINE_LIMIT): string {
  let line = "";
  while (true) {
    const key = getchar();
    switch (key & ASCII_BITS) {
      case Ascii.NEWLINE:
      case Ascii.RETURN:
        putchar(Ascii.NEWLINE);
        return line;
      case Ascii.BACKSPACE:
      case Ascii.DELETE:
        if (line.length > 0) {
          line = line.substring(0, line.length - 1);
          putchar(Ascii.BACKSPACE);
          putchar(Ascii.SPACE);
          putchar(Ascii.BACKSPACE);
        }
        break;
      case Ascii.CONTROL_R:
        putchar(Ascii.NEWLINE);
        for (let i = 0; i < line.length; i++) putchar(line.charCodeAt(i));
        break;
      case Ascii.CONTROL_U:
      case Ascii.CONTROL_W:
        line = "";
        putchar(Ascii.NEWLINE);
        break;
      default:
        if (line.length < limit) {
          line += String.fromCharCode(key & 0xff);
          putchar(key);
        }
    }
  }
}
