// What one client or tenant can take of a service: no more than leaves others something, and nothing that isn't counted.

import { mkdirSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { UFS } from "../safety/endless_guests.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { largeGuest } from "../support/large_guest.js";
import { Scratch } from "../support/scratch.js";
import { heard, machine, TestService } from "../support/service.js";
import { bytesOf } from "../support/sparse_disk.js";
import { UfsImage } from "../support/ufs_image.js";

const MIB = 2 ** 20;
const scratch = new Scratch();
const images = join(scratch.path, "images");
const SMALL = ["--images", images, "--size", "2", "--spare", "1", "--isolation", "thread"];
const slow = (...disks: string[]) => ({ machine: { ...machine(...disks), clock: "real" } });
const whole = { machine: machine("large.img"), format: "machine" };
const evil = { "X-Userboot-Tenant": "evil" };
const good = { "X-Userboot-Tenant": "good" };
let service: TestService;
const sockets: Socket[] = [];

/** A guest that reads many files with long names, whose every character is six in JSON, and quits. */
function measured(): Uint8Array {
  const image = new UfsImage(UFS);
  const boot = image.directory(image.root, "boot");
  image.file(boot, "loader", "$Interpreter:lua\0");
  const lua = image.directory(boot, "lua");
  const name = "\x7f".repeat(190);
  const read = 'for i = 1000, 1999 do local f = io.open(n .. i) io.read(f, 1) io.close(f) end loader.perform("quit")';
  image.file(lua, "loader.lua", `local n = "/boot/lua/${name}" ${read}`);
  for (let i = 1000; i < 2000; i++) image.file(lua, name + i, "x");
  return bytesOf(image.finish());
}

beforeAll(async () => {
  mkdirSync(images);
  writeFileSync(join(images, "a.img"), guestImage(GUESTS.amd64));
  writeFileSync(join(images, "measured.img"), measured());
  largeGuest().disk.writeTo(join(images, "large.img"));
  const bounds = ["unsentBytes=24M", "bodiesBytes=2M", "openImages=8"];
  service = await TestService.start(scratch.path, [...SMALL, ...bounds.flatMap((one) => ["--serve-limit", one])]);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const name of ["unsent_bytes", "open_images", "running", "queued"]) await service.until(name, 0);
  await service.until("requests", 1);
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

/** A connection on which a boot is asked for, and on which nothing is read. */
async function deaf(body: unknown, headers: Record<string, string>): Promise<Socket> {
  const socket = await service.connect();
  sockets.push(socket);
  socket.on("error", () => {});
  socket.write(asked(body, headers));
  return socket;
}

function asked(body: unknown, headers: Record<string, string> = {}): string {
  const text = JSON.stringify(body);
  const lines = Object.entries({ "Content-Type": "application/json", "Content-Length": text.length, ...headers });
  return `POST /v1/boot HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${text}`;
}

const shared = (what: string) => ({
  status: 429,
  headers: { "retry-after": "1" },
  json: { error: { name: "RequestError", message: `${what}: of this tenant's` } },
});

describe("who has a part of something gets no more than is left for others", () => {
  it("of answers that aren't taken", async () => {
    await deaf(whole, evil);
    while ((await service.figure("unsent_bytes")) < 8 * MIB) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await service.boot(whole, evil)).toMatchObject(shared("too many answers wait to be taken"));
    // What is short is answered all the same.
    expect((await service.boot({}, evil)).status).toBe(400);
    expect((await service.boot(whole, good)).status).toBe(200);
  });

  it("of images that are open", async () => {
    await deaf(slow("a.img", "a.img", "a.img", "a.img"), evil);
    await service.until("open_images", 4);
    expect(await service.boot(slow("a.img"), evil)).toMatchObject(shared("too many images are open"));
    expect((await service.boot({ machine: machine("a.img", "a.img") }, good)).status).toBe(200);
  });

  it("of bodies", async () => {
    const overlay = { "/boot/x": "x".repeat(MIB - 1000) };
    const big = { machine: { ...slow("a.img").machine, overlay } };
    await deaf(big, evil);
    await service.until("running", 1);
    expect(await service.boot(big, evil)).toMatchObject(shared("too many bodies are waiting"));
    expect((await service.boot({ machine: { ...machine("a.img"), overlay } }, good)).status).toBe(200);
  });
});

it("a result beside an error is an answer that waits to be taken, too", async () => {
  await deaf({ machine: machine("measured.img"), format: "machine", measure: true }, {});
  while ((await service.figure("unsent_bytes")) < MIB) await new Promise((resolve) => setTimeout(resolve, 20));
});

it("a body in chunks of a byte each has no more memory than in one", async () => {
  const memory = async () => {
    const { body } = await service.ask("/metrics");
    return Number(/^process_resident_memory_bytes (\d+)$/m.exec(body.toString())![1]);
  };
  const before = await memory();
  const socket = await service.connect();
  sockets.push(socket);
  const head = ["POST /v1/boot HTTP/1.1", "Content-Type: application/json", "Transfer-Encoding: chunked"];
  socket.write(`${head.join("\r\n")}\r\nConnection: close\r\n\r\n`);
  socket.write(Buffer.alloc(6 * 900_000, "1\r\n1\r\n"));
  socket.write("1\r\nx\r\n0\r\n\r\n");
  expect(await heard(socket)).toMatch(/^HTTP\/1\.1 400 [\s\S]*the body is no JSON/);
  // Of garbage there is some for each chunk; kept, it was 300 bytes.
  expect((await memory()) - before).toBeLessThan(120 * MIB);
});

describe("requests in a row", () => {
  it("are as many as somebody may wait for, or their connection is closed", async () => {
    const { body } = await service.ask("/metrics");
    const answered = (text: string) => Number(/^userboot_answers_total\{status="200"\} (\d+)$/m.exec(text)?.[1]);
    const socket = await service.connect();
    socket.on("error", () => {});
    socket.write(asked(slow("a.img")) + "GET /v1/health HTTP/1.1\r\n\r\n".repeat(5000));
    expect(await heard(socket)).toBe("");
    await service.until("requests", 1);
    expect(answered((await service.ask("/metrics")).body.toString()) - answered(body.toString())).toBeLessThan(20);
  });

  it("have the time to be taken when it is their turn", async () => {
    await using hasty = await TestService.start(scratch.path, [...SMALL, "--serve-limit", "sendMs=2500"], "hasty.sock");
    const socket = await hasty.connect();
    // Two boots after each other take longer than an answer may be taken for.
    socket.write(`${asked(slow("a.img")).repeat(3)}GET /v1/health HTTP/1.1\r\nConnection: close\r\n\r\n`);
    const said = await heard(socket);
    expect([...said.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(Array(4).fill("200"));
  });
});

it("what is expected that nobody has heard of is no matter", async () => {
  const socket = await service.connect();
  socket.write(asked({ machine: machine("a.img") }, { Expect: "a miracle", Connection: "close" }));
  expect(await heard(socket)).toMatch(/^HTTP\/1\.1 200 /);
});
