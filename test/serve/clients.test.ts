// Clients that speak badly, slowly, or no more; and bodies of any kind. None of them costs the others anything, or the service more
// than it has allowed.

import { mkdirSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GUESTS, guestImage } from "../support/guests.js";
import { largeGuest } from "../support/large_guest.js";
import { Scratch } from "../support/scratch.js";
import { heard, machine, TestService } from "../support/service.js";

const scratch = new Scratch();
const images = join(scratch.path, "images");
const body = JSON.stringify({ machine: machine("a.img") });
const post = (length = body.length, more = "") =>
  `POST /v1/boot HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${more}\r\n`;
const slow = { machine: { ...machine("a.img"), clock: "real" } };
let service: TestService;
/** Bytes of the large guest's machine. */
let large = 0;

beforeAll(async () => {
  mkdirSync(images);
  writeFileSync(join(images, "a.img"), guestImage(GUESTS.amd64));
  largeGuest().disk.writeTo(join(images, "large.img"));
  const bounds = ["headersMs=1500", "bodyMs=1500", "sendMs=2500", "unsentBytes=24M", "bodiesBytes=2M"];
  const pool = ["--size", "2", "--spare", "1", "--isolation", "thread"];
  service = await TestService.start(scratch.path, [
    ...["--images", images, ...pool],
    ...bounds.flatMap((one) => ["--serve-limit", one]),
  ]);
  const { status, body } = await service.boot({ machine: machine("large.img"), format: "machine" });
  expect(status).toBe(200);
  large = body.length;
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

/** Nothing of what was before is there any more. */
async function isIdle(): Promise<void> {
  for (const name of ["unsent_bytes", "open_images", "running", "queued"]) await service.until(name, 0);
  // The one that asks.
  await service.until("requests", 1);
  await service.until("connections", 1);
}

/** Sends a byte now and then, after what has come is read: to an end that is closed it can't be sent, and what came would be lost. */
const trickle = (socket: Socket) => setInterval(() => setImmediate(() => socket.write("x")), 50);

/** What comes on a connection on which `text` is said. */
async function say(text: string | Uint8Array, then: (socket: Socket) => void = () => {}): Promise<string> {
  const socket = await service.connect();
  socket.on("error", () => {});
  socket.write(text);
  then(socket);
  return heard(socket);
}

describe("what isn't HTTP", () => {
  it.each([
    ["garbage", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400],
    ["a head that is too long", `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
    ["a length that is none", "POST /v1/boot HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400],
    ["two lengths", `${post().slice(0, -2)}Content-Length: 3\r\n\r\n`, 400],
    ["a length and chunks", `${post().slice(0, -2)}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ["half a head", "POST /v1/boot HTTP/1.1\r\nHost:", 408],
    ["half a body", `${post()}${body.slice(0, 10)}`, 408],
    ["chunks that are none", `${post().replace(/Content-Length.*\r\n/, "Transfer-Encoding: chunked\r\n")}zz\r\n`, 400],
  ])("%s", async (_what, text, status) => {
    const said = await say(text);
    expect(said).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(said).toMatch(/Connection: close/i);
    expect(said).toMatch(/"name": "(RequestError|OptionError)"/);
    await isIdle();
  });

  it("a body that ends too soon", async () => {
    expect(await say(`${post()}${body.slice(0, 10)}`, (socket) => socket.end())).toMatch(/^HTTP\/1\.1 400 |^$/);
    await isIdle();
  });

  it("a body that comes byte by byte, for ever", async () => {
    const socket = await service.connect();
    socket.on("error", () => {});
    socket.write(post(1000));
    const timer = trickle(socket);
    const said = await heard(socket);
    clearInterval(timer);
    expect(said).toMatch(/^HTTP\/1\.1 408 /);
    await isIdle();
  });

  it.each([
    ["is refused", "POST /v1/nothing", 404],
    ["isn't asked for", "GET /v1/health/live", 200],
  ])("one that %s is answered once, and its connection ends", async (_what, target, status) => {
    const socket = await service.connect();
    socket.on("error", () => {});
    socket.write(post(1000).replace("POST /v1/boot", target));
    const timer = trickle(socket);
    const said = await heard(socket);
    clearInterval(timer);
    expect([...said.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, one]) => Number(one))).toEqual([status]);
    expect(said).toMatch(/Connection: close/i);
    await isIdle();
  });

  it("a body that is refused is read all the same: who still sends hears why", async () => {
    const length = 60_000;
    const head = post(length, "Connection: close\r\n").replace("/v1/boot", "/v1/nothing");
    const errors: Error[] = [];
    const said = await say(head + "x".repeat(length / 2), (socket) => {
      socket.on("error", (error) => errors.push(error));
      setTimeout(() => socket.write("x".repeat(length / 2)), 200);
    });
    expect(errors).toEqual([]);
    expect(said).toMatch(/^HTTP\/1\.1 404 /);
    await isIdle();
  });

  it("garbage behind a request is no answer to that request", async () => {
    const said = await say(`${post()}${body}\x00\x01garbage\r\n\r\n`);
    // Its own answer, or none; never another's.
    expect(said).toMatch(/^HTTP\/1\.1 200 |^$/);
    await isIdle();
  });
});

describe("requests in a row on one connection", () => {
  it("are answered in order", async () => {
    const missing = JSON.stringify({ machine: machine("b.img") });
    const end = "GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const said = await say(`${post()}${body}${post(missing.length)}${missing}${post()}${body}${end}`);
    expect([...said.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(["200", "404", "200", "200"]);
    await isIdle();
  });

  it("are ended with their connection, also those that wait for their turn", async () => {
    const { boots } = await counts();
    const text = JSON.stringify(slow);
    const socket = await service.connect();
    socket.on("error", () => {});
    socket.write(`${post(text.length)}${text}`.repeat(8));
    await service.until("queued", 6);
    socket.destroy();
    await isIdle();
    expect((await counts()).boots.aborted).toBe(boots.aborted + 8);
  });
});

/** The pool's figures. */
async function counts() {
  const { body } = await service.ask("/metrics");
  const of = (outcome: string) =>
    Number(new RegExp(`^userboot_boots_total\\{outcome="${outcome}"\\} (\\d+)$`, "m").exec(body.toString())?.[1]);
  return { boots: { exec: of("exec"), aborted: of("aborted"), rejected: of("rejected") } };
}

describe("a client that goes", () => {
  it("takes its boot with it", async () => {
    const before = await counts();
    const controller = new AbortController();
    const asked = service.boot(slow, {}, controller.signal);
    await service.until("running", 1);
    controller.abort();
    await expect(asked).rejects.toThrow();
    await isIdle();
    expect((await counts()).boots.aborted).toBe(before.boots.aborted + 1);
  });

  it("in the middle of a machine gives its memory back", async () => {
    const socket = await service.connect();
    const text = JSON.stringify({ machine: machine("large.img"), format: "machine" });
    socket.write(`${post(text.length)}${text}`);
    await new Promise((resolve) => socket.once("data", resolve));
    socket.pause();
    expect(await service.figure("unsent_bytes")).toBeGreaterThan(2 ** 20);
    socket.destroy();
    await isIdle();
  });
});

describe("a client that doesn't read", () => {
  const text = JSON.stringify({ machine: machine("large.img"), format: "machine" });
  /** Asks for a machine and takes none of it. */
  async function deaf(): Promise<Socket> {
    const socket = await service.connect();
    socket.on("error", () => {});
    socket.write(`${post(text.length)}${text}`);
    return socket;
  }

  it("is left after its time, and others are served meanwhile", async () => {
    const { aborted } = (await counts()).boots;
    const sockets = [await deaf(), await deaf()];
    while ((await service.figure("unsent_bytes")) < 2 * 2 ** 23)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await service.boot({ machine: machine("a.img") })).json.reason).toBe("exec");
    // There is no room for a third machine, and it isn't kept.
    const refused = await service.boot({ machine: machine("large.img"), format: "machine" });
    expect(refused).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    expect(refused.json.error.message).toBe("too many answers wait to be taken");
    await service.until("unsent_bytes", 0);
    for (const socket of sockets) {
      const said = await heard(socket);
      // Cut off: a reader of chunks knows, and so does the file's own check.
      expect(said.length).toBeLessThan(large);
      expect(said.endsWith("\r\n0\r\n\r\n")).toBe(false);
    }
    await isIdle();
    expect((await counts()).boots.aborted).toBe(aborted);
  });

  it("but slowly is waited for", async () => {
    const socket = await service.connect();
    socket.write(`${post(text.length, "Connection: close\r\n")}${text}`);
    let length = 0;
    for await (const chunk of socket) {
      length += (chunk as Buffer).length;
      if (length % 7 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(length).toBeGreaterThan(large);
    await isIdle();
  });
});

it("bodies that wait are bounded together", async () => {
  const filler = "x".repeat(2 ** 20 - 1000);
  const big = JSON.stringify({ ...slow, machine: { ...slow.machine, overlay: { "/boot/x": filler } } });
  const asked = [service.boot(big), service.boot(big)];
  await service.until("running", 2);
  const third = await service.boot(big);
  expect(third).toMatchObject({ status: 503 });
  expect(third.json.error.message).toBe("too many bodies are waiting");
  for (const answer of await Promise.all(asked)) expect(answer.json.reason).toBe("exec");
  await isIdle();
});

describe("any body", () => {
  const name = fc.oneof(fc.constantFrom("a.img", "b.img", "../a.img", "/", "", "a.img/.."), fc.string());
  const format = fc.oneof(fc.constantFrom("raw", "qcow2", "vhdx", "gzip"), fc.string());
  const image = fc.oneof(name, fc.record({ image: name, format }, { requiredKeys: [] }));
  const disk = fc.oneof(
    image,
    fc.record(
      { image: name, format, sectorSize: fc.constantFrom(512, 4096, 1), files: fc.array(image, { maxLength: 3 }) },
      { requiredKeys: [] },
    ),
    fc.jsonValue(),
  );
  const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, -1, 2 ** 28, 2 ** 60, null));
  const set = fc.record(
    {
      version: fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.jsonValue() }),
      disks: fc.oneof(fc.array(disk, { maxLength: 3 }), fc.jsonValue()),
      memory: number,
      currdev: fc.oneof(fc.constantFrom("disk0p2:", "zfs:"), fc.string()),
      environment: fc.oneof(fc.dictionary(fc.string(), fc.string()), fc.jsonValue()),
      overlay: fc.oneof(
        fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.constant(null), fc.jsonValue())),
        fc.jsonValue(),
      ),
      loader: fc.oneof(fc.constantFrom("lua", "simp", "4th"), fc.jsonValue()),
      interface: fc.oneof(fc.constantFrom(3, 4, 5), number),
      profile: fc.oneof(fc.constantFrom("auto", 13), number),
      clock: fc.constantFrom("virtual", "none"),
      hashSeed: number,
    },
    { requiredKeys: ["version"] },
  );
  const request = fc.record(
    {
      machine: fc.oneof({ weight: 9, arbitrary: set }, { weight: 1, arbitrary: fc.jsonValue() }),
      format: fc.oneof(fc.constantFrom("result", "machine"), fc.jsonValue()),
      policy: fc.oneof(fc.constant(undefined), fc.string()),
      limits: fc.oneof(
        fc.constant({ wallMs: 2000 }),
        fc.dictionary(fc.constantFrom("wallMs", "fuel", "x"), number),
        fc.jsonValue(),
      ),
      map: fc.oneof(fc.constantFrom("bhyve", "qemu", "__proto__"), fc.jsonValue()),
      digests: fc.oneof(fc.boolean(), fc.jsonValue()),
      measure: fc.oneof(fc.boolean(), fc.jsonValue()),
    },
    { requiredKeys: ["machine"] },
  );
  const any = fc.oneof(
    { weight: 6, arbitrary: request.map((value) => JSON.stringify(value)) },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.string() },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
    // A good one, so that some answers are 200 whatever the seed.
    { weight: 1, arbitrary: fc.constant(body) },
    // Half of a good one, and one with a byte that is another.
    { weight: 1, arbitrary: fc.nat(body.length).map((length) => body.slice(0, length)) },
    {
      weight: 2,
      arbitrary: fc.tuple(fc.nat(body.length - 1), fc.integer({ min: 32, max: 126 })).map(([at, code]) => {
        return body.slice(0, at) + String.fromCharCode(code) + body.slice(at + 1);
      }),
    },
  );
  const KNOWN = new Set([200, 400, 404, 413, 415, 422, 503]);

  it("has an answer that is no 500, and says what is wrong", { timeout: 120_000 }, async () => {
    const seen = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(any, async (text) => {
        const { status, json } = await service.boot(text);
        seen.set(status, (seen.get(status) ?? 0) + 1);
        expect(KNOWN.has(status), `${status} ${JSON.stringify(json)}`).toBe(true);
        if (status === 200) return;
        expect(typeof json.error.name).toBe("string");
        expect(json.error.message).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      }),
      { numRuns: 400 },
    );
    expect(seen.get(200) ?? 0).toBeGreaterThan(0);
    expect(service.child.exitCode).toBeNull();
    expect(service.other).toEqual([]);
    expect(service.lines.filter(({ event }) => event === "message")).toEqual([]);
    await isIdle();
  });
});
