// What is wrong with images, said by name: what isn't read is refused, a file that came without a word isn't taken for what
// it looks like, and damage names its structure.

import { beforeAll, describe, expect, it } from "vitest";
import { IMAGE_FORMATS } from "../../build/host/disks/source.js";
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
import { BUILT, big32, big64, changed, little, noise, SMALL } from "../support/image_samples.js";

const EIO = 5;

let module: WebAssembly.Module;
beforeAll(async () => {
  module = await compileReader();
}, 120_000);
const open = (...files: GivenFile[]) => new ImageReader(module, files);

describe("what isn't read is refused by name", () => {
  const qcow2 = qcow2Image(SMALL).bytes;
  const names = Buffer.alloc(56);
  names.writeUInt32BE(0x6803f857, 0);
  names.writeUInt32BE(48, 4);
  names.set([0, 40, ...Buffer.from("flying clusters")], 8);
  // Five bytes of something else, and names: of another kind of feature, of another one, and the one.
  const extensions = Buffer.alloc(16 + 8 + 3 * 48);
  extensions.writeUInt32BE(0x12345678, 0);
  extensions.writeUInt32BE(5, 4);
  extensions.writeUInt32BE(0x6803f857, 16);
  extensions.writeUInt32BE(3 * 48, 20);
  [
    [1, 40, "not this"],
    [0, 41, "nor this"],
    [0, 40, "flying clusters"],
  ].forEach(([kind, bit, name], i) => {
    extensions.set([Number(kind), Number(bit), ...Buffer.from(String(name))], 24 + i * 48);
  });
  const vmdk = vmdkImage(SMALL).bytes;
  const little64 = (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return bytes;
  };
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
      "a feature whose name comes behind others, and they behind something else",
      "qcow2",
      changed(changed(qcow2, 72, big64(1n << 40n)), 104, extensions),
      /incompatible feature 40 \(flying clusters\)$/,
    ],
    [
      "a feature whose name isn't all in its list",
      "qcow2",
      changed(changed(changed(qcow2, 72, big64(1n << 40n)), 104, names), 108, big32(47)),
      /incompatible feature 40$/,
    ],
    [
      "a feature whose name comes behind the last extension",
      "qcow2",
      changed(changed(qcow2, 72, big64(1n << 40n)), 112, names),
      /incompatible feature 40$/,
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
      /offset 8: qcow2 header: the image behind it has to be given \(--backing FILE, in the API as files\)$/,
    ],
    [
      "a data file",
      "qcow2",
      qcow2Image(SMALL, { dataFile: true }).bytes,
      /header: its data file has to be given \(--backing FILE, in the API as files\)$/,
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
      /offset 51: vmdk descriptor: its extents have to be given in order \(--backing FILE, in the API as files\)$/,
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
      "a descriptor where no disk ends",
      "vmdk",
      changed(vmdk, 28, little64(1n << 60n)),
      /offset 28: vmdk header: descriptor at sector 1152921504606846976$/,
    ],
    [
      "a descriptor that is too large",
      "vmdk",
      changed(vmdk, 36, little64(1n << 40n)),
      /offset 36: vmdk header: sectors of the descriptor 1099511627776$/,
    ],
    [
      "a directory where no disk ends",
      "vmdk",
      changed(vmdk, 56, little64(1n << 60n)),
      /offset 56: vmdk header: grain directory at sector 1152921504606846976$/,
    ],
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
      "a differencing vdi",
      "vdi",
      changed(vdiImage(SMALL).bytes, 0x4c, little(4n, 4)),
      /vdi image is a difference to another one, which isn't read$/,
    ],
    ["a vdi of another one", "vdi", changed(vdiImage(SMALL).bytes, 0x1a8, little(4n, 4)), /vdi image is a difference/],
    ["what is no vhd", "vhd", vdiImage(SMALL).bytes, /vhd footer: is no vhd image$/],
    [
      "a vdi with more in its blocks",
      "vdi",
      changed(vdiImage(SMALL).bytes, 0x17c, little(512n, 4)),
      /offset 380: vdi header: blocks have more than their bytes$/,
    ],
    [
      "a fixed vhd that lost its beginning",
      "vhd",
      vhdImage(SMALL).bytes.subarray(512),
      new RegExp(`vhd footer: size ${SMALL.length}$`),
    ],
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
    ["qcow", Buffer.from([...Buffer.from("QFI\xfb", "latin1"), 0, 0, 0, 1])],
  ];
  it.each(LOOKS)("unless it looks like %s, which raw: still reads", (format, bytes) => {
    expect(() => open({ bytes })).toThrow(
      new RegExp(`^disk0: looks like an? ${format} file: (say so|convert it).*raw:FILE`),
    );
    expect((open({ bytes, format: "raw" }).read(0, 4) as Buffer).equals(bytes.subarray(0, 4))).toBe(true);
  });
});

it("the core has a reader for every word that the host takes", () => {
  for (const format of IMAGE_FORMATS.filter((word) => word !== "raw")) {
    expect(() => open({ bytes: noise(4096), format })).toThrow(new RegExp(`^disk0: offset \\d+: ${format} `));
  }
});

