// `<userboot-editor>` in the production build of its page, under the strict policy, in Chromium: what a person does from opening a
// sample to a guest that runs. Needs Debian's Chromium.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { CHROMIUM } from "../../support/chromium.js";
import { userboot } from "../../support/cli.js";
import { bootByMenu, consoleShows, openSample, runToEnd, tab } from "../../support/editor_person.mjs";
import { inRepository } from "../../support/repository.js";
import { choose, consoleText, type Editor, editorSite, saved } from "./site.js";

const conf = (page: Page) => page.getByRole("textbox", { name: "/boot/loader.conf" });
const status = (page: Page, text: string | RegExp) =>
  page.getByRole("status").filter({ hasText: text }).first().waitFor();

describe.skipIf(CHROMIUM === undefined)("<userboot-editor>", { timeout: 120_000 }, () => {
  const site = editorSite();
  const { scratch } = site;

  it.each([true, false])("from a sample to its kernel (isolated page: %s)", async (isolated) => {
    const { page, complaints } = await site.open(isolated);
    await page.getByRole("button", { name: /^amd64 with a menu/ }).click();
    await page
      .getByText("It will boot a kernel for amd64: its Lua loader on disk0p2: loads /boot/kernel/kernel")
      .waitFor();
    await page.getByText("disk0p2", { exact: true }).waitFor();
    await page.getByText("UFS2", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Boot", exact: true }).first().click();
    await consoleShows(page, "Booting in");
    expect((await consoleText(page)).split("\n").slice(2, 14)).toEqual([
      `   ┌${"─".repeat(6)} Welcome to the sample guest ${"─".repeat(7)}┐`,
      "   │                                          │",
      "   │  1. Boot [Enter]                         │",
      "   │                                          │",
      "   │  2. Verbose: off                         │",
      "   │  3. Single user: off                     │",
      "   │  4. Demo module: on                      │",
      "   │                                          │",
      "   │                                          │",
      "   │  Esc for the loader's prompt             │",
      "   │                                          │",
      `   └${"─".repeat(42)}┘`,
    ]);
    await page.keyboard.press("2");
    await consoleShows(page, "Verbose: on");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector<Editor>("userboot-editor")!.result?.reason === "exec");
    const environment = await page.evaluate(
      () => document.querySelector<Editor>("userboot-editor")!.result!.environment,
    );
    expect(environment).toMatchObject({ boot_verbose: "YES" });
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("shows files as text and bytes, and takes one over into the set-up", async () => {
    const { page, complaints } = await site.open();
    await openSample(page, "amd64 with a menu");
    await page.getByRole("button", { name: "Files of disk0p2:" }).click();
    await page.getByRole("button", { name: "boot/", exact: true }).click();
    await page.getByRole("button", { name: "notes.txt" }).click();
    const content = page.getByLabel("Content", { exact: true });
    await content.waitFor();
    const text = await content.innerText();
    expect(text).toBe(readFileSync(inRepository("images/trees/common/boot/notes.txt"), "utf8"));
    await page.getByLabel("Shown").selectOption("hex");
    expect(await content.innerText()).toMatch(/^00000000 {2}([0-9a-f]{2} )+/);
    expect((await saved(page, "Download")).text).toBe(text);
    await page.getByRole("button", { name: "SHA-256" }).click();
    await page.getByText(/^[0-9a-f]{64}$/).waitFor();
    await page.getByRole("button", { name: "Edit in the set-up" }).click();
    await page.getByRole("textbox", { name: "/boot/notes.txt" }).fill("other notes\n");
    const machine = await page.evaluate(() => document.querySelector<Editor>("userboot-editor")!.machine);
    expect(machine.overlay).toEqual({ "/boot/notes.txt": "other notes\n" });
    await page.getByLabel("Path of a file").fill("/boot/kernel/kernel");
    await page.getByRole("button", { name: "Write" }).click();
    await status(page, "The image's file is no text: what is written here replaces all of it.");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("loader.conf is completed, explained, marked, and its changes are seen in the boot", async () => {
    const { page, complaints } = await site.open();
    await openSample(page, "amd64 with a menu");
    await bootByMenu(page);
    await tab(page, "Set-up");
    await conf(page).click();
    await page.keyboard.press("Control+End");
    await page.keyboard.type('menu_title="Changed by the editor"\nnot a line\nboot_verb');
    await page.getByRole("button", { name: "boot_verbose" }).waitFor();
    await page.keyboard.press("Control+Space");
    await status(page, "boot_verbose: The kernel says more while it starts.");
    expect((await conf(page).inputValue()).split("\n").slice(-3)).toEqual([
      'menu_title="Changed by the editor"',
      "not a line",
      'boot_verbose="YES"',
    ]);
    const wrong = page.getByLabel("Lines that are wrong").getByRole("listitem");
    expect(await wrong.allInnerTexts()).toEqual(['Line 7: no assignment: name="value"']);
    await page.getByRole("button", { name: "Ask the guest's loader" }).click();
    await status(page, "The guest's loader refuses 1 line(s).");
    expect(await wrong.allInnerTexts()).toEqual([
      'Line 7: no assignment: name="value"; the guest\'s loader calls it malformed',
    ]);
    await bootByMenu(page);
    expect(await consoleText(page)).toContain("Verbose: on");
    expect(await consoleText(page)).toContain("Changed by the editor");
    await tab(page, "Result");
    const changed = page.getByRole("region", { name: "The kernel's environment" }).getByRole("row");
    const against = (await changed.allInnerTexts()).map((row) => row.split("\t")).filter(([, , , was]) => was);
    expect(against).toEqual([
      ["Variable", "Value", "From", "Against the last boot"],
      ["boot_verbose", "YES", "guest", "was NO"],
      // The loader gave the kernel other arguments.
      ["demo_argument", "not there any more", "guest", "was 1"],
      ["menu_title", "Changed by the editor", "guest", "was Welcome to the sample guest"],
    ]);
    await page.getByText("disk0p2:/boot/loader.conf other content").waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("says what happened: interpreter, files, memory, registers, page tables, time; and shares it", async () => {
    const { page, complaints } = await site.open();
    await openSample(page, "amd64 with a menu");
    await bootByMenu(page);
    await page.getByRole("button", { name: "What happened" }).click();
    await page.getByText("Lua ran: the guest's /boot/loader has a mark for it, at byte 68.").waitFor();
    const used = await page.getByRole("region", { name: "Files that were used" }).innerText();
    expect(used).toMatch(/disk0p2:\/boot\/kernel\/kernel\s+kernel\s+141792\s+[0-9a-f]{64}/);
    await page.getByText("PML4[511] → PDPT[510] → PD[1] → 0x200430").waitFor();
    expect(await page.getByRole("region", { name: "Page tables" }).innerText()).toContain("pages of 2 MiB from 0x0");
    await page.getByRole("img", { name: "All 256 MiB of low memory, to scale" }).waitFor();
    expect(await page.getByRole("region", { name: "Registers" }).innerText()).toMatch(/cr3\s+0x2000/);
    const report = JSON.parse((await saved(page, "Save as JSON")).text);
    expect(report).toMatchObject({
      disks: [{ name: "amd64-menu.img.gz", format: "raw" }],
      machine: { version: 1, memory: 256 * 1024 * 1024 },
      verdict: { boots: true },
      result: { reason: "exec", arch: "amd64" },
    });
    const { text: html } = await saved(page, "Save as a page");
    const other = await page.context().newPage();
    await other.setContent(html);
    await other.getByText("PML4[511] → PDPT[510] → PD[1] → 0x200430").waitFor();
    expect(await other.locator("button, script").count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("runs an i386 guest in v86, with the variables that it offers", async () => {
    const { page, complaints } = await site.open();
    await openSample(page, "i386 with a menu");
    await tab(page, "Set-up");
    await page.getByText("the root is ufs:/dev/ada0s1a in v86, not ufs:/dev/vtbd0s1a as /etc/fstab says").waitFor();
    await page.getByText("v86 needs hints that /boot/device.hints doesn't have, for: timer, clock").waitFor();
    // Leaving a field that was changed, by the click on a button: the button is still there when the click ends.
    await page.getByLabel("Memory").fill("64M");
    await page.getByRole("button", { name: "Set these variables" }).click();
    await page.getByText("It does, with the variables of this set-up.").waitFor();
    await bootByMenu(page);
    await page.getByRole("button", { name: "Run it" }).click();
    await page.getByRole("button", { name: "Run", exact: true }).click();
    const serial = page.getByRole("log", { name: "Serial output" });
    await serial.filter({ hasText: /^end: files=2/m }).waitFor();
    const lines = (await serial.innerText()).split("\n");
    expect(lines.join()).toContain("userboot-wasm test kernel");
    expect(lines).toContain("env: vfs.root.mountfrom=ufs:/dev/ada0s1a");
    expect(lines).toContain("env: hint.attimer.0.port=0x40");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("leaves the page its keys while v86 runs, but on its screen, and ends it with the element", async () => {
    const { page, complaints } = await site.open();
    await openSample(page, "i386 with a menu");
    await bootByMenu(page);
    await runToEnd(page);
    const line = page.getByRole("textbox", { name: "A line for the serial port" });
    await line.click();
    await page.keyboard.type("typed");
    expect(await line.inputValue()).toBe("typed");
    const focused = () =>
      page.evaluate(() => document.querySelector("userboot-editor")!.shadowRoot!.activeElement?.textContent);
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Send");
    const screen = page.getByRole("application", { name: "Screen and keyboard of the machine" });
    // The emulator shows text or a picture; nothing else hides one of them.
    const picture = await screen.locator("canvas").evaluate((canvas) => {
      canvas.style.display = "block";
      return getComputedStyle(canvas).display;
    });
    expect(picture).toBe("block");
    await screen.focus();
    await page.keyboard.press("a");
    await page.keyboard.press("Tab");
    expect(await screen.evaluate((element) => element.matches(":focus"))).toBe(false);
    await page.evaluate(() => document.querySelector("userboot-editor")!.remove());
    while (page.workers().length > 0) await page.workers()[0]!.waitForEvent("close");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("takes files that are dropped, and more disks", async () => {
    const { page, complaints } = await site.open();
    const drop = (place: string, name: string) =>
      page.evaluate(
        async ([place, name]) => {
          const bytes = await (await fetch(`/images/${name}`)).blob();
          const files = new DataTransfer();
          files.items.add(new File([bytes], name));
          const root = document.querySelector("userboot-editor")!.shadowRoot!;
          root
            .querySelector(place)!
            .dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
        },
        [place, name] as const,
      );
    await drop(".drop", "amd64-menu.img.gz");
    await page.getByText(/^It will boot a kernel for amd64/).waitFor();
    await drop(".verdict", "i386-menu.img.gz");
    await page.getByRole("heading", { name: "disk1: i386-menu.img.gz" }).waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByRole("heading", { name: "Open a disk image" }).waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("hands an amd64 guest on: a packed file, and QEMU's line", async () => {
    const { page, complaints } = await site.open();
    await openSample(page, "amd64 with a menu");
    await bootByMenu(page);
    await page.getByRole("button", { name: "Run it" }).click();
    const line = await page.getByLabel("Command line").innerText();
    expect(line).toContain("qemu-system-x86_64 -M pc -m 262144k");
    const packed = readFileSync((await saved(page, /^Packed guest/)).path);
    expect(packed.subarray(0, 4).toString("latin1")).toBe("\x7fELF");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("its machine.json is the command line's, and the other way round", async () => {
    const { page, complaints } = await site.open();
    const image = scratch.file("guest.img.gz", readFileSync(inRepository("images/amd64-menu.img.gz")));
    expect(await choose(page, [image])).toMatch(/^It will boot/);
    await tab(page, "Set-up");
    await page.getByLabel("Memory").fill("128M");
    await page.keyboard.press("Tab");
    const target = page.getByLabel("Machine that it is for");
    await target.selectOption("bhyve");
    await page.getByLabel("Name", { exact: true }).fill("demo.from");
    await page.getByLabel("Value", { exact: true }).fill("the editor");
    await page.getByRole("button", { name: "Set", exact: true }).click();
    await conf(page).fill('autoboot_delay="0"\nmenu_title="A title"\n');
    const { text } = await saved(page, "Save machine.json");
    const file = scratch.file("machine.json", text);
    const out = join(scratch.path, "out");
    const again = join(scratch.path, "again.json");
    const run = userboot([
      "boot",
      "--machine",
      file,
      "--save-machine",
      again,
      "-e",
      "demo.more=1",
      "--clock",
      "virtual",
      "--console",
      "none",
      "--isolation",
      "none",
      "--out",
      out,
    ]);
    expect(run).toMatchObject({ status: 0 });
    const result = JSON.parse(readFileSync(join(out, "result.json"), "utf8"));
    expect(result.environment).toMatchObject({ "demo.from": "the editor", "demo.more": "1", menu_title: "A title" });
    await target.selectOption("qemu");
    await page.getByLabel("machine.json").setInputFiles(again);
    await page.getByText("demo.more=1").waitFor();
    const machine = await page.evaluate(() => document.querySelector<Editor>("userboot-editor")!.machine);
    const { console: _shown, clock: _theirs, ...written } = JSON.parse(readFileSync(again, "utf8"));
    expect(await target.inputValue()).toBe("bhyve");
    expect([JSON.parse(text).target, written.target, machine.target]).toEqual(["bhyve", "bhyve", "bhyve"]);
    expect(machine).toMatchObject({
      memory: 128 * 1024 * 1024,
      environment: { "demo.from": "the editor", "demo.more": "1" },
    });
    expect(machine.overlay).toEqual(written.overlay);
    expect(machine.disks).toEqual(["guest.img.gz"]);
    expect(written.disks).toEqual([{ image: "guest.img.gz" }]);
    await page.getByLabel("machine.json").setInputFiles(scratch.file("bad.json", '{"version":1,"memory":"lots"}'));
    await status(page, "machine.memory");
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it("works by keys alone", async () => {
    const { page } = await site.open();
    const reach = async (name: RegExp) => {
      for (let presses = 0; presses < 40; presses++) {
        await page.keyboard.press("Tab");
        const focused = await page.evaluate(() => {
          let active = document.activeElement;
          while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
          return active?.getAttribute("aria-label") ?? active?.textContent ?? "";
        });
        if (name.test(focused)) return;
      }
      throw new Error(`Tab doesn't reach ${name}`);
    };
    await reach(/^amd64 with a menu/);
    await page.keyboard.press("Enter");
    await page.getByText(/^It will boot/).waitFor();
    await page.waitForFunction(
      () => document.querySelector("userboot-editor")!.shadowRoot!.activeElement?.textContent === "Disks",
    );
    await page.keyboard.press("ArrowRight");
    await page.getByRole("tab", { name: "Files", selected: true }).waitFor();
    await reach(/^loader\.conf$/);
    await page.keyboard.press("Enter");
    await page.getByLabel("Content", { exact: true }).waitFor();
    await page.getByRole("tab", { name: "Files" }).focus();
    for (const _step of [1, 2]) await page.keyboard.press("ArrowRight");
    await page.getByRole("tab", { name: "Boot", selected: true }).waitFor();
    await reach(/^Boot$/);
    await page.keyboard.press("Enter");
    await consoleShows(page, "Booting in");
    await page.keyboard.press("3");
    await consoleShows(page, "Single user: on");
    await page.keyboard.press("Enter");
    await status(page, "kernel is in memory");
    await page.keyboard.press("Tab");
    await reach(/^What happened$/);
    await page.keyboard.press("Enter");
    await page.getByRole("tab", { name: "Result", selected: true }).waitFor();
    await page.context().close();
  });
});
