// Hostile partition tables: GPT with checksums made right, MBR and its chain, BSD labels, boot catalogues of discs.

import { crc32 } from "node:zlib";
import { isoImage } from "../support/iso_image.js";
import { bsdLabel, GUID, gpt, mbr } from "../support/partition_tables.mjs";
import type { SparseDisk } from "../support/sparse_disk.js";
import { bytesAt, cut, diskOf, type Edit, type Family, type Guest, harmed, le, type Row } from "./case.js";

const SECTOR = 512;
const SECTORS = 4096;
const SIZE = SECTORS * SECTOR;
const LAST = SIZE - SECTOR;
const listed = (disk: SparseDisk): Guest => ({ disks: [disk], lines: ["lsdev -v"] });

// ---- GPT ------------------------------------------------------------------------------------------------------

const ENTRIES = [
  { type: GUID.boot, first: 40, last: 167 },
  { type: GUID.ufs, first: 168, last: 1191 },
];
const gptDisk = (sectorSize = SECTOR) =>
  diskOf(SECTORS * sectorSize, gpt({ sectors: SECTORS, sectorSize, entries: ENTRIES }), sectorSize);

/** Changes both headers, and makes checksums right again: the headers' own, and with `entries` that of the entries. */
function headers(disk: SparseDisk, edits: readonly Edit[], places = [SECTOR, LAST], entries = true): SparseDisk {
  for (const at of places) {
    const header = bytesAt(disk, at, SECTOR);
    for (const [offset, bytes] of edits) header.set(Buffer.from(bytes as Uint8Array), offset);
    const table = Number(header.readBigUInt64LE(72)) * SECTOR;
    const size = header.readUInt32LE(80) * header.readUInt32LE(84);
    if (entries && table < disk.size && size <= 65_536) header.writeUInt32LE(crc32(bytesAt(disk, table, size)), 88);
    header.writeUInt32LE(0, 16);
    const length = header.readUInt32LE(12);
    if (length <= SECTOR) header.writeUInt32LE(crc32(header.subarray(0, length)), 16);
    disk.write(at, header);
  }
  return disk;
}
const both = (...edits: Edit[]) => listed(headers(gptDisk(), edits));
const primary = (...edits: Edit[]) => listed(headers(gptDisk(), edits, [SECTOR]));

/** Changes an entry in both tables. */
function entry(number: number, ...edits: Edit[]): Guest {
  const disk = gptDisk();
  for (const table of [2 * SECTOR, LAST - 32 * SECTOR]) {
    harmed(disk, ...edits.map(([at, bytes]): Edit => [table + (number - 1) * 128 + at, bytes]));
  }
  return listed(headers(disk, []));
}

const twice = (what: string) => ({
  reports: [`disk0 offset 512: GPT primary header: ${what}`, `offset ${LAST}: GPT backup header: ${what}`],
  hides: ["disk0p"],
});
/** All is read from the backup. */
const saved = (what: string) => ({
  reports: [`disk0 offset 512: GPT primary header: ${what}`],
  prints: ["disk0p1: FreeBSD boot", "disk0p2: FreeBSD UFS"],
});

