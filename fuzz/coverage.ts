// What of the core the corpora reach. All inputs are run in modules that are compiled without being optimized, where each
// function stands for itself under its name and is the same in every flavour, so that what one flavour reaches of a function
// counts for all of them. Edges that lead straight to a trap aren't counted: to take one would be a finding.

import { readFileSync } from "node:fs";
import { Fuzzer } from "./fuzzer.js";
import type { Input } from "./input.js";
import type { Program } from "./machine.js";
import { inRepository } from "./places.js";
import { machineOf, namedOf, readCorpus } from "./run.js";
import type { ModuleName, NamedName, Target } from "./target.js";

/** Which edges of a module's were taken. */
export type Reached = Uint8Array;

/** What a target's bases and corpus reach, of the module with names, and what is wrong with any of them. */
export async function reach(target: Target, inputs: readonly Input[] = readCorpus(target.name)) {
  const fuzzer = new Fuzzer(target, machineOf(namedOf(target.module)), 0);
  const reached: Reached = Uint8Array.from(fuzzer.machine.started);
  const faults: string[] = [];
  for (const input of [...(await fuzzer.open()), ...inputs]) {
    const { fault } = fuzzer.run(input);
    if (fault !== undefined) faults.push(`${target.name}: ${fault}`);
    for (const [i, count] of fuzzer.machine.counters.entries()) if (count !== 0) reached[i] = 1;
  }
  return { reached, faults };
}

/** A function of the core's, in whichever modules it is. */
export interface Covered {
  name: string;
  /** Which of its edges were taken. */
  taken: Uint8Array;
  trapping: Uint8Array;
  /** Modules that have it, and which of its edges their own runs took. */
  modules: Map<NamedName, Uint8Array>;
}

/** Edges of some functions: how many there are but for those that trap, and how many of these were taken. */
export interface Share {
  edges: number;
  taken: number;
}

/** What all runs reach. */
export class Coverage {
  readonly functions = new Map<string, Covered>();

  /** Has what was reached of a module. What there is only without checksums isn't the core's. */
  add(module: NamedName, program: Program, reached: Reached): void {
    const parts = new Map<number, number[]>();
    for (const [edge, index] of program.functions.entries()) {
      const known = parts.get(index);
      if (known === undefined) parts.set(index, [edge]);
      else known.push(edge);
    }
    for (const [index, edges] of parts) {
      const plain = program.names.get(index) ?? `function ${index}`;
      const known = this.functions.get(plain);
      const isSame = known === undefined || known.taken.length === edges.length;
      if (module.startsWith(UNCHECKED) && (known === undefined || !isSame)) continue;
      // One that is compiled otherwise in this module.
      const name = isSame ? plain : `${plain} (${module})`;
      const covered = this.functions.get(name) ?? {
        name,
        taken: new Uint8Array(edges.length),
        trapping: Uint8Array.from(edges, (edge) => (program.trapping.has(edge) ? 1 : 0)),
        modules: new Map(),
      };
      this.functions.set(name, covered);
      const own = covered.modules.get(module) ?? new Uint8Array(edges.length);
      covered.modules.set(module, own);
      for (const [i, edge] of edges.entries()) if (reached[edge] !== 0) own[i] = covered.taken[i] = 1;
    }
  }

  /** Edges of all functions, or of those of a module, by all runs or by its own. */
  share(of: Iterable<Covered> = this.functions.values(), module?: NamedName, own = false): Share {
    const share = { edges: 0, taken: 0 };
    for (const { modules, taken, trapping } of of) {
      const seen = module === undefined ? taken : modules.get(module);
      if (seen === undefined) continue;
      for (const [i, isTrap] of trapping.entries()) {
        // What traps and was taken, is there to see.
        if (isTrap !== 0 && taken[i] === 0) continue;
        share.edges++;
        share.taken += (own ? seen : taken)[i]!;
      }
    }
    return share;
  }

