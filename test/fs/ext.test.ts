// ext2, ext3 and ext4 as mke2fs makes them: block sizes, each feature on and off, read in full, and damage.

import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { prompt } from "../support/prompt.js";
import { Scratch } from "../support/scratch.js";
import {
  contentOf,
  expectTree,
  imageAt,
  noise,
  programs,
  readTree,
  run,
  type Tree,
  usualTree,
  writeTree,
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
  using scratch = new Scratch();
  const root = join(scratch.path, "tree");
  const image = join(scratch.path, "image");
  writeTree(root, tree);
  const options = [...(features === "" ? [] : ["-O", features]), "-b", String(block), ...more];
  run("mke2fs", "-q", "-F", "-t", type, ...options, "-d", root, image, size);
  // Files are put into directories without an index; this makes them anew.
  run("sh", "-c", 'e2fsck -fyD "$0" || [ $? = 1 ]', image);
  if (commands.length > 0) run("debugfs", "-w", "-f", scratch.file("commands", `${commands.join("\n")}\n`), image);
  return Buffer.from(imageAt(image));
}

/** More than fits into an inode, one level, two levels of addresses. */
const TREE = new Map([
  ...usualTree(5_000_000, true),
  ["/small", noise("small", 100)],
  ["/tiny", Buffer.from("tiny")],
  ["/holes", Buffer.concat([noise("a", 5000), Buffer.alloc(300_000), noise("b", 5000), Buffer.alloc(100_000)])],
  ...Array.from({ length: 250 }, (_, i) => [`/index/${"long name ".repeat(5)}${i}`, Buffer.from(`${i % 7}`)] as const),
]) as Tree;

describe.skipIf(!programs("mke2fs", "debugfs"))("ext", () => {
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
    const tree: Tree = isTyped ? TREE : new Map([...TREE].filter(([, content]) => Buffer.isBuffer(content)));
    const { diagnostics } = await expectTree(extImage(tree, options), tree, { ignored: IGNORED });
    expect(diagnostics).toEqual([]);
  });
});
