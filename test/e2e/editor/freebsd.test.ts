// A real FreeBSD 12.1 for i386 in the editor's page: its own loader scripts, in Lua and in Forth, their menu driven by keys, and its
// kernel, which v86 runs to user land. `sh images/freebsd/build.sh` makes the disks; they aren't part of this repository, and
// USERBOOT_FREEBSD_GUEST names the directory that has them. Needs Debian's Chromium.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { CHROMIUM } from "../../support/chromium.js";
import { userboot } from "../../support/cli.js";
import { consoleShows, tab } from "../../support/editor_person.mjs";
import { choose, type Editor, editorSite } from "./site.js";

const VARIABLE = "USERBOOT_FREEBSD_GUEST";
const directory = process.env[VARIABLE];
const imageOf = (interpreter: string) => join(directory ?? "", `${interpreter}.img`);
const there = directory !== undefined && ["lua", "4th"].every((one) => existsSync(imageOf(one)));
if (directory !== undefined && !there) throw new Error(`${VARIABLE}: ${directory} has no lua.img and 4th.img`);
if (!there) console.warn(`SKIPPED: a real FreeBSD 12.1 in v86; ${VARIABLE} names no directory with its disks.`);

/** A kernel that starts, in an emulator on a busy machine. */
const START_MS = 180_000;
const WRONG = 'Line 4: no assignment: name="value"; the guest\'s loader';
/** How the menus in each language show what a key does, and what their scripts say of a loader.conf. */
const MENUS = [
  {
    interpreter: "lua",
    verdict: "its Lua loader",
    verbose: /Verbose +:\S*on/i,
    refused: {
      said: "The guest's loader refuses 3 line(s).",
      lines: [
        `${WRONG} calls it malformed`,
        "Line 5: the guest's loader doesn't find this module",
        "Line 6: the guest's loader calls it malformed",
      ],
    },
  },
  {
    interpreter: "4th",
    verdict: "its Forth loader",
    verbose: /\[V\]erbose\.+ On/,
    refused: {
      said: "The guest's loader reads no further than line 4: what is below counts for nothing.",
      lines: [`${WRONG} reports a syntax error, and reads no further`],
    },
  },
];

/** The disk without /boot/device.hints: its entry in the directory has another name. */
function withoutHints(): Buffer {
  const image = readFileSync(imageOf("lua"));
  // Kind (a file), length, name.
  const entry = image.indexOf("\x08\x0cdevice.hints\0", 0, "latin1");
  expect(entry).toBeGreaterThan(0);
  image.write("another.file", entry + 2, "latin1");
  return image;
}

const NEEDS_HINTS = "v86 needs hints that /boot/device.hints doesn't have, for: timer, clock, keyboard, serial port";

async function openGuest(page: Page, image: string): Promise<void> {
  expect(await choose(page, [image])).toMatch(/^It will boot FreeBSD 12\.1-RELEASE for i386/);
  await tab(page, "Set-up");
  await page.getByLabel("Memory").fill("128M");
}

/** The variables that "Does it fit v86?" offers. */
async function offered(page: Page): Promise<string[]> {
  const advice = page.locator("section", { hasText: "Does it fit v86?" });
  const lines = await advice.getByRole("listitem").allInnerTexts();
  await page.getByRole("button", { name: "Set these variables" }).click();
  await page.getByText("It does, with the variables of this set-up.").waitFor();
  return lines;
}

/** Boots by the set-up, with `keys` at the menu. */
async function boot(
  page: Page,
  keys: readonly (readonly [key: string, shows: RegExp])[],
): Promise<Record<string, string>> {
  await page.getByRole("button", { name: "Boot", exact: true }).first().click();
  await consoleShows(page, "Autoboot in");
  for (const [key, shows] of keys) {
    await page.keyboard.press(key);
    await page.waitForFunction(
      (shows) => new RegExp(shows[0]!, shows[1]).test(document.querySelector<Editor>("userboot-editor")!.text),
      [shows.source, shows.flags],
    );
  }
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector<Editor>("userboot-editor")!.result?.reason === "exec");
  return page.evaluate(() => document.querySelector<Editor>("userboot-editor")!.result!.environment);
}

/** Runs the kernel in v86, up to its own init, and types a line there. */
async function run(page: Page): Promise<string> {
  await page.getByRole("button", { name: "Run it" }).click();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const serial = page.getByRole("log", { name: "Serial output" });
  await serial.filter({ hasText: /^type> /m }).waitFor({ timeout: START_MS });
  await page.getByRole("textbox", { name: "A line for the serial port" }).fill("hello");
  await page.getByRole("button", { name: "Send" }).click();
  await serial.filter({ hasText: /^typed: hello$/m }).waitFor({ timeout: START_MS });
  return serial.innerText();
}

