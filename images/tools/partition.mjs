// Puts a file system image on a disk: `node partition.mjs gpt|mbr FILESYSTEM DISK`.
//
// gpt: a freebsd-boot partition, and the file system in a freebsd-ufs one.
// mbr: one active FreeBSD slice (type 0xa5) whose second sector holds a BSD
//      disk label with the file system as partition a.
//
// Called by build.sh. All identifiers are fixed, so the result is too.

import { readFileSync, writeFileSync } from "node:fs";
import * as tables from "../../test/support/partition_tables.mjs";

const SECTOR = 512;
/** What all identifiers begin with; their last digit follows. */
const ID = "75736572-0000-4000-8000-00000000000";

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

function gpt(ufs) {
  const FIRST = 40;
  const BOOT_SECTORS = 128;
  const root = FIRST + BOOT_SECTORS;
  const end = root + Math.ceil(ufs.length / SECTOR);
  const sectors = end + tables.GPT_TAIL;
  const entry = (type, id, first, behind, name) => ({ type, id: `${ID}${id}`, first, last: behind - 1, name });
  const entries = [
    entry(tables.GUID.boot, 1, FIRST, root, "demoboot"),
    entry(tables.GUID.ufs, 2, root, end, "demoroot"),
  ];
  return diskOf(sectors, [...tables.gpt({ sectors, entries, id: `${ID}0` }), [root * SECTOR, ufs]]);
}

function mbr(ufs) {
  const SLICE = 63;
  const FIRST = 16; // sectors of the slice before partition a: boot code and label
  const sectors = FIRST + Math.ceil(ufs.length / SECTOR);
  const partitions = [];
  partitions[0] = { offset: FIRST, size: sectors - FIRST, type: 7 }; // 4.2BSD
  partitions[2] = { offset: 0, size: sectors, type: 0 };
  return diskOf(SLICE + sectors, [
    [0, tables.mbr([{ type: 0xa5, start: SLICE, size: sectors, active: true }])],
    [(SLICE + 1) * SECTOR, tables.bsdLabel(partitions, { name: "demo", sectors })],
    [(SLICE + FIRST) * SECTOR, ufs],
  ]);
}

/** The disk with these parts, by byte offset. */
function diskOf(sectors, parts) {
  const disk = Buffer.alloc(sectors * SECTOR);
  for (const [offset, bytes] of parts) bytes.copy(disk, offset);
  return disk;
}
