// What the core's number of a profile says.

import { expect, it } from "vitest";
import { decodeProfile, GENERATIONS, PROFILE_MARKS } from "../../build/host/profile.js";

const number = (generation: number, mark: number, release = 0) =>
  BigInt(generation) | (BigInt(mark) << 16n) | (BigInt(release) << 32n);

it("has a generation, what told it, and the release where that is known", () => {
  for (const generation of GENERATIONS)
    for (const [mark, from] of PROFILE_MARKS.entries())
      expect(decodeProfile(number(generation, mark))).toEqual({ generation, from });
  expect(decodeProfile(number(14, 2, 1403))).toEqual({ generation: 14, from: "/bin/freebsd-version", release: "14.3" });
});

it("is none with a generation or a mark that there isn't", () => {
  for (const facts of [number(11, 0), number(16, 0), number(0, 0), number(12, PROFILE_MARKS.length), 0xffffn])
    expect(decodeProfile(facts)).toBeUndefined();
});
