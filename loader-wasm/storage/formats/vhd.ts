// VHD images (Microsoft's Virtual Hard Disk Image Format Specification 1.0), big-endian: fixed ones, which are the disk with
// a footer behind it, and dynamic ones, whose blocks a table lists. A difference to another image isn't read.

import { stringAt } from "../../lib/bytes";
import { sumsAgree } from "../../lib/variant";
import { Disk } from "../disk";
import { ImageFiles, ImageFormat } from "./formats";
import { cell, Image } from "./image";
import { VHD_MAGIC } from "./magics";

const HEADER_MAGIC = "cxsparse";

/** Offsets in the footer, of which dynamic images have a copy at the start. */
const F_HEADER: usize = 16;
const F_SIZE: usize = 48;
const F_TYPE: usize = 60;
const F_CHECKSUM: usize = 64;
const FOOTER_SIZE: u32 = 512;
const FIXED: u32 = 2;
const DYNAMIC: u32 = 3;
const DIFFERENCING: u32 = 4;

/** Offsets in a dynamic image's header. */
const D_TABLE: usize = 16;
const D_ENTRIES: usize = 28;
const D_BLOCK_SIZE: usize = 32;
const D_CHECKSUM: usize = 36;
const HEADER_SIZE: u32 = 1024;

/** Before a block's bytes there is a bit for each sector, in whole sectors. */
const SECTOR_SHIFT: u64 = 9;
const UNUSED: u32 = 0xffffffff;

/** Whether the sum of the `size` bytes at `block` is what it says at `checksumAt`: all bits of it are turned. */
function sumIsGood(block: usize, size: u32, checksumAt: usize): bool {
  let sum: u32 = 0;
  for (let i: usize = 0; i < <usize>size; i++) if (i - checksumAt >= 4) sum += <u32>load<u8>(block + i);
  return sumsAgree(~sum, bswap<u32>(load<u32>(block + checksumAt)));
}

class VhdImage extends Image {
  /** No table: the disk is at the start of the file. */
  private table: u64 = 0;
  private shift: u64 = 0;
  private bitmapSize: u64 = 0;

  constructor(file: Disk) {
    super(file, "vhd");
    const end = file.mediaSize;
    if (end < <u64>FOOTER_SIZE) this.refuse(0, "footer: the file ends before it does");
    let at = end - <u64>FOOTER_SIZE;
    let footer = this.head(at, FOOTER_SIZE, "footer");
    if (!isFooter(footer)) {
      const copy = this.head(0, FOOTER_SIZE, "footer");
      const known = hasMagic(footer) || hasMagic(copy);
      if (!isFooter(copy)) this.refuse(at, known ? "footer: checksum" : "footer: is no vhd image");
      this.bad(at, "footer: bad, its copy at the start is used");
      footer = copy;
      at = 0;
    }
    const type = bswap<u32>(load<u32>(footer, F_TYPE));
    this.takeSize(at + F_SIZE, "footer: size", bswap<u64>(load<u64>(footer, F_SIZE)));
    if (type == DIFFERENCING) this.refuseDifference(at + F_TYPE);
    if (type != FIXED && type != DYNAMIC) this.refuseValue(at + F_TYPE, "footer: type", type);
    if (type == DYNAMIC) this.readHeader(at, bswap<u64>(load<u64>(footer, F_HEADER)));
    else if (this.mediaSize > at) this.refuseValue(at + F_SIZE, "footer: size", this.mediaSize);
  }

  private readHeader(footerAt: u64, at: u64): void {
    const header = this.head(at, HEADER_SIZE, "header");
    if (stringAt(header, HEADER_MAGIC.length) != HEADER_MAGIC) this.refuse(at, "header: signature");
    if (!sumIsGood(header, HEADER_SIZE, D_CHECKSUM)) this.refuse(at + D_CHECKSUM, "header: checksum");
    const block = bswap<u32>(load<u32>(header, D_BLOCK_SIZE));
    this.shift = this.blockShift(at + D_BLOCK_SIZE, "header: block size", block);
    this.bitmapSize = ((<u64>block >> (SECTOR_SHIFT + 3)) + 511) & ~511;
    const entries = <u64>bswap<u32>(load<u32>(header, D_ENTRIES));
    const needed = this.blocks(at + D_ENTRIES, "header: blocks", this.shift, entries);
    this.table = bswap<u64>(load<u64>(header, D_TABLE));
    if (footerAt > 0) this.claim(footerAt, FOOTER_SIZE, "footer");
    this.claim(0, FOOTER_SIZE, "footer's copy");
    this.claim(at, HEADER_SIZE, "header");
    this.claim(this.table, needed << 2, "block table");
  }

  find(offset: u64): bool {
    if (this.table == 0) return this.plain(this.file, offset, this.mediaSize - offset);
    const block = (<u64>1) << this.shift;
    const within = offset & (block - 1);
    const at = this.table + ((offset >> this.shift) << 2);
    if (!this.entry(at, 4, "block table")) return false;
    const sector = bswap<u32>(load<u32>(cell));
    if (sector == UNUSED) return this.zeros(block - within);
    const place = (<u64>sector) << SECTOR_SHIFT;
    // The last block may be cut off where the disk ends.
    const size = min(block, this.mediaSize - (offset - within));
    if (!this.allows(at, place, this.bitmapSize + size, "block table entry")) return false;
    return this.plain(this.file, place + this.bitmapSize + within, block - within);
  }
}

function isFooter(block: usize): bool {
  return hasMagic(block) && sumIsGood(block, FOOTER_SIZE, F_CHECKSUM);
}

function hasMagic(block: usize): bool {
  return stringAt(block, VHD_MAGIC.length) == VHD_MAGIC;
}

/** Virtual PC's. */
export class VhdFormat extends ImageFormat {
  constructor() {
    super("vhd", [VHD_MAGIC]);
  }

  open(file: Disk, _files: ImageFiles): Disk | null {
    return new VhdImage(file);
  }
}
