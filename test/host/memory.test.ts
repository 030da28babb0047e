import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { GuestMemory } from "../../build/host/memory/guest.js";
import { LoaderMemory } from "../../build/host/memory/loader.js";
import { NOWHERE, Places } from "../../build/host/memory/places.js";
import { checkReleased, giveModuleMemory, giveRam, takeModuleMemory, takeRam } from "../../build/host/memory/pool.js";
import { toldRanges } from "../../build/host/memory/told.js";
import { WrittenBytes } from "../../build/host/memory/written.js";
import { addDigests, type MadeResult, type WrittenRange } from "../../build/host/result.js";

/** Ranges of a bitmap. */
function rangesOf(bitmap: readonly boolean[]): [number, number][] {
  const ranges: [number, number][] = [];
  bitmap.forEach((written, at) => {
    const last = ranges.at(-1);
    if (written && last?.[1] === at) last[1]++;
    else if (written) ranges.push([at, at + 1]);
  });
  return ranges;
}

describe("WrittenBytes", () => {
  it("takes a bit for each byte of the pages that have holes, and not much more", () => {
    let taken = 0;
    const construct = (target: typeof Uint8Array, args: [number]) => {
      taken += args[0];
      return Reflect.construct(target, args);
    };
    vi.stubGlobal("Uint8Array", new Proxy(Uint8Array, { construct }));
    const pages = 4096;
    const written = new WrittenBytes(pages * 4096);
    for (let page = 0; page < pages; page++)
      for (const at of [0, 9, 99]) written.add(page * 4096 + at, page * 4096 + at + 1);
    vi.unstubAllGlobals();
    expect([...written]).toHaveLength(3 * pages);
    expect(taken).toBe((pages * 4096) / 8);
  });

  const SIZE = 3 * 4096 + 100;
  const adds = fc.array(
    fc.tuple(fc.integer({ min: 0, max: SIZE }), fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ max: 9000 }))),
    { maxLength: 60 },
  );
  const filled = (list: [number, number][]) => {
    const written = new WrittenBytes(SIZE);
    const bitmap = new Array<boolean>(SIZE).fill(false);
    for (const [start, length] of list) {
      const end = Math.min(start + Math.max(0, length), SIZE);
      written.add(start, end);
      bitmap.fill(true, start, end);
    }
    return { written, exact: rangesOf(bitmap), bitmap };
  };

  it("holds exactly the bytes added, sorted and coalesced", () => {
    fc.assert(
      fc.property(adds, (list) => {
        const { written, exact } = filled(list);
        expect([...written]).toEqual(exact);
        expect(written.ranges(1000)).toEqual({ ranges: exact, granule: 1 });
      }),
    );
  });

  it("tells too many ranges rounded outwards, in as many as are wanted", () => {
    fc.assert(
      fc.property(adds, fc.integer({ min: 0, max: 4 }), (list, most) => {
        const { written, exact } = filled(list);
        const { ranges, granule } = written.ranges(most);
        const some = Math.max(most, 1);
        expect(ranges.length).toBeLessThanOrEqual(some);
        expect(granule === 1).toBe(exact.length <= some);
        for (const [start, end] of exact) expect(ranges.some(([from, to]) => from <= start && end <= to)).toBe(true);
        for (const [start, end] of ranges) {
          expect(start % granule).toBe(0);
          expect(end % granule === 0 || end === SIZE).toBe(true);
        }
      }),
    );
  });

  it("covers what was written with few stretches", () => {
    fc.assert(
      fc.property(adds, (list) => {
        const { written, bitmap } = filled(list);
        const covered = new Array<boolean>(SIZE).fill(false);
        let stretches = 0;
        written.cover((start, end) => {
          covered.fill(true, start, end);
          stretches++;
        });
        expect(stretches).toBeLessThanOrEqual(4);
        expect(bitmap.every((isWritten, at) => !isWritten || covered[at])).toBe(true);
      }),
    );
  });

  it("holds and covers all bytes across blocks, whatever the order and the steps", () => {
    const BLOCK = 2 ** 21;
    const size = 2 * BLOCK + 4096 + 7;
    const near = fc.constantFrom(0, 4096, BLOCK - 4096, BLOCK, BLOCK + 4096, 2 * BLOCK, size);
    const at = fc.tuple(near, fc.integer({ min: -9, max: 9 })).map(([place, by]) => place + by);
    const length = fc.oneof(fc.constantFrom(1, 4095, 4096, 8192, BLOCK - 1, BLOCK, BLOCK + 1), fc.nat({ max: 20_000 }));
    const runs = fc.record({ at, length, step: fc.integer({ min: -5000, max: 5000 }), times: fc.nat({ max: 40 }) });
    fc.assert(
      fc.property(fc.array(runs, { maxLength: 12 }), (list) => {
        const written = new WrittenBytes(size);
        const bytes = new Uint8Array(size);
        for (const { at, length, step, times } of list) {
          for (let i = 0; i <= times; i++) {
            const start = Math.min(Math.max(at + i * step, 0), size);
            const end = Math.min(start + length, size);
            written.add(start, end);
            bytes.fill(1, start, end);
          }
        }
        const told = new Uint8Array(size);
        for (const [start, end] of written) told.fill(1, start, end);
        expect(Buffer.compare(told, bytes)).toBe(0);
        written.cover((start, end) => bytes.fill(0, start, end));
        expect(bytes.includes(1)).toBe(false);
      }),
    );
  });

  it("keeps the hole of a page of which the first and the last byte are written", () => {
    const written = new WrittenBytes(SIZE);
    for (const at of [4096, 8191, 8192]) written.add(at, at + 1);
    expect([...written]).toEqual([
      [4096, 4097],
      [8191, 8193],
    ]);
    written.add(4096, 8192);
    expect([...written]).toEqual([[4096, 8193]]);
  });

  it("holds a stretch within a block, and one that ends with it", () => {
    const QUARTER = 2 ** 19;
    for (const [start, end] of [
      [QUARTER, 3 * QUARTER],
      [QUARTER, 4 * QUARTER],
      [0, 3 * QUARTER],
      [3 * QUARTER, 5 * QUARTER],
    ] as const) {
      const written = new WrittenBytes(8 * QUARTER);
      written.add(start, end);
      expect([...written]).toEqual([[start, end]]);
    }
  });

  it("ends a stretch that began with the page where eight bytes aren't written", () => {
    const written = new WrittenBytes(SIZE);
    written.add(0, 8);
    written.add(16, 17);
    expect([...written]).toEqual([
      [0, 8],
      [16, 17],
    ]);
  });

  it("refuses what isn't in the memory", () => {
    for (const [start, end] of [
      [-1, 5],
      [0, SIZE + 1],
      [Number.NaN, 5],
      [0, Number.NaN],
    ] as const) {
      expect(() => new WrittenBytes(SIZE).add(start, end)).toThrow(`bytes ${start} to ${end} of ${SIZE}`);
    }
  });

  it("costs the same wherever the writes go: millions of them, in any order", () => {
    const MIB = 1 << 20;
    const orders: ((i: number) => number)[] = [
      (i) => i * 2,
      (i) => 8 * MIB - 2 - i * 2,
      (i) => ((i * 2654435761) % (4 * MIB)) * 2,
    ];
    for (const order of orders) {
      const written = new WrittenBytes(64 * MIB);
      for (let i = 0; i < 4 * MIB; i++) written.add(order(i), order(i) + 1);
      expect(written.ranges(4096)).toEqual({ ranges: [[0, 8 * MIB]], granule: 4096 });
    }
  });
});