  /** Functions by the folders of their sources. */
  folders(): Map<string, Covered[]> {
    const folders = new Map<string, Covered[]>();
    for (const covered of this.functions.values()) {
      const folder = folderOf(covered.name);
      folders.set(folder, [...(folders.get(folder) ?? []), covered]);
    }
    return new Map([...folders].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Functions of the core's that nothing reaches, but for those that only trap, by their names in order. */
  missed(): string[] {
    return [...this.functions.values()]
      .filter(({ name, taken, trapping }) => isCore(name) && trapping[0] === 0 && taken.every((edge) => edge === 0))
      .map(({ name }) => name)
      .sort();
  }
}

/** What all targets reach together, by their names. */
export function coverageOf(targets: readonly Target[], reached: ReadonlyMap<string, Reached>): Coverage {
  const all = new Coverage();
  // What has no checksums comes last: its functions are only looked at where the core has them, too.
  for (const { module, name } of [...targets].sort((a, b) => a.module.length - b.module.length)) {
    const own = reached.get(name);
    if (own !== undefined) all.add(namedOf(module), machineOf(namedOf(module)).program, own);
  }
  return all;
}

/** Which module isn't the core as it is shipped. */
export const UNCHECKED: ModuleName = "inspect_unchecked";

const LIBRARY = "the compiler's library";
const MADE = "the compiler's own";

/** Where a function's source is: a folder of loader-wasm/, the compiler's library, or what the compiler makes itself. */
function folderOf(name: string): string {
  if (name.startsWith("~lib/") || name.startsWith("start:~lib/")) return LIBRARY;
  const isStart = name.startsWith("start:");
  const [, path] = /^loader-wasm\/([\w/]+)/.exec(name.replace("start:", "")) ?? [];
  // Which method of a class is called, and what the collector of garbage visits, is made of types.
  if (path === undefined || /@override|~visit/.test(name)) return MADE;
  // Last come the file, and a function or a class.
  const folders = path.split("/").slice(0, isStart ? -1 : -2);
  return folders.slice(0, 2).join("/") || "loader-wasm";
}

/** Whether a function is of the core's sources. */
export const isCore = (name: string): boolean => ![LIBRARY, MADE].includes(folderOf(name));

/** Reasons for what isn't reached: a line each, a function's name or how names begin and a star, a tab and why. */
export function readReasons(text = readFileSync(inRepository("fuzz/uncovered.txt"), "utf8")): Map<string, string> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => line.split("\t") as [string, string]));
}

/** The reason for a function that isn't reached: that of its own name, or of what begins it up to a star. */
export function reasonFor(name: string, reasons: ReadonlyMap<string, string>): string | undefined {
  const known = [...reasons].find(([key]) => (key.endsWith("*") ? name.startsWith(key.slice(0, -1)) : name === key));
  return known?.[1];
}

const percent = ({ edges, taken }: Share) => `${((taken / Math.max(edges, 1)) * 100).toFixed(1)} %`;
const line = (name: string, share: Share) =>
  `  ${name.padEnd(24)} ${String(share.taken).padStart(6)} of ${String(share.edges).padStart(6)} edges, ${percent(share)}`;

/** Functions whose names begin with one of `prefixes` that miss edges, those that miss most first. */
export function tellFunctions(coverage: Coverage, prefixes: readonly string[]): string {
  return [...coverage.functions.values()]
    .filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix)))
    .map((covered) => ({ name: covered.name, share: coverage.share([covered]) }))
    .filter(({ share }) => share.taken < share.edges)
    .sort((a, b) => b.share.edges - b.share.taken - (a.share.edges - a.share.taken))
    .map(({ name, share }) => line(name, share))
    .join("\n");
}

/** All of it as text. */
export function tellCoverage(coverage: Coverage, reasons: ReadonlyMap<string, string>): string {
  const modules = new Set([...coverage.functions.values()].flatMap((covered) => [...covered.modules.keys()]));
  const shipped = [...modules].filter((module) => !module.startsWith(UNCHECKED));
  const core = [...coverage.functions.values()].filter(({ name }) => isCore(name));
  return [
    "by folder:",
    ...[...coverage.folders()].map(([folder, functions]) => line(folder, coverage.share(functions))),
    "of the core's functions in each flavour, by all runs:",
    ...shipped.map((module) => {
      const own = coverage.share(core, module, true);
      return `${line(module.replace("_named", ""), coverage.share(core, module))}; by its own runs ${percent(own)}`;
    }),
    "in all flavours together:",
    line("the core", coverage.share(core)),
    line("with what the compiler adds", coverage.share()),
    "functions of the core's that nothing reaches:",
    ...coverage.missed().map((name) => `  ${name}: ${reasonFor(name, reasons) ?? "NO REASON GIVEN"}`),
  ].join("\n");
}
