// What a flavour's script interpreter offers to the core. Each root file (userboot_4th.ts, ...) hands one
// to `loaderMain`.

import { unreadable } from "../files/files";
import { strerror } from "../lib/errno";
import { present } from "../lib/fault";
import { CMD_OK, commandError, failDetailed } from "../lib/outcome";
import { print } from "../lib/output";

/** A script interpreter. There is one for a session, made before anything else runs. */
export abstract class Interpreter {
  constructor(
    /** The flavour: `simp`, `4th` or `lua`. */
    readonly name: string,
  ) {}

  /** Prepares the engine and runs the guest's start-up scripts. */
  abstract init(): void;

  /** Executes one line typed at the prompt, and prints what went wrong with it. Returns CMD_*. */
  abstract run(line: string): i32;

  /** Executes the script file `path` (the `include` command). Returns CMD_*; leaves the reason in `commandError`. */
  abstract include(path: string): i32;

  /**
   * Executes the guest's start-up script. One that is missing, or fails, is passed over without a further word, as in
   * the reference; one that the disk fails to give is not.
   */
  protected startUp(path: string): void {
    failed.script = "";
    if (this.include(path) != CMD_OK && failed.script == path) print(`${commandError}\n`);
  }
}

class Failed {
  script: string = "";
}
/** The script that a disk error kept from running last. */
const failed = new Failed();

/** Says that the script `path` can't be opened, for the errno `error`. */
export function cantOpen(path: string, error: i32): i32 {
  if (unreadable) failed.script = path;
  return failDetailed(`can't open '${path}': ${strerror(error)}`);
}

/** Says that the script `path` can't be read to its end, for the errno `error`. Nothing of it may run. */
export function cantRead(path: string, error: i32): i32 {
  failed.script = path;
  return failDetailed(`can't read '${path}': ${strerror(error)}`);
}

class Current {
  interpreter: Interpreter | null = null;
}
const current = new Current();

/** Says which it is; `interpreter()` is not to be called before. */
export function setInterpreter(interpreter: Interpreter): void {
  current.interpreter = interpreter;
}

/** The flavour's interpreter. */
export function interpreter(): Interpreter {
  return present<Interpreter>(current.interpreter);
}
