// Replays of what other loaders, and readers of disk images, got wrong about numbers on disks (replays.test.ts begins them):
// partition tables, image formats, file systems, compressed files. Each test says what the hole was, does the same to a good
// image, and expects what this loader makes of it: the structure and its value named, and nothing but that.

import { gzipSync } from "node:zlib";
import { type DiskSource, inspect } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { packedBase } from "../../fuzz/bases/packed.js";
import { linkedFile } from "../support/elf_image.js";
import { type BuiltImage, qcow2Image, vdiImage, vhdImage, vhdxImage } from "../support/image_formats.js";
import { isoImage } from "../support/iso_image.js";
import { mbr } from "../support/partition_tables.mjs";
import { MIB, prompt } from "../support/prompt.js";
import { bytesOf, SparseDisk } from "../support/sparse_disk.js";
import { UfsImage, ufsDisk } from "../support/ufs_image.js";

const CONTENT = "what is in the file\n";
const KERNEL = linkedFile({ bits: 64, segments: [{ size: 5000 }] }).bytes;
const plain = bytesOf(ufsDisk({ "/file": CONTENT }));

/** Types commands; the loader is there after them, and the guest's memory as it may be. */
async function alive(guest: Parameters<typeof prompt>[0], commands: readonly string[], limits = {}) {
  const read = await prompt(guest, [...commands, "echo alive"], {
    limits: { fuel: 100_000_000, diskBytes: 256 * MIB, ...limits },
  });
  expect(read.result.error?.name).toBe("InputEndedError");
  expect(read.output.at(-1)).toBe("alive\n");
  expect(read.result.memoryFaults).toBe(0);
  return read;
}

/** What a session from a disk ends with, before anything is typed. */
async function refused(disk: DiskSource): Promise<string> {
  const { result, text } = await prompt([disk], ["more /file"]);
  expect(text).not.toContain(CONTENT);
  expect(result.error?.name).toBe("DiskError");
  return result.error!.message;
}

type Change = (bytes: Buffer, at: Record<string, number>) => void;

/** An image with a change. */
function imageWith(format: "qcow2" | "vdi" | "vhd" | "vhdx", { at, bytes }: BuiltImage, change: Change): DiskSource {
  const image = Buffer.from(bytes);
  change(image, at);
  return { image, format };
}

/** The disk of a packed base with bytes changed behind where `mark` is. */
function extWith(name: "ext2" | "ext4", change: (bytes: Buffer) => void): SparseDisk {
  const [disk] = packedBase(name)().disks;
  const bytes = Buffer.from(bytesOf(disk!));
  change(bytes);
  const changed = new SparseDisk(0);
  changed.write(0, bytes);
  return changed;
}

/** ext2 with blocks of 1 KiB: where inode `number` of the first group is. */
const extInode = (bytes: Buffer, number: number) => {
  const size = bytes.readUInt16LE(1024 + 88);
  return bytes.readUInt32LE(2048 + 8) * 1024 + (number - 1) * size;
};
const EXT_ROOT = 2;

/** The inode number of an entry in ext2's root. */
function extEntry(bytes: Buffer, name: string): number {
  const block = bytes.readUInt32LE(extInode(bytes, EXT_ROOT) + 40) * 1024;
  for (let at = block; at < block + 1024; at += bytes.readUInt16LE(at + 4))
    if (bytes.toString("latin1", at + 8, at + 8 + bytes[at + 6]!) === name) return bytes.readUInt32LE(at);
  throw new Error(`no ${name}`);
}

