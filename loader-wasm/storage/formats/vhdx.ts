// VHDX images (MS-VHDX), little-endian: headers and region tables in two copies with checksums, a region of facts about the
// disk, and a table of its blocks. A log that was not played back is in memory (vhdx_log.ts); a difference to another image is
// refused.

import { stringAt } from "../../lib/bytes";
import { crc32c } from "../../lib/digests/crc32";
import { sumsAgree } from "../../lib/variant";
import { Disk } from "../disk";
import { ImageFiles, ImageFormat } from "./formats";
import { cell, Image } from "./image";
import { VHDX_MAGIC } from "./magics";
import { LoggedFile } from "./vhdx_log";

const MAGIC_HEADER: u32 = 0x64616568;
const MAGIC_REGIONS: u32 = 0x69676572;
const MAGIC_METADATA: u64 = 0x617461646174656d;

/** Where the copies are, and how much of each has the checksum that is at `CHECKSUM_AT`. */
const HEADERS_AT: u64 = 64 << 10;
const REGIONS_AT: u64 = 192 << 10;
const COPY_STEP: u64 = 64 << 10;
const HEADER_SIZE: u32 = 4096;
const REGIONS_SIZE: u32 = 64 << 10;
const CHECKSUM_AT: usize = 4;

/** Offsets in a header. */
const H_SEQUENCE: usize = 8;
const H_LOG: usize = 48; // u64[2]
const H_LOG_VERSION: usize = 64;
const H_VERSION: usize = 66;
const H_LOG_SIZE: usize = 68; // u32
const H_LOG_AT: usize = 72; // u64

/** Offsets in a region table and in its entries. */
const R_COUNT: usize = 8;
const R_ENTRIES: usize = 16;
const R_PLACE: usize = 16;
const R_SIZE: usize = 24;
const R_REQUIRED: usize = 28;
const ENTRY_SIZE: usize = 32;
const REGIONS_MAX: u32 = 2047;

/** Offsets in the metadata table and in its entries. */
const M_COUNT: usize = 10;
const M_OFFSET: usize = 16;
const M_FLAGS: usize = 24;
const M_USER: u32 = 1;
const M_REQUIRED: u32 = 4;
const ITEMS_MAX: u32 = 1023;
const METADATA_TABLE_SIZE: u32 = 64 << 10;

/** First halves of the identifications of regions and of items, which differ in them. */
const REGION_BLOCKS: u64 = 0x4200f6232dc27766;
const REGION_METADATA: u64 = 0x4b9a47908b7ca206;
const ITEM_PARAMETERS: u64 = 0x4d43fa36caa16737;
const ITEM_SIZE: u64 = 0x4876cd1b2fa54224;
const ITEM_SECTOR: u64 = 0x4709a96f8141bf1d;
/** Items that are known and not needed: identification, physical sector size, where the parent is. */
const ITEM_PAGE: u64 = 0x4523b2e6beca12ab;
const ITEM_PHYSICAL: u64 = 0x4471445dcda348c7;
const ITEM_PARENT: u64 = 0x454db30ba8d35f2d;
const HAS_PARENT: u32 = 2;

/** Of a block's entry the state, and where it is, in MiB. */
const STATE_MASK: u64 = 7;
const PLACE_MASK: u64 = ~(((<u64>1) << 20) - 1);
const STATE_PRESENT: u64 = 6;
/** After the blocks of so many sectors there is an entry of another kind. */
const CHUNK_SECTORS_SHIFT: u64 = 23;
const UNKNOWN = "table: unknown entry that is required";
const INCOMPLETE = "table: without all that there has to be";

class VhdxImage extends Image {
  private table: u64 = 0;
  private shift: u64 = 0;
  private chunkShift: u64 = 0;

