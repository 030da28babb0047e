// A disk that is an ISO 9660 volume (ECMA-119, 8.1) as a whole: one partition without a name of its own.

import { stringAt } from "../../lib/bytes";
import { Partition, PartitionTable, PartitionType, RANK_NONE, Scheme, SectorReader } from "./table";

/** Standard identifier of a volume descriptor. */
const IDENTIFIER_AT: usize = 1;
const IDENTIFIER = "CD001";

/** `descriptor` holds the sector at byte 32768. Null when it is no volume descriptor. */
export function readIso(reader: SectorReader, descriptor: usize): PartitionTable | null {
  if (stringAt(descriptor + IDENTIFIER_AT, IDENTIFIER.length) != IDENTIFIER) return null;
  const table = new PartitionTable(Scheme.Iso9660);
  table.entries.push(new Partition(0, PartitionType.Iso9660, 0, reader.sectors, RANK_NONE));
  return table;
}
