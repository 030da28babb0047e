// A UFS superblock, found and decoded into a record whose numbers are known to make sense.

import { EINVAL, EIO, ENOENT, setErrno } from "../../lib/errno";
import { allocate, damaged } from "../../lib/fault";
import { Volume } from "../../storage/volume";
import {
  ADDRESS_LIMIT,
  ALTERNATE_OFFSETS,
  BLOCK_SIZE_MAX,
  BLOCK_SIZE_MIN,
  CG_MAGIC,
  FRAGMENT_SIZE_MIN,
  FRAGMENTS_MAX,
  FS_ALTERNATE_AT,
  FS_BLOCK_SIZE,
  FS_CG_MASK,
  FS_CG_OFFSET,
  FS_FRAGMENT_SIZE,
  FS_FRAGMENTS_PER_GROUP,
  FS_GROUP_AT,
  FS_GROUPS,
  FS_INODES_AT,
  FS_INODES_PER_GROUP,
  FS_LOCATION,
  FS_MAGIC,
  FS_MAX_SYMLINK,
  GROUP_HEAD_SIZE,
  INODE1_SIZE,
  INODE2_SIZE,
  MAGIC_GROUP,
  MAGIC_INCOMPLETE,
  MAGIC_UFS1,
  MAGIC_UFS2,
  SUPERBLOCK_OFFSETS,
  SUPERBLOCK_SIZE,
  UFS1_SUPERBLOCK_LAST,
} from "./layout";

/**
 * The numbers of a superblock, in their own units. Once `fault` is null, no size or count in it is 0, and those of
 * blocks and fragments are powers of two.
 */
export class Superblock {
  readonly ufs2: bool;
  readonly blockSize: u32;
  readonly fragmentSize: u32;
  readonly groups: u32;
  readonly inodesPerGroup: u32;
  readonly fragmentsPerGroup: u32;
  readonly inodesAt: u32;
  readonly groupOffset: u32;
  readonly groupMask: u32;
  /** Links shorter than this keep their text in the inode; 0 or less also means old directories. */
  readonly maxSymlink: i32;

  constructor(src: usize) {
    this.ufs2 = load<u32>(src, FS_MAGIC) == MAGIC_UFS2;
    this.blockSize = load<u32>(src, FS_BLOCK_SIZE);
    this.fragmentSize = load<u32>(src, FS_FRAGMENT_SIZE);
    this.groups = load<u32>(src, FS_GROUPS);
    this.inodesPerGroup = load<u32>(src, FS_INODES_PER_GROUP);
    this.fragmentsPerGroup = load<u32>(src, FS_FRAGMENTS_PER_GROUP);
    this.inodesAt = load<u32>(src, FS_INODES_AT);
    this.groupOffset = load<u32>(src, FS_CG_OFFSET);
    this.groupMask = load<u32>(src, FS_CG_MASK);
    this.maxSymlink = load<i32>(src, FS_MAX_SYMLINK);
  }

  /** What is wrong with it, or null. Block size and group count were checked before. */
  fault(): string | null {
    const fragment = this.fragmentSize;
    if (popcnt(this.blockSize) != 1) return `block size ${this.blockSize} is no power of two`;
    if (popcnt(fragment) != 1 || fragment < FRAGMENT_SIZE_MIN) return `fragment size ${fragment}`;
    if (fragment > this.blockSize || this.blockSize / fragment > FRAGMENTS_MAX) {
      return `fragment size ${fragment} in blocks of ${this.blockSize}`;
    }
    if (this.inodesPerGroup == 0) return "no inodes in a group";
    if (this.fragmentsPerGroup == 0) return "no fragments in a group";
    return null;
  }

  /** Whether it is one at all: there are groups, and blocks of a size that there is. */
  fits(): bool {
    return this.groups != 0 && this.blockSize >= BLOCK_SIZE_MIN && this.blockSize <= BLOCK_SIZE_MAX;
  }

  /** What `fits` looks at, for reports. */
  sizes(): string {
    return `${this.groups} groups, block size ${this.blockSize}`;
  }

  inodeSize(): u32 {
    return this.ufs2 ? INODE2_SIZE : INODE1_SIZE;
  }