describe("CVE-2019-13103: U-Boot followed a DOS partition table that leads to itself without end", () => {
  const looped = (next: number) => {
    const disk = new SparseDisk(MIB);
    disk.write(0, mbr([{ type: 5, start: 1, size: 100 }]));
    disk.write(
      512,
      mbr([
        { type: 0xa5, start: 1, size: 10 },
        { type: 5, start: next, size: 100 },
      ]),
    );
    disk.write(
      512 * 21,
      mbr([
        { type: 0xa5, start: 1, size: 10 },
        { type: 5, start: 0, size: 100 },
      ]),
    );
    return disk;
  };
  it.each([
    [0, ["disk0s5"], 512],
    [20, ["disk0s5", "disk0s6"], 512],
  ])("an extended record whose next one is %i sectors on, and leads back", async (next, names, at) => {
    const { output, diagnostics } = await alive([looped(next)], ["lsdev -v"]);
    expect(diagnostics).toEqual([`disk0 offset ${at}: extended boot record: the chain comes back to it`]);
    expect(output[0]!.match(/disk0s[5-9]/g)).toEqual(names);
  });
});

describe("CVE-2014-0144: QEMU took sizes of headers and tables of images without a look", () => {
  const cases: [string, "qcow2" | "vdi" | "vhd", BuiltImage, Change, string][] = [
    [
      "qcow2's header",
      "qcow2",
      qcow2Image(plain),
      (b) => b.writeUInt32BE(2 ** 32 - 1, 100),
      "header: length 4294967295",
    ],
    [
      "vdi's disk",
      "vdi",
      vdiImage(plain),
      (b) => b.writeBigUInt64LE(2n ** 64n - 1n, 368),
      "header: size 18446744073709551615",
    ],
    ["vdi's blocks", "vdi", vdiImage(plain), (b) => b.writeUInt32LE(1, 384), "header: blocks 1, "],
    ["vhd's blocks", "vhd", vhdImage(plain, 65536), (b) => sealed(b, 28, 1), "header: blocks 1, "],
  ];
  it.each(cases)("%s", async (_what, format, image, change, message) => {
    expect(await refused(imageWith(format, image, change))).toContain(`${format} ${message}`);
  });
});

/** Writes a number of a dynamic VHD's header, and its checksum. */
function sealed(bytes: Buffer, at: number, value: number): void {
  const header = bytes.subarray(512, 1536);
  header.writeUInt32BE(value, at);
  header.writeUInt32BE(0, 36);
  header.writeUInt32BE(~header.reduce((sum, byte) => sum + byte, 0) >>> 0, 36);
}

describe("CVE-2014-0142: QEMU divided by sizes of images that were zero", () => {
  it.each([0, 1, 3, 511, 2 ** 31])("blocks of %i bytes", async (size) => {
    expect(await refused(imageWith("vhd", vhdImage(plain, 65536), (b) => sealed(b, 32, size)))).toBe(
      `disk0: offset 544: vhd header: block size ${size}`,
    );
    expect(await refused(imageWith("vdi", vdiImage(plain), (b) => b.writeUInt32LE(size, 376)))).toBe(
      `disk0: offset 376: vdi header: block size ${size}`,
    );
  });
});

describe("CVE-2014-0148: QEMU went on for ever over VHDX images whose block and sector sizes it hadn't looked at", () => {
  it.each([
    [0, 0, "block size 0"],
    [0, 3 * MIB, `block size ${3 * MIB}`],
    [0, 2 ** 32 - 1, "block size 4294967295"],
    [16, 0, "sector size 0"],
    [16, 4097, "sector size 4097"],
  ])("at %i: %i", async (offset, value, message) => {
    const image = imageWith("vhdx", vhdxImage(plain), (bytes, at) => bytes.writeUInt32LE(value, at.items! + offset));
    expect(await refused(image)).toMatch(new RegExp(`^disk0: offset \\d+: vhdx metadata: ${message}$`));
  });
});

describe("CVE-2014-0143: QEMU multiplied counts of tables until they wrapped", () => {
  it.each([2 ** 31 - 1, 2 ** 31, 2 ** 29 + 1, 2 ** 32 - 1])("%i entries of the first table", async (count) => {
    expect(await refused(imageWith("qcow2", qcow2Image(plain), (b) => b.writeUInt32BE(count, 36)))).toBe(
      `disk0: offset 36: qcow2 header: L1 entries ${count}`,
    );
  });
});

