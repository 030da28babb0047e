// GUID partition tables (UEFI specification, chapter 5): a header after the MBR and a backup at the disk's
// end, each with a checksum and an array of entries that has one too.

import { crc32 } from "../../lib/digests/crc32";
import { EIO } from "../../lib/errno";
import { allocate, burn, damaged } from "../../lib/fault";
import { guidText, utf8Text } from "../../lib/text";
import { sumsAgree } from "../../lib/variant";
import { Disk } from "../disk";
import { judgeMbr, MbrVerdict } from "./mbr";
import {
  Naming,
  Partition,
  PartitionFacts,
  PartitionTable,
  PartitionType,
  RANK_NONE,
  Scheme,
  SectorReader,
} from "./table";

/** "EFI PART". */
const SIGNATURE: u64 = 0x5452415020494645;
const REVISION_MIN: u32 = 0x00010000;
/** Offsets in the header, and its least size. */
const H_SIGNATURE: usize = 0;
const H_REVISION: usize = 8;
const H_SIZE: usize = 12;
const H_CRC: usize = 16;
const H_SELF: usize = 24;
const H_ALTERNATE: usize = 32;
const H_FIRST_USABLE: usize = 40;
const H_LAST_USABLE: usize = 48;
const H_GUID: usize = 56;
const H_TABLE: usize = 72;
const H_ENTRIES: usize = 80;
const H_ENTRY_SIZE: usize = 84;
const H_TABLE_CRC: usize = 88;
const HEADER_SIZE: u32 = 92;
/** Offsets in an entry, and its least size. */
const E_TYPE: usize = 0;
const E_GUID: usize = 16;
const E_START: usize = 32;
const E_END: usize = 40;
const E_NAME: usize = 56; // UTF-16
const E_NAME_CHARACTERS: i32 = 36;
const ENTRY_SIZE_MIN: u32 = 128;
/** Sectors of entries that are looked at; a longer array is cut there, and its checksum can't be verified. */
const TABLE_SECTORS: u32 = 64;

/** Second halves of type GUIDs; FreeBSD's own types share one. */
const FREEBSD_HIGH: u64 = 0x2b71092d0200f88f;

/** The type with GUID `low` `high`, each half read as a little-endian number. */
function typeOf(low: u64, high: u64): PartitionType {
  if (high == FREEBSD_HIGH) {
    // 516e7cbN-6ecf-11d6-8ff8-00022d09712b
    if (low == 0x11d66ecf516e7cb4) return PartitionType.FreeBsd;
    if (low == 0x11d66ecf516e7cb5) return PartitionType.FreeBsdSwap;
    if (low == 0x11d66ecf516e7cb6) return PartitionType.FreeBsdUfs;
    if (low == 0x11d66ecf516e7cb8) return PartitionType.FreeBsdVinum;
    if (low == 0x11d66ecf516e7cba) return PartitionType.FreeBsdZfs;
  }
  // c12a7328-f81f-11d2-ba4b-00a0c93ec93b
  if (low == 0x11d2f81fc12a7328 && high == 0x3bc93ec9a0004bba) return PartitionType.Efi;
  // ebd0a0a2-b9e5-4433-87c0-68b6b72699c7
  if (low == 0x4433b9e5ebd0a0a2 && high == 0xc79926b7b668c087) return PartitionType.Dos;
  // 83bd6b9d-7f41-11dc-be0b-001560b84f0f
  if (low == 0x11dc7f4183bd6b9d && high == 0x0f4fb86015000bbe) return PartitionType.FreeBsdBoot;
  // 74ba7dd9-a689-11e1-bd04-00e081286acf
  if (low == 0x11e1a68974ba7dd9 && high == 0xcf6a2881e00004bd) return PartitionType.FreeBsdNandfs;
  return PartitionType.Unknown;
}

function rankOf(type: PartitionType): i32 {
  if (type == PartitionType.FreeBsdUfs || type == PartitionType.FreeBsdZfs) return 2;
  return type == PartitionType.Dos ? 6 : RANK_NONE;
}

/** One of the two headers with its entries. */
class Copy {
  /** Whether header and entries are good. */
  valid: bool = false;
  readonly header: usize;
  readonly entries: usize;
  /** Entries that were read. */
  count: u32 = 0;

  constructor(
    readonly reader: SectorReader,
    /** For reports. */
    readonly title: string,
    /** Whether there must be one, by the MBR. */
    readonly expected: bool,
  ) {
    this.header = allocate(reader.disk.sectorSize);
    this.entries = allocate(<usize>(TABLE_SECTORS * reader.disk.sectorSize));
  }

