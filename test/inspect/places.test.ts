// Content whose place on the disk is told to the caller, who has the disk open, too, and reads it himself: all of it, as it is;
// and what a process that was taken over may tell.

import { truncateSync } from "node:fs";
import fc from "fast-check";
import { type Inspection, inspect, UserbootError } from "userboot-wasm";
import { expect, it } from "vitest";
import type { InspectRequest } from "../../build/host/inspect/protocol.js";
import { qcow2Image } from "../support/image_formats.js";
import { lookedAtBy, OPENED, RELEASED } from "../support/liar.js";
import { Scratch } from "../support/scratch.js";
import { type Part, UfsImage } from "../support/ufs_image.js";

const BLOCK = 32_768;
const MIB = 1024 * 1024;

/** Layouts: for each block of a file whether it is there, and whether it lies behind the one before it. */
type Layout = [isThere: boolean, blocks: number, apart: boolean][];
const layouts = fc.sample(
  fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 60 }), fc.boolean()), { maxLength: 8 }),
  { numRuns: 25, seed: 18 },
);

/** `size` bytes in which no sector is like another one. */
function unlike(file: number, at: number, size: number): Buffer {
  const bytes = Buffer.alloc(size, file + 1);
  for (let offset = 0; offset < size; offset += 512) bytes.writeUInt32LE(at + offset, offset);
  return bytes;
}

/** A disk with files of these layouts, and what they hold. */
function diskOf(layouts: readonly Layout[]): { bytes: Uint8Array; files: Map<string, Buffer> } {
  const ufs = new UfsImage({ version: 2, blockSize: BLOCK, fragmentSize: 4096, superblockAt: 65536 });
  const files = new Map<string, Buffer>();
  for (const [i, layout] of layouts.entries()) {
    const parts: Part[] = [];
    let at = 0;
    for (const [isThere, blocks] of layout) {
      if (isThere) parts.push([at, unlike(i, at, blocks * BLOCK)]);
      at += blocks * BLOCK;
    }
    const size = Math.max(at - (i % 3) * 1000, 0);
    const content = Buffer.alloc(at);
    for (const [offset, bytes] of parts) content.set(bytes, offset);
    if (layout.some(([, , apart]) => apart)) ufs.gap();
    ufs.sparse(ufs.root, `f${i}`, size, parts);
    files.set(`/f${i}`, content.subarray(0, size));
  }
  const disk = ufs.finish();
  const bytes = new Uint8Array(disk.size);
  disk.read(0, bytes);
  return { bytes, files };
}

const layoutDisk = diskOf(layouts);

async function readEach(guest: Inspection, path: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  await guest.eachPart(path, (bytes, hole) => {
    parts.push(hole > 0 ? new Uint8Array(hole) : bytes.slice());
    return undefined;
  });
  return Buffer.concat(parts);
}

it.each(["a file", "bytes", "qcow2"])("all content is read, of %s", { timeout: 60_000 }, async (kind) => {
  using scratch = new Scratch();
  const { bytes, files } = kind === "qcow2" ? diskOf(layouts.slice(0, 6)) : layoutDisk;
  const image = kind === "qcow2" ? qcow2Image(bytes, { clusterBits: 16 }).bytes : bytes;
  const source = kind === "bytes" ? image : scratch.file("image", image);
  const disk = kind === "qcow2" ? { image: source, format: "qcow2" as const } : source;
  await using guest = await inspect({ disks: [disk], isolation: "process" });
  for (const [path, content] of files) {
    expect(content.equals(await readEach(guest, path)), path).toBe(true);
    expect(content.equals(await guest.readFile(path)), path).toBe(true);
  }
});

