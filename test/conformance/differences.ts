// Deliberate differences from the reference, as data: docs/differences.md gives the same list with its reasons.

import { readFileSync } from "node:fs";

export interface Difference {
  /** The run's name. */
  run: string;
  /** Number of the step or line, from 0. */
  line: number;
  /** What ours prints there, echo and prompt included. */
  ours: string;
  reason: string;
}

// The compiled runner is in build/conformance.
const DATA = new URL("../../test/conformance/differences.json", import.meta.url);

export const differences = JSON.parse(readFileSync(DATA, "utf8")) as Difference[];

/** What ours prints in step or line `line` of `run` where it differs on purpose. */
export function deliberate(run: string, line: number): string | undefined {
  return differences.find((difference) => difference.run === run && difference.line === line)?.ours;
}
