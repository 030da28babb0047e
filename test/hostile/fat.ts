// Hostile FAT12, FAT16, FAT32 and exFAT: boot sectors, tables and their chains, directories, sets of entries with checksums
// made right.

import { ExfatImage, setChecksum } from "../support/exfat_image.js";
import { bytesOf, type SparseDisk } from "../support/sparse_disk.js";
import { bytesAt, cut, type Edit, type Family, type Guest, harmed, le, type Row } from "./case.js";
import { packedDisk } from "./packed.js";

const TEXT = 'autoboot_delay="1"\n';
const KERNEL = "no kernel\n";
const LINES = ["ls -l /", "more /boot/loader.conf", "more /boot/kernel/kernel"];
type Bits = 12 | 16 | 32;
const NAMES = { 12: "fat12", 16: "fat16", 32: "fat32" } as const;
const ENTRY = 32;

/** Finds its way in a volume that is good. */
class Fat {
  readonly table: number;
  readonly root: number;
  readonly heap: number;
  readonly cluster: number;

  constructor(
    readonly disk: SparseDisk,
    readonly bits: Bits,
  ) {
    const boot = bytesAt(disk, 0, 512);
    const sector = boot.readUInt16LE(11);
    this.cluster = sector * boot.readUInt8(13);
    this.table = boot.readUInt16LE(14) * sector;
    const tableSize = (boot.readUInt16LE(22) || boot.readUInt32LE(36)) * sector;
    const rootAt = this.table + boot.readUInt8(16) * tableSize;
    this.heap = rootAt + boot.readUInt16LE(17) * ENTRY;
    this.root = bits === 32 ? this.offset(boot.readUInt32LE(44)) : rootAt;
  }

  offset(cluster: number): number {
    return this.heap + (cluster - 2) * this.cluster;
  }

  /** Where the entry of a short name is in the directory at `at`. */
  entryIn(at: number, name: string): number {
    const found = bytesAt(this.disk, at, 512).indexOf(name.padEnd(11), 0, "latin1");
    if (found < 0) throw new Error(`no ${name}`);
    return at + found;
  }

  clusterOf(entry: number): number {
    return bytesAt(this.disk, entry + 26, 2).readUInt16LE();
  }

  get boot(): number {
    return this.entryIn(this.root, "BOOT");
  }

  get kernel(): number {
    const boot = this.offset(this.clusterOf(this.boot));
    return this.entryIn(this.offset(this.clusterOf(this.entryIn(boot, "KERNEL"))), "KERNEL");
  }

  /** Makes `next` what follows a cluster. */
  chain(cluster: number, next: number): void {
    if (this.bits !== 12) {
      harmed(this.disk, [this.table + (cluster * this.bits) / 8, le(next, this.bits / 8)]);
      return;
    }
    const at = this.table + Math.floor((cluster * 3) / 2);
    const both = bytesAt(this.disk, at, 2).readUInt16LE();
    harmed(this.disk, [at, le(cluster & 1 ? (both & 15) | (next << 4) : (both & 0xf000) | next, 2)]);
  }
}

function guest(bits: Bits, change: (fat: Fat) => void, lines: readonly string[] = LINES): Guest {
  const disk = packedDisk(NAMES[bits]);
  change(new Fat(disk, bits));
  return { disks: [disk], lines };
}
const boot = (bits: Bits, ...edits: Edit[]) => guest(bits, ({ disk }) => harmed(disk, ...edits));
const unmounted = (...reports: string[]) => ({ reports, hides: [TEXT, KERNEL] });
const at = (what: string) => unmounted(`disk0 offset 0: FAT boot sector: ${what}`);
const partly = (...reports: string[]) => ({ reports, prints: [TEXT] });
const none = { hides: [TEXT, KERNEL] };

