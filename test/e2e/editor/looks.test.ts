// How `<userboot-editor>` looks and reads: axe-core finds nothing in any of its states, dark or light, wide or narrow; nothing is
// wider than the page; and little is fetched before anything is opened. Needs Debian's Chromium.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { CHROMIUM } from "../../support/chromium.js";
import { walk } from "../../support/editor_person.mjs";
import { editorSite } from "./site.js";

/** Page, scripts, style sheet and icon, by gzip: what is fetched before anything is opened. */
const FIRST_VIEW_MAX = 200 * 1024;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core complains of, as people fix it. */
async function complaints(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  return violations.flatMap(({ help, id, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
}

/** Whether the page has to be scrolled sideways. */
const overflows = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);

describe.skipIf(CHROMIUM === undefined)("the editor's looks", { timeout: 120_000 }, () => {
  const site = editorSite();

  it.each([
    [1440, "light", "amd64 with a menu"],
    [1024, "dark", "i386 with a menu"],
    [390, "light", "i386 with a menu"],
    [390, "dark", "amd64 with a menu"],
  ] as const)("%i pixels, %s: %s", async (width, colorScheme, sample) => {
    const { page } = await site.open(false, { viewport: { width, height: 844 }, colorScheme });
    const look = async (state: string) => {
      expect({ state, complaints: await complaints(page), overflows: await overflows(page) }).toEqual({
        state,
        complaints: [],
        overflows: false,
      });
    };
    await walk(page, sample, look);
    await page.context().close();
  });

  it("shows a first view with less than 200 KiB", async () => {
    const { page, server } = await site.open(false, { serviceWorkers: "block" });
    await page.waitForLoadState("networkidle");
    const bodies = await Promise.all(
      [...new Set(server.requests)].map(async (path) => (await fetch(server.origin + path)).arrayBuffer()),
    );
    const size = bodies.reduce((sum, body) => sum + gzipSync(new Uint8Array(body), { level: 9 }).length, 0);
    expect(server.requests.length).toBeGreaterThan(3);
    expect(size).toBeLessThan(FIRST_VIEW_MAX);
    expect(server.requests.filter((path) => /v86|xterm|console|\.wasm|\.gz/.test(path))).toEqual([]);
    await page.context().close();
  });
});
