// VDI images (VirtualBox), little-endian: a table lists the blocks, and static images have all of them. A difference to
// another image isn't read.

import { Disk, OFFSET_LIMIT } from "../disk";
import { ImageFiles, ImageFormat } from "./formats";
import { cell, Image } from "./image";

const SIGNATURE = "\x7f\x10\xda\xbe";
const SIGNATURE_VALUE: u32 = 0xbeda107f;

/** Offsets in the header. */
const H_SIGNATURE: usize = 0x40;
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

const BLOCK_MIN: u32 = 4096;
const BLOCK_MAX: u32 = 256 << 20;
/** From here on an entry says that there are zeros: never written, or discarded. */
const DISCARDED: u32 = 0xfffffffe;

class VdiImage extends Image {
  private table: u64 = 0;
  private data: u64 = 0;
  private blockShift: u64 = 0;

  constructor(file: Disk) {
    super(file, "vdi");
    const header = this.head(0, HEADER_SIZE, "header");
    if (load<u32>(header, H_SIGNATURE) != SIGNATURE_VALUE) this.refuse(H_SIGNATURE, "header: is no vdi image");
    const version = load<u32>(header, H_VERSION);
    if (version >> 16 != MAJOR_VERSION) this.refuse(H_VERSION, `header: version ${version >> 16}`);
    const type = load<u32>(header, H_TYPE);
    // Who made it of another image has that one's identification in it.
    const link = load<u64>(header, H_PARENT) | load<u64>(header, H_PARENT + 8);
    if (type != DYNAMIC && type != STATIC) {
      this.refuse(
        H_TYPE,
        `header: type ${type}${type == 4 ? ", a difference to another image, which isn't read" : ""}`,
      );
    }
    if (link != 0) this.refuse(H_PARENT, "header: is a difference to another image, which isn't read");
    this.mediaSize = load<u64>(header, H_SIZE);
    if (this.mediaSize == 0 || this.mediaSize > OFFSET_LIMIT) this.refuse(H_SIZE, `header: size ${this.mediaSize}`);
    const block = load<u32>(header, H_BLOCK_SIZE);
    if (block < BLOCK_MIN || block > BLOCK_MAX || popcnt(block) != 1)
      this.refuse(H_BLOCK_SIZE, `header: block of ${block} bytes`);
    if (load<u32>(header, H_EXTRA) != 0) this.refuse(H_EXTRA, "header: blocks with something before their bytes");
    this.blockShift = <u64>ctz(block);
    const blocks = <u64>load<u32>(header, H_BLOCKS);
    const needed = ((this.mediaSize - 1) >> this.blockShift) + 1;
    if (blocks < needed) this.refuse(H_BLOCKS, `header: ${blocks} blocks, ${needed} are needed`);
    this.table = load<u32>(header, H_TABLE);
    this.data = load<u32>(header, H_DATA);
    this.claim(0, HEADER_SIZE, "header");
    this.claim(this.table, needed << 2, "block table");
  }

  find(offset: u64): bool {
    const block = (<u64>1) << this.blockShift;
    const within = offset & (block - 1);
    const at = this.table + ((offset >> this.blockShift) << 2);
    if (!this.entry(at, 4, "block table")) return false;
    const index = load<u32>(cell);
    if (index >= DISCARDED) return this.zeros(block - within);
    const place = this.data + ((<u64>index) << this.blockShift);
    if (!this.allows(at, place, block, "block table entry")) return false;
    return this.plain(this.file, place + within, block - within);
  }
}

/** VirtualBox's own. */
export class VdiFormat extends ImageFormat {
  constructor() {
    super("vdi", [SIGNATURE], H_SIGNATURE);
  }

  open(file: Disk, _files: ImageFiles): Disk | null {
    return new VdiImage(file);
  }
}
