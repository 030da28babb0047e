// What goes between a thread and its caller beside messages, both ends in this thread.

import { cpSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, it, vi } from "vitest";
import { FileDisk } from "../../build/host/disks/file.js";
import type { InspectRequest } from "../../build/host/inspect/protocol.js";
import type { StartMessage } from "../../build/host/isolation/messages.js";
import { LoaderMemory } from "../../build/host/memory/loader.js";
import { sessionOptions } from "../../build/host/options.js";
import type { MadeResult } from "../../build/host/result.js";
import {
  canServeThreads,
  ThreadChannel,
  ThreadLine,
  type ThreadMessage,
  type ThreadStart,
} from "../../build/host/worker/channel.js";
import type { KeyRingReader, KeyRingWriter } from "../../build/host/worker/keyring.js";
import { readingRights } from "../../build/host/worker/node_rights.js";
import { INSPECT_PROGRAM, PROGRAM, spawnNodeThread, workerOptions } from "../../build/host/worker/node_spawn.js";
import { ThreadRequests } from "../../build/host/worker/requests.js";
import { Scratch } from "../support/scratch.js";

const PAGE = 65536;
const options = sessionOptions({ memory: { low: PAGE, high: 0 } });
const MESSAGE: StartMessage = { options, disks: [], trees: [], clock: "virtual", wants: [] };
const SERVED = [{ served: 0, sectorSize: 512 }] as unknown as StartMessage["disks"];

/** A channel that was started, and what it sent. */
function started(message: Partial<StartMessage> = {}) {
  const sent: unknown[] = [];
  const channel = new ThreadChannel((order) => void sent.push(order));
  channel.start({ ...MESSAGE, ...message });
  return { channel, sent, start: sent[0] as ThreadStart };
}

/** The thread's end of a start. */
function lineOf(start: ThreadStart) {
  const posted: ThreadMessage[] = [];
  const line = new ThreadLine(start, (message) => void posted.push(message));
  return { line, posted };
}

