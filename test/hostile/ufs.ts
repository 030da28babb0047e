// Hostile UFS1 and UFS2: superblocks, inodes, block addresses of all levels, directories, symbolic links.

import { linkedFile } from "../support/elf_image.js";
import type { SparseDisk } from "../support/sparse_disk.js";
import { directoryBytes, MODE_DIRECTORY, MODE_LINK, UfsImage, type UfsOptions } from "../support/ufs_image.js";
import { bytesAt, cut, type Edit, type Family, type Guest, harmed, le, type Row } from "./case.js";

const UFS2 = { version: 2, blockSize: 4096, fragmentSize: 4096, superblockAt: 65_536 } as const;
const UFS1 = { version: 1, blockSize: 4096, fragmentSize: 4096, superblockAt: 8192 } as const;
const KERNEL = linkedFile({ bits: 64, segments: [{ size: 4096 }] }).bytes;
const TEXT = "good content\n";
const LINES = ["ls -l /", "more /file", "more /link"];
/** Loads a file straight into guest memory. */
const LOADED = ["load /kernel", "load -t raw /large", "more /file"];

interface Made {
  disk: SparseDisk;
  image: UfsImage;
  inodes: { root: number; file: number; large: number; link: number; long: number; sub: number };
}

/** A file system with a file, one that needs indirect blocks, and links. */
function made(options: UfsOptions): Made {
  const image = new UfsImage(options);
  const file = image.file(image.root, "file", TEXT);
  const large = image.file(image.root, "large", Buffer.alloc(options.blockSize * 14, "large"));
  const link = image.link(image.root, "link", "file");
  const long = image.link(image.root, "long", `${"./".repeat(100)}file`);
  const sub = image.directory(image.root, "sub");
  image.file(sub, "inner", TEXT);
  image.file(image.root, "kernel", KERNEL);
  return { disk: image.finish(), image, inodes: { root: image.root, file, large, link, long, sub } };
}
type Change = (made: Made) => void;
function guest(change: Change, lines: readonly string[] = LINES, options: UfsOptions = UFS2): Guest {
  const one = made(options);
  change(one);
  return { disks: [one.disk], lines };
}

/** Changes a field of the superblock. */
const superblock = (at: number, bytes: Uint8Array, options: UfsOptions = UFS2) =>
  guest(({ disk, image }) => harmed(disk, [image.superblockOffset + at, bytes]), LINES, options);
/** Changes fields of an inode. */
const inode =
  (which: keyof Made["inodes"], ...edits: Edit[]): Change =>
  ({ disk, image, inodes }) =>
    harmed(disk, ...edits.map(([at, bytes]): Edit => [image.inodeOffset(inodes[which]) + at, bytes]));
/** The address of a block of an inode, as bytes of the disk. */
function blockOf({ disk, image, inodes }: Made, which: keyof Made["inodes"], number = 0): number {
  return Number(bytesAt(disk, image.inodeOffset(inodes[which]) + 112 + 8 * number, 8).readBigUInt64LE()) * 4096;
}
/** Changes an entry of the root directory, which begin behind `.` and `..` (12 bytes each). */
const entry =
  (...edits: Edit[]): Change =>
  (one) =>
    harmed(one.disk, ...edits.map(([at, bytes]): Edit => [blockOf(one, "root") + 24 + at, bytes]));

const SIZE = 16;
const MODE = 0;
const DIRECT = 112;
const INDIRECT = DIRECT + 8 * 12;
/** None of it can be read. */
const unmounted = (...reports: string[]) => ({ reports, hides: [TEXT] });
const at = (what: string) => unmounted(`disk0 offset 65536: UFS superblock: ${what}`);
/** What is left of it is read. */
const partly = (...reports: string[]) => ({ reports, prints: [TEXT] });
const link =
  (text: string): Change =>
  (one) => {
    const { disk, image, inodes } = one;
    harmed(
      disk,
      [image.inodeOffset(inodes.link) + SIZE, le(text.length, 8)],
      [image.inodeOffset(inodes.link) + DIRECT, text],
    );
  };

