// A target's search by time or by number of runs, from its corpus on, in the calling thread: what the workers, the tests and
// a replay do.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { INSPECT_MEMORY, START_MEMORY } from "../build/host/modules.js";
import { type Finding, Fuzzer, inOrder } from "./fuzzer.js";
import { type Input, inputsOf, lineOf } from "./input.js";
import { Machine, readProgram } from "./machine.js";
import { minimise, smallest } from "./minimise.js";
import { CORPUS, FINDINGS, inRepository } from "./places.js";
import { textSeed } from "./random.js";
import { LIMITS } from "./session.js";
import type { ModuleName, NamedName, Target } from "./target.js";

/** Different findings of one search; more of them are more of the same. */
const FINDINGS_MAX = 20;

const machines = new Map<ModuleName | NamedName, Machine>();

const isFlavour = (name: string): name is keyof typeof START_MEMORY => Object.hasOwn(START_MEMORY, name);

/** The module with names that is made of the same sources. */
export const namedOf = (module: ModuleName): NamedName => `${module}_named`;

/** Where a module is. */
function modulePath(module: ModuleName | NamedName): string {
  return inRepository(`${/_unchecked|_named/.test(module) ? "build/fuzz" : "build"}/userboot_${module}.wasm`);
}

/** The machine of a module, of which this thread has one. */
export function machineOf(module: ModuleName | NamedName): Machine {
  const known = machines.get(module);
  if (known !== undefined) return known;
  const flavour = module.replace("_named", "");
  const start = isFlavour(flavour) ? START_MEMORY[flavour] : INSPECT_MEMORY;
  const machine = new Machine(readProgram(modulePath(module)), start, LIMITS.moduleMemory);
  machines.set(module, machine);
  return machine;
}

const corpusOf = (name: string): string => join(CORPUS, `${name}.txt`);

/** The inputs that are kept for a target. */
export function readCorpus(name: string): Input[] {
  return existsSync(corpusOf(name)) ? inputsOf(readFileSync(corpusOf(name), "utf8")) : [];
}

/** How long a search goes on. */
export interface Extent {
  seed: number;
  runs?: number;
  ms?: number;
}

/** What came of one. */
export interface Report {
  target: string;
  runs: number;
  ms: number;
  edges: number;
  /** Of the module. */
  allEdges: number;
  findings: Finding[];
  /** Lines of inputs. */
  corpus: string[];
}

/** A fuzzer with the target's bases and corpus run. What is wrong with these is a finding. */
export async function openFuzzer(
  target: Target,
  seed: number,
  inputs: readonly Input[] = readCorpus(target.name),
): Promise<{ fuzzer: Fuzzer; findings: Finding[] }> {
  const fuzzer = new Fuzzer(target, machineOf(target.module), seed, machineOf(namedOf(target.module)));
  const bases = await fuzzer.open();
  const findings: Finding[] = [];
  for (const input of [...bases, ...inputs]) {
    const what = await fuzzer.judge(input, target.many !== true);
    if (what !== undefined) findings.push({ input, what });
    else fuzzer.consider(input);
  }
  return { fuzzer, findings };
}

/** What a finding is about, without its numbers. */
const kindOf = (what: string) => what.replaceAll(/\d+/g, "#").slice(0, 120);

/** Searches. */
export async function search(
  target: Target,
  { ms = Number.POSITIVE_INFINITY, runs = Number.POSITIVE_INFINITY, seed }: Extent,
): Promise<Report> {
  const { findings, fuzzer } = await openFuzzer(target, (seed ^ textSeed(target.name)) >>> 0);
  const kinds = new Set(findings.map(({ what }) => kindOf(what)));
  const began = performance.now();
  const first = fuzzer.runs;
  while (
    performance.now() - began < ms &&
    fuzzer.runs - first < runs &&
    findings.length < FINDINGS_MAX &&
    fuzzer.corpus.length > 0
  ) {
    const finding = await fuzzer.step();
    if (finding === undefined || kinds.has(kindOf(finding.what))) continue;
    kinds.add(kindOf(finding.what));
    const input = await minimise(finding.input, async (next) => {
      const what = await fuzzer.judge(next, true);
      return what !== undefined && kindOf(what) === kindOf(finding.what);
    });
    findings.push({ what: finding.what, input });
  }
  return {
    target: target.name,
    runs: fuzzer.runs - first,
    ms: performance.now() - began,
    edges: fuzzer.edges,
    allEdges: fuzzer.machine.edges,
    findings,
    corpus: fuzzer.corpus.map(({ input }) => lineOf(input)),
  };
}

/** Writes a finding down. The file's path from the root. */
export function saveFinding(target: string, { input, what }: Finding): string {
  const line = lineOf(input);
  const name = `${target}-${textSeed(line).toString(16).padStart(8, "0")}.txt`;
  mkdirSync(FINDINGS, { recursive: true });
  writeFileSync(
    join(FINDINGS, name),
    `# ${what.replaceAll("\n", " ")}\n# npm run fuzz -- replay fuzz/findings/${name}\n${line}\n`,
  );
  return `fuzz/findings/${name}`;
}

/** Keeps of these inputs, and of those that were kept, what takes all of their edges, and those that comments stand before. */
export async function saveCorpus(target: Target, lines: readonly string[]): Promise<void> {
  const fuzzer = new Fuzzer(target, machineOf(target.module), 0, machineOf(namedOf(target.module)));
  await fuzzer.open();
  const bases = Object.keys(target.bases).map((base): Input => ({ base, edits: [] }));
  const known = existsSync(corpusOf(target.name)) ? readFileSync(corpusOf(target.name), "utf8").split("\n") : [];
  // A finding's input stays, with what is said of it.
  const told = known.flatMap((line, i) => (line.startsWith("#") ? [line, known[i + 1] ?? ""] : []));
  const inputs = inOrder(
    [...known.filter((line) => line !== "" && !line.startsWith("#")), ...lines].map((line) => inputsOf(line)[0]!),
  );
  const kept = (await smallest(fuzzer, [...bases, ...inputs])).map(lineOf);
  const rest = kept.filter((line) => !told.includes(line) && !bases.some((base) => lineOf(base) === line));
  mkdirSync(CORPUS, { recursive: true });
  writeFileSync(corpusOf(target.name), [...told, ...rest, ""].join("\n"));
}
