// Image files that are compressed as a whole: unpacked to a file with holes, which goes away with the boot.

import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as zlib from "node:zlib";
import { AbortedError, boot, DiskError, LimitError } from "userboot-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { unpackFile } from "../../build/host/disks/packed.js";
import { CLI, userboot } from "../support/cli.js";
import { guestImage } from "../support/guests.js";
import { qcow2Image } from "../support/image_formats.js";
import { Scratch } from "../support/scratch.js";

const MIB = 1024 * 1024;
const scratch = new Scratch();
const temporary = new Scratch();
process.env.TMPDIR = temporary.path;
afterAll(() => {
  delete process.env.TMPDIR;
  temporary[Symbol.dispose]();
  scratch[Symbol.dispose]();
});

const DISK = guestImage("amd64-ufs2-gpt");
const RAW = scratch.file("guest.img", DISK);
const GZIP = scratch.file("guest.img.gz", zlib.gzipSync(DISK));
const OPTIONS = { start: "simp", interfaceVersion: 4, clock: "virtual", digests: true } as const;
/** What is in the directory for temporary files, which is one of our own. */
const ours = () => readdirSync(tmpdir());

const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Uint8Array) => Buffer };

describe.each(["thread", "process", "none"] as const)("isolation %s", (isolation) => {
  it("boots from it as from the image, by the API, too, and leaves nothing", async () => {
    const { memory } = await boot({ ...OPTIONS, isolation, disks: [RAW] });
    const packed = await boot({ ...OPTIONS, isolation, disks: [GZIP] });
    expect(packed.reason).toBe("exec");
    expect(packed.memory).toEqual(memory);
    const image = scratch.file("guest.qcow2.gz", zlib.gzipSync(qcow2Image(DISK, { backing: true }).bytes));
    const both = await boot({ ...OPTIONS, isolation, disks: [{ image, format: "qcow2", files: [GZIP] }] });
    expect(both.memory).toEqual(memory);
    expect(ours()).toEqual([]);
  });

  it("refuses what is none, and leaves nothing", async () => {
    const bogus = scratch.file("bogus.gz", "not gzip");
    const cut = scratch.file("cut.gz", zlib.gzipSync(DISK).subarray(0, 5000));
    for (const path of [bogus, cut]) {
      const refused = boot({ ...OPTIONS, isolation, disks: [GZIP, path] });
      await expect(refused).rejects.toThrow(DiskError);
      await expect(refused).rejects.toThrow(`${path}: is not a gzip file, or damaged`);
    }
    for (const [end, name] of [
      [".xz", "xz"],
      [".bz2", "bzip2"],
    ] as const) {
      const path = scratch.file(`guest.img${end}`, "x");
      await expect(boot({ ...OPTIONS, isolation, disks: [path] })).rejects.toThrow(
        `${path}: unpack it first: ${name} files are not read here`,
      );
    }
    await expect(boot({ ...OPTIONS, isolation, disks: [join(scratch.path, "none.gz")] })).rejects.toThrow(
      "none.gz: no such file",
    );
    expect(ours()).toEqual([]);
  });
});

it.skipIf(!zstdCompressSync)("zstd, where Node has it", async () => {
  const path = scratch.file("guest.img.zst", zstdCompressSync!(DISK));
  expect((await boot({ ...OPTIONS, disks: [path] })).reason).toBe("exec");
});

it("has holes where there are zeros", async () => {
  const holes = Buffer.alloc(64 * MIB);
  holes.write("begin", 0);
  holes.write("end", holes.length - 3);
  const path = scratch.file("holes.gz", zlib.gzipSync(holes, { level: 1 }));
  const target = join(scratch.path, "holes");
  await unpackFile(path, target, holes.length);
  await expect(unpackFile(path, join(scratch.path, "more"), holes.length - 1)).rejects.toThrow(LimitError);
  const { size, blocks, mode } = statSync(target);
  expect(size).toBe(holes.length);
  expect(blocks * 512).toBeLessThan(MIB);
  expect(mode & 0o777).toBe(0o600);
});

it("ends when the caller does, and when a signal ends the program; nothing is left", async () => {
  const large = scratch.file("large.gz", zlib.gzipSync(Buffer.alloc(256 * MIB), { level: 1 }));
  const controller = new AbortController();
  const aborted = boot({ ...OPTIONS, disks: [large], signal: controller.signal });
  setTimeout(() => controller.abort("enough"), 20);
  await expect(aborted).rejects.toThrow(AbortedError);
  const args = [
    "--preserve-status",
    "-s",
    "TERM",
    "0.6",
    process.execPath,
    CLI,
    "boot",
    "-d",
    large,
    "-d",
    large,
    "-d",
    large,
  ];
  const { status } = spawnSync("timeout", args, { input: "" });
  expect([143, 1]).toContain(status);
  expect(ours()).toEqual([]);
});

it("on the command line, beside a format", () => {
  const image = scratch.file("cli.qcow2.gz", zlib.gzipSync(qcow2Image(DISK).bytes));
  const { status } = userboot([
    "boot",
    "-d",
    `qcow2:${image}`,
    "--start",
    "simp",
    "--interface",
    "4",
    "--clock",
    "virtual",
    "-c",
    "none",
  ]);
  expect(status).toBe(0);
});
