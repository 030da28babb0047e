// Hostile ext2, ext3 and ext4: superblocks, groups, inodes, trees of extents, data in inodes, directories. The base with
// extents has its checksums switched off, so that what is behind them is reached; others keep them.

import type { SparseDisk } from "../support/sparse_disk.js";
import { bytesAt, cut, type Edit, type Family, type Guest, harmed, le, type Row } from "./case.js";
import { packedDisk } from "./packed.js";

const SUPERBLOCK = 1024;
const READ_ONLY = 100;
const CHECKSUMS = 0x400;
const ROOT = 2;
const MODE = 0;
const SIZE = 4;
const FLAGS = 32;
const BLOCKS = 40;
const TEXT = 'autoboot_delay="1"\n';
const KERNEL = "no kernel\n";
const PATHS = {
  kernel: "/boot/kernel/kernel",
  conf: "/boot/loader.conf",
  large: "/large/zeros",
  boot: "/boot",
} as const;
type Name = keyof typeof PATHS;
const LINES = ["ls -l /", "more /boot/loader.conf", "more /boot/kernel/kernel"];

/** Finds its way in a volume that is good. */
class Ext {
  readonly blockSize: number;
  readonly inodeSize: number;
  readonly descriptors: number;

  constructor(readonly disk: SparseDisk) {
    const superblock = bytesAt(disk, SUPERBLOCK, 1024);
    this.blockSize = 1024 << superblock.readUInt32LE(24);
    this.inodeSize = superblock.readUInt16LE(88);
    this.descriptors = (superblock.readUInt32LE(20) + 1) * this.blockSize;
  }

  inodeAt(number: number): number {
    return bytesAt(this.disk, this.descriptors + 8, 4).readUInt32LE() * this.blockSize + (number - 1) * this.inodeSize;
  }

  /** Where the first block of an inode is, or its data in it. */
  firstBlock(number: number): number {
    const inode = bytesAt(this.disk, this.inodeAt(number), 100);
    const flags = inode.readUInt32LE(FLAGS);
    if (flags & 0x10000000) return this.inodeAt(number) + BLOCKS;
    return inode.readUInt32LE(flags & 0x80000 ? BLOCKS + 20 : BLOCKS) * this.blockSize;
  }

  /** Where the entry of a path's last name is. */
  entry(path: string): number {
    let directory = ROOT;
    let at = 0;
    for (const name of path.split("/").slice(1)) {
      const start = this.firstBlock(directory);
      const found = bytesAt(this.disk, start, this.blockSize).indexOf(Buffer.from(name), 4);
      at = start + found - 8;
      directory = bytesAt(this.disk, at, 4).readUInt32LE();
    }
    return at;
  }

  number(name: Name): number {
    return bytesAt(this.disk, this.entry(PATHS[name]), 4).readUInt32LE();
  }
}

type Base = "ext2" | "ext3" | "ext4" | "checked";
function volume(base: Base): SparseDisk {
  if (base === "checked") return packedDisk("ext4");
  const disk = packedDisk(base);
  const features = bytesAt(disk, SUPERBLOCK + READ_ONLY, 4).readUInt32LE();
  return harmed(disk, [SUPERBLOCK + READ_ONLY, le(features & ~CHECKSUMS, 4)]);
}
function guest(base: Base, change: (disk: SparseDisk, ext: Ext) => void, lines: readonly string[] = LINES): Guest {
  const disk = volume(base);
  change(disk, new Ext(disk));
  return { disks: [disk], lines };
}
const superblock = (base: Base, ...edits: Edit[]) =>
  guest(base, (disk) => harmed(disk, ...edits.map(([at, bytes]): Edit => [SUPERBLOCK + at, bytes])));
const inode = (base: Base, name: Name, ...edits: Edit[]) =>
  guest(base, (disk, ext) => {
    const at = ext.inodeAt(ext.number(name));
    harmed(disk, ...edits.map(([offset, bytes]): Edit => [at + offset, bytes]));
  });
const root = (base: Base, ...edits: Edit[]) =>
  guest(base, (disk, ext) => harmed(disk, ...edits.map(([at, bytes]): Edit => [ext.inodeAt(ROOT) + at, bytes])));
const entry = (base: Base, name: Name, ...edits: Edit[]) =>
  guest(base, (disk, ext) => {
    const at = ext.entry(PATHS[name]);
    harmed(disk, ...edits.map(([offset, bytes]): Edit => [at + offset, bytes]));
  });
