// Partition tables: names, kinds and sizes as listed, which partition is booted from, damage and disks that end
// too early.

import { crc32 } from "node:zlib";
import fc from "fast-check";
import type { DiskSource } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { BrokenDisk } from "../support/broken_disk.js";
import { type BsdPartition, bsdLabel, type GptEntry, GUID, gpt, mbr } from "../support/partition_tables.mjs";
import { prompt } from "../support/prompt.js";
import { SparseDisk } from "../support/sparse_disk.js";
import { UfsImage } from "../support/ufs_image.js";

const MIB = 2048;

/** The disk with these parts, by byte offset. */
function diskOf(size: number, parts: readonly [number, Uint8Array][], sectorSize = 512): SparseDisk {
  const disk = new SparseDisk(size, sectorSize);
  for (const [offset, bytes] of parts) disk.write(offset, bytes);
  return disk;
}

/** Adds a file system with one file `name` at byte `at`. */
function addUfs(disk: SparseDisk, at: number, name: string): void {
  const image = new UfsImage({ version: 2, blockSize: 4096, fragmentSize: 512, superblockAt: 65536, at, disk });
  image.file(image.root, name, name);
  image.finish();
}

const gptDisk = (entries: (GptEntry | undefined)[], sectors = 64 * MIB) =>
  diskOf(sectors * 512, gpt({ sectors, entries }));

/** `lsdev -v` without its heading, and `currdev`. */
async function listed(disk: DiskSource) {
  const { output, diagnostics } = await prompt([disk], ["lsdev -v", "show currdev"]);
  const head = "host devices:\n    host0:   Host filesystem\ndisk devices:\n    disk0:   Guest drive image\n";
  expect(output[0]?.startsWith(head)).toBe(true);
  return { lines: output[0]?.slice(head.length).split("\n").slice(0, -1), currdev: output[1]?.trim(), diagnostics };
}

