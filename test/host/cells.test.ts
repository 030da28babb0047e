// What a cell is made for and given, with cells that are none: they note what they get.

import { AbortedError, type BootOptions, boot, type Disk, LimitError } from "userboot-wasm";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Cell } from "../../build/host/isolation/cell.js";
import { type CellOptions, setCellMaker } from "../../build/host/isolation/makers.js";
import { runIsolated } from "../../build/host/isolation/run.js";
import type { Modules } from "../../build/host/modules.js";
import { sessionOptions } from "../../build/host/options.js";

const nothing = () => {};

/** A cell that does nothing by itself; `hear` is what it is heard by. */
function silentCell(more: Partial<Cell> = {}) {
  let hear: (message: unknown) => void = nothing;
  const cell: Cell = {
    facts: { level: "thread" },
    keys: { keys: "live", push: () => true, onRoom: nothing, end: nothing },
    onMessage: (handler) => {
      hear = handler;
    },
    ...{ onFailure: nothing, start: nothing, answer: nothing, serve: nothing, ask: nothing, hold: nothing },
    terminate: async () => {},
    ...more,
  };
  return { cell, hear: (message: unknown) => hear(message) };
}

/** A session in `cell`. */
const run = (cell: Cell, more: BootOptions = {}, served = new Map<number, Disk>(), modules?: Modules) =>
  runIsolated(cell, { options: sessionOptions(more), disks: [], trees: [], clock: "virtual" }, more, served, modules);

/** Modules that come when they are let. */
function lateModules() {
  const asked: string[] = [];
  let settle: { resolve(module: WebAssembly.Module): void; reject(error: unknown): void } | undefined;
  const modules: Modules = {
    first: (flavour) => flavour,
    ready: () => undefined,
    find: (name) => {
      asked.push(name);
      return new Promise((resolve, reject) => {
        settle = { resolve, reject };
      });
    },
  };
  return { modules, asked, settle: () => settle! };
}

afterEach(() => vi.useRealTimers());
const EMPTY = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));

describe("a session's time", () => {
  it("stands still while it waits for a module", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const given: string[] = [];
    const { cell, hear } = silentCell({ give: (name) => given.push(name) });
    const { modules, asked, settle } = lateModules();
    let ended: unknown;
    const session = run(cell, { limits: { wallMs: 1000 } }, new Map(), modules).then((result) => {
      ended = result;
    });
    hear({ type: "began" });
    await vi.advanceTimersByTimeAsync(900);
    hear({ type: "module", name: "lua" });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(ended).toBeUndefined();
    settle().resolve(EMPTY);
    await vi.advanceTimersByTimeAsync(0);
    expect([asked, given]).toEqual([["lua"], ["lua"]]);
    // Then it goes on where it was.
    await vi.advanceTimersByTimeAsync(50);
    expect(ended).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1000);
    await session;
    expect(ended).toMatchObject({ error: { name: "LimitError", limit: "wallMs" } });
  });
});

describe("a session's time goes on", () => {
  /** When a session of a second ends that says `message` every 300 ms. */
  const endOf = async (message: object) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const { cell, hear } = silentCell();
    let ended: unknown;
    const session = run(cell, { limits: { wallMs: 1000 } }).then((result) => {
      ended = result.error;
    });
    hear({ type: "began" });
    let ms = 0;
    for (; ended === undefined && ms < 10_000; ms += 300) {
      hear(message);
      await vi.advanceTimersByTimeAsync(300);
    }
    hear({ type: "rejected", error: { name: "LimitError", message: "over" } });
    await session;
    expect(ended).toMatchObject({ limit: "wallMs", allowed: 1000 });
    return ms;
  };

  it.each<[string, object]>([
    ["that it begins, again", { type: "began" }],
    ["that it waits for keys, and there are none to come", { type: "waiting", waiting: true }],
  ])("when it says %s", async (_, message) => {
    expect(await endOf(message)).toBe(1200);
  });
});

it("a cell isn't started for a session that is aborted already", async () => {
  const start = vi.fn();
  const { cell } = silentCell({ start });
  const signal = AbortSignal.abort(new DOMException("enough", "AbortError"));
  const aborted = expect(run(cell, { signal })).rejects.toThrow(AbortedError);
  await new Promise((done) => setImmediate(done));
  expect(start).not.toHaveBeenCalled();
  await aborted;
});

describe("a session that hasn't begun", () => {
  it("and can't is no result, but the error", async () => {
    const { cell, hear } = silentCell();
    const session = run(cell);
    hear({ type: "rejected", error: { name: "LimitError", message: "no place" } });
    await expect(session).rejects.toMatchObject({ name: "LimitError", message: "no place" });
  });

  it("is waited for a minute, whatever time it has itself", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    for (const wallMs of [1000, 600_000]) {
      let ended: unknown;
      const session = run(silentCell().cell, { limits: { wallMs } }).catch((error) => (ended = error));
      await vi.advanceTimersByTimeAsync(59_900);
      expect(ended).toBeUndefined();
      await vi.advanceTimersByTimeAsync(200);
      await session;
      expect(ended).toMatchObject({
        name: "IsolationError",
        message: "the session's thread failed: it has not begun after 60 s",
      });
    }
  });
});

