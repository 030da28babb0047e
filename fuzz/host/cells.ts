// What comes out of a session's thread or process that has been taken over: any messages in any order, good ones changed
// somewhere, twice, too late; of a process any bytes, frames cut and joined. The caller gets a result or an error of ours, which
// has what is promised and nothing else; console, hooks, keys and memory are let go.

import { getEventListeners } from "node:events";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { BufferConsole, BytesDisk, type Console, type KeyInput, UserbootError } from "userboot-wasm";
import type { Cell } from "../../build/host/isolation/cell.js";
import { runIsolated } from "../../build/host/isolation/run.js";
import { type BootOptions, sessionOptions } from "../../build/host/options.js";
import { FrameReader, frameHead } from "../../build/host/process/frames.js";
import { spawnProcess } from "../../build/host/process/spawn.js";
import type { MadeResult } from "../../build/host/result.js";
import { ThreadChannel } from "../../build/host/worker/channel.js";
import { inRepository } from "../places.js";
import type { HostTarget, Opened } from "./target.js";
import { anything, changed, json } from "./values.js";

const LOW = 0x2_0000;
const CONSOLE_BYTES = 3000;
const FRAME_PREFIX = 8;

const data = {
  ...{ reason: "exit", exitCode: 1, flavour: "lua", swaps: ["lua"], calls: [["exit", 1, "0x1"]], diagnostics: ["bad"] },
  ...{ swapRequests: [{ name: "lua", flavour: "simp", consoleBytes: 1, diskCalls: 1, diskBytes: 1 }] },
  ...{ interpreterChecks: [{ flavour: "lua", found: "mark", offset: 1 }] },
  ...{ memory: [{ gpa: "0x0", length: 5 }], memoryGranule: 1, memoryFaults: 0, modules: [], environment: { a: "b" } },
  ...{ disk: { calls: 0, bytes: 0, healed: 0 }, hostCalls: 0, console: { bytes: 0 }, fuelUsed: 0, moduleMemory: 0 },
  ...{ virtualSeconds: 0, timeMs: { instantiate: 0, run: 0, decode: 0, total: 0 }, isolation: { level: "none" } },
  ...{ bootProblem: [{ kind: "disk", name: "disk0", found: "nothing" }] },
};
const registers = {
  ...{ rip: "0x1", rsp: "0x1", rflags: "0x2", cr0: "0x1", cr3: "0x1000", cr4: "0x20", efer: "0x500" },
  ...{ cs: 8, ds: 16, es: 16, fs: 16, gs: 16, ss: 16, tr: 0, ldtr: 0, gdtr: ["0x5000", 23] },
  ...{ cs_desc: [0, 0, "0x1"], ds_desc: [0, 0, "0x1"], tr_desc: [0, 0, "0x1"], ldtr_desc: [0, 0, "0x1"] },
};
const { bootProblem: _, exitCode: _code, ...entered } = data;
const file = { device: "disk0p2:", path: "/boot/a", size: 5, sha256: "00", purpose: "data" };
const done = { type: "done", data, keysConsumed: 0 };

/** Messages as they should be, with what a thread adds to its end. */
const GOOD: readonly object[] = [
  { type: "began" },
  { type: "output", bytes: new Uint8Array(900).fill(0x41) },
  { type: "question", hook: "onSetenv", facts: ["a", "b"] },
  { type: "question", hook: "onFile", facts: [file] },
  { type: "question", hook: "onKernel", facts: [{ path: "/k", args: "" }] },
  { type: "question", hook: "onExec", facts: [{ modules: [], environment: {}, arch: "amd64", registers }] },
  { type: "progress", progress: { diskBytes: 1, diskCalls: 1, fileBytes: 2, fileDone: 1 } },
  { type: "read", disk: 0, offset: 0, size: 100 },
  { type: "waiting", waiting: true },
  { type: "waiting", waiting: false },
  { type: "module", name: "lua" },
  { type: "took", count: 1 },
  { type: "keys", wait: true },
  { type: "ready" },
  { type: "content" },
  { type: "rejected", error: { name: "LimitError", message: "m", limit: "fuel", allowed: 1, used: 2 } },
  done,
  { ...done, data: { ...entered, reason: "exec", arch: "amd64", registers } },
];

/** Messages, of which some are as they should be. */
function messages(more: readonly object[], replacement: fc.Arbitrary<unknown>): fc.Arbitrary<unknown[]> {
  const good = [...GOOD, ...more];
  const one = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<unknown>(...good) },
    { weight: 4, arbitrary: fc.constantFrom(...good).chain((message) => changed(message, replacement)) },
    { weight: 1, arbitrary: replacement },
  );
  const list = fc.array(one, { minLength: 1, maxLength: 12 });
  return fc.oneof(
    list,
    list.map((rest) => [{ type: "began" }, ...rest]),
  );
}

