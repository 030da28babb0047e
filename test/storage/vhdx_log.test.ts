// VHDX images whose log was not played back: read as QEMU leaves them when it has done that, and damage of the log.

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { crc32c, vhdxImage } from "../support/image_formats.js";
import { compileReader, ImageReader, Refusal } from "../support/image_reader.js";
import { DISK, little, MIB, noise } from "../support/image_samples.js";
import { Scratch } from "../support/scratch.js";
import { programs, run } from "../support/trees.js";
import { entrySize, LOG_AT, LOG_SIZE, type LogEntry, withLog } from "../support/vhdx_log.js";

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await compileReader();
}, 120_000);
const open = (bytes: Uint8Array) => new ImageReader(module, [{ bytes, format: "vhdx" }]);

const { bytes: clean, at } = vhdxImage(DISK, { log: true });
const SECTOR = 4096;
/** The table of blocks, whose first sector never reached the file. */
const TABLE = clean.subarray(at.table, at.table! + SECTOR);
const dirty = Buffer.from(clean).fill(0, at.table, at.table! + SECTOR);
const table = (bytes: Uint8Array = TABLE) => [at.table!, bytes] as const;
const GARBAGE = noise(SECTOR, 77);
/** Data of the disk's first block, the second sector. */
const [FIRST] = [Number(clean.readBigUInt64LE(at.table) & ~0xfffffn)];

/** The whole disk. */
function diskOf(image: Uint8Array): Buffer {
  const reader = open(image);
  const parts = [0, 1, 2, 3].map((i) => reader.read(i * MIB, MIB) as Buffer);
  return Buffer.concat(parts);
}

/** The disk with bytes of its first block changed. */
function changedDisk(from: number, to: number, bytes: Uint8Array | number): Buffer {
  const disk = Buffer.from(DISK);
  if (typeof bytes === "number") disk.fill(0, from, to);
  else disk.set(bytes, from);
  return disk;
}

const LAST = LOG_SIZE - SECTOR;
const size = entrySize(1, 1);

/** Logs, and the disk that is in the image by them. */
const LOGS: Record<string, [entries: LogEntry[], disk: Buffer]> = {
  "one entry": [[{ at: 0, sequence: 7, writes: [table()] }], DISK],
  "one that goes over the log's end": [[{ at: LAST, sequence: 7, writes: [table()] }], DISK],
  "several, of which later ones win": [
    [
      { at: 8192, sequence: 3, writes: [table(GARBAGE)] },
      { at: 8192 + size, sequence: 4, tail: 8192, writes: [table(), [FIRST, GARBAGE]] },
      { at: 8192 + size + entrySize(2, 2), sequence: 5, tail: 8192, writes: [[FIRST + SECTOR, 8192]] },
    ],
    (() => {
      const disk = changedDisk(SECTOR, 3 * SECTOR, 0);
      disk.set(GARBAGE, 0);
      return disk;
    })(),
  ],
  "what is before the tail is in the file already": [
    [
      { at: 0, sequence: 3, writes: [[FIRST, GARBAGE]] },
      { at: size, sequence: 4, tail: size, writes: [table()] },
    ],
    DISK,
  ],
  "older ones, and what was there before them": [
    [
      { at: 0, sequence: 900, writes: [table()] },
      { at: 5 * SECTOR, sequence: 100, writes: [[FIRST, GARBAGE]] },
      { at: 9 * SECTOR, sequence: 1000, writes: [[FIRST, GARBAGE]], change: (entry) => entry.fill(0x12, 32, 48) },
    ],
    DISK,
  ],
  "the last one was not written to its end": [
    [
      { at: 0, sequence: 3, writes: [table()] },
      {
        at: size,
        sequence: 4,
        tail: 0,
        writes: [[FIRST, GARBAGE]],
        harm: (entry) => entry.fill(0, entry.length - 100),
      },
    ],
    DISK,
  ],
  "zeros, and then bytes in them": [
    [{ at: 0, sequence: 2 ** 33 + 5, writes: [table(), [FIRST, 4 * SECTOR], [FIRST + SECTOR, GARBAGE]] }],
    (() => {
      const disk = changedDisk(0, 4 * SECTOR, 0);
      disk.set(GARBAGE, SECTOR);
      return disk;
    })(),
  ],
  "many descriptors": [
    [
      {
        at: 0,
        sequence: 1,
        writes: [table(), ...Array.from({ length: 300 }, () => [FIRST, SECTOR] as const), [FIRST, GARBAGE]],
      },
    ],
    changedDisk(0, SECTOR, GARBAGE),
  ],
};

