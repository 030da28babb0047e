// Pages of a real browser that have the built package, served as it would be installed, under a strict policy.

import type { RequestListener } from "node:http";
import type { Browser, Page } from "playwright-core";
import { ISOLATING, launchChromium, type PageServer, serveFiles } from "../support/chromium.js";
import { inRepository } from "../support/repository.js";

const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";
const PAGE = `<!doctype html><title>test</title><script type="module" src="/page.js"></script>`;
const SCRIPT = `import * as userboot from "/build/browser.js"; globalThis.userboot = userboot;`;

/** Chromium for one file of tests, and the servers of its pages. */
export class Pages {
  readonly #servers: PageServer[] = [];

  private constructor(private readonly browser: Browser) {}

  static async open(): Promise<Pages> {
    return new Pages(await launchChromium());
  }

  async close(): Promise<void> {
    await this.browser.close();
    for (const server of this.#servers) server.close();
  }

  /**
   * A page that has the package as `globalThis.userboot`, isolated or not. `files` are served besides the build, `other` answers
   * what is neither; `before` runs in the page before anything else.
   */
  async page(
    isolated: boolean,
    files: Record<string, string | Uint8Array>,
    { other, before }: { other?: RequestListener; before?: () => void } = {},
  ): Promise<{ page: Page; complaints: string[] }> {
    const headers = { "content-security-policy": POLICY, ...(isolated ? ISOLATING : {}) };
    const all = { "/index.html": PAGE, "/page.js": SCRIPT, ...files };
    const server = await serveFiles(inRepository(""), headers, all, other);
    this.#servers.push(server);
    const page = await this.browser.newPage();
    if (before) await page.addInitScript(before);
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    await page.goto(`${server.origin}/`);
    await page.waitForFunction("globalThis.userboot !== undefined");
    return { page, complaints };
  }
}
