// Editing a line at the console.

import { putchar } from "../lib/output";
import { getchar } from "./console";

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
