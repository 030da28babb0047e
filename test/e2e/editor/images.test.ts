// What `<userboot-editor>` makes of images: large ones on a server, other formats, pools, several disks, and hostile ones. The page
// stays responsive meanwhile, and looks after memory. Needs Debian's Chromium.

import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { CHROMIUM } from "../../support/chromium.js";
import { tab } from "../../support/editor_person.mjs";
import { guestImage } from "../../support/guests.js";
import { qcow2Image } from "../../support/image_formats.js";
import { largeGuest } from "../../support/large_guest.js";
import { disksOf, poolsIn } from "../../support/pools.js";
import { RangeServer } from "../../support/range_server.js";
import { bytesRead } from "../../support/resources.js";
import { bytesOf } from "../../support/sparse_disk.js";
import { bestOf, MainThread, TASK_MAX } from "./main_thread.js";
import { choose, type Editor, editorSite, scripted, verdict } from "./site.js";

const MIB = 1024 * 1024;
/** What a disk of 6 GiB may cost: bytes read of it, and of memory. */
const READ_MAX = 64 * MIB;
const MEMORY_MAX = 100e6;
/** A disk whose files are noise; directories and inodes lie before them. */
function damaged(): Uint8Array {
  const bytes = guestImage("amd64-ufs2-gpt").slice();
  for (let at = 300_000; at < bytes.length; at++) bytes[at] = (at * 40503) >>> 7;
  return bytes;
}

