// What all partitioning schemes have in common: a table of partitions, their kinds and texts, and the order
// in which they are candidates for booting. The schemes themselves are gpt.ts, mbr.ts, bsd.ts, iso.ts.

import { EIO } from "../../lib/errno";
import { damaged } from "../../lib/fault";
import { Disk } from "../disk";

export enum Scheme {
  None,
  Bsd,
  Mbr,
  Gpt,
  Iso9660,
}

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
];

/** Rank of a partition that nothing boots from; lower ranks are better. */
export const RANK_NONE: i32 = 7;

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

export class PartitionTable {
  readonly entries: Partition[] = [];

  constructor(readonly scheme: Scheme) {}

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
    if (this.scheme == Scheme.Mbr) return `s${entry.index}`;
    if (this.scheme == Scheme.Gpt) return `p${entry.index}`;
    if (this.scheme == Scheme.Bsd) return String.fromCharCode((0x61 + entry.index) & 0xff);
    return "";
  }
}

/** Sectors beyond are on no disk; their byte offsets would not fit. */
const SECTOR_LIMIT: u64 = 0x0000080000000000;

/** Reads sectors of a disk or slice for the schemes. */
export class SectorReader {
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
  /** Reports damage in a structure that begins at `sector`. */
  damaged(sector: u64, what: string): void {
    const disk = this.disk;
    const shown = sector > SECTOR_LIMIT ? `sector ${sector}` : `offset ${(this.start + sector) * <u64>disk.sectorSize}`;
    damaged(`${disk.name()} ${shown}`, what, EIO);
  }
}
