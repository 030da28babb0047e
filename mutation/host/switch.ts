// Vitest's set-up in StrykerJS' copy. Writes which mutant is on where sessions' threads and processes look for it
// (build_copy.mjs): their environment is empty. What a test reaches there isn't counted either; where that matters, every
// test is said to reach every mutant.

import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeAll, beforeEach } from "vitest";

interface Stryker {
  activeMutant?: string;
  currentTestId?: string;
  mutantCoverage?: { static: object; perTest: Record<string, Record<string, number>> };
}

const inBuild = (name: string) => new URL(`../../build/${name}`, import.meta.url);
const { __stryker__: stryker = {} } = globalThis as { __stryker__?: Stryker };
/** StrykerJS takes a mutant that is reached a hundred times as often as without it for endless. */
const OFTEN = 1e9;

const write = () => writeFileSync(inBuild("active_mutant"), stryker.activeMutant ?? "");
// A mutant of what runs at a module's start is on by now, others from the first test on.
write();
beforeAll(write);

/** Tests that go on until someone who renames things has had his turns: minutes on a busy machine. One builds the core. */
const LEFT_OUT = /^gets nothing from outside into it$|and `npm start`$/;
beforeEach(({ task, skip }) => {
  if (LEFT_OUT.test(task.name)) skip();
});

/** Mutants that tests are said to reach; build_copy.mjs writes them. */
const ids: string[] = JSON.parse(readFileSync(inBuild("mutants.json"), "utf8"));
if (ids.length > 0)
  afterEach(() => {
    if (stryker.currentTestId === undefined) return;
    stryker.mutantCoverage ??= { static: {}, perTest: {} };
    const reached = stryker.mutantCoverage.perTest[stryker.currentTestId];
    const all = Object.fromEntries(ids.map((id) => [id, OFTEN]));
    stryker.mutantCoverage.perTest[stryker.currentTestId] = { ...reached, ...all };
  });
