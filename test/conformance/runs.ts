// The runs by name: which there are, and how one is replayed. A run's outcome is plain data, as it crosses
// threads.

import { join } from "node:path";
import type { BootResult, Limits } from "userboot-wasm";
import { replayBootRun } from "./boot_runs.js";
import { replayInterpSession } from "./interp_sessions.js";
import { replayPromptSession } from "./prompt_sessions.js";
import { type InterpTopic, readJson, recordingNames } from "./recordings.js";

/** Enough for every recording, little enough that a loop ends soon. */
export const LIMITS: Partial<Limits> = { wallMs: 30_000, fuel: 3_000_000_000, consoleBytes: 16 * 1024 * 1024 };

export interface Run {
  /** SET/NAME, for interpreter sessions with #NUMBER. */
  name: string;
  set: string;
  /** For interpreter sessions, what they are about. */
  title?: string;
}

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

/** All runs of the recordings at `root`, set by set. */
export function listRuns(root: string): Run[] {
  const runs: Run[] = [];
  for (const set of ["expected-simp", "commands-simp", "expected", "commands"]) {
    for (const name of recordingNames(join(root, "boot", set))) runs.push({ set, name: `${set}/${name}` });
  }
  for (const language of ["forth", "lua"]) {
    const set = `interp/${language}`;
    for (const topic of recordingNames(join(root, set)).filter((name) => /^\d/.test(name))) {
      const { sessions } = readJson<InterpTopic>(join(root, set, `${topic}.json`));
      sessions.forEach(({ title }, index) => {
        runs.push({ set, name: `${set}/${topic}#${index}`, title });
      });
    }
  }
  return runs;
}

/** Replays a run. */
export async function replay(root: string, { set, name }: Run): Promise<Outcome> {
  const rest = name.slice(set.length + 1);
  if (set.startsWith("expected")) return replayBootRun(root, set, rest);
  if (set.startsWith("commands")) return replayPromptSession(root, set, rest);
  const [topic = "", index = "0"] = rest.split("#");
  return replayInterpSession(root, `${set.slice("interp/".length)}/${topic}`, Number(index));
}
