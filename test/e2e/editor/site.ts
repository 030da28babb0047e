// The production build of the editor's page, served under its strict policy, in Chromium.

import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import * as vite from "vite";
import { afterAll, beforeAll } from "vitest";
import { ISOLATING, launchChromium, type PageServer, serveFiles } from "../../support/chromium.js";
import { linkedFile } from "../../support/elf_image.js";
import { inRepository } from "../../support/repository.js";
import { Scratch } from "../../support/scratch.js";
import { bytesOf } from "../../support/sparse_disk.js";
import { type Files, ufsDisk } from "../../support/ufs_image.js";

/** The element, as the tests' programs find it in the page. */
export type Editor = import("userboot-wasm/editor").UserbootEditor;

/** So long nothing takes, on a busy machine. */
const WAIT_MS = 30_000;

/** A page, what it complained of, and its server. */
export interface Opened {
  page: Page;
  complaints: string[];
  server: PageServer;
}

/** One build of the page, a browser, a directory and the servers of the tests that this is called beside: there before them, gone after. */
export function editorSite(): Site {
  const site = new Site();
  beforeAll(() => site.build());
  afterAll(() => site.close());
  return site;
}

class Site {
  /** For what the tests write. */
  readonly scratch = new Scratch();
  readonly #built = new Scratch();
  readonly #servers: PageServer[] = [];
  #browser: Browser | undefined;

  async build(): Promise<void> {
    await this.buildTo(this.#built.path);
    this.#browser = await launchChromium();
  }

  /** Builds the page; `prefix` makes it one whose parts have other names, as those of another version have. */
  async buildTo(outDir: string, prefix = ""): Promise<void> {
    const output = { chunkFileNames: `assets/${prefix}[name]-[hash].js` };
    await vite.build({
      configFile: inRepository("web/vite.config.js"),
      logLevel: "error",
      build: { outDir, rolldownOptions: { output } },
    });
  }

  async close(): Promise<void> {
    await this.#browser?.close();
    for (const server of this.#servers) server.close();
    for (const scratch of [this.scratch, this.#built]) scratch[Symbol.dispose]();
  }

  /** A page with the editor, isolated or not. `files` are served besides, all with `headers`, `other` answers what is neither. */
  async open(
    isolated = false,
    {
      files = {},
      other,
      before,
      headers = {},
      ...context
    }: BrowserContextOptions & {
      files?: Record<string, Uint8Array>;
      other?: RequestListener;
      before?: () => void;
      headers?: Record<string, string>;
    } = {},
  ): Promise<Opened> {
    const server = await serveFiles(this.#built.path, { ...(isolated && ISOLATING), ...headers }, files, other);
    this.#servers.push(server);
    const browser = await this.#browser!.newContext({ viewport: { width: 1440, height: 900 }, ...context });
    const page = await browser.newPage();
    page.setDefaultTimeout(WAIT_MS);
    if (before) await page.addInitScript(before);
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    await page.goto(`${server.origin}/`);
    await page.getByRole("heading", { name: "Open a disk image" }).waitFor();
    return { page, complaints, server };
  }
}

/** The text on the guest's console. */
export const consoleText = (page: Page) => page.evaluate(() => document.querySelector<Editor>("userboot-editor")!.text);

/** Chooses files as the editor's disks: by their paths, or an image by its bytes. What the editor says of them. */
export async function choose(page: Page, image: Uint8Array | readonly string[], name = "guest.img"): Promise<string> {
  const files =
    image instanceof Uint8Array
      ? { name, mimeType: "application/octet-stream", buffer: Buffer.from(image) }
      : [...image];
  await page.getByLabel("Disk images").setInputFiles(files);
  return verdict(page);
}

/** What the editor says of the images. */
export async function verdict(page: Page): Promise<string> {
  const said = page.getByText(/^It (will|won't|can't)/);
  await said.waitFor();
  return said.innerText();
}

/** The file that a button has the browser save. */
export async function saved(page: Page, button: string | RegExp): Promise<{ path: string; text: string }> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: button }).click(),
  ]);
  const path = await download.path();
  return {
    path,
    get text() {
      return readFileSync(path, "utf8");
    },
  };
}

/** A disk with a guest whose loader runs `script`, in Lua. */
export const scripted = (script: string, files: Files = {}): Uint8Array<ArrayBuffer> =>
  bytesOf(
    ufsDisk({
      "/boot/loader": "$Interpreter:lua\0",
      "/boot/lua/loader.lua": script,
      "/boot/kernel/kernel": linkedFile({ bits: 64, segments: [{ size: 4096 }] }).bytes,
      "/etc/fstab": "/dev/vtbd0 / ufs rw 1 1\n",
      ...files,
    }),
  );
