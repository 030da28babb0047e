// The committed lists of what passes (passing/SET.txt, one run a line; runs of which only a part passes with
// `passed/all`), against which every replay is held: what passed once must go on passing.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Outcome } from "./outcome.js";
import type { Run } from "./runs.js";

const LISTS = new URL("../../test/conformance/passing/", import.meta.url);

const listOf = (set: string) => new URL(`${set.replace("/", "-")}.txt`, LISTS);

/** Steps or lines that passed, by run; runs that passed as a whole have `Infinity`. */
export function readPassing(sets: Iterable<string>): Map<string, number> {
  const passing = new Map<string, number>();
  for (const set of sets) {
    if (!existsSync(listOf(set))) continue;
    for (const line of readFileSync(listOf(set), "utf8").split("\n")) {
      const [name, part] = line.split(" ");
      if (name) passing.set(`${set}/${name}`, part ? Number.parseInt(part, 10) : Number.POSITIVE_INFINITY);
    }
  }
  return passing;
}

/** Why `outcome` is worse than what is listed for its run; undefined when it isn't. */
export function regression(listed: number | undefined, outcome: Outcome): string | undefined {
  if (listed === undefined || outcome.state === "passed") return undefined;
  if (listed === Number.POSITIVE_INFINITY) return "passed before";
  return outcome.unitsPassed < listed ? `${listed} lines passed before, now ${outcome.unitsPassed}` : undefined;
}

/** Writes the lists anew for the runs that were replayed; other runs' lines stay. */
export function writePassing(outcomes: ReadonlyMap<Run, Outcome>): void {
  const sets = new Set(Array.from(outcomes.keys(), ({ set }) => set));
  for (const set of sets) {
    const passing = readPassing([set]);
    const units = new Map<string, number>();
    for (const line of existsSync(listOf(set)) ? readFileSync(listOf(set), "utf8").split("\n") : []) {
      const [name, part] = line.split(" ");
      if (name && part) units.set(`${set}/${name}`, Number(part.split("/")[1]));
    }
    for (const [run, outcome] of outcomes) {
      if (run.set !== set) continue;
      passing.delete(run.name);
      units.set(run.name, outcome.units);
      if (outcome.state === "passed") passing.set(run.name, Number.POSITIVE_INFINITY);
      else if (outcome.units > 1 && outcome.unitsPassed > 0) passing.set(run.name, outcome.unitsPassed);
    }
    const lines = Array.from(passing, ([name, passed]) => {
      const rest = name.slice(set.length + 1);
      return passed === Number.POSITIVE_INFINITY ? rest : `${rest} ${passed}/${units.get(name)}`;
    });
    const collator = new Intl.Collator("en", { numeric: true });
    writeFileSync(
      listOf(set),
      lines
        .sort(collator.compare)
        .map((line) => `${line}\n`)
        .join(""),
    );
  }
}
