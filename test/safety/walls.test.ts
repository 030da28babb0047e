// What each level of isolation keeps from somebody who runs code of his own in it: each line of SECURITY.md's table,
// tried. Walls that aren't there are tried, too: the table says so, and this test fails when one appears.

import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findBwrap } from "../../build/host/process/confine.js";
import { startProcess } from "../../build/host/process/spawn.js";
import { readingRights } from "../../build/host/worker/node_rights.js";
import { workerOptions } from "../../build/host/worker/node_spawn.js";
import { Scratch } from "../host/support.js";

const scratch = new Scratch();
const secret = scratch.file("secret", "secret");
const written = `${secret}2`;
const image = openSync(scratch.file("image", "image"), "r");
/** As another session's image is: open for writing, to be easier. */
const other = openSync(scratch.file("other", "other"), "r+");
const server: Server = createServer((socket) => socket.destroy());
let port = 0;
beforeAll(async () => {
  process.env.USERBOOT_TEST_SECRET = "x";
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.close();
  closeSync(image);
  closeSync(other);
  scratch[Symbol.dispose]();
});

type Tries = Record<string, unknown>;

async function inThread(): Promise<Tries> {
  const program = new URL("./intruder.mjs", import.meta.url).href;
  const asked = { port, pid: process.pid, secret, image, other };
  const worker = new Worker(
    `import(${JSON.stringify(program)}).then(({ intrude }) => intrude(${JSON.stringify(asked)}))
      .then((tries) => require("node:worker_threads").parentPort.postMessage(tries));`,
    { ...workerOptions(), eval: true },
  );
  return new Promise((resolve, reject) => {
    worker.once("message", resolve).once("error", reject);
  });
}

/** Bytes of memory that are enough for an intruder. */
const LIMITS = { memory: 2 ** 30, cpuS: 60 };

async function inProcess(bwrap: string | undefined): Promise<Tries> {
  const child = startProcess(new URL("./intruder_process.mjs", import.meta.url), LIMITS, bwrap, [image]);
  const socket = child.stdio[3] as Socket;
  // There the image is the first descriptor after the socket, and the other one is none.
  socket.write(JSON.stringify({ port, pid: process.pid, secret, image: 4, other: 5 }));
  let answer = "";
  let errors = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString();
  });
  child.stderr!.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  await new Promise((resolve) => child.once("close", resolve));
  if (answer === "") throw new Error(`the intruder failed: ${errors}`);
  return JSON.parse(answer);
}

const DENIED = "ERR_ACCESS_DENIED";
/** What Node's permission model keeps from a thread or process. */
const PERMISSIONS = {
  "read file": DENIED,
  "read system": DENIED,
  "read process": DENIED,
  list: DENIED,
  "write file": DENIED,
  "write package": DENIED,
  "start process": DENIED,
  "start thread": DENIED,
};
const OWN_IMAGE = { "read image": 1, "write image": "EBADF", "truncate image": "EINVAL" };

const rights = readingRights().length > 0;
if (!rights) console.warn("SKIPPED, this Node has no permission model: what a session's thread and process may open");

describe.runIf(rights)("code that runs", () => {
  it("in a session's thread reaches the process: its descriptors, its network, other processes", async () => {
    expect(await inThread()).toEqual({
      ...PERMISSIONS,
      ...OWN_IMAGE,
      environment: 0,
      arguments: 0,
      // The thread is no wall here, which is why there are processes.
      report: expect.toSatisfy((count: number) => count > 0),
      descriptors: expect.toSatisfy((count: number) => count >= 2),
      "another session's image": 1,
      "make code": "done",
      "see process": true,
      connect: "done",
      listen: "done",
    });
  });

  it("in a session's process has that session's descriptors only, and no environment; the network is there", async () => {
    expect(await inProcess(undefined)).toEqual({
      ...PERMISSIONS,
      ...OWN_IMAGE,
      environment: 0,
      arguments: 0,
      report: 0,
      descriptors: 1,
      "another session's image": expect.stringMatching(/^E/),
      "make code": expect.stringMatching(/Code generation from strings/),
      "see process": true,
      connect: "done",
      listen: "done",
    });
  });

  const bwrap = findBwrap("auto");
  if (bwrap === undefined) console.warn("SKIPPED, no bwrap: what a session's process in bubblewrap may reach");
  it.runIf(bwrap)("in a session's process in bubblewrap reaches nobody", async () => {
    expect(await inProcess(bwrap)).toEqual({
      ...PERMISSIONS,
      ...OWN_IMAGE,
      environment: 0,
      arguments: 0,
      report: 0,
      descriptors: 1,
      "another session's image": expect.stringMatching(/^E/),
      "make code": expect.stringMatching(/Code generation from strings/),
      "see process": "ESRCH",
      connect: "ECONNREFUSED",
      // In a network of its own, where nobody else is.
      listen: "done",
    });
  });
});

it("a session's process has no descriptor that this one inherited", () => {
  // Numbers far apart, as shells and supervisors leave them behind.
  const program = `
    const { startProcess } = await import(${JSON.stringify(new URL("../../build/host/process/spawn.js", import.meta.url).href)});
    const child = startProcess(new URL(${JSON.stringify(new URL("./intruder_process.mjs", import.meta.url).href)}), ${JSON.stringify(LIMITS)}, undefined, []);
    const socket = child.stdio[3];
    socket.write(JSON.stringify({ port: 1, pid: 1, secret: "/x", image: 90, other: 91 }));
    socket.on("data", (chunk) => process.stdout.write(chunk));`;
  const script = scratch.file("inherits.mjs", program);
  const { stdout, stderr } = spawnSync(
    "bash",
    ["-c", `exec 7<${secret} 77<${secret} 300<${secret}; exec "$0" "$1"`, process.execPath, script],
    { encoding: "utf8" },
  );
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({ descriptors: 0 });
});

it("nothing was written meanwhile", () => {
  expect(existsSync(written)).toBe(false);
  expect(existsSync(new URL("./intruder.txt", import.meta.url))).toBe(false);
  expect(readFileSync(`${scratch.path}/image`, "utf8")).toBe("image");
  rmSync(written, { force: true });
});
