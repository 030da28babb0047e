// FAT12, FAT16, FAT32 as mkfs.vfat and mtools make them, exFAT as mkfs.exfat does: every variant read in full, and damage.

import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ExfatImage, type ExfatOptions } from "../support/exfat_image.js";
import { isoImage } from "../support/iso_image.js";
import { prompt } from "../support/prompt.js";
import { Scratch } from "../support/scratch.js";
import {
  contentOf,
  describeWith,
  expectTree,
  imageAt,
  imageOf,
  noise,
  readTree,
  run,
  type Tree,
  usualTree,
} from "../support/trees.js";

const MIB = 1 << 20;

interface FatOptions {
  bits: 12 | 16 | 32;
  size: number;
  sector?: number;
  clusterSectors?: number;
}

/** An image with `tree`, made by mkfs.vfat and mtools. */
function fatImage(tree: Tree, { bits, size, sector = 512, clusterSectors = 1 }: FatOptions): Buffer {
  return imageOf(tree, (root, image) => {
    run("truncate", "-s", String(size), image);
    run("mkfs.vfat", "-F", String(bits), "-S", String(sector), "-s", String(clusterSectors), image);
    run("mcopy", "-s", "-Q", "-i", image, ...readdirSync(root).map((name) => join(root, name)), "::/");
  });
}

describeWith(["mkfs.vfat", "mcopy"], "FAT", () => {
  it.each<FatOptions>([
    { bits: 12, size: 2 * MIB },
    { bits: 12, size: 16 * MIB, clusterSectors: 16 },
    { bits: 12, size: 8 * MIB, sector: 4096 },
    { bits: 16, size: 8 * MIB },
    { bits: 16, size: 64 * MIB, clusterSectors: 4 },
    { bits: 16, size: 128 * MIB, sector: 4096 },
    { bits: 32, size: 34 * MIB },
    { bits: 32, size: 300 * MIB, clusterSectors: 8 },
    { bits: 32, size: 300 * MIB, sector: 4096 },
  ])("FAT$bits, $size bytes, sectors of $sector, clusters of $clusterSectors", async (options) => {
    const tree = usualTree(options.size < 4 * MIB ? 300_000 : 1_500_000);
    const { diagnostics } = await expectTree(fatImage(tree, options), tree);
    expect(diagnostics).toEqual([]);
  });

  it("names go without regard to case, by their short form, too", async () => {
    const image = fatImage(usualTree(1000), { bits: 16, size: 8 * MIB });
    const { output } = await prompt(
      [image],
      [
        "set currdev=disk0:",
        "more /readme.txt",
        "more /LOWER.TXT",
        'more "/a long directory name/ANOTHER ONE, LONGER/../../THIRTEENCHARS"',
        "more /THIRTE~1",
        "more /thirteen",
        "more /lower.txt/x",
      ],
    );
    expect(output[1]).toContain("short name\n");
    expect(output[2]).toContain("small letters\n");
    expect(output[3]).toContain("thirteen and one\n");
    expect(output[4]).toMatch(/thirteen and one|two parts/);
    expect(output[5]).toContain("no such file or directory");
    expect(output[6]).toContain("not a directory");
  });
});

/** Where things are on a FAT16 image with clusters of a sector, and what is in them. */
class Fat16 {
  readonly table: number;
  readonly root: number;
  readonly #heap: number;

  constructor(readonly image: Buffer) {
    this.table = image.readUInt16LE(14) * 512;
    this.root = this.table + image.readUInt8(16) * image.readUInt16LE(22) * 512;
    this.#heap = this.root + image.readUInt16LE(17) * 32;
  }

  /** Where the entry with the short name `name` is. */
  entry(name: string): number {
    return this.image.indexOf(Buffer.from(name, "latin1"), this.root);
  }

  first(name: string): number {
    return this.image.readUInt16LE(this.entry(name) + 26);
  }

  next(cluster: number, value: number): void {
    this.image.writeUInt16LE(value, this.table + 2 * cluster);
  }

  offset(cluster: number): number {
    return this.#heap + (cluster - 2) * 512;
  }
}