const bootRows: Row[] = [
  ["FAT of sectors of no bytes", () => boot(16, [11, le(0, 2)]), none],
  ["FAT of sectors of 513 bytes", () => boot(16, [11, le(513, 2)]), none],
  ["FAT of sectors of 8192 bytes", () => boot(16, [11, le(8192, 2)]), none],
  ["FAT of clusters of no sectors", () => boot(16, [13, le(0, 1)]), none],
  ["FAT of clusters of three sectors", () => boot(16, [13, le(3, 1)]), none],
  ["FAT of clusters of 255 sectors", () => boot(16, [13, le(255, 1)]), none],
  ["FAT whose table is its boot sector", () => boot(16, [14, le(0, 2)]), none],
  ["FAT without a table", () => boot(16, [16, le(0, 1)]), none],
  [
    "FAT of a table of no sectors",
    () => boot(32, [36, le(0, 4)]),
    at("69632 sectors, of which 32 come before the clusters"),
  ],
  [
    "FAT of tables of 2^40 sectors",
    () => boot(32, [36, le(-1, 4)], [16, le(255, 1)]),
    at("69632 sectors, of which 1095216660257 come before the clusters"),
  ],
  ["FAT of no sectors", () => boot(32, [32, le(0, 4)]), at("0 sectors, of which ")],
  ["FAT of as many sectors as come before the clusters", () => boot(12, [19, le(1, 2)]), at("1 sectors, of which ")],
  ["FAT of a larger volume than its table", () => boot(12, [19, le(0, 2)], [32, le(4000, 4)]), at("a table of ")],
  ["FAT16 of more clusters than it can have", () => boot(16, [19, le(0, 2)], [32, le(-1, 4)]), at("4294967")],
  ["FAT32 of 2^32 sectors", () => boot(32, [32, le(-1, 4)]), at("4294966")],
  ["FAT32 of version 1", () => boot(32, [42, le(1, 2)]), at("version 1")],
  ["FAT32 whose third table of two is in use", () => boot(32, [40, le(0x82, 2)]), at("table 2 of 2 is in use")],
  ["FAT32 whose root is cluster 0", () => boot(32, [44, le(0, 4)]), at("root directory in cluster 0")],
  [
    "FAT32 whose root is the last cluster of all",
    () => boot(32, [44, le(-1, 4)]),
    at("root directory in cluster 4294967295"),
  ],
  ["FAT16 without a root", () => boot(16, [17, le(0, 2)]), at("no root directory")],
  [
    "FAT cut off behind its boot sector",
    () => guest(16, ({ disk }) => cut(disk, 512)),
    unmounted("FAT16 root directory: data is beyond the end of the disk"),
  ],
  ["FAT cut off in its boot sector", () => guest(16, ({ disk }) => cut(disk, 511)), none],
];

const chainRows: Row[] = ([12, 16, 32] as const).flatMap((bits): Row[] => [
  [
    `FAT${bits} file whose cluster is followed by itself`,
    () => guest(bits, (fat) => fat.chain(fat.clusterOf(fat.kernel), fat.clusterOf(fat.kernel))),
    partly("the chain comes back to cluster "),
  ],
  [
    `FAT${bits} file whose cluster is followed by cluster 1`,
    () => guest(bits, (fat) => fat.chain(fat.clusterOf(fat.kernel), 1)),
    partly("is followed by 1"),
  ],
  [
    `FAT${bits} file whose cluster is said to be bad`,
    () => guest(bits, (fat) => fat.chain(fat.clusterOf(fat.kernel), { 12: 0xff7, 16: 0xfff7, 32: 0x0ffffff7 }[bits])),
    partly(`is followed by ${{ 12: 0xff7, 16: 0xfff7, 32: 0x0ffffff7 }[bits]}`),
  ],
  [
    `FAT${bits} file that ends before its size`,
    () => guest(bits, (fat) => fat.chain(fat.clusterOf(fat.kernel), { 12: 0xfff, 16: 0xffff, 32: 0x0fffffff }[bits])),
    partly("ends before its 7000 bytes"),
  ],
  [
    `FAT${bits} file of 4 GiB`,
    () => guest(bits, (fat) => harmed(fat.disk, [fat.kernel + 28, le(-1, 4)])),
    partly("ends before its 4294967295 bytes"),
  ],
  [
    `FAT${bits} file that begins in cluster 0`,
    () => guest(bits, (fat) => harmed(fat.disk, [fat.kernel + 26, le(0, 2)])),
    partly("cluster 0: there is no such cluster"),
  ],
  [
    `FAT${bits} file that begins in the last cluster there can be`,
    () => guest(bits, (fat) => harmed(fat.disk, [fat.kernel + 20, le(-1, 2)], [fat.kernel + 26, le(-1, 2)])),
    partly("there is no such cluster"),
  ],
  [
    `FAT${bits} directory whose cluster is followed by itself`,
    () =>
      guest(
        bits,
        (fat) => {
          const cluster = fat.clusterOf(fat.boot);
          const at = fat.offset(cluster);
          // Entries that are unused up to its end, so that it goes on.
          for (let entry = at; entry < at + fat.cluster; entry += ENTRY)
            if (bytesAt(fat.disk, entry, 1)[0] === 0) harmed(fat.disk, [entry, le(0xe5, 1)]);
          fat.chain(cluster, cluster);
        },
        ["ls /boot", "more /small"],
      ),
    { reports: ["the chain comes back to cluster "], prints: ["loader.conf"] },
  ],
]);

