// UFS and ext by another superblock, when the first one is bad, on what makefs and mke2fs make.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mbr } from "../support/partition_tables.mjs";
import { prompt } from "../support/prompt.js";
import { Scratch } from "../support/scratch.js";
import {
  contentOf,
  describeWith,
  expectTree,
  imageAt,
  imageOf,
  noise,
  programs,
  readTree,
  run,
  type Tree,
  usualTree,
} from "../support/trees.js";

const TREE = usualTree(600_000, true);

/** An image with `tree`, made by makefs. */
const ufsImage = (tree: Tree, version: 1 | 2, blockSize: number): Buffer =>
  imageOf(tree, (root, image) => {
    const options = `version=${version},bsize=${blockSize},fsize=${blockSize / 8}`;
    run("makefs", "-t", "ffs", "-o", options, "-s", "16m", image, root);
  });

describeWith(["makefs"], "UFS", () => {
  describe.each([
    [1, 4096],
    [1, 16384],
    [1, 32768],
    [1, 65536],
    [2, 4096],
    [2, 8192],
    [2, 16384],
    [2, 32768],
    [2, 65536],
  ] as const)("UFS%i, blocks of %i", (version, blockSize) => {
    const image = ufsImage(TREE, version, blockSize);
    const at = [8192, 65536].find((place) => [0x11954, 0x19540119].includes(image.readUInt32LE(place + 1372))) ?? 0;
    const said = /^disk0 offset \d+: UFS superblock: the first one is bad, this alternate one is used in its place$/;

    it("a superblock that is gone", async () => {
      const harmed = Buffer.from(image).fill(0, at, at + 8192);
      expect((await expectTree(image, TREE)).diagnostics).toEqual([]);
      expect((await expectTree(harmed, TREE)).diagnostics).toEqual([expect.stringMatching(said)]);
    });

    it("a superblock that makes no sense", async () => {
      const harmed = Buffer.from(image);
      harmed.writeUInt32LE(3, at + 52);
      const { diagnostics } = await expectTree(harmed, TREE);
      expect(diagnostics).toEqual([expect.stringContaining("fragment size 3"), expect.stringMatching(said)]);
    });
  });

  it.skipIf(!programs("mkfs.vfat"))("not where another file system was made since", async () => {
    using scratch = new Scratch();
    const path = scratch.file("image", "");
    run("truncate", "-s", "16M", path);
    run("mkfs.vfat", "-F", "16", "-R", "400", path);
    const image = Buffer.from(imageAt(path));
    ufsImage(TREE, 2, 32768).copy(image, 98304, 98304, 98304 + 8192);
    const { output, diagnostics } = await prompt([image], ["set currdev=disk0:", "ls", "more /README.TXT"]);
    expect(output[1]).toBe("/\n");
    expect(output[2]).toContain("no such file or directory");
    expect(diagnostics).toEqual([]);
  });

  it.each([8, 12])(
    "not one whose own place, or that of its group, is said to be elsewhere (field at %i)",
    async (field) => {
      const image = ufsImage(TREE, 2, 32768);
      const first = [8192, 65536].find((at) => image.readUInt32LE(at + 1372) === 0x19540119) ?? 0;
      const alternate = image.readUInt32LE(first + 8) * 4096;
      image.fill(0, first, first + 8192);
      expect((await expectTree(image, TREE)).diagnostics).toHaveLength(1);
      image.writeUInt32LE(image.readUInt32LE(alternate + field) + 1, alternate + field);
      const { output, diagnostics } = await prompt([image], ["set currdev=disk0:", "ls"]);
      expect(output[1]).toContain("no such file or directory");
      expect(diagnostics).toEqual([]);
    },
  );

  it("not what is a partition's first superblock", async () => {
    const image = ufsImage(TREE, 2, 32768);
    // There the alternate one would be if the file system began with the disk.
    const first = (32768 - 8192) / 512;
    const disk = Buffer.concat([Buffer.alloc(first * 512), image]);
    disk.set(mbr([{ type: 0xa5, start: first, size: image.length / 512 }]), 0);
    const { output, diagnostics } = await prompt([disk], ["set currdev=disk0:", "ls", "ls disk0s1:/EFI"]);
    expect(output[1]).toContain("no such file or directory");
    expect(output[2]).toContain(" d  BOOT\n");
    expect(diagnostics).toEqual([]);
  });
});

