// Chromium for tests of pages, and servers for them. It is Debian's; CI must have it, elsewhere tests say that they go without.

import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Browser, chromium } from "playwright-core";

/** Its program; undefined where there is none. */
export const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
if (CHROMIUM === undefined && process.env.CI === "true") throw new Error("no Chromium, which CI must have");
if (CHROMIUM === undefined) console.warn("skipped: tests of pages need Chromium");

/** Starts it. */
export function launchChromium(): Promise<Browser> {
  const flags = "no-sandbox disable-gpu disable-quic no-first-run disable-background-networking";
  return chromium.launch({
    executablePath: CHROMIUM!,
    args: `${flags} disable-component-update disable-sync`.split(" ").map((flag) => `--${flag}`),
  });
}

const TYPES: Record<string, string> = {
  html: "text/html",
  js: "text/javascript",
  css: "text/css",
  svg: "image/svg+xml",
  wasm: "application/wasm",
};

/** What a page gets that is cross-origin isolated. */
export const ISOLATING = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** A server of files, and what was asked of it. */
export interface PageServer {
  origin: string;
  /** Whose files it serves. */
  directory: string;
  /** Paths, in order. */
  requests: string[];
  /** Bytes of the files that were asked for, by gzip, whose names end so. */
  transferred(suffix: string): number;
  close(): void;
}

/** Serves the files of `directory`, and texts and bytes that are no files; `other` answers what is neither. */
export async function serveFiles(
  directory: string,
  headers: Record<string, string>,
  more: Record<string, string | Uint8Array> = {},
  other?: RequestListener,
): Promise<PageServer> {
  const requests: string[] = [];
  const find = (path: string) => {
    if (Object.hasOwn(more, path)) return more[path];
    const file = join(served.directory, path);
    return existsSync(file) && statSync(file).isFile() ? readFileSync(file) : undefined;
  };
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const path = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
    requests.push(path);
    const body = find(path);
    if (body === undefined && other !== undefined) {
      other(request, response);
      return;
    }
    response.writeHead(body === undefined ? 404 : 200, {
      "content-type": TYPES[path.split(".").at(-1) ?? ""] ?? "application/octet-stream",
      ...headers,
    });
    response.end(request.method === "HEAD" ? undefined : body);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const served: PageServer = {
    directory,
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    transferred: (suffix) =>
      [...new Set(requests)]
        .filter((path) => path.endsWith(suffix))
        .reduce((sum, path) => sum + gzipSync(find(path) ?? "", { level: 9 }).length, 0),
    close: () => server.close(),
  };
  return served;
}