const gptRows: Row[] = [
  ["GPT header of 91 bytes", () => both([12, le(91, 4)]), twice("size 91")],
  ["GPT header larger than its sector", () => both([12, le(513, 4)]), twice("size 513")],
  ["GPT header of 4 GiB", () => both([12, le(0xffffffff, 4)]), twice("size 4294967295")],
  ["GPT header of no bytes, in the first only", () => primary([12, le(0, 4)]), saved("size 0")],
  [
    "GPT header with a flipped bit in its checksum",
    () => listed(harmed(gptDisk(), [SECTOR + 16, le(1, 1)])),
    saved("checksum"),
  ],
  ["GPT of revision 0", () => both([8, le(0xffff, 4)]), twice("revision")],
  ["GPT header that says it is in sector 2", () => primary([24, le(2, 8)]), saved("own sector 2")],
  [
    "GPT header that says it is in the last sector there can be",
    () => primary([24, le(-1n, 8)]),
    saved("own sector 18446744073709551615"),
  ],
  ["GPT header that is its own backup", () => primary([32, le(1, 8)]), saved("alternate is itself")],
  ["GPT of no entries", () => both([80, le(0, 4)]), twice("no entries")],
  ["GPT entries of 64 bytes", () => both([84, le(64, 4)]), twice("entry size 64")],
  ["GPT entries of no bytes", () => both([84, le(0, 4)]), twice("entry size 0")],
  ["GPT entries of 129 bytes", () => both([84, le(129, 4)]), twice("entry size 129")],
  ["GPT entries of 2 GiB", () => both([84, le(2 ** 31, 4)]), twice("entry size 2147483648")],
  [
    "GPT of 4 billion entries: as many are looked at as are read at most",
    () => both([80, le(0xffffffff, 4)]),
    { prints: ["disk0p1: FreeBSD boot", "disk0p2: FreeBSD UFS"] },
  ],
  [
    "GPT whose number of entries times their size is 2^32",
    () => both([80, le(2 ** 25, 4)]),
    { prints: ["disk0p2: FreeBSD UFS"] },
  ],
  [
    "GPT table beyond the disk: the backup's is used",
    () => primary([72, le(2n ** 60n, 8)]),
    { reports: ["disk0 sector 1152921504606846976: GPT primary entries: checksum"], prints: ["disk0p2: FreeBSD UFS"] },
  ],
  [
    "GPT table whose byte offset wraps to where it was",
    () => primary([72, le(2n ** 55n + 2n, 8)]),
    { reports: ["disk0 sector 36028797018963970: GPT primary entries: checksum"], prints: ["disk0p2: FreeBSD UFS"] },
  ],
  [
    "GPT whose tables are swapped for other bytes under good headers",
    () => listed(harmed(gptDisk(), [2 * SECTOR, le(7, 1)], [LAST - 32 * SECTOR, le(7, 1)])),
    {
      reports: ["disk0 offset 1024: GPT primary entries: checksum", "GPT backup entries: checksum"],
      hides: ["disk0p"],
    },
  ],
  [
    "GPT whose copies have other numbers of the disk: the backup counts",
    () => listed(headers(harmed(gptDisk(), [2 * SECTOR + 128, le(0, 16)]), [[56, le(99, 4)]], [SECTOR])),
    { prints: ["disk0p2: FreeBSD UFS"] },
  ],
  [
    "GPT backup beyond the disk",
    () => primary([32, le(SECTORS, 8)]),
    { reports: ["GPT: backup header at sector 4096, but the disk ends at sector 4096"], prints: ["disk0p2: FreeBSD"] },
  ],
  [
    "GPT backup at the last number there is",
    () => primary([32, le(-1n, 8)]),
    { reports: ["GPT: backup header at sector 18446744073709551615"], prints: ["disk0p2: FreeBSD UFS"] },
  ],
  [
    "GPT partition that ends before it begins",
    () => entry(2, [32, le(900, 8)], [40, le(899, 8)]),
    { reports: ["GPT entry 2: sectors 900 to 899"], prints: ["disk0p1:"], hides: ["disk0p2"] },
  ],
  [
    "GPT partition over the table itself",
    () => entry(2, [32, le(2, 8)]),
    { reports: ["GPT entry 2: sectors 2 to 1191"], hides: ["disk0p2"] },
  ],
  [
    "GPT partition up to the last number there is",
    () => entry(2, [40, le(-1n, 8)]),
    { reports: ["GPT entry 2: sectors 168 to 18446744073709551615"], hides: ["disk0p2"] },
  ],
  [
    "GPT partitions that lie over each other: both are told",
    () => entry(2, [32, le(40, 8)], [40, le(167, 8)]),
    { prints: ["disk0p1: FreeBSD boot\t  64KB", "disk0p2: FreeBSD UFS\t  64KB"] },
  ],
  [
    "GPT with usable sectors up to the last number: nothing of what is beyond the disk is read",
    () => {
      const { disks } = both([48, le(-1n, 8)]);
      const disk = disks[0] as SparseDisk;
      for (const table of [2 * SECTOR, LAST - 32 * SECTOR]) disk.write(table + 128 + 40, le(2n ** 62n, 8));
      return { ...listed(headers(disk, [])), lines: ["lsdev -v", "ls disk0p2:/"] };
    },
    { prints: ["disk0p2: FreeBSD UFS", "ls: open 'disk0p2:/' failed"] },
  ],
  [
    "GPT of a disk that ends behind the first header",
    () => listed(cut(gptDisk(), 2 * SECTOR)),
    {
      reports: ["GPT primary entries: checksum", "disk0 offset 1024: GPT backup entries: checksum"],
      hides: ["disk0p"],
    },
  ],
  [
    "GPT of a disk that ends in the first header",
    () => listed(cut(gptDisk(), SECTOR + 91)),
    { reports: ["GPT primary header: checksum", "disk0 offset 0: GPT backup header: no signature"], hides: ["disk0p"] },
  ],
  [
    "GPT of sectors of 4096 bytes on a disk of 512",
    () => {
      const disk = gptDisk(4096);
      return listed(diskOf(disk.size, [[0, bytesAt(disk, 0, disk.size)]]));
    },
    { reports: ["they are taken as such (say sectorsize=4096)"], prints: ["disk0p2: FreeBSD UFS\t4096KB"] },
  ],
  [
    "GPT of sectors of 512 bytes on a disk of 4096",
    () => listed(diskOf(SIZE, [[0, bytesAt(gptDisk(), 0, SIZE)]], 4096)),
    {
      reports: [
        "GPT header where disks with sectors of 512 bytes have it, but these were said to be 4096",
        "offset 4096: GPT primary header: no signature",
        "GPT backup header: no signature",
      ],
      hides: ["disk0p"],
    },
  ],
  [
    "GPT announced by an MBR, and none there",
    () => listed(diskOf(SIZE, [[0, mbr([{ type: 0xee, start: 1, size: SECTORS - 1 }])]])),
    twice("no signature"),
  ],
];

