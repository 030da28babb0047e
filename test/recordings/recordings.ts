// Small images that other programs made of a tree (makefs, xorriso, sgdisk), kept in the repository with what is in them: a
// clone, where these programs aren't, reads them and compares. `npx vitest run test/recordings` does so; with
// USERBOOT_RECORD=1 it makes them anew before that.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { PAGE, packDisks } from "../support/pages.mjs";
import { unpacked } from "../support/pools.js";
import { inRepository } from "../support/repository.js";
import type { SparseDisk } from "../support/sparse_disk.js";
import { imageOf, run, type Tree } from "../support/trees.js";

const KIB = 1024;

/** `size` bytes of which no two pieces of 512 are the same, that pack well. */
function pieces(name: string, size: number): Buffer {
  const piece = (_: unknown, i: number) => `${name} ${i}\n`.repeat(512).slice(0, 512);
  return Buffer.from(
    Array.from({ length: Math.ceil(size / 512) }, piece)
      .join("")
      .slice(0, size),
  );
}

/** Files with sizes at the edges of sectors, blocks and levels of indirect blocks; names and links of all kinds. */
export const TREE: Tree = new Map<string, Buffer | { link: string }>([
  ...[1, 511, 512, 513, 2047, 2048, 2049, 4095, 4096, 4097, 12 * 4 * KIB, 12 * 4 * KIB + 1, 12 * 8 * KIB + 1].map(
    (size) => [`/sizes/${size}`, pieces(`${size}`, size)] as const,
  ),
  ["/empty", Buffer.alloc(0)],
  ["/boot/loader.conf", Buffer.from('autoboot_delay="1"\n')],
  ["/boot/kernel/large", pieces("large", 2200 * KIB)],
  ["/a name that is longer than old ones may be/and another one/deep", pieces("deep", 5000)],
  [`/${"n".repeat(70)}`, Buffer.from("long\n")],
  ...Array.from({ length: 60 }, (_, i) => [`/many/file number ${i}`, Buffer.from(`${i}\n`)] as const),
  ["/short-link", { link: "boot/loader.conf" }],
  ["/to-directory", { link: "sizes" }],
  ["/boot/up", { link: "../sizes/513" }],
  ["/long-link", { link: `./${"./".repeat(60)}sizes/1` }],
  ["/absolute", { link: "/boot/kernel/large" }],
]);

const ufs = (version: 1 | 2, block: number) => (root: string, image: string) =>
  run(
    "makefs",
    "-t",
    "ffs",
    "-o",
    `version=${version},bsize=${block},fsize=${block / 8}`,
    "-T",
    "1572566400",
    image,
    root,
  );

/** How each is made. */
const MAKERS: Readonly<Record<string, (root: string, image: string) => unknown>> = {
  ufs1: ufs(1, 4096),
  ufs2: ufs(2, 4096),
  ufs2_large_blocks: ufs(2, 32768),
  iso_makefs: (root, image) => run("makefs", "-t", "cd9660", "-o", "rockridge", "-T", "1572566400", image, root),
  iso_xorriso: (root, image) => run("xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", image, root),
};

/** The names of the images of the tree. */
export const IMAGES = Object.keys(MAKERS);

/** Partitions of the table that sgdisk made: number, first and last sector, type's code, name. */
export const PARTITIONS: readonly [number, number, number, string, string][] = [
  [1, 40, 1063, "a501", "boot"],
  [2, 2048, 6143, "ef00", "EFI"],
  [4, 8192, 16383, "a503", "größe"],
  [9, 16384, 16384, "a504", "one sector"],
  [128, 20480, 28671, "a502", "the last one"],
];

const pathOf = (name: string) => inRepository(`test/recordings/${name}.pages.br`);

/** A disk that was kept. */
export const recorded = (name: string): SparseDisk => unpacked(pathOf(name))[0]!;

function keep(name: string, image: Buffer): void {
  const whole = Buffer.alloc(Math.ceil(image.length / PAGE) * PAGE);
  image.copy(whole);
  mkdirSync(dirname(pathOf(name)), { recursive: true });
  writeFileSync(pathOf(name), packDisks([whole]));
}

/** Makes all of them anew. */
export function record(): void {
  for (const [name, make] of Object.entries(MAKERS)) keep(name, imageOf(TREE, make));
  const table = imageOf(new Map(), (_root, image) => {
    run("truncate", "-s", "16M", image);
    const words = PARTITIONS.flatMap(([number, first, last, type, name]) => [
      `--new=${number}:${first}:${last}`,
      `--typecode=${number}:${type}`,
      `--change-name=${number}:${name}`,
    ]);
    run("sgdisk", "--set-alignment=1", "--disk-guid=00000001-0002-0003-0004-000000000005", ...words, image);
  });
  keep("gpt", table);
}