describe("GPT", () => {
  it("lists all kinds, and boots from the first UFS or ZFS partition", async () => {
    const kinds = [GUID.efi, GUID.dos, GUID.boot, GUID.swap, undefined, GUID.zfs, GUID.ufs, GUID.vinum, GUID.nandfs];
    const entries = kinds.map((type, i) => type && { type, first: (i + 1) * MIB, last: (i + 2) * MIB - 1 });
    const { lines, currdev, diagnostics } = await listed(
      gptDisk([...entries, { type: GUID.other, first: 100, last: 100 }]),
    );
    expect(lines).toEqual([
      "      disk0p1: EFI\t1024KB",
      "      disk0p2: DOS/Windows\t1024KB",
      "      disk0p3: FreeBSD boot\t1024KB",
      "      disk0p4: FreeBSD swap\t1024KB",
      "      disk0p6: FreeBSD ZFS\t1024KB",
      "      disk0p7: FreeBSD UFS\t1024KB",
      "      disk0p8: FreeBSD vinum\t1024KB",
      "      disk0p9: FreeBSD nandfs\t1024KB",
      "      disk0p10: Unknown\t   0KB",
    ]);
    expect(currdev).toBe("disk0p6:");
    expect(diagnostics).toEqual([]);
  });

  it.each([13, 14, 15] as const)("is listed with the sizes below each other by the loader of %i", async (profile) => {
    const entries = [GUID.efi, GUID.zfs, GUID.ufs].map((type, i) => ({
      type,
      first: MIB << i,
      last: (MIB << (i + 1)) - 1,
    }));
    const { output } = await prompt([gptDisk(entries)], ["lsdev", "lsdev -v"], { profile });
    expect(output[0]).toMatch(/\n {6}disk0p1: EFI\n {6}disk0p2: FreeBSD ZFS\n {6}disk0p3: FreeBSD UFS\n$/);
    expect(output[1]).toMatch(
      /\n {6}disk0p1: EFI\t\t1024KB\n {6}disk0p2: FreeBSD ZFS\t2048KB\n {6}disk0p3: FreeBSD UFS\t4096KB\n$/,
    );
  });

  it.each([
    [20_000, "9.8", "10000KB"],
    [20 * MIB, "20", "  20MB"],
    [30_000_000_000, "huge", "  13TB"],
    [30_000_000, "14G", "  14GB"],
  ])("prints a size of %i sectors (%s) as %s", async (size, _text, printed) => {
    const { lines } = await listed(gptDisk([{ type: GUID.ufs, first: 64, last: 63 + size }], size + 1000));
    expect(lines).toEqual([`      disk0p1: FreeBSD UFS\t${printed === "10000KB" ? "   9MB" : printed}`]);
  });

  const entries = [{ type: GUID.ufs, first: MIB, last: 9 * MIB }];
  const good = ["      disk0p1: FreeBSD UFS\t8192KB"];
  const last = (64 * MIB - 1) * 512;

  it.each<[string, string[], RegExp, (disk: SparseDisk) => void]>([
    ["primary header", good, /offset 512: GPT primary header: checksum/, (d) => d.write(512 + 48, Buffer.from([9]))],
    ["primary entries", good, /offset 1024: GPT primary entries: checksum/, (d) => d.write(1024, Buffer.from([9]))],
    [
      "backup header",
      good,
      /offset 67108352: GPT backup header: checksum/,
      (d) => d.write(last + 48, Buffer.from([9])),
    ],
    [
      "both headers",
      [],
      /GPT backup header: checksum/,
      (d) => {
        d.write(512 + 48, Buffer.from([9]));
        d.write(last + 48, Buffer.from([9]));
      },
    ],
    [
      "both signatures",
      [],
      /GPT backup header: no signature/,
      (d) => [512, last].map((at) => d.write(at, Buffer.alloc(8))),
    ],
    ["nothing but the backup", good, /^$/, (d) => d.write(0, Buffer.alloc(1024))],
    [
      "the end cut off",
      good,
      /GPT: backup header at sector 131071, but the disk ends at sector 40960/,
      (d) => (d.size = (40 << 20) >> 1),
    ],
  ])("damage: %s", async (_name, expected, message, harm) => {
    const disk = gptDisk(entries);
    harm(disk);
    const { lines, diagnostics } = await listed(disk);
    expect(lines).toEqual(expected);
    expect(diagnostics.join("\n")).toMatch(message);
  });

  it.each([2, 33, -1, -2, -33])("is told by its other copy when sector %i can't be read", async (sector) => {
    const entries = [GUID.boot, GUID.ufs].map((type, i) => ({ type, first: MIB << i, last: (MIB << (i + 1)) - 1 }));
    const whole = await listed(gptDisk(entries));
    const disk = new BrokenDisk(gptDisk(entries));
    disk.bad.add(sector < 0 ? disk.size / 512 + sector : sector);
    const { lines, currdev } = await listed(disk);
    expect(lines).toEqual(whole.lines);
    expect(lines).toHaveLength(2);
    expect(currdev).toBe("disk0p2:");
  });

  describe("of which the backup is another one", () => {
    const sectors = 64 * MIB;
    const backupAt = (sectors * 512) / 2;
    const one: GptEntry[] = [{ type: GUID.ufs, first: MIB, last: 2 * MIB - 1 }];
    const id = "00000001-0002-0003-0004-000000000005";
    /** A disk with the primary table of one, and the backup of another. */
    const mixed = (primary: readonly [number, Uint8Array][], backup: readonly [number, Uint8Array][]) =>
      diskOf(sectors * 512, [...primary.filter(([at]) => at < backupAt), ...backup.filter(([at]) => at >= backupAt)]);
    const primary = gpt({ sectors, id, entries: one });

    it.each<[string, GptEntry[], string]>([
      ["with a partition more", [...one, { type: GUID.zfs, first: 4 * MIB, last: 5 * MIB - 1 }], id],
      ["with another type", [{ type: GUID.zfs, first: MIB, last: 2 * MIB - 1 }], id],
      ["with another end", [{ type: GUID.ufs, first: MIB, last: 3 * MIB - 1 }], id],
      ["of another disk", [{ type: GUID.ufs, first: 3 * MIB, last: 5 * MIB - 1 }], GUID.other],
    ])("%s is believed", async (_name, entries, other) => {
      const backup = gpt({ sectors, id: other, entries });
      const wanted = (await listed(diskOf(sectors * 512, backup))).lines;
      expect(wanted).not.toEqual((await listed(diskOf(sectors * 512, primary))).lines);
      expect(await listed(mixed(primary, backup))).toMatchObject({ lines: wanted, diagnostics: [] });
    });

    it("in its header alone: of another disk, revision, usable sectors", async () => {
      const changes: [number, (header: Buffer) => void][] = [
        [56, (header) => header.fill(9, 56, 72)],
        [8, (header) => header.writeUInt32LE(0x00010001, 8)],
        [40, (header) => header.writeBigUInt64LE(header.readBigUInt64LE(40) + 1n, 40)],
        [48, (header) => header.writeBigUInt64LE(header.readBigUInt64LE(48) - 1n, 48)],
      ];
      const at = (sectors - 1) * 512;
      for (const [field, change] of changes) {
        const disk = diskOf(sectors * 512, primary);
        const header = Buffer.alloc(512);
        disk.read(at, header);
        change(header);
        // Its entries are bad: whether they are looked at shows whether it is taken for the same table.
        const table = Number(header.readBigUInt64LE(72)) * 512;
        header.writeUInt32LE(0, 16);
        header.writeUInt32LE(crc32(header.subarray(0, header.readUInt32LE(12))), 16);
        disk.write(at, header);
        disk.write(table, Buffer.from([9]));
        const { diagnostics } = await listed(disk);
        expect([field, diagnostics.join()]).toEqual([field, expect.stringContaining("GPT backup entries: checksum")]);
      }
      const same = diskOf(sectors * 512, primary);
      same.write((sectors - 33) * 512, Buffer.from([9]));
      expect((await listed(same)).diagnostics).toEqual([]);
    });
  });

  it("entries outside the usable sectors are left out and named", async () => {
    const bad = [
      { type: GUID.ufs, first: 0, last: 10 },
      { type: GUID.ufs, first: 5 * MIB, last: 2 ** 40 },
      { type: GUID.ufs, first: 5 * MIB, last: 4 * MIB },
    ];
    const { lines, diagnostics } = await listed(gptDisk([...bad, ...entries]));
    expect(lines).toEqual(["      disk0p4: FreeBSD UFS\t8192KB"]);
    expect(diagnostics).toHaveLength(3);
  });

  it("works with sectors of 4096 bytes, file system and all", async () => {
    const disk = diskOf(
      32 << 20,
      gpt({ sectors: 8192, sectorSize: 4096, entries: [{ type: GUID.ufs, first: 256, last: 8000 }] }),
      4096,
    );
    addUfs(disk, 1 << 20, "here");
    const { output } = await prompt([disk], ["lsdev -v", "ls"]);
    expect(output[0]).toContain("disk0p1: FreeBSD UFS\t  30MB\n");
    expect(output[1]).toBe("/\n    here\n");
  });
});