describe("CVE-2014-0222: QEMU shifted by bits of an image's header that no cluster or table can have", () => {
  it.each([0, 8, 22, 31, 32, 63, 64, 2 ** 32 - 1])("%i bits", async (bits) => {
    expect(await refused(imageWith("qcow2", qcow2Image(plain), (b) => b.writeUInt32BE(bits, 20)))).toBe(
      `disk0: offset 20: qcow2 header: cluster bits ${bits}`,
    );
  });
});

describe("CVE-2014-0223: QEMU computed a table's size from a disk's size that wraps", () => {
  it.each([2n ** 64n - 1n, 2n ** 64n - 512n, 2n ** 63n, 2n ** 62n])("a disk of %i bytes", async (size) => {
    expect(await refused(imageWith("qcow2", qcow2Image(plain), (b) => b.writeBigUInt64BE(size, 24)))).toMatch(
      /^disk0: offset (24|36): qcow2 header: (size \d+|L1 entries 1, \d+ are needed)$/,
    );
  });
});

describe("CVE-2024-4467: QEMU opened what an image calls its data file, a json: description among that", () => {
  it.each(["/etc/passwd", 'json:{"driver":"file","filename":"/etc/passwd"}', "nbd://127.0.0.1:9/"])(
    "%s",
    async (name) => {
      const { bytes } = qcow2Image(plain, { dataFile: true });
      const named = Buffer.from(bytes);
      // The header's extension "external data file name", in the place of the end of extensions.
      named.writeUInt32BE(0x44415441, 104);
      named.writeUInt32BE(name.length, 108);
      named.write(name, 112);
      expect(await refused({ image: named, format: "qcow2" })).toMatch(
        /its data file has to be given \(--backing FILE, in the API as files\)$/,
      );
    },
  );
});

describe("CVE-2020-14311, CVE-2024-57256: grub and U-Boot added one to the size of an ext link, 2^32 - 1", () => {
  it.each([2 ** 32 - 1, 2 ** 32 - 2, 2 ** 31, 1025])("%i bytes", async (size) => {
    const disk = extWith("ext2", (bytes) => {
      const inode = extInode(bytes, extEntry(bytes, "small"));
      bytes.writeUInt16LE(0o120777, inode);
      bytes.writeUInt32LE(size, inode + 4);
    });
    const { output } = await alive([disk], ["more /small", "ls /small", "load -t raw /small", "ls"]);
    expect(output[0]).toContain("can't open '/small'");
    expect(output[3]).toContain("boot\n");
  });
});

describe("CVE-2020-14309: grub added one to the size of a squashfs link, 2^32 - 1", () => {
  it.each([2n ** 32n - 1n, 2n ** 32n, 2n ** 64n - 1n, 1025n])("a UFS1 link of %i bytes", async (size) => {
    const image = new UfsImage({ version: 1, blockSize: 4096, fragmentSize: 512, superblockAt: 8192 });
    const link = image.link(image.root, "link", "x".repeat(300));
    image.file(image.root, "file", CONTENT);
    const disk = image.finish();
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(size);
    disk.write(image.inodeOffset(link) + 8, bytes);
    const { output } = await alive([disk], ["more /link", "more /link/file", "more /file"]);
    expect(output[0]).toContain("can't open '/link'");
    expect(output[2]).toContain(CONTENT);
  });
});

