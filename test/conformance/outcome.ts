// What comes of replaying a run: plain data, as it crosses threads.

import type { BootResult, Limits } from "userboot-wasm";

/** Enough for every recording, little enough that a loop ends soon. */
export const LIMITS: Partial<Limits> = { wallMs: 50_000, fuel: 3_000_000_000, consoleBytes: 16 * 1024 * 1024 };

export interface Outcome {
  state: "passed" | "failed" | "waiting";
  /** For what a waiting run waits. */
  reason?: string;
  /** Steps or lines, and how many of them are as recorded. */
  units: number;
  unitsPassed: number;
  differences: string[];
  /** Ours ended with a MemoryError where the reference entered the kernel (refused.ts). */
  refused?: true;
}

/** An outcome; a run that `needs` what isn't there waits. */
export function outcome(
  differences: string[],
  units: number,
  needs: string | undefined,
  unitsFailed = differences.length > 0 ? units : 0,
): Outcome {
  if (needs !== undefined) return { state: "waiting", reason: needs, units, unitsPassed: 0, differences };
  const failed = differences.length > 0;
  const unitsPassed = failed && unitsFailed === 0 ? units - 1 : units - unitsFailed;
  return { state: failed ? "failed" : "passed", units, unitsPassed, differences };
}

/** The flavour that isn't installed and that ended the run. */
export function waitsForFlavour(result: BootResult): string | undefined {
  const { error, flavour } = result;
  if (error?.name !== "InterpreterError" || !error.message.includes("not installed")) return undefined;
  const name = result.swapRequests.at(-1)?.name ?? flavour;
  return `flavour ${name}`;
}