const unmounted = (...reports: string[]) => ({ reports, hides: [TEXT, KERNEL] });
const at = (what: string) => unmounted(`disk0 offset 1024: ext superblock: ${what}`);
/** The rest of it is read. */
const partly = (...reports: string[]) => ({ reports, prints: [TEXT] });

const superblockRows: Row[] = [
  ["ext of blocks of 2^7 KiB", () => superblock("ext2", [24, le(7, 4)]), at("blocks of 2^7 KiB")],
  ["ext of blocks of 2^32 KiB", () => superblock("ext2", [24, le(32, 4)]), at("blocks of 2^32 KiB")],
  ["ext of blocks of 2^4294967295 KiB", () => superblock("ext2", [24, le(-1, 4)]), at("blocks of 2^4294967295 KiB")],
  ["ext of inodes of no bytes", () => superblock("ext2", [88, le(0, 2)]), at("inodes of 0 bytes")],
  ["ext of inodes of 64 bytes", () => superblock("ext2", [88, le(64, 2)]), at("inodes of 64 bytes")],
  ["ext of inodes of 200 bytes", () => superblock("ext2", [88, le(200, 2)]), at("inodes of 200 bytes")],
  ["ext of inodes larger than blocks", () => superblock("ext2", [88, le(2048, 2)]), at("inodes of 2048 bytes")],
  ["ext of descriptors of no bytes", () => superblock("ext4", [254, le(0, 2)]), at("group descriptors of 0 bytes")],
  [
    "ext of descriptors of 32 bytes in 64 bits",
    () => superblock("ext4", [254, le(32, 2)]),
    at("group descriptors of 32 bytes"),
  ],
  ["ext of descriptors of 96 bytes", () => superblock("ext4", [254, le(96, 2)]), at("group descriptors of 96 bytes")],
  [
    "ext of descriptors of 2048 bytes",
    () => superblock("ext4", [254, le(2048, 2)]),
    at("group descriptors of 2048 bytes"),
  ],
  ["ext of no blocks", () => superblock("ext2", [4, le(0, 4)]), at("0 blocks")],
  [
    "ext of 2^64 - 1 blocks",
    () => superblock("ext4", [4, le(-1, 4)], [336, le(-1, 4)]),
    at("18446744073709551615 blocks"),
  ],
  ["ext whose first block is behind its last", () => superblock("ext2", [20, le(-1, 4)]), at("400 blocks")],
  ["ext of no blocks in a group", () => superblock("ext2", [32, le(0, 4)]), at("no blocks or inodes in a group")],
  ["ext of no inodes in a group", () => superblock("ext2", [40, le(0, 4)]), at("no blocks or inodes in a group")],
  ["ext that is compressed", () => superblock("ext2", [96, le(3, 4)]), at("feature 'compression' can't be read")],
  ["ext that is a journal", () => superblock("ext2", [96, le(10, 4)]), at("feature 'journal_dev' can't be read")],
  [
    "ext of a feature that there isn't",
    () => superblock("ext2", [96, le(0x80000002, 4)]),
    at("unknown feature, bit 31"),
  ],
  [
    "ext that needs its journal is read, and said",
    () => superblock("ext3", [96, le(6, 4)]),
    partly("ext superblock: needs_recovery: the journal isn't replayed, so what was written last may be missing"),
  ],
  ["ext4 with a flipped bit in its superblock", () => superblock("checked", [120, "x"]), at("checksum")],
  [
    "ext of one inode",
    () => superblock("ext2", [0, le(1, 4)]),
    unmounted("disk0 offset 1024: ext inode 2: there is none of that number"),
  ],
  [
    "ext whose inodes are at block 0",
    () => guest("ext2", (disk, ext) => harmed(disk, [ext.descriptors + 8, le(0, 4)])),
    unmounted("disk0 offset 2048: ext group 0: inodes at block 0"),
  ],
  [
    "ext whose inodes are beyond it",
    () => guest("ext2", (disk, ext) => harmed(disk, [ext.descriptors + 8, le(400, 4)])),
    unmounted("disk0 offset 2048: ext group 0: inodes at block 400"),
  ],
  [
    "ext whose inodes are at block 2^63",
    () => guest("ext4", (disk, ext) => harmed(disk, [ext.descriptors + 40, le(0x80000000, 4)])),
    unmounted("ext group 0: inodes at block 9223372036854775"),
  ],
  [
    "ext4 with a flipped bit in its descriptor",
    () => guest("checked", (disk, ext) => harmed(disk, [ext.descriptors + 12, "x"])),
    unmounted("ext group 0: checksum"),
  ],
  [
    "ext of one inode a group, and one group",
    () => superblock("ext2", [40, le(1, 4)]),
    unmounted("ext group 1: inodes at block 0"),
  ],
  [
    "ext whose groups are so large that a group's place comes round to another one's",
    () =>
      guest("ext2", (disk, ext) => {
        // With descriptors in their groups, the one of group 2^25 is where that of group 0 is, when 2^64 is taken off.
        const features = bytesAt(disk, SUPERBLOCK + READ_ONLY, 4).readUInt32LE();
        harmed(
          disk,
          [SUPERBLOCK, le(-1, 4)],
          [SUPERBLOCK + 32, le(2 ** 29, 4)],
          [SUPERBLOCK + 40, le(64, 4)],
          [SUPERBLOCK + 96, le(0x12, 4)],
          [SUPERBLOCK + READ_ONLY, le(features & ~1, 4)],
          [SUPERBLOCK + 260, le(1, 4)],
          [ext.entry(PATHS.boot), le(2 ** 31 + ext.number("boot"), 4)],
        );
      }),
    unmounted("ext group 33554432: beyond the end of the disk"),
  ],
  ["ext cut off in its superblock", () => guest("ext2", (disk) => cut(disk, 2047)), { hides: [TEXT] }],
  [
    "ext cut off behind its superblock",
    () => guest("ext2", (disk) => cut(disk, 2048)),
    unmounted("disk0 offset 2048: ext group 0: beyond the end of the disk"),
  ],
];