describeWith(["mkfs.vfat", "mcopy"], "damage of FAT is named", () => {
  const tree: Tree = new Map([
    ["/FILE", noise("file", 20_000)],
    ["/DIR/INNER", Buffer.from("inner\n")],
  ]);
  const good = fatImage(tree, { bits: 16, size: 8 * MIB });

  it.each<[string, RegExp, (fat: Fat16) => void]>([
    ["sectors", /FAT boot sector: 10 sectors, of which \d+ come before/, (f) => f.image.writeUInt16LE(10, 19)],
    ["table", /FAT boot sector: a table of 256 entries for \d+ clusters/, (f) => f.image.writeUInt16LE(1, 22)],
    ["root", /FAT boot sector: no root directory/, (f) => f.image.writeUInt16LE(0, 17)],
    [
      "a chain to itself",
      /cluster (\d+): the chain comes back to cluster \1/,
      (f) => f.next(f.first("FILE    "), f.first("FILE    ")),
    ],
    [
      "a chain to its middle",
      /FAT16 cluster \d+: the chain comes back to cluster/,
      (f) => f.next(f.first("FILE    ") + 20, f.first("FILE    ") + 7),
    ],
    [
      "a chain that ends",
      /FAT16 cluster \d+: ends before its 20000 bytes/,
      (f) => f.next(f.first("FILE    ") + 3, 0xffff),
    ],
    ["an entry", /FAT16 table: cluster \d+ is followed by 1/, (f) => f.next(f.first("FILE    ") + 3, 1)],
    ["a bad cluster", /FAT16 table: cluster \d+ is followed by 65527/, (f) => f.next(f.first("FILE    ") + 3, 0xfff7)],
    [
      "a first cluster",
      /FAT16 cluster 65000: there is no such/,
      (f) => f.image.writeUInt16LE(65000, f.entry("FILE    ") + 26),
    ],
    ["a size", /ends before its 4294967295 bytes/, (f) => f.image.writeUInt32LE(0xffffffff, f.entry("FILE    ") + 28)],
    [
      "a cycle of a directory",
      /the chain comes back to/,
      (f) => {
        f.next(f.first("DIR     "), f.first("DIR     "));
        f.image.fill(0xe5, f.offset(f.first("DIR     ")) + 96, f.offset(f.first("DIR     ")) + 512);
      },
    ],
  ])("%s", async (_name, message, harm) => {
    const fat = new Fat16(Buffer.from(good));
    harm(fat);
    const { diagnostics, loaded } = await readTree(fat.image, tree);
    expect(diagnostics.join("\n")).toMatch(message);
    for (const [path, bytes] of loaded) if (bytes !== undefined) expect(bytes.equals(contentOf(tree, path))).toBe(true);
  });

  it("a directory that contains itself ends with the path", async () => {
    const fat = new Fat16(Buffer.from(good));
    fat.image.writeUInt16LE(fat.first("DIR     "), fat.image.indexOf("INNER   ", fat.root, "latin1") + 26);
    fat.image.writeUInt8(0x10, fat.image.indexOf("INNER   ", fat.root, "latin1") + 11);
    const { output } = await prompt([fat.image], ["set currdev=disk0:", `ls /DIR${"/INNER".repeat(30)}`]);
    expect(output[1]).toMatch(/ d {2}INNER\n$/);
  });

  it("a long name with another short name's checksum is none", async () => {
    const image = Buffer.from(
      fatImage(new Map([["/a longer name.txt", Buffer.from("x")]]), { bits: 16, size: 8 * MIB }),
    );
    const fat = new Fat16(image);
    image.writeUInt8(image.readUInt8(fat.entry("ALONGE") - 32 + 13) ^ 1, fat.entry("ALONGE") - 32 + 13);
    const { output } = await prompt([image], ["set currdev=disk0:", "ls", "more /ALONGE~1.TXT"]);
    expect(output[1]).toBe("/\n    ALONGE~1.TXT\n");
    expect(output[2]).toContain("BEGIN ***\nx");
  });

  it("a long name that lacks a part is none", async () => {
    const tree = new Map([["/a name that has three parts.txt", Buffer.from("x")]]);
    const image = Buffer.from(fatImage(tree, { bits: 16, size: 8 * MIB }));
    const middle = new Fat16(image).entry("ANAMET") - 64;
    expect(image.readUInt8(middle)).toBe(2);
    image.writeUInt8(1, middle);
    const { output } = await prompt([image], ["set currdev=disk0:", "ls", "more /ANAMET~1.TXT"]);
    expect(output[1]).toBe("/\n    ANAMET~1.TXT\n");
    expect(output[2]).toContain("BEGIN ***\nx");
  });

  it.each([0x40, 0x42, 0x55, 0x7f])("a long name of one part that is numbered %i is none", async (order) => {
    const tree = new Map([["/one part.txt", Buffer.from("x")]]);
    const image = Buffer.from(fatImage(tree, { bits: 16, size: 8 * MIB }));
    const part = new Fat16(image).entry("ONEPAR") - 32;
    expect(image.readUInt8(part)).toBe(0x41);
    image.writeUInt8(order, part);
    const { output } = await prompt([image], ["set currdev=disk0:", "ls", "more /ONEPAR~1.TXT"]);
    expect(output[1]).toBe("/\n    ONEPAR~1.TXT\n");
    expect(output[2]).toContain("BEGIN ***\nx");
  });

  it("characters of a long name are those that UTF-16 has, at the edges of each length in UTF-8", async () => {
    const tree = new Map([["/one part.txt", Buffer.from("x")]]);
    const image = Buffer.from(fatImage(tree, { bits: 16, size: 8 * MIB }));
    const part = new Fat16(image).entry("ONEPAR") - 32;
    for (const code of [0xa1, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd, 0x10000, 0x10001, 0xfffff, 0x100000, 0x10ffff]) {
      // In the place of the first two characters.
      const start = `${String.fromCodePoint(code)}n`.slice(0, 2);
      image.write(start, part + 1, "utf16le");
      const name = Buffer.from(`${start}e part.txt`).toString("latin1");
      const { output } = await prompt([image], ["set currdev=disk0:", "ls", `more "/${name}"`]);
      expect([code, output[1]]).toEqual([code, `/\n    ${name}\n`]);
      expect([code, output[2]]).toEqual([code, expect.stringContaining("BEGIN ***\nx")]);
    }
  });

  it("files in pieces", async () => {
    using scratch = new Scratch();
    const image = scratch.file("image", fatImage(new Map(), { bits: 16, size: 8 * MIB }));
    const small = Array.from({ length: 300 }, (_, i) => scratch.file(`s${i}`, noise(`${i}`, 700)));
    run("mcopy", "-i", image, ...small, "::/");
    run("mdel", "-i", image, ...small.filter((_, i) => i % 2 === 0).map((path) => `::/${path.split("/").at(-1)}`));
    const content = noise("pieces", 7_000_000);
    run("mcopy", "-i", image, scratch.file("big", content), "::/");
    const { loaded, diagnostics } = await readTree(imageAt(image), new Map([["/big", content]]));
    expect(loaded.get("/big")?.equals(content)).toBe(true);
    expect(diagnostics).toEqual([]);
  });

  it("whatever is changed, the session goes on", async () => {
    const { root } = new Fat16(Buffer.from(good));
    const metadata = [...good.subarray(0, root + 16 * 512).keys()].filter((at) => good[at] !== 0);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 10 }), async (changes) => {
        const image = Buffer.from(good);
        for (const [at, value] of changes) image[metadata[at % metadata.length] ?? 0] = value;
        const { result } = await readTree(image, tree);
        expect(["exec", "LimitError"]).toContain(result.error?.name ?? result.reason);
      }),
      { numRuns: 60, seed: 1 },
    );
  });
});

