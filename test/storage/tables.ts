// Writes partition tables for the tests: MBR with extended boot records, GPT, BSD labels.

import { crc32 } from "node:zlib";

const SECTOR = 512;

export interface MbrEntry {
  type: number;
  start: number;
  size: number;
  active?: boolean;
}

/** A boot record with up to four entries. */
export function mbr(entries: readonly MbrEntry[]): Buffer {
  const sector = Buffer.alloc(SECTOR);
  entries.forEach(({ type, start, size, active }, i) => {
    const at = 446 + 16 * i;
    sector[at] = active ? 0x80 : 0;
    sector[at + 4] = type;
    sector.writeUInt32LE(start, at + 8);
    sector.writeUInt32LE(size, at + 12);
  });
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

export interface BsdPartition {
  type: number;
  offset: number;
  size: number;
}

/** A disk label; partition `c` (index 2) is the whole. */
export function bsdLabel(partitions: readonly (BsdPartition | undefined)[], sectorSize = SECTOR): Buffer {
  const label = Buffer.alloc(sectorSize);
  label.writeUInt32LE(0x82564557, 0);
  label.writeUInt32LE(sectorSize, 40);
  label.writeUInt32LE(0x82564557, 132);
  label.writeUInt16LE(8, 138);
  partitions.forEach((partition, i) => {
    if (partition === undefined) return;
    label.writeUInt32LE(partition.size, 148 + 16 * i);
    label.writeUInt32LE(partition.offset, 152 + 16 * i);
    label[160 + 16 * i] = partition.type;
  });
  return label;
}

export const GUID = {
  efi: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
  dos: "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7",
  boot: "83bd6b9d-7f41-11dc-be0b-001560b84f0f",
  slice: "516e7cb4-6ecf-11d6-8ff8-00022d09712b",
  swap: "516e7cb5-6ecf-11d6-8ff8-00022d09712b",
  ufs: "516e7cb6-6ecf-11d6-8ff8-00022d09712b",
  vinum: "516e7cb8-6ecf-11d6-8ff8-00022d09712b",
  zfs: "516e7cba-6ecf-11d6-8ff8-00022d09712b",
  nandfs: "74ba7dd9-a689-11e1-bd04-00e081286acf",
  other: "0fc63daf-8483-4772-8e79-3d69d8477de4",
} as const;

/** A GUID as stored: its first three groups little-endian. */
function guidBytes(guid: string): Buffer {
  const [a = "", b = "", c = "", d = "", e = ""] = guid.split("-");
  const swapped = [a, b, c].map((group) => Buffer.from(group, "hex").reverse());
  return Buffer.concat([...swapped, Buffer.from(d + e, "hex")]);
}

export interface GptEntry {
  type: string;
  first: number;
  last: number;
  /** Up to 36 characters. */
  name?: string;
}

export interface GptOptions {
  /** Sectors of the disk. */
  sectors: number;
  sectorSize?: number;
  entrySize?: number;
  /** Entries by their place; the array has 128. */
  entries: readonly (GptEntry | undefined)[];
}

/** A protective MBR, both headers and both arrays, as parts of the disk by byte offset. */
export function gpt({ sectors, sectorSize = SECTOR, entrySize = 128, entries }: GptOptions): [number, Buffer][] {
  const array = Buffer.alloc(128 * entrySize);
  entries.forEach((entry, i) => {
    if (entry === undefined) return;
    guidBytes(entry.type).copy(array, i * entrySize);
    array[i * entrySize + 16] = i + 1;
    array.writeBigUInt64LE(BigInt(entry.first), i * entrySize + 32);
    array.writeBigUInt64LE(BigInt(entry.last), i * entrySize + 40);
    array.write(entry.name ?? "", i * entrySize + 56, 72, "utf16le");
  });
  const arraySectors = array.length / sectorSize;
  const header = (self: number, other: number, table: number) => {
    const bytes = Buffer.alloc(sectorSize);
    bytes.write("EFI PART", 0);
    bytes.writeUInt32LE(0x10000, 8);
    bytes.writeUInt32LE(92, 12);
    bytes.writeBigUInt64LE(BigInt(self), 24);
    bytes.writeBigUInt64LE(BigInt(other), 32);
    bytes.writeBigUInt64LE(BigInt(2 + arraySectors), 40);
    bytes.writeBigUInt64LE(BigInt(sectors - arraySectors - 2), 48);
    bytes[56] = 1;
    bytes.writeBigUInt64LE(BigInt(table), 72);
    bytes.writeUInt32LE(128, 80);
    bytes.writeUInt32LE(entrySize, 84);
    bytes.writeUInt32LE(crc32(array), 88);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 92)), 16);
    return bytes;
  };
  const last = sectors - 1;
  return [
    [0, mbr([{ type: 0xee, start: 1, size: Math.min(sectors - 1, 0xffffffff) }])],
    [sectorSize, header(1, last, 2)],
    [2 * sectorSize, array],
    [(last - arraySectors) * sectorSize, array],
    [last * sectorSize, header(last, 1, last - arraySectors)],
  ];
}
