// The cache of chunks by itself: what is read is what the disk has, and how often and how far the disk is asked.

import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { compilePart } from "../support/core_part.js";

const CHUNK = 32_768;
const CHUNKS_MAX = 128;
const EIO = 5;

const LINES = `
import { readCached } from "./storage/block_cache";
export function cached(unit: i32, end: u64, sectorSize: u32, offset: u64, dst: usize, size: u32): i64 {
  return readCached(unit, end, sectorSize, offset, dst, size);
}
`;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await compilePart(LINES);
}, 60_000);

/** The byte that disk `unit` has at `offset`. */
const byteAt = (unit: number, offset: number): number =>
  (offset * 31 + Math.floor(offset / CHUNK) * 7 + unit * 5) & 0xff;

type Exports = Record<string, (...args: (number | bigint)[]) => number | bigint>;

/** A new cache, before disks of `end` bytes with bad sectors at these numbers of bytes. */
class Cache {
  /** First chunk and number of them, of each call. */
  readonly calls: [number, number][] = [];
  readonly #memory = new WebAssembly.Memory({ initial: 64, maximum: 1024 });
  readonly #exports: Exports;
  readonly #block: number;

  constructor(
    private readonly end: number,
    private readonly bad: readonly number[] = [],
    private readonly sectorSize = 512,
  ) {
    const imports: WebAssembly.Imports = { env: { memory: this.#memory } };
    for (const { module: from, name, kind } of WebAssembly.Module.imports(module))
      if (kind === "function") imports[from] = { ...imports[from], [name]: () => 0 };
    imports.userboot = { ...imports.userboot, diskread: this.#diskread.bind(this) };
    const { exports } = new WebAssembly.Instance(module, imports);
    this.#exports = exports as Exports;
    this.#exports._start?.();
    this.#exports.grantFuel!(1n << 62n);
    this.#block = Number(this.#exports.allocate!(1 << 20));
  }

  #diskread(unit: number, start: bigint, dst: number, size: number, residual: number): number {
    const offset = Number(start);
    this.calls.push([offset / CHUNK, size / CHUNK]);
    if (this.bad.some((at) => at >= offset && at < offset + size)) return EIO;
    const got = Math.max(0, Math.min(size, this.end - offset));
    const target = new Uint8Array(this.#memory.buffer, dst, got);
    for (let i = 0; i < got; i++) target[i] = byteAt(unit, offset + i);
    new DataView(this.#memory.buffer).setUint32(residual, size - got, true);
    return 0;
  }

  /** What was read and is right; -1 for an error. */
  read(unit: number, offset: number, size: number): number {
    const guard = 0xa5;
    new Uint8Array(this.#memory.buffer, this.#block, size + 8).fill(guard);
    const { cached } = this.#exports;
    const got = Number(cached!(unit, BigInt(this.end), this.sectorSize, BigInt(offset), this.#block, size));
    const bytes = new Uint8Array(this.#memory.buffer, this.#block, size + 8);
    for (let i = 0; i < got; i++)
      if (bytes[i] !== byteAt(unit, offset + i)) throw new Error(`byte ${offset + i} of disk ${unit} is ${bytes[i]}`);
    for (let i = Math.max(size, got); i < size + 8; i++) expect(bytes[i]).toBe(guard);
    return got;
  }

  /** Reads a byte of each of these chunks; the calls that it took. */
  touch(...chunks: number[]): [number, number][] {
    const before = this.calls.length;
    for (const chunk of chunks) expect(this.read(0, chunk * CHUNK + 5, 1)).toBe(1);
    return this.calls.slice(before);
  }
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

describe("calls", () => {
  it("take more and more of what is read on and on, and nothing twice", () => {
    expect(new Cache(64 * CHUNK).touch(...range(64)).map(([, count]) => count)).toEqual([
      1, 2, 4, 8, 8, 8, 8, 8, 8, 8, 1,
    ]);
  });

  it("take what is read backwards in groups", () => {
    expect(new Cache(64 * CHUNK).touch(...range(64).reverse())).toEqual([
      [63, 1],
      [56, 7],
      ...[48, 40, 32, 24, 16, 8, 0].map((first) => [first, 8]),
    ]);
  });

  it("take one chunk anywhere else, two behind one that is known", () => {
    const cache = new Cache(64 * CHUNK);
    expect(cache.touch(10, 20, 30, 11, 13, 12)).toEqual([
      [10, 1],
      [20, 1],
      [30, 1],
      [11, 2],
      [13, 4],
    ]);
  });

  it("go not beyond what is known, and as far as is wanted", () => {
    const cache = new Cache(64 * CHUNK);
    cache.touch(3);
    expect(cache.read(0, 0, 5 * CHUNK)).toBe(5 * CHUNK);
    expect(cache.calls).toEqual([
      [3, 1],
      [0, 3],
      [4, 2],
    ]);
    expect(cache.read(0, 30 * CHUNK, 20 * CHUNK)).toBe(20 * CHUNK);
    expect(cache.calls.slice(3)).toEqual([
      [30, 8],
      [38, 8],
      [46, 4],
    ]);
  });

  it("are of one disk", () => {
    const cache = new Cache(8 * CHUNK);
    expect([cache.read(0, 0, 9), cache.read(1, 0, 9), cache.read(0, 0, 9), cache.read(1, CHUNK - 1, 1)]).toEqual([
      9, 9, 9, 1,
    ]);
    expect(cache.calls).toHaveLength(2);
  });
});

describe("what was used longest ago is forgotten", () => {
  const places = range(CHUNKS_MAX + 1).map((i) => 3 * i);

  it("when there is no more room, and not before", () => {
    const cache = new Cache(1000 * CHUNK);
    expect(cache.touch(...places.slice(0, CHUNKS_MAX))).toHaveLength(CHUNKS_MAX);
    expect(cache.touch(...places.slice(0, CHUNKS_MAX))).toEqual([]);
    expect(cache.touch(places[CHUNKS_MAX]!)).toEqual([[3 * CHUNKS_MAX, 1]]);
    expect(cache.touch(...places.slice(2))).toEqual([]);
    expect(cache.touch(places[0]!)).toEqual([[0, 1]]);
    expect(cache.touch(places[1]!)).toEqual([[3, 1]]);
  });

  it("and what was used since is kept", () => {
    const cache = new Cache(1000 * CHUNK);
    cache.touch(...places.slice(0, CHUNKS_MAX));
    cache.touch(places[0]!, places[CHUNKS_MAX]!);
    expect(cache.touch(places[0]!)).toEqual([]);
    expect(cache.touch(places[1]!)).toEqual([[3, 1]]);
  });
});

describe("a bad sector", () => {
  const at = 3 * CHUNK + 8192;

  it.each([512, 4096])("of %i bytes spoils what is in it, and nothing beside it", (sector) => {
    const cache = new Cache(8 * CHUNK, [at + 100], sector);
    expect(cache.read(0, at, 1)).toBe(-1);
    expect(cache.read(0, at + sector - 1, 1)).toBe(-1);
    expect(cache.read(0, at - 1, 1)).toBe(1);
    expect(cache.read(0, at - 1, 2)).toBe(-1);
    expect(cache.read(0, at + sector, 512)).toBe(512);
    expect(cache.read(0, at - 512, 512)).toBe(512);
    expect(cache.read(0, 2 * CHUNK, CHUNK)).toBe(CHUNK);
    expect(cache.read(0, 2 * CHUNK, 2 * CHUNK)).toBe(-1);
    expect(cache.read(0, 4 * CHUNK, CHUNK)).toBe(CHUNK);
  });
});

describe("the end of a disk", () => {
  it.each([1, 511, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 77])("of %i bytes is the end of what is read", (end) => {
    const cache = new Cache(end);
    expect(cache.read(0, 0, end)).toBe(end);
    expect(cache.read(0, 0, end + 100)).toBe(end);
    expect(cache.read(0, end - 1, 100)).toBe(1);
    expect(cache.read(0, end, 100)).toBe(0);
    expect(cache.read(0, end + 1, 100)).toBe(0);
    expect(cache.read(0, 0, 0)).toBe(0);
  });
});

it("whatever is read in whatever order is what the disks have", () => {
  const end = 300 * CHUNK + 1234;
  const offset = fc.oneof(
    fc.nat(end + 10),
    fc.nat(300).map((chunk) => chunk * CHUNK),
    fc.nat(8 * CHUNK),
  );
  const size = fc.oneof(fc.nat(600), fc.nat(12 * CHUNK), fc.constantFrom(CHUNK, 2 * CHUNK));
  const reads = fc.array(fc.tuple(fc.nat(1), offset, size), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(reads, (list) => {
      const cache = new Cache(end);
      for (const [unit, from, length] of list)
        expect(cache.read(unit, from, length)).toBe(Math.max(0, Math.min(length, end - from)));
    }),
    { numRuns: 20, seed: 1 },
  );
});
