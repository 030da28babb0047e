// The page's service worker (web/sw.js): all of a build is kept for when there is no network, and a page that is open has the parts of
// its own build, whatever the server has by then. Needs Debian's Chromium.

import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { CHROMIUM } from "../../support/chromium.js";
import { bootByMenu, openSample, runToEnd } from "../../support/editor_person.mjs";
import { editorSite } from "./site.js";

/** The files of each build that the browser keeps, by the names of its stores. */
const stores = (page: Page) =>
  page.evaluate(async () => {
    const kept: Record<string, string[]> = {};
    for (const name of await caches.keys())
      kept[name] = (await (await caches.open(name)).keys()).map(({ url }) => new URL(url).pathname);
    return kept;
  });

/** Waits until the page is the service worker's. */
const controlled = (page: Page) => page.waitForFunction(() => navigator.serviceWorker.controller !== null);

describe.skipIf(CHROMIUM === undefined)("the editor's page and its service worker", { timeout: 120_000 }, () => {
  const site = editorSite();

  it("works without a network once it was loaded", async () => {
    const { page, server, complaints } = await site.open();
    await controlled(page);
    server.close();
    await page.context().setOffline(true);
    await page.reload();
    await openSample(page, "i386 with a menu");
    await bootByMenu(page);
    await runToEnd(page);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("keeps this build's files, whatever the browser has, under the directory's own name", async () => {
    const { page, server } = await site.open(false, { headers: { "cache-control": "max-age=3600" } });
    await page.evaluate(async () => void (await navigator.serviceWorker.ready));
    const kept = Object.values(await stores(page)).flat();
    expect(kept).toContain("/");
    expect(kept).not.toContain("/index.html");
    const sheet = kept.find((path) => path.endsWith(".css"))!;
    expect(server.requests.filter((path) => path === sheet)).toHaveLength(2);
    await page.context().close();
  });

  it("a page that is open has its own build's parts until it is closed, then there is the new one", async () => {
    const { page, server, complaints } = await site.open();
    await controlled(page);
    const first = await stores(page);
    server.directory = join(site.scratch.path, "second");
    await site.buildTo(server.directory, "second-");
    await page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready;
      await registration.update();
      const next = registration.installing ?? registration.waiting ?? registration.active!;
      while (next.state === "installing") await new Promise((done) => next.addEventListener("statechange", done));
    });
    // Another tab doesn't take the first one's away.
    const other = await page.context().newPage();
    await other.goto(server.origin);
    expect(Object.keys(await stores(page))).toHaveLength(2);
    await openSample(page, "amd64 with a menu");
    await bootByMenu(page);
    expect(complaints).toEqual([]);
    const context = page.context();
    for (const each of [page, other]) await each.close();
    const later = await context.newPage();
    await expect
      .poll(
        async () => {
          await later.goto(server.origin);
          return Object.values(await stores(later)).flat();
        },
        { timeout: 30_000, interval: 500 },
      )
      .not.toEqual(
        expect.arrayContaining(
          Object.values(first)
            .flat()
            .filter((path) => path.endsWith(".js")),
        ),
      );
    const second = Object.values(await stores(later));
    expect(second).toHaveLength(1);
    expect(second[0]!.some((path) => path.includes("/second-"))).toBe(true);
    await openSample(later, "amd64 with a menu");
    await bootByMenu(later);
    await context.close();
  });
});