/** What the caller has at stake. */
class Caller {
  readonly console = new BufferConsole();
  readonly controller = new AbortController();
  readonly wrong: string[] = [];
  connected = 0;

  /** For a session whose environment is `env`. */
  options(env: readonly string[]): BootOptions {
    const told =
      (hook: string, is: (...facts: never[]) => boolean) =>
      (...facts: never[]) => {
        if (!is(...facts)) this.wrong.push(`${hook} was told ${facts}`);
        return undefined;
      };
    const isText = (...texts: unknown[]) => texts.every((text) => typeof text === "string");
    const console: Console = {
      write: (bytes) => this.console.write(bytes),
      connect: (_keys: KeyInput) => {
        this.connected++;
        return () => this.connected--;
      },
    };
    return {
      ...{ env, console, memory: { low: LOW, high: 0 }, signal: this.controller.signal, isolation: "process" },
      ...{ confine: "none", limits: { wallMs: 2000, consoleBytes: CONSOLE_BYTES, diskBytes: 10_000 } },
      onProgress: told("onProgress", (progress: object) => Object.values(progress).every(Number.isFinite)) as never,
      hooks: {
        onSetenv: told("onSetenv", isText),
        onFile: told("onFile", ({ device, path, sha256 }: typeof file) => isText(device, path, sha256)),
        onKernel: told("onKernel", ({ path, args }: { path: string; args: string }) => isText(path, args)),
        onExec: told("onExec", ({ modules }: { modules: unknown[] }) => Array.isArray(modules)),
      } as never,
    };
  }

  /** Runs a session in `cell`. Throws when anything is wrong with what comes of it. */
  async run(cell: Cell, env: readonly string[] = []): Promise<MadeResult | undefined> {
    const options = this.options(env);
    const disk = new BytesDisk(new Uint8Array(1000).fill(7));
    const start = {
      ...{ options: sessionOptions(options), trees: [], clock: "virtual" as const },
      disks: [{ image: "a", sectorSize: 512, served: { size: 1000 } }] as never,
    };
    let result: MadeResult | undefined;
    try {
      result = await runIsolated(cell, start, options, new Map([[0, disk]]));
    } catch (error) {
      if (!(error instanceof UserbootError)) throw new Error(`it rejects with ${error}`, { cause: error });
    }
    if (result !== undefined) this.#look(result);
    if (this.wrong.length > 0) throw new Error(this.wrong[0]);
    if (this.console.text.length > CONSOLE_BYTES) throw new Error("the console got more than it may");
    if (this.connected !== 0) throw new Error("the console's keys are still connected");
    if (getEventListeners(this.controller.signal, "abort").length > 0) throw new Error("the signal has a listener");
    return result;
  }

  #look(result: MadeResult): void {
    const text = JSON.stringify(result);
    if (!isDeepStrictEqual(JSON.parse(text), structuredClone({ ...result }))) throw new Error(`no JSON: ${text}`);
    const { guestMemory, memory, memoryGranule } = result;
    if (!Number.isSafeInteger(guestMemory.faults)) throw new Error(`${guestMemory.faults} faults`);
    if (memory.some(({ length }) => !(length > 0 && length <= LOW))) throw new Error(text);
    const ends = memory.flatMap(({ gpa, length }) => [Number(gpa), Number(gpa) + length]);
    const isRound = ends.length > 0 && ends.every((at) => at % memoryGranule === 0 || at === LOW);
    if (memoryGranule !== 1 && !isRound) throw new Error(`rounded to ${memoryGranule}: ${text}`);
    // Of a session that was stopped there is none.
    if (guestMemory.size !== LOW && guestMemory.size !== 0) throw new Error(`${guestMemory.size} bytes of memory`);
    result.release();
  }
}

/** A cell whose thread says `list` as soon as it has started. */
function threadOf(list: readonly unknown[]): Cell {
  let hear: (message: unknown) => void = () => {};
  let fail: (reason: string) => void = () => {};
  const channel = new ThreadChannel(() => {});
  return {
    facts: { level: "thread" },
    keys: channel.keys,
    onMessage(handler) {
      hear = handler;
    },
    onFailure(handler) {
      fail = handler;
    },
    start(message) {
      channel.start(message);
      const say = (at: number) => {
        if (at === list.length) fail("it exited with code 1");
        else {
          channel.received(list[at] as never, hear);
          setImmediate(say, at + 1);
        }
      };
      setImmediate(say, 0);
    },
    answer: (answer) => channel.answer(answer),
    serve: (reply) => channel.serve(reply),
    ask: () => {},
    hold: () => {},
    terminate: async () => channel.close(),
  };
}

