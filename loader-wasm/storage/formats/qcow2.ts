// qcow2 images, versions 2 and 3 (QEMU's docs/interop/qcow2.txt): two levels of tables, big-endian. Of internal snapshots
// nothing is read. A backing file or a data file is one that the caller granted, whatever name the image has for it.

import { Inflater } from "../../compression/inflate";
import { Input } from "../../compression/input";
import { zstdPrefix } from "../../compression/zstd/zstd";
import { cstringAt } from "../../lib/bytes";
import { damaged } from "../../lib/fault";
import { Disk } from "../disk";
import { ImageFiles, ImageFormat } from "./formats";
import { cell, Image } from "./image";
import { QCOW2_MAGIC } from "./magics";

/** Offsets in the header. */
const H_VERSION: usize = 4;
const H_BACKING: usize = 8;
const H_CLUSTER_BITS: usize = 20;
const H_SIZE: usize = 24;
const H_CRYPT: usize = 32;
const H_L1_SIZE: usize = 36;
const H_L1: usize = 40;
const H_REFCOUNTS: usize = 48;
const H_REFCOUNT_CLUSTERS: usize = 56;
const H_INCOMPATIBLE: usize = 72;
const H_LENGTH: usize = 100;
const H_COMPRESSION: usize = 104;
/** The header's size in version 2, and the least in version 3, where it says how long it is. */
const SIZE_V2: u32 = 72;
const SIZE_V3: u32 = 104;

/** Incompatible features, as bits. */
const DIRTY: u64 = 1;
const CORRUPT: u64 = 2;
const DATA_FILE: u64 = 4;
const COMPRESSION_TYPE: u64 = 8;
const EXTENDED_L2: u64 = 16;
const KNOWN: u64 = 31;

/** The extension with features' names: entries of type, bit and text. Extensions begin with type and size, u32 each. */
const EXTENSION_NAMES: u32 = 0x6803f857;
const EXTENSION_HEAD: u64 = 8;
const EXTENSION_LIMIT: i32 = 16;
const NAME_ENTRY: u64 = 48;
const NAME_SIZE: i32 = 46;

const COMPRESSION_ZLIB: u32 = 0;
const COMPRESSION_ZSTD: u32 = 1;

/** Clusters of 512 bytes to 2 MiB; with subclusters, of which each has 32, from 16 KiB on. */
const CLUSTER_BITS_MIN: u32 = 9;
const CLUSTER_BITS_MAX: u32 = 21;
const SUBCLUSTER_CLUSTER_BITS_MIN: u32 = 14;
const SUBCLUSTER_SHIFT: u64 = 5;
/** Entries of the first table: it has 32 MiB at most. */
const L1_SIZE_MAX: u32 = 4 << 20;

/** Of both tables' entries: where the next table or the cluster is. Bit 63: nobody else refers to it. */
const OFFSET_MASK: u64 = 0x00fffffffffffe00;
const COPIED: u64 = (<u64>1) << 63;
const COMPRESSED: u64 = (<u64>1) << 62;
const ZERO: u64 = 1;
/** Compressed data are counted in pieces of this size, the first of which begins anywhere in one. */
const PIECE_SHIFT: u64 = 9;
const PIECE_MASK: u64 = 511;

class Qcow2Image extends Image {
  private version: u32 = 0;
  private bits: u64 = 0;
  private l1At: u64 = 0;
  /** Entries of a second table, and bytes of each of them, as powers of two. */
  private l2Bits: u64 = 0;
  private entryShift: u64 = 3;
  private zstd: bool = false;
  /** The file with the clusters, and the image behind this one. */
  private data: Disk;
  private backing: Disk | null = null;
  private inflater: Inflater | null = null;

  constructor(file: Disk, files: ImageFiles) {
    super(file, "qcow2");
    this.data = file;
    this.readHeader(files);
  }

