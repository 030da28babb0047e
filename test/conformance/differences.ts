// Deliberate differences from the reference, as data: docs/differences.md gives the same list with its reasons.

import { readFileSync } from "node:fs";

export interface Difference {
  /** The run's name; `*` for all that have `record`. */
  run?: string;
  /** Number of the step or line, from 0. */
  line?: number;
  /** A metadata record whose content differs. */
  record?: string;
  /** What ours prints there, echo and prompt included; for a record, what it holds. */
  ours?: string;
  /** Fields of a boot run or a random session that differ, with what ours has there. */
  fields?: Record<string, unknown>;
  /** For a random session: places of the console that differ, from the first one on. */
  lines?: Place[];
  /** For random sessions in which the reference died: their names, `KIND-NUMBER NUMBER...`. */
  died?: string[];
  reason: string;
}

// The compiled runner is in build/conformance.
const DATA = new URL("../../test/conformance/differences.json", import.meta.url);

/** Number of a line of the console, from 0; how many of the recorded ones differ from there on; ours. */
type Place = [number, number, string[]];

export const differences = JSON.parse(readFileSync(DATA, "utf8")) as Difference[];

/** What ours prints in step or line `line` of `run` where it differs on purpose. */
export function deliberate(run: string, line: number): string | undefined {
  return differences.find((difference) => difference.run === run && difference.line === line)?.ours;
}

/** The fields of boot run `run` that differ on purpose, with what ours has there. */
export function deliberateFields(run: string): Record<string, unknown> {
  return Object.assign({}, ...differences.filter((difference) => difference.run === run).map(({ fields }) => fields));
}

/** Whether the content of metadata records called `name` was left to chance by the reference (ours: zeros). */
export function undefinedRecord(name: string): boolean {
  return differences.some(({ record }) => record === name);
}

/** The recorded console `text` of a random session, with ours where it differs on purpose. */
export function patched(run: string, text: string): string {
  const lines = text.split("\r\n");
  const places = differences.flatMap((difference) => (difference.run === run ? (difference.lines ?? []) : []));
  for (const [at, count, ours] of places.toReversed()) lines.splice(at, count, ...ours);
  return lines.join("\r\n");
}

/** What the reference died of in random session `name`; undefined when none is listed. */
export function diedOf(name: string): string | undefined {
  const [kind = "", number = ""] = name.split("-");
  const lists = (text: string) =>
    text.startsWith(`${kind}-`) &&
    text
      .slice(kind.length + 1)
      .split(" ")
      .includes(number);
  return differences.find(({ died }) => died?.some(lists))?.reason;
}
