// docs/api.md has every name that the package exports, as its doc comments are now.

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { apiReference } from "../../scripts/api-reference.mjs";
import { inRepository } from "../support/repository.js";

const PAGE = readFileSync(inRepository("docs/api.md"), "utf8");

it("is current; `node scripts/api-reference.mjs` makes it so", () => {
  expect(apiReference()).toBe(PAGE);
});

it("has what is exported, and links that lead somewhere", async () => {
  const modules = await Promise.all([
    import("userboot-wasm"),
    import("userboot-wasm/policy"),
    import("userboot-wasm/machine"),
  ]);
  const names = modules.flatMap((module) => Object.keys(module));
  const headings = [...PAGE.matchAll(/^### (\w+)$/gm)].map(([, name]) => name!);
  expect(names.filter((name) => !headings.includes(name))).toEqual([]);
  const places = new Set(headings.flatMap((name) => [name.toLowerCase(), `${name.toLowerCase()}-1`]));
  const links = [...PAGE.matchAll(/\]\(#([\w-]+)\)/g)].map(([, place]) => place!);
  expect(links.length).toBeGreaterThan(headings.length);
  expect(links.filter((place) => !places.has(place))).toEqual([]);
});

it("shows nothing that is private", () => {
  expect(PAGE).not.toMatch(/#private|^ {4}private /m);
});
