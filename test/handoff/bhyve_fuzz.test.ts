// userboot-bhyve's reader of machine files as a target of libFuzzer (test/handoff/bhyve/fuzz.c): a number of runs, the same each time. For
// longer ones keep a corpus: `node_modules/.bin/vitest run test/handoff/bhyve_fuzz.test.ts` with FUZZ_CORPUS=DIRECTORY and
// FUZZ_RUNS=NUMBER.

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  COMPILER,
  compileDouble,
  compileFuzzer,
  isThere,
  noFuzzer,
  RELEASES,
  type Release,
  runDouble,
} from "../support/bhyve_double.js";
import { GUESTS } from "../support/guests.js";
import { seedOf } from "../support/machine_seed.js";
import { Scratch } from "../support/scratch.js";

const RUNS = process.env.FUZZ_RUNS ?? "40000";
const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

const missing = noFuzzer(scratch);
if (missing !== undefined) console.warn(`*** SKIPPED, ${missing}: fuzzing of userboot-bhyve ***`);

describe.skipIf(missing !== undefined)("the reader of machine files, fuzzed", () => {
  test.skipIf(!isThere(COMPILER))("begins with files that are taken", async () => {
    const program = compileDouble(scratch, "14");
    for (const guest of Object.values(GUESTS)) {
      const { stderr, status } = runDouble(scratch, program, ["-m", "64", "guest"], await seedOf(guest));
      expect([stderr, status]).toEqual(["", 0]);
    }
  });

  test.each(Object.keys(RELEASES) as Release[])(
    "for %s: nothing breaks it, and what it takes is what it sets up",
    { timeout: 600_000 },
    async (release) => {
      const corpus = process.env.FUZZ_CORPUS ?? join(scratch.path, `corpus-${release}`);
      mkdirSync(corpus, { recursive: true });
      for (const guest of Object.values(GUESTS)) writeFileSync(join(corpus, guest), await seedOf(guest));
      const words = [`-runs=${RUNS}`, "-seed=1", "-max_len=4096", "-rss_limit_mb=1024", corpus];
      // What it finds is written where it runs.
      const { status, stderr } = spawnSync(compileFuzzer(scratch, release), words, {
        encoding: "utf8",
        cwd: process.env.FUZZ_CORPUS ?? scratch.path,
      });
      expect(status, stderr.slice(-4000)).toBe(0);
      expect(stderr).toContain(`Done ${RUNS} runs`);
      // It found ways through the reader that the first files don't take.
      expect(readdirSync(corpus).length).toBeGreaterThan(20);
    },
  );
});
