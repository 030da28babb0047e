// VDI images (VirtualBox), little-endian: a table lists the blocks, and static images have all of them. A difference to
// another image isn't read.

import { Disk } from "../disk";
import { ImageFiles, ImageFormat } from "./formats";
import { cell, Image } from "./image";
import { VDI_MAGIC, VDI_MAGIC_AT } from "./magics";

const SIGNATURE_VALUE: u32 = 0xbeda107f;

const H_VERSION: usize = 0x44;
const H_TYPE: usize = 0x4c;
const H_TABLE: usize = 0x154;
const H_DATA: usize = 0x158;
const H_SIZE: usize = 0x170;
const H_BLOCK_SIZE: usize = 0x178;
const H_EXTRA: usize = 0x17c;
const H_BLOCKS: usize = 0x180;
const H_PARENT: usize = 0x1a8;
const HEADER_SIZE: u32 = 512;
/** The part before the point. */
const MAJOR_VERSION: u32 = 1;
const DYNAMIC: u32 = 1;
const STATIC: u32 = 2;
const DIFFERENCE: u32 = 4;

/** From here on an entry says that there are zeros: never written, or discarded. */
const DISCARDED: u32 = 0xfffffffe;

class VdiImage extends Image {
  private table: u64 = 0;
  private data: u64 = 0;
  private shift: u64 = 0;

  constructor(file: Disk) {
    super(file, "vdi");
    const header = this.head(0, HEADER_SIZE, "header");
    if (load<u32>(header, VDI_MAGIC_AT) != SIGNATURE_VALUE) this.refuse(VDI_MAGIC_AT, "header: is no vdi image");
    const version = load<u32>(header, H_VERSION);
    if (version >> 16 != MAJOR_VERSION) this.refuseValue(H_VERSION, "header: version", version >> 16);
    const type = load<u32>(header, H_TYPE);
    // Who made it of another image has that one's identification in it.
    const link = load<u64>(header, H_PARENT) | load<u64>(header, H_PARENT + 8);
    if (type == DIFFERENCE || link != 0) this.refuseDifference(H_PARENT);
    if (type != DYNAMIC && type != STATIC) this.refuseValue(H_TYPE, "header: type", type);
    this.takeSize(H_SIZE, "header: size", load<u64>(header, H_SIZE));
    this.shift = this.blockShift(H_BLOCK_SIZE, "header: block size", load<u32>(header, H_BLOCK_SIZE));
    if (load<u32>(header, H_EXTRA) != 0) this.refuse(H_EXTRA, "header: blocks have more than their bytes");
    const needed = this.blocks(H_BLOCKS, "header: blocks", this.shift, load<u32>(header, H_BLOCKS));
    this.table = load<u32>(header, H_TABLE);
    this.data = load<u32>(header, H_DATA);
    this.claim(0, HEADER_SIZE, "header");
    this.claim(this.table, needed << 2, "block table");
  }

  find(offset: u64): bool {
    const block = (<u64>1) << this.shift;
    const within = offset & (block - 1);
    const at = this.table + ((offset >> this.shift) << 2);
    if (!this.entry(at, 4, "block table")) return false;
    const index = load<u32>(cell);
    if (index >= DISCARDED) return this.zeros(block - within);
    const place = this.data + ((<u64>index) << this.shift);
    if (!this.allows(at, place, block, "block table entry")) return false;
    return this.plain(this.file, place + within, block - within);
  }
}

/** VirtualBox's own. */
export class VdiFormat extends ImageFormat {
  constructor() {
    super("vdi", [VDI_MAGIC], VDI_MAGIC_AT);
  }

  open(file: Disk, _files: ImageFiles): Disk | null {
    return new VdiImage(file);
  }
}
