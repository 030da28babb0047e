// Disks that don't boot, and what is said of each: `bootProblem` by the public interface, and the table in
// docs/why-it-does-not-boot.md, which is made here (UPDATE_TABLES=1 writes it).

import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { type BootOptions, type BootResult, boot, type DiskSource, KeysConsole } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { linkedFile } from "../support/elf_image.js";
import { qcow2Image } from "../support/image_formats.js";
import { isoImage } from "../support/iso_image.js";
import { MEASURED } from "../support/measured.js";
import { GUID, gpt, mbr } from "../support/partition_tables.mjs";
import { disksOf, neededSets, poolsIn } from "../support/pools.js";
import { inRepository } from "../support/repository.js";
import { bytesOf, SparseDisk } from "../support/sparse_disk.js";
import { type Files, ufsDisk } from "../support/ufs_image.js";
import { editLabels } from "../support/zfs_pool.js";

const PAGE = inRepository("docs/why-it-does-not-boot.md");
const KERNEL = linkedFile({ bits: 64, segments: [{ size: 4096 }] }).bytes;
/** Where the first partition begins, in sectors. */
const FIRST = 64;
const SECTOR = 512;

/** A disk of zeros but for these parts. */
function disk(
  size: number,
  parts: readonly (readonly [number, Uint8Array | string])[] = [],
  sectorSize = 512,
): SparseDisk {
  const made = new SparseDisk(size, sectorSize);
  for (const [at, part] of parts) made.write(at, typeof part === "string" ? Buffer.from(part, "latin1") : part);
  return made;
}

/** A GPT disk with these partitions of 1 MiB, each with some bytes in it. */
function partitioned(
  partitions: readonly { type: string; parts?: readonly (readonly [number, string])[] }[],
): SparseDisk {
  const each = 2048;
  const sectors = FIRST + each * partitions.length + FIRST;
  const entries = partitions.map(({ type }, i) => ({
    type,
    first: FIRST + i * each,
    last: FIRST + (i + 1) * each - 1,
  }));
  const made = disk(sectors * SECTOR, gpt({ sectors, entries }));
  partitions.forEach(({ parts = [] }, i) => {
    for (const [at, text] of parts) made.write((FIRST + i * each) * SECTOR + at, Buffer.from(text, "latin1"));
  });
  return made;
}

/** A disk whose one partition is a file system with `files`. */
function ufs(files: Files, sectorSize = SECTOR): SparseDisk {
  const inner = bytesOf(ufsDisk(files));
  const sectors = FIRST + Math.ceil(inner.length / sectorSize) + FIRST;
  const last = sectors - FIRST - 1;
  const made = disk(
    sectors * sectorSize,
    gpt({ sectors, sectorSize, entries: [{ type: GUID.ufs, first: FIRST, last }] }),
  );
  made.write(FIRST * sectorSize, inner);
  return made;
}

/** The same with bytes of it changed. */
function changed(made: SparseDisk, at: number, bytes: Uint8Array): SparseDisk {
  made.write(at, bytes);
  return made;
}

/** The kernel for another machine. */
function foreign(machine: number): Buffer {
  const kernel = Buffer.from(KERNEL);
  kernel.writeUInt16LE(machine, 18);
  return kernel;
}

const pools = poolsIn("images/pools");
if (pools === undefined) throw new Error("images/pools is part of the repository");

async function unknownFeature(): Promise<SparseDisk[]> {
  const disks = await disksOf(pools!, "history");
  for (const one of disks) {
    editLabels(one, "config", (packed) => {
      const at = packed.indexOf("com.delphix:hole_birth");
      if (at < 0) throw new Error("no such feature");
      packed.write("com.delphix:hole_worth", at, "latin1");
    });
  }
  return disks;
}

async function missingDisk(): Promise<SparseDisk[]> {
  const name = "special_mirrors";
  const [missing] = neededSets(pools!.pools[name]!);
  if (missing === undefined) throw new Error(`${name} needs none of its disks`);
  return (await disksOf(pools!, name)).filter((_, index) => !missing.includes(index));
}

function truncated(): SparseDisk {
  const whole = ufs({ "/boot/filler": Buffer.alloc(2 << 20, 1), "/boot/kernel/kernel": KERNEL });
  whole.size -= 1 << 20;
  return whole;
}

