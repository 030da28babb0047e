// BSD disk labels (FreeBSD's sys/disk/bsd.h): in the second sector of a slice or of a whole disk, up to 20
// partitions. Offsets are from the start of the disk or of the slice; the raw partition `c` says which.

import { allocate } from "../../lib/fault";
import { Naming, Partition, PartitionTable, PartitionType, RANK_NONE, Scheme, SectorReader } from "./table";

const MAGIC: u32 = 0x82564557;
/** Offsets in the label. */
const D_MAGIC: usize = 0;
const D_SECSIZE: usize = 40;
const D_MAGIC2: usize = 132;
const D_NPARTITIONS: usize = 138;
const D_PARTITIONS: usize = 148;
/** Offsets in a partition entry, and its size. */
const P_SIZE: usize = 0;
const P_OFFSET: usize = 4;
const P_FSTYPE: usize = 12;
const ENTRY_SIZE: usize = 16;
/** Partitions that a label may have. */
const PARTITIONS_MIN: u32 = 8;
const PARTITIONS_MAX: u32 = 20;
/** `c`, the whole slice or disk. */
const RAW_PARTITION: i32 = 2;

function typeOf(fstype: u8): PartitionType {
  switch (fstype) {
    case 1:
      return PartitionType.FreeBsdSwap;
    case 7:
      return PartitionType.FreeBsdUfs;
    case 14:
      return PartitionType.FreeBsdVinum;
    case 27:
      return PartitionType.FreeBsdZfs;
    case 30:
      return PartitionType.FreeBsdNandfs;
    default:
      return PartitionType.Unknown;
  }
}

/** The scheme of a disk or slice with a label. */
export class BsdScheme extends Scheme {
  detect(reader: SectorReader, _first: usize): PartitionTable | null {
    const label = allocate(reader.disk.sectorSize);
    const table = reader.look(1, label) ? readLabel(reader, label) : null;
    heap.free(label);
    return table;
  }
}

/** `label` holds the second sector. Null when it is no usable label. */
function readLabel(reader: SectorReader, label: usize): PartitionTable | null {
  if (load<u32>(label, D_MAGIC) != MAGIC && load<u32>(label, D_MAGIC2) != MAGIC) return null;
  const sectorSize = load<u32>(label, D_SECSIZE);
  if (sectorSize != reader.disk.sectorSize) {
    reader.damaged(1, `BSD label: sector size ${sectorSize} is not the disk's ${reader.disk.sectorSize}`);
    return null;
  }
  const count = <u32>load<u16>(label, D_NPARTITIONS);
  if (count < PARTITIONS_MIN || count > PARTITIONS_MAX) {
    reader.damaged(1, `BSD label: ${count} partitions, not ${PARTITIONS_MIN} to ${PARTITIONS_MAX}`);
    return null;
  }
  const table = new PartitionTable(Naming.Letter);
  const rawOffset = load<u32>(label + D_PARTITIONS + <usize>RAW_PARTITION * ENTRY_SIZE, P_OFFSET);
  for (let i = 0; i < <i32>count; i++) {
    const entry = label + D_PARTITIONS + <usize>i * ENTRY_SIZE;
    const size = load<u32>(entry, P_SIZE);
    if (i == RAW_PARTITION || size == 0) continue;
    const offset = load<u32>(entry, P_OFFSET);
    if (offset < rawOffset) {
      reader.damaged(1, `BSD label: partition ${i} at ${offset} begins before the raw partition at ${rawOffset}`);
      continue;
    }
    const start = <u64>(offset - rawOffset);
    table.entries.push(new Partition(i, typeOf(load<u8>(entry, P_FSTYPE)), start, start + <u64>size - 1, RANK_NONE));
  }
  return table;
}
