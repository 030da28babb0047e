// ext2, ext3 and ext4 as mke2fs makes them: block sizes, each feature on and off, read in full, and damage.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { prompt } from "../support/prompt.js";
import {
  contentOf,
  describeWith,
  expectTree,
  imageOf,
  noise,
  readTree,
  run,
  type Tree,
  usualTree,
} from "../support/trees.js";

interface ExtOptions {
  type: "ext2" | "ext3" | "ext4";
  block?: number;
  features?: string;
  size?: string;
  more?: readonly string[];
  /** Commands of debugfs that come after. */
  commands?: readonly string[];
}

const IGNORED = /^lost\+found$/;

/** An image with `tree`, made by mke2fs. */
function extImage(
  tree: Tree,
  { type, block = 4096, features = "", size = "24M", more = [], commands = [] }: ExtOptions,
): Buffer {
  return imageOf(tree, (root, image, scratch) => {
    const options = [...(features === "" ? [] : ["-O", features]), "-b", String(block), ...more];
    run("mke2fs", "-q", "-F", "-t", type, ...options, "-d", root, image, size);
    // Files are put into directories without an index; this makes them anew.
    run("sh", "-c", 'e2fsck -fyD "$0" || [ $? = 1 ]', image);
    if (commands.length > 0) run("debugfs", "-w", "-f", scratch.file("commands", `${commands.join("\n")}\n`), image);
  });
}

/** More than fits into an inode, one level, two levels of addresses. */
const TREE = new Map([
  ...usualTree(5_000_000, true),
  ["/small", noise("small", 100)],
  ["/tiny", Buffer.from("tiny")],
  ["/holes", Buffer.concat([noise("a", 5000), Buffer.alloc(300_000), noise("b", 5000), Buffer.alloc(100_000)])],
  ...Array.from({ length: 250 }, (_, i) => [`/index/${"long name ".repeat(5)}${i}`, Buffer.from(`${i % 7}`)] as const),
]) as Tree;