describe("MBR", () => {
  it("prefers an active FreeBSD slice, then any, then Linux, then FAT", async () => {
    const slice = (type: number, i: number, active = false) => ({ type, start: (i + 1) * MIB, size: MIB, active });
    const label = bsdLabel([{ type: 7, offset: 0, size: MIB }]);
    const choice = async (types: [number, boolean][]) => {
      const parts: [number, Uint8Array][] = types.map((_, i) => [(i + 1) * MIB * 512 + 512, label]);
      const disk = diskOf(8 * MIB * 512, [
        [0, mbr(types.map(([type, active], i) => slice(type, i, active)))],
        ...parts,
      ]);
      return (await listed(disk)).currdev;
    };
    expect(
      await choice([
        [0x0c, true],
        [0x83, false],
        [0xa5, false],
        [0xa5, true],
      ]),
    ).toBe("disk0s4a:");
    expect(
      await choice([
        [0x0c, true],
        [0xa5, false],
        [0xa5, false],
      ]),
    ).toBe("disk0s2a:");
    expect(
      await choice([
        [0x0c, true],
        [0x83, false],
        [0x83, true],
      ]),
    ).toBe("disk0s3a:");
    expect(
      await choice([
        [0x07, true],
        [0x82, true],
      ]),
    ).toBe("disk0:");
  });

  /** Logical partitions: record i is at sector `at[i]` and holds a partition of MIB/2 sectors. */
  function extended(records: { at: number; type: number; next?: number }[]) {
    const base = records[0]?.at ?? 0;
    const parts = records.map(({ at, type, next }): [number, Uint8Array] => [
      at * 512,
      mbr([
        { type, start: 64, size: MIB / 2 },
        ...(next === undefined ? [] : [{ type: 5, start: next - base, size: MIB }]),
      ]),
    ]);
    return diskOf(64 * MIB * 512, [[0, mbr([{ type: 5, start: base, size: 32 * MIB }])], ...parts]);
  }

  it("follows extended boot records", async () => {
    const records = [
      { at: MIB, type: 0x83, next: 3 * MIB },
      { at: 3 * MIB, type: 0x82, next: 2 * MIB },
      { at: 2 * MIB, type: 0x0b },
    ];
    const { lines } = await listed(extended(records));
    expect(lines).toEqual([
      "      disk0s1: Unknown\t  32MB",
      "      disk0s5: Linux\t 512KB",
      "      disk0s6: Linux swap\t 512KB",
      "      disk0s7: DOS/Windows\t 512KB",
    ]);
  });

  it("names a loop of extended boot records", async () => {
    const { lines, diagnostics } = await listed(
      extended([
        { at: MIB, type: 0x83, next: 3 * MIB },
        { at: 3 * MIB, type: 0x83, next: MIB },
      ]),
    );
    expect(lines).toHaveLength(3);
    expect(diagnostics.join()).toMatch(/offset 1048576: extended boot record: the chain comes back to it/);
  });
});

