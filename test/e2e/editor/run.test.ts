// Guests that `<userboot-editor>` runs in v86, and their bounds: which disks it gets, how much of its serial output is kept, and that
// what it writes goes nowhere. Needs Debian's Chromium.

import { readFileSync, truncateSync } from "node:fs";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import type { Emulator } from "../../../build/host/editor/run_view.js";
import { CHROMIUM } from "../../support/chromium.js";
import { bootByMenu, tab } from "../../support/editor_person.mjs";
import { linkedFile } from "../../support/elf_image.js";
import { inRepository } from "../../support/repository.js";
import { choose, type Editor, editorSite, scripted } from "./site.js";

const MIB = 1024 * 1024;
/** Most bytes of a disk of v86's. */
const DISK_MAX = 512 * MIB;
const SERIAL_MAX = 200_000;
const GUEST = inRepository("images/i386-menu.img.gz");

/** The page, with what the tests' programs leave there. */
type Left = typeof globalThis & {
  /** Bytes of the disks that the emulator was given. */
  given: number[];
  /** Has the emulator print a byte on its serial port. */
  print(byte: number): void;
};

/** Has the page make emulators that run nothing, and presses Run. */
async function runNothing(page: Page): Promise<void> {
  await bootByMenu(page);
  await page.evaluate(() => {
    const left = globalThis as Left;
    document.querySelector<Editor>("userboot-editor")!.makeEmulator = ({ hda, hdb }) => {
      left.given = [hda, hdb].flatMap((disk) => (disk === undefined ? [] : [disk.buffer.byteLength]));
      const add_listener = (event: string, listener: Left["print"]) => {
        if (event === "serial0-output-byte") left.print = listener;
      };
      return { add_listener, destroy: async () => {} } as unknown as Emulator;
    };
  });
  await tab(page, "Run");
  await page.getByRole("button", { name: "Run", exact: true }).click();
}

const SECTOR = 512;
/** The sector that the kernel below writes: before the file system, which begins at 64 KiB. */
const WRITTEN = 3;

/** A kernel for i386 that prints the first byte of the sector, fills it with "W", and prints it again. */
function writingKernel(): Uint8Array {
  const port = (number: number) => [0x66, 0xba, number & 0xff, number >> 8]; // mov dx, number
  const out = (number: number, value: number) => [...port(number), 0xb0, value, 0xee]; // mov al, value; out dx, al
  // Unit 0, one sector, its number, the command.
  const command = (code: number) =>
    [...out(0x1f6, 0xe0), ...out(0x1f2, 1), ...out(0x1f3, WRITTEN), ...out(0x1f4, 0), ...out(0x1f5, 0)].concat(
      out(0x1f7, code),
    );
  const data = [0xec, 0xa8, 0x08, 0x74, 0xfb, ...port(0x1f0)]; // in al, dx; test al, 8; jz: until there are data; mov dx, ...
  const rest = (words: number, each: number) => [0xb9, words & 0xff, words >> 8, 0, 0, 0x66, each, 0xe2, 0xfc]; // mov ecx; again: in or out; loop
  const read = [...command(0x20), ...data, 0x66, 0xed, 0x88, 0xc3, ...rest(255, 0xed)]; // in ax, dx; mov bl, al
  const print = [...port(0x3f8), 0x88, 0xd8, 0xee]; // mov al, bl; out dx, al
  const write = [...command(0x30), ...data, 0x66, 0xb8, 0x57, 0x57, ...rest(256, 0xef), ...port(0x1f7)]; // mov ax, "WW"
  const idle = [0xec, 0xa8, 0x80, 0x75, 0xfb]; // in al, dx; test al, 0x80; jnz
  const end = [0xfa, 0xf4, 0xeb, 0xfd]; // cli; hlt; jmp to it
  const { bytes, entry } = linkedFile({ bits: 32, segments: [{ size: 4096 }] });
  const code = [...read, ...print, ...write, ...idle, ...read, ...print, ...end];
  bytes.set(code, Number(entry) & 0xfff);
  return bytes;
}

describe.skipIf(CHROMIUM === undefined)("what <userboot-editor> runs", { timeout: 180_000 }, () => {
  const site = editorSite();

  it.each([
    ["larger.img", DISK_MAX + 512, false],
    ["large.img", DISK_MAX, true],
  ])("of disks v86 gets those of 512 MiB at most: %s of %i bytes", async (name, size, fits) => {
    const { page, complaints } = await site.open();
    const file = site.scratch.file(name, "");
    truncateSync(file, size);
    await choose(page, [GUEST, file]);
    await runNothing(page);
    const said = fits ? "It runs." : `${name} is left out: v86 gets raw images of files, of 512 MiB at most.`;
    await page.getByText(said, { exact: true }).waitFor();
    const disks = await page.evaluate(() => (globalThis as Left).given);
    expect(disks.slice(1)).toEqual(fits ? [size] : []);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("of what a guest prints on its serial port the end is kept, however much it is", async () => {
    const { page, complaints } = await site.open();
    await choose(page, [GUEST]);
    await runNothing(page);
    await page.getByText("It runs.").waitFor();
    const session = await page.context().newCDPSession(page);
    const heap = async (): Promise<number> => {
      await session.send("HeapProfiler.collectGarbage");
      return (await session.send("Runtime.getHeapUsage")).usedSize;
    };
    const before = await heap();
    await page.evaluate(async () => {
      const left = globalThis as Left;
      for (let printed = 0; printed < 20_000_000; printed += 100_000) {
        for (let at = 0; at < 100_000; at++) left.print(0x61);
        await new Promise((done) => setTimeout(done));
      }
      for (const letter of "\nthe end") left.print(letter.charCodeAt(0));
    });
    const serial = page.getByRole("log", { name: "Serial output" });
    await serial.filter({ hasText: /the end$/ }).waitFor();
    expect((await serial.textContent())!.length).toBe(SERIAL_MAX);
    expect((await heap()) - before).toBeLessThan(8e6);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("what a guest writes to its disk it reads again, and nobody else: neither the image nor a later run has it", async () => {
    const { page, complaints } = await site.open();
    const script = 'loader.perform("load /boot/kernel/kernel") loader.perform("boot")';
    const image = scripted(script, { "/boot/kernel/kernel": writingKernel() });
    image.fill("G".charCodeAt(0), WRITTEN * SECTOR, (WRITTEN + 1) * SECTOR);
    const file = site.scratch.file("writes.img", image);
    await choose(page, [file]);
    for (const _boot of [1, 2]) {
      await page.getByRole("button", { name: "Boot", exact: true }).first().click();
      await page.getByRole("button", { name: "Run it" }).click();
      for (const _run of [1, 2]) {
        await page.getByRole("button", { name: "Run", exact: true }).click();
        await page.getByRole("log", { name: "Serial output" }).filter({ hasText: /^GW$/ }).waitFor();
        await page.getByRole("button", { name: "Stop", exact: true }).click();
      }
    }
    expect(readFileSync(file).equals(image)).toBe(true);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