const directoryRows: Row[] = [
  [
    "FAT directory that is its parent",
    () =>
      guest(
        16,
        (fat) => harmed(fat.disk, [fat.kernel + 11, le(0x10, 1)], [fat.kernel + 26, le(fat.clusterOf(fat.boot), 2)]),
        ["ls /boot/kernel/kernel/kernel/kernel", "more /boot/kernel/kernel/loader.conf"],
      ),
    partly(),
  ],
  [
    "FAT file that says it is a directory",
    () =>
      guest(16, (fat) => harmed(fat.disk, [fat.kernel + 11, le(0x10, 1)]), [
        "ls /boot/kernel/kernel",
        "more /boot/loader.conf",
      ]),
    partly(),
  ],
  [
    "FAT name that clears the screen",
    () => guest(16, (fat) => harmed(fat.disk, [fat.kernel, "\x1b[2J"]), ["ls /boot/kernel", "more /boot/loader.conf"]),
    partly(),
  ],
  [
    "FAT name with slashes",
    () => guest(16, (fat) => harmed(fat.disk, [fat.kernel, "../../X"]), ["ls /boot/kernel", "more /boot/loader.conf"]),
    partly(),
  ],
  [
    "FAT long name of another short name",
    () => guest(16, (fat) => harmed(fat.disk, [fat.boot, "B\0"]), ["ls /", "more /boot/loader.conf"]),
    { hides: [TEXT] },
  ],
  [
    "FAT root of 65535 entries in a volume that has less",
    () => boot(12, [17, le(0xffff, 2)]),
    at("1024 sectors, of which "),
  ],
];

// ---- exFAT ----------------------------------------------------------------------------------------------------

const SECTOR = 512;
const REGION = 12 * SECTOR;

/** Gives both boot regions their checksums. */
function sealRegions(disk: SparseDisk, regions = [0, REGION]): void {
  for (const region of regions) {
    let sum = 0;
    bytesAt(disk, region, 11 * SECTOR).forEach((byte, i) => {
      if (![106, 107, 112].includes(i)) sum = (((sum & 1) << 31) | (sum >>> 1)) + byte;
      sum >>>= 0;
    });
    harmed(disk, [region + 11 * SECTOR, Buffer.concat(Array(SECTOR / 4).fill(le(sum, 4)))]);
  }
}
/** Changes both boot sectors. */
function exfatBoot(...edits: Edit[]): Guest {
  const disk = packedDisk("exfat");
  for (const region of [0, REGION]) harmed(disk, ...edits.map(([offset, bytes]): Edit => [region + offset, bytes]));
  sealRegions(disk);
  return { disks: [disk], lines: LINES };
}
const exfatAt = (what: string) => unmounted(`disk0 offset 0: exFAT boot ${what}`);