interface ExfatVariant extends ExfatOptions {
  size: number;
  /** As mkfs.exfat takes it. */
  cluster: string;
}

/** An image with `tree`, made by mkfs.exfat and filled by ours, which fsck.exfat finds good. */
function exfatImage(tree: Tree, { size, cluster, ...options }: ExfatVariant): Buffer {
  using scratch = new Scratch();
  const path = scratch.file("image", "");
  run("truncate", "-s", String(size), path);
  run("mkfs.exfat", "-c", cluster, path);
  const image = Buffer.from(imageAt(path));
  new ExfatImage(image, options).add(tree);
  writeFileSync(path, image);
  run("fsck.exfat", "-n", path);
  return image;
}

const exfatTree = (largest: number): Tree =>
  new Map([
    ...usualTree(largest),
    ["/😀 and Ünïcode", Buffer.from("pairs\n")],
    ["/x".padEnd(76, "y"), Buffer.from("many parts\n")],
  ]);

describeWith(["mkfs.exfat", "fsck.exfat"], "exFAT", () => {
  it.each<ExfatVariant>([
    { size: 8 * MIB, cluster: "4K" },
    { size: 8 * MIB, cluster: "4K", scattered: true },
    { size: 8 * MIB, cluster: "512", scattered: true },
    { size: 64 * MIB, cluster: "32K", scattered: true },
    { size: 64 * MIB, cluster: "128K" },
  ])("$size bytes, clusters of $cluster, scattered: $scattered", async (options) => {
    const tree = exfatTree(1_500_000);
    const { diagnostics } = await expectTree(exfatImage(tree, options), tree);
    expect(diagnostics).toEqual([]);
  });

  it("names go without regard to case, by the volume's table", async () => {
    const { output } = await prompt(
      [exfatImage(exfatTree(1000), { size: 8 * MIB, cluster: "4K" })],
      [
        "set currdev=disk0:",
        Buffer.from("more /😀 AND üNÏCODE").toString("latin1").replace("more ", 'more "').concat('"'),
        "more /readme.TXT",
        "more /readme.TX",
      ],
    );
    expect(output[1]).toContain("pairs\n");
    expect(output[2]).toContain("short name\n");
    expect(output[3]).toContain("no such file or directory");
  });

  it("what was allocated and not written is zero", async () => {
    const source: Tree = new Map([["/a", Buffer.from("written")]]);
    const image = exfatImage(source, { size: 8 * MIB, cluster: "4K", unwritten: 9000 });
    const tree: Tree = new Map([["/a", Buffer.concat([Buffer.from("written"), Buffer.alloc(9000)])]]);
    expect((await expectTree(image, tree)).diagnostics).toEqual([]);
  });

  describe("damage is named", () => {
    const tree: Tree = new Map([
      ["/FILE", noise("file", 20_000)],
      ["/DIR/INNER", Buffer.from("inner\n")],
    ]);
    const good = exfatImage(tree, { size: 8 * MIB, cluster: "4K", scattered: true });
    const root = (image: Buffer) => {
      const { heap, clusterSize, root: cluster } = new ExfatImage(Buffer.from(image));
      return heap + (cluster - 2) * clusterSize;
    };
    const u32 = (at: number, value: number) => (image: Buffer) => image.writeUInt32LE(value, at);

    it.each<[string, RegExp, (image: Buffer) => void]>([
      ["sectors", /exFAT boot sector: sectors of 2\^40 bytes/, (i) => i.writeUInt8(40, 108)],
      ["clusters", /exFAT boot sector: clusters of 2\^17 sectors/, (i) => i.writeUInt8(17, 109)],
      ["revision", /exFAT boot sector: revision 2.0/, (i) => i.writeUInt16LE(0x200, 104)],
      ["table", /exFAT boot sector: a table of 1 sectors for/, u32(84, 1)],
      ["root", /exFAT boot sector: root directory in cluster 1/, u32(96, 1)],
      ["FAT's fields", /exFAT boot sector: FAT's fields in use/, u32(11, 512)],
      ["checksum", /exFAT boot region: checksum/, u32(100, 77)],
      ["nothing at all", /^disk0 offset 6144: exFAT boot region: [^\n]*$/, (i) => i.fill(0, 0, 512 * 12)],
    ])("boot region, and the backup is used: %s", async (_name, message, harm) => {
      const image = Buffer.from(good);
      harm(image);
      const backup = "disk0 offset 6144: exFAT boot region: the first one is bad, this backup is used in its place";
      const { diagnostics } = await expectTree(image, tree);
      expect(diagnostics.join("\n")).toMatch(message);
      expect(diagnostics.at(-1)).toBe(backup);
      // Without it nothing can be read.
      image.fill(0xff, 512 * 23, 512 * 24);
      const both = await readTree(image, tree);
      expect(both.loaded.get("/FILE")).toBe(undefined);
      expect(both.diagnostics).not.toContain(backup);
    });

    it("a backup isn't used where another file system was made since", async () => {
      const image = Buffer.from(good).fill(0, 0, 512);
      // Of ISO 9660 nothing but its descriptor is needed.
      isoImage([{ name: "FILE.;1", content: "disc" }]).copy(image, 32768, 32768, 40960);
      const { output, diagnostics } = await prompt([image], ["more /FILE"]);
      expect(output[0]).toContain("no such file or directory");
      expect(diagnostics).toEqual([]);
    });

    it.each<[string, RegExp, (image: Buffer) => void]>([
      [
        "no up-case table",
        /exFAT root directory: no up-case table/,
        (i) => i.writeUInt8(0x02, i.indexOf(0x82, root(i))),
      ],
      [
        "a set's checksum",
        /exFAT directory entry at \d+: checksum/,
        (i) => i.writeUInt8(0x10, i.indexOf("F\0I\0L\0E\0", root(i)) + 6),
      ],
    ])("%s", async (_name, message, harm) => {
      const image = Buffer.from(good);
      harm(image);
      const { diagnostics, loaded } = await readTree(image, tree);
      expect(diagnostics.join("\n")).toMatch(message);
      expect(loaded.get("/FILE")).toBe(undefined);
    });

    /** Changes the set of FILE's entries: the file itself, its place, its name; and makes the checksum right again. */
    const forged = (change: (set: Buffer) => void) => (image: Buffer) => {
      const set = image.subarray(image.indexOf("F\0I\0L\0E\0", root(image)) - 66).subarray(0, 96);
      change(set);
      const covered = set.subarray(0, 32 * (set.readUInt8(1) + 1));
      let sum = 0;
      covered.forEach((byte, at) => {
        if (at !== 2 && at !== 3) sum = (((sum & 1) << 15) + (sum >> 1) + byte) & 0xffff;
      });
      set.writeUInt16LE(sum, 2);
    };
    it.each<[string, RegExp, (set: Buffer) => void]>([
      ["a set of too few", /directory entry at \d+: set of 2 entries$/m, (set) => set.writeUInt8(1, 1)],
      [
        "a name without its end",
        /directory entry at \d+: name of 4 characters has a gap$/m,
        (set) => set.writeUInt8(0xc2, 64),
      ],
      ["a name of none", /directory entry at \d+: name of 0 characters in 2 entries$/m, (set) => set.writeUInt8(0, 35)],
      [
        "a name beyond the set",
        /directory entry at \d+: name of 16 characters in 2 entries$/m,
        (set) => set.writeUInt8(16, 35),
      ],
      [
        "more written than there is",
        /: 20000 bytes, of which 20001 are written$/m,
        (set) => set.writeBigUInt64LE(20_001n, 40),
      ],
      [
        "a place beyond the clusters",
        /exFAT cluster \d+: \d+ clusters from here on, of which there are \d+$/m,
        (set) => {
          set.writeUInt8(set.readUInt8(33) | 2, 33);
          set.writeBigUInt64LE(7_500_000n, 40);
          set.writeBigUInt64LE(7_500_000n, 56);
        },
      ],
    ])("a set with a right checksum: %s", async (_name, message, change) => {
      const image = Buffer.from(good);
      forged(change)(image);
      const { diagnostics, loaded } = await readTree(image, tree);
      expect(diagnostics.join("\n")).toMatch(message);
      expect(loaded.get("/FILE")).toBe(undefined);
    });

    it("whatever is changed, what is read without an error is what was written", async () => {
      const start = root(good);
      // Boot region, table, directories. The first set in the root directory is not a file's.
      const metadata = [...good.keys()].filter(
        (at) => good[at] !== 0 && (at < 512 * 12 || (at >= start + 96 && at < start + 4096)),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }), async (changes) => {
          const image = Buffer.from(good);
          for (const [at, value] of changes) image[metadata[at % metadata.length] ?? 0] = value;
          const { result, loaded } = await readTree(image, tree);
          expect(["exec", "LimitError"]).toContain(result.error?.name ?? result.reason);
          for (const [path, bytes] of loaded) {
            if (bytes !== undefined) expect(bytes.equals(contentOf(tree, path))).toBe(true);
          }
        }),
        { numRuns: 60, seed: 1 },
      );
    });
  });
});