describe("BSD labels", () => {
  const partitions: (BsdPartition | undefined)[] = [
    { type: 7, offset: 16, size: 8 * MIB },
    { type: 1, offset: 9 * MIB, size: MIB },
    { type: 0, offset: 0, size: 40 * MIB },
    { type: 27, offset: 10 * MIB, size: MIB },
  ];

  it("on the whole disk, in a slice, and with offsets from the disk's start", async () => {
    const whole = diskOf(40 * MIB * 512, [[512, bsdLabel(partitions)]]);
    addUfs(whole, 16 * 512, "whole");
    const absolute = partitions.map((p) => p && { ...p, offset: p.offset + MIB });
    for (const label of [partitions, absolute]) {
      const sliced = diskOf(48 * MIB * 512, [
        [0, mbr([{ type: 0xa5, start: MIB, size: 40 * MIB }])],
        [MIB * 512 + 512, bsdLabel(label)],
      ]);
      addUfs(sliced, (MIB + 16) * 512, "sliced");
      const { output } = await prompt(
        [whole, sliced],
        ["lsdev", "show currdev", "ls", "ls disk0a:", "ls disk1s1a:", "ls disk1s1:"],
      );
      expect(output[0]?.split("disk devices:\n")[1]).toBe(
        [
          "    disk0:   Guest drive image",
          "      disk0a: FreeBSD UFS\t",
          "      disk0b: FreeBSD swap\t",
          "      disk0d: FreeBSD ZFS\t",
          "    disk1:   Guest drive image",
          "      disk1s1: FreeBSD\t",
          "        disk1s1a: FreeBSD UFS\t",
          "        disk1s1b: FreeBSD swap\t",
          "        disk1s1d: FreeBSD ZFS\t",
          "",
        ].join("\n"),
      );
      expect(output.slice(1)).toEqual([
        "disk0s0a:\n",
        "/\n    whole\n",
        "disk0a:/\n    whole\n",
        "disk1s1a:/\n    sliced\n",
        "disk1s1:/\n    sliced\n",
      ]);
    }
  });

  it.each<[string, RegExp, (label: Buffer) => void]>([
    ["partitions", /BSD label: 21 partitions/, (label) => label.writeUInt16LE(21, 138)],
    ["sector size", /BSD label: sector size 4096/, (label) => label.writeUInt32LE(4096, 40)],
    ["an offset", /BSD label: partition 0 at 16 begins before/, (label) => label.writeUInt32LE(17, 148 + 32 + 4)],
  ])("damage: %s", async (_name, message, harm) => {
    const label = bsdLabel(partitions);
    harm(label);
    expect((await listed(diskOf(40 * MIB * 512, [[512, label]]))).diagnostics.join()).toMatch(message);
  });
});

describe("disks", () => {
  it("up to 32, without tables, of any length", async () => {
    const disks = Array.from({ length: 32 }, (_, i) => new Uint8Array(i * 777 + 1));
    const { output } = await prompt(disks, ["set LINES=100", "lsdev -v", "ls disk31:", "ls disk32:"]);
    expect(output[1]?.split("\n").filter((line) => line.includes("Guest drive image"))).toHaveLength(32);
    expect(output[2]).toBe("ls: open 'disk31:/' failed: no such file or directory\n");
    expect(output[3]).toBe("ls: open 'disk32:/' failed: input/output error\n");
  });

  it("whatever the first and last sectors hold, the session goes on", async () => {
    const table = [
      ...gpt({ sectors: 400, entries: [{ type: GUID.slice, first: 66, last: 300 }] }),
      [66 * 512, mbr([{ type: 0xa5, start: 1, size: 100 }])],
      [67 * 512, bsdLabel([{ type: 7, offset: 16, size: 100 }])],
    ] as [number, Buffer][];
    const logical: [number, Buffer][] = [
      [0, mbr([{ type: 5, start: 10, size: 300 }])],
      [
        5120,
        mbr([
          { type: 0xa5, start: 20, size: 30 },
          { type: 5, start: 20, size: 50 },
        ]),
      ],
      [
        15360,
        mbr([
          { type: 0xa5, start: 20, size: 30 },
          { type: 5, start: 0, size: 50 },
        ]),
      ],
    ];
    const sources = [table, logical].map((parts) => {
      const image = new Uint8Array(400 * 512);
      diskOf(image.length, parts).read(0, image);
      return image;
    });
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.nat(1), fc.array(change, { maxLength: 30 }), fc.nat(), async (which, changes, cut) => {
        const source = sources[which] ?? new Uint8Array();
        const image = source.slice(0, cut % 3 === 0 ? (cut % source.length) + 1 : source.length);
        const used = [...image.keys()].filter((i) => image[i] !== 0);
        for (const [at, value] of changes) image[used[at % used.length] ?? 0] = value;
        const { result } = await prompt([image], ["lsdev -v", "ls", "ls disk0s1:", "ls disk0p1:"], {
          limits: { fuel: 5_000_000 },
        });
        expect(result.error?.name).toBe("InputEndedError");
      }),
      { numRuns: 100, seed: 1 },
    );
  });
});
