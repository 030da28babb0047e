// A session's process that somebody has taken over: speaks to its caller as it likes. Which of the things below it does
// is the one variable of its environment.

import { spawn } from "node:child_process";
import { writeSync } from "node:fs";
import { deserialize } from "node:v8";
import { frameHead } from "../../build/host/process/frames.js";
import { BlockingChannel, CHANNEL_FD } from "../../build/host/process/link.js";

const channel = new BlockingChannel(CHANNEL_FD, deserialize);
const { head } = channel.receive();
// One that was launched ahead is told so before.
const { options } = "prepare" in head ? channel.receive().head : head;
const name = Buffer.from(options.env[0]).toString().slice("case=".length);

function write(bytes) {
  for (let at = 0; at < bytes.length; ) at += writeSync(CHANNEL_FD, bytes, at);
}

const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));
const frame = (head, body = "") => Buffer.concat([frameHead(Buffer.from(text(head)), body.length), Buffer.from(body)]);
const send = (head, body) => write(frame(head, body));
const sleep = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);

const done = (more) => ({
  type: "done",
  data: {
    ...{ reason: "exit", exitCode: 1, flavour: "lua", swaps: [], swapRequests: [], interpreterChecks: [], calls: [] },
    ...{
      memory: [],
      memoryGranule: 1,
      memoryFaults: 0,
      modules: [],
      environment: {},
      disk: { calls: 0, bytes: 0, healed: 0 },
    },
    ...{ hostCalls: 0, console: { bytes: 0 }, fuelUsed: 0, moduleMemory: 0, virtualSeconds: 0, diagnostics: [] },
    ...{ timeMs: { instantiate: 0, run: 0, decode: 0, total: 0 }, isolation: { level: "none" } },
    ...more,
  },
  faults: 0,
  keysConsumed: 1,
});

/** The same frame for ever, many at a time. */
function flood(one) {
  const many = Buffer.concat(Array(Math.ceil(65536 / one.length)).fill(one));
  while (true) write(many);
}

const KEEPER = ["/bin/sleep", ["60"]];

const CASES = {
  deep: () => send("[".repeat(2 ** 20)),
  wide: () => send(text(done({ calls: ["X"] })).replace('["X"]', `[${"[],".repeat(10_000_000)}[]]`)),
  "memory that isn't there": () => {
    send({ type: "memory", start: 16 }, "written");
    send(done({ memory: Array(100_000).fill({ gpa: "0x0", length: 2 ** 28 }) }));
  },
  "more after the end": () =>
    write(
      Buffer.concat([
        frame(done({})),
        frame({ type: "output" }, "later"),
        frame({ type: "memory", start: 0 }, "later"),
        frame(done({ exitCode: 2 })),
      ]),
    ),
  "memory that comes late": () => {
    const late = frame({ type: "memory", start: 0 }, "later".repeat(100));
    write(Buffer.concat([frame(done({})), late.subarray(0, -400)]));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    write(late.subarray(-400));
  },
  "empty output": () => flood(frame({ type: "output" })),
  "a child in its group": () => {
    spawn(...KEEPER, { stdio: ["ignore", "ignore", 2, CHANNEL_FD] });
    process.exit();
  },
  "a child that has got away": () => spawn(...KEEPER, { stdio: ["ignore", "ignore", 2, CHANNEL_FD], detached: true }),
};

send({ type: "began" });
CASES[name]();
sleep();