const extent = (first: number, length: number, high: number, low: number) =>
  Buffer.concat([le(first, 4), le(length, 2), le(high, 2), le(low, 4)]);
const head = (entries: number, depth: number, room = 4, magic = 0xf30a) =>
  Buffer.concat([le(magic, 2), le(entries, 2), le(room, 2), le(depth, 2), le(0, 4)]);
const tree = (...parts: Uint8Array[]) => inode("ext4", "kernel", [BLOCKS, Buffer.concat(parts)]);

const inodeRows: Row[] = [
  ["ext inode of nothing", () => inode("ext2", "kernel", [MODE, le(0, 2)]), partly("not in use")],
  ["ext inode that is encrypted", () => inode("ext2", "kernel", [FLAGS, le(0x800, 4)]), partly("encrypted")],
  ["ext inode that is compressed", () => inode("ext2", "kernel", [FLAGS, le(4, 4)]), partly("compressed")],
  [
    "ext inode of more extra bytes than it has",
    () => inode("ext4", "kernel", [128, le(0xffff, 2)]),
    partly("extra size 65535"),
  ],
  ["ext4 inode with a flipped bit", () => inode("checked", "kernel", [24, "x"]), partly("checksum")],
  [
    "ext file whose block is beyond it",
    () => inode("ext2", "kernel", [BLOCKS, le(0xffffffff, 4)]),
    partly("block address 4294967295"),
  ],
  ["ext file whose indirect block is the superblock", () => inode("ext2", "large", [BLOCKS + 48, le(1, 4)]), partly()],
  [
    "ext file of 2^64 - 1 bytes",
    () => ({
      ...inode("ext2", "conf", [SIZE, le(-1, 4)], [108, le(-1, 4)]),
      lines: ["ls -l /boot", "more /boot/kernel/kernel"],
    }),
    { prints: ["loader.conf", KERNEL] },
  ],
  ["ext root that is a file", () => root("ext2", [MODE, le(0o100644, 2)]), { hides: [TEXT] }],
  [
    "ext directory of 4 GiB",
    () => ({ ...inode("ext2", "boot", [SIZE, le(-1, 4)]), lines: ["ls /boot", "more /boot/loader.conf"] }),
    partly("ext inode 14: directory entry at 1024: length 0"),
  ],
  [
    "ext extents without their magic number",
    () => tree(head(1, 0, 4, 0xf30b)),
    partly("extents: node of 1 entries, 0 levels above the last one"),
  ],
  ["ext extents of more entries than an inode has", () => tree(head(5, 0)), partly("extents: node of 5 entries")],
  ["ext extents of 65535 entries", () => tree(head(0xffff, 0, 0xffff)), partly("extents: node of 65535 entries")],
  [
    "ext extents of six levels",
    () => tree(head(1, 6)),
    partly("extents: node of 1 entries, 6 levels above the last one"),
  ],
  ["ext extents of 65535 levels", () => tree(head(1, 0xffff)), partly("extents: node of 1 entries, 65535 levels")],
  [
    "ext extents whose node is in no block",
    () => tree(head(1, 1), le(0, 4), le(0xffffffff, 4), le(0xffff, 2)),
    partly("extents: node at block 281474976710655"),
  ],
  [
    "ext extents whose node is the superblock",
    () => tree(head(1, 1), le(0, 4), le(1, 4), le(0, 2)),
    partly("extents: node of 0 entries, 0 levels above the last one"),
  ],
  [
    "ext extents whose node is its own",
    () =>
      guest("ext4", (disk, ext) => {
        const block = 2000;
        const number = ext.number("kernel");
        harmed(
          disk,
          [ext.inodeAt(number) + BLOCKS, Buffer.concat([head(1, 5), le(0, 4), le(block, 4), le(0, 4)])],
          [block * 1024, Buffer.concat([head(1, 4, 84), le(0, 4), le(block, 4), le(0, 4)])],
        );
      }),
    partly("extents: node of 1 entries, 4 levels above the last one"),
  ],
  [
    "ext extent of no blocks",
    () => tree(head(1, 0), extent(0, 0, 0, 100)),
    partly("extent of 0 blocks for block 0, at block 100"),
  ],
  [
    "ext extent of the first block of all",
    () => tree(head(1, 0), extent(0, 7, 0, 0)),
    partly("extent of 7 blocks for block 0, at block 0"),
  ],
  [
    "ext extent over the volume's end",
    () => tree(head(1, 0), extent(0, 7, 0, 3070)),
    partly("extent of 7 blocks for block 0, at block 3070"),
  ],
  [
    "ext extent at block 2^48 - 1",
    () => tree(head(1, 0), extent(0, 7, 0xffff, 0xffffffff)),
    partly("extent of 7 blocks for block 0, at block 281474976710655"),
  ],
  [
    "ext extent beyond the last block a file has",
    () => tree(head(1, 0), extent(0xffffffff, 7, 0, 100)),
    { prints: [TEXT] },
  ],
  [
    "ext extents over each other",
    () => tree(head(2, 0), extent(0, 7, 0, 100), extent(3, 7, 0, 200)),
    partly("extent of 7 blocks for block 0, at block 100"),
  ],
  [
    "ext extent that was not written: zeros",
    () => tree(head(1, 0), extent(0, 32_768 + 7, 0, 100)),
    { prints: [TEXT], hides: [KERNEL] },
  ],
  [
    "ext inline data of more bytes than are there",
    () => inode("ext4", "kernel", [FLAGS, le(0x10000000, 4)], [SIZE, le(7000, 4)]),
    partly("inline data: 7000 bytes aren't there"),
  ],
];

