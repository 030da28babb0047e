// What `userboot inspect` says of images that are broken, each in its own way: the exit status, and the line that names it.

import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { userboot } from "../support/cli.js";
import { guestImage } from "../support/guests.js";
import { GUID, gpt } from "../support/partition_tables.mjs";
import { disksOf, poolsIn } from "../support/pools.js";
import { Scratch } from "../support/scratch.js";
import { SparseDisk } from "../support/sparse_disk.js";
import { UfsImage } from "../support/ufs_image.js";

const image = guestImage("amd64-ufs2-gpt");
const SECTOR = 512;
/** Where the root file system begins, and its superblock. */
const ROOT = 86_016;

/** The guest with bytes changed by `change`. */
function changed(change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(image);
  change(bytes);
  return bytes;
}

/** Changes every place where `text` is. */
function replaceAll(bytes: Buffer, text: string, by: string): void {
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) bytes.write(by, at, "latin1");
}

const bytesOf = (disk: SparseDisk): Buffer => {
  const bytes = Buffer.alloc(disk.size);
  disk.read(0, bytes);
  return bytes;
};

/** A UFS image with these files, by name, in the root directory. */
function ufsWith(files: Record<string, string>): Buffer {
  const ufs = new UfsImage({ version: 2, blockSize: 4096, fragmentSize: 512, superblockAt: 65536 });
  for (const [name, content] of Object.entries(files)) ufs.file(ufs.root, name, content);
  return bytesOf(ufs.finish());
}

/** A disk with one partition that holds `content`. */
function inPartition(content: Uint8Array): Buffer {
  const disk = new SparseDisk(0);
  disk.write(2048 * SECTOR, content);
  const last = 2048 + content.length / SECTOR - 1;
  for (const [offset, bytes] of gpt({ sectors: last + 100, entries: [{ type: GUID.ufs, first: 2048, last }] }))
    disk.write(offset, bytes);
  return bytesOf(disk);
}

/** A GELI provider by sight: its last sector says so. */
function encrypted(): Buffer {
  const bytes = randomBytes(256 * SECTOR);
  bytes.write("GEOM::ELI\0", bytes.length - SECTOR, "latin1");
  return bytes;
}