  free(): void {
    heap.free(this.header);
    heap.free(this.entries);
  }

  /** Reads and checks the header at `sector`. False when there is none or it is bad. */
  readHeader(sector: u64): bool {
    const header = this.header;
    const sectorSize = this.reader.disk.sectorSize;
    if (!this.reader.read(sector, 1, header)) return false;
    if (load<u64>(header, H_SIGNATURE) != SIGNATURE) return this.expected && this.bad(sector, "no signature");
    const size = load<u32>(header, H_SIZE);
    if (size < HEADER_SIZE || size > sectorSize) return this.bad(sector, `size ${size}`);
    const crc = load<u32>(header, H_CRC);
    store<u32>(header, 0, H_CRC);
    if (!sumsAgree(crc32(header, size), crc)) return this.bad(sector, "checksum");
    store<u32>(header, crc, H_CRC);
    const self = load<u64>(header, H_SELF);
    const entrySize = load<u32>(header, H_ENTRY_SIZE);
    if (load<u32>(header, H_REVISION) < REVISION_MIN) return this.bad(sector, "revision");
    if (self != sector) return this.bad(sector, `own sector ${self}`);
    if (load<u64>(header, H_ALTERNATE) == self) return this.bad(sector, "alternate is itself");
    if (load<u32>(header, H_ENTRIES) == 0) return this.bad(sector, "no entries");
    if (entrySize < ENTRY_SIZE_MIN || sectorSize % entrySize != 0) return this.bad(sector, `entry size ${entrySize}`);
    return true;
  }

  /** Reads and checks the entries that the header points to: `valid` tells whether they are good. */
  readEntries(): void {
    const sectorSize = <u64>this.reader.disk.sectorSize;
    const total = <u64>load<u32>(this.header, H_ENTRIES) * <u64>load<u32>(this.header, H_ENTRY_SIZE);
    const sectors = <u32>min(<u64>TABLE_SECTORS, (total + sectorSize - 1) / sectorSize);
    const sector = load<u64>(this.header, H_TABLE);
    if (!this.reader.read(sector, sectors, this.entries)) return;
    const size = <u64>sectors * sectorSize;
    burn(<i64>(size >> 4));
    if (total <= size && !sumsAgree(crc32(this.entries, <u32>total), load<u32>(this.header, H_TABLE_CRC))) {
      this.reader.damaged(sector, `GPT ${this.title} entries: checksum`);
      return;
    }
    this.count = <u32>(min(total, size) / <u64>load<u32>(this.header, H_ENTRY_SIZE));
    this.valid = true;
  }

  private bad(sector: u64, what: string): bool {
    this.reader.damaged(sector, `GPT ${this.title} header: ${what}`);
    return false;
  }

  /** Whether the other copy's header describes the same entries. */
  agreesWith(other: Copy): bool {
    const a = this.header;
    const b = other.header;
    return (
      memory.compare(a + H_GUID, b + H_GUID, 16) == 0 &&
      load<u32>(a, H_REVISION) == load<u32>(b, H_REVISION) &&
      load<u32>(a, H_SIZE) == load<u32>(b, H_SIZE) &&
      load<u64>(a, H_FIRST_USABLE) == load<u64>(b, H_FIRST_USABLE) &&
      load<u64>(a, H_LAST_USABLE) == load<u64>(b, H_LAST_USABLE) &&
      load<u32>(a, H_ENTRIES) == load<u32>(b, H_ENTRIES) &&
      load<u32>(a, H_ENTRY_SIZE) == load<u32>(b, H_ENTRY_SIZE) &&
      load<u32>(a, H_TABLE_CRC) == load<u32>(b, H_TABLE_CRC)
    );
  }

  decode(): PartitionTable {
    const table = new GptTable(load<u64>(this.header, H_TABLE), load<u32>(this.header, H_ENTRY_SIZE));
    const first = load<u64>(this.header, H_FIRST_USABLE);
    const last = load<u64>(this.header, H_LAST_USABLE);
    for (let i: u32 = 0; i < this.count; i++) {
      const entry = this.entries + <usize>(i * load<u32>(this.header, H_ENTRY_SIZE));
      const low = load<u64>(entry, E_TYPE);
      const high = load<u64>(entry, E_TYPE + 8);
      if (low == 0 && high == 0) continue;
      const start = load<u64>(entry, E_START);
      const end = load<u64>(entry, E_END);
      if (start < first || end > last || start > end) {
        this.reader.damaged(load<u64>(this.header, H_TABLE), `GPT entry ${i + 1}: sectors ${start} to ${end}`);
        continue;
      }
      const type = typeOf(low, high);
      table.entries.push(new Partition(<i32>i + 1, type, start, end, rankOf(type)));
    }
    return table;
  }
}