/** QEMU plays back what is before the tail, too, and refuses logs with so many descriptors. */
const DIFFERENT = new Set(["what is before the tail is in the file already", "many descriptors"]);

describe.each(Object.keys(LOGS))("a vhdx with a log: %s", (name) => {
  const [entries, disk] = LOGS[name]!;
  const image = withLog(dirty, entries);

  it("is read as if it had been played back, and that is said", () => {
    expect(diskOf(image).equals(disk)).toBe(true);
    expect(open(image).reports).toEqual([
      expect.stringMatching(
        new RegExp(`^disk0 offset ${LOG_AT}: vhdx log: \\d+ entries, which are played back in memory$`),
      ),
    ]);
    const reader = open(image);
    for (let from = 0; from + 300_000 < disk.length; from += 300_000) {
      expect((reader.readToGuest(from, 300_000) as Buffer).equals(disk.subarray(from, from + 300_000))).toBe(true);
    }
  });

  it.skipIf(DIFFERENT.has(name) || !programs("qemu-img"))("is what QEMU makes of it", () => {
    using scratch = new Scratch();
    const path = scratch.file("image.vhdx", image);
    run("sh", "-c", 'qemu-img check -q -r all -f vhdx "$0"; qemu-img convert -f vhdx -O raw "$0" "$0.raw"', path);
    const theirs = readFileSync(`${path}.raw`);
    expect(theirs.equals(disk)).toBe(true);
  });
});

it("what the log doesn't write goes to guest memory directly, up to where it does", () => {
  const at = 40 * SECTOR;
  const reader = open(withLog(dirty, [{ at: 0, sequence: 7, writes: [table(), [FIRST + at, GARBAGE]] }]));
  const disk = changedDisk(at, at + SECTOR, GARBAGE);
  const calls = (from: number, to: number) => {
    const before = reader.guestCalls;
    const got = reader.readToGuest(from * SECTOR, (to - from) * SECTOR) as Buffer;
    expect(got.equals(disk.subarray(from * SECTOR, to * SECTOR))).toBe(true);
    return reader.guestCalls - before;
  };
  expect([calls(0, 40), calls(41, 81), calls(0, 41), calls(40, 80)]).toEqual([1, 1, 0, 0]);
});

it("a log in which nothing was written yet changes nothing", () => {
  expect(diskOf(clean).equals(DISK)).toBe(true);
  expect(open(clean).reports).toEqual([]);
});

/** The image with a header's field set, and its checksums right. */
function withHeader(image: Uint8Array, field: number, value: Uint8Array): Buffer {
  const made = Buffer.from(image);
  for (const start of [65536, 131072]) {
    const header = made.subarray(start, start + 4096);
    header.set(value, field);
    header.writeUInt32LE(0, 4);
    header.writeUInt32LE(crc32c(header), 4);
  }
  return made;
}

const image = withLog(dirty, LOGS["one entry"]![0]);

