// Puts a file system image on a disk: `node partition.mjs gpt|mbr FILESYSTEM DISK`.
//
// gpt: UEFI 2.10 section 5.3 (protective MBR, both headers and entry arrays),
//      a freebsd-boot partition and the file system in a freebsd-ufs one.
// mbr: one active FreeBSD slice (type 0xa5) whose second sector holds a BSD
//      disk label with the file system as partition a.
//
// Called by build.sh. All identifiers are fixed, so the result is too.

import { readFileSync, writeFileSync } from "node:fs";

const SECTOR = 512;

const [scheme, source, target] = process.argv.slice(2);
const layouts = { gpt, mbr };
if (!source || !target || !Object.hasOwn(layouts, scheme)) {
  console.error("usage: node partition.mjs gpt|mbr FILESYSTEM DISK");
  process.exit(2);
}
const fileSystem = readFileSync(source);
forgetAddresses(fileSystem);
writeFileSync(target, layouts[scheme](fileSystem));

/** makefs leaves two pointers of its own process (contigdirs, csp) in every superblock copy; clears them. */
function forgetAddresses(ufs) {
  const MAGIC = 1372;
  for (let at = 8192; at + MAGIC + 4 <= ufs.length; at += SECTOR)
    if ([0x011954, 0x19540119].includes(ufs.readUInt32LE(at + MAGIC))) ufs.fill(0, at + 0x340, at + 0x350);
}

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

/** One of the four MBR entries; CHS fields say "use the LBA". */
function mbrEntry(disk, index, type, active, start, sectors) {
  const at = 446 + 16 * index;
  disk[at] = active ? 0x80 : 0;
  disk.fill(0xff, at + 1, at + 8);
  disk[at + 4] = type;
  disk.writeUInt32LE(start, at + 8);
  disk.writeUInt32LE(sectors, at + 12);
  disk.writeUInt16LE(0xaa55, 510);
}

/** A GUID in its on-disk form: the first three groups are little-endian. */
function guid(text) {
  const bytes = Buffer.from(text.replaceAll("-", ""), "hex");
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}

function gpt(ufs) {
  const FIRST = 40;
  const BOOT_SECTORS = 128;
  const TABLE_SECTORS = 32; // 128 entries of 128 bytes
  const root = FIRST + BOOT_SECTORS;
  const rootSectors = Math.ceil(ufs.length / SECTOR);
  const sectors = root + rootSectors + TABLE_SECTORS + 1;
  const disk = Buffer.alloc(sectors * SECTOR);
  mbrEntry(disk, 0, 0xee, false, 1, sectors - 1);
  ufs.copy(disk, root * SECTOR);

  const table = Buffer.alloc(TABLE_SECTORS * SECTOR);
  const partitions = [
    ["83bd6b9d-7f41-11dc-be0b-001560b84f0f", "75736572-0000-4000-8000-000000000001", FIRST, BOOT_SECTORS, "demoboot"],
    ["516e7cb6-6ecf-11d6-8ff8-00022d09712b", "75736572-0000-4000-8000-000000000002", root, rootSectors, "demoroot"],
  ];
  for (const [index, [type, id, start, length, label]] of partitions.entries()) {
    const entry = table.subarray(128 * index);
    guid(type).copy(entry, 0);
    guid(id).copy(entry, 16);
    entry.writeBigUInt64LE(BigInt(start), 32);
    entry.writeBigUInt64LE(BigInt(start + length - 1), 40);
    entry.write(label, 56, "utf16le");
  }
  for (const [own, other, tableAt] of [
    [1, sectors - 1, 2],
    [sectors - 1, 1, sectors - 1 - TABLE_SECTORS],
  ]) {
    table.copy(disk, tableAt * SECTOR);
    const header = disk.subarray(own * SECTOR, own * SECTOR + 92);
    header.write("EFI PART", "latin1");
    header.writeUInt32LE(0x10000, 8);
    header.writeUInt32LE(92, 12);
    header.writeBigUInt64LE(BigInt(own), 24);
    header.writeBigUInt64LE(BigInt(other), 32);
    header.writeBigUInt64LE(BigInt(FIRST - 6), 40);
    header.writeBigUInt64LE(BigInt(sectors - 2 - TABLE_SECTORS), 48);
    guid("75736572-0000-4000-8000-000000000000").copy(header, 56);
    header.writeBigUInt64LE(BigInt(tableAt), 72);
    header.writeUInt32LE(128, 80);
    header.writeUInt32LE(128, 84);
    header.writeUInt32LE(crc32(table), 88);
    header.writeUInt32LE(crc32(header), 16);
  }
  return disk;
}

function mbr(ufs) {
  const SLICE = 63;
  const FIRST = 16; // sectors of the slice before partition a: boot code and label
  const RAW = 2; // partition c is the whole slice
  const sectors = FIRST + Math.ceil(ufs.length / SECTOR);
  const disk = Buffer.alloc((SLICE + sectors) * SECTOR);
  mbrEntry(disk, 0, 0xa5, true, SLICE, sectors);
  ufs.copy(disk, (SLICE + FIRST) * SECTOR);

  const partitions = [];
  partitions[0] = { offset: FIRST, size: sectors - FIRST, type: 7 }; // 4.2BSD
  partitions[RAW] = { offset: 0, size: sectors, type: 0 };
  const COUNT = 8;
  const label = disk.subarray((SLICE + 1) * SECTOR, (SLICE + 1) * SECTOR + 148 + 16 * COUNT);
  label.writeUInt32LE(0x82564557, 0);
  label.write("demo", 8, "latin1");
  label.writeUInt32LE(SECTOR, 40);
  label.writeUInt32LE(63, 44); // sectors a track, tracks, cylinders, sectors a cylinder
  label.writeUInt32LE(16, 48);
  label.writeUInt32LE(Math.floor(sectors / 1008), 52);
  label.writeUInt32LE(1008, 56);
  label.writeUInt32LE(sectors, 60);
  label.writeUInt32LE(0x82564557, 132);
  label.writeUInt16LE(COUNT, 138);
  label.writeUInt32LE(8192, 140);
  label.writeUInt32LE(8192, 144);
  for (const [index, partition] of partitions.entries()) {
    if (!partition) continue;
    const at = 148 + 16 * index;
    label.writeUInt32LE(partition.size, at);
    label.writeUInt32LE(partition.offset, at + 4);
    label[at + 12] = partition.type;
  }
  let checksum = 0;
  for (let at = 0; at < label.length; at += 2) checksum ^= label.readUInt16LE(at);
  label.writeUInt16LE(checksum, 136);
  return disk;
}
