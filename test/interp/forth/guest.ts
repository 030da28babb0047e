// A guest without disks whose prompt lines are typed at, for the tests of Forth.

import type { BootOptions } from "userboot-wasm";
import { typeLines } from "../../support/prompt.js";

export const NOTHING_LEFT = "InputEndedError";

/** Types lines at the prompt of a guest without disks; what came back, and how it ended. */
export async function typed(lines: readonly string[], more: BootOptions = {}) {
  const { result, prompted: text } = await typeLines(lines, { start: "4th", ...more });
  return { result, text };
}
