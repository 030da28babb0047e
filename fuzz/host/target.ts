// Targets of fuzzing in the host: what takes in something that nobody trusts, with hostile arguments made by fast-check, which makes
// a failing input smaller by itself and finds it again by a seed and a path. `npm test` does some rounds of each (test/fuzz/host.test.ts),
// `npm run fuzz -- host/NAME --minutes N` many.

import { performance } from "node:perf_hooks";
import fc from "fast-check";

/** What always holds, whatever comes: made for one search, and closed behind it. */
export interface Opened {
  property: fc.IRawProperty<unknown>;
  close?(): void | Promise<void>;
}

/** One target. */
export interface HostTarget {
  name: string;
  /** Runs of it in `npm test`. */
  runs: number;
  /** Why it can't be run here, if it can't. */
  missing?(): string | undefined;
  open(): Opened | Promise<Opened>;
}

/** A target that is searched by a program of its own; a test of its own does some rounds. */
export interface ForeignTarget {
  name: string;
  missing(): string | undefined;
  search(extent: HostExtent): Promise<HostReport>;
}

/** An input that a target fails with, as small as could be found. */
export interface HostFinding {
  what: string;
  input: string;
  /** Run it again by these (`--seed S --path P`). */
  seed: number;
  path: string;
}

/** What came of a search. */
export interface HostReport {
  target: string;
  executions: number;
  seconds: number;
  findings: HostFinding[];
}

/** How long a search goes on: one input again, some runs, or some time. */
export interface HostExtent {
  seed: number;
  path?: string | undefined;
  runs?: number | undefined;
  ms?: number | undefined;
}

/** Runs between two looks at the clock. */
const ROUND = 100;
/** Different findings of one search; more of them are more of the same. */
const FINDINGS_MAX = 10;
/** A round, and with it a finding that is made smaller, takes no longer. */
const SMALLER_MS = 20_000;
const WHAT_MAX = 2000;

/** What a finding is about, without its numbers. */
const kindOf = (what: string) => what.replaceAll(/\d+/g, "#").slice(0, 120);

function told(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return text.slice(0, WHAT_MAX);
}

/** Searches. */
export async function searchHost(target: HostTarget, extent: HostExtent): Promise<HostReport> {
  const { ms = Number.POSITIVE_INFINITY, path, runs = Number.POSITIVE_INFINITY } = extent;
  const began = performance.now();
  const kinds = new Set<string>();
  const findings: HostFinding[] = [];
  let executions = 0;
  const { close, property } = await target.open();
  try {
    for (let seed = extent.seed; ; seed++) {
      const numRuns = path === undefined ? Math.min(ROUND, runs - executions) : 1;
      const details = await fc.check(property, {
        ...{ seed, numRuns, interruptAfterTimeLimit: SMALLER_MS },
        ...(path !== undefined && { path, endOnFailure: true }),
      });
      executions += Math.max(details.numRuns, 1);
      if (details.failed && details.counterexample !== null) {
        const what = told(details.errorInstance);
        if (!kinds.has(kindOf(what)))
          findings.push({
            what,
            input: fc.stringify(details.counterexample),
            seed,
            path: details.counterexamplePath ?? "",
          });
        kinds.add(kindOf(what));
      }
      const isOver = executions >= runs || performance.now() - began >= ms || findings.length >= FINDINGS_MAX;
      if (isOver || path !== undefined) break;
    }
  } finally {
    await close?.();
  }
  return { target: target.name, executions, seconds: (performance.now() - began) / 1000, findings };
}
