// Every target of fuzz/: its bases and the corpus that is kept, looked at closely (done twice, and as the package does it), then
// some new inputs. CI's search is longer (.ci/run). What of the core the corpora reach is looked at, too: each function that they
// don't reach has a reason in fuzz/uncovered.txt.

import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Coverage, coverageOf, isCore, reach, readReasons, reasonFor } from "../../fuzz/coverage.js";
import { lineOf } from "../../fuzz/input.js";
import { openFuzzer } from "../../fuzz/run.js";
import { TARGETS } from "../../fuzz/targets.js";
import { FUZZED } from "../../scripts/core.mjs";
import { inRepository } from "../support/repository.js";

const STEPS = 40;
const SEED = 20261130;
/** Of the core's edges, in percent; `npm run fuzz -- coverage` tells of them. */
const REACHED = 89.5;

/** What the corpora reach, by target. */
const reached = new Map<string, Uint8Array>();

beforeAll(() => {
  const build = join("scripts", "build-core.mjs");
  execFileSync(process.execPath, [build, ...FUZZED, "--target", "any"], {
    cwd: inRepository(""),
    stdio: "pipe",
  });
}, 300_000);

describe.each(TARGETS.filter(({ many }) => many).map((target) => [target.name, target] as const))(
  "%s",
  (_name, target) => {
    it("finds nothing when each is run once, with red zones", { timeout: 600_000 }, async () => {
      const { faults, reached: own } = await reach(target);
      reached.set(target.name, own);
      expect(faults).toEqual([]);
    });
  },
);

const CLOSELY = TARGETS.filter(({ many }) => many !== true);
describe.each(CLOSELY.map((target) => [target.name, target] as const))("%s", (_name, target) => {
  it("finds nothing", { timeout: 300_000 }, async () => {
    const { findings, fuzzer } = await openFuzzer(target, SEED);
    reached.set(target.name, fuzzer.reached.slice());
    for (let i = 0; i < STEPS; i++) {
      const finding = await fuzzer.step();
      if (finding !== undefined) findings.push(finding);
    }
    expect(findings.map(({ input, what }) => `${what}: ${lineOf(input)}`)).toEqual([]);
    // All of its bases do something, each in its own way.
    expect(fuzzer.corpus.length).toBeGreaterThanOrEqual(Object.keys(target.bases).length);
  });
});

describe("coverage", () => {
  let coverage: Coverage;
  beforeAll(async () => {
    // Those that weren't asked for.
    for (const target of TARGETS)
      if (!reached.has(target.name)) reached.set(target.name, (await reach(target)).reached);
    coverage = coverageOf(TARGETS, reached);
  }, 600_000);

  it("is what it was", () => {
    const { edges, taken } = coverage.share([...coverage.functions.values()].filter(({ name }) => isCore(name)));
    expect(edges).toBeGreaterThan(20_000);
    expect((taken / edges) * 100).toBeGreaterThan(REACHED);
  });

  it("has a reason for every function that nothing reaches, and none for others", () => {
    const reasons = readReasons();
    const missed = coverage.missed();
    expect(missed.filter((name) => reasonFor(name, reasons) === undefined)).toEqual([]);
    const isUsed = (key: string) => missed.some((name) => reasonFor(name, new Map([[key, ""]])) !== undefined);
    expect([...reasons.keys()].filter((key) => !isUsed(key))).toEqual([]);
  });
});

it("there is no corpus without a target", () => {
  const names = TARGETS.map(({ name }) => name);
  expect(
    readdirSync(inRepository("fuzz/corpus"))
      .map((file) => basename(file, ".txt"))
      .filter((name) => !names.includes(name)),
  ).toEqual([]);
});
