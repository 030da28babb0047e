// A guest without disks whose prompt lines are typed at, for the tests of Forth.

import { type BootOptions, boot, KeysConsole } from "userboot-wasm";

export const NOTHING_LEFT = "InputEndedError";

/** Types lines at the prompt of a guest without disks; what came back, and how it ended. */
export async function typed(lines: readonly string[], more: BootOptions = {}) {
  const console = new KeysConsole([lines.map((line) => `${line}\r`).join("")]);
  const env = ["autoboot_delay=NO"];
  const options = { disks: [], env, console, clock: "virtual", start: "4th", isolation: "none" } as const;
  const result = await boot({ ...options, ...more });
  const text = console.text.replace(/\r/g, "");
  return { result, text: text.slice(text.indexOf("OK ")) };
}
