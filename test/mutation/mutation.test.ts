// What mutation/ is made of: mutations that are what their operators say, samples that a seed draws again, and mistakes by
// name that are where they are said to be. The runs themselves are not part of the tests (docs/mutation.md).

import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { mutantsOf } from "../../mutation/core/operators.mjs";
import { FLAVOUR, flavoursOf, TESTS, testsOf } from "../../mutation/core/tables.mjs";
import { FOLDERS, NOT_MUTATED, sourcesOf } from "../../mutation/host/tables.mjs";
import { mistaken } from "../../mutation/named/named.mjs";
import { NAMED } from "../../mutation/named/table.mjs";
import { drawn } from "../../mutation/sample.mjs";
import { inRepository } from "../support/repository.js";

/** All texts that come of mutations of `text`, with their operators. */
const mutated = (text: string) =>
  mutantsOf(text).map(({ operator, from, to, replacement }) => [
    operator,
    text.slice(0, from) + replacement + text.slice(to),
  ]);

describe("mutations of the core", () => {
  it.each<[string, [string, string][]]>([
    ["x = a < b;", [["boundary", "x = a <= b;"]]],
    ["x = a >= b;", [["boundary", "x = a > b;"]]],
    ["x = a == b;", [["equality", "x = a != b;"]]],
    ["x = a && b;", [["logic", "x = a || b;"]]],
    ["x = a - b;", [["arithmetic", "x = a + b;"]]],
    ["x = a << b;", [["bits", "x = a >> b;"]]],
    ["x += a;", [["assignment", "x -= a;"]]],
    ["x = !a;", [["negation", "x = a;"]]],
    ["x = true;", [["truth", "x = false;"]]],
    ["check(a);", [["call", ";"]]],
    ["if (a) return b;", [["check", ";"]]],
    ["for (;;) { if (a) { b = c; continue; } }", [["check", "for (;;) { ; }"]]],
    [
      "const MOST: u32 = 0x10;",
      [
        ["constant", "const MOST: u32 = 17;"],
        ["constant", "const MOST: u32 = 15;"],
      ],
    ],
    ["const NONE: usize = 0;", [["constant", "const NONE: usize = 1;"]]],
    [
      "x = f(a, b + 1);",
      [
        ["arguments", "x = f(b + 1, a);"],
        ["arithmetic", "x = f(a, b - 1);"],
      ],
    ],
  ])("of %j", (text, expected) => expect(mutated(text)).toEqual(expected));

  it.each([
    'import { a } from "./b";',
    "if (a) b = c;",
    "if (a) return b; else c = d;",
    "let x: u32 = 3;",
    "x = f(a);",
    "x = min<u32>(a, b);",
    "x = a.substring(b, c);",
    "x = load<u16>(a, B);",
    "@inline function f(a: Array<u32>): void {}",
  ])("there is none of %j", (text) => expect(mutated(text)).toEqual([]));

  it("say where they are", () => {
    expect(mutantsOf("a;\n  b = c < d;")).toEqual([
      { operator: "boundary", from: 11, to: 12, line: 2, column: 9, was: "<", replacement: "<=" },
    ]);
  });
});

it("a seed draws all, in an order of its own, and again", () => {
  const all = Array.from({ length: 100 }, (_, i) => i);
  const one = drawn(all, 1);
  expect(one).not.toEqual(all);
  expect([...one].sort((a, b) => a - b)).toEqual(all);
  expect(drawn(all, 1)).toEqual(one);
  expect(drawn(all, 2)).not.toEqual(one);
  expect(all[0]).toBe(0);
});

describe("the tables", () => {
  const isThere = (test: string) => existsSync(inRepository(`test/${test}.test.ts`));

  it.each(Object.entries(FOLDERS))("host/%s has sources, and tests that are there", (folder, { tests }) => {
    expect(sourcesOf(folder).length).toBeGreaterThan(0);
    expect(tests.filter((test) => !isThere(test))).toEqual([]);
  });

  it("say of every folder of the host whether it is mutated", () => {
    const folders = new Set(sourcesOf("").map((path) => path.split("/").slice(1, -1)[0] ?? "."));
    expect([...folders].sort()).toEqual([...Object.keys(FOLDERS), ...Object.keys(NOT_MUTATED)].sort());
  });

  it("give a source of the core the tests of its nearest folder", () => {
    expect(
      Object.values(TESTS)
        .flat()
        .filter((test) => !isThere(test)),
    ).toEqual([]);
    expect(testsOf("loader-wasm/fs/ufs/inode.ts")).toEqual(TESTS["fs/ufs/"]);
    expect(testsOf("loader-wasm/fs/zfs.ts")).toEqual(TESTS["fs/zfs"]);
    expect(testsOf("loader-wasm/fs/path.ts")).toEqual(TESTS["fs/"]);
    expect(flavoursOf(["fs/ufs"])).toEqual([FLAVOUR]);
    expect(flavoursOf(["fs/ufs", "inspect/system"])).toEqual([FLAVOUR, "inspect"]);
  });

  it.each(NAMED.map((mutant) => [mutant.name, mutant] as const))("have the mistake: %s", (_name, mutant) => {
    expect(mistaken(mutant)).not.toBe("");
    expect(mutant.tests.filter((test) => !isThere(test))).toEqual([]);
  });
});
