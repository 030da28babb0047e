// How a service ends, what it does when its cells are killed, and that nothing is left.

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listenAt } from "../../build/host/serve/listen.js";
import { ENDLESS_FORTH, guest } from "../safety/endless_guests.js";
import { CLI, userboot } from "../support/cli.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { killAll } from "../support/resources.js";
import { Scratch } from "../support/scratch.js";
import { askAt, heard, machine, TestService } from "../support/service.js";
import { bytesOf } from "../support/sparse_disk.js";

const scratch = new Scratch();
const images = join(scratch.path, "images");
const slow = { machine: { ...machine("a.img"), clock: "real" } };
const quick = { machine: machine("a.img") };
const endless = { machine: { ...machine("endless.img"), start: "4th", interface: 4 } };
const small = ["--images", images, "--size", "2", "--spare", "1"];

beforeAll(() => {
  mkdirSync(images);
  writeFileSync(join(images, "a.img"), guestImage(GUESTS.amd64));
  writeFileSync(join(images, "endless.img"), bytesOf(ENDLESS_FORTH["an empty loop"]!()));
});
afterAll(() => scratch[Symbol.dispose]());

const isThere = (pid: number): boolean => existsSync(`/proc/${pid}`);

describe.each(["process", "thread"])("with %ss", (isolation) => {
  const start = (...args: string[]) => TestService.start(scratch.path, [...small, "--isolation", isolation, ...args]);

  it("SIGTERM finishes what there is, and takes no more", async () => {
    await using service = await start();
    const idle = await service.connect();
    const first = service.boot(slow);
    const second = service.boot(slow);
    const third = service.boot(slow);
    await service.until("queued", 1);
    const { cells } = service;
    service.child.kill("SIGTERM");
    await service.line("closing");
    await expect(service.boot(quick)).rejects.toMatchObject({
      code: expect.stringMatching(/ENOENT|ECONNREFUSED|ECONNRESET/),
    });
    for (const answer of await Promise.all([first, second, third])) {
      expect(answer.json.reason).toBe("exec");
      expect(answer.headers.connection).toBe("close");
    }
    expect(await heard(idle)).toBe("");
    expect(await service.exit()).toBe(0);
    expect(service.other).toEqual([]);
    expect(existsSync(service.socketPath)).toBe(false);
    expect(cells.filter(isThere)).toEqual([]);
  });

  it("SIGTERM does so from the moment that somebody can connect", async () => {
    for (let i = 0; i < 3; i++) {
      const path = join(scratch.path, `early-${isolation}-${i}.sock`);
      const words = [CLI, "serve", "--listen", `unix:${path}`, ...small, "--isolation", isolation];
      const child = spawn(process.execPath, words, { stdio: ["ignore", "ignore", "inherit"] });
      const exit = once(child, "exit");
      while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 1));
      child.kill("SIGTERM");
      expect(await exit).toEqual([0, null]);
      expect(existsSync(path)).toBe(false);
    }
  });

  it.each(["SIGINT", "SIGHUP"] as const)("%s ends it in order as well", async (signal) => {
    await using service = await start();
    const answer = service.boot(slow);
    await service.until("running", 1);
    service.child.kill(signal);
    expect((await answer).json.reason).toBe("exec");
    expect(await service.exit()).toBe(0);
    expect(existsSync(service.socketPath)).toBe(false);
  });

  it("boots that don't end are ended when the time for that is over", async () => {
    await using service = await start("--serve-limit", "drainMs=300");
    const answer = service.boot(endless);
    await service.until("running", 1);
    const { cells } = service;
    service.child.kill("SIGTERM");
    expect(await answer).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    expect((await answer).json.error).toMatchObject({
      name: "AbortedError",
      message: "boot aborted (the service ends)",
    });
    expect(await service.exit()).toBe(0);
    expect(cells.filter(isThere)).toEqual([]);
  });

  it("a second signal ends all at once", async () => {
    await using service = await start();
    const answer = service.boot(endless);
    await service.until("running", 1);
    service.child.kill("SIGTERM");
    await service.line("closing");
    service.child.kill("SIGTERM");
    expect((await answer).status).toBe(503);
    expect(await service.exit()).toBe(0);
  });

  it("images that vanish are no longer there, and those that are open go on", async () => {
    await using service = await start();
    const path = join(images, "b.img");
    writeFileSync(path, guestImage(GUESTS.amd64));
    const running = service.boot({ machine: { ...machine("b.img"), clock: "real" } });
    await service.until("running", 1);
    rmSync(path);
    expect((await service.boot({ machine: machine("b.img") })).status).toBe(404);
    expect((await running).json.reason).toBe("exec");
    renameSync(images, `${images}.away`);
    expect((await service.boot(quick)).status).toBe(404);
    renameSync(`${images}.away`, images);
    expect((await service.boot(quick)).json.reason).toBe("exec");
    await service.until("open_images", 0);
  });

  it("an image that is cut off while it is read is a DiskError", async () => {
    await using service = await start();
    const path = join(images, "cut.img");
    const script = "1500 ms\ninclude /boot/more\n";
    writeFileSync(path, bytesOf(guest(script, (image, boot) => image.file(boot, "more", "\\ more\n".repeat(50_000)))));
    const set = { ...machine("cut.img"), start: "4th", interface: 4, clock: "real" };
    const running = service.boot({ machine: set });
    await service.until("running", 1);
    truncateSync(path, 4096);
    const { status, json } = await running;
    // Before its guest began, or as what came of it.
    expect([200, 422]).toContain(status);
    expect(json.error.name).toBe("DiskError");
    expect((await service.boot(quick)).json.reason).toBe("exec");
  });
});

