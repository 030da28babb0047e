// Images of all formats: read in full, in all the variants that QEMU writes and those that FreeBSD's mkimg lays out, and
// compared with the disk they were made of; cut off, with their numbers at their edges, and with any of their bytes changed.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type BuiltImage,
  qcow2Image,
  VMDK_DESCRIPTOR,
  vdiImage,
  vhdImage,
  vhdxImage,
  vmdkImage,
} from "../support/image_formats.js";
import { compileReader, type GivenFile, ImageReader, Refusal } from "../support/image_reader.js";
import { Scratch } from "../support/scratch.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const EIO = 5;

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
let module: WebAssembly.Module;
beforeAll(async () => {
  module = await compileReader();
}, 120_000);

/** Bytes that look like nothing else. */
function noise(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size);
  let x = seed;
  for (let i = 0; i + 4 <= size; i += 4) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes.writeInt32LE(x, i);
  }
  return bytes;
}

/** A disk of noise, text and zeros in runs of many lengths, that ends in the middle of everything but a sector. */
function someDisk(size: number): Buffer {
  const disk = Buffer.alloc(size);
  let at = 0;
  for (let i = 0; at < size; i++) {
    const length = Math.min([512, 4096, 70 * KIB, 1536, 200 * KIB, 8192, 130 * KIB][i % 7]!, size - at);
    if (i % 3 === 0) noise(length, i + 1).copy(disk, at);
    if (i % 3 === 1) disk.fill(`text ${i} `, at, at + length);
    at += length;
  }
  return disk;
}

const DISK = someDisk(3 * MIB + 5 * 512);
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

const installed = spawnSync("qemu-img", ["--version"]).error === undefined;
if (!installed) console.warn("skipped: qemu-img is not installed (Debian: apt install qemu-utils)");

