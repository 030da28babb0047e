// How much is told of what is loaded: a line for each file, and from 15 on as much as the variable `module_verbose` says.

import { defineVariable, getenv, refuseUnset, setenv, unsetenv, Variable } from "../environment/variables";
import { CMD_ERROR, CMD_OK } from "../lib/outcome";
import { print, setSpinnerDivisor } from "../lib/output";
import { profile } from "../lib/profile";
import { scanInteger } from "../lib/text";

/** Nothing; sizes without a spinner are 1; what is told unless the variable says otherwise; all there is. */
const SILENT: i64 = 0;
const USUAL: i64 = 2;
const FULL: i64 = 3;
let verbosity: i64 = USUAL;

/** Prints `text` unless nothing is to be told. */
export function tell(text: string): void {
  if (verbosity > SILENT) print(text);
}

/** Whether everything is to be told. */
export function tellsAll(): bool {
  return verbosity >= FULL;
}

/** Whether the sizes of symbols stand in brackets. */
export function marksSymbols(): bool {
  return !profile.hasModuleVerbose || tellsAll();
}

/** Makes the variable where there is one. What the caller of the session gave for it is taken. */
export function startVerbosity(): void {
  if (!profile.hasModuleVerbose) return;
  const given = getenv(NAME);
  if (given !== null) unsetenv(NAME);
  defineVariable(NAME, USUAL.toString(), setVerbosity, refuseUnset);
  if (given !== null) setenv(NAME, given);
}
const NAME = "module_verbose";

/** Its set hook. */
function setVerbosity(variable: Variable, value: string): i32 {
  const level = scanInteger(value);
  if (value.length == 0 || level.end != value.length) {
    print(`invalid ${NAME} '${value}'\n`);
    return CMD_ERROR;
  }
  verbosity = level.value;
  // Who wants less doesn't want the spinner, either; it isn't given back.
  if (verbosity < USUAL) setSpinnerDivisor(u32.MAX_VALUE);
  variable.assign(value);
  return CMD_OK;
}
