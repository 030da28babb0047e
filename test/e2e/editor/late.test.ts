// What a guest leaves in `<userboot-editor>` when another one takes its place: nothing that was asked of it, and no worker that
// goes on. Needs Debian's Chromium.

import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { CHROMIUM } from "../../support/chromium.js";
import { tab } from "../../support/editor_person.mjs";
import { RangeServer } from "../../support/range_server.js";
import { UfsImage } from "../../support/ufs_image.js";
import { choose, type Editor, editorSite, scripted, verdict } from "./site.js";

const MIB = 1024 * 1024;
/** A boot that only tells what it says of loader.conf is ended after 30 s by itself; who opens something else doesn't wait so long. */
const ENDED_MS = 15_000;

/** A disk with a file that isn't kept whole of what a server sends. */
function disk() {
  const image = new UfsImage({ version: 2, blockSize: 32768, fragmentSize: 4096, superblockAt: 65536 });
  image.file(image.root, "large", Buffer.alloc(8 * MIB, "text "));
  return image.finish();
}

/** Has the page note all that it says from now on in the card of the files. */
const noteFiles = (page: Page) =>
  page.evaluate(() => {
    const page = globalThis as unknown as { noted: string[] };
    page.noted = [];
    const panel = document.querySelector("userboot-editor")!.shadowRoot!.querySelector("#panel-files")!;
    const note = () => {
      for (const said of panel.querySelectorAll(".said")) if (said.textContent) page.noted.push(said.textContent);
      for (const digest of panel.querySelectorAll("h2 + p > code")) page.noted.push(digest.textContent);
    };
    new MutationObserver(note).observe(panel, { childList: true, characterData: true, subtree: true });
  });
const noted = (page: Page) => page.evaluate(() => (globalThis as unknown as { noted: string[] }).noted);

describe.skipIf(CHROMIUM === undefined)("an earlier guest of <userboot-editor>", { timeout: 120_000 }, () => {
  const site = editorSite();

  it.each(["SHA-256", "Download"])("its %s says nothing when there is another guest", async (button) => {
    const images = new RangeServer(disk());
    let answers = true;
    const { page, server, complaints } = await site.open(false, {
      other: (request, response) => answers && images.listener(request, response),
    });
    await page.getByLabel("Or an address").fill(`${server.origin}/guest.img`);
    await page.getByRole("button", { name: "Open address" }).click();
    await verdict(page);
    await page.getByRole("button", { name: "Files of disk0:" }).click();
    await page.getByRole("button", { name: "large" }).click();
    await page.getByText(/^The first 256/).waitFor();
    await noteFiles(page);
    answers = false;
    const asked = page.waitForRequest(/guest\.img/);
    await page.getByRole("button", { name: button }).click();
    await asked;
    await choose(page, scripted("while true do end"));
    await page.getByText("guest.img", { exact: true }).first().waitFor();
    expect(await noted(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("what its loader is asked is ended with it, and changes nothing", async () => {
    const { page, complaints } = await site.open();
    await choose(page, scripted("while true do end"));
    await tab(page, "Set-up");
    const workers = page.workers().length;
    await page.getByRole("button", { name: "Ask the guest's loader" }).click();
    await expect.poll(() => page.workers().length).toBeGreaterThan(workers);
    await page.getByRole("button", { name: "Close" }).click();
    await expect.poll(() => page.workers().length, { timeout: ENDED_MS }).toBe(0);
    await choose(page, scripted("while true do end"));
    await tab(page, "Set-up");
    expect(await page.getByRole("button", { name: "Ask the guest's loader" }).isEnabled()).toBe(true);
    expect(await page.getByText("The guest's loader reads it…").count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it.each([
    ["at once", 0, "The guest's loader refuses 1 line(s)."],
    ["after a MiB of something else", MIB, "The guest's loader has nothing to say against it."],
  ])("what its loader says of a line %s", async (_when, before, says) => {
    const { page, complaints } = await site.open();
    const script = `for i = 1, ${before / 1024} do print(("x"):rep(1023)) end
      print("Malformed line (1):\\n\\t'wrong'")`;
    await choose(page, scripted(script));
    await tab(page, "Set-up");
    await page.getByRole("textbox", { name: "/boot/loader.conf" }).fill("wrong");
    await page.getByRole("button", { name: "Ask the guest's loader" }).click();
    await page.getByRole("status").filter({ hasText: says }).waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("two editors on a page are two; one that is removed leaves nothing, and works when it is there again", async () => {
    const { page, complaints } = await site.open(false, {
      before: () => {
        const open = new Set<string>();
        const { createObjectURL, revokeObjectURL } = URL;
        URL.createObjectURL = (content) => {
          const url = createObjectURL.call(URL, content);
          open.add(url);
          return url;
        };
        URL.revokeObjectURL = (url) => {
          open.delete(url);
          revokeObjectURL.call(URL, url);
        };
        Object.assign(globalThis, { openUrls: open });
      },
    });
    const boots = (script: string) => `while true do print(${JSON.stringify(script)}) loader.delay(100000) end`;
    await choose(page, scripted(boots("the first")));
    const image = [...scripted(boots("the second"))];
    await page.evaluate(async (image) => {
      const second = document.createElement("userboot-editor") as Editor;
      second.id = "second";
      document.querySelector("main")!.append(second);
      await second.open([new File([new Uint8Array(image)], "second.img")]);
      void document.querySelector<Editor>("userboot-editor")!.boot();
      void second.boot();
    }, image);
    const shows = (place: string, words: string) =>
      page.waitForFunction(
        ([place, words]) => document.querySelector<Editor>(place!)!.text.includes(words!),
        [place, words],
      );
    await shows("userboot-editor", "the first");
    await shows("#second", "the second");
    await page.evaluate(async (image) => {
      const second = document.querySelector<Editor>("#second")!;
      second.remove();
      await new Promise((done) => setTimeout(done));
      document.querySelector("main")!.append(second);
      await second.open([new File([new Uint8Array(image)], "second.img")]);
      void second.boot();
    }, image);
    await shows("#second", "the second");
    await page.evaluate(() => {
      for (const editor of document.querySelectorAll("userboot-editor")) editor.remove();
    });
    await expect.poll(() => page.workers().length, { timeout: ENDED_MS }).toBe(0);
    expect(await page.evaluate(() => (globalThis as unknown as { openUrls: Set<string> }).openUrls.size)).toBe(0);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
