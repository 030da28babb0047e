// The guest's Lua against the PUC-Rio Lua that Debian has, 5.3 and 5.4: both run the same made-up programs and must print the
// same. The guest's is cut to integers: programs have no real numbers, nor what gives them.

import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { Generation } from "../../../build/host/profile.js";
import { Scratch } from "../../support/scratch.js";
import { programs } from "../../support/trees.js";
import { byGuest } from "./guest.js";
import { programOf } from "./programs.js";
import { stringCallsOf } from "./string_calls.js";

/** What a Lua of Debian's prints for each program. */
function byDebian(program: string, sources: readonly string[]): string[] {
  using scratch = new Scratch();
  for (const [i, source] of sources.entries()) scratch.file(`p${i}`, Buffer.from(source, "latin1"));
  const driver = `for i = 0, ${sources.length - 1} do
    print("<<<")
    local f, e = loadfile("${scratch.path}/p" .. i, "t", setmetatable({}, {__index = _G}))
    if f then f, e = pcall(f) end
    if not f then print("! " .. tostring(e)) end
    print(">>>")
  end`;
  const { stdout, stderr, status } = spawnSync(program, ["-e", driver], {
    encoding: "latin1",
    maxBuffer: 1 << 28,
    timeout: 60_000,
  });
  expect([stderr, status]).toEqual(["", 0]);
  const printed = stdout.replaceAll(`${scratch.path}/`, "/");
  return [...printed.matchAll(/^<<<\n(.*?)^>>>$/gms)].map(([, part]) => part!);
}

/**
 * Where both go their own ways: real numbers made of digits that are no integer any more, and the line of a division of
 * constants by zero, which 5.4 takes for the one before. And Debian's 5.4 still asks `__lt` where there is no `__le`.
 */
const PARTING =
  /\d\.0\b|\de[+-]?\d|\b(nan|inf)\b|no integer representation|divide by zero|'n%%?0'|'n\/\/0'|attempt to compare/i;

/**
 * The same programs each time: what two Lua's of their own makers do differently is found one by one. Another seed is another search.
 * Programs that differ aren't made smaller: each try would be a boot.
 */
const RUNS = { numRuns: 4, endOnFailure: true, seed: Number(process.env.USERBOOT_SEED ?? 1) };

const alike = (printed: string) => printed.replace(/(table|function): (builtin: )?(0x)?[0-9a-f]+/g, "$1");

const DIALECTS: readonly [program: string, profile: Generation | undefined][] = [
  ["lua5.3", undefined],
  ["lua5.4", 14],
];

describe.each(DIALECTS)("%s", (program, profile) => {
  const tape = (most: number) => fc.array(fc.nat({ max: 0xffff }), { minLength: 20, maxLength: most, size: "max" });
  let tried = 0;
  let compared = 0;
  afterAll(() => {
    if (tried > 0) expect(compared).toBeGreaterThan(tried * 0.1);
  });
  const compare = async (sources: readonly string[]) => {
    const mine = await byGuest(sources, profile === undefined ? {} : { profile });
    const others = byDebian(program, sources);
    expect([mine.length, others.length]).toEqual([sources.length, sources.length]);
    const kept = mine.map((_, i) => i).filter((i) => !PARTING.test(mine[i]!) && !PARTING.test(others[i]!));
    tried += sources.length;
    compared += kept.length;
    for (const i of kept) expect(alike(mine[i]!), sources[i]).toBe(alike(others[i]!));
  };

  it.skipIf(!programs(program))("prints the same for programs of all statements", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(tape(300), { minLength: 20, maxLength: 40, size: "max" }), (tapes) =>
        compare(tapes.map((numbers) => programOf(numbers, { wide: true }))),
      ),
      RUNS,
    );
  });

  it.skipIf(!programs(program))("prints the same for calls of the string library", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(tape(400), { minLength: 20, maxLength: 40, size: "max" }), (tapes) =>
        compare(tapes.map((numbers) => stringCallsOf(numbers, 25))),
      ),
      RUNS,
    );
  });
});
