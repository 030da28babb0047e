// Sizes as people write them.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryText, parseMemory, sizeText } from "../../build/host/sizes.js";

const MIB = 1024 * 1024;

it("memory is written so that reading it gives the same", async () => {
  const sizes = fc.oneof(
    fc.integer({ min: 1, max: 2 ** 26 }).map((mib) => mib * MIB),
    fc.integer({ min: MIB, max: 2 ** 46 }),
  );
  await fc.assert(
    fc.asyncProperty(sizes, async (size) => {
      expect(parseMemory(memoryText(size))).toBe(size);
    }),
  );
});

it.each([
  [256 * MIB, "256M"],
  [1500 * MIB, "1500M"],
  [2048 * MIB, "2G"],
  [MIB + 1, "1048577"],
])("%s bytes are %s", (size, text) => expect(memoryText(size)).toBe(text));

describe("sizes as they are shown", () => {
  it.each([
    [0, "0 B"],
    [1, "1 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [9712, "9.48 KiB"],
    [157_696, "154 KiB"],
    [600_000, "586 KiB"],
    [1_151_488, "1.10 MiB"],
    [10_238, "10.0 KiB"],
    [1_048_575, "1.00 MiB"],
    [2 ** 50 - 1, "1.00 PiB"],
    [2 ** 64, "16 EiB"],
  ])("%d", (bytes, text) => {
    expect(sizeText(bytes)).toBe(text);
  });

  it("have four characters at most, and are right to half a percent", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        const [, number = "", unit = ""] = /^([\d.]+) ([KMGTP]?i?B)$/.exec(sizeText(bytes)) ?? [];
        const size = 1024 ** ["B", "KiB", "MiB", "GiB", "TiB", "PiB"].indexOf(unit);
        expect(Number(number)).toBeLessThan(1024);
        expect(number.length).toBeLessThanOrEqual("9.99".length);
        expect(Math.abs(Number(number) * size - bytes)).toBeLessThanOrEqual(bytes * 0.005);
      }),
    );
  });
});
