// Finds out how disks and slices are partitioned, by the schemes in conf.ts, and remembers it.

import { allocate } from "../../lib/fault";
import { Disk } from "../disk";
import { KnownPlaces } from "../volume";
import { PartitionTable, Scheme, SectorReader } from "./table";

/** All schemes, in the order in which they are tried. */
let schemes: Scheme[] = [];

/** Takes over the table of conf.ts. */
export function useSchemes(list: Scheme[]): void {
  schemes = list;
}

/** Tables, by the sector of the disk where what they divide begins. */
const tables = new KnownPlaces<PartitionTable>();

/**
 * How the `sectors` sectors of `disk` from `start` on are partitioned: a table without entries when no scheme is
 * recognised; null and errno when the disk can't be read.
 */
export function partitionTable(disk: Disk, start: u64, sectors: u64): PartitionTable | null {
  const known = tables.find(disk, start);
  if (known !== null) return known;
  const reader = new SectorReader(disk, start, sectors);
  const first = allocate(disk.sectorSize);
  const table = reader.look(0, first) ? detect(reader, first) : null;
  heap.free(first);
  if (table !== null) tables.add(disk, start, table);
  return table;
}

/** The same for a whole disk. */
export function wholeTable(disk: Disk): PartitionTable | null {
  return partitionTable(disk, 0, disk.mediaSize / <u64>disk.sectorSize);
}

function detect(reader: SectorReader, first: usize): PartitionTable | null {
  for (let i = 0; i < schemes.length; i++) {
    const table = schemes[i].detect(reader, first);
    if (table !== null || reader.unreadable) return table;
  }
  return PartitionTable.none();
}