// ---- MBR ------------------------------------------------------------------------------------------------------

type Entries = Parameters<typeof mbr>[0];
const EXTENDED = 2000;
/** A disk whose extended partition begins with these records, by their sectors from its start. */
function chain(...records: [at: number, entries: Entries][]): Guest {
  const first = mbr([
    { type: 0xa5, start: 63, size: 1000 },
    { type: 5, start: EXTENDED, size: 2000 },
  ]);
  const parts = records.map(([at, entries]): Edit => [(EXTENDED + at) * SECTOR, mbr(entries)]);
  return listed(diskOf(SIZE, [[0, first], ...parts]));
}
const logical = (start = 10, size = 100) => ({ type: 0x83, start, size });
const next = (start: number, size = 100) => ({ type: 5, start, size });
const onMbr = (entries: Entries, ...edits: Edit[]) => listed(harmed(diskOf(SIZE, [[0, mbr(entries)]]), ...edits));
const cycle = (at: number) => `disk0 offset ${at * SECTOR}: extended boot record: the chain comes back to it`;

const mbrRows: Row[] = [
  [
    "MBR whose extended boot record is followed by itself",
    () => chain([0, [logical(), next(0)]]),
    { reports: [cycle(EXTENDED)], prints: ["disk0s5: Linux"], hides: ["disk0s6"] },
  ],
  [
    "MBR whose extended boot records are followed by each other",
    () => chain([0, [logical(), next(300)]], [300, [logical(), next(0)]]),
    { reports: [cycle(EXTENDED)], prints: ["disk0s5:", "disk0s6:"], hides: ["disk0s7"] },
  ],
  [
    "MBR whose extended boot record without a partition is followed by itself",
    () => chain([0, [next(0)]]),
    { reports: [cycle(EXTENDED)], hides: ["disk0s5"] },
  ],
  [
    "MBR with a logical partition of no sectors",
    () => chain([0, [logical(10, 0), next(300)]], [300, [logical()]]),
    {
      reports: [`disk0 offset ${EXTENDED * SECTOR}: extended boot record: partition of no sectors`],
      prints: ["disk0s5: Linux"],
      hides: ["disk0s6"],
    },
  ],
  [
    "MBR with a hundred extended boot records: eight are followed",
    () =>
      chain(...Array.from({ length: 100 }, (_, i): [number, Entries] => [i * 20, [logical(1, 10), next(i * 20 + 20)]])),
    { prints: ["disk0s5:", "disk0s12: Linux"], hides: ["disk0s13"] },
  ],
  [
    "MBR whose extended boot record is followed by one beyond the disk",
    () => chain([0, [logical(), next(0xffffffff)]]),
    { prints: ["disk0s5: Linux"], hides: ["disk0s6"] },
  ],
  [
    "MBR whose logical partition ends beyond 2^32 sectors",
    () => chain([0, [logical(0xffffffff, 0xffffffff)]]),
    { prints: ["disk0s5: Linux\t2047GB"] },
  ],
  [
    "MBR entry that is neither active nor not: no partitions at all",
    () => onMbr([{ type: 0xa5, start: 63, size: 100 }], [446, le(0x40, 1)]),
    { hides: ["disk0s"] },
  ],
  [
    "MBR partition over the MBR itself isn't one",
    () => onMbr([{ type: 0xa5, start: 0, size: 100 }]),
    { hides: ["disk0s1"] },
  ],
  [
    "MBR partition of all numbers: what is beyond the disk can't be read",
    () => ({
      disks: onMbr([{ type: 0xa5, start: 0xffffffff, size: 0xffffffff }]).disks,
      lines: ["lsdev -v", "ls disk0s1:/"],
    }),
    { prints: ["disk0s1: FreeBSD\t2047GB", "ls: open 'disk0s1:/' failed"] },
  ],
  [
    "MBR with a protective entry beside others is none of a GPT",
    () =>
      listed(
        harmed(gptDisk(), [
          0,
          mbr([
            { type: 0xee, start: 1, size: 39 },
            { type: 0xa5, start: 40, size: 100 },
          ]),
        ]),
      ),
    { prints: ["disk0s2: FreeBSD"], hides: ["disk0p1"] },
  ],
  [
    "MBR with a slice that holds the MBR's own chain as its label",
    () => onMbr([{ type: 0xa5, start: 1, size: SECTORS - 1 }], [2 * SECTOR, mbr([])]),
    { prints: ["disk0s1: FreeBSD"], hides: ["disk0s1a"] },
  ],
  [
    "MBR of a disk of one sector",
    () => listed(cut(diskOf(0, [[0, mbr([logical()])]]), SECTOR)),
    { prints: ["disk0s1"] },
  ],
];

