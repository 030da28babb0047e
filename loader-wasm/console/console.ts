// The console: input, the clock that goes with waiting for it, and the names that scripts may select with the
// `console` variable, all of which are the caller's one console. Output itself is lib/output.ts. Scripts since 13 select
// each of several in turn to draw a menu: nothing is said then of a name that loaders of PCs have, and no byte is doubled.

import { defineVariable, getenv, refuseUnset, unsetenv, Variable, valued } from "../environment/variables";
import { Ascii } from "../lib/ascii";
import { CMD_ERROR } from "../lib/outcome";
import { flush, outputs, print, setOutputs, setSpinnerDivisor } from "../lib/output";
import { profile } from "../lib/profile";
import { scanInteger } from "../lib/text";
import * as host from "../protocol";

/** A name that `console` may hold. */
export class ConsoleName {
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

/** All of them; the first one is selected when nobody says. */
let consoles: ConsoleName[] = [];

/** Takes over the table of conf.ts. */
export function useConsoles(list: ConsoleName[]): void {
  consoles = list;
}

/** The first release whose scripts draw on consoles in turn. */
const DRAWS_IN_TURN: i32 = 13;
const PC_CONSOLES: string[] = ["vidconsole", "efi", "spinconsole"];

/** Tells lib/output.ts how many of them a byte goes to. */
function countOutputs(): void {
  let count = 0;
  for (let i = 0; i < consoles.length; i++) if (consoles[i].present && consoles[i].active) count++;
  setOutputs(profile.generation < DRAWS_IN_TURN ? count : min(count, 1));
}

/** Waits for a key and returns it (0..255). */
export function getchar(): i32 {
  return getKey() & 0xff;
}

/** The same, with KEY_EDITS where the key edits lines. */
export function getKey(): i32 {
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

/** Whether loaders of PCs have a console of this name, which may be named here and is passed over. */
function isElsewhere(name: string): bool {
  return profile.generation >= DRAWS_IN_TURN && PC_CONSOLES.includes(name);
}

/** The non-empty words of `value`, split at blanks and commas. */
function words(value: string): string[] {
  const result: string[] = [];
  let start = 0;
  for (let i = 0; i <= value.length; i++) {
    if (i < value.length && value.charCodeAt(i) != Ascii.SPACE && value.charCodeAt(i) != Ascii.COMMA) continue;
    if (i > start) result.push(value.substring(start, i));
    start = i + 1;
  }
  return result;
}

/** Prints what is wrong with `value`; whether at least one name in it is one of ours. */
function check(value: string): bool {
  const names = words(value);
  const latest = profile.generation >= 15;
  let found = 0;
  let elsewhere = 0;
  for (let i = 0; i < names.length; i++) {
    if (find(names[i]) >= 0) found++;
    else if (isElsewhere(names[i])) elsewhere++;
    else print(`console ${names[i]} is ${latest ? "unavailable" : "invalid!"}\n`);
  }
  const known = found + elsewhere;
  if (known == 0) print("no valid consoles!\n");
  // The last loaders list them only when there is none of them.
  if (known == 0 || (known != names.length && !latest)) {
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
  if (!valued || !check(value)) return 0;
  select(value);
  variable.assign(value);
  return 0;
}

/** Set hook of `twiddle_divisor`. */
function setTwiddleDivisor(variable: Variable, value: string): i32 {
  const divisor = scanInteger(value);
  if (value.length == 0 || divisor.end != value.length) {
    print(`invalid twiddle_divisor '${value}'\n`);
    return CMD_ERROR;
  }
  setSpinnerDivisor(<u64>divisor.value);
  variable.assign(value);
  return 0;
}

/** Turns the spinner as the loader that is emulated does, unless somebody has said how. */
export function startSpinner(): void {
  const divisor = getenv("twiddle_divisor");
  if (divisor !== null && divisor == "1") {
    defineVariable("twiddle_divisor", profile.spinnerDivisor.toString(), null, null);
  }
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
