// Images of all formats: read in full, in all the variants that QEMU writes and those that FreeBSD's mkimg lays out, and
// compared with the disk they were made of; cut off, and with any of their bytes changed.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BuiltImage, qcow2Image, vhdImage } from "../support/image_formats.js";
import { compileReader, type GivenFile, ImageReader, Refusal } from "../support/image_reader.js";
import { BUILT, big32, big64, changed, DISK, diskOf, KIB, MIB, noise } from "../support/image_samples.js";
import { convert, QEMU_IMG, QEMU_VARIANTS, qemu } from "../support/qemu_img.js";
import { Scratch } from "../support/scratch.js";

const EIO = 5;

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
let module: WebAssembly.Module;
beforeAll(async () => {
  module = await compileReader();
}, 120_000);

const open = (...files: GivenFile[]) => new ImageReader(module, files);

/** Pieces that a disk is read in: small ones by the cache, large ones past it, none of them even. */
function pieces(size: number, step = 100_003): [number, number][] {
  return Array.from({ length: Math.ceil(size / step) }, (_, i) => [i * step, step]);
}

/** Reads all of it both ways and compares. */
function expectWhole(reader: ImageReader, disk: Buffer): void {
  // VHD and others round up.
  expect(reader.size).toBeGreaterThanOrEqual(disk.length);
  for (const step of [100_003, 3001]) {
    for (const [at, size] of pieces(disk.length, step)) {
      if (step < 10_000 && at % 7 !== 0) continue;
      const wanted = disk.subarray(at, at + size);
      for (const got of [reader.read(at, size), reader.readToGuest(at, size)]) {
        expect(typeof got).toBe("object");
        expect((got as Buffer).subarray(0, wanted.length).equals(wanted), `${at}`).toBe(true);
      }
    }
  }
  const behind = reader.read(disk.length, 100_000) as Buffer;
  expect(behind.every((byte) => byte === 0)).toBe(true);
  expect(reader.reports).toEqual([]);
}

describe.skipIf(!QEMU_IMG)("as QEMU writes them", () => {
  const raw = scratch.file("raw.img", DISK);
  const written = (name: string) => readFileSync(join(scratch.path, name));
  const run = (program: "qemu-img" | "qemu-io", ...args: string[]) => qemu(scratch.path, program, ...args);

  it.each(QEMU_VARIANTS)("$name", (variant) => {
    const [image, ...rest] = convert(scratch.path, raw, variant).map((path) => ({ bytes: readFileSync(path) }));
    expectWhole(open({ ...image!, format: variant.format }, ...rest), DISK);
  });

  it("qcow2 with files behind it", () => {
    // The base is shorter than the disk.
    const base = DISK.subarray(0, MIB + 1024);
    scratch.file("base.img", base);
    const expected = Buffer.alloc(DISK.length);
    base.copy(expected);
    const create = ["qemu-img", "create", "-q", "-f", "qcow2"] as const;
    run(...create, "-b", "base.img", "-F", "raw", "middle.qcow2", `${DISK.length}`);
    run(
      "qemu-io",
      "-c",
      "write -P 7 64k 100k",
      "-c",
      "write -P 8 1000k 300k",
      "-c",
      "write -z 512k 64k",
      "middle.qcow2",
    );
    expected
      .fill(7, 64 * KIB, 164 * KIB)
      .fill(8, 1000 * KIB, 1300 * KIB)
      .fill(0, 512 * KIB, 576 * KIB);
    run(...create, "-o", "extended_l2=on", "-b", "middle.qcow2", "-F", "qcow2", "top.qcow2");
    run("qemu-io", "-c", "write -P 9 66k 3k", "-c", "write -P 9 2M 4k", "-c", "write -z 1010k 4k", "top.qcow2");
    expected
      .fill(9, 66 * KIB, 69 * KIB)
      .fill(9, 2 * MIB, 2 * MIB + 4 * KIB)
      .fill(0, 1010 * KIB, 1014 * KIB);
    const files = ["top.qcow2", "middle.qcow2"].map((name) => ({ bytes: written(name), format: "qcow2" }));
    expectWhole(open(...files, { bytes: base }), expected);
  });

  it("qcow2 with snapshots inside: the disk is what it is now", () => {
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, "snap.qcow2");
    run("qemu-img", "snapshot", "-c", "before", "snap.qcow2");
    run("qemu-io", "-c", "write -P 7 64k 64k", "-c", "write -z 1M 128k", "snap.qcow2");
    run("qemu-img", "snapshot", "-c", "after", "snap.qcow2");
    const now = Buffer.from(DISK);
    now.fill(7, 64 * KIB, 128 * KIB);
    now.fill(0, MIB, MIB + 128 * KIB);
    expectWhole(open({ bytes: written("snap.qcow2"), format: "qcow2" }), now);
  });
});

