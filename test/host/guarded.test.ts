// What stands before a library that answers WASI: which calls of the core's get through to it, as what, and what they cost.
// The library is one that answers everything.

import { beforeEach, describe, expect, it } from "vitest";
import type { Meter } from "../../build/host/meter.js";
import { ModuleMemory } from "../../build/host/protocol/module_memory.js";
import { guardedFiles } from "../../build/host/wasi/guarded.js";
import { wasiClock, wasiNoFiles } from "../../build/host/wasi/stubs.js";

const PAGE = 65536;
/** Errors of WASI. */
const [BADF, INVAL, MFILE, NAMETOOLONG, NOTCAPABLE] = [8, 28, 33, 37, 76];
/** What the library answers, when it isn't told otherwise. */
const ANSWER = 0;
/** Read, seek, tell, list, status. */
const READING = (1n << 1n) | (1n << 2n) | (1n << 5n) | (1n << 14n) | (1n << 21n);
const ALL = (1n << 64n) - 1n;
/** Addresses of cells. */
const [PATH, CELL, VECTOR] = [0x100, 0x200, 0x300];

type Call = (...values: (number | bigint)[]) => number;

let memory: WebAssembly.Memory;
let cells: DataView;
/** What got through, and what was charged. */
let calls: unknown[][];
let charged: number[];
let answer: number;
/** Descriptors that the library gives. */
let nextOpened: number;
let guarded: Record<string, Call>;

beforeEach(() => {
  memory = new WebAssembly.Memory({ initial: 1 });
  cells = new DataView(memory.buffer);
  calls = [];
  charged = [];
  answer = ANSWER;
  nextOpened = 4;
  const answering =
    (name: string) =>
    (...values: unknown[]) => {
      calls.push([name, ...values]);
      if (name === "path_open") cells.setInt32(Number(values.at(-1)) >>> 0, nextOpened++, true);
      return answer;
    };
  const names = ["path_open", "fd_read", "fd_seek", "fd_filestat_get", "fd_readdir", "fd_close"];
  const answered = Object.fromEntries(names.map((name) => [name, answering(name)]));
  const meter = { work: (bytes: number) => void charged.push(bytes) } as unknown as Meter;
  guarded = guardedFiles(answered, new ModuleMemory(memory), meter) as Record<string, Call>;
});

const opened = (given: { path?: number; size?: number; how?: number; flags?: number; cell?: number } = {}) => {
  const { path = PATH, size = 3, how = 0, flags = 0, cell = CELL } = given;
  return guarded.path_open!(3, 1, path, size, how, ALL, ALL, flags, cell);
};
const outside = (size: number, at: number) =>
  `the core names ${size} bytes at 0x${at.toString(16)} of its ${memory.buffer.byteLength}`;

describe("opening", () => {
  it.each([0, 2])("gets through with rights to read, and no others (how: %i)", (how) => {
    expect(opened({ how })).toBe(0);
    expect(calls).toEqual([["path_open", 3, 1, PATH, 3, how, READING, READING, 0, CELL]]);
    expect(charged).toEqual([3]);
  });

  it.each([
    [{ size: 4096 }, 0],
    [{ size: 4097 }, NAMETOOLONG],
    [{ size: -1 }, NAMETOOLONG],
    [{ how: 1 }, NOTCAPABLE],
    [{ how: 3 }, NOTCAPABLE],
    [{ how: 4 }, NOTCAPABLE],
    [{ how: 8 }, NOTCAPABLE],
    [{ flags: 1 }, NOTCAPABLE],
    [{ path: PAGE - 3 }, 0],
    [{ cell: PAGE - 4 }, 0],
  ])("of %j is answered with %i", (given, error) => {
    expect(opened(given)).toBe(error);
    expect(calls).toHaveLength(error === 0 ? 1 : 0);
  });

  it.each([
    [{ path: PAGE - 2 }, 3, PAGE - 2],
    [{ path: -1 }, 3, 0xffffffff],
    [{ cell: PAGE - 3 }, 4, PAGE - 3],
    [{ cell: -4 }, 4, 0xfffffffc],
  ])("with a place outside the memory is an error of the core's: %j", (given, size, at) => {
    expect(() => opened(given)).toThrow(outside(size, at));
    expect([calls, charged]).toEqual([[], []]);
  });

  it("has 256 open at once, and another one when one is closed", () => {
    for (let i = 0; i < 256; i++) expect(opened()).toBe(0);
    expect(opened()).toBe(MFILE);
    expect(calls).toHaveLength(256);
    expect(guarded.fd_close!(4)).toBe(0);
    expect(opened()).toBe(0);
    expect(opened()).toBe(MFILE);
  });

  it("that fails opens nothing", () => {
    answer = 44;
    expect(opened()).toBe(44);
    expect(guarded.fd_close!(4)).toBe(NOTCAPABLE);
  });
});

describe("closing", () => {
  it("is for what was opened, once, and not for what was open from the start", () => {
    opened();
    expect(guarded.fd_close!(3)).toBe(NOTCAPABLE);
    answer = 5;
    expect(guarded.fd_close!(4)).toBe(5);
    expect(guarded.fd_close!(4)).toBe(NOTCAPABLE);
    expect(calls.slice(1)).toEqual([["fd_close", 4]]);
  });
});

