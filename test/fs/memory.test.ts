// What is opened, listed and looked for again and again takes no more memory, on every file system.

import { gzipSync } from "node:zlib";
import type { DiskSource } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { isoImage } from "../support/iso_image.js";
import { prompt } from "../support/prompt.js";
import { imageOf, programs, run, type Tree } from "../support/trees.js";
import { UfsImage } from "../support/ufs_image.js";

/** Links that lead to each other and at last to a file; with each of them a thousand bytes of text are read. */
const HOPS = 30;
const hop = (i: number) => `.${"/".repeat(960)}${i < HOPS ? `hop${i + 1}` : "../file"}`;

/** Bytes of the module's memory when `commands` were given so often. */
async function memoryAfter(disk: DiskSource, commands: readonly string[], times: number): Promise<number> {
  const often = Array.from({ length: times }, () => commands).flat();
  const { result, output, diagnostics } = await prompt([disk], ["set currdev=disk0:", ...often], {
    limits: { fuel: 4_000_000_000 },
  });
  expect(diagnostics).toEqual([]);
  expect(output.at(-1)).toContain("BEGIN ***\ncontent\n");
  return result.moduleMemory;
}

/** The same after many times as after some. */
async function expectFlat(disk: DiskSource, commands: readonly string[], many = 300): Promise<void> {
  expect(await memoryAfter(disk, commands, many)).toBe(await memoryAfter(disk, commands, 20));
}

const USUAL = ["ls -l /", "more /nothing", "ls /directory", "more /directory/inner", "more /file"];
const TREE: Tree = new Map<string, Buffer | { link: string }>([
  ["/file", Buffer.from("content\n")],
  ["/directory/inner", Buffer.from("inner\n")],
  ...Array.from({ length: HOPS }, (_, i) => [`/hops/hop${i + 1}`, { link: hop(i + 1) }] as const),
]);
const withoutLinks: Tree = new Map([...TREE].filter(([, content]) => Buffer.isBuffer(content)));

describe("memory stays what it was", () => {
  it("on UFS, through long links, too", async () => {
    const image = new UfsImage({ version: 2, blockSize: 4096, fragmentSize: 512, superblockAt: 65536 });
    image.file(image.root, "file", "content\n");
    image.file(image.directory(image.root, "directory"), "inner", "inner\n");
    const hops = image.directory(image.root, "hops");
    for (let i = 1; i <= HOPS; i++) image.link(hops, `hop${i}`, hop(i));
    await expectFlat(image.finish(), [...USUAL, "more /hops/hop1"]);
  });

  it("on ISO 9660", async () => {
    const files = ["file", "other"].map((rockRidge, i) => ({ name: `F${i}.;1`, content: "content\n", rockRidge }));
    await expectFlat(isoImage(files), USUAL);
  });

  it("with compressed files", async () => {
    const files = [{ name: "file.gz", content: gzipSync("content\n") }];
    await expectFlat(isoImage(files), ["ls -l /", "more /nothing", "more /file"]);
  });

  it.skipIf(!programs("mke2fs")).each(["ext2", "ext4"])("on %s, through long links, too", async (type) => {
    const image = imageOf(TREE, (root, path) => run("mke2fs", "-q", "-F", "-t", type, "-d", root, path, "4M"));
    await expectFlat(image, [...USUAL, "more /hops/hop1"]);
  });

  it.skipIf(!programs("mkfs.vfat", "mcopy"))("on FAT", async () => {
    const image = imageOf(withoutLinks, (root, path) => {
      run("truncate", "-s", "8M", path);
      run("mkfs.vfat", "-F", "16", "-s", "1", path);
      run("mcopy", "-s", "-Q", "-i", path, `${root}/file`, `${root}/directory`, "::/");
    });
    await expectFlat(image, USUAL);
  });
});
