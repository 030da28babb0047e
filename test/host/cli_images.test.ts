// Images with formats as users of the command line meet them: what is refused, in one line, and what boots.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { userboot } from "../support/cli.js";
import { guestImage } from "../support/guests.js";
import { qcow2Image, vdiImage, vhdImage, vhdxImage, vmdkImage } from "../support/image_formats.js";
import { Scratch } from "../support/scratch.js";

const WORDS = "raw, qcow2, vmdk, vhd, vhdx, vdi, gzip, xz, zstd, bzip2";
const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

const DISK = Buffer.from(guestImage("amd64-ufs2-gpt"));
const ARGUMENTS = ["--start", "simp", "--interface", "4", "--clock", "virtual", "-c", "none"];
const boot = (...args: string[]) => userboot(["boot", ...ARGUMENTS, ...args]);

const RAW = scratch.file("guest.img", DISK);
const QCOW2 = scratch.file("guest.qcow2", qcow2Image(DISK).bytes);
const PARTS = qcow2Image(DISK, { dataFile: true });
const OUTSIDE = scratch.file("outside.qcow2", PARTS.bytes);
const DATA = scratch.file("outside.raw", PARTS.data);
const OVERLAY = scratch.file("overlay.qcow2", qcow2Image(DISK, { backing: true }).bytes);
const FILES = {
  qcow2: QCOW2,
  vmdk: scratch.file("guest.vmdk", vmdkImage(DISK).bytes),
  vhd: scratch.file("guest.vhd", vhdImage(DISK, 65536).bytes),
  vhdx: scratch.file("guest.vhdx", vhdxImage(DISK).bytes),
  vdi: scratch.file("guest.vdi", vdiImage(DISK).bytes),
};

/** What a boot came to that depends on the disk's bytes. */
function outcome(...args: string[]): unknown {
  const { stdout, stderr, status } = boot("--json", ...args);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  const { reason, memory, registers, modules, environment, diagnostics } = JSON.parse(stdout);
  return { reason, memory, registers, modules, environment, diagnostics };
}

describe("a guest is entered with the same memory as from its raw image", () => {
  const raw = outcome("-d", RAW);

  it("which is entered at all", () => {
    expect(raw).toMatchObject({ reason: "exec", diagnostics: [] });
  });

  it.each(Object.entries(FILES))("%s", (format, file) => {
    expect(outcome("-d", `${format}:${file}`)).toEqual(raw);
  });

  it("when the word is raw, when the file is in a thread's hands, and when it is gzip'd", () => {
    expect(outcome("-d", `raw:${RAW}`)).toEqual(raw);
    expect(outcome("-d", `qcow2:${QCOW2}`, "--isolation", "thread")).toEqual(raw);
    expect(outcome("-d", `qcow2:${QCOW2}`, "--isolation", "none")).toEqual(raw);
    spawnSync("gzip", ["-k", QCOW2]);
    expect(outcome("-d", `qcow2:${QCOW2}.gz`)).toEqual(raw);
  });

  it("with files that the disk is made of, each behind its disk", () => {
    expect(outcome("-d", `qcow2:${OUTSIDE}`, "--backing", DATA)).toEqual(raw);
    const second = ["-d", `qcow2:${OVERLAY}`, "--backing", RAW, "-d", `qcow2:${OUTSIDE}`, "--backing", DATA];
    expect(outcome("-d", RAW, ...second)).toEqual(raw);
    expect(outcome("--isolation", "none", "-d", RAW, ...second)).toEqual(raw);
  });
});

