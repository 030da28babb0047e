// UFS inodes: decoding, and the walk from a byte of a file to the blocks that hold it, through up to three levels of
// indirect blocks. Runs of blocks that follow each other on the disk are read in one piece.

import { EFBIG, EIO, setErrno } from "../../lib/errno";
import { burn, damaged } from "../../lib/fault";
import { Volume } from "../../storage/volume";
import { Content, foundRun, HOLE } from "../content";
import {
  DIRECT_BLOCKS,
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
  INDIRECT_LEVELS,
  INODE2_SIZE,
} from "./layout";
import { Superblock } from "./superblock";

/** Direct and indirect addresses of an inode. */
const ADDRESSES: i32 = 15;

const scratch: usize = memory.data(INODE2_SIZE, 8);
const addressCell: usize = memory.data(8, 8);

/**
 * An inode of either version. Its numbers are as the disk has them: whoever walks along the addresses checks each one.
 */
export class Inode extends Content {
  readonly mode: u32;
  readonly uid: u32;
  readonly gid: u32;
  /** Bytes. */
  readonly size: u64;
  /** Twelve direct addresses, then those of the indirect blocks of each level. */
  private readonly addresses: StaticArray<u64> = new StaticArray<u64>(ADDRESSES);
  /** The text of a short symbolic link, as far as the inode has space for it. */
  readonly linkText: StaticArray<u8>;

  /** Decodes the inode in memory at `src`. */
  constructor(
    volume: Volume,
    readonly superblock: Superblock,
    readonly number: u32,
    src: usize,
  ) {
    super(volume);
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

  /** Address of the fragment where block `number` of the file begins, 0 for a hole; -1 and errno. */
  private blockAddress(number: u64): i64 {
    if (number < DIRECT_BLOCKS) return this.checked(this.addresses[<i32>number]);
    const perBlock = this.superblock.addressesPerBlock();
    let index = number - DIRECT_BLOCKS;
    let level = 0;
    let span = perBlock;
    while (index >= span) {
      index -= span;
      span *= perBlock;
      if (++level == INDIRECT_LEVELS) {
        this.damaged(`block ${number} is beyond triple indirect blocks`, EFBIG);
        return -1;
      }
    }
    let address = this.checked(this.addresses[<i32>DIRECT_BLOCKS + level]);
    for (; level >= 0 && address > 0; level--) {
      span /= perBlock;
      address = this.indirectEntry(<u64>address, index / span);
      index %= span;
    }
    return address;
  }

  /** Entry `index` of the indirect block at fragment `address`. */
  private indirectEntry(address: u64, index: u64): i64 {
    const ufs2 = this.superblock.ufs2;
    const size: u32 = ufs2 ? 8 : 4;
    const offset = address * <u64>this.superblock.fragmentSize + index * <u64>size;
    const got = this.volume.read(offset, addressCell, size);
    if (got < <i64>size) {
      if (got >= 0) this.damaged(`indirect block at fragment ${address} is beyond the end of the disk`, EIO);
      return -1;
    }
    return this.checked(ufs2 ? load<u64>(addressCell) : <u64>load<u32>(addressCell));
  }

  /** An address that can be turned into a byte offset, or -1 and errno. */
  private checked(address: u64): i64 {
    if (address < ADDRESS_LIMIT) return <i64>address;
    this.damaged(`block address ${address}`, EIO);
    return -1;
  }

  length(): u64 {
    return this.size;
  }

  title(): string {
    return `UFS inode ${this.number}`;
  }

  /** A run is blocks that follow each other on the disk, or are all holes. */
  map(position: u64, limit: u64): bool {
    const blockSize = <u64>this.superblock.blockSize;
    const number = position / blockSize;
    const within = position % blockSize;
    const blocks = (within + limit + blockSize - 1) / blockSize;
    const first = this.blockAddress(number);
    if (first < 0) return false;
    const step: u64 = first == 0 ? 0 : <u64>(this.superblock.blockSize / this.superblock.fragmentSize);
    let count: u64 = 1;
    while (count < blocks) {
      burn(1);
      const next = this.blockAddress(number + count);
      // A bad address ends the run; it fails when it is its turn.
      if (next < 0 || <u64>next != <u64>first + count * step) break;
      count++;
    }
    const start = first == 0 ? HOLE : <u64>first * <u64>this.superblock.fragmentSize + within;
    return foundRun(start, count * blockSize - within);
  }
}

/** Block addresses from here on are on no disk; times the fragment size they would not fit. */
const ADDRESS_LIMIT: u64 = 0x0000100000000000;

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