describe("cells that are killed", () => {
  it("before their boot are replaced, and the boot is done", async () => {
    await using service = await TestService.start(scratch.path, [...small, "--confine", "none"]);
    const kill = () => killAll(service.cells);
    for (let turn = 0; turn < 3; turn++) {
      kill();
      expect((await service.boot(quick)).json.reason).toBe("exec");
    }
    // Of one that no boot was about to take the service tells.
    const isTold = () => service.lines.some(({ message }) => /^a spare was lost/.test(String(message)));
    while (!isTold()) {
      kill();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect((await service.boot(quick)).json.reason).toBe("exec");
    await service.until("open_images", 0);
  });

  it("in the middle of it are an error of its result, never a wrong one", async () => {
    await using service = await TestService.start(scratch.path, [...small, "--confine", "none", "--spare", "0"]);
    const answer = service.boot(endless);
    await service.until("running", 1);
    while (service.cells.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setTimeout(resolve, 300));
    killAll(service.cells);
    const { status, json } = await answer;
    expect(json.error.name).toBe("IsolationError");
    // Before its guest began it can be asked for again; afterwards it is what came of it.
    if (status === 503) expect(json.reason).toBeUndefined();
    else expect([status, json.reason]).toEqual([200, "error"]);
    expect((await service.boot(quick)).json.reason).toBe("exec");
  });
});

describe("the socket", () => {
  it("is for its user and group, replaces one that nobody listens at, and nothing else", async () => {
    await using service = await TestService.start(scratch.path, [...small, "--isolation", "thread"]);
    expect(statSync(service.socketPath).mode & 0o777).toBe(0o660);
    const again = (path: string) => userboot(["serve", "--listen", `unix:${path}`, "--images", images, "--spare", "0"]);
    expect(again(service.socketPath)).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/another program does\n$/),
    });
    const file = scratch.file("file", "mine");
    expect(again(file)).toMatchObject({ status: 2, stderr: expect.stringMatching(/something that is no socket\n$/) });
    expect(readFileSync(file, "utf8")).toBe("mine");
    service.child.kill("SIGKILL");
    await new Promise((resolve) => service.child.once("exit", resolve));
    expect(existsSync(service.socketPath)).toBe(true);
    await using next = await TestService.start(scratch.path, [...small, "--isolation", "thread"]);
    expect((await next.boot(quick)).json.reason).toBe("exec");
  });

  it("two that replace one at the same time don't take it from each other", async () => {
    const path = join(scratch.path, "both.sock");
    const stale = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    await once(spawn(process.execPath, ["-e", stale]), "exit");
    expect(existsSync(path)).toBe(true);
    const servers = [1, 2].map((n) => createHttpServer((_request, response) => response.end(String(n))));
    const outcomes = await Promise.allSettled(servers.map((server) => listenAt(server, { path })));
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const winner = outcomes.findIndex(({ status }) => status === "fulfilled") + 1;
    expect((await askAt({ socketPath: path }, "/")).body.toString()).toBe(String(winner));
    expect(readdirSync(scratch.path).filter((name) => name.startsWith("both.sock"))).toEqual(["both.sock"]);
    for (const server of servers) server.close();
    expect(existsSync(path)).toBe(false);
  });

  it("a directory that isn't there is one line, which says so", () => {
    const path = `${scratch.path}/none/s.sock`;
    const { status, stderr } = userboot(["serve", "--listen", `unix:${path}`, "--images", images]);
    expect([status, stderr]).toEqual([
      2,
      `userboot: can't listen at ${path}: there is no directory ${scratch.path}/none\n`,
    ]);
  });

  it("an address that is taken is one line", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as { port: number };
    const tokens = scratch.file("tokens", "a:0123456789abcdef\n");
    const { status, stderr } = userboot([
      "serve",
      "--listen",
      `127.0.0.1:${port}`,
      "--images",
      images,
      "--token-file",
      tokens,
    ]);
    other.close();
    expect(status).toBe(2);
    expect(stderr).toMatch(/^userboot: (token file .*|can't listen at 127\.0\.0\.1:\d+ \(EADDRINUSE\))\n$/);
  });
});

it("a service without work costs no more with time: what boots leave is nothing", { timeout: 120_000 }, async () => {
  await using service = await TestService.start(scratch.path, [...small]);
  const files = async () => {
    const { body } = await service.ask("/metrics");
    return Number(/^process_open_fds (\d+)$/m.exec(body.toString())?.[1]);
  };
  for (let turn = 0; turn < 6; turn++) await service.boot(quick);
  await service.until("running", 0);
  await service.until("spares", 1);
  const [before, cells] = [await files(), service.cells.length];
  for (let turn = 0; turn < 5; turn++) await Promise.all(Array.from({ length: 6 }, () => service.boot(quick)));
  await service.until("running", 0);
  await service.until("spares", 1);
  await service.until("starting", 0);
  while (service.cells.length > cells) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await files()).toBeLessThanOrEqual(before + 1);
});
