// The cache of ranges against a plain reader: whatever is read, in whatever order and however many readers at once, it gives
// the same bytes, and asks for no more than it may.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RANGE_MAX, RangeCache } from "../../build/host/disks/ranges.js";

const BLOCK = 64;

/** Bytes of which each tells its place. */
const imageOf = (size: number) =>
  Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8) * 7 + (at >> 16)) & 0xff);

/** A cache over `image` that notes what it asks for. */
function cached(image: Uint8Array, cache: number) {
  const asked: [start: number, end: number][] = [];
  const ranges = new RangeCache({
    size: image.length,
    blockSize: BLOCK,
    cache,
    fetch: async (start, end) => {
      asked.push([start, end]);
      // Answers come in another order than requests go.
      for (let turns = (start / BLOCK) % 3; turns >= 0; turns--) await new Promise((done) => setImmediate(done));
      return image.slice(start, end);
    },
  });
  return { asked, ranges };
}

async function bytesAt(ranges: RangeCache, offset: number, size: number): Promise<Uint8Array> {
  const target = new Uint8Array(size).fill(0xee);
  const got = await ranges.read(offset, target);
  return target.slice(0, got);
}

describe("blocks fetched by ranges", () => {
  const sizes = fc.integer({ min: 1, max: 60 * BLOCK });
  const read = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    size: fc.integer({ min: 0, max: 20 * BLOCK }),
  });

  it("are what a plain reader reads", async () => {
    const same = fc.asyncProperty(
      sizes,
      fc.integer({ min: 0, max: 30 }),
      fc.array(fc.array(read, { minLength: 1, maxLength: 4 }), { maxLength: 12 }),
      async (size, kept, rounds) => {
        const image = imageOf(size);
        const { asked, ranges } = cached(image, kept * BLOCK);
        for (const together of rounds) {
          const places = together.map(({ at, size: wanted }) => [Math.floor(at * (size + BLOCK)), wanted] as const);
          const got = await Promise.all(places.map(([offset, wanted]) => bytesAt(ranges, offset, wanted)));
          for (const [i, [offset, wanted]] of places.entries())
            expect(Buffer.compare(got[i]!, image.subarray(offset, offset + wanted))).toBe(0);
        }
        for (const [start, end] of asked) {
          expect(start % BLOCK).toBe(0);
          expect(end === size || end % BLOCK === 0).toBe(true);
          expect(start < end && end <= size && end - start <= RANGE_MAX).toBe(true);
        }
      },
    );
    await fc.assert(same, { numRuns: 150 });
  });

  it("are fetched once as long as there is room for all of them", async () => {
    const once = fc.asyncProperty(sizes, fc.array(read, { maxLength: 20 }), async (size, reads) => {
      const { asked, ranges } = cached(imageOf(size), 64 * BLOCK);
      await Promise.all(reads.map(({ at, size: wanted }) => bytesAt(ranges, Math.floor(at * size), wanted)));
      const blocks = asked.flatMap(([start, end]) =>
        Array.from({ length: Math.ceil((end - start) / BLOCK) }, (_, i) => start / BLOCK + i),
      );
      expect(new Set(blocks).size).toBe(blocks.length);
    });
    await fc.assert(once, { numRuns: 150 });
  });

  it("come at once when they are there, and neighbours with one request", async () => {
    const image = imageOf(40 * BLOCK);
    const { asked, ranges } = cached(image, 64 * BLOCK);
    expect(await bytesAt(ranges, 3 * BLOCK - 1, 5 * BLOCK)).toEqual(image.slice(3 * BLOCK - 1, 8 * BLOCK - 1));
    expect(asked).toEqual([[2 * BLOCK, 8 * BLOCK]]);
    expect(ranges.read(4 * BLOCK, new Uint8Array(BLOCK))).toBe(BLOCK);
    // What is missing around those that are there.
    await bytesAt(ranges, BLOCK, 9 * BLOCK);
    expect(asked.slice(1)).toEqual([
      [BLOCK, 2 * BLOCK],
      // Behind them somebody reads on.
      [8 * BLOCK, 11 * BLOCK],
    ]);
  });

  it("are fetched ahead of who reads on, more and more", async () => {
    const { asked, ranges } = cached(imageOf(60 * BLOCK), 64 * BLOCK);
    for (let at = 0; at < 32; at++) await bytesAt(ranges, at * BLOCK, BLOCK);
    expect(asked.map(([start, end]) => [start / BLOCK, end / BLOCK])).toEqual([
      [0, 1],
      [1, 3],
      [3, 6],
      [6, 11],
      [11, 20],
      [20, 37],
    ]);
  });

  it("are not fetched again because others were read ahead of", async () => {
    const { asked, ranges } = cached(imageOf(60 * BLOCK), 64 * BLOCK);
    await bytesAt(ranges, 5 * BLOCK, BLOCK);
    for (let at = 0; at < 4; at++) await bytesAt(ranges, at * BLOCK, BLOCK);
    expect(asked.map(([start, end]) => [start / BLOCK, end / BLOCK])).toEqual([
      [5, 6],
      [0, 1],
      [1, 3],
      [3, 5],
    ]);
  });

  it("are fetched ahead of eight readers at once, not of more", async () => {
    const { asked, ranges } = cached(imageOf(100 * BLOCK), 100 * BLOCK);
    for (let reader = 0; reader < 9; reader++) await bytesAt(ranges, 10 * reader * BLOCK, BLOCK);
    for (let reader = 8; reader >= 0; reader--) {
      await bytesAt(ranges, (10 * reader + 1) * BLOCK, BLOCK);
      expect(asked.at(-1)).toEqual([(10 * reader + 1) * BLOCK, (10 * reader + (reader === 0 ? 2 : 3)) * BLOCK]);
    }
  });

  it("are kept as long as they are used, and no more than there is room for", async () => {
    const { asked, ranges } = cached(imageOf(60 * BLOCK), 2 * BLOCK);
    // The third takes the place of the one that was not used for longest.
    for (const at of [10, 20, 10, 30, 10]) await bytesAt(ranges, at * BLOCK, BLOCK);
    expect(asked.map(([start]) => start / BLOCK)).toEqual([10, 20, 30]);
    await bytesAt(ranges, 20 * BLOCK, BLOCK);
    expect(asked).toHaveLength(4);
  });

  it("come 8 MiB at a time, and at most 1 MiB ahead", async () => {
    const MIB = 1024 * 1024;
    const asked: number[] = [];
    const fetch = async (start: number, end: number) => {
      asked.push(end - start);
      return new Uint8Array(end - start);
    };
    const read = (ranges: RangeCache, at: number, size: number) => ranges.read(at * MIB, new Uint8Array(size * MIB));
    const whole = new RangeCache({ size: 100 * MIB, blockSize: MIB, cache: 0, fetch });
    await read(whole, 0, 20);
    await read(whole, 20, 8);
    expect(asked.splice(0)).toEqual([8 * MIB, 8 * MIB, 5 * MIB, 8 * MIB]);
    const small = new RangeCache({ size: 100 * MIB, blockSize: MIB / 4, cache: 100 * MIB, fetch });
    for (let at = 0; at < 32; at++) await small.read((at * MIB) / 4, new Uint8Array(MIB / 4));
    expect(Math.max(...asked)).toBe(MIB / 4 + MIB);
  });

  it("are copies: what was fetched may be used for something else", async () => {
    const image = imageOf(8 * BLOCK);
    const buffer = new Uint8Array(8 * BLOCK);
    const lent: Uint8Array[] = [];
    const fetch = async (start: number, end: number) => {
      buffer.set(image.subarray(start, end));
      const part = buffer.subarray(0, end - start);
      lent.push(part);
      return part;
    };
    const ranges = new RangeCache({ size: image.length, blockSize: BLOCK, cache: 8 * BLOCK, fetch });
    const first = image.slice(0, 2 * BLOCK);
    ranges.put(first);
    first.fill(0);
    expect(await bytesAt(ranges, 0, 2 * BLOCK)).toEqual(image.slice(0, 2 * BLOCK));
    expect(lent).toEqual([]);
    await bytesAt(ranges, 2 * BLOCK, 2 * BLOCK);
    buffer.fill(0);
    expect(await bytesAt(ranges, 2 * BLOCK, 2 * BLOCK)).toEqual(image.slice(2 * BLOCK, 4 * BLOCK));
    expect(lent).toHaveLength(1);
  });

  it("fail for all who wait for them, and may be asked for again", async () => {
    let fails = true;
    const image = imageOf(8 * BLOCK);
    const fetch = async (start: number, end: number) => {
      if (fails) throw new Error("gone");
      return image.slice(start, end);
    };
    const ranges = new RangeCache({ size: image.length, blockSize: BLOCK, cache: 8 * BLOCK, fetch });
    const both = await Promise.allSettled([bytesAt(ranges, 0, BLOCK), bytesAt(ranges, 10, 10)]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    fails = false;
    expect(await bytesAt(ranges, 10, 10)).toEqual(image.slice(10, 20));
  });
});