  constructor(private readonly logged: LoggedFile) {
    super(logged, "vhdx");
    const first = this.head(0, <u32>VHDX_MAGIC.length, "identifier");
    if (stringAt(first, VHDX_MAGIC.length) != VHDX_MAGIC) this.refuse(0, "identifier: is no vhdx image");
    this.claim(0, HEADERS_AT, "identifier");
    this.readHeader();
    this.readRegions();
  }

  /** Whether the structure at `block` has `magic` and its checksum. */
  private isGood(block: usize, size: u32, magic: u32): bool {
    const sum = load<u32>(block + CHECKSUM_AT);
    if (load<u32>(block) != magic) return false;
    store<u32>(block + CHECKSUM_AT, 0);
    return sumsAgree(crc32c(block, size), sum);
  }

  /** Reads the newer one of the headers. */
  private readHeader(): void {
    const first = this.head(HEADERS_AT, HEADER_SIZE, "header");
    const second = this.head(HEADERS_AT + COPY_STEP, HEADER_SIZE, "header");
    const firstGood = this.isGood(first, HEADER_SIZE, MAGIC_HEADER);
    const secondGood = this.isGood(second, HEADER_SIZE, MAGIC_HEADER);
    if (!firstGood && !secondGood) this.refuse(HEADERS_AT, "header: checksum");
    const newer = secondGood && (!firstGood || load<u64>(second, H_SEQUENCE) > load<u64>(first, H_SEQUENCE));
    const header = newer ? second : first;
    const at = newer ? HEADERS_AT + COPY_STEP : HEADERS_AT;
    const version = load<u16>(header, H_VERSION);
    if (version != 1) this.refuseValue(at + H_VERSION, "header: version", version);
    this.claim(HEADERS_AT, REGIONS_AT + 2 * COPY_STEP - HEADERS_AT, "headers");
    const id0 = load<u64>(header, H_LOG);
    const id1 = load<u64>(header + 8, H_LOG);
    if ((id0 | id1) == 0) return;
    const logVersion = load<u16>(header, H_LOG_VERSION);
    if (logVersion != 0) this.refuseValue(at + H_LOG_VERSION, "header: log version", logVersion);
    const size = load<u32>(header, H_LOG_SIZE);
    const place = load<u64>(header, H_LOG_AT);
    this.claim(place, size, "log");
    const refusal = this.logged.playBack(place, size, id0, id1);
    if (refusal !== null) this.refuse(at + H_LOG, refusal);
  }

  private readRegions(): void {
    let at = REGIONS_AT;
    let regions = this.head(at, REGIONS_SIZE, "region table");
    if (!this.isGood(regions, REGIONS_SIZE, MAGIC_REGIONS)) {
      this.bad(at, "region table: bad, its copy is used");
      at += COPY_STEP;
      regions = this.head(at, REGIONS_SIZE, "region table");
      if (!this.isGood(regions, REGIONS_SIZE, MAGIC_REGIONS)) this.refuse(at, "region table: checksum");
    }
    const count = load<u32>(regions, R_COUNT);
    if (count > REGIONS_MAX) this.refuseValue(at + R_COUNT, "region table: entries", count);
    let table: usize = 0;
    let metadata: usize = 0;
    for (let i: u32 = 0; i < count; i++) {
      const entry = regions + R_ENTRIES + <usize>i * ENTRY_SIZE;
      const kind = load<u64>(entry);
      if (kind == REGION_BLOCKS) table = entry;
      else if (kind == REGION_METADATA) metadata = entry;
      else if ((load<u32>(entry, R_REQUIRED) & 1) != 0) this.refuse(at + R_ENTRIES, UNKNOWN);
    }
    if (table == 0 || metadata == 0) this.refuse(at, INCOMPLETE);
    this.claim(load<u64>(metadata, R_PLACE), load<u32>(metadata, R_SIZE), "metadata region");
    this.claim(load<u64>(table, R_PLACE), load<u32>(table, R_SIZE), "block table");
    this.readMetadata(load<u64>(metadata, R_PLACE), load<u32>(metadata, R_SIZE));
    this.table = load<u64>(table, R_PLACE);
    // Of these entries some are of another kind.
    const entries = <u64>load<u32>(table, R_SIZE) >> 3;
    this.blocks(
      this.table,
      "block table: entries",
      this.shift,
      entries - entries / (((<u64>1) << this.chunkShift) + 1),
    );
    heap.free(regions);
  }

