// Output: bytes for the console, with newlines expanded, collected so that a line costs one host call. Which consoles
// there are is no concern of this file: it is told how many a byte goes to (console/console.ts).

import { write } from "../protocol";
import { Ascii } from "./ascii";

/** Bytes collected before the host is called. */
const OUTPUT_SIZE: i32 = 1024;
const output: usize = memory.data(OUTPUT_SIZE);
let pending: i32 = 0;

/** How many consoles a byte goes to. */
export let outputs: i32 = 0;

/** Set by the console when it is chosen where output goes. */
export function setOutputs(count: i32): void {
  outputs = count;
}

/** Nothing more is printed: what comes after the guest's end isn't for its console. */
export function mute(): void {
  outputs = 0;
}

/**
 * Hands collected output to the host. Done before anything that waits or ends the session; exported to the host as
 * `flushOutput`, which calls it when something else ended the session. Nothing is pending any more when the host is
 * called, since that may throw.
 */
export function flush(): void {
  if (pending == 0) return;
  const size = pending;
  pending = 0;
  write(output, size);
}

function put(c: i32): void {
  if (pending == OUTPUT_SIZE) flush();
  store<u8>(output + <usize>pending, <u8>c);
  pending++;
}

/** Writes one byte to every active console; a newline becomes CR LF (CR CR LF where two are active, as each level expands it). */
export function putchar(c: i32): void {
  if (c == Ascii.NEWLINE) putchar(Ascii.RETURN);
  for (let i = 0; i < outputs; i++) put(c);
}

/** Writes a byte string. */
export function print(text: string): void {
  for (let i = 0; i < text.length; i++) putchar(text.charCodeAt(i));
}

/** Writes `size` bytes of module memory. */
export function printBytes(src: usize, size: i32): void {
  for (let i = 0; i < size; i++) putchar(load<u8>(src + <usize>i));
}

// ---- the spinner -------------------------------------------------------------------------------------

let spinnerDivisor: u64 = 1;
let spins: u64 = 0;
let spinnerPosition: i32 = 0;

/** Of so many steps the spinner shows one. */
export function setSpinnerDivisor(divisor: u64): void {
  spinnerDivisor = divisor;
}

/** One step of the progress spinner that is shown while disks are read. */
export function twiddle(): void {
  spins++;
  if (spinnerDivisor > 1 && spins % spinnerDivisor != 0) return;
  putchar("|/-\\".charCodeAt(spinnerPosition & 3));
  spinnerPosition++;
  putchar(Ascii.BACKSPACE);
}
