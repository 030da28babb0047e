// VMDK images (VMware's Virtual Disk Format 5.0): sparse extents with two levels of tables, little-endian, whose grains may be
// compressed; and descriptors, texts that list a disk's extents. The files of those are the ones that the caller granted, in
// the order of the descriptor, whatever names it has for them.

import { zlib } from "../../compression/zlib";
import { cstringAt, stringAt } from "../../lib/bytes";
import { allocate } from "../../lib/fault";
import { parseInteger } from "../../lib/text";
import { Disk, OFFSET_LIMIT } from "../disk";
import { ImageFiles, ImageFormat } from "./formats";
import { cell, Image } from "./image";
import { VMDK_COWD, VMDK_DESCRIPTOR, VMDK_MAGIC, VMDK_MAGICS, VMDK_SESPARSE } from "./magics";

const SECTOR_SHIFT: u64 = 9;
const SECTOR_SIZE: u32 = 512;
/** Sectors that a disk can have. */
const SECTORS_MAX: u64 = OFFSET_LIMIT >> SECTOR_SHIFT;

/** Offsets in a sparse extent's header, which is a sector. */
const H_VERSION: usize = 4;
const H_FLAGS: usize = 8;
const H_CAPACITY: usize = 12;
const H_GRAIN: usize = 20;
const H_DESCRIPTOR: usize = 28;
const H_DESCRIPTOR_SIZE: usize = 36;
const H_TABLE_ENTRIES: usize = 44;
const H_DIRECTORY: usize = 56;
const H_UNCLEAN: usize = 72;
const H_LINE_ENDS: usize = 73;
const H_COMPRESSION: usize = 77;
const VERSION_MAX: u32 = 3;

const FLAG_LINE_ENDS: u32 = 1;
const FLAG_ZERO_GRAINS: u32 = 4;
const FLAG_COMPRESSED: u32 = 1 << 16;
const FLAG_MARKERS: u32 = 1 << 17;
const COMPRESSION_DEFLATE: u32 = 1;
/** As the bytes that tell whether a file went through a text converter: \n, blank, \r, \n. */
const LINE_ENDS: u32 = 0x0a0d200a;

/** The directory is at the end: the header with its place is in the last sector but one. */
const DIRECTORY_AT_END: u64 = u64.MAX_VALUE;
const FOOTER_BEFORE_END: u64 = 1024;

/** Sectors of a grain, and entries of a grain table, a power of two each. */
const GRAIN_MAX: u64 = 4096;
const TABLE_ENTRIES_MAX: u32 = 4096;
/** Entry of a grain of zeros. */
const ZERO_GRAIN: u64 = 1;
/** Before a compressed grain: its sector on the disk, u64, and its bytes, u32. */
const MARKER_SIZE: u32 = 12;

/** Bytes of a descriptor. */
const DESCRIPTOR_MAX: u64 = 65536;

class SparseExtent extends Image {
  private flags: u32 = 0;
  private directory: u64 = 0;
  /** Sizes of a grain, and of what one grain table is for, as powers of two. */
  private grainShift: u64 = 0;
  private reachShift: u64 = 0;
  /** How much of the compressed grain that was found last is on the disk. */
  private inDisk: u32 = 0;

  constructor(file: Disk) {
    super(file, "vmdk");
    const header = this.head(0, SECTOR_SIZE, "header");
    const magic = stringAt(header, VMDK_SESPARSE.length);
    if (magic.startsWith(VMDK_COWD)) this.refuse(0, "header: no reader of COWD extents (vmfsSparse)");
    if (magic == VMDK_SESPARSE) this.refuse(0, "header: no reader of seSparse extents");
    if (!magic.startsWith(VMDK_MAGIC)) this.refuse(0, "header: is no vmdk image");
    this.directory = load<u64>(header, H_DIRECTORY);
    let at: u64 = 0;
    if (this.directory == DIRECTORY_AT_END) {
      at = max(file.mediaSize, FOOTER_BEFORE_END) - FOOTER_BEFORE_END;
      memory.copy(header, this.head(at, SECTOR_SIZE, "footer"), SECTOR_SIZE);
      if (stringAt(header, VMDK_MAGIC.length) != VMDK_MAGIC) this.refuse(at, "footer: there is none");
      this.directory = load<u64>(header, H_DIRECTORY);
    }
    this.readHeader(header, at);
  }

