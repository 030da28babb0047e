// UFS inodes: decoding, and the walk from a byte of a file to the blocks that hold it, through up to three levels of
// indirect blocks. Runs of blocks that follow each other on the disk are read in one piece.

import { EIO, setErrno } from "../../lib/errno";
import { damaged } from "../../lib/fault";
import { Volume } from "../../storage/volume";
import { ADDRESSES, BlockContent } from "../blocks";
import {
  ADDRESS_LIMIT,
  I1_DIRECT,
  I1_GID,
  I1_LINK_SPACE,
  I1_MODE,
  I1_SIZE,
  I1_UID,
  I2_DIRECT,
  I2_GID,
  I2_LINK_SPACE,
  I2_MODE,
  I2_SIZE,
  I2_UID,
  INODE2_SIZE,
} from "./layout";
import { Superblock } from "./superblock";

const scratch: usize = memory.data(INODE2_SIZE, 8);

/**
 * An inode of either version. Its numbers are as the disk has them: whoever walks along the addresses checks each one.
 */
export class Inode extends BlockContent {
  /** Bytes. */
  readonly size: u64;
  /** The text of a short symbolic link, as far as the inode has space for it. */
  readonly linkText: StaticArray<u8>;

  /** Decodes the inode in memory at `src`. */
  constructor(
    volume: Volume,
    readonly superblock: Superblock,
    readonly number: u32,
    src: usize,
  ) {
    super(volume, superblock.blockSize, superblock.fragmentSize, superblock.ufs2 ? 8 : 4, ADDRESS_LIMIT);
    const ufs2 = superblock.ufs2;
    const space = ufs2 ? I2_LINK_SPACE : I1_LINK_SPACE;
    this.linkText = new StaticArray<u8>(<i32>space);
    this.mode = <u32>(ufs2 ? load<u16>(src, I2_MODE) : load<u16>(src, I1_MODE));
    this.uid = ufs2 ? load<u32>(src, I2_UID) : load<u32>(src, I1_UID);
    this.gid = ufs2 ? load<u32>(src, I2_GID) : load<u32>(src, I1_GID);
    this.size = ufs2 ? load<u64>(src, I2_SIZE) : load<u64>(src, I1_SIZE);
    for (let i = 0; i < ADDRESSES; i++) {
      // The indirect addresses follow the direct ones in both formats.
      this.addresses[i] = ufs2
        ? load<u64>(src + ((<usize>i) << 3), I2_DIRECT)
        : <u64>load<u32>(src + ((<usize>i) << 2), I1_DIRECT);
    }
    memory.copy(changetype<usize>(this.linkText), src + (ufs2 ? I2_DIRECT : I1_DIRECT), <usize>space);
  }

  /** How reports of damage in it begin. */
  where(): string {
    return this.volume.where(this.superblock.inodeOffset(this.number));
  }

  /** Reports damage in it. Returns `code`. */
  damaged(what: string, code: i32): i32 {
    return damaged(this.where(), `UFS inode ${this.number}: ${what}`, code);
  }

  length(): u64 {
    return this.size;
  }

  title(): string {
    return `UFS inode ${this.number}`;
  }
}

/** Inodes that were read last: every path begins with the same ones. What the volume holds doesn't change. */
const RECENT: i32 = 16;
const recent = new StaticArray<Inode | null>(RECENT);
let nextRecent: i32 = 0;

function recentInode(volume: Volume, number: u32): Inode | null {
  for (let i = 0; i < RECENT; i++) {
    const inode = recent[i];
    if (inode === null) return null;
    const same = inode.volume.disk === volume.disk && inode.volume.start == volume.start;
    if (same && inode.number == number) return inode;
  }
  return null;
}

/** Reads inode `number`; null and errno. */
export function readInode(volume: Volume, superblock: Superblock, number: u32): Inode | null {
  const known = recentInode(volume, number);
  if (known !== null) return known;
  const offset = superblock.inodeOffset(number);
  const size = superblock.inodeSize();
  if (<u64>number >= <u64>superblock.groups * <u64>superblock.inodesPerGroup) {
    damaged(volume.where(offset), `UFS inode ${number}: there is none of that number`, EIO);
    return null;
  }
  const got = volume.read(offset, scratch, size);
  if (got < <i64>size) {
    if (got >= 0) damaged(volume.where(offset), `UFS inode ${number}: beyond the end of the disk`, EIO);
    else setErrno(EIO);
    return null;
  }
  const inode = new Inode(volume, superblock, number, scratch);
  recent[nextRecent] = inode;
  nextRecent = (nextRecent + 1) % RECENT;
  return inode;
}
