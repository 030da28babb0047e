// A disk that is an ISO 9660 volume (ECMA-119, 8.1) as a whole: one partition without a name of its own.

import { stringAt } from "../../lib/bytes";
import { allocate } from "../../lib/fault";
import { Naming, Partition, PartitionTable, PartitionType, RANK_NONE, Scheme, SectorReader } from "./table";

/** Standard identifier of a volume descriptor. */
const IDENTIFIER_AT: usize = 1;
const IDENTIFIER = "CD001";

/** Byte offset of the first volume descriptor. */
const DESCRIPTOR_OFFSET: u64 = 32768;

/** The scheme of discs, which have no partitions. */
export class IsoScheme extends Scheme {
  detect(reader: SectorReader, _first: usize): PartitionTable | null {
    const descriptor = allocate(reader.disk.sectorSize);
    const found =
      reader.look(DESCRIPTOR_OFFSET / <u64>reader.disk.sectorSize, descriptor) &&
      stringAt(descriptor + IDENTIFIER_AT, IDENTIFIER.length) == IDENTIFIER;
    heap.free(descriptor);
    if (!found) return null;
    const table = new PartitionTable(Naming.Disk);
    table.entries.push(new Partition(0, PartitionType.Iso9660, 0, reader.sectors, RANK_NONE));
    return table;
  }
}