describe.skipIf(!installed)("as QEMU writes them", () => {
  const raw = scratch.file("raw.img", DISK);
  /** Makes an image with these options; the files that it consists of. */
  const made = (name: string, options: string[], rest: string[] = []): Buffer[] => {
    const path = join(scratch.path, name);
    const { status, stderr } = spawnSync("qemu-img", ["convert", "-f", "raw", ...options, raw, path]);
    expect(status, stderr.toString()).toBe(0);
    return [path, ...rest.map((file) => join(scratch.path, file))].map((file) => readFileSync(file));
  };

  const qcow2 = [
    ["compat=0.10"],
    ["compat=1.1"],
    ...["512", "1k", "4k", "16k", "64k", "512k", "2M"].map((size) => [`cluster_size=${size}`]),
    ["compat=0.10,cluster_size=4k"],
    ["preallocation=metadata"],
    ["preallocation=falloc"],
    ["preallocation=full"],
    ["extended_l2=on"],
    ["extended_l2=on,cluster_size=16k"],
    ["extended_l2=on,cluster_size=2M"],
    ["refcount_bits=1"],
    ["lazy_refcounts=on"],
    ["compression_type=zstd"],
  ].map(([options]) => options!);
  it.each(qcow2)("qcow2 %s", (options) => {
    expectWhole(open({ bytes: made("a.qcow2", ["-O", "qcow2", "-o", options])[0]!, format: "qcow2" }), DISK);
  });

  it.each([
    ...["512", "1k", "4k", "64k", "2M"].map((size) => `cluster_size=${size}`),
    "compat=0.10",
    ...["4k", "64k", "2M"].map((size) => `compression_type=zstd,cluster_size=${size}`),
    "extended_l2=on",
    "extended_l2=on,compression_type=zstd",
  ])("qcow2 %s, compressed", (options) => {
    expectWhole(open({ bytes: made("b.qcow2", ["-c", "-O", "qcow2", "-o", options])[0]!, format: "qcow2" }), DISK);
  });

  it.each([
    ["monolithicSparse", []],
    ["streamOptimized", []],
    ["monolithicFlat", ["m-flat.vmdk"]],
    ["twoGbMaxExtentSparse", ["m-s001.vmdk"]],
    ["twoGbMaxExtentFlat", ["m-f001.vmdk"]],
  ])("vmdk %s", (kind, rest) => {
    const [first, ...files] = made("m.vmdk", ["-O", "vmdk", "-o", `subformat=${kind}`], rest);
    expectWhole(open({ bytes: first!, format: "vmdk" }, ...files.map((bytes) => ({ bytes }))), DISK);
  });

  it.each(["dynamic", "fixed", "dynamic,force_size=on", "fixed,force_size=on"])("vhd %s", (kind) => {
    expectWhole(open({ bytes: made("c.vhd", ["-O", "vpc", "-o", `subformat=${kind}`])[0]!, format: "vhd" }), DISK);
  });

  it.each(["dynamic", "fixed", "dynamic,block_size=1M", "dynamic,block_size=64M"])("vhdx %s", (kind) => {
    expectWhole(open({ bytes: made("d.vhdx", ["-O", "vhdx", "-o", `subformat=${kind}`])[0]!, format: "vhdx" }), DISK);
  });

  it.each(["static=off", "static=on"])("vdi %s", (kind) => {
    expectWhole(open({ bytes: made("e.vdi", ["-O", "vdi", "-o", kind])[0]!, format: "vdi" }), DISK);
  });

  const run = (...args: string[]) => {
    const { status, stderr } = spawnSync(args[0]!, args.slice(1), { cwd: scratch.path });
    expect(status, stderr.toString()).toBe(0);
  };
  const written = (name: string) => readFileSync(join(scratch.path, name));

  it("qcow2 with files behind it", () => {
    // The base is shorter than the disk.
    const base = DISK.subarray(0, MIB + 1024);
    scratch.file("base.img", base);
    const expected = Buffer.alloc(DISK.length);
    base.copy(expected);
    const create = ["qemu-img", "create", "-q", "-f", "qcow2"];
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

  it("qcow2 with a data file", () => {
    const options = ["-o", "data_file=data.raw,data_file_raw=on"];
    run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", ...options, raw, "outside.qcow2");
    expectWhole(open({ bytes: written("outside.qcow2"), format: "qcow2" }, { bytes: written("data.raw") }), DISK);
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

/** Images of our own: small structures, so that all of them are in the way. */
const SMALL = someDisk(700 * KIB + 512);
const BUILT: [name: string, format: string, image: () => BuiltImage, more?: () => GivenFile[]][] = [
  ["qcow2 as mkimg's", "qcow2", () => qcow2Image(SMALL, { version: 2, clusterBits: 16 })],
  ["qcow2 of small clusters", "qcow2", () => qcow2Image(SMALL, { clusterBits: 9 })],
  ["qcow2, compressed", "qcow2", () => qcow2Image(SMALL, { clusterBits: 12, compress: true })],
  ["qcow2 of subclusters", "qcow2", () => qcow2Image(SMALL, { clusterBits: 14, extended: true })],
  [
    "qcow2 with a file behind it",
    "qcow2",
    () => qcow2Image(SMALL, { backing: true }),
    () => [{ bytes: noise(SMALL.length) }],
  ],
  ["vmdk as mkimg's", "vmdk", () => vmdkImage(SMALL)],
  ["vmdk as a stream", "vmdk", () => vmdkImage(SMALL, { stream: true, grainSectors: 16 })],
  ["vhd as mkimg's", "vhd", () => vhdImage(SMALL, 2 * MIB)],
  ["vhd of small blocks", "vhd", () => vhdImage(SMALL, 4096)],
  ["vhd, fixed, as mkimg's", "vhd", () => vhdImage(SMALL)],
  ["vhdx", "vhdx", () => vhdxImage(DISK)],
  ["vdi", "vdi", () => vdiImage(SMALL)],
];
const diskOf = (format: string) => (format === "vhdx" ? DISK : SMALL);

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

/** A copy of `image` with `bytes` at `place`. */
function changed(image: Uint8Array, place: number, bytes: Uint8Array): Buffer {
  const copy = Buffer.from(image);
  copy.set(bytes, place);
  return copy;
}
const big32 = (value: number) => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]);
const big64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
const little = (value: bigint, size: number) => big64(value).reverse().subarray(0, size);

describe("what isn't read is refused by name", () => {
  const qcow2 = qcow2Image(SMALL).bytes;
  const names = Buffer.alloc(56);
  names.writeUInt32BE(0x6803f857, 0);
  names.writeUInt32BE(48, 4);
  names.set([0, 40, ...Buffer.from("flying clusters")], 8);
  const vmdk = vmdkImage(SMALL).bytes;
  const parted = (line: string) => Buffer.from(`# Disk DescriptorFile\nversion=1\nparentCID=ffffffff\n${line}\n`);
  const cases: [string, string, Uint8Array, RegExp, GivenFile[]?][] = [
    ["qcow2 of version 1", "qcow2", changed(qcow2, 4, big32(1)), /offset 4: qcow2 header: version 1$/],
    ["encryption", "qcow2", changed(qcow2, 32, big32(2)), /offset 32: qcow2 header: encrypted \(LUKS\)$/],
    ["old encryption", "qcow2", changed(qcow2, 32, big32(1)), /encrypted \(AES\)$/],
    ["a feature", "qcow2", changed(qcow2, 72, big64(1n << 40n)), /offset 72: qcow2 header: incompatible feature 40$/],
    [
      "a feature with a name",
      "qcow2",
      changed(changed(qcow2, 72, big64(1n << 40n)), 104, names),
      /incompatible feature 40 \(flying clusters\)$/,
    ],
    [
      "an unknown compression",
      "qcow2",
      changed(changed(changed(qcow2, 72, big64(8n)), 100, big32(112)), 104, Buffer.of(2)),
      /compression 2$/,
    ],
    [
      "a backing file",
      "qcow2",
      qcow2Image(SMALL, { backing: true }).bytes,
      /offset 8: qcow2 header: the image behind it has to be given \(--backing FILE\)$/,
    ],
    [
      "a data file",
      "qcow2",
      qcow2Image(SMALL, { dataFile: true }).bytes,
      /header: its data file has to be given \(--backing FILE\)$/,
    ],
    [
      "seSparse",
      "vmdk",
      Buffer.concat([Buffer.from("bebafeca00000000", "hex"), Buffer.alloc(4096)]),
      /vmdk header: no reader of seSparse extents$/,
    ],
    [
      "COWD",
      "vmdk",
      Buffer.concat([Buffer.from("COWD"), Buffer.alloc(4096)]),
      /vmdk header: no reader of COWD extents \(vmfsSparse\)$/,
    ],
    ["seSparse in a list", "vmdk", parted('RW 100 SESPARSE "a.vmdk"'), /descriptor: no reader of SESPARSE extents$/],
    [
      "a vmdk's parent",
      "vmdk",
      vmdkImage(SMALL, { descriptor: VMDK_DESCRIPTOR.replace("ffffffff", "12345678") }).bytes,
      /vmdk image is a difference to another one, which isn't read$/,
    ],
    [
      "a vmdk that was sent as a text",
      "vmdk",
      changed(vmdk, 73, Buffer.of(0x0a, 0x20, 0x0a, 0x0a)),
      /line ends were converted/,
    ],
    [
      "extents that weren't given",
      "vmdk",
      parted('RW 100 FLAT "/etc/passwd" 0'),
      /offset 51: vmdk descriptor: its extents have to be given in order \(--backing FILE\)$/,
    ],
    [
      "a short extent",
      "vmdk",
      parted('RW 100 FLAT "/etc/passwd" 0'),
      /descriptor: disk0 file 1 is too short for its extent$/,
      [{ bytes: noise(1000) }],
    ],
    ["no extents", "vmdk", parted(""), /lists no extents$/],
    [
      "a differencing vhd",
      "vhd",
      vhdImage(SMALL, 4096, 4).bytes,
      /vhd image is a difference to another one, which isn't read$/,
    ],
    [
      "a differencing vhdx",
      "vhdx",
      vhdxImage(SMALL, { parent: true }).bytes,
      /vhdx image is a difference to another one, which isn't read$/,
    ],
    [
      "a vhdx with a log",
      "vhdx",
      vhdxImage(SMALL, { log: true }).bytes,
      /vhdx header: has a log that was not played back/,
    ],
    [
      "a differencing vdi",
      "vdi",
      changed(vdiImage(SMALL).bytes, 0x4c, little(4n, 4)),
      /vdi image is a difference to another one, which isn't read$/,
    ],
    ["a vdi of another one", "vdi", changed(vdiImage(SMALL).bytes, 0x1a8, little(4n, 4)), /vdi image is a difference/],
    ["a file too many", "qcow2", qcow2, /^disk0: 1 of 1 files given with it are not used$/, [{ bytes: noise(512) }]],
    ["an unknown word", "parallels", qcow2, /^disk0: there is no reader of the format "parallels"$/],
    ["a format that is only known by sight", "gzip", qcow2, /^disk0: there is no reader of the format "gzip"$/],
    [
      "a backing file that is another image",
      "qcow2",
      qcow2Image(SMALL, { backing: true }).bytes,
      /^disk0 file 1: looks like a vdi file: say so/,
      [{ bytes: vdiImage(SMALL).bytes }],
    ],
  ];
  it.each(cases)("%s", (_, format, bytes, message, more = []) => {
    expect(() => open({ bytes, format }, ...more)).toThrow(message);
  });
});

describe("a file without a word is raw", () => {
  const NONE: [string, Uint8Array][] = [
    ["noise", noise(4096)],
    ["less than a sector", noise(100)],
    ["a fixed vhd, whose footer is behind it", vhdImage(SMALL).bytes],
  ];
  it.each(NONE)("%s", (_, bytes) => {
    expect((open({ bytes }).read(0, 5000) as Buffer).equals(bytes.subarray(0, 5000))).toBe(true);
  });

  const LOOKS: [string, Uint8Array][] = [
    ...BUILT.filter(([, format]) => format !== "vhd").map(([, format, build]): [string, Uint8Array] => [
      format,
      build().bytes,
    ]),
    ["vhd", vhdImage(SMALL, 4096).bytes],
    ["vmdk", Buffer.from("# Disk DescriptorFile\n")],
    ["gzip", Buffer.from([0x1f, 0x8b, 8, 0])],
    ["bzip2", Buffer.from("BZh9")],
    ["xz", Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])],
    ["zstd", Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
    ["QED", Buffer.from("QED\0")],
  ];
  it.each(LOOKS)("unless it looks like %s, which raw: still reads", (format, bytes) => {
    expect(() => open({ bytes })).toThrow(
      new RegExp(`^disk0: looks like a ${format} file: (say so|unpack it|convert it).*raw:FILE`),
    );
    expect((open({ bytes, format: "raw" }).read(0, 4) as Buffer).equals(bytes.subarray(0, 4))).toBe(true);
  });
});

describe("damage is named", () => {
  const image = qcow2Image(SMALL);
  const { l1, l2, refcounts } = image.at as { l1: number; l2: number; refcounts: number };
  const mark = 1n << 63n;
  const first = Number(image.bytes.readBigUInt64BE(l2) & 0xffffffffn);
  const QCOW2: [string, number, bigint, RegExp][] = [
    [
      "the L1 table as its own L2 table",
      l1,
      mark | BigInt(l1),
      new RegExp(`^disk0 offset ${l1}: qcow2 L1 entry: offset ${l1} overlaps the L1 table$`),
    ],
    [
      "the refcounts as an L2 table",
      l1,
      mark | BigInt(refcounts),
      /L1 entry: offset 4096 overlaps the refcount table$/,
    ],
    ["an L2 table between clusters", l1, mark | BigInt(l2 + 512), /L1 entry: L2 table at \d+$/],
    ["an L2 table beyond the file", l1, mark | 0x00ffff0000000000n, /L1 entry: offset \d+, but the file ends at \d+$/],
    ["an L2 table as its own cluster", l2, mark | BigInt(l2), /L2 entry: the L2 table itself as cluster at \d+$/],
    ["the L1 table as a cluster", l2, mark | BigInt(l1), /L2 entry: offset \d+ overlaps the L1 table$/],
    ["a cluster between clusters", l2, mark | BigInt(first + 512), /L2 entry: cluster at \d+$/],
    ["a cluster beyond the file", l2, mark | 0x00fffffffffff000n, /L2 entry: offset \d+, but the file ends at \d+$/],
    [
      "noise as a compressed cluster",
      l2,
      (1n << 62n) | (7n << 58n) | BigInt(first),
      /compressed cluster: can't be unpacked$/,
    ],
    [
      "a compressed cluster beyond the file",
      l2,
      (1n << 62n) | 0x00ffffffffffffffn,
      /L2 entry: offset \d+, but the file ends/,
    ],
  ];
  it.each(QCOW2)("qcow2: %s", (_, place, entry, report) => {
    const reader = open({ bytes: changed(image.bytes, place, big64(entry)), format: "qcow2" });
    expect(reader.read(0, 512)).toBe(EIO);
    expect(reader.readToGuest(0, 200_000)).toBe(EIO);
    expect(reader.reports[0]).toMatch(report);
    expect(reader.reports).toHaveLength(1);
  });

  const EDGES = [
    0n,
    1n,
    511n,
    512n,
    513n,
    2n ** 31n - 1n,
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 55n,
    2n ** 63n - 1n,
    2n ** 63n,
    2n ** 64n - 1n,
  ];
  /** Fields of heads: format, offset and size; big-endian unless it says otherwise. */
  const FIELDS: [string, () => BuiltImage, string, [number, 4 | 8][], boolean][] = [
    [
      "qcow2",
      () => qcow2Image(SMALL),
      "header",
      [
        [8, 8],
        [16, 4],
        [20, 4],
        [24, 8],
        [32, 4],
        [36, 4],
        [40, 8],
        [48, 8],
        [56, 4],
        [60, 4],
        [64, 8],
        [72, 8],
        [96, 4],
        [100, 4],
      ],
      true,
    ],
    [
      "vmdk",
      () => vmdkImage(SMALL),
      "header",
      [
        [4, 4],
        [8, 4],
        [12, 8],
        [20, 8],
        [28, 8],
        [36, 8],
        [44, 4],
        [48, 8],
        [56, 8],
      ],
      false,
    ],
    [
      "vmdk",
      () => vmdkImage(SMALL, { stream: true }),
      "footer",
      [
        [4, 4],
        [8, 4],
        [12, 8],
        [20, 8],
        [28, 8],
        [36, 8],
        [44, 4],
        [56, 8],
      ],
      false,
    ],
    [
      "vdi",
      () => vdiImage(SMALL),
      "header",
      [
        [0x44, 4],
        [0x48, 4],
        [0x4c, 4],
        [0x154, 4],
        [0x158, 4],
        [0x168, 4],
        [0x170, 8],
        [0x178, 4],
        [0x180, 4],
      ],
      false,
    ],
    [
      "vhdx",
      () => vhdxImage(SMALL),
      "items",
      [
        [0, 4],
        [4, 4],
        [8, 8],
        [16, 4],
      ],
      false,
    ],
    [
      "vhdx",
      () => vhdxImage(SMALL),
      "metadata",
      [
        [10, 4],
        [48, 4],
        [80, 4],
        [112, 4],
      ],
      false,
    ],
  ];
  it.each(FIELDS)("%s: numbers at their edges", (format, build, structure, fields, big) => {
    const { bytes, at } = build();
    let refused = 0;
    for (const [offset, size] of fields) {
      for (const value of EDGES) {
        const field = big ? big64(value).subarray(8 - size) : little(value, size);
        try {
          const reader = open({ bytes: changed(bytes, at[structure]! + offset, field), format });
          for (const place of [0, 4096, 300_000, Math.max(reader.size - 512, 0)]) {
            const got = reader.read(place, 40_000);
            if (typeof got === "number") expect(got).toBe(EIO);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(Refusal);
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(fields.length);
  });

  it("marks of writers that didn't end well are said", () => {
    const dirty = open({ bytes: qcow2Image(SMALL, { features: 1n }).bytes, format: "qcow2" });
    expect(dirty.reports).toEqual([
      "disk0 offset 72: qcow2 header: is marked as dirty: it was in use when its writer ended",
    ]);
    const corrupt = open({ bytes: qcow2Image(SMALL, { features: 2n }).bytes, format: "qcow2" });
    expect(corrupt.reports).toEqual(["disk0 offset 72: qcow2 header: is marked as corrupt"]);
    const vmdk = open({ bytes: changed(vmdkImage(SMALL).bytes, 72, Buffer.of(1)), format: "vmdk" });
    expect(vmdk.reports).toEqual(["disk0 offset 72: vmdk header: is marked as in use"]);
    for (const reader of [dirty, corrupt, vmdk])
      expect((reader.read(0, 5000) as Buffer).equals(SMALL.subarray(0, 5000))).toBe(true);
  });

  it("a vhd whose footer is gone is read by the copy, a grain's marker has to be its own", () => {
    const { bytes, at } = vhdImage(SMALL, 4096);
    const vhd = open({ bytes: bytes.subarray(0, at.footer), format: "vhd" });
    expect((vhd.read(0, SMALL.length) as Buffer).equals(SMALL)).toBe(true);
    expect(vhd.reports).toEqual([
      expect.stringMatching(/^disk0 offset \d+: vhd footer: bad, its copy at the start is used$/),
    ]);
    const stream = vmdkImage(SMALL, { stream: true });
    const entry = stream.bytes.readUInt32LE(stream.at.tables!);
    const vmdk = open({ bytes: changed(stream.bytes, entry * 512, little(8n, 8)), format: "vmdk" });
    expect(vmdk.read(0, 512)).toBe(EIO);
    expect(vmdk.reports).toEqual([`disk0 offset ${entry * 512}: vmdk grain marker: sector 8`]);
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