describeWith(["mke2fs", "debugfs"], "ext", () => {
  it.each<ExtOptions>([
    { type: "ext2", block: 1024 },
    { type: "ext2", block: 2048, features: "^sparse_super,^filetype,^resize_inode" },
    { type: "ext2", more: ["-r", "0", "-I", "128"], features: "none" },
    { type: "ext3", block: 1024 },
    { type: "ext3" },
    { type: "ext4", block: 1024 },
    { type: "ext4", block: 2048 },
    { type: "ext4" },
    { type: "ext4", features: "^metadata_csum,uninit_bg" },
    { type: "ext4", features: "^extent,^64bit" },
    { type: "ext4", features: "^64bit,^flex_bg" },
    { type: "ext4", features: "inline_data", block: 1024, more: ["-I", "256"] },
    { type: "ext4", features: "inline_data", more: ["-I", "512"] },
    { type: "ext4", features: "meta_bg,^resize_inode", block: 1024, size: "80M", more: ["-g", "1024"] },
    { type: "ext4", features: "meta_bg,^resize_inode,sparse_super2", block: 1024, size: "40M", more: ["-g", "1024"] },
    { type: "ext4", features: "metadata_csum_seed,large_dir,ea_inode,project,quota" },
    { type: "ext4", features: "bigalloc", more: ["-C", "16384"] },
    { type: "ext4", features: "^has_journal,^dir_index,^huge_file" },
    { type: "ext4", block: 65536, size: "80M" },
  ])("$type, blocks of $block, features $features", async (options) => {
    // Without types in directories, links are listed as what they lead to.
    const isTyped = !/filetype|none/.test(options.features ?? "");
    const tree = new Map([...TREE].filter(([, content]) => isTyped || Buffer.isBuffer(content)));
    // mke2fs forgets holes at the end of files where data may be in inodes.
    if (/inline_data/.test(options.features ?? "")) tree.set("/holes", noise("b", 9000));
    const { diagnostics } = await expectTree(extImage(tree, options), tree, { ignored: IGNORED });
    expect(diagnostics).toEqual([]);
  });

  it("a journal that is to be replayed is said once", async () => {
    const image = extImage(TREE, { type: "ext4", commands: ["feature needs_recovery"] });
    const { diagnostics } = await expectTree(image, TREE, { ignored: IGNORED });
    expect(diagnostics).toEqual([
      expect.stringMatching(/^disk0 offset 1024: ext superblock: needs_recovery: the journal isn't/),
    ]);
  });

  it.each([
    ["encrypt", /feature 'encrypt' can't be read/],
    ["casefold", /feature 'casefold' can't be read/],
    ["FEATURE_I31", /unknown feature, bit 31/],
  ])("%s is refused", async (feature, message) => {
    const small: Tree = new Map([["/a", Buffer.from("a")]]);
    const image = extImage(small, { type: "ext4", features: "^metadata_csum", commands: [`feature ${feature}`] });
    const { output, diagnostics } = await prompt([image], ["set currdev=disk0:", "more /a"]);
    expect(output[1]).toContain("input/output error");
    expect(diagnostics.join()).toMatch(message);
  });

  it("an extent has at most 32,768 blocks, and a number above them is of blocks that were never written", async () => {
    const size = 32_768 * 1024;
    const tree: Tree = new Map([["/FILE", Buffer.alloc(2048, "first")]]);
    const image = extImage(tree, { type: "ext4", block: 1024, features: "^metadata_csum", size: "40M" });
    // The head of a tree of one entry, and the only extent of two blocks.
    const extent = image.indexOf(Buffer.from("0af301000400000000000000000000000200", "hex")) + 12;
    const inode = extent - 52;
    expect(image.readUInt32LE(inode + 4)).toBe(2048);
    const start = image.readUInt32LE(extent + 8) * 1024;
    image.fill("last", start + size - 1024, start + size);
    for (const [length, bytes] of [
      [32_767, size - 1024],
      [32_768, size],
      [32_769, 1024],
      [32_770, 2048],
    ] as const) {
      image.writeUInt16LE(length, extent + 4);
      image.writeUInt32LE(bytes, inode + 4);
      const content = length > 32_768 ? Buffer.alloc(bytes) : Buffer.from(image.subarray(start, start + bytes));
      const { diagnostics } = await expectTree(image, new Map([["/FILE", content]]), { ignored: IGNORED });
      expect(diagnostics).toEqual([]);
    }
  });

  it("a loop of links is named, and a file isn't a directory", async () => {
    const tree: Tree = new Map<string, Buffer | { link: string }>([
      ["/a", { link: "b" }],
      ["/b", { link: "/a" }],
      ["/c", Buffer.from("c")],
    ]);
    const { output, diagnostics } = await prompt(
      [extImage(tree, { type: "ext4" })],
      ["set currdev=disk0:", "more /a", "more /c/d"],
    );
    expect(output[1]).toMatch(/unknown error \(62\)/);
    expect(output[2]).toContain("not a directory");
    expect(diagnostics.join()).toMatch(/ext inode \d+: symbolic link: more than 32/);
  });

  describe("damage is named", () => {
    const pieces = Buffer.concat(
      Array.from({ length: 40 }, (_, i) => Buffer.concat([noise(`piece ${i} `, 4096), Buffer.alloc(8192)])),
    );
    const tree: Tree = new Map<string, Buffer | { link: string }>([
      ["/FILE", pieces],
      ["/DIR/INNER", noise("inner", 9000)],
      ["/link", { link: "DIR/INNER" }],
    ]);
    const plain = extImage(tree, { type: "ext4", features: "^metadata_csum", size: "4M" });
    const checked = extImage(tree, { type: "ext4", size: "4M" });
    const u32 = (at: number, value: number) => (image: Buffer) => image.writeUInt32LE(value, at);
    const u16 = (at: number, value: number) => (image: Buffer) => image.writeUInt16LE(value, at);
    /** Where the node below the root of FILE's tree is. */
    const node = (image: Buffer) => {
      let at = 0;
      while (image.readUInt16LE(at) !== 0xf30a) at += 4096;
      return at;
    };

    it.each<[string, RegExp, (image: Buffer) => void]>([
      ["block size", /ext superblock: blocks of 2\^40 KiB/, u32(1024 + 24, 40)],
      ["inode size", /ext superblock: inodes of 100 bytes/, u16(1024 + 88, 100)],
      ["descriptors", /ext superblock: group descriptors of 7 bytes/, u16(1024 + 254, 7)],
      ["blocks", /ext superblock: 0 blocks/, u32(1024 + 4, 0)],
      ["groups", /ext superblock: no blocks or inodes in a group/, u32(1024 + 40, 0)],
      ["a group's inodes", /ext group 0: inodes at block 4294967295/, u32(4096 + 8, 0xffffffff)],
      [
        "a tree that contains itself",
        /ext inode \d+: extents: node of 1 entries, 1 levels/,
        (i) => {
          const at = node(i);
          i.writeUInt16LE(1, at + 2);
          i.writeUInt16LE(1, at + 6);
          i.writeUInt32LE(at / 4096, at + 16);
        },
      ],
      [
        "an extent",
        /ext inode \d+: extent of 1 blocks for block 0, at block 4294967295/,
        (i) => i.writeUInt32LE(0xffffffff, node(i) + 20),
      ],
      [
        "extents that overlap",
        /ext inode \d+: extent of 90 blocks for block 0/,
        (i) => i.writeUInt16LE(90, node(i) + 16),
      ],
    ])("%s", async (_name, message, harm) => {
      const image = Buffer.from(plain);
      harm(image);
      const { diagnostics, loaded } = await readTree(image, tree);
      expect(diagnostics.join("\n")).toMatch(message);
      expect(loaded.get("/FILE")).toBe(undefined);
    });

    it("not what stands in a directory where files have the upper half of their size", async () => {
      const image = Buffer.from(plain);
      const root = image.readUInt32LE(4096 + 8) * 4096 + image.readUInt16LE(1024 + 88);
      expect(image.readUInt16LE(root) & 0o170000).toBe(0o040000);
      image.writeUInt32LE(1, root + 108);
      expect((await expectTree(image, tree, { ignored: IGNORED })).diagnostics).toEqual([]);
    });

    it("an inode with more behind it than its size", async () => {
      const image = Buffer.from(plain);
      image.writeUInt16LE(132, image.indexOf("DIR/INNER\0") - 40 + 128);
      const { diagnostics, loaded } = await readTree(image, tree);
      expect(diagnostics.join("\n")).toMatch(/ext inode \d+: extra size 132/);
      expect(loaded.get("/link")).toBe(undefined);
    });

    it.each<[string, RegExp, (image: Buffer) => void]>([
      ["superblock", /ext superblock: checksum/, u32(1024 + 48, 1)],
      ["group", /ext group 0: checksum/, u16(4096 + 12, 77)],
      ["inode", /ext inode \d+: checksum/, (i) => i.writeUInt32LE(77, i.indexOf("DIR/INNER\0") - 40 + 12)],
      ["tree", /ext inode \d+: extents: checksum of the node at block \d+/, (i) => i.writeUInt16LE(2, node(i) + 16)],
      ["directory", /ext inode 2: directory block at 0: checksum/, (i) => i.write("file", i.indexOf("FILE"))],
    ])("checksum of a %s", async (_name, message, harm) => {
      const image = Buffer.from(checked);
      harm(image);
      expect((await readTree(image, tree)).diagnostics.join("\n")).toMatch(message);
    });

    it("whatever is changed, what is read without an error is what was written", async () => {
      const data = [pieces, tree.get("/DIR/INNER") as Buffer].flatMap((content) =>
        Array.from({ length: Math.ceil(content.length / 4096) }, (_, i) =>
          checked.indexOf(content.subarray(i * 4096, i * 4096 + 64)),
        ),
      );
      const isData = new Set(data);
      const metadata = [...checked.keys()].filter((at) => checked[at] !== 0 && !isData.has(at - (at % 4096)));
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 30 }),
          async (changes) => {
            const image = Buffer.from(checked);
            for (const [at, value] of changes) image[metadata[at % metadata.length] ?? 0] = value;
            const { result, loaded } = await readTree(image, tree);
            expect(["exec", "LimitError"]).toContain(result.error?.name ?? result.reason);
            for (const [path, bytes] of loaded) {
              if (bytes !== undefined) expect(bytes.equals(contentOf(tree, path))).toBe(true);
            }
          },
        ),
        { numRuns: 60, seed: 1 },
      );
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 30 }),
          async (changes) => {
            const image = Buffer.from(plain);
            const used = [...image.subarray(0, 1 << 19).keys()].filter((at) => image[at] !== 0);
            for (const [at, value] of changes) image[used[at % used.length] ?? 0] = value;
            const { result } = await readTree(image, tree);
            expect(["exec", "LimitError"]).toContain(result.error?.name ?? result.reason);
          },
        ),
        { numRuns: 40, seed: 2 },
      );
    });
  });
});
