// @ts-check
// Writes partition tables: MBR with extended boot records, BSD disk labels, GPT (UEFI 2.10, section 5.3). Plain
// JavaScript, as images/tools/partition.mjs runs without a compiler.

import { crc32 } from "node:zlib";

const SECTOR = 512;

/**
 * @typedef {object} MbrEntry
 * @property {number} type
 * @property {number} start in sectors
 * @property {number} size in sectors
 * @property {boolean} [active]
 */

/**
 * A boot record with up to four entries. Their cylinders, heads and sectors say "use the LBA".
 * @param {readonly MbrEntry[]} entries
 */
export function mbr(entries) {
  const sector = Buffer.alloc(SECTOR);
  entries.forEach(({ type, start, size, active }, i) => {
    const at = 446 + 16 * i;
    sector.fill(0xff, at + 1, at + 8);
    sector[at] = active ? 0x80 : 0;
    sector[at + 4] = type;
    sector.writeUInt32LE(start, at + 8);
    sector.writeUInt32LE(size, at + 12);
  });
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/**
 * @typedef {object} BsdPartition
 * @property {number} type
 * @property {number} offset in sectors
 * @property {number} size in sectors
 */

const BSD_MAGIC = 0x82564557;
const BSD_PARTITIONS = 8;

/**
 * A disk label; partition `c` (index 2) is the whole.
 * @param {readonly (BsdPartition | undefined)[]} partitions
 * @param {{ sectorSize?: number, name?: string, sectors?: number }} [options] `sectors` are those of the whole
 */
export function bsdLabel(partitions, { sectorSize = SECTOR, name = "", sectors = 0 } = {}) {
  const label = Buffer.alloc(sectorSize);
  label.writeUInt32LE(BSD_MAGIC, 0);
  label.write(name, 8, "latin1");
  label.writeUInt32LE(sectorSize, 40);
  // Sectors a track, tracks, cylinders, sectors a cylinder.
  label.writeUInt32LE(63, 44);
  label.writeUInt32LE(16, 48);
  label.writeUInt32LE(Math.floor(sectors / 1008), 52);
  label.writeUInt32LE(1008, 56);
  label.writeUInt32LE(sectors, 60);
  label.writeUInt32LE(BSD_MAGIC, 132);
  label.writeUInt16LE(BSD_PARTITIONS, 138);
  label.writeUInt32LE(8192, 140);
  label.writeUInt32LE(8192, 144);
  partitions.forEach((partition, i) => {
    if (partition === undefined) return;
    label.writeUInt32LE(partition.size, 148 + 16 * i);
    label.writeUInt32LE(partition.offset, 152 + 16 * i);
    label[160 + 16 * i] = partition.type;
  });
  let checksum = 0;
  for (let at = 0; at < 148 + 16 * BSD_PARTITIONS; at += 2) checksum ^= label.readUInt16LE(at);
  label.writeUInt16LE(checksum, 136);
  return label;
}

/** Types of partitions. */
export const GUID = /** @type {const} */ ({
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
});

/**
 * A GUID as stored: its first three groups little-endian.
 * @param {string} guid
 */
function guidBytes(guid) {
  const [a = "", b = "", c = "", d = "", e = ""] = guid.split("-");
  const swapped = [a, b, c].map((group) => Buffer.from(group, "hex").reverse());
  return Buffer.concat([...swapped, Buffer.from(d + e, "hex")]);
}

/**
 * The GUID that a disk or an entry has when none is given.
 * @param {number} number
 */
const numbered = (number) => `${number.toString(16).padStart(8, "0")}-0000-0000-0000-000000000000`;

/**
 * @typedef {object} GptEntry
 * @property {string} type
 * @property {number} first sector
 * @property {number} last sector
 * @property {string} [name] up to 36 characters
 * @property {string} [id]
 */

const GPT_ENTRIES = 128;
const GPT_HEADER_SIZE = 92;

/** Sectors that GPT takes at the end of a disk, with sectors and entries of the usual sizes. */
export const GPT_TAIL = 33;

/**
 * A protective MBR, both headers and both arrays, as parts of the disk by byte offset.
 * @param {object} options
 * @param {number} options.sectors those of the disk
 * @param {number} [options.sectorSize]
 * @param {number} [options.entrySize]
 * @param {string} [options.id]
 * @param {readonly (GptEntry | undefined)[]} options.entries by their place; the array has 128
 * @returns {[offset: number, bytes: Buffer][]}
 */
export function gpt({ sectors, sectorSize = SECTOR, entrySize = 128, id = numbered(1), entries }) {
  const array = Buffer.alloc(GPT_ENTRIES * entrySize);
  entries.forEach((entry, i) => {
    if (entry === undefined) return;
    const at = i * entrySize;
    guidBytes(entry.type).copy(array, at);
    guidBytes(entry.id ?? numbered(i + 1)).copy(array, at + 16);
    array.writeBigUInt64LE(BigInt(entry.first), at + 32);
    array.writeBigUInt64LE(BigInt(entry.last), at + 40);
    array.write(entry.name ?? "", at + 56, 72, "utf16le");
  });
  const arraySectors = array.length / sectorSize;
  /** @type {(self: number, other: number, table: number) => Buffer} */
  const header = (self, other, table) => {
    const bytes = Buffer.alloc(sectorSize);
    bytes.write("EFI PART", 0);
    bytes.writeUInt32LE(0x10000, 8);
    bytes.writeUInt32LE(GPT_HEADER_SIZE, 12);
    bytes.writeBigUInt64LE(BigInt(self), 24);
    bytes.writeBigUInt64LE(BigInt(other), 32);
    bytes.writeBigUInt64LE(BigInt(2 + arraySectors), 40);
    bytes.writeBigUInt64LE(BigInt(sectors - arraySectors - 2), 48);
    guidBytes(id).copy(bytes, 56);
    bytes.writeBigUInt64LE(BigInt(table), 72);
    bytes.writeUInt32LE(GPT_ENTRIES, 80);
    bytes.writeUInt32LE(entrySize, 84);
    bytes.writeUInt32LE(crc32(array), 88);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, GPT_HEADER_SIZE)), 16);
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
