// What all partitioning schemes have in common: a table of partitions, their names, kinds and texts, and the order
// in which they are candidates for booting. The schemes themselves are gpt.ts, mbr.ts, bsd.ts, iso.ts; a new one is a
// file like these and a line in conf.ts.

import { Ascii } from "../../lib/ascii";
import { EIO } from "../../lib/errno";
import { damaged } from "../../lib/fault";
import { Disk } from "../disk";

/** How a scheme's partitions are called. */
export enum Naming {
  /** They aren't: there is the disk, `disk0`. Only a disc's boot images have names, `disk0p1`. */
  Disk,
  /** By letters, `disk0a`. */
  Letter,
  /** As slices, `disk0s1`, in which there may be a label whose partitions have letters, `disk0s1a`. */
  Slice,
  /** As partitions, `disk0p1`, with nothing inside. */
  Partition,
}

/** The schemes that name so. */
const SCHEME_NAMES: string[] = ["ISO 9660 disc", "BSD label", "MBR", "GPT"];

/** What a partition is for, whatever its scheme says it with. */
export enum PartitionType {
  Unknown,
  Efi,
  FreeBsd,
  FreeBsdBoot,
  FreeBsdNandfs,
  FreeBsdUfs,
  FreeBsdZfs,
  FreeBsdSwap,
  FreeBsdVinum,
  Linux,
  LinuxSwap,
  Dos,
  Iso9660,
  BootImage,
}

/** Console texts, by type. */
const TYPE_NAMES: string[] = [
  "Unknown",
  "EFI",
  "FreeBSD",
  "FreeBSD boot",
  "FreeBSD nandfs",
  "FreeBSD UFS",
  "FreeBSD ZFS",
  "FreeBSD swap",
  "FreeBSD vinum",
  "Linux",
  "Linux swap",
  "DOS/Windows",
  "ISO9660",
  "boot image",
];

/** Rank of a partition that nothing boots from; lower ranks are better. */
export const RANK_NONE: i32 = 7;

/** One partition as its table says. GPT alone holds it to the disk: what lies beyond the end can't be read. */
export class Partition {
  constructor(
    /** What its name ends with: from 1 in MBR and GPT, from 0 (`a`) in BSD labels. */
    readonly index: i32,
    readonly type: PartitionType,
    /** First and last sector, from the start of the table's own disk or slice. */
    readonly start: u64,
    readonly end: u64,
    /** How good it is to boot from. */
    readonly rank: i32,
  ) {}

  sectors(): u64 {
    return this.end - this.start + 1;
  }

  typeName(): string {
    return TYPE_NAMES[this.type];
  }

  /** Whether a BSD label may be inside. */
  holdsLabel(): bool {
    return this.type == PartitionType.FreeBsd;
  }
}

/** What only people are told of a partition. GUIDs are written as usual; texts are UTF-8, one character a byte. */
export class PartitionFacts {
  label: string = "";
  guid: string = "";
  typeGuid: string = "";
}

/** What a scheme found, in the order of its entries. */
export class PartitionTable {
  readonly entries: Partition[] = [];
  /** Whether no scheme was recognised. */
  isNone: bool = false;

  constructor(readonly naming: Naming) {}

  /** The table of a disk that isn't partitioned. */
  static none(): PartitionTable {
    const table = new PartitionTable(Naming.Slice);
    table.isNone = true;
    return table;
  }

  /** What there is, for people. */
  schemeName(): string {
    return this.isNone ? "no partition table" : SCHEME_NAMES[this.naming];
  }

  /** What else the table says of `entry`, read once more from `disk` for those who look at it; null when that is nothing. */
  facts(_disk: Disk, _entry: Partition): PartitionFacts | null {
    return null;
  }

  /** The entry called `index`, or null. */
  find(index: i32): Partition | null {
    for (let i = 0; i < this.entries.length; i++) if (this.entries[i].index == index) return this.entries[i];
    return null;
  }

  /** The first entry of the best rank, or null when none is worth booting from. */
  best(): Partition | null {
    let best: Partition | null = null;
    let rank = RANK_NONE;
    for (let i = 0; i < this.entries.length; i++) {
      const entry = this.entries[i];
      if (entry.rank >= rank) continue;
      rank = entry.rank;
      best = entry;
    }
    return best;
  }

  /** What follows the disk's (or slice's) name in the name of `entry`. */
  suffix(entry: Partition): string {
    if (this.naming == Naming.Slice) return `s${entry.index}`;
    if (this.naming == Naming.Letter) return String.fromCharCode((Ascii.LOWER_A + entry.index) & 0xff);
    return this.naming == Naming.Disk && entry.index == 0 ? "" : `p${entry.index}`;
  }
}

/** Sectors beyond are on no disk; their byte offsets would not fit. */
const SECTOR_LIMIT: u64 = 0x0000080000000000;

/** Reads sectors of a disk or slice for the schemes. */
export class SectorReader {
  /** Set when the disk can't be read where a scheme would show itself, so that nobody knows how it is partitioned. */
  unreadable: bool = false;

  constructor(
    readonly disk: Disk,
    /** First sector on the disk. */
    readonly start: u64,
    /** Sectors there are, as the enclosing table says. */
    readonly sectors: u64,
  ) {}

  /** Reads `count` sectors from `sector` to `dst`; what the disk doesn't have is zero. False on a read error. */
  read(sector: u64, count: u32, dst: usize): bool {
    const size = count * this.disk.sectorSize;
    memory.fill(dst, 0, <usize>size);
    if (sector > SECTOR_LIMIT || this.start > SECTOR_LIMIT) return true;
    return this.disk.read((this.start + sector) * <u64>this.disk.sectorSize, dst, size) >= 0;
  }

  /** Reads the sector where a scheme would show itself. False when it can't be read, and then no other scheme is tried. */
  look(sector: u64, dst: usize): bool {
    if (this.read(sector, 1, dst)) return true;
    this.unreadable = true;
    return false;
  }

  /** Reports damage in a structure that begins at `sector`. Returns EIO. */
  damaged(sector: u64, what: string): i32 {
    const disk = this.disk;
    const shown = sector > SECTOR_LIMIT ? `sector ${sector}` : `offset ${(this.start + sector) * <u64>disk.sectorSize}`;
    return damaged(`${disk.name()} ${shown}`, what, EIO);
  }
}

/** A way of partitioning disks. */
export abstract class Scheme {
  /**
   * The table that the scheme has in what `reader` reads, whose first sector is in memory at `first`. Null when it is
   * another scheme, or when looking failed (`reader.unreadable`).
   */
  abstract detect(reader: SectorReader, first: usize): PartitionTable | null;
}
