// npm run fuzz: see docs/fuzzing.md. The same file is its own worker.

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { packBases } from "./bases/packed.js";
import { coverageOf, type Reached, reach, readReasons, tellCoverage, tellFunctions } from "./coverage.js";
import { figuresOf, searchFigures, writeFigures } from "./figures.js";
import { FLIP_SAMPLES } from "./flip_samples.js";
import { type FlipExtent, type FlipReport, flipSample, KINDS } from "./flips.js";
import { fuzzHost } from "./host/main.js";
import { type Input, inputsOf } from "./input.js";
import { type Extent, openFuzzer, type Report, saveCorpus, saveFinding, search } from "./run.js";
import type { Target } from "./target.js";
import { TARGETS } from "./targets.js";

const USAGE = `usage: npm run fuzz -- TARGET|all [--minutes N | --runs N] [--seed S] [--workers K] [--keep] [--json FILE]
       npm run fuzz -- host/NAME|host/all [--minutes N | --runs N] [--seed S [--path P]] [--json FILE]
       npm run fuzz -- replay FILE...
       npm run fuzz -- flips [--minutes N] [--workers K] [--json FILE]
       npm run fuzz -- coverage [FUNCTIONS-THAT-BEGIN-SO...] [--workers K] [--json FILE]
       npm run fuzz -- pack
targets: ${TARGETS.map(({ name }) => name).join(", ")}`;
const USAGE_STATUS = 2;

/** What a worker is told. */
type Job = { target: string; extent: Extent } | { sample: string; extent: FlipExtent } | { covered: readonly string[] };

/** What a worker says of what targets reach, by their names. */
type Reach = Map<string, { reached: Reached; faults: string[] }>;

type Values = Readonly<Record<string, string | undefined>>;

class UsageError extends Error {}

function targetOf(name: string): Target {
  const target = TARGETS.find((known) => known.name === name);
  if (target === undefined) throw new UsageError(`no target '${name}'`);
  return target;
}

function wholeNumber(name: string, text: string | undefined, usual: number, least: number): number {
  const value = text === undefined ? usual : Number(text);
  if (!Number.isFinite(value) || value < least || (name !== "minutes" && !Number.isInteger(value)))
    throw new UsageError(`--${name} ${text}: a number from ${least} on is wanted`);
  return value;
}

/** Has a thread do a job. */
function inThread<T extends Report | FlipReport | Reach>(job: Job): Promise<T> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: job });
    worker.once("message", resolve).once("error", reject);
  });
}

function tell({ allEdges, edges, findings, ms, runs, target }: Report): void {
  const pace = Math.round(runs / (ms / 1000));
  console.log(
    `${target.padEnd(16)} ${runs} runs, ${pace} a second, ${edges} of ${allEdges} edges, ${findings.length} findings`,
  );
}

/** Searches; `keep` writes what does something new to the corpora. */
async function fuzz(names: readonly string[], values: Values, keep: boolean): Promise<number> {
  const targets = names.includes("all") ? TARGETS : names.map(targetOf);
  const workers = wholeNumber("workers", values.workers, availableParallelism(), 1);
  const seed = wholeNumber("seed", values.seed, 1, 0);
  const minutes = wholeNumber("minutes", values.minutes, 1, 0);
  const extent =
    values.runs === undefined
      ? { ms: (minutes * 60_000 * (targets.length > 1 ? workers : 1)) / targets.length }
      : { runs: wholeNumber("runs", values.runs, 0, 1) };
  // One target is searched by all workers, each with a seed of its own; of several each by one.
  const jobs =
    targets.length > 1
      ? targets.map((target) => ({ target, seed }))
      : Array.from({ length: workers }, (_, i) => ({ target: targets[0]!, seed: seed + i }));
  let found = 0;
  const reports: Report[] = [];
  const work = async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      const { target } = job;
      const report = await inThread<Report>({ target: target.name, extent: { ...extent, seed: job.seed } });
      tell(report);
      reports.push(report);
      for (const finding of report.findings) {
        found++;
        const path = saveFinding(target.name, finding);
        console.log(`  ${finding.what}\n  npm run fuzz -- replay ${path}`);
      }
      if (keep) await saveCorpus(target, report.corpus);
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  writeFigures(values.json, { seed, minutes, targets: searchFigures(reports) });
  return found > 0 ? 1 : 0;
}

