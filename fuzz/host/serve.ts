// `userboot serve` and what comes on its socket: bytes that are nearly requests, cut, joined, in pieces, on connections that are
// closed or left. Whatever it is, what comes back is HTTP or nothing, no answer is a failure of the service's own, and in the end
// nothing is left of it.

import { mkdirSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { GUESTS, guestImage } from "../../test/support/guests.js";
import { Scratch } from "../../test/support/scratch.js";
import { heard, machine, TestService } from "../../test/support/service.js";
import type { HostTarget, Opened } from "./target.js";
import { anything, changed, key, text } from "./values.js";

const body = JSON.stringify({ machine: machine("a.img") });

/** A request line, headers and a body, each perhaps not what it should be. */
const request = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: fc.constant("POST") },
      fc.constantFrom("GET", "PUT", "OPTIONS", "CONNECT", "", "P\0ST"),
    ),
    fc.oneof(
      { weight: 4, arbitrary: fc.constant("/v1/boot") },
      fc.constantFrom(
        "/v1/health",
        "/metrics",
        "/v1/images",
        "/v1/boot/..",
        "//",
        "*",
        "http://x/v1/boot",
        "/%00",
        "/v1/boot?a=%zz",
      ),
      text.map((path) => `/${path}`),
    ),
    fc.array(
      fc.oneof(
        fc.constantFrom(
          ...["Content-Length: 5", "Content-Length: -1", "Content-Length: 99999999999", "Transfer-Encoding: chunked"],
          ...[
            "Transfer-Encoding: gzip",
            "Expect: 100-continue",
            "Expect: x",
            "Upgrade: websocket",
            "Connection: upgrade",
          ],
          ...[
            "Authorization: Bearer x",
            "Accept: x/y",
            "Content-Encoding: gzip",
            "Host: a b",
            "Content-Type: text/html",
          ],
        ),
        fc.tuple(key, text).map(([name, value]) => `${name}: ${value}`),
      ),
      { maxLength: 3 },
    ),
    fc.oneof(
      { weight: 3, arbitrary: fc.constant(body) },
      changed(JSON.parse(body), anything).map((value) => {
        try {
          return JSON.stringify(value) ?? "";
        } catch {
          return "";
        }
      }),
      text,
    ),
    fc.boolean(),
  )
  .map(([method, path, headers, content, isRight]) => {
    const more = isRight ? ["Content-Type: application/json", `Content-Length: ${Buffer.byteLength(content)}`] : [];
    return `${[`${method} ${path} HTTP/1.1`, "Host: x", ...more, ...headers].join("\r\n")}\r\n\r\n${content}`;
  });

/** What is said on a connection, a piece at a time: requests with some bytes changed. */
const said = fc
  .tuple(
    fc.array(request, { minLength: 1, maxLength: 3 }),
    fc.array(fc.tuple(fc.nat({ max: 600 }), fc.nat({ max: 255 })), { maxLength: 3 }),
    fc.option(fc.nat({ max: 600 }), { nil: undefined }),
    fc.integer({ min: 1, max: 700 }),
  )
  .map(([requests, changes, cut, piece]) => {
    const bytes = Buffer.from(requests.join(""));
    for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
    return { bytes: bytes.subarray(0, cut), piece };
  });

async function answered(
  socket: Socket,
  { bytes, piece }: { bytes: Uint8Array; piece: number },
  ends: boolean,
): Promise<string> {
  const hears = heard(socket);
  for (let at = 0; at < bytes.length && !socket.destroyed; at += piece) {
    socket.write(bytes.subarray(at, at + piece));
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (ends) socket.destroy();
  else socket.end();
  return hears;
}

async function openServe(): Promise<Opened> {
  const scratch = new Scratch();
  const images = join(scratch.path, "images");
  mkdirSync(images);
  writeFileSync(join(images, "a.img"), guestImage(GUESTS.amd64));
  const bounds = ["headersMs=1000", "bodyMs=1000", "sendMs=2000"].flatMap((bound) => ["--serve-limit", bound]);
  const words = ["--images", images, "--size", "2", "--spare", "1", "--isolation", "thread", ...bounds];
  const service = await TestService.start(scratch.path, words);
  const property = fc.asyncProperty(said, fc.boolean(), async (words, ends) => {
    const answer = await answered(await service.connect(), words, ends);
    if (answer !== "" && !answer.startsWith("HTTP/1.1 ")) throw new Error(`it says ${answer.slice(0, 100)}`);
    // In a body there is no such line: it is JSON, or bytes of a machine, which nobody asks for.
    if (/^HTTP\/1\.1 500/m.test(answer)) throw new Error(answer);
    const { status } = await service.ask("/v1/health");
    if (status !== 200) throw new Error(`its health is ${status}`);
    for (const figure of ["unsent_bytes", "open_images", "running", "queued"]) await service.until(figure, 0);
    await service.until("connections", 1);
    if (service.other.length > 0) throw new Error(`it prints ${service.other.join("\n")}`);
  });
  return {
    property,
    async close() {
      await service[Symbol.asyncDispose]();
      scratch[Symbol.dispose]();
    },
  };
}

export const serveTarget: HostTarget = { name: "host/serve", runs: 60, open: openServe };