  private readHeader(files: ImageFiles): void {
    let header = this.head(0, SIZE_V2, "header");
    this.version = bswap<u32>(load<u32>(header, H_VERSION));
    if (cstringAt(header, QCOW2_MAGIC.length) != QCOW2_MAGIC) this.refuse(0, "header: is no qcow2 image");
    if (this.version < 2 || this.version > 3) this.refuseValue(H_VERSION, "header: version", this.version);
    let features: u64 = 0;
    if (this.version == 3) {
      header = this.head(0, SIZE_V3 + 8, "header");
      features = bswap<u64>(load<u64>(header, H_INCOMPATIBLE));
      this.checkFeatures(header, features);
    }
    const crypt = bswap<u32>(load<u32>(header, H_CRYPT));
    if (crypt != 0)
      this.refuse(H_CRYPT, `header: encrypted (${crypt == 1 ? "AES" : crypt == 2 ? "LUKS" : `${crypt}`})`);
    const bits = bswap<u32>(load<u32>(header, H_CLUSTER_BITS));
    const least = (features & EXTENDED_L2) != 0 ? SUBCLUSTER_CLUSTER_BITS_MIN : CLUSTER_BITS_MIN;
    if (bits < least || bits > CLUSTER_BITS_MAX) this.refuseValue(H_CLUSTER_BITS, "header: cluster bits", bits);
    this.bits = bits;
    if ((features & EXTENDED_L2) != 0) this.entryShift = 4;
    this.l2Bits = this.bits - this.entryShift;
    this.takeSize(H_SIZE, "header: size", bswap<u64>(load<u64>(header, H_SIZE)));
    this.claimTables(header);
    // In this order the caller gives them, and the images behind the one behind this follow.
    if ((features & DATA_FILE) != 0) {
      const data = files.take("raw");
      if (data === null)
        this.refuse(H_INCOMPATIBLE, "header: its data file has to be given (--backing FILE, in the API as files)");
      else this.data = data;
    }
    if (load<u64>(header, H_BACKING) == 0) return;
    this.backing = files.take("");
    if (this.backing === null)
      this.refuse(H_BACKING, "header: the image behind it has to be given (--backing FILE, in the API as files)");
  }

  private checkFeatures(header: usize, features: u64): void {
    const length = bswap<u32>(load<u32>(header, H_LENGTH));
    if (length < SIZE_V3 || (length & 7) != 0) this.refuseValue(H_LENGTH, "header: length", length);
    const unknown = features & ~KNOWN;
    if (unknown != 0) {
      const bit = <u32>ctz(unknown);
      this.refuse(H_INCOMPATIBLE, `header: incompatible feature ${bit}${this.featureName(<u64>length, bit)}`);
    }
    const marks = (features & CORRUPT) != 0 ? "corrupt" : "dirty: it was in use when its writer ended";
    if ((features & (DIRTY | CORRUPT)) != 0)
      damaged(`${this.name()} offset ${H_INCOMPATIBLE}`, `qcow2 header: is marked as ${marks}`, 0);
    if ((features & COMPRESSION_TYPE) == 0) return;
    const type = length > SIZE_V3 ? <u32>load<u8>(header, H_COMPRESSION) : COMPRESSION_ZLIB;
    if (type > COMPRESSION_ZSTD) this.refuseValue(H_COMPRESSION, "header: compression", type);
    this.zstd = type == COMPRESSION_ZSTD;
  }

  /** How the image calls the incompatible feature `bit`; nothing when it doesn't say. */
  private featureName(at: u64, bit: u32): string {
    for (let i = 0; i < EXTENSION_LIMIT; i++) {
      if (!this.entry(at, 8, "header extension")) return "";
      const type = bswap<u32>(load<u32>(cell));
      const size = <u64>bswap<u32>(load<u32>(cell, 4));
      at += EXTENSION_HEAD;
      if (type == 0 || size > (<u64>1) << CLUSTER_BITS_MAX) return "";
      for (let done: u64 = 0; type == EXTENSION_NAMES && done + NAME_ENTRY <= size; done += NAME_ENTRY) {
        const named = this.head(at + done, <u32>NAME_ENTRY, "header extension");
        if (load<u8>(named) == 0 && <u32>load<u8>(named, 1) == bit) return ` (${cstringAt(named + 2, NAME_SIZE)})`;
      }
      at += (size + 7) & ~7;
    }
    return "";
  }

  private claimTables(header: usize): void {
    const cluster = (<u64>1) << this.bits;
    const l1Size = bswap<u32>(load<u32>(header, H_L1_SIZE));
    if (l1Size > L1_SIZE_MAX) this.refuseValue(H_L1_SIZE, "header: L1 entries", l1Size);
    this.blocks(H_L1_SIZE, "header: L1 entries", this.bits + this.l2Bits, l1Size);
    this.l1At = bswap<u64>(load<u64>(header, H_L1));
    if ((this.l1At & (cluster - 1)) != 0) this.refuseValue(H_L1, "header: L1 table at", this.l1At);
    this.claim(0, min(cluster, this.file.mediaSize), "header");
    this.claim(this.l1At, (<u64>l1Size) << 3, "L1 table");
    const refcounts = bswap<u64>(load<u64>(header, H_REFCOUNTS));
    const clusters = <u64>bswap<u32>(load<u32>(header, H_REFCOUNT_CLUSTERS));
    // Nothing of it is read, and it may be cut off; but nothing else is there.
    if (refcounts < this.file.mediaSize)
      this.claim(refcounts, min(clusters << this.bits, this.file.mediaSize - refcounts), "refcount table");
  }

