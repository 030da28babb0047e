// A server of plain files, with the headers that the page does well to have: nothing foreign runs in it, and keys work in every
// browser. Any other static server will do. `npm start`, and open the address that it prints.

import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; connect-src 'self'; img-src data:",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};
const directory = fileURLToPath(new URL(".", import.meta.url));

const server = createServer((request, response) => {
  const [name] = request.url.split("?");
  // `normalize` takes away what would lead out of the directory: nothing is above an absolute path's first name.
  const path = join(directory, normalize(`/${name.endsWith("/") ? `${name}index.html` : name}`));
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    response.writeHead(404).end("not found\n");
    return;
  }
  response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream", ...HEADERS });
  createReadStream(path).pipe(response);
});
server.listen(Number(process.env.PORT ?? 8080), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
