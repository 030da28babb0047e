// Makes the pictures in docs/editor/ of the built page (`npm run web` first), with Debian's Chromium: main states, three widths.
//
//     node scripts/editor-pictures.mjs

import { createReadStream, existsSync, mkdirSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";
import { walk } from "../test/support/editor_person.mjs";
import { root } from "./core.mjs";

const SITE = join(root, "build", "web");
const PLACE = join(root, "docs", "editor");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };
/** Height of a picture that is no whole page. */
const HEIGHT = 900;

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  const file = join(SITE, pathname === "/" ? "index.html" : pathname);
  if (!existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
  return createReadStream(file).pipe(response);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
mkdirSync(PLACE, { recursive: true });

/** Goes through a guest's states; those that are `wanted`, by their names, become pictures. */
async function pictures(width, colorScheme, sample, wanted) {
  const page = await browser.newPage({ viewport: { width, height: HEIGHT }, colorScheme, serviceWorkers: "block" });
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await walk(
    page,
    sample,
    (state) =>
      wanted.includes(state) && page.screenshot({ path: join(PLACE, `${state}-${width}.png`), animations: "disabled" }),
  );
  await page.close();
}

await pictures(1440, "light", "amd64 with a menu", ["open", "setup", "memory"]);
await pictures(1440, "dark", "i386 with a menu", ["run"]);
await pictures(1024, "dark", "amd64 with a menu", ["boot", "result"]);
await pictures(1024, "light", "amd64 with a menu", ["files"]);
await pictures(390, "light", "i386 with a menu", ["disks", "setup", "boot"]);
await pictures(390, "dark", "amd64 with a menu", ["result"]);
await browser.close();
server.close();