// ---- BSD labels ---------------------------------------------------------------------------------------------

const LABEL = bsdLabel(
  [
    { type: 7, offset: 16, size: 400 },
    { type: 1, offset: 416, size: 100 },
    { type: 0, offset: 0, size: 1000 },
  ],
  { sectors: 1000 },
);
const labelled = (...edits: Edit[]) =>
  listed(harmed(diskOf(SIZE, [[SECTOR, LABEL]]), ...edits.map(([at, bytes]): Edit => [SECTOR + at, bytes])));

const bsdRows: Row[] = [
  [
    "BSD label of other sectors",
    () => labelled([40, le(4096, 4)]),
    { reports: ["BSD label: sector size 4096 is not the disk's 512"], hides: ["disk0a"] },
  ],
  [
    "BSD label of sectors of no bytes",
    () => labelled([40, le(0, 4)]),
    { reports: ["BSD label: sector size 0 is not the disk's 512"], hides: ["disk0a"] },
  ],
  [
    "BSD label of 7 partitions",
    () => labelled([138, le(7, 2)]),
    { reports: ["BSD label: 7 partitions, not 8 to 20"], hides: ["disk0a"] },
  ],
  [
    "BSD label of one partition more than its sector has room for",
    () => labelled([138, le(21, 2)]),
    { reports: ["BSD label: 21 partitions, not 8 to 20"], hides: ["disk0a"] },
  ],
  [
    "BSD label of 65535 partitions",
    () => labelled([138, le(65_535, 2)]),
    { reports: ["BSD label: 65535 partitions, not 8 to 20"], hides: ["disk0a"] },
  ],
  [
    "BSD partition before the raw one",
    () => labelled([148 + 32 + 4, le(400, 4)]),
    {
      reports: ["BSD label: partition 0 at 16 begins before the raw partition at 400"],
      prints: ["disk0b: FreeBSD swap"],
      hides: ["disk0a"],
    },
  ],
  [
    "BSD raw partition at the last sector there can be",
    () => labelled([148 + 32 + 4, le(0xffffffff, 4)]),
    {
      reports: ["partition 0 at 16 begins before the raw partition at 4294967295", "partition 1 at 416 begins before"],
      hides: ["disk0a", "disk0b"],
    },
  ],
  [
    "BSD partition of all numbers: what is beyond the disk can't be read",
    () => ({ disks: labelled([148, le(0xffffffff, 4)]).disks, lines: ["lsdev -v", "ls disk0a:/"] }),
    { prints: ["disk0a: FreeBSD UFS\t2047GB", "ls: open 'disk0a:/' failed"] },
  ],
  ["BSD label with one magic number of two", () => labelled([0, le(0, 4)]), { prints: ["disk0a"] }],
  ["BSD label without its magic numbers", () => labelled([0, le(0, 4)], [132, le(0, 4)]), { hides: ["disk0a"] }],
];

