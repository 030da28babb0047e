// Boot catalogues of discs (El Torito): their images as partitions, as xorriso writes them; and damage.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { mbr } from "../support/partition_tables.mjs";
import { prompt } from "../support/prompt.js";
import { Scratch } from "../support/scratch.js";
import { bytesOf } from "../support/sparse_disk.js";
import { describeWith, imageAt, run } from "../support/trees.js";
import { ufsDisk } from "../support/ufs_image.js";

const BLOCK = 2048;
const EFI_SIZE = 2 << 20;

/** The first sectors of a disk of which a partition from sector 1 on is a file system with a file. */
function hardDisk(): Buffer {
  const inner = bytesOf(ufsDisk({ "/inside": "of a disk\n" }));
  const disk = Buffer.alloc(512 + inner.length);
  disk.set(mbr([{ type: 0xa5, start: 1, size: inner.length / 512, active: true }]));
  disk.set(inner, 512);
  return disk;
}

/** A disc with a file, and these options for its boot catalogue; in its tree are images of all kinds. */
function disc(...options: string[]): Buffer {
  using scratch = new Scratch();
  const tree = join(scratch.path, "tree");
  const image = join(scratch.path, "image");
  mkdirSync(tree);
  const efi = join(tree, "efi.img");
  writeFileSync(efi, Buffer.alloc(EFI_SIZE));
  run("mkfs.vfat", efi);
  writeFileSync(join(scratch.path, "loader"), "for firmware\n");
  run("mmd", "-i", efi, "::/EFI");
  run("mcopy", "-i", efi, join(scratch.path, "loader"), "::/EFI/loader");
  writeFileSync(join(tree, "cdboot"), Buffer.alloc(3000, 0xc3));
  writeFileSync(join(tree, "floppy"), Buffer.alloc(1440 * 1024));
  writeFileSync(join(tree, "disk"), hardDisk());
  writeFileSync(join(tree, "ufs"), bytesOf(ufsDisk({ "/mfsroot": "a root\n" })));
  run("xorriso", "-as", "mkisofs", "-quiet", "-R", ...options, "-o", image, tree);
  return Buffer.from(imageAt(image));
}

const EFI = ["-eltorito-alt-boot", "-e", "efi.img", "-no-emul-boot"];
const CDBOOT = ["-b", "cdboot", "-no-emul-boot", "-boot-load-size", "4"];

/** Where the catalogue of a disc is. */
const catalogueOf = (image: Buffer) => image.readUInt32LE(17 * BLOCK + 71) * BLOCK;

