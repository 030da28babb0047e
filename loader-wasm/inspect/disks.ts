// What an inspection tells of disks and what is on them: image, partition table, partitions, and for each of those and each
// disk without any the file system, or what is there by sight.

import { DiskDevice } from "../dev/disk";
import { poolOn } from "../dev/zfs";
import { fileSystemOn } from "../fs/file_systems";
import { EINVAL, EIO, errno, strerror } from "../lib/errno";
import { damaged, damages, narrowed } from "../lib/fault";
import { contentOf } from "../storage/contents";
import { Disk, disks } from "../storage/disk";
import { Image } from "../storage/formats/image";
import { partitionTable, wholeTable } from "../storage/partitions/detect";
import { Naming, Partition, PartitionTable } from "../storage/partitions/table";
import { Volume } from "../storage/volume";
import * as answer from "./answer";

/** Partitions of a disk that are told. */
const PARTITIONS_MAX: i32 = 256;
/** Characters of "disk". */
const DISK_PREFIX: i32 = 4;

/** A partition, or a disk without any, that may have a file system. */
class Stretch {
  constructor(
    readonly disk: Disk,
    readonly name: string,
    readonly start: u64,
    readonly size: u64,
  ) {}
}

/** Answers the list of disks. What may have a file system is in `found` then. */
export function tellDisks(): void {
  const found: Stretch[] = [];
  answer.key("disks");
  answer.open("[");
  for (let i = 0; i < disks.length; i++) tellDisk(disks[i], found);
  answer.close("]");
  answer.key("volumes");
  answer.open("[");
  for (let i = 0; i < found.length; i++) tellVolume(found[i]);
  answer.close("]");
}

/** The name of what begins at byte `start` of `disk`: a partition, one in a slice, or the disk. */
export function nameAt(disk: Disk, start: u64): string {
  const sector = start / <u64>disk.sectorSize;
  const table = wholeTable(disk);
  for (let i = 0; table !== null && i < table.entries.length; i++) {
    const entry = table.entries[i];
    const name = disk.name() + table.suffix(entry);
    if (entry.holdsLabel() && sector >= entry.start && sector <= entry.end) {
      const label = partitionTable(disk, entry.start, entry.sectors());
      for (let k = 0; label !== null && k < label.entries.length; k++) {
        if (label.entries[k].start == sector - entry.start) return name + label.suffix(label.entries[k]);
      }
    }
    if (entry.start == sector) return name;
  }
  return disk.name();
}

/** The damage from number `first` on that begins with `where`, without that. */
export function tellProblems(first: i32, where: string): void {
  answer.key("problems");
  answer.open("[");
  for (let i = first; i < damages.length; i++) if (damages[i].startsWith(where)) answer.text(damages[i]);
  answer.close("]");
}

function tellDisk(disk: Disk, found: Stretch[]): void {
  const image = narrowed<Image, Disk>(disk);
  const table = wholeTable(disk);
  answer.open("{");
  answer.textOf("name", disk.name());
  answer.textOf("format", image === null ? "raw" : image.word);
  answer.numberOf("size", disk.mediaSize);
  answer.numberOf("sectorSize", disk.sectorSize);
  answer.textOf("scheme", table === null ? "can't be read" : table.schemeName());
  answer.key("partitions");
  answer.open("[");
  if (table !== null) {
    const isWhole = table.entries.length == 0 || table.entries[0].start == 0;
    if (isWhole) found.push(new Stretch(disk, disk.name(), 0, disk.mediaSize));
    if (!isWhole || table.naming == Naming.Disk) tellTable(disk, table, 0, disk.name(), found);
  }
  answer.close("]");
  tellProblems(0, `${disk.name()} `);
  answer.close("}");
}

/** The partitions of `table`, whose own first sector is `base`. */
function tellTable(disk: Disk, table: PartitionTable, base: u64, name: string, found: Stretch[]): void {
  const sector = <u64>disk.sectorSize;
  const sectors = disk.mediaSize / sector;
  for (let i = 0; i < min(table.entries.length, PARTITIONS_MAX); i++) {
    const entry = table.entries[i];
    const own = name + table.suffix(entry);
    // What is about the whole disk is told with it.
    if (own == name) continue;
    // Numbers of sectors that are on no disk would not fit as bytes.
    const isThere = entry.start < sectors && base < sectors - entry.start;
    const start = isThere ? base + entry.start : sectors;
    const size = isThere ? min(entry.sectors(), sectors - start) * sector : 0;
    tellPartition(disk, table, entry, own, start * sector, size);
    if (!isThere) continue;
    // As in lists of devices, nothing is inside what is inside a slice: tables that name each other would have no end.
    const label = base == 0 && entry.holdsLabel() ? partitionTable(disk, start, entry.sectors()) : null;
    if (label !== null && label.entries.length > 0 && !label.isNone) tellTable(disk, label, start, own, found);
    else found.push(new Stretch(disk, own, start * sector, size));
  }
}

function tellPartition(disk: Disk, table: PartitionTable, entry: Partition, name: string, start: u64, size: u64): void {
  const sector = <u64>disk.sectorSize;
  answer.open("{");
  answer.textOf("name", name);
  answer.textOf("type", entry.typeName());
  answer.numberOf("start", start);
  answer.numberOf("size", size);
  if (size / sector < entry.sectors()) answer.flagOf("cut", true);
  const facts = table.facts(disk, entry);
  if (facts !== null) {
    answer.textIf("label", facts.label);
    answer.textIf("guid", facts.guid);
    answer.textIf("typeGuid", facts.typeGuid);
  }
  answer.close("}");
}

function tellVolume(stretch: Stretch): void {
  const disk = stretch.disk;
  const first = damages.length;
  answer.open("{");
  answer.textOf("device", `${stretch.name}:`);
  answer.numberOf("size", stretch.size);
  if (!tellFileSystem(stretch)) answer.textIf("content", contentOf(disk, stretch.start, stretch.size));
  const pool = poolOn(new Volume(disk, stretch.start));
  if (pool !== null) answer.textOf("pool", pool.name);
  tellProblems(first, `${disk.name()} `);
  answer.close("}");
}

/** Whether there is one that can be read. */
function tellFileSystem(stretch: Stretch): bool {
  const named = DiskDevice.parse(`${stretch.name.substring(DISK_PREFIX)}:`);
  if (named === null) return false;
  const device = named.device;
  const error = device.open();
  const system = error == 0 ? fileSystemOn(device) : null;
  if (system === null) {
    const why = error != 0 ? error : errno;
    if (why != EINVAL) answer.textOf("unreadable", strerror(why));
    return false;
  }
  answer.textOf("fileSystem", system.name);
  const facts = system.facts(device);
  if (facts === null) return true;
  answer.textIf("kind", facts.kind);
  answer.textIf("label", facts.label);
  answer.numberOf("capacity", facts.size);
  if (facts.used >= 0) answer.numberOf("used", <u64>facts.used);
  if (facts.clean >= 0) answer.flagOf("clean", facts.clean == 1);
  if (facts.size > stretch.size) {
    const what = `file system: of ${facts.size} bytes only ${stretch.size} are there`;
    damaged(`${stretch.disk.name()} offset ${stretch.start}`, what, EIO);
  }
  return true;
}