// ---- El Torito ----------------------------------------------------------------------------------------------

const BLOCK = 2048;
/** Blocks of a disc with a catalogue in block 40. */
const CATALOGUE = 40;
function disc(...edits: Edit[]): Guest {
  const disk = diskOf(64 * BLOCK, [
    [0, isoImage([{ name: "A.;1", content: "a" }])],
    [17 * BLOCK, "\0CD001\x01EL TORITO SPECIFICATION"],
    [17 * BLOCK + 71, le(CATALOGUE, 4)],
    [CATALOGUE * BLOCK, Buffer.from([1, 0xef, 0, 0])],
    [CATALOGUE * BLOCK + 30, Buffer.from([0x55, 0xaa])],
    [CATALOGUE * BLOCK + 32, Buffer.from([0x88, 0, 0, 0, 0, 0, 8, 0, 50, 0, 0, 0])],
  ]);
  harmed(disk, ...edits.map(([at, bytes]): Edit => [CATALOGUE * BLOCK + at, bytes]));
  const entry = bytesAt(disk, CATALOGUE * BLOCK, 32);
  let sum = 0;
  for (let at = 0; at < 32; at += 2) sum += at === 28 ? 0 : entry.readUInt16LE(at);
  disk.write(CATALOGUE * BLOCK + 28, le(0x10000 - (sum & 0xffff), 2));
  return listed(disk);
}
const catalogue = (what: string) => ({
  reports: [`disk0 offset ${CATALOGUE * BLOCK}: El Torito boot catalogue: ${what}`],
  prints: ["disk0: "],
  hides: ["disk0p1"],
});
const beyond = (block: number): Guest => {
  const { disks } = disc();
  return listed(harmed(disks[0] as SparseDisk, [17 * BLOCK + 71, le(block, 4)]));
};

const discRows: Row[] = [
  [
    "disc whose boot catalogue is beyond its end",
    () => beyond(64),
    { reports: ["offset 131072: El Torito boot catalogue: can't be read"], hides: ["disk0p1"] },
  ],
  [
    "disc whose boot catalogue is at the last block there can be",
    () => beyond(0xffffffff),
    { reports: ["offset 8796093020160: El Torito boot catalogue: can't be read"], hides: ["disk0p1"] },
  ],
  [
    "disc whose boot catalogue is its volume descriptor",
    () => beyond(16),
    { reports: ["offset 32768: El Torito boot catalogue: no validation entry"], hides: ["disk0p1"] },
  ],
  [
    "disc whose boot catalogue has a wrong sum",
    () => {
      const { disks } = disc();
      return listed(harmed(disks[0] as SparseDisk, [CATALOGUE * BLOCK + 4, "x"]));
    },
    catalogue("checksum"),
  ],
  [
    "disc with a boot image of media that there aren't",
    () => disc([33, le(5, 1)]),
    catalogue("image of media type 5 at block 50"),
  ],
  [
    "disc with a section of 65535 boot images",
    () => disc([64, Buffer.from([0x91, 0xef, 0xff, 0xff])]),
    { reports: ["65474 images more than 2048 bytes have room for"], prints: ["disk0p1: EFI"] },
  ],
  ["disc with a boot image beyond its end", () => disc([40, le(0xffffffff, 4)]), { prints: ["disk0p1: EFI"] }],
  [
    "disc with a boot image that is a disk whose MBR leads to itself",
    () => {
      const { disks } = disc([33, le(4, 1)], [40, le(17, 4)]);
      return listed(
        harmed(disks[0] as SparseDisk, [17 * BLOCK + 446, mbr([{ type: 5, start: 0, size: 1 }]).subarray(446)]),
      );
    },
    { prints: ["disk0p1: EFI"] },
  ],
];

export const partitions: Family = { name: "partitions", rows: [...gptRows, ...mbrRows, ...bsdRows, ...discRows] };