describe.skipIf(CHROMIUM === undefined || !there)("FreeBSD 12.1 in the page's v86", { timeout: 2 * START_MS }, () => {
  const site = editorSite();
  const { scratch } = site;

  it.each(MENUS)("reaches user land by its $interpreter menu", async ({ interpreter, verdict, verbose }) => {
    const { page, complaints } = await site.open();
    await openGuest(page, imageOf(interpreter));
    await page.getByText(verdict).waitFor();
    await page.getByText("the root is ufs:/dev/ada0p2 in v86, not ufs:/dev/vtbd0p2 as /etc/fstab says").waitFor();
    expect(await page.getByText("v86 needs hints").count()).toBe(0);
    expect(await offered(page)).toEqual(["vfs.root.mountfrom=ufs:/dev/ada0p2", "vfs.root.mountfrom.options=rw"]);
    const environment = await boot(page, [
      ["6", /Boot Options:/],
      ["5", verbose],
      ["Backspace", /1\. Boot Multi/],
    ]);
    expect(environment).toMatchObject({ boot_verbose: "YES", "hint.attimer.0.port": "0x40" });
    const said = await run(page);
    expect(said).toContain("Trying to mount root from ufs:/dev/ada0p2 [rw]...");
    // What the kernel says only when it is to say more: the menu's key came to it.
    expect(said).toContain("start_init: trying /sbin/init");
    expect(said).toContain("userboot-wasm guest: user land of FreeBSD 12.1-RELEASE GUEST");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it.each(MENUS)("says of loader.conf what its $interpreter scripts say", async ({ interpreter, refused }) => {
    const { page, complaints } = await site.open();
    await openGuest(page, imageOf(interpreter));
    await page
      .getByRole("textbox", { name: "/boot/loader.conf" })
      .fill('\nfine="1"\n\nwrong here\nnone_load="YES"\ndot=a.b');
    await page.getByRole("button", { name: "Ask the guest's loader" }).click();
    await page.getByRole("status").filter({ hasText: refused.said }).waitFor();
    const lines = page.getByLabel("Lines that are wrong").getByRole("listitem");
    expect(await lines.allInnerTexts()).toEqual(refused.lines);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("shows its screen, and takes keys there", async () => {
    const { page, complaints } = await site.open();
    await openGuest(page, imageOf("lua"));
    await offered(page);
    // The first console is the one that init has: not the serial port.
    for (const [name, value] of [
      ["boot_serial", "NO"],
      ["boot_multicons", "YES"],
    ] as const) {
      await page.getByLabel("Name", { exact: true }).fill(name);
      await page.getByLabel("Value", { exact: true }).fill(value);
      await page.getByRole("button", { name: "Set", exact: true }).click();
    }
    await boot(page, []);
    await page.getByRole("button", { name: "Run it" }).click();
    await page.getByRole("button", { name: "Run", exact: true }).click();
    const screen = page.getByRole("application", { name: "Screen and keyboard of the machine" });
    await screen.filter({ hasText: "type> " }).waitFor({ timeout: START_MS });
    const colours = await screen
      .getByText("userboot-wasm guest: user land of FreeBSD 12.1-RELEASE GUEST")
      .evaluate((line) => [getComputedStyle(line).color, getComputedStyle(line).backgroundColor]);
    expect(colours[0]).not.toBe(colours[1]);
    await screen.focus();
    await page.keyboard.type("by keys\n", { delay: 50 });
    await screen.filter({ hasText: "typed: by keys" }).waitFor({ timeout: START_MS });
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("without device.hints, with what the editor and the command line set in their place", async () => {
    const image = scratch.file("nohints.img", withoutHints());
    const { page, complaints } = await site.open(true);
    await openGuest(page, image);
    await page.getByText(NEEDS_HINTS).waitFor();
    const variables = await offered(page);
    expect(variables).toContain("hint.attimer.0.port=0x40");
    expect(variables).toContain("hint.atrtc.0.irq=8");
    // The command line says the same.
    const file = join(scratch.path, "machine.json");
    const said = userboot(
      ["boot", "-d", image, "-m", "128M", "--root-for", "v86", "--save-machine", file].concat(
        ["--clock", "virtual", "--console", "none", "--isolation", "none"],
        ["-e", "autoboot_delay=-1"],
      ),
    );
    expect(said).toMatchObject({ status: 0 });
    expect(said.stderr).toContain(NEEDS_HINTS);
    const { environment } = JSON.parse(readFileSync(file, "utf8"));
    for (const line of variables) {
      const [name = "", value] = line.split("=");
      expect(environment[name]).toBe(value);
    }
    await boot(page, []);
    expect(await run(page)).toContain("userboot-wasm guest: user land of FreeBSD 12.1-RELEASE GUEST");
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