it("a written range of 2 GiB, more than platforms take in one go, gets its digest", { timeout: 300_000 }, async () => {
  const guest = new LoaderMemory(2 ** 31, 0);
  // Pages that nobody touches cost nothing.
  guest.target(0, 2 ** 31);
  const memory = [{ gpa: "0x0", length: 2 ** 31 }] as WrittenRange[];
  await addDigests({ memory, guestMemory: guest } as unknown as MadeResult);
  expect(memory[0]!.sha256).toBe("a7c744c13cc101ed66c29f672f92455547889cc586ce6d44fe76ae824958ea51");
});

it("ranges that are told of memory from elsewhere are in order, apart and in it", () => {
  const told: [number, number][] = [
    [0, 1],
    [4, 8],
    [9, 16],
  ];
  const written = toldRanges(told, 16);
  expect(written.ranges(3)).toEqual({ ranges: told, granule: 1 });
  // What it was made of isn't handed out.
  written.ranges(3).ranges[0]![1] = 3;
  const covered: [number, number][] = [];
  written.cover((start, end) => covered.push([start, end]));
  expect(covered).toEqual(told);
  // A range can lie in memory that its teller still writes.
  const shared = new Float64Array(new SharedArrayBuffer(16));
  shared.set([4, 8]);
  const kept = toldRanges([shared as unknown as [number, number]], 16);
  shared.set([Number.NaN, 2 ** 60]);
  expect(kept.ranges(3).ranges).toEqual([[4, 8]]);
  kept.cover((start, end) => expect([start, end]).toEqual([4, 8]));
  for (const wrong of [[[-1, 1]], [[1, 1]], [[2, 1]], [[0, 17]], [[0, 1.5]], [[0.5, 1]], [[0, Number.NaN]], [[0, "1"]]])
    expect(() => toldRanges(wrong as [number, number][], 16)).toThrow(RangeError);
  for (const next of [
    [0, 1],
    [3, 6],
    [5, 6],
    [7, 9],
    [8, 9],
  ] as const)
    expect(() => toldRanges([[4, 8], next], 16)).toThrow(RangeError);
});