  find(offset: u64): bool {
    const bits = this.bits;
    const cluster = (<u64>1) << bits;
    const reach = cluster << this.l2Bits;
    const l1Entry = this.l1At + ((offset >> (bits + this.l2Bits)) << 3);
    if (!this.entry(l1Entry, 8, "L1 table")) return false;
    const table = bswap<u64>(load<u64>(cell)) & OFFSET_MASK;
    if (table == 0) return this.below(this.backing, offset, reach - (offset & (reach - 1)));
    if ((table & (cluster - 1)) != 0) return this.badValue(l1Entry, "L1 entry: L2 table at", table);
    if (!this.allows(l1Entry, table, cluster, "L1 entry")) return false;
    const at = table + (((offset >> bits) & (((<u64>1) << this.l2Bits) - 1)) << this.entryShift);
    if (!this.entry(at, (<u32>1) << (<u32>this.entryShift), "L2 table")) return false;
    const entry = bswap<u64>(load<u64>(cell));
    const rest = cluster - (offset & (cluster - 1));
    if ((entry & COMPRESSED) != 0) return this.findPacked(at, entry, offset, rest);
    const place = entry & OFFSET_MASK;
    if ((place & (cluster - 1)) != 0) return this.badValue(at, "L2 entry: cluster at", place);
    // In a data file a cluster may be the first.
    const exists = place != 0 || (this.data !== this.file && (entry & COPIED) != 0);
    if (this.entryShift == 4) return this.findPart(at, bswap<u64>(load<u64>(cell, 8)), offset, place, exists, table);
    if ((entry & ZERO) != 0) {
      return this.version > 2 ? this.zeros(rest) : this.bad(at, "L2 entry: zero cluster, but version 2");
    }
    return exists ? this.findPlain(at, offset, place, rest, table) : this.below(this.backing, offset, rest);
  }

  /** The cluster at `place`, for `rest` bytes from `offset` on; the entry at `at` of the second table `table` has it. */
  private findPlain(at: u64, offset: u64, place: u64, rest: u64, table: u64): bool {
    const cluster = (<u64>1) << this.bits;
    if (this.data === this.file) {
      if (place == table) return this.badValue(at, "L2 entry: the L2 table itself as cluster at", place);
      if (!this.allows(at, place, cluster, "L2 entry")) return false;
    }
    return this.plain(this.data, place + (offset & (cluster - 1)), rest);
  }

  /** The same for a cluster in 32 parts: of `map` the low bits tell which are there, the high ones which are zeros. */
  private findPart(at: u64, map: u64, offset: u64, place: u64, exists: bool, table: u64): bool {
    const shift = this.bits - SUBCLUSTER_SHIFT;
    const part = (offset >> shift) & 31;
    const rest = ((<u64>1) << shift) - (offset & (((<u64>1) << shift) - 1));
    const there = ((map >> part) & 1) != 0;
    const isZero = ((map >> (part + 32)) & 1) != 0;
    if (there && (isZero || !exists)) return this.badValue(at, "L2 entry: bits of subcluster", part);
    if (isZero) return this.zeros(rest);
    return there ? this.findPlain(at, offset, place, rest, table) : this.below(this.backing, offset, rest);
  }

  private findPacked(at: u64, entry: u64, offset: u64, rest: u64): bool {
    if (this.data !== this.file) return this.bad(at, "L2 entry: compressed cluster beside a data file");
    const shift = 62 - (this.bits - 8);
    const place = entry & (((<u64>1) << shift) - 1);
    const pieces = ((entry & (COMPRESSED - 1)) >> shift) + 1;
    // Whatever the bits are, that is less than two clusters and a piece.
    const size = <u32>((pieces << PIECE_SHIFT) - (place & PIECE_MASK));
    if (!this.allows(at, place, 1, "L2 entry")) return false;
    const cluster = (<u64>1) << this.bits;
    return this.packed(offset & ~(cluster - 1), <u32>cluster, place, size, rest);
  }

  unpack(src: usize, size: u32, dst: usize, dstSize: u32): bool {
    if (this.zstd) return zstdPrefix(src, size, dst, dstSize);
    let inflater = this.inflater;
    if (inflater === null) {
      inflater = new Inflater(new Input());
      this.inflater = inflater;
    }
    inflater.input.next = src;
    inflater.input.end = src + <usize>size;
    return inflater.decodeAll(dst, dstSize);
  }
}

/** QEMU's own. */
export class Qcow2Format extends ImageFormat {
  constructor() {
    super("qcow2", [QCOW2_MAGIC]);
  }

  open(file: Disk, files: ImageFiles): Disk | null {
    return new Qcow2Image(file, files);
  }
}