it.each<[string, () => Uint8Array, RegExp]>([
  ["version", () => withHeader(image, 64, little(3n, 2)), /vhdx header: log version 3$/],
  ["size of none", () => withHeader(image, 68, little(0n, 4)), /vhdx log of 0 bytes$/],
  ["size", () => withHeader(image, 68, little(5000n, 4)), /vhdx log of 5000 bytes$/],
  ["place", () => withHeader(image, 72, little(1n << 62n, 8)), /vhdx log: 1048576 bytes, but the file ends at \d+$/],
  ["place in the headers", () => withHeader(image, 72, little(65536n, 8)), /vhdx log: overlaps the headers$/],
  [
    "file that has lost its end",
    () => withLog(dirty, [{ at: 0, sequence: 1, writes: [table()], flushed: dirty.length + 1 }]),
    /vhdx log: the file ends at \d+, and had \d+ bytes$/,
  ],
  [
    "file without end",
    () => withLog(dirty, [{ at: 0, sequence: 1, writes: [table()], last: 1n << 60n }]),
    /vhdx log: a file of \d+ bytes$/,
  ],
  [
    "place of a write",
    () => withLog(dirty, [{ at: 0, sequence: 1, writes: [[1n << 60n, GARBAGE]] }]),
    /vhdx log: write of 4096 bytes at \d+$/,
  ],
  [
    "size of a write",
    () =>
      withLog(dirty, [
        {
          at: 0,
          sequence: 1,
          writes: [
            [4096, 2 ** 52],
            [2n ** 64n - 4096n, SECTOR],
          ],
        },
      ]),
    /vhdx log: write of \d+ bytes at \d+$/,
  ],
  [
    "number of writes",
    () => withLog(dirty, [{ at: 0, sequence: 1, writes: Array.from({ length: 9000 }, () => [0, SECTOR] as const) }]),
    /vhdx log: more than 8192 writes$/,
  ],
])("a wrong %s is refused by name", (_name, make, message) => {
  expect(() => open(make())).toThrow(message);
});

it.each<[string, (entry: Buffer) => void]>([
  ["length", (entry) => entry.writeUInt32LE(5000, 8)],
  ["length of nothing", (entry) => entry.writeUInt32LE(0, 8)],
  ["length of more than there is", (entry) => entry.writeUInt32LE(0xfffff000, 8)],
  ["number of descriptors", (entry) => entry.writeUInt32LE(0xffffffff, 24)],
  ["number of descriptors, by one sector", (entry) => entry.writeUInt32LE(200, 24)],
  ["sequence number", (entry) => entry.writeBigUInt64LE(0n, 16)],
  ["tail", (entry) => entry.writeUInt32LE(SECTOR, 12)],
  ["descriptor", (entry) => entry.write("disk", 64)],
  ["descriptor's sequence number", (entry) => entry.writeBigUInt64LE(8n, 64 + 24)],
  ["place between two sectors", (entry) => entry.writeBigUInt64LE(5n, 64 + 16)],
  ["sector of data", (entry) => entry.write("date", SECTOR)],
  ["sector's sequence number", (entry) => entry.writeUInt32LE(8, 2 * SECTOR - 4)],
])("an entry with a wrong %s is none", (_name, change) => {
  const reader = open(withLog(dirty, [{ at: 0, sequence: 7, writes: [table()], change }]));
  expect(reader.reports).toEqual([]);
  expect((reader.read(0, SECTOR) as Buffer).every((byte) => byte === 0)).toBe(true);
});

it("entries that name each other in a circle, and one as large as the log, end", () => {
  const one = { sequence: 1, writes: [[FIRST, SECTOR]] } as const;
  const circle = Array.from({ length: 256 }, (_, i) => ({ ...one, at: i * SECTOR, sequence: i + 1, tail: LAST }));
  expect(open(withLog(dirty, circle)).reports).toHaveLength(1);
  const whole = { at: 4 * SECTOR, sequence: 9, writes: Array.from({ length: 254 }, () => table()) };
  expect(diskOf(withLog(dirty, [whole])).equals(DISK)).toBe(true);
});

it("whatever is changed in the log, the image is refused by name or read without it", () => {
  const good = withLog(dirty, LOGS["several, of which later ones win"]![0]);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(8 * SECTOR), fc.nat(255)), { minLength: 1, maxLength: 10 }), (changes) => {
      const harmed = Buffer.from(good);
      for (const [place, value] of changes) harmed[LOG_AT + 8192 + place] = value;
      try {
        open(harmed).read(0, MIB);
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
        expect((error as Error).message).toMatch(/^disk0: offset \d+: vhdx /);
      }
    }),
    { numRuns: 200, seed: 1 },
  );
});
