// What the program tells its user beside the guest's console.

import { printable } from "../text.js";
import { isLogging, log } from "./log.js";

/** One line on stderr. */
export function complain(text: string): void {
  if (isLogging()) log("message", { message: text });
  else process.stderr.write(`userboot: ${printable(text)}\n`);
}
