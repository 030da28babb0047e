// Imports that have to wait for what is promised, as in an engine that can put a module's stack aside: the engine's part is
// stood in for, so that an import's answer is the promise itself.

import { type Clock, type Console, type Disk, LimitError, OptionError, VirtualClock } from "userboot-wasm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CpuState } from "../../build/host/handoff/registers.js";
import { LoaderMemory } from "../../build/host/memory/loader.js";
import { Meter } from "../../build/host/meter.js";
import { type BootOptions, type Progress, sessionOptions } from "../../build/host/options.js";
import { makeImports } from "../../build/host/protocol/imports.js";
import type { SessionState } from "../../build/host/state.js";
import { Suspension } from "../../build/host/suspension.js";

const integration = WebAssembly as { Suspending?: unknown };
const { Suspending } = integration;
/** What was made an import that may wait. */
const mayWait = new Set<unknown>();
beforeAll(() => {
  // What `new` gives is then the function itself.
  integration.Suspending = function suspending(body: unknown) {
    mayWait.add(body);
    return body;
  };
});
afterAll(() => {
  if (Suspending === undefined) delete integration.Suspending;
  else integration.Suspending = Suspending;
});

const MIB = 1024 * 1024;
const [EIO] = [5];
/** An address of the module's. */
const CELL = 0x8000;

type Call = (...values: (number | bigint)[]) => unknown;

interface Given {
  disk?: Partial<Disk>;
  console?: Partial<Console>;
  clock?: Partial<Clock>;
  options?: BootOptions;
  suspends?: boolean;
}

/** The imports of a session that can wait (or can't), and what it counts. */
function session({ disk, console, clock, options = {}, suspends = true }: Given = {}) {
  const settled = sessionOptions({ memory: { low: 16 * MIB, high: 0 }, ...options });
  const meter = new Meter(settled.limits);
  meter.start({ fuelLeft: () => 1n << 40n });
  const memory = new WebAssembly.Memory({ initial: 2 });
  const told: Progress[] = [];
  const state: SessionState = {
    options: settled,
    disks: [{ sectorSize: 512, size: 8 * MIB, read: (_, target) => target.length, ...disk }],
    console: { write() {}, ...console },
    clock: Object.assign(new VirtualClock(), clock),
    counts: { hostCalls: 0, diskCalls: 0, diskBytes: 0, healed: 0, consoleBytes: 0 },
    guest: new LoaderMemory(16 * MIB, 0),
    cpu: new CpuState(),
    calls: [],
    diagnostics: [],
    lookedAt: [],
    overlayUsed: new Set(),
    meter,
    suspension: suspends ? new Suspension(meter, undefined) : undefined,
    onProgress: (progress) => void told.push(progress),
    policy: undefined,
  };
  const module = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
  const imports = makeImports(memory, state, module, undefined).userboot as Record<string, Call>;
  return { imports, state, told, memory, cells: new DataView(memory.buffer) };
}

/** A promise's answer; whether it was one. */
async function later(answer: unknown) {
  expect(answer).toBeInstanceOf(Promise);
  return answer;
}
const soon = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(() => resolve(value)));

it("those that may wait are the console's, the disks' and the clock's, and none in a session that can't", () => {
  const waiting = (suspends: boolean) => {
    const { imports } = session({ suspends });
    return Object.keys(imports).filter((name) => mayWait.has(imports[name]));
  };
  expect(waiting(true).sort()).toEqual(["delay", "diskread", "diskread_guest", "getc", "poll"]);
  expect(waiting(false)).toEqual([]);
});