describe.skipIf(CHROMIUM === undefined)("images in <userboot-editor>", { timeout: 180_000 }, () => {
  const site = editorSite();
  const { scratch } = site;

  /** Looks into the large guest and boots it; bytes of memory that the page has then. */
  async function bootLarge(page: Page): Promise<number> {
    expect(await verdict(page)).toMatch(/^It won't boot: root: neither/);
    await tab(page, "Set-up");
    await page.getByRole("textbox", { name: "Memory" }).fill("32M");
    await page.getByRole("button", { name: "Boot", exact: true }).first().click();
    await page.waitForFunction(() => document.querySelector<Editor>("userboot-editor")!.result !== undefined);
    expect(await page.evaluate(() => document.querySelector<Editor>("userboot-editor")!.result!.reason)).toBe("exec");
    return page.evaluate(async () => {
      const measured = performance as Performance & { measureUserAgentSpecificMemory(): Promise<{ bytes: number }> };
      return (await measured.measureUserAgentSpecificMemory()).bytes;
    });
  }

  it("6 GiB on a server: little is read, and little memory used", async () => {
    const images = new RangeServer(largeGuest().disk);
    const { page, complaints, server } = await site.open(true, { other: images.listener });
    await page.getByLabel("Or an address, read by ranges").fill(`${server.origin}/large.img`);
    await page.getByRole("button", { name: "Open address" }).click();
    expect(await bootLarge(page)).toBeLessThan(MEMORY_MAX);
    expect(images.sent).toBeLessThan(READ_MAX);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("6 GiB in a file: little is read, and little memory used", async () => {
    const file = join(scratch.path, "large.img");
    const { disk, loaded } = largeGuest();
    disk.writeTo(file);
    const { page, complaints } = await site.open(true);
    const before = bytesRead();
    await choose(page, [file]);
    expect(await bootLarge(page)).toBeLessThan(MEMORY_MAX);
    const read = bytesRead() - before;
    // All that the browser's processes have read, of whatever file: the kernel and the modules are among it.
    expect(read).toBeGreaterThan(loaded);
    expect(read).toBeLessThan(READ_MAX);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("qcow2, recognised; several disks, put in another order", async () => {
    const plain = scratch.file("plain.img", guestImage("i386-ufs1-mbr"));
    const qcow2 = scratch.file("packed.qcow2", qcow2Image(guestImage("amd64-ufs2-gpt")).bytes);
    const { page, complaints } = await site.open();
    expect(await choose(page, [qcow2, plain])).toContain("for amd64: its simple loader on disk0p2:");
    await page.getByText("qcow2 image (recognised)").waitFor();
    await tab(page, "Set-up");
    await page.getByRole("button", { name: "Up: plain.img" }).click();
    await page.getByText(/for i386: its simple loader on disk0s1a:/).waitFor();
    const { disks } = await page.evaluate(() => document.querySelector<Editor>("userboot-editor")!.machine);
    expect(disks).toEqual(["plain.img", { image: "packed.qcow2", format: "qcow2" }]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("a ZFS pool, with its data sets and files", async () => {
    const pools = poolsIn("images/pools")!;
    const files = (await disksOf(pools, "bootonce")).map((disk, at) => scratch.file(`pool${at}.img`, bytesOf(disk)));
    const { page, complaints } = await site.open();
    await choose(page, files);
    await page.getByRole("heading", { name: /^Pool / }).waitFor();
    await page.getByText("ONLINE").first().waitFor();
    await page.getByText("boot environment", { exact: true }).first().waitFor();
    await page
      .getByRole("button", { name: /^Files of zfs:/ })
      .first()
      .click();
    await page.getByRole("region", { name: "Files of /" }).waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("a pool whose root is encrypted, which won't boot and is shown all the same", async () => {
    const disks = await disksOf(poolsIn("images/pools")!, "encrypted_root");
    const { page, complaints } = await site.open();
    const files = disks.map((disk, at) => scratch.file(`encrypted${at}.img`, bytesOf(disk)));
    expect(await choose(page, files)).toMatch(/^It won't boot: .*ZFS data set is encrypted/);
    await page.getByRole("heading", { name: /^Pool / }).waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("a server that can't be asked is told with the image's name", async () => {
    const { page } = await site.open();
    await page.getByLabel("Or an address").fill("http://127.0.0.1:1/guest.img.gz");
    await page.getByRole("button", { name: "Open address" }).click();
    await page.getByText("guest.img.gz: can't be fetched: Failed to fetch").waitFor();
    await page.context().close();
  });

  it("an address that leads to another server is read there, with no more than pages may ask it", async () => {
    const images = new RangeServer(largeGuest().disk);
    images.change = ({ headers }) => {
      headers["access-control-allow-origin"] = "*";
      headers["access-control-expose-headers"] = "content-range, etag";
    };
    const there = await images.start();
    const { page, server, complaints } = await site.open(false, {
      other: (_request, response) => response.writeHead(302, { location: there }).end(),
    });
    await page.getByLabel("Or an address").fill(`${server.origin}/moved.img`);
    await page.getByRole("button", { name: "Open address" }).click();
    expect(await verdict(page)).toMatch(/^It won't boot: root: neither/);
    expect(images.requests.length).toBeGreaterThan(1);
    expect(images.requests.filter(({ ifRange }) => ifRange !== undefined)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
    images.close();
  });

  it("no address is no address of an image", async () => {
    const { page, complaints } = await site.open();
    await page.getByRole("button", { name: "Open address" }).click();
    expect(
      await page.getByLabel("Or an address").evaluate((field: HTMLInputElement) => field.validity.valueMissing),
    ).toBe(true);
    expect(await page.getByRole("status").first().innerText()).toBe("");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it.each<[string, () => Uint8Array, RegExp, string]>([
    [
      "noise",
      () => Uint8Array.from({ length: 4 * MIB }, (_, at) => (at * 2654435761) >>> 13),
      /nothing that boots/,
      "OK",
    ],
    [
      "half of a disk",
      () => guestImage("amd64-ufs2-gpt").slice(0, 200_000),
      /can't be read: input\/output error/,
      "OK",
    ],
    ["files of noise", damaged, /./, "OK"],
    ["a script that never ends", () => scripted("while true do end"), /^It will/, "^"],
    [
      "a script that floods the console",
      () => scripted(`while true do print(("\\27[31mflood"):rep(400)) end`),
      /^It will/,
      "flood",
    ],
  ])("hostile: %s", async (name, image, says, shows) => {
    const file = scratch.file(`${name.replace(/\W/g, "")}.img`, image());
    expect(await bestOf(go)).toBeLessThan(TASK_MAX);

    async function go(): Promise<number> {
      const { page, complaints } = await site.open();
      const tasks = await MainThread.watch(page);
      expect(await choose(page, [file])).toMatch(says);
      await page.getByRole("button", { name: "Boot", exact: true }).first().click();
      await page.waitForFunction((shows) => {
        const { result, text } = document.querySelector<Editor>("userboot-editor")!;
        return result !== undefined || new RegExp(shows).test(text);
      }, shows);
      // The page is the person's, whatever the guest does.
      await tab(page, "Set-up");
      await page.getByRole("textbox", { name: "Memory" }).fill("64M");
      await tab(page, "Boot");
      await page.getByRole("status").filter({ hasText: /\S/ }).first().waitFor();
      const end = page.getByRole("button", { name: "End" });
      if (await end.isEnabled()) await end.click();
      const most = await tasks.longest();
      expect(complaints).toEqual([]);
      await page.context().close();
      return most;
    }
  });
});