/** A GPT, whose entries have names. */
class GptTable extends PartitionTable {
  constructor(
    /** First sector of the entries, and bytes of one. */
    private readonly at: u64,
    private readonly entrySize: u32,
  ) {
    super(Naming.Partition);
  }

  facts(disk: Disk, entry: Partition): PartitionFacts | null {
    const block = allocate(<usize>ENTRY_SIZE_MIN);
    const offset = this.at * <u64>disk.sectorSize + <u64>(entry.index - 1) * <u64>this.entrySize;
    let facts: PartitionFacts | null = null;
    if (disk.read(offset, block, ENTRY_SIZE_MIN) == <i64>ENTRY_SIZE_MIN) {
      facts = new PartitionFacts();
      facts.typeGuid = guidText(block + E_TYPE);
      facts.guid = guidText(block + E_GUID);
      facts.label = utf8Text(block + E_NAME, E_NAME_CHARACTERS);
    }
    heap.free(block);
    return facts;
  }
}

/** The scheme of disks with a protective MBR, and of those with no MBR at all but a GPT. */
export class GptScheme extends Scheme {
  detect(reader: SectorReader, first: usize): PartitionTable | null {
    const verdict = judgeMbr(first);
    if (verdict != MbrVerdict.Absent && verdict != MbrVerdict.Protective) return null;
    return readGpt(bySectorsOfHeader(reader), verdict == MbrVerdict.Protective);
  }
}

/** Sectors that disks have. */
const SECTOR_SIZES: u32[] = [512, 4096];

/**
 * `reader`, or another one when the primary header stands where it would with sectors of another size, and not where it
 * should. A file doesn't tell how large the sectors were of the disk that it is a copy of: one of 512 becomes a disk of 4096,
 * which reads as well; the other way round it is only said.
 */
function bySectorsOfHeader(reader: SectorReader): SectorReader {
  const disk = reader.disk;
  if (reader.start != 0 || headerAt(disk, disk.sectorSize)) return reader;
  for (let i = 0; i < SECTOR_SIZES.length; i++) {
    const size = SECTOR_SIZES[i];
    if (size == disk.sectorSize || !headerAt(disk, size)) continue;
    const what = `GPT header where disks with sectors of ${size} bytes have it`;
    if (size < disk.sectorSize) {
      damaged(`${disk.name()} offset ${size}`, `${what}, but these were said to be ${disk.sectorSize}`, EIO);
      continue;
    }
    damaged(`${disk.name()} offset ${size}`, `${what}: they are taken as such (say sectorsize=${size})`, EIO);
    disk.sectorSize = size;
    return new SectorReader(disk, 0, disk.mediaSize / <u64>size);
  }
  return reader;
}

/** Whether a header that says that it is in sector 1 is there, by sectors of `size` bytes. */
function headerAt(disk: Disk, size: u32): bool {
  const header = allocate(<usize>HEADER_SIZE);
  const got = disk.read(<u64>size, header, HEADER_SIZE);
  const found =
    got == <i64>HEADER_SIZE && load<u64>(header, H_SIGNATURE) == SIGNATURE && load<u64>(header, H_SELF) == 1;
  heap.free(header);
  return found;
}

/**
 * Reads the GPT: the backup where it disagrees with the primary or is the only good one. Null when both are bad.
 * `expected` tells that the MBR announces it.
 */
function readGpt(reader: SectorReader, expected: bool): PartitionTable | null {
  const primary = new Copy(reader, "primary", expected);
  const backup = new Copy(reader, "backup", expected);
  if (primary.readHeader(1)) primary.readEntries();
  const at = primary.valid ? load<u64>(primary.header, H_ALTERNATE) : reader.sectors - 1;
  if (at >= reader.sectors && primary.valid) {
    reader.damaged(1, `GPT: backup header at sector ${at}, but the disk ends at sector ${reader.sectors}`);
  } else if (backup.readHeader(at) && !(primary.valid && primary.agreesWith(backup))) backup.readEntries();
  let table: PartitionTable | null = null;
  if (backup.valid) table = backup.decode();
  else if (primary.valid) table = primary.decode();
  primary.free();
  backup.free();
  return table;
}