/** A case: what it is, its disks, what must be said, in a line of `kind name: found`. */
interface Case {
  disks: () => Promise<readonly DiskSource[]> | readonly DiskSource[];
  said: RegExp;
  options?: Partial<BootOptions>;
}

const BOOTS: Files = { "/boot/kernel/kernel": KERNEL };
const SUPERBLOCK = FIRST * SECTOR + 65536;

const CASES: Readonly<Record<string, Case>> = {
  "no disk at all": { disks: () => [], said: /^disk disks: there are none$/m },
  "empty disk": { disks: () => [disk(1 << 20)], said: /^partition disk0: whole disk: zeros/m },
  garbage: { disks: () => [disk(1 << 20, [[0, Buffer.alloc(1 << 20, 0xa7)]])], said: /no partition table$/m },
  "MBR without partitions": { disks: () => [disk(1 << 20, [[0, mbr([])]])], said: /MBR, no partitions$/m },
  "both GPT headers damaged": {
    disks: () => {
      const made = ufs(BOOTS);
      return [changed(changed(made, SECTOR + 40, Buffer.of(99)), made.size - SECTOR + 40, Buffer.of(99))];
    },
    said: /^damage disk0 offset 512: GPT primary header: checksum$/m,
  },
  "GPT without a partition of FreeBSD's": {
    disks: () => [partitioned([{ type: GUID.efi }, { type: GUID.other }])],
    said: /^partition disk0p1: EFI: zeros/m,
  },
  "UFS without /boot": {
    disks: () => [ufs({ "/etc/motd": "hello" })],
    said: /^file disk0p1:\/boot\/loader: no such file/m,
  },
  "UFS with a damaged superblock": {
    disks: () => [changed(ufs(BOOTS), SUPERBLOCK + 48, Buffer.alloc(8, 0xff))],
    said: /^(damage disk0 offset \d+: UFS superblock|partition disk0p1: FreeBSD UFS: UFS2)/m,
  },
  "loader without a kernel": {
    disks: () => [ufs({ "/boot/loader": "$Interpreter:simp\0" })],
    said: /^file disk0p1:\/boot\/kernel\/kernel: no such file/m,
  },
  "kernel that isn't ELF": {
    disks: () => [ufs({ "/boot/kernel/kernel": "#!/bin/sh\necho kernel of another kind\n" })],
    said: /^file disk0p1:\/boot\/kernel\/kernel: not an ELF file$/m,
  },
  "kernel for another machine": {
    disks: () => [ufs({ "/boot/kernel/kernel": foreign(183) })],
    said: /kernel: ELF for arm64, not amd64 or i386$/m,
  },
  "script that names a kernel that isn't there": {
    disks: () => [ufs({ ...BOOTS, "/boot/loader.rc": "set autoboot_delay=NO\nload /boot/kernel.custom/kernel\n" })],
    said: /^kernel \/boot\/kernel.custom\/kernel: can't find/m,
  },
  "countdown stopped": {
    disks: () => [ufs(BOOTS)],
    options: { console: new KeysConsole(["x"]) },
    said: /^kernel \/boot\/kernel\/kernel: loaded, and not entered$/m,
  },
  "pool with an unknown feature": {
    disks: unknownFeature,
    said: /^pool zfs:zroot: unsupported ZFS feature com.delphix:hole_worth$/m,
  },
  "pool with an encrypted root": {
    disks: () => disksOf(pools!, "encrypted_root"),
    said: /^pool zfs:\S+: .*encrypted$/m,
  },
  "pool of which one disk of five is there": {
    disks: async () => (await disksOf(pools!, "raidz3_expanded")).slice(0, 1),
    said: /^pool zfs:zroot: can't be read, 1 of its disks found\npool zfs:zroot: ZFS pool is incomplete: missing \S+ .*$/m,
  },
  "log and cache of a pool, without it": {
    disks: async () => (await disksOf(pools!, "mirror_log_cache")).slice(2),
    said: /^partition disk0p1: .*: log of ZFS pool zroot,[\s\S]*^partition disk1p1: .*: spare or cache of a ZFS pool,/m,
  },
  "disk removed from a pool, without it": {
    disks: async () => (await disksOf(pools!, "removed_twice")).slice(0, 1),
    said: /^partition disk0p1: .*: removed from ZFS pool zroot,/m,
  },
  "device chosen by the caller, which has nothing": {
    disks: async () => [...(await disksOf(pools!, "clone_of_clone")), ufs({ "/etc/motd": "hello" })],
    options: { currdev: "disk1p1:" },
    said: /^partition disk1p1: to be booted from, as it was said$/m,
  },
  "data set chosen by the caller, which has nothing": {
    disks: () => disksOf(pools!, "clone_of_clone"),
    options: { currdev: "zfs:zroot:" },
    said: /^pool zfs:zroot: to be booted from, as it was said\nfile zfs:zroot:\/boot\/loader: no such file/m,
  },
  "pool that lacks a disk": { disks: missingDisk, said: /^pool zfs:zroot: .*missing/m },
  "truncated image": { disks: () => [truncated()], said: /cut off by the end of the disk|the disk ends at sector/m },
  "ISO without a loader": {
    disks: () => [isoImage([{ name: "README.TXT;1", content: "hello" }])],
    said: /^file disk0:\/boot\/loader: no such file/m,
  },
  "partition encrypted by GELI": {
    disks: () => [partitioned([{ type: GUID.ufs, parts: [[(1 << 20) - SECTOR, "GEOM::ELI"]] }])],
    said: /^partition disk0p1: FreeBSD UFS: encrypted by GELI/m,
  },
  "partitions of others": {
    disks: () => [
      partitioned([
        { type: GUID.other, parts: [[0, "LUKS\xba\xbe"]] },
        { type: GUID.dos, parts: [[3, "NTFS    "]] },
        { type: GUID.other, parts: [[65600, "_BHRfS_M"]] },
        { type: GUID.other, parts: [[4086, "SWAPSPACE2"]] },
        { type: GUID.other, parts: [[512, "LABELONE"]] },
      ]),
    ],
    said: /LUKS[\s\S]*NTFS[\s\S]*btrfs[\s\S]*Linux swap[\s\S]*LVM/,
  },
  "partitions of FAT and ext": {
    disks: () => [
      partitioned([
        { type: GUID.efi, parts: [[82, "FAT32   "]] },
        { type: GUID.other, parts: [[1080, "\x53\xef"]] },
      ]),
    ],
    said: /FAT32[\s\S]*ext2, ext3 or ext4/,
  },
  "qcow2 given as raw": {
    disks: () => [Buffer.from(qcow2Image(Buffer.alloc(65536)).bytes)],
    said: /looks like a qcow2 file/,
  },
  "gzip'd file given as raw": { disks: () => [gzipSync(Buffer.alloc(65536))], said: /looks like a gzip file/ },
  "sectors of 4096 said, disk of 512": {
    disks: () => [{ image: bytesOf(ufs(BOOTS)), sectorSize: 4096 }],
    said: /^damage disk0 offset 512: GPT header where disks with sectors of 512 bytes have it/m,
  },
  "disk that can't be read": {
    disks: () => [
      Object.assign(disk(1 << 20), {
        read(): number {
          throw new Error("medium failed");
        },
      }),
    ],
    said: /^disk disk0: .*can't be read$/m,
  },
};