describeWith(["mke2fs"], "ext", () => {
  const tree: Tree = new Map<string, Buffer | { link: string }>([
    ["/boot/kernel", noise("kernel", 300_000)],
    ["/etc/motd", Buffer.from("hello\n")],
    ["/link", { link: "boot/kernel" }],
  ]);
  const ignored = /^lost\+found$/;

  /** Its groups are as many blocks as bits fit into one. */
  const extImage = (type: string, block: number, size: string, ...more: string[]): Buffer =>
    imageOf(tree, (root, image) =>
      run("mke2fs", "-q", "-F", "-t", type, "-b", String(block), ...more, "-d", root, image, size),
    );
  const said = (group: number, at: number) =>
    `disk0 offset ${at}: ext superblock: the first one is bad, the copy in group ${group} is used in its place`;

  it.each<[string, number, string, string[]]>([
    ["ext2", 1024, "20M", []],
    ["ext3", 1024, "20M", []],
    ["ext4", 1024, "20M", []],
    ["ext4", 2048, "40M", []],
    ["ext4", 4096, "140M", []],
    ["ext4", 1024, "20M", ["-O", "^64bit,^metadata_csum"]],
    ["ext4", 1024, "20M", ["-O", "sparse_super2"]],
    ["ext4", 1024, "20M", ["-O", "meta_bg,^resize_inode"]],
  ])("%s, blocks of %i, %s %j", async (type, block, size, more) => {
    const image = extImage(type, block, size, ...more);
    const at = (8 * block + (block === 1024 ? 1 : 0)) * block;
    const gone = Buffer.from(image).fill(0, 1024, 2048);
    expect((await expectTree(gone, tree, { ignored })).diagnostics).toEqual([said(1, at)]);
    // Where the groups' descriptors stand behind the superblock, the copies' are used.
    if (!more.join().includes("meta_bg")) gone.fill(0, 0, 3 * 1024).fill(0, 4096, 4096 + 64);
    expect((await expectTree(gone, tree, { ignored })).diagnostics).toEqual([said(1, at)]);
    const wrong = Buffer.from(image);
    wrong.writeUInt16LE(100, 1024 + 88);
    const { diagnostics } = await expectTree(wrong, tree, { ignored });
    expect(diagnostics).toEqual([
      expect.stringMatching(/ext superblock: (inodes of 100 bytes|checksum)$/),
      said(1, at),
    ]);
  });

  it("of the third group, when that of the first is bad, too; and none but a copy", async () => {
    const image = extImage("ext4", 1024, "40M");
    image.fill(0, 1024, 2048).fill(0, 8193 * 1024, 8194 * 1024);
    const third = (3 * 8192 + 1) * 1024;
    expect((await expectTree(image, tree, { ignored })).diagnostics).toEqual([said(3, third)]);
    // One that isn't where it says to be is part of something else.
    image.copy(image, 8193 * 1024, third, third + 1024);
    image.fill(0, third, third + 1024);
    const read = await prompt([image], ["set currdev=disk0:", "more /etc/motd"]);
    expect(read.output[1]).toContain("no such file or directory");
    expect(read.diagnostics).toEqual([]);
  });

  it("whatever is changed in a copy, what is read without an error is what was written", async () => {
    const good = extImage("ext4", 1024, "20M").fill(0, 1024, 2048);
    const copy = 8193 * 1024;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(2047), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (changes) => {
          const image = Buffer.from(good);
          for (const [at, value] of changes) image[copy + at] = value;
          const { result, loaded } = await readTree(image, tree);
          expect(["exec", "LimitError"]).toContain(result.error?.name ?? result.reason);
          for (const [path, bytes] of loaded) {
            if (bytes !== undefined) expect(bytes.equals(contentOf(tree, path))).toBe(true);
          }
        },
      ),
      { numRuns: 40, seed: 1 },
    );
  });

  it.skipIf(!programs("makefs"))("not where another file system was made since", async () => {
    const image = extImage("ext4", 1024, "20M");
    ufsImage(TREE, 2, 4096).copy(image, 0, 0, 4 << 20);
    const { output, diagnostics } = await prompt([image], ["set currdev=disk0:", "more /etc/motd"]);
    expect(output[1]).toContain("no such file or directory");
    expect(diagnostics).toEqual([]);
  });
});