describe("one line and status 2 for", () => {
  const vmdk = scratch.file("list.vmdk", '# Disk DescriptorFile\nRW 1 FLAT "/etc/passwd" 0\n');
  const cut = scratch.file("cut.qcow2", qcow2Image(DISK).bytes.subarray(0, 5000));
  const difference = scratch.file("difference.vhdx", vhdxImage(DISK, { parent: true }).bytes);
  const gzip = scratch.file("packed.img", Buffer.from([0x1f, 0x8b, 8, 0]));
  const xz = scratch.file("packed.bin", Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]));
  const large = scratch.file("large.bin", gzipSync(Buffer.alloc(100_000)));
  const say = (word: string) =>
    `looks like a ${word} file: say so (${word}:FILE, in the API format: "${word}"), or raw:FILE to use its bytes as they are`;
  it.each<[string, string[], string]>([
    ...Object.entries(FILES).map(([format, file]): [string, string[], string] => [
      format,
      ["-d", file],
      `${file}: ${say(format)}`,
    ]),
    ["gzip without its name", ["-d", gzip], `${gzip}: ${say("gzip")}`],
    ["another format's word", ["-d", `vdi:${QCOW2}`], `${QCOW2}: offset 64: vdi header: is no vdi image`],
    ["raw as qcow2", ["-d", `qcow2:${RAW}`], `${RAW}: offset 0: qcow2 header: is no qcow2 image`],
    [
      "a data file that isn't given",
      ["-d", `qcow2:${OUTSIDE}`],
      `${OUTSIDE}: offset 72: qcow2 header: its data file has to be given (--backing FILE, in the API as files)`,
    ],
    [
      "a backing file that isn't given",
      ["-d", `qcow2:${OVERLAY}`],
      `${OVERLAY}: offset 8: qcow2 header: the image behind it has to be given (--backing FILE, in the API as files)`,
    ],
    [
      "extents that aren't given",
      ["-d", `vmdk:${vmdk}`],
      `${vmdk}: offset 22: vmdk descriptor: its extents have to be given in order (--backing FILE, in the API as files)`,
    ],
    [
      "a file too many",
      ["-d", `qcow2:${QCOW2}`, "--backing", RAW],
      `${QCOW2}: 1 of 1 files given with it are not used`,
    ],
    [
      "a backing file that is another image",
      ["-d", RAW, "-d", `qcow2:${OVERLAY}`, "--backing", QCOW2],
      `${QCOW2}: ${say("qcow2")}`,
    ],
    [
      "a backing file that isn't there",
      ["-d", `qcow2:${OVERLAY}`, "--backing", "/nonexistent"],
      "/nonexistent: no such file",
    ],
    [
      "a backing file of nothing",
      ["--backing", RAW, "-d", RAW],
      `--backing ${RAW}: there is no disk before it (-d IMAGE)`,
    ],
    [
      "a file that ends early",
      ["-d", `qcow2:${cut}`],
      `${cut}: offset 8192: qcow2 L1 table: 8 bytes, but the file ends at 5000`,
    ],
    [
      "a difference",
      ["-d", `vhdx:${difference}`],
      `${difference}: offset 2162692: vhdx image is a difference to another one, which isn't read`,
    ],
    ["an image that isn't there", ["-d", "qcow2:/nonexistent"], "/nonexistent: no such file"],
    ["a word that is no format", ["-d", `QCOW2:${QCOW2}`], `'QCOW2' is no image format (there are ${WORDS})`],
    ["the same before a file that isn't there", ["-d", "gz:/nonexistent"], "gz:/nonexistent: no such file"],
    ["a format of nothing", ["-d", "qcow2:"], "'qcow2:' names no file"],
    ["no name", ["-d", ""], "'' names no file"],
    [
      "sectors of a backing file",
      ["-d", `qcow2:${OVERLAY}`, "--backing", `${RAW},sectorsize=4096`],
      `--backing ${RAW}: the size of sectors is said of the disk (-d)`,
    ],
    ["xz without its name", ["-d", xz], `${xz}: ${say("xz").replace("a xz", "an xz")}`],
    [
      "what holds more than it may",
      ["-d", `gzip:${large}`, "--limit", "unpackedBytes=1000"],
      `limit unpackedBytes exceeded by ${large}: 100000 of 1000 used`,
    ],
    [
      "a device on a disk that isn't there",
      ["-d", RAW, "--currdev", "disk1p1:"],
      "can't boot from 'disk1p1:': there is no such disk",
    ],
  ])("%s", (_, args, line) => {
    for (const isolation of ["process", "none"]) {
      const { stderr, stdout, status } = boot("--isolation", isolation, ...args);
      expect(stderr).toBe(`userboot: ${line}\n`);
      expect(stdout).toBe("");
      expect(status).toBe(2);
    }
  });

  it("a machine that would read the format by itself", () => {
    const { stderr, status } = userboot(["run", "-d", `qcow2:${QCOW2}`]);
    if (stderr.includes("is not installed")) return expect(status).toBe(2);
    expect(stderr).toBe(
      `userboot: qcow2:${QCOW2}: run gives a machine raw images only (qemu-img convert -O raw makes one)\n`,
    );
    expect(status).toBe(2);
  });
});

it("a name with a colon in it that is no format is a name", () => {
  const odd = scratch.file("qcow3:guest.img", DISK);
  expect(boot("-d", join(odd)).status).toBe(0);
});
