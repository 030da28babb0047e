// Targets of partition tables: small disks with each kind.

import { crc32 } from "node:zlib";
import { isoImage } from "../../test/support/iso_image.js";
import { bsdLabel, GUID, gpt, mbr } from "../../test/support/partition_tables.mjs";
import { SparseDisk } from "../../test/support/sparse_disk.js";
import type { FuzzDisk } from "../disk.js";
import { inspecting } from "../inspecting.js";
import { lookAround } from "../look.js";
import type { Base, Target } from "../target.js";

const SECTORS = 4096;
const SECTOR = 512;

/** A base of one disk of these parts. */
function diskOf(parts: readonly [number, Uint8Array][], size = SECTORS * SECTOR, sectorSize = SECTOR): Base {
  const disk = new SparseDisk(size, sectorSize);
  for (const [at, bytes] of parts) disk.write(at, bytes);
  disk.size = size;
  return { disks: [disk] };
}

const ENTRIES = [
  { type: GUID.boot, first: 40, last: 167, name: "boot" },
  { type: GUID.ufs, first: 168, last: 1191, name: "root" },
  undefined,
  { type: GUID.zfs, first: 1192, last: 2215 },
  { type: GUID.slice, first: 2216, last: 3000 },
];

const LABEL = bsdLabel(
  [
    { type: 7, offset: 16, size: 400 },
    { type: 1, offset: 416, size: 100 },
    { type: 0, offset: 0, size: 1000 },
    { type: 27, offset: 516, size: 484 },
  ],
  { name: "label", sectors: 1000 },
);

const HEADER_CRC_AT = 16;
const TABLE_AT = 72;
const TABLE_CRC_AT = 88;
/** As much of a table is summed up. */
const TABLE_MAX = 1 << 20;

/** Makes the checksums of both headers right, of the tables where these say that they are. */
function sealGpt([disk]: readonly FuzzDisk[]): void {
  if (disk === undefined) return;
  const { sectorSize, size } = disk;
  for (const at of [sectorSize, size - sectorSize]) {
    const header = disk.bytes(at, sectorSize);
    if (header.toString("latin1", 0, 8) !== "EFI PART") continue;
    const tableSize = header.readUInt32LE(80) * header.readUInt32LE(84);
    const tableAt = Number(header.readBigUInt64LE(TABLE_AT)) * sectorSize;
    if (tableSize <= TABLE_MAX && tableAt < size)
      header.writeUInt32LE(crc32(disk.bytes(tableAt, tableSize)), TABLE_CRC_AT);
    header.writeUInt32LE(0, HEADER_CRC_AT);
    const headerSize = Math.min(header.readUInt32LE(12), sectorSize);
    header.writeUInt32LE(crc32(header.subarray(0, headerSize)), HEADER_CRC_AT);
    disk.write(at, header);
  }
}

const looking: Pick<Target, "module" | "session"> = {
  module: "inspect",
  session: (disks) => inspecting(disks, () => lookAround()),
};

export const partitionTargets: Target[] = [
  {
    ...looking,
    name: "gpt",
    bases: {
      usual: () => diskOf(gpt({ sectors: SECTORS, entries: ENTRIES })),
      large_sectors: () => diskOf(gpt({ sectors: SECTORS, sectorSize: 4096, entries: ENTRIES }), SECTORS * 4096, 4096),
      large_entries: () => diskOf(gpt({ sectors: SECTORS, entrySize: 256, entries: ENTRIES })),
    },
    words: ["EFI PART"],
    seal: sealGpt,
  },
  {
    ...looking,
    name: "mbr",
    bases: {
      usual: () =>
        diskOf([
          [
            0,
            mbr([
              { type: 0xa5, start: 63, size: 1000, active: true },
              { type: 0x0c, start: 1100, size: 500 },
              { type: 0x83, start: 1700, size: 300 },
              { type: 0x05, start: 2000, size: 2000 },
            ]),
          ],
          [63 * SECTOR + SECTOR, LABEL],
          [
            2000 * SECTOR,
            mbr([
              { type: 0x83, start: 10, size: 100 },
              { type: 0x05, start: 500, size: 300 },
            ]),
          ],
          [2500 * SECTOR, mbr([{ type: 0xa5, start: 10, size: 200 }])],
          [2510 * SECTOR + SECTOR, LABEL],
        ]),
    },
    words: [Uint8Array.of(0x55, 0xaa), Uint8Array.of(0xa5), Uint8Array.of(5), Uint8Array.of(0x0f)],
  },
  {
    ...looking,
    name: "bsd",
    bases: {
      usual: () => diskOf([[SECTOR, LABEL]]),
      second: () =>
        diskOf([
          [0, mbr([])],
          [SECTOR, LABEL],
        ]),
    },
    words: [Uint8Array.of(0x57, 0x45, 0x56, 0x82)],
  },
  {
    ...looking,
    name: "iso_table",
    bases: {
      usual: () => {
        const image = isoImage([{ name: "A.;1", content: "text" }]);
        const disk = Buffer.concat([image, Buffer.alloc(64 * 2048)]);
        // El Torito: a boot record, and a catalogue of two entries in the last blocks.
        const catalogue = image.length / 2048;
        const record = disk.subarray(17 * 2048, 18 * 2048).fill(0);
        record.write("\0CD001\x01EL TORITO SPECIFICATION", "latin1");
        record.writeUInt32LE(catalogue, 71);
        disk.write("\xffCD001\x01", 18 * 2048, "latin1");
        const entries = disk.subarray(catalogue * 2048);
        entries[0] = 1;
        entries.writeUInt16LE(0xaa55, 30);
        entries.writeUInt16LE(0x10000 - (0xaa55 + 1), 28);
        entries[32] = 0x88;
        entries.writeUInt16LE(8, 38);
        entries.writeUInt32LE(catalogue + 1, 40);
        return diskOf([[0, disk]], disk.length);
      },
    },
    words: ["CD001", "EL TORITO SPECIFICATION"],
  },
];
