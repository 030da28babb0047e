// Disks: the caller's images as the guest's drives `disk0` to `disk31`, their partition tables, and the
// naming of whole disks, slices and partitions (`disk0:`, `disk0p2:`, `disk0s1:`, `disk0s1a:`, `disk0a:`).

import { twiddle } from "../console/console";
import { page } from "../console/pager";
import { EINVAL, EIO, ENOENT, ENXIO, EPART, ESLICE, EUNIT, setErrno } from "../lib/errno";
import { allocate, burn, damaged } from "../lib/fault";
import { parseEnd, parseInteger } from "../lib/text";
import { copyin, DIOCGMEDIASIZE, DIOCGSECTORSIZE, diskioctl, diskread, diskread_guest } from "../protocol";
import { CHUNK_SIZE, readCached } from "./block_cache";
import { Device, DeviceDriver, setDeviceEnd, Volume } from "./device";
import { readPartitionTable } from "./partitions/detect";
import { Partition, PartitionTable, Scheme, SectorReader } from "./partitions/table";

/** Most disks of a session. */
const DISK_LIMIT: i32 = 32;
/** Sector sizes that make sense. */
const SECTOR_SIZE_MIN: u32 = 512;
const SECTOR_SIZE_MAX: u32 = 4096;

/** No offset on any disk is larger, so that sums of two offsets fit. */
export const OFFSET_LIMIT: u64 = 0x0100000000000000;

/** A disk. Its partition tables are read once, as nobody writes to it. */
export class Disk {
  private readonly tables: Map<u64, PartitionTable> = new Map<u64, PartitionTable>();

  constructor(
    readonly unit: i32,
    readonly sectorSize: u32,
    /** Bytes. */
    readonly mediaSize: u64,
  ) {}

  name(): string {
    return `disk${this.unit}`;
  }

  /** Reads `size` bytes at `offset`. Returns how many there were, or -1 and errno. */
  read(offset: u64, dst: usize, size: u32): i64 {
    if (offset >= this.mediaSize) return 0;
    if (size < CHUNK_SIZE) return readCached(this.unit, this.mediaSize, offset, dst, size);
    const wanted = <u32>min(<u64>size, this.mediaSize - offset);
    burn(<i64>(wanted >> 12));
    twiddle();
    const error = diskread(this.unit, offset, dst, wanted, residual);
    if (error != 0) {
      setErrno(error);
      return -1;
    }
    return <i64>(wanted - min(load<u32>(residual), wanted));
  }

  /** Like `read`, but straight into guest memory. */
  readToGuest(offset: u64, gpa: u64, size: u64): i64 {
    if (offset >= this.mediaSize) return 0;
    const wanted = min(size, this.mediaSize - offset);
    if (wanted < <u64>CHUNK_SIZE) return this.copyToGuest(offset, gpa, <u32>wanted);
    burn(<i64>(wanted >> 12));
    twiddle();
    const error = diskread_guest(this.unit, offset, gpa, wanted, residual);
    if (error != 0) {
      setErrno(error);
      return -1;
    }
    return <i64>(wanted - min(load<u64>(residual), wanted));
  }

  /** Brings a few bytes to guest memory by way of the cache, which often has what is around them. */
  private copyToGuest(offset: u64, gpa: u64, size: u32): i64 {
    const block = allocate(<usize>size);
    const got = this.read(offset, block, size);
    if (got > 0) copyin(block, gpa, <u32>got);
    heap.free(block);
    return got;
  }

  /** The partition table in the `sectors` sectors from `start`; null and errno when the disk can't be read. */
  table(start: u64, sectors: u64): PartitionTable | null {
    if (this.tables.has(start)) return this.tables.get(start);
    const table = readPartitionTable(new SectorReader(this, start, sectors));
    if (table !== null) this.tables.set(start, table);
    return table;
  }

  /** The table of the whole disk. */
  wholeTable(): PartitionTable | null {
    return this.table(0, this.mediaSize / <u64>this.sectorSize);
  }
}
const residual: usize = memory.data(8, 8);

/** All disks, by unit. */
export const disks: Disk[] = [];

// ---- names ------------------------------------------------------------------------------------------

