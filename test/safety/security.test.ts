// SECURITY.md says what the code does: its limits are the defaults, its tests exist.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { DEFAULT_LIMITS, TREE_LIMITS } from "userboot-wasm";
import { expect, it } from "vitest";
import { LEVELS, REACHED } from "./walls.js";

const page = readFileSync("SECURITY.md", "utf8");

it("the tables of limits have the defaults", () => {
  const tables = page.split(/^\| limit .*\n/m).slice(1);
  const limits = tables.map((table) => {
    const rows = [...table.matchAll(/^\| `(\w+)` +\| `(\d+)` /gm)].map(([, name, value]) => [name, Number(value)]);
    return Object.fromEntries(rows);
  });
  expect(limits).toEqual([DEFAULT_LIMITS, TREE_LIMITS]);
});

it("the table of what is reached is the one that is tried", () => {
  const table = page.slice(page.indexOf("| reached by"), page.indexOf("Where there is no bubblewrap"));
  const cells = (row: string) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
  const [head, , ...rows] = table.trim().split("\n").map(cells);
  expect(head!.slice(1)).toEqual(LEVELS);
  const said = rows.map(([name, ...reached]) => [name, LEVELS.filter((_, i) => reached[i] === "yes")]);
  expect(Object.fromEntries(said)).toEqual(REACHED);
});

it("each promise has a test, and each named file is there", () => {
  const promises = page.slice(page.indexOf("## What is promised"), page.indexOf("## Limits"));
  const rows = promises.split("\n").filter((line) => line.startsWith("| ") && !/^\| promise /.test(line));
  const held = rows.filter((row) => !/^\| -+/.test(row));
  expect(held.length).toBeGreaterThanOrEqual(10);
  for (const row of held) expect(row).toMatch(/`test\/[\w/]+\.test\.ts`/);
  const files = [...page.matchAll(/`(test\/[\w/.]+)`/g)].map(([, file]) => file!);
  expect(files.filter((file) => !existsSync(file))).toEqual([]);
});

it("the named vulnerabilities are replayed", () => {
  const files = readdirSync("test/safety").filter((file) => file.startsWith("replays"));
  const replays = files.map((file) => readFileSync(`test/safety/${file}`, "utf8")).join("");
  const named = [...page.matchAll(/CVE-\d+-\d+|XSA-\d+/g)].map(([name]) => name);
  expect(named.length).toBeGreaterThan(6);
  for (const name of named) expect(replays).toContain(name);
});