const superblockRows: Row[] = [
  ["UFS of no groups", () => superblock(44, le(0, 4)), at("0 groups, block size 4096")],
  ["UFS of blocks of no bytes", () => superblock(48, le(0, 4)), at("1 groups, block size 0")],
  ["UFS of blocks of 2048 bytes", () => superblock(48, le(2048, 4)), at("1 groups, block size 2048")],
  ["UFS of blocks of 128 KiB", () => superblock(48, le(131_072, 4)), at("1 groups, block size 131072")],
  ["UFS of blocks of 2 GiB", () => superblock(48, le(2 ** 31, 4)), at("1 groups, block size 2147483648")],
  ["UFS of blocks of 6000 bytes", () => superblock(48, le(6000, 4)), at("block size 6000 is no power of two")],
  ["UFS of fragments of no bytes", () => superblock(52, le(0, 4)), at("fragment size 0")],
  ["UFS of fragments of 256 bytes", () => superblock(52, le(256, 4)), at("fragment size 256")],
  ["UFS of fragments of 768 bytes", () => superblock(52, le(768, 4)), at("fragment size 768")],
  [
    "UFS of fragments larger than blocks",
    () => superblock(52, le(8192, 4)),
    at("fragment size 8192 in blocks of 4096"),
  ],
  [
    "UFS of sixteen fragments a block",
    () => guest(({ disk, image }) => harmed(disk, [image.superblockOffset + 48, le(65_536, 4)])),
    at("fragment size 4096 in blocks of 65536"),
  ],
  ["UFS of no inodes", () => superblock(184, le(0, 4)), at("no inodes in a group")],
  ["UFS of no fragments", () => superblock(188, le(0, 4)), at("no fragments in a group")],
  ["UFS that says it is elsewhere: a copy, not taken", () => superblock(1000, le(8192, 8)), { hides: [TEXT] }],
  [
    "UFS1 where only alternate superblocks are",
    () => guest(() => {}, LINES, { ...UFS1, superblockAt: 65_536 }),
    { hides: [TEXT] },
  ],
  [
    "UFS whose creation was not finished",
    () => superblock(1372, le(0x19960408, 4)),
    at("the file system's creation was not finished"),
  ],
  [
    "UFS whose inodes are beyond the disk",
    () => superblock(16, le(0xffffffff, 4)),
    unmounted("UFS inode 2: beyond the end of the disk"),
  ],
  [
    "UFS whose only inodes are none",
    () => superblock(184, le(1, 4)),
    unmounted("UFS inode 2: there is none of that number"),
  ],
  ["UFS whose inodes are the superblock", () => superblock(16, le(16, 4)), { hides: [TEXT] }],
  ["UFS cut off in its superblock", () => guest(({ disk }) => cut(disk, 65_536 + 1376)), { hides: [TEXT] }],
  [
    "UFS cut off behind its superblock",
    () => guest(({ disk }) => cut(disk, 65_536 + 8192)),
    unmounted("UFS inode 2: beyond the end of the disk"),
  ],
  ["UFS1 whose groups are shifted beyond the disk", () => superblock(24, le(0xffffffff, 4), { ...UFS1 }), partly()],
  [
    "UFS whose groups are so large that an inode's place comes round to another one's",
    () =>
      guest(
        ({ disk, image, inodes }) => {
          const root = Number(bytesAt(disk, image.inodeOffset(inodes.root) + DIRECT, 8).readBigUInt64LE()) * 65_536;
          harmed(
            disk,
            [image.superblockOffset + 44, le(2 ** 20, 4)],
            [image.superblockOffset + 188, le(2 ** 31, 4)],
            [root + 24, le(2 ** 31 + inodes.file, 4)],
          );
        },
        ["more /file"],
        { version: 2, blockSize: 65_536, fragmentSize: 65_536, superblockAt: 65_536 },
      ),
    unmounted("UFS inode 2147483651: beyond the end of the disk"),
  ],
];