describe("a module that a session asks for", () => {
  it.each([
    ["the cell can be given none", undefined, lateModules().modules],
    ["nobody has any", nothing, undefined],
  ])("is its failure when %s", async (_, give, modules) => {
    const { cell, hear } = silentCell(give && { give });
    const session = run(cell, {}, new Map(), modules);
    hear({ type: "began" });
    hear({ type: "module", name: "lua" });
    expect((await session).error).toMatchObject({
      name: "IsolationError",
      message: "the session's thread failed: it asks for a module that it was to find by itself",
    });
  });

  it("is given once: no time passes for who asks again and again", async () => {
    const { cell, hear } = silentCell({ give: nothing });
    const { modules, settle } = lateModules();
    const session = run(cell, {}, new Map(), modules);
    hear({ type: "began" });
    for (const name of ["lua", "4th", "lua"]) {
      hear({ type: "module", name });
      settle().reject(new Error("not there"));
    }
    expect((await session).error).toMatchObject({
      name: "IsolationError",
      message: "the session's thread failed: it asks for a module that it was given",
    });
  });

  it("isn't given to one that is over", async () => {
    for (const end of ["resolve", "reject"] as const) {
      const given: unknown[] = [];
      const { cell, hear } = silentCell({ give: (_, module) => given.push(module) });
      const { modules, settle } = lateModules();
      const session = run(cell, {}, new Map(), modules);
      hear({ type: "began" });
      hear({ type: "module", name: "lua" });
      hear({ type: "rejected", error: { name: "LimitError", message: "over" } });
      expect((await session).reason).toBe("error");
      settle()[end](EMPTY);
      await new Promise((done) => setImmediate(done));
      expect(given, end).toEqual([]);
    }
  });
});

it("bytes of a disk are not served to a session that is over", async () => {
  let read: (count: number) => void = nothing;
  const disk: Disk = { sectorSize: 512, size: 4096, read: () => new Promise((resolve) => (read = resolve)) };
  const served: unknown[] = [];
  const { cell, hear } = silentCell({ serve: (reply) => served.push(reply) });
  const session = run(cell, {}, new Map([[0, disk]]));
  hear({ type: "began" });
  hear({ type: "read", disk: 0, offset: 0, size: 512 });
  read(512);
  await vi.waitFor(() => expect(served).toHaveLength(1));
  hear({ type: "read", disk: 0, offset: 0, size: 512 });
  hear({ type: "rejected", error: { name: "LimitError", message: "over" } });
  await session;
  read(512);
  await new Promise((done) => setImmediate(done));
  expect(served).toHaveLength(1);
});

it("what a cell that failed had said is in the result", async () => {
  let fail: (reason: string) => void = nothing;
  const { cell, hear } = silentCell({
    onFailure: (handler) => {
      fail = handler as typeof fail;
    },
  });
  const session = run(cell, { start: "4th" });
  hear({ type: "began" });
  hear({ type: "output", bytes: new Uint8Array(5) });
  await new Promise((done) => setTimeout(done, 5));
  fail("it has gone");
  const { reason, flavour, console, timeMs, isolation } = await session;
  expect({ reason, flavour, console, isolation }).toEqual({
    ...{ reason: "error", flavour: "4th", console: { bytes: 5 } },
    isolation: { level: "thread" },
  });
  expect(timeMs.total).toBeGreaterThan(0);
});

it("a session that can't be given bytes of a disk has failed", async () => {
  const disk: Disk = { sectorSize: 512, size: 4096, read: () => 512 };
  const serve = () => {
    throw new RangeError("no room");
  };
  const { cell, hear } = silentCell({ serve });
  const session = run(cell, {}, new Map([[0, disk]]));
  hear({ type: "began" });
  hear({ type: "read", disk: 0, offset: 0, size: 512 });
  expect((await session).error).toEqual({ name: "IsolationError", message: "the session's thread failed: no room" });
});

describe("boot", () => {
  const made: CellOptions[] = [];
  /** Has the next boots make no cells, but note what they want. */
  const note = () => {
    made.length = 0;
    const refuse = (options: CellOptions) => {
      made.push(options);
      throw new LimitError("fuel", 1, 2);
    };
    setCellMaker("thread", refuse, () => ({ blobs: false, served: true, images: true }));
  };

  it.each<[string, BootOptions, boolean]>([
    ["nothing else", {}, false],
    ["hooks", { hooks: {} }, true],
    ["measuring", { measure: true }, true],
    ["no measuring", { measure: false }, false],
    ["trees", { hostTrees: [{ note: new Uint8Array(1) }] }, true],
  ])("wants the program that can do all only when it is needed: %s", async (_, options, full) => {
    note();
    await expect(boot(options)).rejects.toThrow(LimitError);
    expect(made).toMatchObject([{ full }]);
  });

  it.each(["thread", "none"] as const)(
    "begins nothing when it is aborted as its module comes (%s)",
    async (isolation) => {
      note();
      const state = { aborted: false };
      // One that tells nobody: what comes first, the module or the event, is chance otherwise.
      const signal = {
        get aborted() {
          return state.aborted;
        },
        reason: new DOMException("enough", "AbortError"),
        addEventListener: nothing,
        removeEventListener: nothing,
      } as unknown as AbortSignal;
      // Not before the boot waits for it: the first one in this thread loads what it needs.
      await boot({ isolation: "none", limits: { fuel: 1 } });
      const lua = new Promise<WebAssembly.Module>((resolve) => {
        setTimeout(() => {
          state.aborted = true;
          resolve(EMPTY);
        }, 100);
      });
      let connected = 0;
      const connect = () => {
        connected++;
        return nothing;
      };
      const console = { write: nothing, connect };
      const options = { assets: { modules: { lua } }, isolation, signal, console, start: "lua" } as const;
      await expect(boot(options)).rejects.toThrow(AbortedError);
      expect([made, connected]).toEqual([[], 0]);
    },
  );
});