describe("a read of a disk that promises", () => {
  const promising = (got: (size: number) => unknown): Partial<Disk> => ({
    read: (_, target) => soon(undefined).then(() => got(target.fill(7).length) as number),
  });

  it("is there when the promise is, and not before", async () => {
    const { imports, memory, cells } = session({ disk: promising((size) => size) });
    const reading = imports.diskread!(0, 0n, 0, 512, CELL);
    await Promise.resolve();
    expect(new Uint8Array(memory.buffer, 0, 2)).toEqual(new Uint8Array(2));
    cells.setUint32(CELL, 99, true);
    expect(await later(reading)).toBe(0);
    expect(new Uint8Array(memory.buffer, 0, 513)).toEqual(Uint8Array.from([...Array(512).fill(7), 0]));
    expect(cells.getUint32(CELL, true)).toBe(0);
  });

  it.each([
    [100, 100],
    [0, 0],
  ])("has the %i bytes that it tells of, and no others", async (got, there) => {
    const { imports, memory, cells } = session({ disk: promising(() => got) });
    expect(await later(imports.diskread!(0, 0n, 0, 512, CELL))).toBe(0);
    expect(cells.getUint32(CELL, true)).toBe(512 - got);
    expect(new Uint8Array(memory.buffer, 0, 512).filter((byte) => byte === 7)).toHaveLength(there);
  });

  it.each([-1, 513, 0.5])("that tells of %d bytes has failed", async (got) => {
    const { imports, state } = session({ disk: promising(() => got) });
    expect(await later(imports.diskread!(0, 512n, 0, 512, CELL))).toBe(EIO);
    expect(state.diagnostics).toEqual([`disk0 offset 512: read of 512 bytes failed: it tells of ${got} bytes`]);
  });

  it("that breaks its promise has failed; an error of ours ends the session", async () => {
    const broken = (error: Error) => session({ disk: { read: () => Promise.reject(error) } });
    const { imports, state } = broken(new Error("gone"));
    expect(await later(imports.diskread!(0, 0n, 0, 512, CELL))).toBe(EIO);
    expect(state.diagnostics).toEqual(["disk0 offset 0: read of 512 bytes failed: gone"]);
    const own = new LimitError("diskBytes", 1, 2);
    await expect(later(broken(own).imports.diskread!(0, 0n, 0, 512, CELL))).rejects.toBe(own);
  });

  it("has room of its own where it can be waited for, unless the disk says that it promises nothing", async () => {
    for (const [promises, suspends] of [
      ...[undefined, true, false].map((said) => [said, true] as const),
      ...[undefined, true, false].map((said) => [said, false] as const),
    ]) {
      let target: Uint8Array | undefined;
      const read: Disk["read"] = (_, into) => {
        target = into;
        return into.fill(7).length;
      };
      const { imports, memory } = session({ suspends, disk: { ...(promises !== undefined && { promises }), read } });
      expect(imports.diskread!(0, 0n, 0, 512, CELL)).toBe(0);
      expect(target?.buffer === memory.buffer).toBe(promises === false || !suspends);
      expect(new Uint8Array(memory.buffer)[511]).toBe(7);
    }
  });

  it("goes to guest memory in parts, each told of", async () => {
    const { imports, state, told, cells } = session({ disk: promising((size) => size) });
    expect(await later(imports.diskread_guest!(0, 0n, 0n, BigInt(9 * MIB), CELL))).toBe(0);
    expect(cells.getBigUint64(CELL, true)).toBe(BigInt(MIB));
    expect(told.map(({ fileDone, fileBytes }) => [fileDone, fileBytes])).toEqual([
      [4 * MIB, 8 * MIB],
      [8 * MIB, 8 * MIB],
    ]);
    expect(state.guest.read(8 * MIB - 1, 2)).toEqual(Uint8Array.of(7, 0));
    expect(state.counts).toMatchObject({ diskCalls: 2, diskBytes: 8 * MIB, hostCalls: 1 });
  });

  it.each([
    [0, 0],
    [1000, 1000],
  ])("ends there when %i bytes come of a part", async (got, come) => {
    let reads = 0;
    const disk = { ...promising((size) => (reads++ === 0 ? size : got)), size: 16 * MIB };
    const { imports, told, cells } = session({ disk });
    expect(await later(imports.diskread_guest!(0, 0n, 0n, BigInt(12 * MIB), CELL))).toBe(0);
    expect(cells.getBigUint64(CELL, true)).toBe(BigInt(8 * MIB - come));
    expect(told.map(({ fileDone }) => fileDone)).toEqual([4 * MIB, 4 * MIB + come]);
    expect(reads).toBe(2);
  });

  it("fails with a part that does", async () => {
    let reads = 0;
    const { imports, told } = session({ disk: promising((size) => (reads++ === 0 ? size : -1)) });
    expect(await later(imports.diskread_guest!(0, 0n, 0n, BigInt(8 * MIB), CELL))).toBe(EIO);
    expect(told).toHaveLength(1);
  });
});

describe("a key that is promised", () => {
  it("is waited for, and cut to its byte", async () => {
    const { imports, state } = session({ console: { getc: () => soon(0x141) } });
    expect(await later(imports.getc!())).toBe(0x41);
    expect(state.meter.watch.paused).toBe(false);
  });

  it("doesn't count against the time, unless it shall", async () => {
    for (const waitCounts of [false, true]) {
      const paused: boolean[] = [];
      const made = session({
        options: { waitCounts } as BootOptions,
        console: {
          getc: () => {
            paused.push(made.state.meter.watch.paused);
            return soon(1);
          },
        },
      });
      await made.imports.getc!();
      expect([waitCounts, paused]).toEqual([waitCounts, [!waitCounts]]);
    }
  });

  it("that never comes ends the session", async () => {
    const { imports } = session({ console: { getc: () => soon(undefined) } });
    await expect(later(imports.getc!())).rejects.toMatchObject({
      name: "InputEndedError",
      message: "the guest waits for input and there is none left",
    });
  });

  it.each([true, false])("is looked for: %s", async (found) => {
    const { imports, state } = session({ console: { poll: () => soon(found), getc: () => 1 } });
    const began = state.clock.now();
    expect(await later(imports.poll!())).toBe(found ? 1 : 0);
    expect(state.clock.now() - began).toBe(found ? 0 : 10_000);
  });

  it("is looked for, and time promised to pass when there is none", async () => {
    const slept: number[] = [];
    const clock = { sleep: (usec: number) => soon(void slept.push(usec)) };
    for (const poll of [() => soon(false), () => false]) {
      const { imports } = session({ console: { poll }, clock });
      expect(await later(imports.poll!())).toBe(0);
    }
    expect(slept).toEqual([10_000, 10_000]);
  });
});

