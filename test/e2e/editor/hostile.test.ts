// What hostile guests, set-ups and servers try with `<userboot-editor>`: names that act, lists without end, what is left running when
// something else is wanted, and files of an earlier build. Needs Debian's Chromium.

import { closeSync, openSync, readSync, statSync } from "node:fs";
import type { ServerResponse } from "node:http";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { CHROMIUM } from "../../support/chromium.js";
import { consoleShows, tab } from "../../support/editor_person.mjs";
import { bytesOf } from "../../support/sparse_disk.js";
import { UfsImage } from "../../support/ufs_image.js";
import { bestOf, MainThread, TASK_MAX } from "./main_thread.js";
import { choose, type Editor, editorSite, saved, scripted } from "./site.js";

const BOOT = 'loader.perform("load /boot/kernel/kernel") loader.perform("boot")';
const ENDLESS = "while true do end";
const MARKUP = "<img src=x onerror=alert(1)></pre></title><script>alert(1)</script>";
const ACTING = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe.skipIf(CHROMIUM === undefined)("<userboot-editor> and what is hostile", { timeout: 180_000 }, () => {
  const site = editorSite();

  async function boot(page: Page): Promise<void> {
    await page.getByRole("button", { name: "Boot", exact: true }).first().click();
    await page.waitForFunction(() => document.querySelector<Editor>("userboot-editor")!.result?.reason === "exec");
  }

  it("names and variables do nothing in the page that is passed on", async () => {
    const { page, complaints } = await site.open();
    const script = `loader.setenv("x${MARKUP}", "\\xe2\\x80\\xae\\1${MARKUP}<!--")`;
    const fstab = `/dev/\xe2\x80\xae\x01<b>"'& / ufs rw 1 1\n`;
    await choose(page, scripted(`${script} ${BOOT}`, { "/etc/fstab": fstab }), `\u202e\u2028${MARKUP}"'<!--.img`);
    await boot(page);
    await tab(page, "Result");
    const { text: report } = await saved(page, "Save as a page");
    expect(report).toContain("alert(1)");
    expect(ACTING.exec(report)).toBeNull();
    const other = await page.context().newPage();
    await other.setContent(report);
    expect(await other.locator("script, img, b").count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it.each([
    ["line ends", "\n", 0],
    ["wrong lines", "a\n", 501],
  ])("a loader.conf of nothing but %s is shown in part", async (_what, line, wrong) => {
    const { page, complaints } = await site.open();
    await choose(page, scripted(ENDLESS, { "/boot/loader.conf": line.repeat(500_000) }));
    const problems = page.getByLabel("Lines that are wrong").locator("li");
    await page.waitForFunction((wrong) => {
      const { shadowRoot } = document.querySelector("userboot-editor")!;
      const count = (place: string) => shadowRoot!.querySelectorAll(`${place} li`).length;
      return count(".lines") === 2001 && count('[aria-label="Lines that are wrong"]') === wrong;
    }, wrong);
    if (wrong > 0) expect(await problems.last().textContent()).toBe("1500 more aren't shown.");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("of many variables the first are shown", async () => {
    const { page, complaints } = await site.open();
    await choose(page, scripted(`for i = 1, 5000 do loader.setenv("v" .. i, "x") end ${BOOT}`));
    await boot(page);
    await tab(page, "Result");
    const rows = page.getByRole("region", { name: "The kernel's environment" }).locator("tbody tr");
    expect(await rows.count()).toBe(1001);
    expect(await rows.last().textContent()).toMatch(/^\d{4} more aren't shown\.$/);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("a time that is no date hides no directory", async () => {
    const image = new UfsImage({ version: 2, blockSize: 16384, fragmentSize: 2048, superblockAt: 65536 });
    const inode = image.file(image.root, "odd", "text");
    image.file(image.root, "other", "text");
    const disk = image.finish();
    disk.write(image.inodeOffset(inode) + 40, Buffer.from(BigInt64Array.of(2n ** 52n).buffer));
    const { page, complaints } = await site.open();
    await choose(page, bytesOf(disk));
    await page.getByRole("button", { name: "Files of disk0:" }).click();
    await page.getByRole("button", { name: "other" }).waitFor();
    await page.getByText(String(2 ** 52)).waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("of two boots at once the second one is, and none after its images went", async () => {
    const { page, complaints } = await site.open();
    await choose(page, scripted(`print("runs") ${ENDLESS}`));
    await page.evaluate(() => {
      const editor = document.querySelector<Editor>("userboot-editor")!;
      editor.addEventListener("error", (event) =>
        console.error((event as unknown as CustomEvent<Error>).detail.message),
      );
      void editor.boot();
      void editor.boot();
    });
    await consoleShows(page, "runs");
    // One that runs is ended by the next one, which goes on.
    await page.evaluate(async () => {
      const editor = document.querySelector<Editor>("userboot-editor")!;
      const first = editor.boot();
      await new Promise((done) => setTimeout(done, 100));
      void editor.boot();
      await first;
    });
    await consoleShows(page, "runs");
    expect(await page.getByRole("button", { name: "End", exact: true }).isEnabled()).toBe(true);
    await page.evaluate(() => document.querySelector<Editor>("userboot-editor")!.open([]));
    // They go at once, or as soon as there is a console.
    await choose(page, scripted(ENDLESS));
    await page.evaluate(async () => {
      const editor = document.querySelector<Editor>("userboot-editor")!;
      const boot = editor.boot();
      await Promise.all([boot, editor.open([])]);
    });
    await choose(page, scripted(ENDLESS));
    await page.evaluate(async () => {
      const editor = document.querySelector<Editor>("userboot-editor")!;
      const boot = editor.boot();
      await new Promise((made) => {
        const seen = () => editor.shadowRoot!.querySelector("userboot-console") && made(undefined);
        new MutationObserver(seen).observe(editor.shadowRoot!, { childList: true, subtree: true });
      });
      await Promise.all([boot, editor.open([])]);
    });
    const consoles = await page.evaluate(
      () => document.querySelector("userboot-editor")!.shadowRoot!.querySelectorAll("userboot-console").length,
    );
    expect(consoles).toBe(0);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it.each([
    ["60 MB of lines", 60, '("x"):rep(999)'],
    ["20 MB of bytes that are no text", 20, '("\\xf0\\x80\\xe0\\x80"):rep(250)'],
  ])("%s hold neither the page nor its memory, and the guest's last words are shown", async (_what, size, line) => {
    const longest = await bestOf(async () => {
      const { page, complaints } = await site.open();
      const script = `for i = 1, ${size}000 do print(${line}) end print("the" .. " end") while true do loader.delay(100000) end`;
      page.setDefaultTimeout(120_000);
      await choose(page, scripted(script));
      const session = await page.context().newCDPSession(page);
      const memory = async (): Promise<number> => {
        await session.send("HeapProfiler.collectGarbage");
        const heap = await session.send("Runtime.getHeapUsage");
        return heap.usedSize + (heap as unknown as { backingStorageSize: number }).backingStorageSize;
      };
      const before = await memory();
      const tasks = await MainThread.watch(page);
      await page.getByRole("button", { name: "Boot", exact: true }).first().click();
      await consoleShows(page, "the end");
      const most = await tasks.longest();
      expect((await memory()) - before).toBeLessThan(16e6);
      expect(complaints).toEqual([]);
      await page.context().close();
      return most;
    });
    expect(longest).toBeLessThan(TASK_MAX);
  });

  it("an emulator that is made when its guest is gone is ended", async () => {
    const { page } = await site.open();
    await page.getByRole("button", { name: /^i386 with a menu/ }).click();
    await page.getByText(/^It will boot/).waitFor();
    await page.getByRole("button", { name: "Boot", exact: true }).first().click();
    await consoleShows(page, "Booting in");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Run it" }).click();
    const ended = await page.evaluate(async () => {
      const editor = document.querySelector<Editor>("userboot-editor")!;
      return new Promise<string>((resolve) => {
        editor.makeEmulator = async () => {
          await editor.open([]);
          const odd = () => resolve("it was used");
          return {
            ...{ add_listener: odd, serial0_send: odd, keyboard_set_enabled: odd },
            destroy: async () => resolve("it was ended"),
          } as unknown as Awaited<ReturnType<NonNullable<Editor["makeEmulator"]>>>;
        };
        const buttons = [...editor.shadowRoot!.querySelectorAll("button")];
        buttons.findLast(({ textContent }) => textContent === "Run")!.click();
      });
    });
    expect(ended).toBe("it was ended");
    await page.context().close();
  });

  it("an address that answers late doesn't take the place of a file", async () => {
    let late: ServerResponse | undefined;
    let ended = false;
    const { page, server } = await site.open(false, {
      other: (_request, response) => {
        late = response;
        response.on("close", () => {
          ended = true;
        });
      },
    });
    await page.getByLabel("Or an address").fill(`${server.origin}/late.img.gz`);
    await page.getByRole("button", { name: "Open address" }).click();
    await expect.poll(() => late, { timeout: 30_000 }).toBeDefined();
    await choose(page, scripted(ENDLESS));
    await expect.poll(() => ended, { timeout: 30_000 }).toBe(true);
    await page.getByText("guest.img", { exact: true }).first().waitFor();
    await page.context().close();
  });

  it("a long loader.conf, of a guest or a set-up, is shown in part, and all of it counts", async () => {
    const { page, complaints } = await site.open();
    const long = "a=b\n".repeat(250_000);
    await choose(page, scripted(ENDLESS, { "/boot/loader.conf": long }));
    await tab(page, "Set-up");
    const text = page.getByRole("textbox", { name: "/boot/loader.conf" });
    await page.getByText("It is too long to be edited here: this is its beginning. All of it counts.").waitFor();
    expect([(await text.inputValue()).length, await text.isEditable()]).toEqual([8000, false]);
    const laid = `${long}end="x"\n`;
    const setup = { version: 1, overlay: { "/boot/loader.conf": laid } };
    await page.evaluate((setup) => document.querySelector<Editor>("userboot-editor")!.takeMachine(setup), setup);
    await page.getByLabel("Memory").fill("64M");
    await page.keyboard.press("Tab");
    const machine = await page.evaluate(() => document.querySelector<Editor>("userboot-editor")!.machine);
    expect(machine.memory).toBe(64 * 1024 * 1024);
    expect(machine.overlay).toEqual(setup.overlay);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it.each([
    [
      "names of Object's own",
      '{"version":1,"environment":{"__proto__":"x","constructor":"y"},"overlay":{"/__proto__":"z"}}',
      "",
    ],
    ["another prototype", '{"version":1,"__proto__":{"memory":5}}', 'unknown option "__proto__" of machine'],
    [
      "addresses",
      '{"version":1,"disks":["https://example.org/a.img"]}',
      "the set-up wants https://example.org/a.img: open that",
    ],
    ["depth", "[".repeat(100_000) + "]".repeat(100_000), "machine has more than 5 brackets in each other"],
    ["a wrong type", '{"version":1,"memory":{}}', "machine.memory must be a whole number"],
  ])("a set-up with %s", async (_what, json, says) => {
    const { page, server, complaints } = await site.open();
    await choose(page, scripted(ENDLESS));
    await tab(page, "Set-up");
    const asked = server.requests.length;
    await page
      .getByLabel("machine.json")
      .setInputFiles({ name: "machine.json", mimeType: "application/json", buffer: Buffer.from(json) });
    const machine = () =>
      page.evaluate(() => JSON.stringify(document.querySelector<Editor>("userboot-editor")!.machine));
    if (says !== "") await page.getByRole("status").filter({ hasText: says }).waitFor();
    else await expect.poll(machine).toContain('"environment":{"__proto__":"x","constructor":"y"}');
    expect(await page.evaluate(() => Object.keys(Object.prototype))).toEqual([]);
    expect(await page.evaluate(() => "memory" in {})).toBe(false);
    expect(server.requests.length).toBe(asked);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("of a directory of 200,000 entries the first are shown, in their order", async () => {
    const image = new UfsImage({ version: 2, blockSize: 32768, fragmentSize: 4096, superblockAt: 65536 });
    const many = image.directory(image.root, "many");
    const file = image.file(many, "a", "x");
    for (let at = 0; at < 200_000; at++) image.name(many, `n${(at * 7919) % 200_000}`.padEnd(8), file);
    const { page, complaints } = await site.open();
    await choose(page, bytesOf(image.finish()));
    await page.getByRole("button", { name: "Files of disk0:" }).click();
    await page.getByRole("button", { name: "many/" }).click();
    await page.getByText("200001 entries; the first 1000 are shown.").waitFor({ timeout: 90_000 });
    const rows = page.getByRole("region", { name: "Files of /many" }).locator("tbody tr");
    expect(await rows.count()).toBe(1000);
    expect(await rows.first().innerText()).toMatch(/^a\s/);
    expect(await rows.nth(1).innerText()).toMatch(/^n0\s/);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("an image of 4 GiB of holes is viewed, and not downloaded; one of 900 MiB is", async () => {
    const image = new UfsImage({ version: 2, blockSize: 32768, fragmentSize: 4096, superblockAt: 65536 });
    const MIB = 1024 * 1024;
    image.sparse(image.root, "huge", 4096 * MIB, [[0, Buffer.from("text")]]);
    image.sparse(image.root, "long", 900 * MIB, [[900 * MIB - 4, Buffer.from("tail")]]);
    const { page, complaints } = await site.open();
    await choose(page, bytesOf(image.finish()));
    await page.getByRole("button", { name: "Files of disk0:" }).click();
    await page.getByRole("button", { name: "huge" }).click();
    const content = page.getByLabel("Content", { exact: true });
    await content.waitFor();
    expect(await content.innerText()).toMatch(/^00000000 {2}74 65 78 74 00/);
    await page.getByRole("button", { name: "Download" }).click();
    await page.getByText(/^larger than 1/).waitFor();
    await page.getByRole("button", { name: "long" }).click();
    await page.getByRole("heading", { name: "disk0:/long" }).waitFor();
    await content.waitFor();
    const { path } = await saved(page, "Download");
    const end = Buffer.alloc(8);
    const fd = openSync(path, "r");
    readSync(fd, end, 0, 8, 900 * MIB - 8);
    closeSync(fd);
    expect([statSync(path).size, end.toString("latin1")]).toEqual([900 * MIB, "\0\0\0\0tail"]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