  /** Block addresses in an indirect block. */
  addressesPerBlock(): u64 {
    return <u64>(this.blockSize / (this.ufs2 ? 8 : 4));
  }

  /** Byte offset of an inode on the volume. One that would not fit is where no disk has anything. */
  inodeOffset(number: u32): u64 {
    const group = number / this.inodesPerGroup;
    const within = number % this.inodesPerGroup;
    let fragment = min(<u64>this.fragmentsPerGroup * <u64>group + <u64>this.inodesAt, ADDRESS_LIMIT);
    if (!this.ufs2) fragment += min(<u64>this.groupOffset * <u64>(group & ~this.groupMask), ADDRESS_LIMIT);
    return fragment * <u64>this.fragmentSize + <u64>within * <u64>this.inodeSize();
  }
}

/** Whether the last `readSuperblock` found a superblock that can't be used, or none, so that an alternate one may be there. */
export let wantsAlternate: bool = false;

/** The volume's superblock; null and errno when there is none (ENOENT) or it can't be read or used. */
export function readSuperblock(volume: Volume): Superblock | null {
  const block = allocate(SUPERBLOCK_SIZE);
  let found: Superblock | null = null;
  wantsAlternate = true;
  setErrno(ENOENT);
  for (let i = 0; i < SUPERBLOCK_OFFSETS.length; i++) {
    const offset = SUPERBLOCK_OFFSETS[i];
    const got = volume.read(offset, block, SUPERBLOCK_SIZE);
    if (got < <i64>SUPERBLOCK_SIZE) {
      // Too short for this place is too short for a file system, even if an earlier place would be left.
      setErrno(got < 0 ? EIO : ENOENT);
      wantsAlternate = got < 0;
      break;
    }
    const magic = load<u32>(block, FS_MAGIC);
    if (magic == MAGIC_INCOMPLETE) {
      damaged(volume.where(offset), "UFS superblock: the file system's creation was not finished", EINVAL);
      wantsAlternate = false;
      break;
    }
    const candidate =
      magic == MAGIC_UFS1
        ? offset <= UFS1_SUPERBLOCK_LAST
        : magic == MAGIC_UFS2 && load<u64>(block, FS_LOCATION) == offset;
    if (!candidate) continue;
    const superblock = new Superblock(block);
    if (!superblock.fits()) {
      damaged(volume.where(offset), `UFS superblock: ${superblock.sizes()}`, ENOENT);
      continue;
    }
    const fault = superblock.fault();
    if (fault === null) found = superblock;
    else damaged(volume.where(offset), `UFS superblock: ${fault}`, EIO);
    break;
  }
  heap.free(block);
  return found;
}

/** The alternate superblock of the volume's first cylinder group, which is said; null without one. */
export function readAlternate(volume: Volume): Superblock | null {
  const block = allocate(SUPERBLOCK_SIZE);
  let found: Superblock | null = null;
  for (let i = 0; found === null && i < ALTERNATE_OFFSETS.length; i++) {
    const offset = ALTERNATE_OFFSETS[i];
    if (volume.read(offset, block, SUPERBLOCK_SIZE) < <i64>SUPERBLOCK_SIZE) continue;
    const magic = load<u32>(block, FS_MAGIC);
    if (magic != MAGIC_UFS1 && magic != MAGIC_UFS2) continue;
    const superblock = new Superblock(block);
    if (!superblock.fits() || superblock.fault() !== null) continue;
    // Anything else is a copy in a file, or the first one of a partition on this disk.
    const fragment = <u64>superblock.fragmentSize;
    if (<u64>load<u32>(block, FS_ALTERNATE_AT) * fragment != offset) continue;
    const group = <u64>load<u32>(block, FS_GROUP_AT) * fragment;
    if (volume.read(group, block, GROUP_HEAD_SIZE) < <i64>GROUP_HEAD_SIZE) continue;
    if (load<u32>(block, CG_MAGIC) != MAGIC_GROUP) continue;
    found = superblock;
    damaged(volume.where(offset), "UFS superblock: the first one is bad, this alternate one is used in its place", 0);
  }
  heap.free(block);
  return found;
}