describe("a start", () => {
  it("has ways only for what is asked of it", () => {
    const { channel, sent, start } = started();
    expect(sent).toHaveLength(1);
    expect(Object.keys(start).sort()).toEqual(Object.keys(MESSAGE).sort());
    const { line } = lineOf(start);
    expect([line.keys, line.asker]).toEqual([undefined, undefined]);
    channel.answer({ deny: "no" });
    channel.close();
  });

  it("has none for disks that the thread reads itself", () => {
    const disks = [{ image: new Uint8Array(512), sectorSize: 512 }] as unknown as StartMessage["disks"];
    expect(started({ disks }).start).not.toHaveProperty("reads");
    expect(started({ disks: [...disks, ...SERVED] }).start).toHaveProperty("reads");
    expect(canServeThreads()).toBe(true);
  });

  it("has a ring for keys that come while it runs", () => {
    const { channel, start } = started({ liveKeys: true });
    const { line, posted } = lineOf(start);
    const keys = line.keys as unknown as KeyRingReader;
    channel.keys.push(Uint8Array.of(5, 6));
    channel.keys.end();
    expect([keys.poll(), keys.getc(), keys.getc(), keys.poll()]).toEqual([true, 5, 6, false]);
    // It is told when a key is waited for, not when there is one.
    expect(posted).toEqual([]);
    expect(keys.getc()).toBeUndefined();
    expect(posted).toEqual([
      { type: "waiting", waiting: true },
      { type: "waiting", waiting: false },
    ]);
    expect(keys.ended()).toBe(true);
    channel.close();
  });

  it("says how many of the keys that come as messages are taken, and when one is waited for", async () => {
    const { line, posted } = lineOf({ ...MESSAGE, liveKeys: true, suspends: true });
    line.take({ type: "keys", keys: Uint8Array.of(5, 6), ended: false });
    expect(posted).toEqual([]);
    const getc = () => line.keys!.getc!(undefined as never);
    const took = { type: "took", count: 1 };
    expect(getc()).toBe(5);
    expect(posted).toEqual([took]);
    expect(getc()).toBe(6);
    expect(line.keys!.ended!()).toBe(false);
    const waiting = getc();
    line.take({ type: "keys", keys: Uint8Array.of(7), ended: false });
    expect(await waiting).toBe(7);
    const waits = [true, false].map((waiting) => ({ type: "waiting", waiting }));
    expect(posted).toEqual([took, took, waits[0], took, waits[1]]);
    line.take({ type: "keys", keys: new Uint8Array(), ended: true });
    expect(line.keys!.ended!()).toBe(true);
    for (const [liveKeys, suspends] of [
      [true, false],
      [false, true],
    ] as const)
      expect(lineOf({ ...MESSAGE, liveKeys, suspends }).line.keys).toBeUndefined();
  });

  it("waits for room in a ring until the channel is closed", () => {
    vi.useFakeTimers();
    try {
      const { channel } = started({ liveKeys: true });
      channel.keys.push(new Uint8Array(4096));
      expect(vi.getTimerCount()).toBe(0);
      channel.keys.push(Uint8Array.of(1));
      expect(vi.getTimerCount()).toBe(1);
      channel.close();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it("has answers of hooks", () => {
    const { channel, start } = started({ wants: ["onFile", "onKernel"] });
    expect(start.questions?.wants).toEqual(["onFile", "onKernel"]);
    const posted: ThreadMessage[] = [];
    const answers = [{ deny: "no", rule: "r" }, { replace: Uint8Array.of(1, 2) }, undefined];
    const line = new ThreadLine(start, (message) => {
      posted.push(message);
      channel.answer(answers[posted.length - 1]);
    });
    expect([...line.asker!.wants]).toEqual(["onFile", "onKernel"]);
    for (const answer of answers) expect(line.asker!.ask("onFile", { path: "/x" })).toEqual(answer);
    expect(posted[0]).toEqual({ type: "question", hook: "onFile", facts: [{ path: "/x" }] });
    channel.close();
  });

  it("has bytes of disks that the caller reads, and what failed", () => {
    const { channel, start } = started({ disks: SERVED });
    const replies = [
      { bytes: Uint8Array.of(7, 8) },
      { error: { name: "Error", message: "medium failed" } },
      { error: { name: "DiskError", message: "disk x is gone", disk: "x" } },
    ];
    const asked: unknown[] = [];
    const line = new ThreadLine(start, (message) => {
      asked.push(message);
      channel.serve(replies[asked.length - 1] as never);
    });
    const request = { disk: 0, offset: 512, size: 2 };
    expect(line.read(request)).toEqual(Uint8Array.of(7, 8));
    expect(asked[0]).toEqual({ type: "read", ...request });
    expect(() => line.read(request)).toThrow("medium failed");
    expect(() => line.read(request)).toThrow(expect.objectContaining({ name: "DiskError" }));
    channel.close();
  });

  it("has answers where the thread has made room for them meanwhile", () => {
    const { channel, start } = started({ disks: SERVED });
    const reads = start.reads!;
    const size = Object.getOwnPropertyDescriptor(SharedArrayBuffer.prototype, "byteLength")!;
    let looks = 0;
    Object.defineProperty(reads, "byteLength", {
      get() {
        const before = size.get!.call(reads);
        if (looks++ === 0) reads.grow(reads.maxByteLength);
        return before;
      },
    });
    const bytes = new Uint8Array(8192).fill(7);
    const line = new ThreadLine(start, () => channel.serve({ bytes }));
    expect(line.read({ disk: 0, offset: 0, size: 8192 })).toEqual(bytes);
    channel.close();
  });

  it("without that has bytes as messages", async () => {
    const { channel, sent, start } = started();
    const { line, posted } = lineOf(start);
    const reading = line.read({ disk: 1, offset: 0, size: 1 });
    expect(posted).toEqual([{ type: "read", disk: 1, offset: 0, size: 1 }]);
    channel.serve({ bytes: Uint8Array.of(9) });
    expect(sent[1]).toEqual({ type: "bytes", reply: { bytes: Uint8Array.of(9) } });
    line.take(sent[1] as never);
    expect(await reading).toEqual(Uint8Array.of(9));
  });

  it("ends with its guest's memory, which is given away", () => {
    const guestMemory = new LoaderMemory(PAGE, 0);
    guestMemory.copyin(Uint8Array.of(1, 2), 5n);
    guestMemory.faults = 3;
    const result = { guestMemory } as unknown as MadeResult;
    const posted: unknown[] = [];
    new ThreadLine(MESSAGE, (...sent) => void posted.push(sent)).finish(result, 4);
    const ram = guestMemory.handOver();
    const memory = { ram, faults: 3, written: [[5, 7]] };
    expect(posted).toEqual([[{ type: "done", data: result, memory, keysConsumed: 4 }, [ram]]]);
  });

  it("asks for modules that weren't there", async () => {
    const { line, posted } = lineOf(started().start);
    const module = await WebAssembly.compile(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    const given = line.module("lua");
    expect(posted).toEqual([{ type: "module", name: "lua" }]);
    line.take({ type: "module", module });
    expect(await given).toBe(module);
    const refused = line.module("4th");
    line.take({ type: "module", module: { name: "AssetError", message: "gone" } as never });
    await expect(refused).rejects.toThrow("gone");
  });
});

describe("what a thread sends", () => {
  const { channel } = started();
  const received = (message: unknown) => {
    const heard: unknown[] = [];
    channel.received(message as ThreadMessage, (got) => void heard.push(got));
    expect(heard).toHaveLength(1);
    return heard[0] as
      | { type: string; guest?: { faults: number; read(at: number, size: number): Uint8Array } }
      | undefined;
  };
  const done = (memory: object | undefined) => ({ type: "done", data: { some: 1 }, keysConsumed: 3, memory });

  it("is handed on", () => {
    expect(received({ type: "began" })).toEqual({ type: "began" });
    expect(received(undefined)).toBeUndefined();
    expect(received({ type: "took", count: 1 })).toBeUndefined();
    const list = Array(2000).fill(0);
    expect(received({ type: "output", more: Array(900).fill(list) })).toBeDefined();
    expect(received({ type: "output", more: Array(1000).fill(list) })).toBeUndefined();
  });

  it("has as many ranges as memory is told in, and no faults that aren't numbers", () => {
    const ram = () => new ArrayBuffer(PAGE);
    const ranges = (count: number) => Array.from({ length: count }, (_, at) => [2 * at, 2 * at + 1]);
    expect(received(done({ ram: ram(), faults: 0, written: ranges(4096) }))).toBeDefined();
    expect(received(done({ ram: ram(), faults: 0, written: ranges(4097) }))).toBeUndefined();
    for (const faults of [-1, 0.5, "1", undefined])
      expect(received(done({ ram: ram(), faults, written: [] }))).toBeUndefined();
  });

  it("at its end has its guest's memory in one piece", () => {
    const ram = new ArrayBuffer(PAGE);
    new Uint8Array(ram).fill(6, 10, 20);
    const ended = received(done({ ram, faults: 4, written: [[10, 20]] }));
    expect(ended).toMatchObject({ type: "done", data: { some: 1 }, keysConsumed: 3, guest: { faults: 4 } });
    expect(ended).not.toHaveProperty("memory");
    expect([...ended!.guest!.read(9, 12)]).toEqual([0, ...Array(10).fill(6), 0]);
  });

  it.each<[string, object | undefined]>([
    ["no memory", undefined],
    ["none of an ArrayBuffer", { ram: new Uint8Array(8), faults: 0, written: [] }],
    ["one that can be resized", { ram: new ArrayBuffer(8, { maxByteLength: 16 }), faults: 0, written: [] }],
    ["more than there is", { ram: new ArrayBuffer(PAGE + 1), faults: 0, written: [] }],
    ["no ranges", { ram: new ArrayBuffer(8), faults: 0 }],
    ["ranges in no list", { ram: new ArrayBuffer(8), faults: 0, written: new Map([[0, 1]]) }],
    ["ranges that aren't", { ram: new ArrayBuffer(8), faults: 0, written: [3] }],
    ["a range beyond its memory", { ram: new ArrayBuffer(8), faults: 0, written: [[0, PAGE + 1]] }],
    [
      "ranges out of order",
      {
        ram: new ArrayBuffer(8),
        faults: 0,
        written: [
          [4, 8],
          [0, 2],
        ],
      },
    ],
    ["more ranges than are told", { ram: new ArrayBuffer(8), faults: 0, written: Array(4097).fill([0, 1]) }],
  ])("is nothing that makes sense with %s", (_, memory) => expect(received(done(memory))).toBeUndefined());
});

describe("requests to a thread that looks into images", () => {
  const requests = () => {
    const sent: { message: object; transfer: ArrayBuffer[] }[] = [];
    const line = new ThreadRequests({ ...MESSAGE }, (message, transfer) => void sent.push({ message, transfer }));
    return { line, sent };
  };
  const request = (handle: number) => ({ op: "release", handle }) as unknown as InspectRequest;

  it("are taken in their order, before somebody waits and after", async () => {
    const { line } = requests();
    line.take(request(1));
    line.take(request(2));
    expect([await line.next(), await line.next()]).toEqual([request(1), request(2)]);
    const third = line.next();
    line.take(request(3));
    line.take(request(4));
    expect([await third, await line.next()]).toEqual([request(3), request(4)]);
    const none = await Promise.race([line.next(), Promise.resolve("none")]);
    expect(none).toBe("none");
  });

  it("are answered as they are, content as bytes of its own, which are given away", () => {
    const { line, sent } = requests();
    const bytes = Uint8Array.of(1, 2, 3).subarray(1);
    line.post({ type: "done" } as never);
    line.post({ type: "content", bytes, more: 1 } as never);
    expect(sent[0]).toEqual({ message: { type: "done" }, transfer: [] });
    const { message, transfer } = sent[1]!;
    expect(message).toEqual({ type: "content", bytes: Uint8Array.of(2, 3), more: 1 });
    expect(transfer).toEqual([(message as { bytes: Uint8Array }).bytes.buffer]);
    expect(transfer[0]).not.toBe(bytes.buffer);
  });

  it("have bytes of disks come between", async () => {
    const { line, sent } = requests();
    const reading = line.read({ disk: 1, offset: 2, size: 3 });
    expect(sent[0]).toEqual({ message: { type: "read", disk: 1, offset: 2, size: 3 }, transfer: [] });
    line.take({ type: "bytes", reply: { bytes: Uint8Array.of(9) } });
    expect(await reading).toEqual(Uint8Array.of(9));
    line.take(request(5));
    expect(await line.next()).toEqual(request(5));
  });
});

describe("a thread's rights", () => {
  const major = Number.parseInt(process.versions.node, 10);

  it("can't be told of in a directory whose name Node takes for a pattern", async () => {
    using scratch = new Scratch();
    const odd = `${scratch.path}/a*b/`;
    const built = fileURLToPath(new URL("../../build/host", import.meta.url));
    cpSync(built, `${odd}build/host`, { recursive: true, filter: (path) => !/\.(?:map|cjs|d\.ts)$/.test(path) });
    writeFileSync(`${odd}package.json`, '{"type":"module"}');
    const path = pathToFileURL(`${odd}build/host/worker/node_rights.js`).href;
    const { readingRights: rightsThere } = (await import(path)) as { readingRights: typeof readingRights };
    const why =
      "Node's permission model takes the * for a pattern; install this package elsewhere (or use no isolation)";
    for (let i = 0; i < 2; i++) expect(rightsThere).toThrow(`${odd}: ${why}`);
  });

  it("are with no environment, arguments and streams of the caller's, and a bounded heap", async () => {
    const program = `
      const { parentPort, resourceLimits } = require("node:worker_threads");
      const input = process.stdin.read();
      parentPort.postMessage([resourceLimits, { ...process.env }, process.argv.length, input]);`;
    const worker = new Worker(program, { ...workerOptions(), eval: true });
    const [limits, ...rest] = await new Promise<unknown[]>((resolve, reject) => {
      worker.once("message", resolve).once("error", reject);
    });
    expect(limits).toMatchObject({ maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 });
    expect(worker.stdin).toBeNull();
    // The program's own two.
    expect(rest).toEqual([{}, 2, null]);
    expect([workerOptions().stdout, workerOptions().stderr]).toEqual([true, true]);
    await worker.terminate();
  });

  it.each([
    ["20.9.0", "--experimental-permission"],
    ["23.11.1", "--experimental-permission"],
    ["24.0.0", "--permission"],
    ["100.0.0", "--permission"],
  ])("are asked of Node %s with %s", async (node, flag) => {
    const { versions } = process;
    Object.defineProperty(process, "versions", { value: { ...versions, node } });
    try {
      vi.resetModules();
      const there = (await import("../../build/host/worker/node_rights.js")) as { readingRights: typeof readingRights };
      expect(there.readingRights()[1]).toBe(flag);
    } finally {
      Object.defineProperty(process, "versions", { value: versions });
    }
  });

  it("are to read this package and the libraries, under the permission model", () => {
    const [quiet, model, ...reads] = readingRights();
    expect(quiet).toBe("--no-warnings");
    expect(model).toBe(major < 24 ? "--experimental-permission" : "--permission");
    expect(reads.length).toBeGreaterThan(1);
    for (const right of reads) expect(right).toMatch(/^--allow-fs-read=\/.*\/\*$/);
    const own = decodeURIComponent(new URL("../../", import.meta.url).pathname);
    expect(reads[0]).toBe(`--allow-fs-read=${own}*`);
    for (const right of reads.slice(1)) expect(right).toMatch(/^--allow-fs-read=\/(?:.*\/)?node_modules\/@wasmer\/\*$/);
    const found = createRequire(import.meta.url).resolve("@wasmer/wasi");
    expect(reads.slice(1).some((right) => found.startsWith(right.slice("--allow-fs-read=".length, -1)))).toBe(true);
    // Where it is looked for as well.
    expect(reads).toContain(`--allow-fs-read=${join(own, "../node_modules/@wasmer/*")}`);
    expect(readingRights()).toBe(readingRights());
  });
});

describe("a thread's program", () => {
  it.each([PROGRAM, INSPECT_PROGRAM])("%s is loaded, and waits", async (program) => {
    const cell = spawnNodeThread(program);
    const failures: unknown[] = [];
    const heard: unknown[] = [];
    cell.onFailure((reason) => void failures.push(reason));
    cell.onMessage((message) => void heard.push(message));
    await cell.ready;
    expect([failures, heard]).toEqual([[], []]);
    await cell.terminate();
    expect(failures).toHaveLength(1);
  });

  it("keeps this process there while it is held", async () => {
    const calls: string[] = [];
    for (const name of ["ref", "unref"] as const) {
      vi.spyOn(Worker.prototype, name).mockImplementation(() => void calls.push(name));
    }
    const cell = spawnNodeThread();
    cell.hold(false);
    cell.hold(true);
    vi.restoreAllMocks();
    expect(calls).toEqual(["unref", "ref"]);
    await cell.terminate();
  });

  it("gives its code to a thread before that is idle, and to none that is gone", async () => {
    const [cell, gone] = [spawnNodeThread(PROGRAM, true), spawnNodeThread(INSPECT_PROGRAM, true)];
    await gone.ready;
    await gone.terminate();
    await Promise.all([cell, cell, gone].map((one) => one.keepCode?.()));
    await cell.terminate();
  });

  it("that has a session's files open closes them when that is over, and has other ways then", async () => {
    using scratch = new Scratch();
    const image = scratch.file("disk.img", new Uint8Array(512));
    const closed = vi.spyOn(FileDisk.prototype, "close");
    const cell = spawnNodeThread();
    await cell.ready;
    try {
      const { keys } = cell;
      const close = vi.spyOn(keys as KeyRingWriter, "close");
      const disks = [{ image, sectorSize: 512 }] as unknown as StartMessage["disks"];
      cell.start({ ...MESSAGE, disks });
      expect([closed.mock.calls.length, close.mock.calls.length]).toEqual([0, 0]);
      cell.renew!();
      expect([closed.mock.calls.length, close.mock.calls.length]).toEqual([1, 1]);
      expect(cell.keys).not.toBe(keys);
      cell.start({ ...MESSAGE, disks });
    } finally {
      await cell.terminate();
    }
    expect(closed).toHaveBeenCalledTimes(2);
    closed.mockRestore();
  });

  it.each([
    ["throws nothing", "null"],
    ["throws an object", "[object Object]"],
    ["throws what no text can be made of", "[object Object]"],
  ])("that %s has failed with %s", async (name, why) => {
    const cell = spawnNodeThread(new URL("../safety/liar_thread.cjs", import.meta.url));
    const failed = new Promise((resolve) => cell.onFailure(resolve));
    cell.start({ ...MESSAGE, options: sessionOptions({ env: [`case=${name}`] }) });
    expect(await failed).toBe(why);
    await cell.terminate();
  });

  it("that isn't there has failed for who asks later, too", async () => {
    const cell = spawnNodeThread(new URL("./no_such_program.js", PROGRAM));
    const first = await new Promise((resolve) => cell.onFailure(resolve));
    await cell.ready;
    expect(String(first)).toContain("no_such_program");
    let again: unknown;
    cell.onFailure((reason) => {
      again = reason;
    });
    expect(again).toEqual(first);
    await cell.terminate();
  });
});
