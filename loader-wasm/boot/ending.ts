// How the loader ends a session by itself.

import { getchar } from "../console/console";
import { flush, print } from "../lib/output";
import { exit } from "../protocol";

/** Ends the session: 1 quit, 2 reboot. */
export function exitLoader(code: i32): void {
  flush();
  exit(code);
  unreachable();
}

/** Prints `text` as a panic, waits for a key and ends the session. */
export function panic(text: string): void {
  print(`panic: ${text}\n--> Press a key on the console to reboot <--\n`);
  getchar();
  print("Rebooting...\n");
  exitLoader(1);
}