describe("reading", () => {
  const read = (buffer: number, size: number, { vectors = VECTOR, count = 1, done = CELL } = {}) => {
    if (vectors + 8 <= PAGE) {
      cells.setUint32(vectors, buffer, true);
      cells.setUint32(vectors + 4, size, true);
    }
    return guarded.fd_read!(4, vectors, count, done);
  };

  it.each([
    [0, 0],
    [0, PAGE],
    [PAGE, 0],
    [PAGE - 100, 100],
  ])("to %i gets through with %i bytes, charged", (buffer, size) => {
    answer = 8;
    expect(read(buffer, size)).toBe(8);
    expect(calls).toEqual([["fd_read", 4, VECTOR, 1, CELL]]);
    expect(charged).toEqual([size]);
  });

  it.each([0, 2, -1])("into %i buffers is refused", (count) => {
    expect(read(0, 1, { count })).toBe(INVAL);
    expect(calls).toEqual([]);
  });

  it.each([
    [[0, PAGE + 1], {}, PAGE + 1, 0],
    [[PAGE - 100, 101], {}, 101, PAGE - 100],
    [[0xffffffff, 1], {}, 1, 0xffffffff],
    [[0, 0xffffffff], {}, 0xffffffff, 0],
    [[0, 1], { vectors: PAGE - 7 }, 8, PAGE - 7],
    [[0, 1], { done: PAGE - 3 }, 4, PAGE - 3],
  ] as const)("%j %j is outside", ([buffer, size], places, named, at) => {
    expect(() => read(buffer, size, places)).toThrow(outside(named, at));
    expect([calls, charged]).toEqual([[], []]);
  });

  it("has its places at the memory's very end", () => {
    expect(read(0, 1, { vectors: PAGE - 8, done: PAGE - 4 })).toBe(0);
  });
});

describe("seeking", () => {
  it.each([0, 1, 2])("gets through from %i", (whence) => {
    expect(guarded.fd_seek!(4, -5n, whence, PAGE - 8)).toBe(0);
    expect(calls).toEqual([["fd_seek", 4, -5n, whence, PAGE - 8]]);
  });

  it.each([3, -1])("from %i is refused", (whence) => {
    expect(guarded.fd_seek!(4, 0n, whence, CELL)).toBe(INVAL);
    expect(calls).toEqual([]);
  });

  it("tells nothing outside", () => {
    expect(() => guarded.fd_seek!(4, 0n, 0, PAGE - 7)).toThrow(outside(8, PAGE - 7));
    expect(calls).toEqual([]);
  });
});

describe("a status", () => {
  it("has room for all of it, or is an error of the core's", () => {
    answer = 9;
    expect(guarded.fd_filestat_get!(4, PAGE - 64)).toBe(9);
    expect(calls).toEqual([["fd_filestat_get", 4, PAGE - 64]]);
    expect(() => guarded.fd_filestat_get!(4, PAGE - 63)).toThrow(outside(64, PAGE - 63));
    expect(calls).toHaveLength(1);
  });
});

describe("a list", () => {
  it("gets through, charged by its room", () => {
    answer = 7;
    expect(guarded.fd_readdir!(4, 0, PAGE, 3n, PAGE - 4)).toBe(7);
    expect(calls).toEqual([["fd_readdir", 4, 0, PAGE, 3n, PAGE - 4]]);
    expect(charged).toEqual([PAGE]);
  });

  it.each([
    [1, PAGE, CELL, PAGE, 1],
    [0, -1, CELL, 0xffffffff, 0],
    [0, 1, PAGE - 3, 4, PAGE - 3],
  ])("at %i of %i bytes, told at %i, is outside", (at, size, used, named, place) => {
    expect(() => guarded.fd_readdir!(4, at, size, 0n, used)).toThrow(outside(named, place));
    expect([calls, charged]).toEqual([[], []]);
  });
});

it("follows a memory that has grown", () => {
  memory.grow(1);
  cells = new DataView(memory.buffer);
  expect(opened({ cell: 2 * PAGE - 4 })).toBe(0);
  expect(() => opened({ cell: 2 * PAGE - 3 })).toThrow(outside(4, 2 * PAGE - 3));
});

describe("the clock", () => {
  it.each([0, 1, 0.4, 4294966, 4294967, 4294968, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 5, 1_800_000_000_000_000])(
    "tells %d microseconds in nanoseconds",
    (usec) => {
      const places: [number, number][] = [];
      const cell = (at: number, size: number) => {
        places.push([at, size]);
        return cells;
      };
      const { clock_time_get } = wasiClock(cell, { now: () => usec, sleep() {} }) as Record<string, Call>;
      cells.setBigUint64(CELL, ALL, true);
      expect(clock_time_get!(0, 0n, CELL)).toBe(0);
      expect(cells.getBigUint64(CELL, true)).toBe(BigInt(Math.round(usec)) * 1000n);
      expect(places).toEqual([[CELL, 8]]);
    },
  );

  it("takes its address as unsigned", () => {
    const at: number[] = [];
    const cell = (address: number) => {
      at.push(address);
      throw new Error("outside");
    };
    const { clock_time_get } = wasiClock(cell, { now: () => 0, sleep() {} }) as Record<string, Call>;
    expect(() => clock_time_get!(0, 0n, -8)).toThrow("outside");
    expect(at).toEqual([0xfffffff8]);
  });
});

it("without a tree no descriptor is open", () => {
  const none = wasiNoFiles() as Record<string, Call>;
  expect(Object.keys(none).sort()).toEqual(Object.keys(guarded).sort());
  for (const call of Object.values(none)) expect(call(3)).toBe(BADF);
});
