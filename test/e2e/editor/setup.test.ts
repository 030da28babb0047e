// Set-ups in `<userboot-editor>` that are large, odd or can't be booted: what is said of them, and that the page stays responsive
// meanwhile. Needs Debian's Chromium.

import { truncateSync } from "node:fs";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { CHROMIUM } from "../../support/chromium.js";
import { tab } from "../../support/editor_person.mjs";
import { bestOf, MainThread, TASK_MAX } from "./main_thread.js";
import { choose, type Editor, editorSite, scripted } from "./site.js";

const MIB = 1024 * 1024;
const WAITS = 'print("it runs") while true do loader.delay(100000) end';

/** So many names with what they stand for. */
const many = <T>(count: number, name: (at: number) => string, value: T) =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [name(at), value]));

const machineOf = (page: Page) => page.evaluate(() => document.querySelector<Editor>("userboot-editor")!.machine);

const takeMachine = (page: Page, machine: object) =>
  page.evaluate((machine) => document.querySelector<Editor>("userboot-editor")!.takeMachine(machine), machine);

describe.skipIf(CHROMIUM === undefined)("set-ups in <userboot-editor>", { timeout: 180_000 }, () => {
  const site = editorSite();

  it.each([
    ["brackets", () => "[".repeat(2 * MIB) + "]".repeat(2 * MIB), "machine has more than 5 brackets in each other"],
    ["keys", () => JSON.stringify(many(400_000, (at) => `k${at}`, 1)), "machine has more than the 32768 texts"],
    ["numbers", () => `[${"1,".repeat(10 * MIB)}1]`, "machine has more than the 524288 characters that may be outside"],
    [
      "variables",
      () => JSON.stringify({ version: 1, environment: many(4096, (at) => `name${at}`, "a value") }),
      "3596 more aren't shown.",
    ],
    [
      "files",
      () => JSON.stringify({ version: 1, overlay: many(4096, (at) => `/boot/file${at}`, "a text") }),
      "3596 more aren't shown.",
    ],
    [
      "bytes",
      () =>
        JSON.stringify({
          version: 1,
          overlay: { "/boot/kernel/zfs.ko": { base64: Buffer.alloc(16 * MIB, 0xf0).toString("base64") } },
        }),
      "/boot/kernel/zfs.ko",
    ],
  ])("one of many %s doesn't hold the page", async (what, json, says) => {
    const file = site.scratch.file(`${what}.json`, json());
    const longest = await bestOf(async () => {
      const { page, complaints } = await site.open();
      await choose(page, scripted(WAITS));
      await tab(page, "Set-up");
      const tasks = await MainThread.watch(page);
      await page.getByLabel("machine.json").setInputFiles(file);
      await page.getByText(says).waitFor();
      await page.getByRole("button", { name: "Boot", exact: true }).first().click();
      await page.waitForFunction(() => document.querySelector<Editor>("userboot-editor")!.text.includes("it runs"));
      const most = await tasks.longest();
      expect(complaints).toEqual([]);
      await page.context().close();
      return most;
    });
    expect(longest).toBeLessThan(TASK_MAX);
  });

  it("an interpreter that is chosen takes the place of the one to start with", async () => {
    const { page, complaints } = await site.open();
    await choose(page, scripted(WAITS));
    await takeMachine(page, { version: 1, start: "4th" });
    await tab(page, "Set-up");
    await page.getByLabel("Interpreter").selectOption("lua");
    const machine = await machineOf(page);
    expect([machine.loader, machine.start]).toEqual(["lua", undefined]);
    await page.getByRole("button", { name: "Boot", exact: true }).first().click();
    await page.waitForFunction(() => document.querySelector<Editor>("userboot-editor")!.text.includes("it runs"));
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("one that can't be booted says why, and one that is mended boots", async () => {
    const { page, complaints } = await site.open();
    await choose(page, scripted(WAITS));
    // Each file is within the bound, both aren't.
    const text = "x".repeat(9 * MIB);
    await takeMachine(page, { version: 1, overlay: { "/a": text } });
    await tab(page, "Set-up");
    await page.getByLabel("Path of a file").fill("/b");
    const chooser = page.getByLabel("What shall be in it");
    const file = site.scratch.file("large.txt", text);
    await chooser.setInputFiles(file);
    await page.getByRole("button", { name: "Take away /b" }).waitFor();
    const told = page.evaluate(
      () =>
        new Promise<string>((resolve) => {
          const editor = document.querySelector<Editor>("userboot-editor")!;
          editor.addEventListener("error", (event) => resolve((event as unknown as CustomEvent<Error>).detail.message));
        }),
    );
    await page.getByRole("button", { name: "Boot", exact: true }).first().click();
    const says = `machine.overlay has ${18 * MIB} bytes, more than the ${16 * MIB} that may be`;
    await page.getByRole("status").filter({ hasText: says }).waitFor();
    expect(await told).toBe(says);
    await tab(page, "Set-up");
    await page.getByRole("button", { name: "Take away /b" }).click();
    await page.getByRole("button", { name: "Boot", exact: true }).first().click();
    await page.waitForFunction(() => document.querySelector<Editor>("userboot-editor")!.text.includes("it runs"));
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it.each([
    [16 * MIB, "text, 16777216 characters"],
    [16 * MIB + 1, "large.bin is larger than the 16 MiB that can be laid over"],
  ])("of %i bytes from a file", async (size, says) => {
    const file = site.scratch.file("large.bin", "");
    truncateSync(file, size);
    const { page, complaints } = await site.open();
    await choose(page, scripted(WAITS));
    await tab(page, "Set-up");
    await page.getByLabel("Path of a file").fill("/boot/large");
    await page.getByLabel("What shall be in it").setInputFiles(file);
    await page.getByText(says).waitFor();
    expect(Object.keys((await machineOf(page)).overlay ?? {})).toEqual(size > 16 * MIB ? [] : ["/boot/large"]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