describe("CVE-2019-13104: U-Boot subtracted sizes of ext4 blocks until memcpy got nearly all of memory", () => {
  it.each([0, 1, 7, 11, 65535])("a directory whose first entry has %i bytes", async (length) => {
    const disk = extWith("ext2", (bytes) => {
      const block = bytes.readUInt32LE(extInode(bytes, EXT_ROOT) + 40) * 1024;
      bytes.writeUInt16LE(length, block + 4);
    });
    const { diagnostics, output } = await alive([disk], ["ls", "more /small"]);
    expect(diagnostics.join("\n")).toContain(`directory entry at 0: length ${length}`);
    expect(output[1]).toContain("can't open");
  });

  it.each([2 ** 32 - 1, 2 ** 31, 1_000_000])("a file whose block is number %i", async (block) => {
    const disk = extWith("ext2", (bytes) => bytes.writeUInt32LE(block, extInode(bytes, extEntry(bytes, "small")) + 40));
    const { diagnostics } = await alive([disk], ["more /small"]);
    expect(diagnostics.join("\n")).toMatch(new RegExp(`ext inode \\d+: block address ${block}$`));
  });
});

describe("CVE-2025-0678: grub multiplied a size of its squashfs reader's until it wrapped", () => {
  it.each([2n ** 63n, 2n ** 52n, 2n ** 44n, 2n ** 32n])(
    "a UFS file of %i bytes is read as far as blocks go",
    async (size) => {
      const image = new UfsImage({ version: 2, blockSize: 4096, fragmentSize: 4096, superblockAt: 65536 });
      const file = image.file(image.root, "file", CONTENT);
      const disk = image.finish();
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(size);
      disk.write(image.inodeOffset(file) + 16, bytes);
      const { result } = await prompt([disk], ["load -t raw /file", "echo alive"], { limits: { fuel: 20_000_000 } });
      expect(["InputEndedError", "LimitError"]).toContain(result.error?.name);
      const inspection = await inspect({ disks: [disk], isolation: "none" });
      try {
        for await (const { bytes } of inspection.readParts("/file")) {
          expect(Buffer.from(bytes.subarray(0, CONTENT.length)).toString()).toBe(CONTENT);
          break;
        }
      } finally {
        await inspection.close();
      }
    },
  );
});

describe("CVE-2025-0689: grub's UDF reader took a length of the disk for that of its buffer", () => {
  it.each([2 ** 32 - 1, 2 ** 31, 16 * MIB])("an ISO 9660 file of %i bytes", async (size) => {
    const image = isoImage([{ name: "FILE.;1", rockRidge: "file", content: CONTENT }]);
    const record = image.indexOf("FILE.;1") - 33;
    image.writeUInt32LE(size, record + 10);
    image.writeUInt32BE(size, record + 14);
    const { diagnostics, output } = await alive([{ image, format: "raw" }], ["more /file", "load -t raw /file", "ls"]);
    expect(output[0]).toContain(CONTENT);
    expect(diagnostics.join("\n")).toMatch(/ISO 9660 file.*: data is beyond the end of the disk/);
  });
});

describe("CVE-2024-45780: grub's reader of archives added up lengths of names until they wrapped", () => {
  it.each([0, 1, 4, 5, 254, 255])("a Rock Ridge name entry of %i bytes", async (length) => {
    const image = isoImage([{ name: "FILE.;1", rockRidge: "a name", content: CONTENT }]);
    image[image.indexOf("NM", 0, "latin1") + 2] = length;
    const { output } = await alive([{ image, format: "raw" }], ["ls", "more /file", 'more "/a name"']);
    // The name that ISO 9660 has, or one that is as empty as it says.
    expect(output[0]).toBe(length === 5 ? "/\n    \n" : "/\n    FILE.;1\n");
    expect(output[2]).toContain("can't open '/a name'");
  });
});

describe("CVE-2024-45782: grub copied a volume's name, which has no end, over its stack", () => {
  it("names of UFS and ext that fill their fields, and what is behind them", async () => {
    const ufs = ufsDisk({ "/file": CONTENT });
    ufs.write(65536 + 680, Buffer.alloc(300, "U"));
    const ext = extWith("ext2", (bytes) => bytes.fill("E", 1024 + 120, 1024 + 200));
    const inspection = await inspect({ disks: [ufs, ext], isolation: "none" });
    try {
      expect(inspection.volumes.map(({ label }) => label)).toEqual(["U".repeat(32), "E".repeat(16)]);
    } finally {
      await inspection.close();
    }
  });
});