describe.each(BUILT)("%s", (name, format, build, more = () => []) => {
  const { bytes } = build();
  const disk = diskOf(format);
  const step = format === "vhdx" ? 300_007 : 30_011;

  it("is read in full", () => {
    expectWhole(open({ bytes, format }, ...more()), disk);
  });

  /** Reads what can be read of `image`; what isn't an error is what the disk has when `honest`. */
  const tryAll = (image: Uint8Array, honest: boolean): "refused" | "errors" | "whole" => {
    let reader: ImageReader;
    try {
      reader = open({ bytes: image, format }, ...more());
    } catch (error) {
      expect(error).toBeInstanceOf(Refusal);
      expect((error as Error).message).toMatch(new RegExp(`^disk0( file 1)?: (offset \\d+: )?(${format} |looks like)`));
      return "refused";
    }
    let errors = 0;
    for (const [at, size] of pieces(Math.min(reader.size, disk.length), step)) {
      const got = at % 2 === 0 ? reader.read(at, size) : reader.readToGuest(at, size);
      if (typeof got === "number") {
        expect(got).toBe(EIO);
        errors++;
      } else if (honest) expect(got.equals(disk.subarray(at, at + size)), `${name} at ${at}`).toBe(true);
    }
    for (const report of reader.reports) expect(report).toMatch(new RegExp(`^disk0 offset \\d+: ${format} .+`));
    if (errors > 0) expect(reader.reports.length).toBeGreaterThan(0);
    return errors > 0 ? "errors" : "whole";
  };

  it("says where it was cut off, and what is read is right", () => {
    const { at } = build();
    const ends = Object.values(at).flatMap((start) => [start - 1, start, start + 1, start + 8, start + 500]);
    const all = [...ends, 1, 511, 512, bytes.length - 512, bytes.length - 1].filter(
      (end) => end > 0 && end < bytes.length,
    );
    const found = new Set<string>();
    for (const end of all) found.add(tryAll(bytes.subarray(0, end), true));
    expect(found.has("refused")).toBe(true);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: bytes.length - 1 }), (end) => {
        found.add(tryAll(bytes.subarray(0, end), true));
      }),
      { numRuns: 25, seed: 16 },
    );
  });

  it("ends in order whatever its structures hold", { timeout: 60_000 }, () => {
    const { at } = build();
    const starts = Object.values(at);
    const found = new Set<string>();
    const change = fc.record({
      start: fc.constantFrom(...starts),
      offset: fc.oneof(fc.nat(110), fc.nat(600)),
      value: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)),
      width: fc.constantFrom(1, 1, 4, 8),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const copy = Uint8Array.from(bytes);
        for (const { start, offset, value, width } of changes) {
          const place = (start + offset) & -width;
          copy.fill(value, place, place + width);
        }
        found.add(tryAll(copy, false));
      }),
      { numRuns: 120, seed: 16 },
    );
    expect(found.size).toBeGreaterThan(1);
  });
});

describe("what it costs", () => {
  it("clusters that lie together go to guest memory with one call, and not through the module", () => {
    const disk = noise(2 * MIB);
    // Their numbers are mixed only among clusters: one of 2 MiB is all of the disk.
    for (const [bytes, format] of [
      [qcow2Image(disk, { clusterBits: 21 }).bytes, "qcow2"],
      [vhdImage(disk, 2 * MIB).bytes, "vhd"],
      [inOrder(qcow2Image(disk, { clusterBits: 12 }), disk, 4096), "qcow2"],
    ] as const) {
      const reader = open({ bytes, format });
      const before = reader.calls;
      expect((reader.readToGuest(0, disk.length) as Buffer).equals(disk)).toBe(true);
      expect(reader.guestCalls).toBe(1);
      // Tables by the cache.
      expect(reader.calls - before).toBeLessThan(4);
    }
  });

  it("a small image that unfolds to very much stays small, and its zeros don't take memory", () => {
    const bytes = qcow2Image(Buffer.alloc(512), { clusterBits: 16 }).bytes;
    // 512 TiB in a table that has its entries.
    const huge = changed(changed(bytes, 24, big64(2n ** 41n)), 36, big32(4096));
    const grown = Buffer.concat([huge, Buffer.alloc(65536)]);
    const reader = open({ bytes: grown, format: "qcow2" });
    expect(reader.size).toBe(2 ** 41);
    const got = reader.read(2 ** 41 - 4096, 8192) as Buffer;
    expect(got.length).toBe(4096);
  });

  it("a cluster that is packed is unpacked once, whatever pieces it is read in", () => {
    const disk = Buffer.alloc(MIB, "again and again ");
    const reader = open({ bytes: qcow2Image(disk, { clusterBits: 16, compress: true }).bytes, format: "qcow2" });
    for (let at = 0; at < disk.length; at += 512) {
      expect((reader.read(at, 512) as Buffer).equals(disk.subarray(at, at + 512))).toBe(true);
    }
    // All of the file is in the cache's first chunks.
    expect(reader.calls).toBeLessThan(16);
  });

  it("unpacking again and again takes no more memory, whether it goes well or not", () => {
    // More than is kept unpacked.
    const disk = noise(6 * MIB);
    const { bytes, at } = qcow2Image(disk, { clusterBits: 16, compress: true });
    const good = open({ bytes, format: "qcow2" });
    const round = () => {
      for (const [from, size] of pieces(disk.length, 64 * KIB))
        expect((good.read(from, size) as Buffer).equals(disk.subarray(from, from + size))).toBe(true);
      return good.memorySize;
    };
    const once = round();
    expect([round(), round(), round()]).toEqual([once, once, once]);

    // The first cluster begins with a block of a kind that there isn't.
    const start = Number(bytes.readBigUInt64BE(at.l2!) & 0xffff_ffffn);
    const bad = open({ bytes: changed(bytes, start, Buffer.of(7)), format: "qcow2" });
    expect(bad.read(0, 512)).toBe(EIO);
    const before = bad.memorySize;
    for (let i = 0; i < 500; i++) expect(bad.read(0, 512)).toBe(EIO);
    expect(bad.memorySize).toBe(before);
  });
});

/** The clusters of `image`, of which the disk has only others than zeros, in the order of the disk. */
function inOrder({ bytes, at }: BuiltImage, disk: Buffer, cluster: number): Buffer {
  const copy = Buffer.from(bytes);
  const first = bytes.length - disk.length;
  for (let i = 0; i < disk.length / cluster; i++) {
    copy.writeBigUInt64BE((1n << 63n) | BigInt(first + i * cluster), at.l2! + i * 8);
  }
  copy.set(disk, first);
  return copy;
}
