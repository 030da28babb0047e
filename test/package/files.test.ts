// What is packed has what its pages link to, and is what somebody who installs it needs.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { linksOf } from "../support/links.js";
import { inRepository } from "../support/repository.js";

const packed = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
  cwd: inRepository(""),
  encoding: "utf8",
  stdio: ["ignore", "pipe", "ignore"],
});
const files: string[] = JSON.parse(packed)[0].files.map(({ path }: { path: string }) => path);
const has = (path: string) => files.some((file) => file === path || file.startsWith(`${path}/`));

/** Pages for those who work on the project itself: they may lead to its tests and sources, which aren't packed. */
const OWN = /^(ARCHITECTURE|CONTRIBUTING|SECURITY|images\/README|docs\/adding)\.md$/;
const pages = files.filter((path) => path.endsWith(".md") && !OWN.test(path));

it.each(pages)("%s links to what is packed", (path) => {
  const links = linksOf(path, readFileSync(inRepository(path), "utf8"));
  expect(links.filter(({ file }) => !has(file)).map(({ text }) => text)).toEqual([]);
});

it("has what package.json names, the examples' projects, and nothing of the project's own", () => {
  const { exports, bin } = JSON.parse(readFileSync(inRepository("package.json"), "utf8"));
  const named = JSON.stringify([exports, bin]).match(/\.\/build\/[^"*]*\.(js|cjs|d\.ts)/g) ?? [];
  expect(named.length).toBeGreaterThan(8);
  expect(named.map((path) => path.slice(2)).filter((path) => !has(path))).toEqual([]);
  for (const name of ["console", "editor", "node", "page", "policies", "vite-xterm"])
    expect(has(`examples/${name}/package.json`)).toBe(true);
  expect(
    files.filter((path) => /^(test|host|loader-wasm|scripts|bench|out)\/|tsbuildinfo|node_modules/.test(path)),
  ).toEqual([]);
});
