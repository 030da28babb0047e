// Master boot records: four primary partitions, and the chain of extended boot records for logical ones.

import { allocate } from "../../lib/fault";
import { Naming, Partition, PartitionTable, PartitionType, RANK_NONE, Scheme, SectorReader } from "./table";

/** Offsets in the sector. */
const ENTRIES_AT: usize = 446;
const MAGIC_AT: usize = 510;
const MAGIC: u16 = 0xaa55;
/** Offsets in an entry, its size, and how many there are. */
const P_FLAG: usize = 0;
const P_TYPE: usize = 4;
const P_START: usize = 8;
const P_SIZE: usize = 12;
const ENTRY_SIZE: usize = 16;
const ENTRIES: i32 = 4;

const FLAG_ACTIVE: u8 = 0x80;

const TYPE_FAT12: u8 = 0x01;
const TYPE_FAT16_SMALL: u8 = 0x04;
const TYPE_FAT16: u8 = 0x06;
const TYPE_NTFS: u8 = 0x07;
const TYPE_FAT32: u8 = 0x0b;
const TYPE_FAT32_LBA: u8 = 0x0c;
const TYPE_FAT16_LBA: u8 = 0x0e;
const TYPE_EXTENDED: u8 = 0x05;
const TYPE_EXTENDED_LBA: u8 = 0x0f;
const TYPE_LINUX_SWAP: u8 = 0x82;
const TYPE_LINUX: u8 = 0x83;
const TYPE_FREEBSD: u8 = 0xa5;
const TYPE_HFS: u8 = 0xaf;
const TYPE_PROTECTIVE: u8 = 0xee;

/** Number of the first logical partition, and the most of them. */
const FIRST_LOGICAL: i32 = 5;
const LOGICAL_LIMIT: i32 = 8;

/** What a boot sector can be. */
export enum MbrVerdict {
  /** No MBR. */
  Absent,
  /** An entry that is no partition: not partitioned at all. */
  Invalid,
  /** Only there to protect a GPT. */
  Protective,
  /** Primary partitions. */
  Plain,
}

/** What the MBR in `sector` is. */
export function judgeMbr(sector: usize): MbrVerdict {
  if (load<u16>(sector, MAGIC_AT) != MAGIC) return MbrVerdict.Absent;
  let used = 0;
  let protective = false;
  for (let i = 0; i < ENTRIES; i++) {
    const entry = sector + ENTRIES_AT + <usize>i * ENTRY_SIZE;
    const flag = load<u8>(entry, P_FLAG);
    if (flag != 0 && flag != FLAG_ACTIVE) return MbrVerdict.Invalid;
    const type = load<u8>(entry, P_TYPE);
    if (type == TYPE_PROTECTIVE) protective = true;
    if (type != 0) used++;
  }
  // Boot Camp keeps true entries beside the protective one, an HFS partition being the second.
  if (protective && (used == 1 || load<u8>(sector + ENTRIES_AT + ENTRY_SIZE, P_TYPE) == TYPE_HFS)) {
    return MbrVerdict.Protective;
  }
  return MbrVerdict.Plain;
}

function typeOf(type: u8): PartitionType {
  switch (type) {
    case TYPE_FREEBSD:
      return PartitionType.FreeBsd;
    case TYPE_LINUX_SWAP:
      return PartitionType.LinuxSwap;
    case TYPE_LINUX:
      return PartitionType.Linux;
    case TYPE_FAT12:
    case TYPE_FAT16_SMALL:
    case TYPE_FAT16:
    case TYPE_NTFS:
    case TYPE_FAT32:
    case TYPE_FAT32_LBA:
    case TYPE_FAT16_LBA:
      return PartitionType.Dos;
    default:
      return PartitionType.Unknown;
  }
}

/** FreeBSD before Linux before FAT, active ones first. */
function rankOf(type: u8, flag: u8): i32 {
  const passive = flag & FLAG_ACTIVE ? 0 : 1;
  switch (type) {
    case TYPE_FREEBSD:
      return 1 + passive;
    case TYPE_LINUX:
      return 3 + passive;
    case TYPE_FAT12:
    case TYPE_FAT16_SMALL:
    case TYPE_FAT16:
    case TYPE_FAT32:
    case TYPE_FAT32_LBA:
    case TYPE_FAT16_LBA:
      return 5 + passive;
    default:
      return RANK_NONE;
  }
}

/** The partition that `entry` describes, its start counted from sector `base`. */
function decode(entry: usize, index: i32, base: u64): Partition {
  const type = load<u8>(entry, P_TYPE);
  const start = base + <u64>load<u32>(entry, P_START);
  const end = start + <u64>load<u32>(entry, P_SIZE) - 1;
  return new Partition(index, typeOf(type), start, end, rankOf(type, load<u8>(entry, P_FLAG)));
}

/** The scheme of disks whose MBR isn't there to protect a GPT. */
export class MbrScheme extends Scheme {
  detect(reader: SectorReader, first: usize): PartitionTable | null {
    return judgeMbr(first) == MbrVerdict.Plain ? readMbr(reader, first) : null;
  }
}

/** `sector` holds the first sector, a plain MBR. */
function readMbr(reader: SectorReader, sector: usize): PartitionTable {
  const table = new PartitionTable(Naming.Slice);
  let extended: u64 = 0;
  for (let i = 0; i < ENTRIES; i++) {
    const entry = sector + ENTRIES_AT + <usize>i * ENTRY_SIZE;
    const type = load<u8>(entry, P_TYPE);
    if (type == 0 || load<u32>(entry, P_START) == 0 || load<u32>(entry, P_SIZE) == 0) continue;
    const partition = decode(entry, i + 1, 0);
    if (extended == 0 && (type == TYPE_EXTENDED || type == TYPE_EXTENDED_LBA)) extended = partition.start;
    table.entries.push(partition);
  }
  if (extended != 0) readLogical(reader, table, extended);
  return table;
}

/** Follows the chain of extended boot records from sector `first`; each gives one logical partition and the next record. */
function readLogical(reader: SectorReader, table: PartitionTable, first: u64): void {
  const record = allocate(reader.disk.sectorSize);
  const other = record + ENTRIES_AT + ENTRY_SIZE;
  const own = record + ENTRIES_AT;
  const seen: u64[] = [];
  let at = first;
  let index = FIRST_LOGICAL;
  for (let i = 0; i < LOGICAL_LIMIT; i++) {
    if (seen.includes(at)) {
      reader.damaged(at, "extended boot record: the chain comes back to it");
      break;
    }
    seen.push(at);
    if (!reader.read(at, 1, record)) break;
    const type = load<u8>(own, P_TYPE);
    if (type == 0) break;
    const more = load<u8>(other, P_TYPE) != 0;
    if (type == TYPE_EXTENDED && !more) {
      at = first + <u64>load<u32>(own, P_START);
      continue;
    }
    if (load<u32>(own, P_SIZE) == 0) reader.damaged(at, "extended boot record: partition of no sectors");
    else table.entries.push(decode(own, index++, at));
    if (!more) break;
    at = first + <u64>load<u32>(other, P_START);
  }
  heap.free(record);
}