const inodeRows: Row[] = [
  [
    "UFS file of 2^64 - 1 bytes",
    () => ({
      ...guest(inode("file", [SIZE, le(-1n, 8)]), ["ls -l /file", "load /kernel", "load -t raw /file"]),
      options: { limits: { fuel: 5_000_000 } },
    }),
    { end: "LimitError", message: "limit fuel exceeded", prints: ["-1 /file"] },
  ],
  [
    "UFS file whose block is beyond all disks",
    () => guest(inode("file", [DIRECT, le(2n ** 63n, 8)])),
    unmounted("UFS inode 3: block address 9223372036854775808"),
  ],
  [
    "UFS file whose block's offset would wrap to the superblock",
    () => guest(inode("file", [DIRECT, le(2n ** 52n + 16n, 8)])),
    unmounted("UFS inode 3: block address 4503599627370512"),
  ],
  [
    "UFS file whose block is beyond the disk",
    () => guest(inode("file", [DIRECT, le(1_000_000, 8)])),
    unmounted("disk0 offset 4096000000: UFS inode 3: data is beyond the end of the disk"),
  ],
  ["UFS file whose only block is a hole: zeros", () => guest(inode("file", [DIRECT, le(0, 8)])), { hides: [TEXT] }],
  [
    "UFS file whose indirect block is beyond the disk",
    () => guest(inode("large", [INDIRECT, le(1_000_000, 8)]), LOADED),
    partly("UFS inode 4: indirect block at 1000000 is beyond the end of the disk"),
  ],
  [
    "UFS file whose indirect block is beyond all disks",
    () => guest(inode("large", [INDIRECT, le(-1n, 8)]), ["more /large", "more /file"]),
    partly("UFS inode 4: block address 18446744073709551615"),
  ],
  [
    "UFS file whose indirect block is a data block: its addresses are bytes of it",
    () =>
      guest(
        (one) => harmed(one.disk, [blockOf(one, "large", 12), Buffer.alloc(4096, 0xee)]),
        ["more /large", "more /file"],
      ),
    partly("UFS inode 4: block address 17216961135462248174"),
  ],
  [
    "UFS file of all that three levels can tell, and a block more",
    () => ({
      ...guest(inode("large", [SIZE, le(2n ** 62n, 8)]), ["ls -l /large", ...LOADED]),
      options: { limits: { fuel: 5_000_000 } },
    }),
    { end: "LimitError", message: "limit fuel exceeded", prints: ["4611686018427387904"] },
  ],
  [
    "UFS directory of 2^64 - 4 bytes of holes",
    () => guest(inode("sub", [SIZE, le(-4n, 8)]), ["ls /sub", "more /file"]),
    partly("UFS inode 7: directory entry at 512: length 0"),
  ],
  [
    "UFS file that says it is a directory",
    () => guest(inode("file", [MODE, le(MODE_DIRECTORY, 2)]), ["ls /file", "more /file", "more /sub/inner"]),
    partly("UFS inode 3: directory entry at 0: length"),
  ],
  [
    "UFS directory that says it is a file: nothing in it is found",
    () => guest(inode("sub", [MODE, le(0o100644, 2)]), ["ls /sub", "more /sub/inner"]),
    { prints: ["can't open '/sub/inner': no such file"], hides: [TEXT] },
  ],
  [
    "UFS root that is no directory",
    () => guest(inode("root", [MODE, le(0o100644, 2)])),
    { prints: ["can't open '/file'"], hides: [TEXT] },
  ],
  [
    "UFS file of no kind that there is",
    () => guest(inode("file", [MODE, le(0o170644, 2)]), ["ls -l /", "load -t raw /file"]),
    { prints: ["file"] },
  ],
];

