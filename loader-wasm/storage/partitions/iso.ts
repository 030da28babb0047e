// A disk that is an ISO 9660 volume (ECMA-119, 8.1) as a whole: a partition without a name of its own, and behind it the
// images that its boot catalogue has (El Torito 1.0), `disk0p1` and so on, for firmware to start: mostly a FAT volume
// for EFI's, which file systems then read.

import { stringAt } from "../../lib/bytes";
import { allocate } from "../../lib/fault";
import { sumsAgree } from "../../lib/variant";
import { partitionTable } from "./detect";
import { Naming, Partition, PartitionTable, PartitionType, RANK_NONE, Scheme, SectorReader } from "./table";

/** Bytes of a block, in which the disc counts. */
const BLOCK_SIZE: u32 = 2048;
/** Block of the first volume descriptor; the boot record, if there is one, is the next. */
const DESCRIPTORS_AT: u64 = 16;

/** Standard identifier of a volume descriptor. */
const IDENTIFIER_AT: usize = 1;
const IDENTIFIER = "CD001";

/** A boot record: its type, whose it is, and the block of the catalogue. */
const TYPE_BOOT: u8 = 0;
const SYSTEM_AT: usize = 7;
const SYSTEM = "EL TORITO SPECIFICATION";
const CATALOGUE_AT: usize = 71; // u32

/** Entries of the catalogue: their size, and what the first byte says. */
const ENTRY_SIZE: usize = 32;
const HEAD_VALIDATION: u8 = 0x01;
const HEAD_SECTION: u8 = 0x90;
const HEAD_LAST_SECTION: u8 = 0x91;
const HEAD_EXTENSION: u8 = 0x44;
/** Offsets in the validation entry, which is for the first image, and in headers of sections. Its words add up to 0. */
const PLATFORM: usize = 1; // u8
const KEY: usize = 30; // u16
const KEY_VALUE: u16 = 0xaa55;
const PLATFORM_EFI: u8 = 0xef;
/** Offset in the header of a section: how many images it has. */
const SECTION_COUNT: usize = 2; // u16
/** Offsets in an image's entry. */
const MEDIA: usize = 1; // u8
const SECTORS: usize = 6; // u16
const START: usize = 8; // u32 block
/** Bytes of the sectors that entries count. */
const VIRTUAL_SECTOR: u32 = 512;
/** Media: none is emulated, floppy disks of three sizes, a disk with an MBR. */
const MEDIA_MASK: u8 = 15;
const MEDIA_DISK: u8 = 4;
/** Sectors by media; 0 is what the entry says. */
const MEDIA_SECTORS: StaticArray<u32> = [0, 2400, 2880, 5760, 0];

/** The scheme of discs. */
export class IsoScheme extends Scheme {
  detect(reader: SectorReader, _first: usize): PartitionTable | null {
    const block = allocate(max(BLOCK_SIZE, reader.disk.sectorSize));
    const found =
      reader.look((DESCRIPTORS_AT * <u64>BLOCK_SIZE) / <u64>reader.disk.sectorSize, block) &&
      stringAt(block + IDENTIFIER_AT, IDENTIFIER.length) == IDENTIFIER;
    const table = found ? new PartitionTable(Naming.Disk) : null;
    if (table !== null) {
      table.entries.push(new Partition(0, PartitionType.Iso9660, 0, reader.sectors - 1, RANK_NONE));
      // One inside a slice has no names for more.
      if (reader.start == 0) new Catalogue(reader, table, block).read();
    }
    heap.free(block);
    return table;
  }
}

/** What is wrong with the catalogue at `block`, judged by its first entry; null when nothing is. */
function judgeValidation(block: usize): string | null {
  if (load<u8>(block) != HEAD_VALIDATION || load<u16>(block, KEY) != KEY_VALUE) return "no validation entry";
  let sum: u16 = 0;
  for (let at: usize = 0; at < ENTRY_SIZE; at += 2) sum += load<u16>(block + at);
  return sumsAgree<u16>(sum, 0) ? null : "checksum";
}

