// What a flavour's script interpreter offers to the core. Each root file (userboot_4th.ts, ...) hands one
// to `loaderMain`.

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
}

class Current {
  interpreter: Interpreter | null = null;
}
const current = new Current();

export function setInterpreter(interpreter: Interpreter): void {
  current.interpreter = interpreter;
}

/** The flavour's interpreter. */
export function interpreter(): Interpreter {
  return current.interpreter!;
}
