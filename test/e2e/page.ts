// The built package in a page of a real browser (Debian's Chromium): served as plain files under a strict policy, isolated or
// not.

import { existsSync, readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { normalize } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { inRepository } from "../support/repository.js";

const FOUND = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
/** Where Chromium is; undefined, and said, without it. CI must have it. */
export const CHROMIUM = FOUND;
if (CHROMIUM === undefined && process.env.CI === "true") throw new Error("no Chromium, which CI must have");
if (CHROMIUM === undefined) console.warn("browser tests need Chromium");

const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'";
const TYPES: Record<string, string> = { html: "text/html", js: "text/javascript", wasm: "application/wasm" };
const PAGE = `<!doctype html><title>test</title><script type="module" src="/page.js"></script>`;
const SCRIPT = `import * as userboot from "/build/browser.js"; globalThis.userboot = userboot;`;

/** Chromium for one file of tests, and the servers of its pages. */
export class Pages {
  readonly #servers: Server[] = [];

  private constructor(private readonly browser: Browser) {}

  static async open(): Promise<Pages> {
    const flags = "no-sandbox disable-gpu disable-quic no-first-run disable-background-networking";
    const browser = await chromium.launch({
      executablePath: CHROMIUM!,
      args: `${flags} disable-component-update disable-sync`.split(" ").map((flag) => `--${flag}`),
    });
    return new Pages(browser);
  }

  async close(): Promise<void> {
    await this.browser.close();
    for (const server of this.#servers) server.close();
  }

  /**
   * A page that has the package as `globalThis.userboot`. `files` are served besides the build, `other` answers what is neither;
   * `before` runs in the page before anything else.
   */
  async page(
    isolated: boolean,
    files: Record<string, string | Uint8Array>,
    { other, before }: { other?: RequestListener; before?: () => void } = {},
  ): Promise<{ page: Page; complaints: string[] }> {
    const server = serve(isolated, { "/": PAGE, "/page.js": SCRIPT, ...files }, other);
    this.#servers.push(server);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const page = await this.browser.newPage();
    if (before) await page.addInitScript(before);
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction("globalThis.userboot !== undefined");
    return { page, complaints };
  }
}

/** Serves the build as it would be installed, with headers that isolate the page when asked. */
function serve(isolated: boolean, files: Record<string, string | Uint8Array>, other?: RequestListener): Server {
  return createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
    const file = inRepository(`.${path}`);
    const body = files[path] ?? (path.startsWith("/build/") && existsSync(file) ? readFileSync(file) : undefined);
    if (body === undefined && other) {
      other(request, response);
      return;
    }
    response.writeHead(body === undefined ? 404 : 200, {
      "content-type": TYPES[path === "/" ? "html" : (path.split(".").at(-1) ?? "")] ?? "application/octet-stream",
      "content-security-policy": POLICY,
      ...(isolated
        ? { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" }
        : {}),
    });
    response.end(body);
  });
}