/** Flips bits of each sample in all workers, for its share of the time. */
async function flips(values: Values): Promise<number> {
  const parts = wholeNumber("workers", values.workers, availableParallelism(), 1);
  const ms = (wholeNumber("minutes", values.minutes, 10, 0) * 60_000) / FLIP_SAMPLES.length;
  let found = 0;
  const samples: object[] = [];
  for (const { name: sample } of FLIP_SAMPLES) {
    const reports = await Promise.all(
      Array.from({ length: parts }, (_, part) => inThread<FlipReport>({ sample, extent: { ms, part, parts } })),
    );
    const sum = (of: (report: FlipReport) => number) => reports.reduce((all, report) => all + of(report), 0);
    const counted = Object.fromEntries(KINDS.map((kind) => [kind, sum((report) => report.counts[kind])]));
    const counts = KINDS.map((kind) => `${counted[kind]} ${kind}`).join(", ");
    const steps = reports.map(({ step }) => step).join(" and ");
    const seconds = Math.round(Math.max(...reports.map((report) => report.ms)) / 1000);
    console.log(
      `${sample}: ${reports[0]!.bits} bits, step ${steps}, ${sum(({ runs }) => runs)} runs in ${seconds} s: ${counts}`,
    );
    for (const finding of reports.flatMap(({ findings }) => findings)) console.log(`  ${finding}`);
    found += sum((report) => report.counts.wrong);
    const { bits, step } = reports[0]!;
    samples.push({ sample, bits, step, runs: sum(({ runs }) => runs), seconds, ...counted });
  }
  writeFigures(values.json, { samples });
  return found > 0 ? 1 : 0;
}

/** Runs all that is kept, and tells what it reaches. */
async function coverage(prefixes: readonly string[], values: Values): Promise<number> {
  const parts = wholeNumber("workers", values.workers, availableParallelism(), 1);
  const names = TARGETS.map(({ name }) => name);
  const shares = Array.from({ length: parts }, (_, part) => names.filter((_name, i) => i % parts === part));
  const reached = await Promise.all(shares.map((covered) => inThread<Reach>({ covered })));
  const all: Reach = new Map(reached.flatMap((part) => [...part]));
  const covered = coverageOf(TARGETS, new Map([...all].map(([name, part]) => [name, part.reached])));
  console.log(tellCoverage(covered, readReasons()));
  if (prefixes.length > 0) console.log(tellFunctions(covered, prefixes));
  const faults = [...all.values()].flatMap((part) => part.faults);
  for (const fault of faults) console.log(fault);
  writeFigures(values.json, figuresOf(covered));
  return faults.length > 0 ? 1 : 0;
}

/** What some targets reach, one after the other. */
async function reachAll(names: readonly string[]): Promise<Reach> {
  const all: Reach = new Map();
  for (const name of names) all.set(name, await reach(targetOf(name)));
  return all;
}

function inputsIn(file: string): Input[] {
  try {
    return inputsOf(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UsageError(`${file}: no file of inputs (${(error as Error).message})`);
  }
}

/** Runs the inputs of files once. */
async function replay(files: readonly string[]): Promise<number> {
  if (files.length === 0) throw new UsageError("which file?");
  let failed = 0;
  for (const file of files) {
    const target = targetOf(basename(file, ".txt").replace(/-[0-9a-f]{8}$/, ""));
    const { findings, fuzzer } = await openFuzzer(target, 0, inputsIn(file));
    for (const { what } of findings) console.log(`${file}: ${what}`);
    if (findings.length === 0) console.log(`${file}: in order, ${fuzzer.edges} edges`);
    failed += findings.length;
  }
  return failed > 0 ? 1 : 0;
}

async function main(): Promise<number> {
  const words = process.argv.slice(2);
  if (words.some((word) => word.startsWith("host/")))
    return fuzzHost(words, (what) => {
      throw new UsageError(what);
    });
  const text = { type: "string" } as const;
  const { positionals, values: given } = parseArgs({
    allowPositionals: true,
    options: { minutes: text, runs: text, seed: text, workers: text, json: text, keep: { type: "boolean" } },
  });
  const { keep = false, ...values } = given;
  if (positionals[0] === "coverage") return coverage(positionals.slice(1), values);
  if (positionals[0] === "flips") return flips(values);
  if (positionals[0] === "pack") {
    console.log(packBases().join("\n"));
    return 0;
  }
  if (positionals.length === 0) throw new UsageError("which target?");
  return positionals[0] === "replay" ? replay(positionals.slice(1)) : fuzz(positionals, values, keep);
}

if (isMainThread) {
  try {
    process.exitCode = await main();
  } catch (error) {
    const isUsage = error instanceof UsageError || (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS");
    if (!isUsage) throw error;
    console.error(`fuzz: ${(error as Error).message}\n${USAGE}`);
    process.exitCode = USAGE_STATUS;
  }
} else {
  const job = workerData as Job;
  if ("sample" in job) {
    const sample = FLIP_SAMPLES.find(({ name }) => name === job.sample);
    if (sample !== undefined) parentPort?.postMessage(flipSample(sample, job.extent));
  } else
    parentPort?.postMessage(
      await ("covered" in job ? reachAll(job.covered) : search(targetOf(job.target), job.extent)),
    );
}