it("memory from elsewhere is read as far as it came, and zeros follow", () => {
  const guest = new GuestMemory(16, 0, Uint8Array.of(1, 2, 3, 4).buffer, toldRanges([[1, 3]], 16));
  expect(guest.written).toEqual([[1, 3]]);
  expect([...guest.read(0, 5)]).toEqual([1, 2, 3, 4, 0]);
  // What wasn't told of isn't there any more when more of it is looked at.
  expect([...guest.bytes]).toEqual([0, 2, 3, ...new Uint8Array(13)]);
});

describe("GuestMemory", () => {
  const MIB = 1024 * 1024;
  const NOBODY = toldRanges([], 0);

  it("looks at the low 31 bits of an address only", () => {
    const guest = new LoaderMemory(MIB, 0);
    expect(guest.copyin(Uint8Array.of(1, 2), 0xffff_ffff_8000_1000n)).toBe(true);
    expect([...guest.written]).toEqual([[0x1000, 0x1002]]);
    const target = new Uint8Array(2);
    expect(guest.copyout(0x1000n, target)).toBe(true);
    expect([...target]).toEqual([1, 2]);
  });

  it("refuses a range that doesn't fit, writes nothing and counts it", () => {
    const guest = new LoaderMemory(MIB, 0);
    expect(guest.copyin(new Uint8Array(2).fill(9), BigInt(MIB - 1))).toBe(false);
    expect(guest.bytes[MIB - 1]).toBe(0);
    expect([...guest.written]).toEqual([]);
    expect(guest.faults).toBe(1);
    expect(guest.copyout(BigInt(MIB), new Uint8Array(1))).toBe(false);
  });

  it("is never larger than what addresses reach", () => {
    const guest = new LoaderMemory(3072 * MIB, 4096 * MIB);
    expect(guest.bytes.length).toBe(2048 * MIB);
  });

  it("cuts a range that leaves memory in pieces, each checked alone", () => {
    const guest = new LoaderMemory(10_000, 0);
    expect([...guest.pieces(1000n, 20_000, 4096)]).toEqual([
      [1000, 0, 8192],
      [-1, 8192, 11_808],
    ]);
    expect(guest.faults).toBe(3);
  });

  it("joins pieces up to as many bytes as are charged at once, and the rest up to memory's end", () => {
    const PART = 4 * MIB;
    const guest = new LoaderMemory(PART + 100, 0);
    const charged: number[] = [];
    expect([...guest.pieces(0n, PART + 100, 4096, (bytes) => charged.push(bytes))]).toEqual([
      [0, 0, PART],
      [PART, PART, 100],
    ]);
    expect(charged).toEqual([PART, 100]);
    expect(guest.faults).toBe(0);
  });

  it("wraps at 2 GiB between pieces", () => {
    const guest = new LoaderMemory(0x8000_0000, 0);
    expect([...guest.pieces(0x7fff_f800n, 6144, 4096)]).toEqual([
      [-1, 0, 4096],
      [0x800, 4096, 2048],
    ]);
  });

  it("reads zeros where nothing is", () => {
    const guest = new LoaderMemory(4096, 0);
    guest.copyin(Uint8Array.of(5), 4095n);
    expect([...guest.read(4094, 4)]).toEqual([0, 5, 0, 0]);
  });

  it("is zero again when it serves another session", () => {
    const SIZE = 123 * 4096;
    const first = new LoaderMemory(SIZE, 0);
    const { buffer } = first.view(0, 0);
    first.copyin(new Uint8Array(100).fill(1), 5000n);
    first.copyin(new Uint8Array(10).fill(2), BigInt(SIZE - 10));
    first.release();
    const second = new LoaderMemory(SIZE, 0);
    expect(second.view(0, 0).buffer).toBe(buffer);
    expect(second.view(0, SIZE).every((byte) => byte === 0)).toBe(true);
    expect(first.view(0, SIZE)).toHaveLength(0);
  });

  it("is zero again whatever was being written when the session ended", () => {
    const SIZE = 5 * 2 ** 20;
    const first = new LoaderMemory(SIZE, 0);
    const { buffer } = first.view(0, 0);
    // As a disk does whose medium fails in the middle.
    first
      .target(4096, SIZE)
      .subarray(0, 2 ** 20)
      .fill(0x5a);
    first.release();
    const second = new LoaderMemory(SIZE, 0);
    expect(second.view(0, 0).buffer).toBe(buffer);
    expect(second.view(0, SIZE).every((byte) => byte === 0)).toBe(true);
  });

  it("is proved to be zero when that is asked for", () => {
    checkReleased(true);
    try {
      const bytes = new Uint8Array(3 * 2 ** 20);
      giveRam(bytes.buffer);
      bytes[2 ** 21 + 5] = 1;
      expect(() => giveRam(bytes.buffer)).toThrow(/guest memory given back holds something at 2097157/);
    } finally {
      checkReleased(true);
    }
  });

  it("that came from elsewhere isn't used again: its maker may have written what it didn't tell", () => {
    const SIZE = 41 * 4096;
    const { buffer } = new Uint8Array(SIZE).fill(7);
    new GuestMemory(SIZE, 0, buffer, NOBODY).release();
    expect(new LoaderMemory(SIZE, 0).view(0, 0).buffer).not.toBe(buffer);
  });

  it("that came from elsewhere is freed at once, unless somebody holds it", () => {
    const freed = new ArrayBuffer(MIB);
    new GuestMemory(MIB, 0, freed, NOBODY).release();
    expect(freed.byteLength).toBe(0);
    const held = new ArrayBuffer(MIB);
    const guest = new GuestMemory(MIB, 0, held, NOBODY);
    const { bytes } = guest;
    guest.release();
    expect(bytes.length).toBe(MIB);
  });

  it("is not used again once somebody has seen it", () => {
    const SIZE = 77 * 4096;
    const first = new LoaderMemory(SIZE, 0);
    const { buffer } = first.bytes;
    first.release();
    expect(new LoaderMemory(SIZE, 0).bytes.buffer).not.toBe(buffer);
  });
});

