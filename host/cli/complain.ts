// What the program tells its user beside the guest's console.

import { printable } from "../text.js";

/** One line on stderr. */
export function complain(text: string): void {
  process.stderr.write(`userboot: ${printable(text)}\n`);
}