const KERNEL_CUT = "kernel: /boot/kernel/kernel:";
const BROKEN: [string, () => Uint8Array, number, RegExp][] = [
  ["nothing but zeros", () => new Uint8Array(1024 * 1024), 1, /won't boot: disk0: no file system that is read here/],
  ["a text", () => Buffer.alloc(100_000, "no disk at all\n"), 1, /disk0: raw, .* no partition table/],
  [
    "a GPT whose first header is bad",
    () => changed((bytes) => bytes.fill(0xee, 540, 544)),
    0,
    /! disk0 offset 512: GPT primary header: checksum/,
  ],
  ["a GPT without its backup", () => image.subarray(0, image.length - 16_384), 0, /the disk ends at sector/],
  [
    "a GPT of which both headers are bad",
    () =>
      changed((bytes) => {
        bytes.fill(0xee, 540, 544);
        bytes.fill(0xee, bytes.length - SECTOR + 28, bytes.length - SECTOR + 32);
      }),
    1,
    /! disk0 offset 512: GPT primary header: checksum/,
  ],
  ["no superblock", () => changed((bytes) => bytes.fill(0, ROOT, ROOT + 200_000)), 1, /won't boot: .*no file system/],
  ["cut off in the middle", () => image.subarray(0, 230_000), 1, /cut off by the end of the disk/],
  [
    "no kernel",
    () => changed((bytes) => replaceAll(bytes, "\x06kernel\0", "\x06kernal\0")),
    1,
    /won't boot: kernel: \/boot\/kernel\/kernel: no such file/,
  ],
  [
    "a kernel for another machine",
    () =>
      changed((bytes) => {
        for (let at = bytes.indexOf("\x7fELF"); at >= 0; at = bytes.indexOf("\x7fELF", at + 1))
          bytes.writeUInt16LE(183, at + 18);
      }),
    1,
    /won't boot: kernel: \/boot\/kernel\/kernel is for arm64, not amd64 or i386/,
  ],
  [
    "a kernel that is none",
    () => changed((bytes) => replaceAll(bytes, "\x7fELF", "ELF?")),
    1,
    new RegExp(`won't boot: ${KERNEL_CUT} not an ELF file`),
  ],
  [
    "a loader that wants what there isn't",
    () => changed((bytes) => replaceAll(bytes, "$Interpreter:simp", "$Interpreter:perl")),
    1,
    /won't boot: interpreter: \/boot\/loader wants "perl"/,
  ],
  [
    "no scripts",
    () => changed((bytes) => replaceAll(bytes, "loader.rc\0", "loader.qq\0")),
    0,
    /! \/boot\/loader.rc, .*: not there: simp starts without scripts, and loader.conf isn't read/,
  ],
  [
    "no root",
    () => changed((bytes) => replaceAll(bytes, "/dev/vtbd0p2\t/\t", "/dev/vtbd0p2\t-\t")),
    1,
    /won't boot: root: neither/,
  ],
  ["encrypted", () => inPartition(encrypted()), 1, /disk0p1 .*encrypted by GELI/],
  ["a file system without anything to boot", () => ufsWith({ readme: "hello\n" }), 1, /won't boot: kernel: /],
  ["packed", () => gzipSync(image), 2, /looks like a gzip file/],
];

it.each(BROKEN)("%s", (_, make, status, line) => {
  using scratch = new Scratch();
  const path = scratch.file("guest.img", make());
  const ended = userboot(["inspect", "-d", path, "--isolation", "none"]);
  expect(ended.stdout + ended.stderr).toMatch(line);
  expect(ended.status).toBe(status);
  if (status === 2) return;
  const json = JSON.parse(userboot(["inspect", "-d", path, "--isolation", "none", "--json"]).stdout);
  expect(json.missing === null).toBe(status === 0);
});

it("a pool that lacks a disk it can't do without", { timeout: 60_000 }, async () => {
  using scratch = new Scratch();
  const disks = await disksOf(poolsIn("images/pools")!, "raidz1_expanded_twice");
  const paths = disks.slice(2).map((disk, i) => scratch.file(`disk${i}`, bytesOf(disk)));
  const { status, stdout } = userboot(["inspect", "--isolation", "none", ...paths.flatMap((path) => ["-d", path])]);
  expect(status).toBe(1);
  expect(stdout).toMatch(/zfs:zroot: UNAVAIL[\s\S]*! zfs:zroot: ZFS pool is incomplete/);
  // That comes before what was met while it was tried, is what it won't boot for, and nothing is said twice.
  const lines = stdout.trimEnd().split("\n");
  expect(lines.find((line) => line.startsWith("  !"))).toMatch(/ZFS pool is incomplete: missing/);
  expect(lines.at(-1)).toMatch(/^won't boot: zfs:zroot: ZFS pool is incomplete: missing \S+ \(guid \d+\)/);
  const damage = lines.map((line) => line.replace(/^ +(! )?/, "")).filter((line) => line.startsWith("zfs:zroot"));
  expect(new Set(damage).size).toBe(damage.length);
  // And whoever asks for a file on it is told the same.
  const asked = userboot([
    "ls",
    "--isolation",
    "none",
    ...paths.flatMap((path) => ["-d", path]),
    "zfs:zroot/ROOT:/boot",
  ]);
  expect(asked.stderr).toMatch(
    /^userboot: zfs:zroot\/ROOT:\/boot: no such device or pool \(zfs:zroot: ZFS pool is incomplete: missing .*\)\n$/,
  );
  const other = userboot(["ls", "--isolation", "none", "-d", paths[0]!, "disk1p1:/"]);
  expect(other.stderr).toBe("userboot: disk1p1:/: no such device or pool\n");
});
