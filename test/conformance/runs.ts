// The runs by name: which there are, and how one is replayed.

import { join } from "node:path";
import { replayBootRun } from "./boot_runs.js";
import { replayInterpSession } from "./interp_sessions.js";
import type { Outcome } from "./outcome.js";
import { replayPromptSession } from "./prompt_sessions.js";
import { randomNames, replayRandomSession } from "./random_sessions.js";
import { type InterpTopic, readJson, recordingNames } from "./recordings.js";

export interface Run {
  /** SET/NAME, for interpreter sessions with #NUMBER. */
  name: string;
  set: string;
  /** For interpreter sessions, what they are about. */
  title?: string;
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
  for (const name of randomNames(root)) runs.push({ set: "random", name: `random/${name}` });
  return runs;
}

/** Replays a run. */
export async function replay(root: string, { set, name }: Run): Promise<Outcome> {
  const rest = name.slice(set.length + 1);
  if (set.startsWith("expected")) return replayBootRun(root, set, rest);
  if (set.startsWith("commands")) return replayPromptSession(root, set, rest);
  if (set === "random") return replayRandomSession(root, rest);
  const [topic = "", index = "0"] = rest.split("#");
  return replayInterpSession(root, `${set.slice("interp/".length)}/${topic}`, Number(index));
}
