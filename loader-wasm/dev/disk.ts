// The disks as devices: finding them, and the naming of whole disks, slices and partitions (`disk0:`, `disk0p2:`,
// `disk0s1:`, `disk0s1a:`, `disk0a:`). Which of these names fit is for the partitioning scheme to say
// (storage/partitions/table.ts).

import { page } from "../console/pager";
import { Ascii } from "../lib/ascii";
import { EINVAL, EIO, ENOENT, ENXIO, EPART, ESLICE, EUNIT, setErrno } from "../lib/errno";
import { damaged } from "../lib/fault";
import { profile } from "../lib/profile";
import { scanInteger } from "../lib/text";
import { DIOCGMEDIASIZE, DIOCGSECTORSIZE, diskioctl } from "../protocol";
import { Disk, disks, OFFSET_LIMIT } from "../storage/disk";
import { openDisk } from "../storage/formats/formats";
import { partitionTable, wholeTable } from "../storage/partitions/detect";
import { Naming, Partition, PartitionTable } from "../storage/partitions/table";
import { Volume } from "../storage/volume";
import { Device, DeviceDriver, NamedDevice } from "./device";

/** Most disks of a session. */
const DISK_LIMIT: i32 = 32;
/** Sector sizes that make sense. */
const SECTOR_SIZE_MIN: u32 = 512;
const SECTOR_SIZE_MAX: u32 = 4096;

// ---- names ------------------------------------------------------------------------------------------

/** No slice or partition given. */
const NONE: i32 = -1;
/** Slice: choose the best one. */
const SLICE_BEST: i32 = 0;
/** Partition: the slice has none inside, as those called `p`. */
const PARTITION_WHOLE: i32 = 255;

/** A disk, slice or partition. */
export class DiskDevice extends Device {
  /** Bytes of what is open. */
  size: u64 = 0;
  private opened: Volume | null = null;

  constructor(
    readonly unit: i32,
    public slice: i32,
    public partition: i32,
  ) {
    super();
  }

  name(): string {
    let text = `disk${this.unit}`;
    if (this.slice >= 0) {
      if (this.partition == PARTITION_WHOLE) return `${text}p${this.slice}:`;
      text += `s${this.slice}`;
    }
    if (this.partition >= 0) text += String.fromCharCode((Ascii.LOWER_A + this.partition) & 0xff);
    return `${text}:`;
  }

  exists(): bool {
    return this.unit >= 0 && this.unit < disks.length;
  }

  volume(): Volume | null {
    return this.opened;
  }

  /** Finds the slice and partition, and fills in what the name left open. */
  open(): i32 {
    this.opened = null;
    this.unreadable = false;
    if (!this.exists()) return EIO;
    const disk = disks[this.unit];
    const table = wholeTable(disk);
    if (table === null) {
      this.unreadable = true;
      return EIO;
    }
    let start: u64 = 0;
    this.size = disk.mediaSize;
    if (table.naming == Naming.Letter && this.partition >= 0) {
      const entry = table.find(this.partition);
      if (entry === null) return ENOENT;
      start = entry.start;
      this.size = entry.sectors() * <u64>disk.sectorSize;
    } else if (table.naming == Naming.Disk) {
      // `disk0p1` is a disc's boot image; without such it is the disc, as is any other name.
      const image = this.partition == PARTITION_WHOLE ? table.find(this.slice) : null;
      if (image !== null) {
        start = image.start;
        this.size = image.sectors() * <u64>disk.sectorSize;
      }
    } else if (this.slice >= 0) {
      const entry = this.slice == SLICE_BEST ? table.best() : table.find(this.slice);
      if (entry === null) return ENOENT;
      this.slice = entry.index;
      start = entry.start;
      this.size = entry.sectors() * <u64>disk.sectorSize;
      if (table.naming == Naming.Partition) {
        this.partition = PARTITION_WHOLE;
      } else {
        const inner = this.innerStart(disk, entry);
        if (inner < 0) return this.unreadable ? EIO : ENOENT;
        start += <u64>inner;
      }
    }
    if (start > OFFSET_LIMIT / <u64>disk.sectorSize) return ENXIO;
    this.opened = new Volume(disk, start * <u64>disk.sectorSize);
    return 0;
  }

  /** First sector, from the slice's, of the partition in `slice`'s label that the name means; -1 when there is none. */
  private innerStart(disk: Disk, slice: Partition): i64 {
    if (this.partition == PARTITION_WHOLE) this.partition = NONE;
    if (this.partition < 0 && !slice.holdsLabel()) return 0;
    const label = partitionTable(disk, slice.start, slice.sectors());
    if (label === null) {
      this.unreadable = true;
      return -1;
    }
    if (this.partition < 0) {
      // A slice without a label is taken whole; in one with a label `a` is meant.
      if (label.naming != Naming.Letter) return 0;
      this.partition = 0;
    }
    const entry = label.find(this.partition);
    if (entry === null) return -1;
    this.size = entry.sectors() * <u64>disk.sectorSize;
    return <i64>entry.start;
  }