/** The boot catalogue of a disc, whose images become partitions. */
class Catalogue {
  private at: u64 = 0;
  private platform: u8 = 0;

  constructor(
    private readonly reader: SectorReader,
    private readonly table: PartitionTable,
    /** Room for a block. */
    private readonly block: usize,
  ) {}

  /** Looks for it. What is wrong with it is reported, and takes nothing from the volume. */
  read(): void {
    const block = this.block;
    if (!this.readBlock(DESCRIPTORS_AT + 1)) return;
    if (load<u8>(block) != TYPE_BOOT || stringAt(block + IDENTIFIER_AT, IDENTIFIER.length) != IDENTIFIER) return;
    if (stringAt(block + SYSTEM_AT, SYSTEM.length) != SYSTEM) return;
    this.at = <u64>load<u32>(block, CATALOGUE_AT);
    const problem = this.readBlock(this.at) ? judgeValidation(block) : "can't be read";
    if (problem !== null) {
      this.bad(problem);
      return;
    }
    this.platform = load<u8>(block, PLATFORM);
    this.readEntries();
  }

  /** Goes through the entries: an image, then sections of images. */
  private readEntries(): void {
    let images: u32 = 1;
    let more = true;
    for (let at = ENTRY_SIZE; at < <usize>BLOCK_SIZE; at += ENTRY_SIZE) {
      const entry = this.block + at;
      const head = load<u8>(entry);
      if (head == HEAD_EXTENSION) continue;
      if (images > 0) {
        images--;
        this.addImage(entry);
      } else {
        if (!more || (head != HEAD_SECTION && head != HEAD_LAST_SECTION)) return;
        more = head == HEAD_SECTION;
        this.platform = load<u8>(entry, PLATFORM);
        images = <u32>load<u16>(entry, SECTION_COUNT);
      }
    }
    if (images > 0) this.bad(`${images} images more than ${BLOCK_SIZE} bytes have room for`);
  }

  private addImage(entry: usize): void {
    const block = <u64>load<u32>(entry, START);
    const media = load<u8>(entry, MEDIA) & MEDIA_MASK;
    const sectorSize = <u64>this.reader.disk.sectorSize;
    // An entry that was left empty.
    if (block == 0) return;
    if (media > MEDIA_DISK || (block * <u64>BLOCK_SIZE) % sectorSize != 0) {
      this.bad(`image of media type ${media} at block ${block}`);
      return;
    }
    const start = (block * <u64>BLOCK_SIZE) / sectorSize;
    let sectors = <u64>MEDIA_SECTORS[media];
    if (sectors == 0) sectors = <u64>load<u16>(entry, SECTORS);
    // EFI's may be larger than can be said here, and then go up to the disc's end.
    const end =
      media != 0 || sectors > 1
        ? start + (sectors * <u64>VIRTUAL_SECTOR + sectorSize - 1) / sectorSize - 1
        : max(this.reader.sectors - 1, start);
    const type = this.platform == PLATFORM_EFI ? PartitionType.Efi : PartitionType.BootImage;
    const inside = media == MEDIA_DISK ? partitionTable(this.reader.disk, start, end - start + 1) : null;
    if (inside === null || inside.entries.length == 0) this.add(type, start, end);
    // The image of a disk has one partition.
    else this.add(type, start + inside.entries[0].start, start + inside.entries[0].end);
  }

  private add(type: PartitionType, start: u64, end: u64): void {
    const entries = this.table.entries;
    entries.push(new Partition(entries.length, type, start, end, RANK_NONE));
  }

  /** Reads a block. False when the disk has none there, or fails. */
  private readBlock(number: u64): bool {
    return this.reader.disk.read(number * <u64>BLOCK_SIZE, this.block, BLOCK_SIZE) == <i64>BLOCK_SIZE;
  }

  private bad(what: string): void {
    const sector = (this.at * <u64>BLOCK_SIZE) / <u64>this.reader.disk.sectorSize;
    this.reader.damaged(sector, `El Torito boot catalogue: ${what}`);
  }
}