/** Changes the set of entries of the kernel, of either base, and its checksum; also what is known of the volume. */
function kernelSet(
  base: "exfat" | "exfat_scattered",
  change: (set: Buffer, image: ExfatImage, disk: SparseDisk) => void,
  sealed = true,
  lines: readonly string[] = LINES,
): Guest {
  const disk = packedDisk(base);
  const bytes = Buffer.from(bytesOf(disk));
  const image = new ExfatImage(bytes);
  const name = Buffer.from("kernel", "utf16le");
  // Of two entries of that name the one of the file.
  for (let at = image.heap; at < bytes.length; at += ENTRY) {
    if (bytes[at] !== 0x85 || bytes[at + 64] !== 0xc1 || (bytes.readUInt16LE(at + 4) & 0x10) !== 0) continue;
    if (!bytes.subarray(at + 66, at + 66 + name.length).equals(name) || bytes[at + 35] !== 6) continue;
    const set = bytes.subarray(at, at + 96);
    change(set, image, disk);
    if (sealed) set.writeUInt16LE(setChecksum(set), 2);
    harmed(disk, [at, set]);
    return { disks: [disk], lines };
  }
  throw new Error("no kernel");
}

const exfatRows: Row[] = [
  ["exFAT of sectors of 256 bytes", () => exfatBoot([108, le(8, 1)]), exfatAt("sector: sectors of 2^8 bytes")],
  ["exFAT of sectors of 2^255 bytes", () => exfatBoot([108, le(255, 1)]), exfatAt("sector: sectors of 2^255 bytes")],
  [
    "exFAT of clusters of 2^255 sectors",
    () => exfatBoot([109, le(255, 1)]),
    exfatAt("sector: clusters of 2^255 sectors"),
  ],
  ["exFAT of clusters of 64 MiB", () => exfatBoot([109, le(17, 1)]), exfatAt("sector: clusters of 2^17 sectors")],
  ["exFAT of revision 2.0", () => exfatBoot([104, le(0x200, 2)]), exfatAt("sector: revision 2.0")],
  ["exFAT of no tables", () => exfatBoot([110, le(0, 1)]), exfatAt("sector: 0 tables")],
  ["exFAT of three tables", () => exfatBoot([110, le(3, 1)]), exfatAt("sector: 3 tables")],
  ["exFAT whose second table of one is in use", () => exfatBoot([106, le(1, 2)]), exfatAt("sector: 1 tables")],
  ["exFAT of no clusters", () => exfatBoot([92, le(0, 4)]), exfatAt("sector: 0 clusters")],
  ["exFAT of 2^32 - 1 clusters", () => exfatBoot([92, le(-1, 4)]), exfatAt("sector: 4294967295 clusters")],
  [
    "exFAT of a table for fewer clusters",
    () => exfatBoot([84, le(1, 4)]),
    exfatAt("sector: a table of 1 sectors for "),
  ],
  ["exFAT whose root is cluster 1", () => exfatBoot([96, le(1, 4)]), exfatAt("sector: root directory in cluster 1")],
  ["exFAT with FAT's fields in use", () => exfatBoot([20, le(1, 1)]), exfatAt("sector: FAT's fields in use")],
  [
    "exFAT with flipped bits in both boot regions",
    () => ({ disks: [harmed(packedDisk("exfat"), [200, "x"], [REGION + 200, "x"])], lines: LINES }),
    exfatAt("region: checksum"),
  ],
  [
    "exFAT with a flipped bit in its first boot region",
    () => ({ disks: [harmed(packedDisk("exfat"), [200, "x"])], lines: LINES }),
    {
      reports: [
        "disk0 offset 0: exFAT boot region: checksum",
        "exFAT boot region: the first one is bad, this backup is used",
      ],
      prints: [TEXT, KERNEL],
    },
  ],
  [
    "exFAT without an up-case table",
    () => {
      const disk = packedDisk("exfat");
      const image = new ExfatImage(Buffer.from(bytesOf(disk)));
      const root = image.offset(image.root);
      for (let at = root; at < root + 512; at += ENTRY) {
        if (bytesAt(disk, at, 1)[0] === 0x82) harmed(disk, [at, le(0x02, 1)]);
      }
      return { disks: [disk], lines: LINES };
    },
    unmounted("exFAT root directory: no up-case table"),
  ],
  ...(
    [
      ["of 4 GiB", 24, le(2 ** 32, 8), "up-case table of 4294967296 bytes"],
      ["of 3 bytes", 24, le(3, 8), "up-case table of 3 bytes"],
      ["of another sum", 4, le(7, 4), "up-case table: checksum"],
      ["in no cluster", 20, le(0, 4), "exFAT cluster 0: there is no such cluster"],
    ] as const
  ).map(
    ([what, offset, bytes, report]): Row => [
      `exFAT with an up-case table ${what}`,
      () => {
        const disk = packedDisk("exfat");
        const image = new ExfatImage(Buffer.from(bytesOf(disk)));
        const root = image.offset(image.root);
        for (let at = root; at < root + 512; at += ENTRY) {
          if (bytesAt(disk, at, 1)[0] === 0x82) harmed(disk, [at + offset, bytes]);
        }
        return { disks: [disk], lines: LINES };
      },
      unmounted(report),
    ],
  ),
  ["exFAT file of one entry", () => kernelSet("exfat", (set) => set.writeUInt8(0, 1)), partly("set of 1 entries")],
  [
    "exFAT file of 256 entries",
    () => kernelSet("exfat", (set) => set.writeUInt8(255, 1)),
    partly("set of 256 entries"),
  ],
  ["exFAT file of a wrong sum", () => kernelSet("exfat", (set) => set.writeUInt8(7, 20), false), partly("checksum")],
  [
    "exFAT file with a name of more characters than it has entries for",
    () => kernelSet("exfat", (set) => set.writeUInt8(255, 35)),
    partly("name of 255 characters in 2 entries"),
  ],
  [
    "exFAT file without a name",
    () => kernelSet("exfat", (set) => set.writeUInt8(0, 35)),
    partly("name of 0 characters in 2 entries"),
  ],
  [
    "exFAT file with a gap in its name",
    () => kernelSet("exfat", (set) => set.writeUInt8(0xc2, 64)),
    partly("name of 6 characters has a gap"),
  ],
  [
    "exFAT file of more written bytes than it has",
    () => kernelSet("exfat", (set) => set.writeBigUInt64LE(2n ** 40n, 40)),
    partly("7000 bytes, of which 1099511627776 are written"),
  ],
  [
    "exFAT file of 2^64 - 1 bytes in clusters that follow each other",
    () =>
      kernelSet("exfat", (set) => {
        set.writeBigUInt64LE(2n ** 64n - 1n, 40);
        set.writeBigUInt64LE(2n ** 64n - 1n, 56);
      }),
    partly("clusters from here on, of which there are "),
  ],
  [
    "exFAT file that was never written: zeros",
    () => kernelSet("exfat", (set) => set.writeBigUInt64LE(0n, 40)),
    { prints: [TEXT], hides: [KERNEL] },
  ],
  [
    "exFAT file in no cluster",
    () => kernelSet("exfat", (set) => set.writeUInt32LE(1, 52)),
    partly("exFAT cluster 1: there is no such cluster"),
  ],
  [
    "exFAT file whose cluster is followed by itself",
    () =>
      kernelSet("exfat_scattered", (set, image, disk) => {
        const cluster = set.readUInt32LE(52);
        harmed(disk, [image.table + 4 * cluster, le(cluster, 4)]);
      }),
    partly("the chain comes back to cluster "),
  ],
  [
    "exFAT file whose cluster is followed by one there isn't",
    () =>
      kernelSet("exfat_scattered", (set, image, disk) => {
        harmed(disk, [image.table + 4 * set.readUInt32LE(52), le(0xfffffff0, 4)]);
      }),
    partly("is followed by 4294967280"),
  ],
  [
    "exFAT directory of 512 MiB",
    () =>
      kernelSet("exfat", (set) => {
        set.writeUInt16LE(0x10, 4);
        set.writeBigUInt64LE(2n ** 29n, 40);
        set.writeBigUInt64LE(2n ** 29n, 56);
      }),
    partly("536870912 bytes, of which 536870912 are written"),
  ],
  [
    "exFAT name of halves of pairs",
    () => kernelSet("exfat", (set) => set.fill(0xd8, 66, 78), true, ["ls /boot/kernel", "more /boot/loader.conf"]),
    partly(),
  ],
];

export const fat: Family = { name: "fat", rows: [...bootRows, ...chainRows, ...directoryRows] };
export const exfat: Family = { name: "exfat", rows: exfatRows };