describe("guest memory that is used again", () => {
  const SIZE = 4096 * 83;

  it("has the size that is wanted, or one up to the largest", () => {
    const kept = new ArrayBuffer(SIZE);
    giveRam(kept);
    expect(takeRam(SIZE - 1).byteLength).toBe(SIZE - 1);
    expect(takeRam(SIZE - 2, SIZE - 1).byteLength).toBe(SIZE - 2);
    expect(takeRam(SIZE + 1, SIZE + 2).byteLength).toBe(SIZE + 1);
    expect(takeRam(SIZE - 1, SIZE)).toBe(kept);
    giveRam(kept);
    expect(takeRam(SIZE)).toBe(kept);
    expect(takeRam(SIZE)).not.toBe(kept);
  });

  it("is that of four sessions, the last ones", () => {
    const buffers = Array.from({ length: 5 }, () => new ArrayBuffer(SIZE));
    for (const buffer of buffers) giveRam(buffer);
    new LoaderMemory(0, 0).release();
    const taken = buffers.map(() => takeRam(SIZE));
    for (const [at, buffer] of buffers.slice(1).entries()) expect(taken[at]).toBe(buffer);
    expect(buffers).not.toContain(taken[4]);
  });

  it("isn't there for more than the engine has", () => {
    const size = Number.MAX_SAFE_INTEGER;
    const error = { name: "OptionError", message: `no room for ${size} bytes of guest memory` };
    expect(() => takeRam(size)).toThrow(expect.objectContaining(error));
  });
});

