// A guest whose files are on FAT, on exFAT, on ext4: it enters its kernel as from UFS, with the same memory.

import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BootResult, boot } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { linkedFile, objectFile } from "../support/elf_image.js";
import { ExfatImage } from "../support/exfat_image.js";
import { GUID, gpt } from "../support/partition_tables.mjs";
import { SparseDisk } from "../support/sparse_disk.js";
import { imageAt, imageOf, programs, run, type Tree } from "../support/trees.js";
import { ufsDisk } from "../support/ufs_image.js";

const KERNEL = linkedFile({ bits: 64, segments: [{ size: 900_000 }, { size: 3000, bss: 5000, writable: true }] }).bytes;
const TREE: Tree = new Map([
  ["/boot/loader.rc", Buffer.from("load /boot/kernel/kernel\nload /boot/kernel/extra.ko\nboot\n")],
  ["/boot/kernel/kernel", KERNEL],
  ["/boot/kernel/extra.ko", objectFile({ versions: [{ name: "extra", version: 1 }] })],
]);

const enter = (disk: SparseDisk | Uint8Array, currdev?: string) =>
  boot({
    disks: [disk],
    start: "simp",
    interfaceVersion: 4,
    isolation: "none",
    clock: "virtual",
    ...(currdev === undefined ? {} : { currdev }),
  });

/** What was written to guest memory, but for what names the device. */
function digest(result: BootResult): string {
  expect(result.reason).toBe("exec");
  const hash = createHash("sha256");
  for (const { address, size } of result.modules) hash.update(result.guestMemory.read(Number(address), size));
  return hash.digest("hex");
}

const fromUfs = async () =>
  digest(await enter(ufsDisk(Object.fromEntries([...TREE].map(([path, content]) => [path, content as Buffer])))));

/** A disk with `image` in partition 2. */
function inPartition(image: Uint8Array, type: string): SparseDisk {
  const disk = new SparseDisk(0);
  const first = 4096;
  const sectors = first + image.length / 512 + 100;
  disk.write(first * 512, image);
  const entries = [
    { type: GUID.boot, first: 2048, last: 4095 },
    { type, first, last: first + image.length / 512 - 1 },
  ];
  for (const [offset, bytes] of gpt({ sectors, entries })) disk.write(offset, bytes);
  return disk;
}

const makeImage = (make: (image: string, root: string) => void): Buffer =>
  imageOf(TREE, (root, image) => {
    run("truncate", "-s", "40M", image);
    make(image, root);
  });

describe("a guest boots from", () => {
  it.skipIf(!programs("mkfs.vfat", "mcopy"))("FAT32", async () => {
    const image = makeImage((path, root) => {
      run("mkfs.vfat", "-F", "32", path);
      run("mcopy", "-s", "-i", path, join(root, "boot"), "::/");
    });
    // Of Microsoft's type it is the only one worth booting from.
    expect(digest(await enter(inPartition(image, GUID.dos)))).toBe(await fromUfs());
    expect(digest(await enter(inPartition(image, GUID.efi), "disk0p2:"))).toBe(await fromUfs());
  });

  it.skipIf(!programs("mkfs.exfat"))("exFAT", async () => {
    const image = makeImage((path) => {
      run("mkfs.exfat", path);
      const bytes = Buffer.from(imageAt(path));
      new ExfatImage(bytes, { scattered: true }).add(TREE);
      writeFileSync(path, bytes);
    });
    expect(digest(await enter(inPartition(image, GUID.dos)))).toBe(await fromUfs());
  });

  it.skipIf(!programs("mke2fs"))("ext4", async () => {
    const image = makeImage((path, root) => run("mke2fs", "-q", "-F", "-t", "ext4", "-d", root, path));
    expect(digest(await enter(inPartition(image, GUID.other), "disk0p2:"))).toBe(await fromUfs());
  });
});