async function attempt({ disks, options }: Case): Promise<BootResult> {
  return boot({
    disks: await disks(),
    console: new KeysConsole([]),
    clock: "virtual",
    isolation: "none",
    start: "simp",
    memory: 64 << 20,
    ...options,
  });
}

const listed = ({ bootProblem = [] }: BootResult): string[] =>
  bootProblem.map(({ kind, name, found }) => `${kind} ${name}: ${found}`);

describe("what is said of a disk that doesn't boot", () => {
  const rows = new Map<string, string>();

  it.each(Object.keys(CASES))("%s", async (title) => {
    const one = CASES[title]!;
    const result = await attempt(one);
    expect(result.reason).toBe("error");
    const lines = listed(result);
    expect(lines.join("\n")).toMatch(one.said);
    const cell = (text: string) => text.replaceAll("|", "\\|");
    const list = (result.bootProblem ?? []).map(({ name, found }) => cell(`${name}: ${found}`)).join("<br>");
    rows.set(title, `| ${title} | ${result.error?.name} | ${list} |\n`);
    result.release();
  });

  it("is what the table in docs/why-it-does-not-boot.md says", (context) => {
    if (rows.size < Object.keys(CASES).length) context.skip("not all were tried");
    expect(rows.size).toBeGreaterThan(20);
    const begin = "<!-- problems -->\n";
    const page = readFileSync(PAGE, "utf8");
    const from = page.indexOf(begin) + begin.length;
    const to = page.indexOf("<!-- /problems -->");
    const made = `| the disk | ends with | what was looked at, and found there |\n| --- | --- | --- |\n${[...rows.values()].join("")}`;
    if (process.env.UPDATE_TABLES) writeFileSync(PAGE, page.slice(0, from) + made + page.slice(to));
    else expect(page.slice(from, to), "UPDATE_TABLES=1 writes it").toBe(made);
  });
});

