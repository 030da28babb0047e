// The prompt.

import { getenv } from "../environment/variables";
import { Ascii } from "../lib/ascii";
import { print, putchar } from "../lib/output";

/** Prints the prompt: `$prompt` with `${name}` in it replaced, and a blank. */
export function emitPrompt(): void {
  const prompt = getenv("prompt");
  const text = prompt === null ? ">" : prompt;
  for (let i = 0; i < text.length; i++) {
    if (!text.startsWith("${", i)) {
      putchar(text.charCodeAt(i));
      continue;
    }
    const brace = text.indexOf("}", i);
    const end = brace < 0 ? text.length : brace;
    const value = getenv(text.substring(i + 2, end));
    if (value !== null) print(value);
    i = end;
  }
  putchar(Ascii.SPACE);
}