describe("the memory of a module", () => {
  afterEach(() => void vi.unstubAllGlobals());
  const START = 2 ** 20;
  const LIMIT = 33 * 2 ** 20;
  const bytesOf = ({ buffer }: WebAssembly.Memory) => new Uint8Array(buffer);

  it("is zero again when it serves another session", () => {
    const first = takeModuleMemory(START, LIMIT);
    bytesOf(first).fill(7);
    giveModuleMemory(first, START, LIMIT);
    const second = takeModuleMemory(START, LIMIT);
    expect(second).toBe(first);
    expect(bytesOf(second).every((byte) => byte === 0)).toBe(true);
  });

  it("is not used again when it has grown, or for a session of another start or limit", () => {
    const grown = takeModuleMemory(START, LIMIT);
    grown.grow(1);
    giveModuleMemory(grown, START, LIMIT);
    const kept = takeModuleMemory(START, LIMIT);
    giveModuleMemory(kept, START, LIMIT);
    const small = takeModuleMemory(START, LIMIT / 2);
    expect(small).not.toBe(kept);
    expect(small.grow(0)).toBe(kept.grow(0));
    expect(() => small.grow(LIMIT / 2 / 65536)).toThrow(RangeError);
    expect(takeModuleMemory(2 * START, LIMIT)).not.toBe(kept);
    expect(takeModuleMemory(START, LIMIT)).toBe(kept);
  });

  it("is kept of four sessions, the last ones", () => {
    const limit = LIMIT + 65536;
    const memories = Array.from({ length: 5 }, () => takeModuleMemory(START, limit));
    for (const memory of memories) giveModuleMemory(memory, START, limit);
    const taken = memories.map(() => takeModuleMemory(START, limit));
    for (const [at, memory] of memories.slice(1).entries()) expect(taken[at]).toBe(memory);
    expect(memories).not.toContain(taken[4]);
  });

  it("is proved to be zero when that is asked for", () => {
    const memory = takeModuleMemory(START, LIMIT);
    vi.spyOn(Uint8Array.prototype, "fill").mockImplementation(function (this: Uint8Array) {
      return this;
    });
    bytesOf(memory)[70_000] = 1;
    try {
      checkReleased(false);
      giveModuleMemory(memory, START, LIMIT);
      checkReleased(true);
      const why = "module memory given back holds something at 70000";
      expect(() => giveModuleMemory(memory, START, LIMIT)).toThrow(why);
    } finally {
      checkReleased(true);
      vi.restoreAllMocks();
      bytesOf(memory).fill(0);
    }
  });

  it("isn't there when the engine has none", () => {
    const Memory = class {
      constructor() {
        throw new RangeError("could not allocate memory");
      }
    };
    vi.stubGlobal("WebAssembly", { Memory });
    const limit = LIMIT + 2 * 65536 + 1;
    const message = `no room for the memory of a module: ${LIMIT + 2 * 65536} bytes, and what the engine keeps clear`;
    const error = { name: "OptionError", message };
    expect(() => takeModuleMemory(START, limit)).toThrow(expect.objectContaining(error));
  });

  it("starts with what it may have, and is never larger than modules take", () => {
    const small = takeModuleMemory(3 * START, 2 * START);
    expect(small.buffer.byteLength).toBe(2 * START);
    expect(() => small.grow(1)).toThrow(RangeError);
    const large = takeModuleMemory(START, 2 ** 32);
    expect(large.grow(4096 - 16)).toBe(16);
    expect(() => large.grow(1)).toThrow(RangeError);
  });
});

describe("places in guest memory's stead", () => {
  it("are joined where one continues the other, on its disk, and end at a gap", async () => {
    const places = new Places();
    expect([places.on, places.unread, places.runs]).toEqual([false, false, []]);
    await places.during(async () => {
      expect(places.on).toBe(true);
      places.zeros(0, 0);
      expect(places.unread).toBe(false);
      places.read(0, 10, 0, 100);
      places.read(10, 5, 0, 110);
      places.read(15, 5, 0, 90);
      places.read(20, 5, 1, 95);
      places.read(25, 5, 1, 101);
      places.read(30, 0, 1, 7);
      places.zeros(30, 3);
      places.zeros(33, 4);
      places.read(37, 1, 1, 106);
      places.read(39, 1, 1, 107);
      places.read(0, 1, 1, 0);
    });
    expect(places.on).toBe(false);
    expect(places.runs).toEqual([
      [15, 0, 100],
      [5, 0, 90],
      [5, 1, 95],
      [5, 1, 101],
      [7, NOWHERE, 0],
      [1, 1, 106],
    ]);
    expect([places.end, places.unread]).toEqual([38, true]);
    await expect(places.during(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect([places.on, places.runs, places.end, places.unread]).toEqual([false, [], 0, false]);
  });
});

describe("copies at guest memory's edges", () => {
  it("begin at 0 and end with it, and what doesn't fit is counted", () => {
    const guest = new LoaderMemory(65536, 0);
    const ends = [0n, 65532n].map((gpa) => {
      expect(guest.copyin(Uint8Array.of(1, 2, 3, 4), gpa)).toBe(true);
      const bytes = new Uint8Array(4);
      expect(guest.copyout(gpa, bytes)).toBe(true);
      return [...bytes];
    });
    expect(ends).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
    expect(guest.faults).toBe(0);
    const kept = Uint8Array.of(9, 9);
    expect([guest.copyin(kept, 65535n), guest.copyout(65535n, kept), guest.copyout(65536n, kept)]).toEqual([
      false,
      false,
      false,
    ]);
    expect(guest.faults).toBe(3);
    expect([...kept]).toEqual([9, 9]);
  });
});