describe("whatever a session without a kernel ends with, it is said what there was", () => {
  /** Scripts of which each has the next one run eight times. */
  const LOOP: Record<string, string | Uint8Array> = { ...BOOTS, "/boot/loader.rc": "include /boot/0\n" };
  for (let i = 0; i < 7; i++) LOOP[`/boot/${i}`] = `include /boot/${i + 1}\n`.repeat(8);
  LOOP["/boot/7"] = "echo still here\n";
  const swaps: Files = { ...BOOTS, "/boot/loader": "$Interpreter:lua\0" };

  it.each<[string, Partial<BootOptions> & { files?: Files }, RegExp]>([
    ["fuel", { files: LOOP, limits: { fuel: 300_000 } }, /^LimitError: limit fuel/],
    ["console bytes", { files: LOOP, limits: { consoleBytes: 2000 } }, /^LimitError: limit consoleBytes/],
    ["disk bytes", { limits: { diskBytes: 100_000 } }, /^LimitError: limit diskBytes/],
    ["an interpreter that isn't allowed", { files: swaps, loader: "simp", interfaceVersion: 5 }, /^InterpreterError/],
    ["too little memory", { memory: (2 << 20) + 8192 }, /^MemoryError/],
  ])("%s", async (_name, { files = BOOTS, ...options }, ended) => {
    const result = await attempt({ disks: () => [ufs(files)], options, said: /./ });
    expect(`${result.error?.name}: ${result.error?.message}`).toMatch(ended);
    const lines = listed(result).join("\n");
    expect(lines).toMatch(/^partition disk0p1: FreeBSD UFS: ufs$/m);
    expect(lines).toMatch(/^file disk0p1:\/boot\/kernel\/kernel: ELF for amd64$/m);
    result.release();
  });

  it.each(["none", "thread"] as const)("time, isolation %s", MEASURED, async (isolation) => {
    const image = bytesOf(ufs(LOOP));
    // The faster the module, the more it leaves behind until then.
    const limits = { wallMs: 500, fuel: 1e12, consoleBytes: 1e9, diskBytes: 1e12, moduleMemory: 2 ** 28 };
    const result = await attempt({ disks: () => [image], options: { isolation, limits }, said: /./ });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "wallMs" });
    expect(listed(result).join("\n")).toMatch(/^file disk0p1:\/boot\/kernel\/kernel: ELF for amd64$/m);
    result.release();
  });

  it("nothing was looked for yet", async () => {
    const result = await attempt({ disks: () => [ufs(BOOTS)], options: { limits: { fuel: 1 } }, said: /./ });
    expect(listed(result)[0]).toBe("disk disks: not all were found when the session ended");
    result.release();
  });

  it("and what it costs isn't the session's", async () => {
    const result = await attempt({ disks: () => [ufs(LOOP)], options: { limits: { fuel: 300_000 } }, said: /./ });
    expect(result.fuelUsed).toBe(300_000);
    result.release();
  });
});

describe("a disk that boots", () => {
  it("has no problem", async () => {
    const result = await attempt({ disks: () => [ufs(BOOTS)], said: /./ });
    expect(result.reason).toBe("exec");
    expect(result.bootProblem).toBeUndefined();
    result.release();
  });

  it("is taken as one with sectors of 4096 when its GPT says so, and that is said", async () => {
    const made = bytesOf(ufs(BOOTS, 4096));
    const [guessed, told] = [
      await attempt({ disks: () => [made], said: /./ }),
      await attempt({ disks: () => [{ image: made, sectorSize: 4096 }], said: /./ }),
    ];
    expect([guessed.reason, told.reason]).toEqual(["exec", "exec"]);
    expect(guessed.diagnostics).toEqual([
      "disk0 offset 4096: GPT header where disks with sectors of 4096 bytes have it: they are taken as such (say sectorsize=4096)",
    ]);
    expect(told.diagnostics).toEqual([]);
    expect(guessed.memory).toEqual(told.memory);
    for (const one of [guessed, told]) one.release();
  });
});
