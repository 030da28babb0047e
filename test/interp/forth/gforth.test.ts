// The guest's Forth against gforth: both run the same made-up programs and must print the same. Where standards leave open
// what is right, programs keep away from it (programs.ts); letters of numbers are large in one and small in the other.

import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, it } from "vitest";
import { typeKeys } from "../../support/prompt.js";
import { Scratch } from "../../support/scratch.js";
import { describeWith } from "../../support/trees.js";
import { forthProgramOf } from "./programs.js";

const BETWEEN = "<<<>>>";

const parts = (printed: string) =>
  printed
    .slice(printed.indexOf(BETWEEN) + BETWEEN.length, printed.lastIndexOf(BETWEEN))
    .split(BETWEEN)
    .map((part) => part.toLowerCase().trim());

/** What gforth prints for each program. */
function byGforth(sources: readonly string[]): string[] {
  using scratch = new Scratch();
  const files = sources.map((source, i) => scratch.file(`p${i}.fs`, source));
  // Words that are defined anew are told of otherwise.
  const all = [...files.map((file) => `.( ${BETWEEN}) s" ${file}" included`), `.( ${BETWEEN}) bye`];
  const main = scratch.file("main.fs", `warnings off\n${all.join("\n")}\n`);
  const { stdout, stderr } = spawnSync("gforth", [main], { encoding: "latin1", maxBuffer: 1 << 26, timeout: 30_000 });
  expect(stderr).toBe("");
  return parts(stdout);
}

/** What the guest's Forth prints for each. */
async function byGuest(sources: readonly string[]): Promise<string[]> {
  const tree = Object.fromEntries(sources.map((source, i) => [`p${i}`, Buffer.from(source)]));
  const all = [...sources.map((_, i) => `.( ${BETWEEN})\ninclude /p${i}`), `.( ${BETWEEN})`];
  const { text, result } = await typeKeys(["include /main\r"], {
    hostTrees: [{ ...tree, main: Buffer.from(`${all.join("\n")}\n`) }],
    start: "4th",
    memory: 64 * 2 ** 20,
  });
  expect(result.error?.name).toBe("InputEndedError");
  // A program that fails ends all.
  expect(text.split(BETWEEN).length, text.slice(-500)).toBe(sources.length + 2);
  return parts(text);
}

describeWith(["gforth"], "made-up programs", () => {
  const tape = fc.array(fc.nat({ max: 0xffff }), { minLength: 50, maxLength: 400, size: "max" });
  it("print what they print with gforth", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(tape, { minLength: 5, maxLength: 15, size: "max" }), async (tapes) => {
        const sources = tapes.map((numbers) => forthProgramOf(numbers, 8));
        const mine = await byGuest(sources);
        const others = byGforth(sources);
        expect([mine.length, others.length]).toEqual([sources.length, sources.length]);
        for (const [i, printed] of mine.entries())
          expect(printed.split("\n"), sources[i]).toEqual(others[i]!.split("\n"));
      }),
      { numRuns: 10, endOnFailure: true, seed: Number(process.env.USERBOOT_SEED ?? 1) },
    );
  });
});
