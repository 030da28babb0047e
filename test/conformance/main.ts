// `npm run conformance [-- NAME... -v --update --json FILE]`: replays the recordings of the reference and compares.
// NAMEs select runs by a part of their name; -v shows every difference; --update writes the lists of passing
// runs. Fails when a run that passed stops passing; runs that never passed are counted.

import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { differences } from "./differences.js";
import type { Outcome } from "./outcome.js";
import { readPassing, regression, writePassing } from "./passing.js";
import { replayAll } from "./pool.js";
import { findRecordings } from "./recordings.js";
import { listRuns, type Run } from "./runs.js";

const THREADS_MAX = 4;
/** Failing runs that are shown when all are replayed. */
const SHOWN_MAX = 40;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    verbose: { type: "boolean", short: "v", default: false },
    update: { type: "boolean", default: false },
    json: { type: "string" },
    threads: { type: "string" },
  },
});

const root = findRecordings(fileURLToPath(new URL("../..", import.meta.url)));
if (root === undefined) {
  console.log("conformance: SKIPPED, no recordings (shared/conformance beside the checkout, or $USERBOOT_CONFORMANCE)");
  writeCounts(0, 0, 0);
} else {
  await main(root);
}

async function main(recordings: string): Promise<void> {
  const all = listRuns(recordings);
  const runs =
    positionals.length === 0 ? all : all.filter(({ name }) => positionals.some((part) => name.includes(part)));
  if (!all.some(({ set }) => set === "random"))
    console.log("conformance: SKIPPED, no random sessions in the recordings");
  if (runs.length === 0) {
    console.error(`conformance: no run is called ${positionals.join(" or ")}`);
    process.exitCode = 2;
    return;
  }
  const outcomes = new Map<Run, Outcome>();
  const threads = Number(values.threads ?? Math.min(THREADS_MAX, availableParallelism()));
  await replayAll(recordings, runs, threads, (run, result) => outcomes.set(run, result));

  const passing = readPassing(new Set(runs.map(({ set }) => set)));
  const regressions: string[] = [];
  let shown = 0;
  for (const run of runs) {
    const result = outcomes.get(run)!;
    const worse = regression(passing.get(run.name), result);
    if (worse) regressions.push(`${run.name}: ${worse}`);
    const wanted = result.state === "failed" || worse || (values.verbose && result.state === "waiting");
    if (wanted && (values.verbose || worse || positionals.length > 0 || shown < SHOWN_MAX)) {
      show(run, result);
      shown++;
    }
  }
  summary(runs, outcomes);
  if (values.update) {
    writePassing(outcomes);
    console.log("lists of passing runs written");
  } else if (regressions.length > 0) {
    console.log(`\n${regressions.length} that passed before:\n  ${regressions.join("\n  ")}`);
    process.exitCode = 1;
  }
  const count = (state: Outcome["state"]) => runs.filter((run) => outcomes.get(run)!.state === state).length;
  writeCounts(count("passed"), regressions.length, count("failed") + count("waiting") - regressions.length);
}

function show(run: Run, { state, reason, differences: found }: Outcome): void {
  const title = run.title ? ` (${run.title})` : "";
  console.log(`${state === "waiting" ? `waiting (${reason})` : "FAIL"} ${run.name}${title}`);
  for (const difference of values.verbose ? found : found.slice(0, 1))
    console.log(`    ${difference.replaceAll("\n", "\n    ")}`);
  if (!values.verbose && found.length > 1) console.log(`    and ${found.length - 1} more (-v shows them)`);
}

/** Counts per set; for interpreter sessions also of lines, per topic when some were asked for. */
function summary(runs: readonly Run[], outcomes: ReadonlyMap<Run, Outcome>): void {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const key = run.set.startsWith("interp") ? run.name.replace(/#.*/, "") : run.set;
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  console.log("");
  for (const set of new Set(runs.map((run) => run.set))) {
    const members = runs.filter((run) => run.set === set);
    const topics = [...groups].filter(([key]) => key !== set && key.startsWith(`${set}/`));
    if (topics.length > 1 || topics.length === 0) console.log(line(set, members, outcomes));
    for (const [topic, part] of topics) console.log(line(topics.length > 1 ? `  ${topic}` : topic, part, outcomes));
  }
  if (runs.length > 1) console.log(line("all", runs, outcomes));
  const refused = runs.filter((run) => outcomes.get(run)!.refused).length;
  if (refused > 0) console.log(`entered with memory refused, here a MemoryError: ${refused}`);
  if (differences.length > 0) console.log(`deliberate differences: ${differences.length}`);
}

function line(title: string, runs: readonly Run[], outcomes: ReadonlyMap<Run, Outcome>): string {
  let [passed, failed, units, unitsPassed] = [0, 0, 0, 0];
  const waiting = new Map<string, number>();
  for (const run of runs) {
    const result = outcomes.get(run)!;
    units += result.units;
    unitsPassed += result.state === "waiting" ? 0 : result.unitsPassed;
    if (result.state === "passed") passed++;
    else if (result.state === "failed") failed++;
    else waiting.set(result.reason!, (waiting.get(result.reason!) ?? 0) + 1);
  }
  const reasons = Array.from(waiting, ([reason, count]) => `${count} ${reason}`).join(", ");
  const lines = units > runs.length ? `; ${unitsPassed} of ${units} lines pass` : "";
  const waits = reasons ? `, waiting: ${reasons}` : "";
  return `${title.padEnd(34)} ${passed} of ${runs.length} pass, ${failed} fail${waits}${lines}`;
}

/** For scripts/test.mjs. */
function writeCounts(passed: number, failed: number, notYet: number): void {
  if (values.json) writeFileSync(values.json, JSON.stringify({ passed, failed, notYet }));
}
