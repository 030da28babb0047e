// How the program ends when it is told to. While nothing has to be put in order, signals do what they always do. While
// a terminal is to be restored, a file to be removed or a session to be ended, they do that first and then end the
// program all the same, as the signal that came: shells show 128 plus its number.

import { complain } from "./complain.js";

const SIGNALS = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM"] as const;
/** How long what was told to end may take. */
const PATIENCE_MS = 600;

/** Something that can't be left as it is. */
export interface Duty {
  /** Told first; whoever works on it has a moment to end by himself. */
  end?(signal: NodeJS.Signals): void;
  /** Puts it in order, at once; called once. */
  clean(): void;
}

const duties = new Set<Duty>();
let told: NodeJS.Signals | undefined;

/** Takes on a duty. What it returns lays it down, and cleans, unless there is nothing to `clean` any more. */
export function takeOn(duty: Duty): (clean?: boolean) => void {
  if (duties.size === 0) {
    for (const name of SIGNALS) process.on(name, onSignal);
    process.on("exit", cleanAll);
  }
  duties.add(duty);
  return (clean = true) => layDown(duty, clean);
}

function layDown(duty: Duty, clean = true): void {
  if (!duties.delete(duty)) return;
  if (duties.size === 0) {
    for (const name of SIGNALS) process.off(name, onSignal);
    process.off("exit", cleanAll);
  }
  if (clean) duty.clean();
}

/** The latest first: what was made last may need what was made before. */
function cleanAll(): void {
  for (const duty of [...duties].reverse()) {
    try {
      layDown(duty);
    } catch (error) {
      complain(String(error));
    }
  }
}

function onSignal(name: NodeJS.Signals): void {
  const working = [...duties].filter((duty) => duty.end !== undefined);
  const impatient = told !== undefined;
  told ??= name;
  if (working.length === 0) complain(`aborted (${name})`);
  if (impatient || working.length === 0) endAsTold();
  else setTimeout(endAsTold, PATIENCE_MS);
  for (const duty of working) duty.end?.(name);
}

/** Ends the program when a signal has told it to. Called at the end of all work. */
export function endAsTold(): void {
  if (told === undefined) return;
  cleanAll();
  process.kill(process.pid, told);
}