describe("time that is promised to pass", () => {
  it.each([
    [1, [1]],
    [50_000, [50_000]],
    [50_001, [50_000, 1]],
    [120_000, [50_000, 50_000, 20_000]],
  ])("%i microseconds passes in pieces", async (usec, pieces) => {
    for (const promises of ["all", "first", "second"]) {
      const slept: number[] = [];
      const sleep = (usec: number) => {
        slept.push(usec);
        const promised = promises === "all" || slept.length === (promises === "first" ? 1 : 2);
        return promised ? soon(undefined) : undefined;
      };
      const { imports } = session({ clock: { sleep } as Partial<Clock> });
      expect(await imports.delay!(usec)).toBeUndefined();
      expect([promises, slept]).toEqual([promises, pieces]);
    }
  });

  it("is looked at after each piece", async () => {
    let pieces = 0;
    const sleep = () => new Promise<void>((passed) => setTimeout(passed, 30, ++pieces));
    const { imports } = session({ clock: { sleep }, options: { limits: { wallMs: 100 } } });
    await expect(imports.delay!(50_000 * 100)).rejects.toMatchObject({ name: "LimitError", limit: "wallMs" });
    expect(pieces).toBeLessThan(10);
  });
});

describe("a session that can't wait", () => {
  const why = /^a disk or console promises what it can't be waited for here: /;

  it.each<[string, Given, (imports: Record<string, Call>) => unknown]>([
    ["a disk", { disk: { read: async () => 512 } }, (imports) => imports.diskread!(0, 0n, 0, 512, CELL)],
    ["a disk", { disk: { read: async () => 512 } }, (imports) => imports.diskread_guest!(0, 0n, 0n, 512n, CELL)],
    ["a key", { console: { getc: async () => 1 } }, (imports) => imports.getc!()],
    ["a look for one", { console: { poll: async () => true } }, (imports) => imports.poll!()],
    ["time", { clock: { sleep: async () => {} } }, (imports) => imports.delay!(1)],
  ])("says so of %s that promises", (_, given, call) => {
    const { imports } = session({ ...given, suspends: false });
    expect(() => call(imports)).toThrow(OptionError);
    expect(() => call(imports)).toThrow(why);
  });
});

it("what an import throws that is no error of ours is one with its name, but for the engine's full stack", async () => {
  const thrown = (error: unknown) => {
    const sleep = () => {
      throw error;
    };
    try {
      return session({ clock: { sleep } }).imports.delay!(1);
    } catch (caught) {
      return caught;
    }
  };
  const full = new RangeError("Maximum call stack size exceeded");
  expect(thrown(full)).toBe(full);
  for (const other of [new RangeError("out of range"), new Error("the call stack"), "a text"]) {
    const message = `import delay: ${other instanceof Error ? other.message : other}`;
    expect(thrown(other)).toMatchObject({ name: "InternalError", message });
  }
});

it("a guest that finds no key for ten minutes, and no longer, goes on when none will come", () => {
  let now = 0;
  const clock = { now: () => now, sleep() {} };
  const { imports } = session({ console: { poll: () => false, ended: () => true }, clock });
  now = 600_000_000;
  expect(imports.poll!()).toBe(0);
  now++;
  expect(() => imports.poll!()).toThrow(expect.objectContaining({ name: "InputEndedError" }));
});

it("what a console throws is its error, unless it is one of ours", () => {
  const thrown = (error: unknown) => {
    const write = () => {
      throw error;
    };
    return () => session({ console: { write } }).imports.putc!(0x61);
  };
  const own = new LimitError("consoleBytes", 1, 2);
  expect(thrown(own)).toThrow(own);
  expect(thrown(new Error("gone"))).toThrow(expect.objectContaining({ name: "ConsoleError", message: "gone" }));
});

it("a disk isn't asked for what lies behind it", () => {
  const { imports, cells, state } = session();
  const SIZE = BigInt(8 * MIB);
  for (const offset of [SIZE, SIZE + 1n, -1n]) {
    cells.setUint32(CELL, 0, true);
    expect(imports.diskread!(0, offset, 0, 512, CELL)).toBe(0);
    expect(cells.getUint32(CELL, true)).toBe(512);
  }
  expect(state.counts.diskCalls).toBe(0);
});
