// examples/page.html in a real browser: a disk image is chosen, keys are typed, the machine is shown.

import { expect, test } from "vitest";
import { CHROMIUM, ISOLATING, launchChromium, serveFiles } from "../support/chromium.js";
import { inRepository } from "../support/repository.js";
import { image } from "./guest.js";

test.skipIf(CHROMIUM === undefined)(
  "examples/page.html: an image is booted, with keys typed on the way",
  async () => {
    // The project's directory as plain files.
    const server = await serveFiles(inRepository(""), ISOLATING);
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      await page.goto(`${server.origin}/examples/page.html`);
      const buffer = Buffer.from(image("i386"));
      await page.setInputFiles("#image", { name: "guest.img", mimeType: "application/octet-stream", buffer });
      const shows = (text: string) =>
        page.waitForFunction(`document.getElementById("screen").textContent.includes(${JSON.stringify(text)})`);
      await shows("Booting [");
      await page.keyboard.press("x");
      await shows("OK ");
      await page.keyboard.type("set demo.note=tyqed");
      for (let i = 0; i < 3; i++) await page.keyboard.press("Backspace");
      await page.keyboard.type("ped");
      await page.keyboard.press("Enter");
      await page.keyboard.type("boot");
      await page.keyboard.press("Enter");
      await page.waitForFunction(`document.getElementById("machine").textContent !== ""`);
      const machine = JSON.parse((await page.textContent("#machine")) ?? "");
      expect(machine).toMatchObject({ reason: "exec", arch: "i386", registers: { rsp: "0x1fdc" } });
      expect(await page.textContent("#screen")).toContain("OK set demo.note=typed\n");
    } finally {
      await browser.close();
      server.close();
    }
  },
  60_000,
);
