// examples/page.html in a real browser: a disk image is chosen, keys are typed, the machine is shown.

import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import { inRepository } from "../support/repository.js";
import { image } from "./guest.js";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
if (CHROMIUM === undefined) console.warn("skipped: there is no Chromium");

const TYPES: Record<string, string> = { html: "text/html", js: "text/javascript", wasm: "application/wasm" };

/** The project's directory as plain files, cross-origin isolated. */
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const file = inRepository(`.${pathname}`);
  const found = /^\/(build|examples)\//.test(pathname) && existsSync(file);
  response.writeHead(found ? 200 : 404, {
    "content-type": TYPES[pathname.split(".").at(-1) ?? ""] ?? "application/octet-stream",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
  });
  response.end(found ? readFileSync(file) : undefined);
});

test.skipIf(CHROMIUM === undefined)(
  "examples/page.html: an image is booted, with keys typed on the way",
  async () => {
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const browser = await chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox", "--disable-gpu"] });
    try {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/examples/page.html`);
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