describe("CVE-2022-37434: zlib wrote a gzip header's extra field past what it was given for it", () => {
  const packed = (size: number, there: number) =>
    Buffer.concat([
      Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, size & 255, size >> 8]),
      Buffer.alloc(there, 0x41),
      gzipSync(CONTENT).subarray(10),
    ]);
  it("an extra field of 65535 bytes is passed over, and one that isn't all there is no header", async () => {
    const files = { "/all.gz": packed(65535, 65535), "/cut.gz": packed(65535, 10), "/none.gz": packed(0, 0) };
    const { diagnostics, output } = await alive(files, ["more /all", "more /cut", "more /none"]);
    expect(output[0]).toContain(CONTENT);
    expect(output[1]).toContain("can't open '/cut'");
    expect(output[2]).toContain(CONTENT);
    expect(diagnostics).toEqual(["disk0:/cut.gz: gzip header: not recognised"]);
  });
});

describe("CVE-2012-2625: pygrub unpacked a kernel of bzip2 or LZMA however large it was", () => {
  it("a bomb ends by the session's fuel, and memory stays what it may be", async () => {
    const { result } = await prompt(
      { "/kernel.gz": gzipSync(Buffer.alloc(200 * MIB)) },
      ["more /kernel", "echo alive"],
      {
        limits: { fuel: 20_000_000, moduleMemory: 32 * MIB },
      },
    );
    expect(result.error).toMatchObject({ name: "LimitError", limit: "fuel" });
  });
});

describe("CVE-2018-18440: U-Boot loaded a file of any size over itself", () => {
  it("a file larger than the guest's memory is told of, and no kernel is entered", async () => {
    const files = { "/kernel": KERNEL, "/large": new Uint8Array(20 * MIB).fill(7) };
    const { result } = await prompt(files, ["load /kernel", "load -t raw /large", "boot"], { memory: 16 * MIB });
    expect(result.reason).toBe("error");
    expect(result.error?.name).toBe("MemoryError");
    expect(result.error?.message).toMatch(/^raw \/large needs \d+ bytes of memory \(0x201418 to 0x[0-9a-f]+\)/);
  });
});

describe("CVE-2012-4544: Xen's domain builder took kernels and RAM disks of any size into the host's memory", () => {
  it("what a kernel says that it needs is held to a limit before anything is taken for it", async () => {
    const kernel = Buffer.from(
      linkedFile({ bits: 64, segments: [{ size: 5000 }, { size: 100, writable: true }] }).bytes,
    );
    // p_memsz of the second segment.
    kernel.writeBigUInt64LE(2n ** 40n, 64 + 56 + 40);
    const { diagnostics, output } = await alive({ "/kernel": kernel }, ["load /kernel"]);
    expect(output[0]).toContain("can't load");
    expect(diagnostics.join()).toMatch(/ELF segment 1: size in memory 1099511627776 exceeds \d+/);
  });
});

describe("CVE-2013-2124: libguestfs freed twice what it had read of certain files of a guest", () => {
  const files = ["/etc/fstab", "/etc/rc.conf", "/boot/loader.conf", "/boot/device.hints", "/boot/kernel/kernel"];
  it("an inspection of empty files finds nothing in them, twice", async () => {
    const disk = ufsDisk(Object.fromEntries(files.map((path) => [path, ""])));
    const inspection = await inspect({ disks: [disk], isolation: "none" });
    try {
      for (let i = 0; i < 2; i++)
        expect(await inspection.system()).toMatchObject({ fstab: [], rcConf: [], loaderConf: [], problems: [] });
    } finally {
      await inspection.close();
    }
  });
});