/** What a message is on the other side; undefined when it can't cross. */
function crossed(message: unknown): unknown {
  try {
    return structuredClone(message);
  } catch {
    return undefined;
  }
}

function openThread(): Opened {
  const pair = [0, 5];
  const memories = [
    {
      ram: new ArrayBuffer(LOW),
      faults: 0,
      written: [
        [0, 5],
        [4096, 9000],
      ],
    },
    { ram: new ArrayBuffer(LOW), faults: "many", written: new Array(5000).fill(pair) },
    { ram: new ArrayBuffer(0), faults: Number.NaN, written: [[0, LOW]] },
    {
      ram: new ArrayBuffer(4096),
      faults: 2 ** 60,
      written: [
        [0, 1.5],
        [-1, 4],
        ["1", "3"],
      ],
    },
  ];
  const more = memories.map((memory) => ({ ...done, memory }));
  const property = fc.asyncProperty(messages(more, anything), async (list) => {
    await new Caller().run(threadOf(list.map(crossed)));
  });
  return { property };
}

/** Bytes that a process sends: frames, whose lengths may lie, and what is none. */
const stream: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.tuple(
      messages(
        [
          { type: "memory", start: 16 },
          { type: "memory", start: LOW - 3 },
          { ...done, faults: 5 },
        ],
        json,
      ),
      fc.uint8Array({ maxLength: 40 }),
      fc.oneof(
        { weight: 12, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.tuple(fc.nat(), fc.nat()) },
      ),
      fc.oneof({ weight: 12, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat({ max: 200 }) }),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => {
    const bytes = parts.flatMap(([list, body, lengths, cut]) => {
      const frames = list.flatMap((message) => {
        const head = Buffer.from(JSON.stringify(message) ?? "null");
        return [frameHead(head, body.length), body];
      });
      const all = Buffer.concat(frames);
      if (lengths !== undefined) all.writeUInt32LE(lengths[0], 0);
      if (lengths !== undefined) all.writeUInt32LE(lengths[1], 4);
      return [cut === undefined ? all : all.subarray(0, cut)];
    });
    return Buffer.concat([...began(), ...bytes]);
  });

const began = () => {
  const head = Buffer.from('{"type":"began"}');
  return [frameHead(head, 0)];
};

/** The reader of frames by itself: pieces however they come make the same frames, or the same error. */
function openFrames(): Opened {
  const read = (bytes: Uint8Array, sizes: readonly number[]) => {
    const seen: unknown[] = [];
    const reader = new FrameReader((head, body) => seen.push([head, Buffer.from(body).toString("hex")]));
    try {
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = sizes[i % sizes.length]!;
        reader.push(bytes.subarray(at, at + size));
        at += size;
      }
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
      seen.push(error.name);
    }
    return seen;
  };
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
  const property = fc.property(stream, sizes, (bytes, some) => {
    const whole = read(bytes, [bytes.length + FRAME_PREFIX]);
    if (!isDeepStrictEqual(read(bytes, some), whole)) throw new Error("pieces make other frames");
  });
  return { property };
}

function openProcess(): Opened {
  const program = pathToFileURL(inRepository("fuzz/host/garbage.mjs"));
  readFileSync(program);
  const property = fc.asyncProperty(stream, async (bytes) => {
    const env = [`bytes=${Buffer.from(bytes).toString("base64")}`];
    await new Caller().run(spawnProcess({ confine: "none" }, program), env);
  });
  return { property };
}

export const cellTargets: readonly HostTarget[] = [
  { name: "host/thread", runs: 300, open: openThread },
  { name: "host/frames", runs: 300, open: openFrames },
  { name: "host/process", runs: 8, open: openProcess },
];

/** What comes of a session whose thread says `list`. */
export const saidByThread = (list: readonly unknown[]): Promise<MadeResult | undefined> =>
  new Caller().run(threadOf(list));
/** A session's end as a thread tells it, with `memory`, and `more` in its result. */
export const endOfThread = (memory: object, more = {}): unknown => ({
  ...{ ...done, data: { ...data, ...more } },
  memory: { ram: new ArrayBuffer(LOW), faults: 0, written: [], ...memory },
});