const directoryRows: Row[] = [
  [
    "ext directory entry of no length",
    () => entry("ext2", "boot", [4, le(0, 2)]),
    unmounted("directory entry at 96: length 0"),
  ],
  [
    "ext directory entry of 8 bytes",
    () => entry("ext2", "boot", [4, le(8, 2)]),
    unmounted("directory entry at 96: length 8"),
  ],
  [
    "ext directory entry of 65532 bytes",
    () => entry("ext2", "boot", [4, le(65_532, 2)]),
    unmounted("directory entry at 96: length 65532"),
  ],
  [
    "ext directory entry of 14 bytes",
    () => entry("ext2", "boot", [4, le(14, 2)]),
    unmounted("directory entry at 96: length 14"),
  ],
  [
    "ext directory entry without a name",
    () => entry("ext2", "boot", [6, le(0, 1)]),
    unmounted("directory entry at 96: name of 0 bytes in 12"),
  ],
  [
    "ext directory entry whose name is longer than it",
    () => entry("ext2", "boot", [6, le(200, 1)]),
    unmounted("directory entry at 96: name of 200 bytes in 12"),
  ],
  [
    "ext directory entry of an inode that there isn't",
    () => entry("ext2", "boot", [0, le(65, 4)]),
    unmounted("ext inode 65: there is none of that number"),
  ],
  [
    "ext directory entry of the last inode of all",
    () => entry("ext2", "boot", [0, le(-1, 4)]),
    unmounted("ext inode 4294967295: there is none of that number"),
  ],
  [
    "ext directory entry that leads back to its directory",
    () => ({ ...entry("ext2", "boot", [0, le(2, 4)]), lines: ["ls /boot/boot/boot", "more /boot/boot/small"] }),
    { prints: ["large", "x"] },
  ],
  [
    "ext4 directory with a flipped bit in a name",
    () => guest("checked", (disk, ext) => harmed(disk, [ext.entry(PATHS.boot) + 8, "B"])),
    unmounted("checksum"),
  ],
];

export const ext: Family = { name: "ext", rows: [...superblockRows, ...inodeRows, ...directoryRows] };