describeWith(["xorriso", "mkfs.vfat", "mcopy"], "El Torito", () => {
  it("images are partitions behind the disc, and are read", async () => {
    const { output, diagnostics, result } = await prompt(
      [disc(...CDBOOT, ...EFI)],
      [
        "lsdev -v",
        "ls disk0:/",
        "ls disk0p2:/",
        "more disk0p2:/EFI/loader",
        "set currdev=disk0p2:",
        "more /EFI/loader",
        "more disk0p1:/x",
        "show loaddev",
      ],
    );
    expect(output[0]).toMatch(/disk0: ISO9660\t *\d+KB\n +disk0p1: boot image\t +2KB\n +disk0p2: EFI\t2048KB\n/);
    expect(output[1]).toContain("    efi.img\n");
    expect(output[2]).toContain(" d  EFI\n");
    expect(output[3]).toContain("BEGIN ***\nfor firmware\n");
    expect(output[5]).toContain("BEGIN ***\nfor firmware\n");
    expect(output[6]).toContain("no such file");
    // What is booted from is the disc, as ever.
    expect(output[7]).toBe("disk0s0a:\n");
    expect(diagnostics).toEqual([]);
    const told = result.bootProblem?.map(({ name, found }) => `${name}: ${found}`).join("\n");
    expect(told).toMatch(/disk0: .*ISO 9660 disc\n.*disk0: whole disk: cd9660\n/);
    expect(told).toMatch(/disk0p1: boot image: nothing known by sight.*\n.*disk0p2: EFI: msdos\n/);
  });

  it("file systems of all kinds are read in them, and disks have their partition", async () => {
    const whole = ["-eltorito-alt-boot", "-b", "ufs", "-no-emul-boot"];
    const floppy = ["-b", "floppy"];
    const image = disc(...floppy, ...whole, "-eltorito-alt-boot", "-b", "disk", "-hard-disk-boot");
    const { output, diagnostics } = await prompt(
      [image],
      ["lsdev -v", "more disk0p2:/mfsroot", "more disk0p3:/inside"],
    );
    expect(output[0]).toMatch(/disk0p1: boot image\t1440KB\n/);
    expect(output[1]).toContain("BEGIN ***\na root\n");
    expect(output[2]).toContain("BEGIN ***\nof a disk\n");
    expect(diagnostics).toEqual([]);
  });

  it("EFI's image whose size can't be said goes up to the end", async () => {
    const image = disc(...EFI.slice(1));
    const entry = catalogueOf(image) + 32;
    const start = image.readUInt32LE(entry + 8) * BLOCK;
    image.writeUInt16LE(0, entry + 6);
    const { output } = await prompt([image], ["lsdev -v", "more disk0p1:/EFI/loader"]);
    expect(output[0]).toContain(`disk0p1: EFI\t${String((image.length - start) / 1024).padStart(4)}KB\n`);
    expect(output[1]).toContain("for firmware\n");
  });

  it.each<[string, RegExp, (image: Buffer, catalogue: number) => void]>([
    ["place", /El Torito boot catalogue: can't be read/, (image) => image.writeUInt32LE(0xffffffff, 17 * BLOCK + 71)],
    ["validation entry", /boot catalogue: no validation entry/, (image, at) => image.writeUInt8(0, at + 30)],
    ["checksum", /boot catalogue: checksum/, (image, at) => image.writeUInt8(7, at + 4)],
    ["medium", /boot catalogue: image of media type 9 at block \d+/, (image, at) => image.writeUInt8(9, at + 33)],
    [
      "number of images",
      /boot catalogue: \d+ images more than 2048 bytes have room for/,
      (image, at) => image.writeUInt16LE(0xffff, at + 66),
    ],
  ])("a wrong %s is named, and the disc is read", async (_name, message, harm) => {
    const image = disc(...CDBOOT, ...EFI);
    harm(image, catalogueOf(image));
    const { output, diagnostics } = await prompt([image], ["ls disk0:/"]);
    expect(output[0]).toContain("    efi.img\n");
    expect(diagnostics.join()).toMatch(message);
  });

  it("an image beyond the end is listed, and nothing is in it", async () => {
    const image = disc(...CDBOOT, ...EFI);
    image.writeUInt32LE(0xffffffff, catalogueOf(image) + 40);
    const { output, result } = await prompt([image], ["lsdev -v", "ls disk0p1:/"]);
    expect(output[0]).toContain("disk0p1: boot image");
    expect(output[1]).toMatch(/no such file|input\/output error/);
    expect(result.bootProblem?.map(({ found }) => found).join()).toContain("begins beyond the end of the disk");
  });

  it("whatever is changed in it, the session goes on", async () => {
    const good = disc(...CDBOOT, ...EFI);
    const at = catalogueOf(good);
    const places = [...Array(160).keys()].map((i) => at + i).concat([71, 72, 73, 74].map((i) => 17 * BLOCK + i));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(places.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        async (changes, summed) => {
          const image = Buffer.from(good);
          for (const [index, value] of changes) image[places[index]!] = value;
          // With a checksum that is right, what is behind it is looked at.
          if (summed) {
            image.writeUInt16LE(0, at + 28);
            let sum = 0;
            for (let i = 0; i < 32; i += 2) sum += image.readUInt16LE(at + i);
            image.writeUInt16LE(-sum & 0xffff, at + 28);
          }
          const { result } = await prompt([image], ["lsdev -v", "ls disk0p1:/", "ls disk0p2:/EFI", "ls disk0p9:/"]);
          expect(result.error?.name).toBe("InputEndedError");
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });
});