it.each(["none", "process"] as const)(
  "many files are read at once, isolation %s",
  { timeout: 60_000 },
  async (isolation) => {
    const { bytes, files } = layoutDisk;
    await using guest = await inspect({ disks: [bytes], isolation });
    const names = [...files.keys()];
    const readers = names.map((path) => guest.readParts(path)[Symbol.asyncIterator]());
    const sizes = names.map(() => 0);
    // All of them are begun before any of them ends; in between is what opens files, too.
    for (let left = readers.map((_, i) => i); left.length > 0; ) {
      const next = await Promise.all(left.map(async (i) => ({ i, piece: await readers[i]!.next() })));
      for (const { i, piece } of next) if (!piece.done) sizes[i]! += piece.value.bytes.length + piece.value.hole;
      left = next.filter(({ piece }) => !piece.done).map(({ i }) => i);
      expect((await guest.list("/")).length).toBe(files.size);
    }
    expect(sizes).toEqual([...files.values()].map(({ length }) => length));
    const contents = await Promise.all(names.map((path) => guest.readFile(path)));
    expect(contents.every((content, i) => files.get(names[i]!)!.equals(content))).toBe(true);
  },
);

it("an image that becomes shorter ends the read with what is wrong", async () => {
  using scratch = new Scratch();
  const path = scratch.file("image", layoutDisk.bytes);
  await using guest = await inspect({ disks: [path], isolation: "process" });
  truncateSync(path, 300_000);
  await expect(guest.readFile("/f24")).rejects.toThrow(/image: ends at byte \d+, but had/);
  await expect(guest.readFile("/f24")).rejects.toThrow(UserbootError);
});

it("a caller who has enough ends it in the middle of a file", async () => {
  using scratch = new Scratch();
  const path = scratch.file("image", layoutDisk.bytes);
  const controller = new AbortController();
  const guest = await inspect({ disks: [path], isolation: "process", signal: controller.signal });
  const abort = async () => controller.abort("enough");
  await expect(guest.eachPart("/f24", abort)).rejects.toThrow("inspection aborted (enough)");
  await guest.close();
});

type Run = [size: number, unit: number, offset: number];

/** An inspection of which every read below `size` is answered with `runs`. */
function readAs(runs: unknown, { size = MIB, ...limits }: { size?: number; diskBytes?: number } = {}) {
  return lookedAtBy((request: InspectRequest) => {
    if (request.op === "release") return RELEASED;
    if (request.op !== "read") return OPENED;
    return { type: "content", runs: request.position < size ? runs : [], bytes: new Uint8Array() };
  }, limits);
}

it("what it tells of is read from the caller's disk", async () => {
  const runs: Run[] = [
    [3, 0, 2 * MIB],
    [2, -1, 0],
    [1, 0, 3 * MIB],
  ];
  await using guest = await readAs(runs, { size: 1 });
  expect([...(await guest.readFile("/f"))]).toEqual([2, 2, 2, 0, 0, 3]);
});

it.each<[string, unknown]>([
  ["beyond the end", [[2, 0, 4 * MIB - 1]]],
  ["on no disk", [[1, 1, 0]]],
  ["before the beginning", [[1, 0, -1]]],
  ["at no place", [[1, 0, 0.5]]],
  ["of no length", [[0, 0, 0]]],
  ["that are too many", Array.from({ length: 8193 }, () => [1, 0, 0])],
  ["that are none", [[1, 0]]],
])("places %s are no answer", async (_, runs) => {
  await using guest = await readAs(runs);
  await expect(guest.readFile("/f")).rejects.toThrow("the inspection's process failed: it");
  await expect(guest.stat("/f")).rejects.toThrow("the inspection's process failed: it");
});

it("a file without end ends by the bytes that may be read", async () => {
  await using guest = await readAs([[4 * MIB, 0, 0]], { size: Number.MAX_SAFE_INTEGER, diskBytes: 50 * MIB });
  await expect(guest.eachPart("/f", async () => {})).rejects.toMatchObject({
    name: "LimitError",
    limit: "diskBytes",
    allowed: 50 * MIB,
  });
});

it("so does one that is read byte by byte", async () => {
  const runs = Array.from({ length: 8192 }, (_, i) => [1, 0, 2 * i]);
  await using guest = await readAs(runs, { size: Number.MAX_SAFE_INTEGER, diskBytes: 64 * MIB });
  let bytes = 0;
  const count = (piece: Uint8Array) => {
    bytes += piece.length;
    return undefined;
  };
  await expect(guest.eachPart("/f", count)).rejects.toMatchObject({ limit: "diskBytes", allowed: 64 * MIB });
  expect(bytes).toBe((64 * MIB) / 4096);
});
