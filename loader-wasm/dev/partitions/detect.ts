// Finds out how a disk or slice is partitioned. Schemes are tried in this order: ISO 9660, BSD label, GPT
// (with its protective MBR, or found by its backup alone where there is no MBR at all), MBR.

import { allocate } from "../../lib/fault";
import { readBsdLabel } from "./bsd";
import { readGpt } from "./gpt";
import { readIso } from "./iso";
import { judgeMbr, MbrVerdict, readMbr } from "./mbr";
import { PartitionTable, Scheme, SectorReader } from "./table";

/** Byte offset of the first volume descriptor of an ISO 9660 volume. */
const ISO_DESCRIPTOR_OFFSET: u64 = 32768;

/** The table, of scheme `None` and without entries when no scheme is recognised; null and errno on a read error. */
export function readPartitionTable(reader: SectorReader): PartitionTable | null {
  const sector = allocate(reader.disk.sectorSize);
  const table = reader.read(0, 1, sector) ? detect(reader, sector) : null;
  heap.free(sector);
  return table;
}

/** `sector` holds the first sector. */
function detect(reader: SectorReader, sector: usize): PartitionTable | null {
  const other = allocate(reader.disk.sectorSize);
  let table: PartitionTable | null = null;
  if (reader.read(ISO_DESCRIPTOR_OFFSET / <u64>reader.disk.sectorSize, 1, other)) {
    table = readIso(reader, other);
    if (table === null && reader.read(1, 1, other)) {
      table = readBsdLabel(reader, other);
      if (table === null) table = detectByMbr(reader, sector);
    }
  }
  heap.free(other);
  return table;
}

function detectByMbr(reader: SectorReader, sector: usize): PartitionTable | null {
  switch (judgeMbr(sector)) {
    case MbrVerdict.Absent:
      return readGpt(reader, false);
    case MbrVerdict.Protective:
      return readGpt(reader, true);
    case MbrVerdict.Plain:
      return readMbr(reader, sector);
    default:
      return new PartitionTable(Scheme.None);
  }
}