  private readHeader(header: usize, at: u64): void {
    const version = load<u32>(header, H_VERSION);
    if (version < 1 || version > VERSION_MAX) this.refuseValue(at + H_VERSION, "header: version", version);
    this.flags = load<u32>(header, H_FLAGS);
    if ((this.flags & FLAG_LINE_ENDS) != 0 && load<u32>(header, H_LINE_ENDS) != LINE_ENDS) {
      this.refuse(at + H_LINE_ENDS, "header: line ends were converted, the file was sent as a text");
    }
    if ((this.flags & FLAG_COMPRESSED) != 0) {
      const compression = load<u16>(header, H_COMPRESSION);
      if (compression != COMPRESSION_DEFLATE) this.refuseValue(at + H_COMPRESSION, "header: compression", compression);
      if ((this.flags & FLAG_MARKERS) == 0) this.refuse(at + H_FLAGS, "header: compressed grains without markers");
    }
    const capacity = load<u64>(header, H_CAPACITY);
    if (capacity == 0 || capacity > SECTORS_MAX) this.refuseValue(at + H_CAPACITY, "header: sectors", capacity);
    this.mediaSize = capacity << SECTOR_SHIFT;
    const grain = load<u64>(header, H_GRAIN);
    if (grain == 0 || grain > GRAIN_MAX || popcnt(grain) != 1)
      this.refuseValue(at + H_GRAIN, "header: sectors of a grain", grain);
    const entries = load<u32>(header, H_TABLE_ENTRIES);
    if (entries == 0 || entries > TABLE_ENTRIES_MAX || popcnt(entries) != 1) {
      this.refuseValue(at + H_TABLE_ENTRIES, "header: entries of a grain table", entries);
    }
    this.grainShift = ctz(grain) + SECTOR_SHIFT;
    this.reachShift = this.grainShift + <u64>ctz(entries);
    if (load<u8>(header, H_UNCLEAN) != 0) this.bad(at + H_UNCLEAN, "header: is marked as in use");
    if (this.directory > SECTORS_MAX)
      this.refuseValue(at + H_DIRECTORY, "header: grain directory at sector", this.directory);
    this.directory <<= SECTOR_SHIFT;
    this.claim(0, SECTOR_SIZE, "header");
    const tables = ((this.mediaSize - 1) >> this.reachShift) + 1;
    this.claim(this.directory, tables << 2, "grain directory");
    this.checkDescriptor(at, load<u64>(header, H_DESCRIPTOR), load<u64>(header, H_DESCRIPTOR_SIZE));
  }

  /** Looks at the descriptor inside, which an extent of a larger disk doesn't have. */
  private checkDescriptor(at: u64, sector: u64, sectors: u64): void {
    if (sector == 0 || sectors == 0) return;
    if (sector > SECTORS_MAX) this.refuseValue(at + H_DESCRIPTOR, "header: descriptor at sector", sector);
    if (sectors > DESCRIPTOR_MAX >> SECTOR_SHIFT)
      this.refuseValue(at + H_DESCRIPTOR_SIZE, "header: sectors of the descriptor", sectors);
    this.claim(sector << SECTOR_SHIFT, sectors << SECTOR_SHIFT, "descriptor");
    const size = <u32>(sectors << SECTOR_SHIFT);
    const text = this.head(sector << SECTOR_SHIFT, size, "descriptor");
    checkParent(this, sector << SECTOR_SHIFT, cstringAt(text, <i32>size).split("\n"));
    heap.free(text);
  }

  find(offset: u64): bool {
    const reach = (<u64>1) << this.reachShift;
    const grain = (<u64>1) << this.grainShift;
    const directoryEntry = this.directory + ((offset >> this.reachShift) << 2);
    if (!this.entry(directoryEntry, 4, "grain directory")) return false;
    const table = (<u64>load<u32>(cell)) << SECTOR_SHIFT;
    if (table == 0) return this.zeros(reach - (offset & (reach - 1)));
    const tableSize = (reach >> this.grainShift) << 2;
    if (!this.allows(directoryEntry, table, tableSize, "grain directory entry")) return false;
    const at = table + (((offset & (reach - 1)) >> this.grainShift) << 2);
    if (!this.entry(at, 4, "grain table")) return false;
    const sector = <u64>load<u32>(cell);
    const rest = grain - (offset & (grain - 1));
    if (sector == 0 || (sector == ZERO_GRAIN && (this.flags & FLAG_ZERO_GRAINS) != 0)) return this.zeros(rest);
    const place = sector << SECTOR_SHIFT;
    if (place == table) return this.badValue(at, "grain table entry: the grain table itself as grain at", place);
    if ((this.flags & FLAG_COMPRESSED) != 0) return this.findPacked(at, place, offset & ~(grain - 1), rest);
    if (!this.allows(at, place, grain, "grain table entry")) return false;
    return this.plain(this.file, place + (offset & (grain - 1)), rest);
  }

  /** The compressed grain at `place`, which is at `start` of the disk. */
  private findPacked(at: u64, place: u64, start: u64, rest: u64): bool {
    if (!this.allows(at, place, MARKER_SIZE, "grain table entry")) return false;
    if (!this.entry(place, MARKER_SIZE, "grain marker")) return false;
    const sector = load<u64>(cell);
    const size = load<u32>(cell, 8);
    const grain = (<u64>1) << this.grainShift;
    if (sector != start >> SECTOR_SHIFT) return this.badValue(place, "grain marker: sector", sector);
    if (size == 0 || <u64>size > grain << 1) return this.badValue(place, "grain marker: size", size);
    this.inDisk = <u32>min(grain, this.mediaSize - start);
    return this.packed(start, <u32>grain, place + MARKER_SIZE, size, rest);
  }