  private readMetadata(at: u64, size: u32): void {
    if (size < METADATA_TABLE_SIZE) this.refuseValue(at, "metadata table: size", size);
    const items = this.head(at, METADATA_TABLE_SIZE, "metadata table");
    if (load<u64>(items) != MAGIC_METADATA) this.refuse(at, "metadata table: signature");
    const count = <u32>load<u16>(items, M_COUNT);
    if (count > ITEMS_MAX) this.refuseValue(at + M_COUNT, "metadata table: entries", count);
    let block: u32 = 0;
    this.sectorSize = 0;
    for (let i: u32 = 1; i <= count; i++) {
      const entry = items + <usize>i * ENTRY_SIZE;
      const kind = load<u64>(entry);
      const flags = load<u32>(entry, M_FLAGS);
      const start = load<u32>(entry, M_OFFSET);
      const known = (flags & M_USER) == 0 && (kind == ITEM_PARAMETERS || kind == ITEM_SIZE || kind == ITEM_SECTOR);
      if (!known) {
        const harmless = kind == ITEM_PAGE || kind == ITEM_PHYSICAL || kind == ITEM_PARENT || (flags & M_REQUIRED) == 0;
        if (!harmless) this.refuse(at + <u64>i * ENTRY_SIZE, UNKNOWN);
        continue;
      }
      if (start < METADATA_TABLE_SIZE || start > size - 8)
        this.refuseValue(at + <u64>i * ENTRY_SIZE + M_OFFSET, "metadata table: item at", start);
      const place = at + <u64>start;
      const value = this.head(place, 8, "metadata item");
      if (kind == ITEM_PARAMETERS) {
        block = load<u32>(value);
        this.shift = this.blockShift(place, "metadata: block size", block);
        if ((load<u32>(value, 4) & HAS_PARENT) != 0) this.refuseDifference(place + 4);
      } else if (kind == ITEM_SIZE) {
        this.takeSize(place, "metadata: disk size", load<u64>(value));
      } else {
        this.sectorSize = load<u32>(value);
        if (this.sectorSize != 512 && this.sectorSize != 4096)
          this.refuseValue(place, "metadata: sector size", this.sectorSize);
      }
      heap.free(value);
    }
    heap.free(items);
    if (block == 0 || this.mediaSize == 0 || this.sectorSize == 0) this.refuse(at, INCOMPLETE);
    this.chunkShift = CHUNK_SECTORS_SHIFT + <u64>ctz(this.sectorSize) - this.shift;
  }

  find(offset: u64): bool {
    const block = (<u64>1) << this.shift;
    const within = offset & (block - 1);
    const index = offset >> this.shift;
    const at = this.table + ((index + (index >> this.chunkShift)) << 3);
    if (!this.entry(at, 8, "block table")) return false;
    const entry = load<u64>(cell);
    const state = entry & STATE_MASK;
    // Never written, not to be relied on, zeros, unmapped.
    if (state <= 3) return this.zeros(block - within);
    if (state != STATE_PRESENT) return this.badValue(at, "block table entry: state", state);
    const place = entry & PLACE_MASK;
    if (!this.allows(at, place, block, "block table entry")) return false;
    return this.plain(this.file, place + within, block - within);
  }
}

/** Hyper-V's. */
export class VhdxFormat extends ImageFormat {
  constructor() {
    super("vhdx", [VHDX_MAGIC]);
  }

  open(file: Disk, _files: ImageFiles): Disk | null {
    return new VhdxImage(new LoggedFile(file));
  }
}