  /** The device that `text`, a name without `disk`, stands for; null and errno when it is malformed. */
  static parse(text: string): NamedDevice | null {
    if (text.length == 0 || text.startsWith(":")) return malformed(EINVAL);
    const unit = scanInteger(text, 10);
    let at = unit.end;
    if (at == 0) return malformed(EUNIT);
    let slice = NONE;
    let partition = NONE;
    const kind = at < text.length ? text.charCodeAt(at) : 0;
    if (kind == Ascii.LOWER_P || kind == Ascii.LOWER_S) {
      const number = scanInteger(text.substring(at + 1), 10);
      if (number.end == 0) return malformed(ESLICE);
      slice = <i32>number.value;
      at += 1 + number.end;
      if (kind == Ascii.LOWER_P) {
        if (at < text.length && text.charCodeAt(at) != Ascii.COLON) return malformed(EINVAL);
        partition = PARTITION_WHOLE;
      }
    }
    if (at < text.length && text.charCodeAt(at) != Ascii.COLON) {
      partition = text.charCodeAt(at) - Ascii.LOWER_A;
      if (partition < 0) return malformed(EPART);
      at++;
    }
    if (at < text.length && text.charCodeAt(at) != Ascii.COLON) return malformed(EINVAL);
    return new NamedDevice(new DiskDevice(<i32>unit.value, slice, partition), at < text.length ? at + 1 : at);
  }
}

/** The disks. */
export class DiskDriver extends DeviceDriver {
  constructor() {
    super("disk");
  }

  probe(ndisks: i32): void {
    const cell = memory.data(8, 8);
    for (let unit = 0; unit < min(ndisks, DISK_LIMIT); unit++) {
      if (diskioctl(unit, DIOCGSECTORSIZE, cell) != 0) return;
      const sectorSize = load<u32>(cell);
      if (sectorSize < SECTOR_SIZE_MIN || sectorSize > SECTOR_SIZE_MAX || popcnt(sectorSize) != 1) {
        damaged(
          `disk${unit}`,
          `sector size ${sectorSize} is not a power of two from ${SECTOR_SIZE_MIN} to ${SECTOR_SIZE_MAX}`,
          ENXIO,
        );
        return;
      }
      if (diskioctl(unit, DIOCGMEDIASIZE, cell) != 0) return;
      disks.push(openDisk(unit, sectorSize, min(load<u64>(cell), OFFSET_LIMIT)));
    }
  }

  print(verbose: bool): bool {
    if (disks.length == 0) return false;
    if (page("disk devices:\n")) return true;
    for (let unit = 0; unit < disks.length; unit++) {
      const disk = disks[unit];
      if (page(`    ${disk.name()}:   Guest drive image\n`)) return true;
      const table = wholeTable(disk);
      if (table !== null && printTable(disk, table, `    ${disk.name()}`, verbose, true)) return true;
    }
    return false;
  }

  parse(text: string): NamedDevice | null {
    return DiskDevice.parse(text);
  }

  /** The best partition of the first disk, or that disk as a whole. */
  bootDevice(): Device | null {
    if (disks.length == 0) return null;
    const best = new DiskDevice(0, SLICE_BEST, 0);
    return best.open() == 0 ? best : new DiskDevice(0, NONE, NONE);
  }
}

function malformed(error: i32): NamedDevice | null {
  setErrno(error);
  return null;
}

// ---- listing ----------------------------------------------------------------------------------------

/** A size as `lsdev -v` prints it. */
function sizeText(sectors: u64, sectorSize: u32): string {
  let size = (sectors * <u64>sectorSize) / 1024;
  let unit = "K";
  if (size >= 10485760000) {
    size /= 1073741824;
    unit = "T";
  } else if (size >= 10240000) {
    size /= 1048576;
    unit = "G";
  } else if (size >= 10000) {
    size /= 1024;
    unit = "M";
  }
  return `${size.toString().padStart(4)}${unit}B`;
}

/** Where sizes stand behind shorter lines in later loaders. */
const SIZE_COLUMN: i32 = 24;

/** Lists the partitions of `table`, and those inside its slices when `nested`. True when the reader quits. */
function printTable(disk: Disk, table: PartitionTable, prefix: string, verbose: bool, nested: bool): bool {
  for (let i = 0; i < table.entries.length; i++) {
    const entry = table.entries[i];
    const name = `  ${prefix}${table.suffix(entry)}`;
    const line = `${name}: ${entry.typeName()}`;
    let size = verbose ? sizeText(entry.sectors(), disk.sectorSize) : "";
    if (!profile.alignsSizes) size = `\t${size}`;
    else if (verbose) size = line.length < SIZE_COLUMN ? `\t\t${size}` : `\t${size}`;
    if (page(`${line}${size}\n`)) return true;
    if (!nested || !entry.holdsLabel()) continue;
    const label = partitionTable(disk, entry.start, entry.sectors());
    if (label !== null && printTable(disk, label, name, verbose, false)) return true;
  }
  return false;
}
