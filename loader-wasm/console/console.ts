// The console: output with newline expansion, buffered so that a line costs one host call; input; and the
// table of console names that scripts may select with the `console` variable, all of which are the
// caller's one console.

import { defineVariable, getenv, refuseUnset, unsetenv, Variable } from "../boot/environment";
import { parseEnd, parseInteger } from "../lib/text";
import * as host from "../protocol";

/** Bytes collected before the host is called. */
const OUTPUT_SIZE: i32 = 1024;
const output: usize = memory.data(1024);
let pending: i32 = 0;

/** A name that `console` may hold. */
class ConsoleName {
  active: bool = false;
  constructor(
    readonly name: string,
    /** Usable: `comconsole` becomes so when it is first selected. */
    public present: bool,
  ) {}

  activate(): void {
    this.active = true;
    this.present = true;
  }
}

const consoles: ConsoleName[] = [new ConsoleName("userboot", true), new ConsoleName("comconsole", false)];

/** How many of them a byte goes to. */
let outputs: i32 = 0;

function countOutputs(): void {
  outputs = 0;
  for (let i = 0; i < consoles.length; i++) if (consoles[i].present && consoles[i].active) outputs++;
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
  host.write(output, size);
}

function put(c: i32): void {
  if (pending == OUTPUT_SIZE) flush();
  store<u8>(output + <usize>pending, <u8>c);
  pending++;
}

/** Writes one byte to every active console; a newline becomes CR LF (CR CR LF where two are active, as each level expands it). */
export function putchar(c: i32): void {
  if (c == 0x0a) putchar(0x0d);
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

/** Waits for a key and returns it (0..255). */
export function getchar(): i32 {
  flush();
  return host.getc();
}

/** Whether a key is waiting. */
export function ischar(): bool {
  flush();
  return outputs > 0 && host.poll() != 0;
}

/** Wall clock in whole seconds since 1970. */
export function time(): i64 {
  host.clock_time_get(0, 1000000, clockCell);
  return <i64>(load<u64>(clockCell) / 1000000000);
}
const clockCell: usize = memory.data(8, 8);

/** Waits. */
export function delay(usec: i32): void {
  flush();
  host.delay(usec);
}

// ---- the `console` variable --------------------------------------------------------------------------

function find(name: string): i32 {
  for (let i = 0; i < consoles.length; i++) if (consoles[i].name == name) return i;
  return -1;
}

/** The non-empty words of `value`, split at blanks and commas. */
function words(value: string): string[] {
  const result: string[] = [];
  let start = 0;
  for (let i = 0; i <= value.length; i++) {
    if (i < value.length && value.charCodeAt(i) != 0x20 && value.charCodeAt(i) != 0x2c) continue;
    if (i > start) result.push(value.substring(start, i));
    start = i + 1;
  }
  return result;
}

/** Prints what is wrong with `value`; whether at least one name in it is known. */
function check(value: string): bool {
  const names = words(value);
  let found = 0;
  for (let i = 0; i < names.length; i++) {
    if (find(names[i]) < 0) print(`console ${names[i]} is invalid!\n`);
    else found++;
  }
  if (found == 0) print("no valid consoles!\n");
  if (found == 0 || found != names.length) {
    print("Available consoles:\n");
    for (let i = 0; i < consoles.length; i++) print(`    ${consoles[i].name}\n`);
  }
  return found > 0;
}

/** Makes exactly the consoles named in `value` active; all of them when it names none that exists. */
function select(value: string): void {
  for (let i = 0; i < consoles.length; i++) consoles[i].active = false;
  const names = words(value);
  let active = 0;
  for (let i = 0; i < names.length; i++) {
    const index = find(names[i]);
    if (index < 0) continue;
    consoles[index].activate();
    active++;
  }
  if (active == 0) for (let i = 0; i < consoles.length; i++) consoles[i].activate();
  countOutputs();
}

/** Set hook of `console`. A bad value is not an error, so that scripts go on with their other settings. */
function setConsole(variable: Variable, value: string): i32 {
  if (!check(value)) return 0;
  select(value);
  variable.assign(value);
  return 0;
}

let spinnerDivisor: u64 = 1;

/** Set hook of `twiddle_divisor`. */
function setTwiddleDivisor(variable: Variable, value: string): i32 {
  const divisor = parseInteger(value);
  if (value.length == 0 || parseEnd != value.length) {
    print(`invalid twiddle_divisor '${value}'\n`);
    return 2; // CMD_ERROR
  }
  spinnerDivisor = <u64>divisor;
  variable.assign(value);
  return 0;
}

let spins: u64 = 0;
let spinnerPosition: i32 = 0;

/** One step of the progress spinner that file systems show while they read. */
export function twiddle(): void {
  spins++;
  if (spinnerDivisor > 1 && spins % spinnerDivisor != 0) return;
  putchar("|/-\\".charCodeAt(spinnerPosition & 3));
  spinnerPosition++;
  putchar(0x08);
}

/** Chooses the first console, announces it, and defines the variables that control consoles. */
export function probeConsoles(): void {
  defineVariable("twiddle_divisor", "1", setTwiddleDivisor, refuseUnset);
  const preferred = getenv("console");
  if (preferred !== null) {
    unsetenv("console");
    select(preferred);
  } else {
    consoles[0].active = true;
    countOutputs();
  }
  print("Consoles: ");
  for (let i = 0; i < consoles.length; i++) if (consoles[i].active) print(`${consoles[i].name}  `);
  print("\n");
  defineVariable("console", preferred === null ? consoles[0].name : preferred, setConsole, refuseUnset);
}