const directoryRows: Row[] = [
  [
    "UFS directory entry of no length",
    () => guest(entry([4, le(0, 2)])),
    unmounted("UFS inode 2: directory entry at 24: length 0"),
  ],
  [
    "UFS directory entry of 8 bytes",
    () => guest(entry([4, le(8, 2)])),
    unmounted("UFS inode 2: directory entry at 24: length 8"),
  ],
  [
    "UFS directory entry of 18 bytes",
    () => guest(entry([4, le(18, 2)])),
    unmounted("UFS inode 2: directory entry at 24: length 18"),
  ],
  [
    "UFS directory entry of 65535 bytes",
    () => guest(entry([4, le(0xffff, 2)])),
    unmounted("UFS inode 2: directory entry at 24: length 65535"),
  ],
  [
    "UFS directory entry longer than its block",
    () => guest(entry([4, le(4096, 2)])),
    unmounted("UFS inode 2: directory entry at 24: length 4096"),
  ],
  [
    "UFS directory entry whose name is longer than it",
    () => guest(entry([7, le(255, 1)])),
    unmounted("UFS inode 2: directory entry at 24: name of 255 bytes in 16"),
  ],
  [
    "UFS directory entry of an inode that there isn't",
    () => guest(entry([0, le(4096, 4)])),
    unmounted("UFS inode 4096: there is none of that number"),
  ],
  [
    "UFS directory entry of the last inode there can be",
    () => guest(entry([0, le(0xffffffff, 4)])),
    unmounted("UFS inode 4294967295: there is none of that number"),
  ],
  [
    "UFS directory entry that leads back to its directory",
    () => guest(entry([0, le(2, 4)]), ["more /file/file/file/link", "ls /file/file/file"]),
    { prints: ["link", "sub"] },
  ],
  [
    "UFS directory entry whose name has a slash: nobody gets there by it",
    () => guest(entry([8, "../x"]), ["ls /", "more /../x", "more /sub/inner"]),
    { prints: ["../x", "can't open '/../x'", TEXT] },
  ],
  [
    "UFS directory entry whose name clears the screen",
    () => guest(entry([8, "\x1b[2J"]), ["ls /", "more /sub/inner"]),
    partly(),
  ],
  ["UFS directory entry whose name is NUL", () => guest(entry([8, "\0\0\0\0"]), ["ls /", "more /sub/inner"]), partly()],
  [
    "UFS directory of a hundred thousand entries of one name: the first one is it",
    () => {
      const image = new UfsImage(UFS2);
      const file = image.file(image.root, "file", TEXT);
      const many = Array.from({ length: 100_000 }, () => ({ inode: file, type: 8, name: "same" }));
      const sub = image.file(image.root, "sub", directoryBytes(many));
      const disk = image.finish();
      harmed(disk, [image.inodeOffset(sub), le(MODE_DIRECTORY, 2)]);
      return { disks: [disk], lines: ["more /sub/same", "more /sub/none"] };
    },
    { prints: [TEXT, "can't open '/sub/none': no such file or directory"] },
  ],
];

const loop = (text: string, reports: string[], prints: string[] = ["can't open '/link'"]): [Row[1], Row[2]] => [
  () => guest(link(text), ["more /link", "more /file"]),
  { reports, prints: [...prints, TEXT] },
];
const linkRows: Row[] = [
  ["UFS link to itself", ...loop("link", ["UFS inode 5: symbolic link: more than"])],
  ["UFS link to itself by way of the root", ...loop("/./link", ["UFS inode 5: symbolic link: more than"])],
  ["UFS link into itself as a directory", ...loop("link/link", ["UFS inode 5: symbolic link: more than"])],
  ["UFS link out of the root", ...loop("../../../../etc/passwd", [])],
  ["UFS link of no text: the directory itself", ...loop("", [], [])],
  ["UFS link to another device stays a path", ...loop("host0:/etc/passwd", [])],
  ["UFS link with a NUL in it", ...loop("file\0/x", [], [])],
  [
    "UFS link whose size is 2^64 - 1",
    () => guest(inode("link", [SIZE, le(-1n, 8)]), ["more /link", "more /file"]),
    { prints: ["can't open '/link': no such file or directory", TEXT] },
  ],
  [
    "UFS link whose size is more than the inode has, as the superblock allows",
    () =>
      guest(
        (one) => {
          inode("link", [SIZE, le(500, 8)])(one);
          harmed(one.disk, [one.image.superblockOffset + 1320, le(2 ** 31 - 1, 4)]);
        },
        ["more /link", "more /file"],
      ),
    partly("UFS inode 5: symbolic link: text of 500 bytes in the inode"),
  ],
  [
    "UFS link of 1025 bytes",
    () => guest(inode("long", [SIZE, le(1025, 8)]), ["more /long", "more /file"]),
    { prints: ["can't open '/long'", TEXT] },
  ],
  [
    "UFS link whose text is beyond the disk",
    () => guest(inode("long", [DIRECT, le(1_000_000, 8)]), ["more /long", "more /file"]),
    partly("UFS inode 6: data is beyond the end of the disk"),
  ],
  [
    "UFS directory that says it is a link",
    () => guest(inode("sub", [MODE, le(MODE_LINK, 2)]), ["more /sub/inner", "more /file"]),
    { prints: ["can't open '/sub/inner'", TEXT] },
  ],
];

export const ufs: Family = { name: "ufs", rows: [...superblockRows, ...inodeRows, ...directoryRows, ...linkRows] };
