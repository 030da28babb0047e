// What a small module has in the place of dev/zfs.ts: it sees whether a disk may be part of a pool, which is then for the
// whole module. Where it sees none, a pool's name is that of one that isn't there.

import { EINVAL, ENXIO, setErrno } from "../lib/errno";
import { askForWhole } from "../lib/variant";
import { Disk, disks } from "../storage/disk";
import { partitionTable, wholeTable } from "../storage/partitions/detect";
import { Partition, PartitionTable, PartitionType } from "../storage/partitions/table";
import { DEVICE_SIZE_MIN, LABEL_SIZE, LABELS, labelOffset, TAIL_MAGIC, TAIL_SIZE, UBERBLOCKS_AT } from "../zfs/layout";
import { Device, DeviceDriver, NamedDevice } from "./device";

/** Where in a label its configuration's checksum begins, with a magic that tells a label. */
const MAGIC_AT: u64 = UBERBLOCKS_AT - <u64>TAIL_SIZE;
const magic: usize = memory.data(8, 8);

/** Knows pools by their partitions. */
export class NoZfsDriver extends DeviceDriver {
  constructor() {
    super("zfs");
  }

  probe(_ndisks: i32): void {
    for (let i = 0; i < disks.length; i++) {
      const table = wholeTable(disks[i]);
      if (table !== null && mayHavePool(disks[i], table, 0)) askForWhole();
    }
  }

  print(_verbose: bool): bool {
    return false;
  }

  parse(text: string): NamedDevice | null {
    setErrno(text.startsWith(":") && text.lastIndexOf(":") > 0 ? ENXIO : EINVAL);
    return null;
  }

  bootDevice(): Device | null {
    return null;
  }
}

/** Whether the driver of pools could find one in a partition of `table`, whose own first sector is `base`, or inside one. */
function mayHavePool(disk: Disk, table: PartitionTable, base: u64): bool {
  for (let i = 0; i < table.entries.length; i++) {
    const entry = table.entries[i];
    if (entry.type == PartitionType.FreeBsdZfs) return true;
    if (base > 0 || !entry.holdsLabel()) continue;
    if (hasLabel(disk, entry)) return true;
    const inner = partitionTable(disk, entry.start, entry.sectors());
    if (inner !== null && mayHavePool(disk, inner, entry.start)) return true;
  }
  return false;
}

/** Whether slice `entry` has the magic of a pool's label where one would be, or can't be read there. */
function hasLabel(disk: Disk, entry: Partition): bool {
  const start = entry.start * <u64>disk.sectorSize;
  if (start >= disk.mediaSize) return false;
  const size = min(disk.mediaSize - start, entry.sectors() * <u64>disk.sectorSize) & ~(LABEL_SIZE - 1);
  if (size < DEVICE_SIZE_MIN) return false;
  for (let i = 0; i < LABELS; i++) {
    if (disk.read(start + labelOffset(size, i) + MAGIC_AT, magic, 8) != 8) return true;
    const found = load<u64>(magic);
    if (found == TAIL_MAGIC || bswap<u64>(found) == TAIL_MAGIC) return true;
  }
  return false;
}
