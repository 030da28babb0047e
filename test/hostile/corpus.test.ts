// The hostile corpus (docs/fuzzing.md): every case comes to the end that it must have, in the calling thread, in threads and in
// processes, each time with the same reports, console and guest memory. Of the last two a sample runs, chosen by a seed that is
// printed: USERBOOT_HOSTILE=all runs all, USERBOOT_HOSTILE=SEED another sample.

import { createPool } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { Random } from "../soak/hostile.js";
import type { Case } from "./case.js";
import { CORPUS, FAMILIES } from "./corpus.js";
import { complaints, type Observed, observe } from "./run.js";

/** Cases that there are at least. */
const LEAST = 900;
/** Of those in threads and processes, unless all are wanted. */
const SAMPLE = 120;
const wanted = process.env.USERBOOT_HOSTILE ?? "22";
const seed = Number(wanted);

/** What came of a case in the calling thread. */
const seen = new Map<Case, Observed>();

async function inThread(one: Case): Promise<Observed> {
  const known = seen.get(one) ?? (await observe(one));
  seen.set(one, known);
  return known;
}

function sample(): readonly Case[] {
  if (wanted === "all") return CORPUS;
  process.stderr.write(`hostile corpus: ${SAMPLE} of ${CORPUS.length} in cells, USERBOOT_HOSTILE=${seed}\n`);
  const random = new Random(seed);
  const left = [...CORPUS];
  return Array.from({ length: Math.min(SAMPLE, left.length) }, () => left.splice(random.below(left.length), 1)[0]!);
}

it(`has at least ${LEAST} cases, no two of one name`, () => {
  expect(CORPUS.length).toBeGreaterThanOrEqual(LEAST);
  expect(new Set(CORPUS.map(({ name }) => name)).size).toBe(CORPUS.length);
});

describe.each(FAMILIES.map(({ name }) => name))("%s", (family) => {
  it.each(CORPUS.filter(({ name }) => name.startsWith(`${family}: `)).map((one) => [one.name, one] as const))(
    "%s",
    async (_, one) => {
      expect(complaints(await inThread(one), one.outcome)).toEqual([]);
    },
  );
});

describe.each(["thread", "process"] as const)("in a %s of its own", (isolation) => {
  it("every case comes to the same", { timeout: 1_200_000 }, async () => {
    await using pool = createPool({ isolation, size: 2, reuse: "tenant" });
    const start = (options: Parameters<typeof pool.boot>[0]) => pool.boot({ ...options, tenant: "corpus" });
    for (const one of sample()) {
      const expected = await inThread(one);
      expect([one.name, await observe(one, start)]).toEqual([one.name, expected]);
    }
  });
});