describe("numbers in heads go up to their limits, and no further", () => {
  const { bytes: qcow2 } = qcow2Image(SMALL);
  const { bytes: vmdk } = vmdkImage(SMALL);
  const { bytes: vdi } = vdiImage(SMALL);
  /** Sectors of the largest disk. */
  const LARGEST = 2 ** 56 / 512;
  const descriptor = (size: number) => {
    const lines = Buffer.from("# Disk DescriptorFile\nversion=1\nparentCID=ffffffff\nRW 1 ZERO\n");
    return Buffer.concat([lines, Buffer.alloc(size - lines.length, "\n")]);
  };
  const u32 = (image: Uint8Array, place: number) => (value: number) => changed(image, place, little(BigInt(value), 4));
  const u64 = (image: Uint8Array, place: number) => (value: number) => changed(image, place, little(BigInt(value), 8));
  const big = (image: Uint8Array, place: number) => (value: number) => changed(image, place, big32(value));

  it.each<[string, string, (value: number) => Uint8Array, good: number[], bad: number[], RegExp]>([
    ["version", "qcow2", big(qcow2, 4), [2, 3], [1, 4], /header: version \d+$/],
    ["cluster bits", "qcow2", big(qcow2, 20), [9, 21], [8, 22], /header: cluster bits \d+$/],
    ["length", "qcow2", big(qcow2, 100), [104, 112], [96, 103, 105], /header: length \d+$/],
    ["entries of the first table", "qcow2", big(qcow2, 36), [1 << 22], [(1 << 22) + 1], /header: L1 entries \d+$/],
    ["version", "vmdk", u32(vmdk, 4), [1, 3], [0, 4], /header: version \d+$/],
    ["sectors", "vmdk", u64(vmdk, 12), [1, LARGEST], [0, LARGEST + 1], /header: sectors \d+$/],
    ["grain", "vmdk", u64(vmdk, 20), [1, 4096], [0, 3, 8192], /header: sectors of a grain \d+$/],
    ["grain table", "vmdk", u32(vmdk, 44), [1, 4096], [0, 3, 8192], /header: entries of a grain table \d+$/],
    ["descriptor inside", "vmdk", u64(vmdk, 36), [128], [129], /header: sectors of the descriptor \d+$/],
    ["descriptor", "vmdk", descriptor, [65_535, 65_536], [65_537], /descriptor: size \d+$/],
    ["version", "vdi", u32(vdi, 0x44), [0x10000, 0x1ffff], [0xffff, 0x20000], /header: version \d+$/],
    ["type", "vdi", u32(vdi, 0x4c), [1, 2], [0, 3, 5], /header: type \d+$/],
    ["block size", "vdi", u32(vdi, 0x178), [4096, 256 << 20], [2048, 4097, 512 << 20], /header: block size \d+$/],
  ])("%s of a %s", (_name, format, make, good, bad, message) => {
    for (const value of bad) expect(refused(make(value), format)).toMatch(message);
    for (const value of good) expect(refused(make(value), format)).not.toMatch(message);
  });

  /** Why it is refused; nothing if it isn't. */
  function refused(bytes: Uint8Array, format: string): string {
    try {
      open({ bytes, format });
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  }

  it("there are as many entries as the disk needs", () => {
    // A table is for 512 clusters of 4 KiB.
    const large = changed(qcow2, 24, big64(2n * 2n ** 21n + 512n));
    expect(refused(changed(large, 36, big32(2)), "qcow2")).toMatch(/header: L1 entries 2, 3 are needed$/);
    expect(refused(changed(large, 36, big32(3)), "qcow2")).toBe("");
    const even = changed(large, 24, big64(2n * 2n ** 21n));
    expect(refused(changed(even, 36, big32(2)), "qcow2")).toBe("");
    const blocks = vdi.readUInt32LE(0x180);
    expect(refused(u32(vdi, 0x180)(blocks), "vdi")).toBe("");
    expect(refused(u32(vdi, 0x180)(blocks - 1), "vdi")).toMatch(/header: blocks \d+, \d+ are needed$/);
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

  const parted = qcow2Image(SMALL, { clusterBits: 14, extended: true });
  it.each<[string, bigint, bigint]>([
    ["that is there, and zeros", parted.bytes.readBigUInt64BE(parted.at.l2!), 0x0000_0001_0000_0001n],
    ["of a cluster that isn't there", 0n, 1n],
  ])("qcow2: a part of a cluster %s", (_, entry, map) => {
    const bytes = changed(changed(parted.bytes, parted.at.l2!, big64(entry)), parted.at.l2! + 8, big64(map));
    const reader = open({ bytes, format: "qcow2" });
    expect(reader.read(0, 512)).toBe(EIO);
    expect(reader.reports).toEqual([`disk0 offset ${parted.at.l2}: qcow2 L2 entry: bits of subcluster 0`]);
  });

  it("qcow2: a compressed cluster, though all are in a data file", () => {
    const { bytes, data, at } = qcow2Image(SMALL, { dataFile: true });
    const entry = (1n << 62n) | BigInt(at.l2!);
    const reader = open({ bytes: changed(bytes, at.l2!, big64(entry)), format: "qcow2" }, { bytes: data });
    expect(reader.read(0, 512)).toBe(EIO);
    expect(reader.reports).toEqual([`disk0 offset ${at.l2}: qcow2 L2 entry: compressed cluster beside a data file`]);
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

  it.each([0n, 2n ** 31n, 2n ** 32n - 1n])("a packed grain of %d bytes", (size) => {
    const stream = vmdkImage(SMALL, { stream: true });
    const entry = stream.bytes.readUInt32LE(stream.at.tables!);
    const vmdk = open({ bytes: changed(stream.bytes, entry * 512 + 8, little(size, 4)), format: "vmdk" });
    expect(vmdk.read(0, 512)).toBe(EIO);
    expect(vmdk.reports).toEqual([`disk0 offset ${entry * 512}: vmdk grain marker: size ${size}`]);
  });
});