/** No slice or partition given. */
const NONE: i32 = -1;
/** Slice: choose the best one. */
const SLICE_BEST: i32 = 0;
/** Partition: the slice is a GPT partition, which has none inside. */
const PARTITION_GPT: i32 = 255;

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
      if (this.partition == PARTITION_GPT) return `${text}p${this.slice}:`;
      text += `s${this.slice}`;
    }
    if (this.partition >= 0) text += String.fromCharCode((0x61 + this.partition) & 0xff);
    return `${text}:`;
  }

  volume(): Volume | null {
    return this.opened;
  }

  /** Finds the slice and partition, and fills in what the name left open. */
  open(): i32 {
    this.opened = null;
    this.unreadable = false;
    if (this.unit < 0 || this.unit >= disks.length) return EIO;
    const disk = disks[this.unit];
    const table = disk.wholeTable();
    if (table === null) {
      this.unreadable = true;
      return EIO;
    }
    let start: u64 = 0;
    this.size = disk.mediaSize;
    if (table.scheme == Scheme.Bsd && this.partition >= 0) {
      const entry = table.find(this.partition);
      if (entry === null) return ENOENT;
      start = entry.start;
      this.size = entry.sectors() * <u64>disk.sectorSize;
    } else if (table.scheme != Scheme.Iso9660 && this.slice >= 0) {
      const entry = this.slice == SLICE_BEST ? table.best() : table.find(this.slice);
      if (entry === null) return ENOENT;
      this.slice = entry.index;
      start = entry.start;
      this.size = entry.sectors() * <u64>disk.sectorSize;
      if (table.scheme == Scheme.Gpt) {
        this.partition = PARTITION_GPT;
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
    if (this.partition == PARTITION_GPT) this.partition = NONE;
    if (this.partition < 0 && !slice.holdsLabel()) return 0;
    const label = disk.table(slice.start, slice.sectors());
    if (label === null) {
      this.unreadable = true;
      return -1;
    }
    if (this.partition < 0) {
      // A slice without a label is taken whole; in one with a label `a` is meant.
      if (label.scheme != Scheme.Bsd) return 0;
      this.partition = 0;
    }
    const entry = label.find(this.partition);
    if (entry === null) return -1;
    this.size = entry.sectors() * <u64>disk.sectorSize;
    return <i64>entry.start;
  }

  /** The device that `text`, a name without `disk`, stands for; null and errno when it is malformed. */
  static parse(text: string): DiskDevice | null {
    if (text.length == 0 || text.startsWith(":")) return malformed(EINVAL);
    const unit = <i32>parseInteger(text, 10);
    let at = parseEnd;
    if (at == 0) return malformed(EUNIT);
    let slice = NONE;
    let partition = NONE;
    const kind = at < text.length ? text.charCodeAt(at) : 0;
    if (kind == 0x70 || kind == 0x73) {
      slice = <i32>parseInteger(text.substring(at + 1), 10);
      if (parseEnd == 0) return malformed(ESLICE);
      at += 1 + parseEnd;
      if (kind == 0x70) {
        if (at < text.length && text.charCodeAt(at) != 0x3a) return malformed(EINVAL);
        partition = PARTITION_GPT;
      }
    }
    if (at < text.length && text.charCodeAt(at) != 0x3a) {
      partition = text.charCodeAt(at) - 0x61;
      if (partition < 0) return malformed(EPART);
      at++;
    }
    if (at < text.length && text.charCodeAt(at) != 0x3a) return malformed(EINVAL);
    setDeviceEnd(at < text.length ? at + 1 : at);
    return new DiskDevice(unit, slice, partition);
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
        damaged(`disk${unit}`, `sector size ${sectorSize} is not a power of two from 512 to 4096`, ENXIO);
        return;
      }
      if (diskioctl(unit, DIOCGMEDIASIZE, cell) != 0) return;
      disks.push(new Disk(unit, sectorSize, min(load<u64>(cell), OFFSET_LIMIT)));
    }
  }

  print(verbose: bool): bool {
    if (disks.length == 0) return false;
    if (page("disk devices:\n")) return true;
    for (let unit = 0; unit < disks.length; unit++) {
      const disk = disks[unit];
      if (page(`    ${disk.name()}:   Guest drive image\n`)) return true;
      const table = disk.wholeTable();
      if (table !== null && printTable(disk, table, `    ${disk.name()}`, verbose, true)) return true;
    }
    return false;
  }

  parse(text: string): Device | null {
    return DiskDevice.parse(text);
  }
}

function malformed(error: i32): DiskDevice | null {
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

/** Lists the partitions of `table`, and those inside its slices when `nested`. True when the reader quits. */
function printTable(disk: Disk, table: PartitionTable, prefix: string, verbose: bool, nested: bool): bool {
  for (let i = 0; i < table.entries.length; i++) {
    const entry = table.entries[i];
    const name = `  ${prefix}${table.suffix(entry)}`;
    const size = verbose ? sizeText(entry.sectors(), disk.sectorSize) : "";
    if (page(`${name}: ${entry.typeName()}\t${size}\n`)) return true;
    if (!nested || !entry.holdsLabel()) continue;
    const label = disk.table(entry.start, entry.sectors());
    if (label !== null && printTable(disk, label, name, verbose, false)) return true;
  }
  return false;
}

/** The device to boot from when nobody says: the best partition of the first disk, or that disk as a whole. */
export function bootDisk(): Device {
  const best = new DiskDevice(0, SLICE_BEST, 0);
  if (best.open() == 0) return best;
  return new DiskDevice(0, NONE, NONE);
}