  unpack(src: usize, size: u32, dst: usize, dstSize: u32): bool {
    // Some writers fill the last grain up, some end it with the disk.
    return zlib(src, size, dst, dstSize) || (this.inDisk < dstSize && zlib(src, size, dst, this.inDisk));
  }
}

/** The value of `key` in a descriptor without its quotes, in small letters; empty when there is none. */
function valueOf(lines: string[], key: string): string {
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i].trim();
    const equals = line.indexOf("=");
    if (equals > 0 && line.substring(0, equals).trim() == key) {
      const value = line
        .substring(equals + 1)
        .trim()
        .toLowerCase();
      return value.startsWith('"') && value.endsWith('"') ? value.substring(1, value.length - 1) : value;
    }
  }
  return "";
}

/** Refuses a disk that holds only what is different from another one. */
function checkParent(image: Image, at: u64, lines: string[]): void {
  const parent = valueOf(lines, "parentCID");
  if (parent != "" && parent != "ffffffff") image.refuseDifference(at);
}

/** A part of a disk that a descriptor lists. */
class Extent {
  constructor(
    /** Where it begins and ends on the disk. */
    readonly start: u64,
    readonly end: u64,
    /** What is behind it, null for zeros, and where there it begins. */
    readonly disk: Disk | null,
    readonly place: u64,
  ) {}
}

/** A disk of the extents that a descriptor lists. */
class DescribedDisk extends Image {
  private readonly extents: Extent[] = [];

  constructor(file: Disk, files: ImageFiles) {
    super(file, "vmdk");
    if (file.mediaSize > DESCRIPTOR_MAX) this.refuseValue(0, "descriptor: size", file.mediaSize);
    const size = <u32>file.mediaSize;
    const text = this.head(0, size, "descriptor");
    const lines = cstringAt(text, <i32>size).split("\n");
    heap.free(text);
    checkParent(this, 0, lines);
    let at: u64 = 0;
    for (let i = 0; i < lines.length; i++) {
      this.addExtent(at, lines[i].trim(), files);
      at += <u64>lines[i].length + 1;
    }
    if (this.mediaSize == 0) this.refuse(0, "descriptor: lists no extents");
  }

  /** Takes in a line `RW 2048 FLAT "name" 0`; others are something else. */
  private addExtent(at: u64, line: string, files: ImageFiles): void {
    const words = line.split(" ");
    if (words.length < 3 || (words[0] != "RW" && words[0] != "RDONLY" && words[0] != "NOACCESS")) return;
    const sectors = parseInteger(words[1], 10);
    if (sectors <= 0 || <u64>sectors > SECTORS_MAX - (this.mediaSize >> SECTOR_SHIFT))
      this.refuseValue(at, "descriptor: sectors of an extent", sectors);
    const kind = words[2];
    const flat = kind == "FLAT" || kind == "VMFS";
    let disk: Disk | null = null;
    let place: u64 = 0;
    if (flat || kind == "SPARSE") {
      disk = files.take(flat ? "raw" : "vmdk");
      if (disk === null)
        this.refuse(at, "descriptor: its extents have to be given in order (--backing FILE, in the API as files)");
      // The offset follows the name, which may have blanks.
      const behind = line.substring(line.lastIndexOf('"') + 1).trim();
      const start = flat ? parseInteger(behind, 10) : 0;
      if (start < 0 || <u64>start > SECTORS_MAX) this.refuseValue(at, "descriptor: extent at sector", start);
      place = (<u64>start) << SECTOR_SHIFT;
    } else if (kind != "ZERO") {
      this.refuse(at, `descriptor: no reader of ${kind} extents`);
    }
    const begin = this.mediaSize;
    this.mediaSize += (<u64>sectors) << SECTOR_SHIFT;
    if (disk !== null && (place > disk.mediaSize || this.mediaSize - begin > disk.mediaSize - place)) {
      this.refuse(at, `descriptor: ${disk.name()} is too short for its extent`);
    }
    this.extents.push(new Extent(begin, this.mediaSize, disk, place));
  }

  find(offset: u64): bool {
    let low = 0;
    let high = this.extents.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (offset < this.extents[middle].end) high = middle;
      else low = middle + 1;
    }
    const extent = this.extents[low];
    const disk = extent.disk;
    const run = extent.end - offset;
    return disk !== null ? this.plain(disk, extent.place + (offset - extent.start), run) : this.zeros(run);
  }
}

/** VMware's. */
export class VmdkFormat extends ImageFormat {
  constructor() {
    super("vmdk", VMDK_MAGICS);
  }

  open(file: Disk, files: ImageFiles): Disk | null {
    const head = allocate(SECTOR_SIZE);
    memory.fill(head, 0, SECTOR_SIZE);
    file.read(0, head, SECTOR_SIZE);
    const begins = stringAt(head, VMDK_DESCRIPTOR.length);
    heap.free(head);
    if (begins == VMDK_DESCRIPTOR) return new DescribedDisk(file, files);
    return new SparseExtent(file);
  }
}
