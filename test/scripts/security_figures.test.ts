// docs/security-figures.md says what the last runs wrote down.

import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { securityFigures } from "../../scripts/security-figures.mjs";
import { inRepository } from "../support/repository.js";

it("is current; `node scripts/security-figures.mjs` makes it so", () => {
  expect(securityFigures()).toBe(readFileSync(inRepository("docs/security-figures.md"), "utf8"));
});

it("names tests that there are", () => {
  const found: { test: string }[] = JSON.parse(readFileSync(inRepository("fuzz/figures/found.json"), "utf8"));
  expect(found.length).toBeGreaterThan(0);
  for (const { test } of found) expect(existsSync(inRepository(test)), test).toBe(true);
});
