// JSON for people's eyes: what a guest has a say in can show a character there, but do nothing to a terminal.

import { ACTING } from "./text.js";

/** `value` as JSON, indented (or, by 0, on one line), ended by a newline, with such characters escaped. */
export function printableJson(value: unknown, indent = 2): string {
  const escaped = JSON.stringify(value, undefined, indent).replace(ACTING, (acting) =>
    acting === "\n" ? acting : acting.replace(/[\s\S]/g, escapeUnit),
  );
  return `${escaped}\n`;
}

/** A UTF-16 unit as JSON writes it. */
function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
