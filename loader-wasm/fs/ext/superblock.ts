// An ext superblock, decoded into numbers that are known to make sense, and from there the way to an inode.

import { rawCrc32c } from "../../lib/digests/crc32";
import { EINVAL, EIO, setErrno } from "../../lib/errno";
import { allocate, damaged } from "../../lib/fault";
import { sumsAgree } from "../../lib/variant";
import { OFFSET_LIMIT } from "../../storage/disk";
import { Volume } from "../../storage/volume";
import { readWhole } from "../content";
import {
  BLOCK_SHIFT_MAX,
  COMPATIBLE_SPARSE2,
  DESCRIPTOR_SIZE_MAX,
  DESCRIPTOR_SIZE_OLD,
  G_CHECKSUM,
  G_INODES_HIGH,
  G_INODES_LOW,
  INCOMPATIBLE_KNOWN,
  INCOMPATIBLE_META_GROUPS,
  INCOMPATIBLE_NAMES,
  INCOMPATIBLE_RECOVERY,
  INCOMPATIBLE_SEED,
  INCOMPATIBLE_WIDE,
  INODE_SIZE_OLD,
  MAGIC,
  READ_ONLY_CHECKSUMS,
  READ_ONLY_SPARSE,
  S_BACKUPS,
  S_BLOCK_SHIFT,
  S_BLOCKS_HIGH,
  S_BLOCKS_LOW,
  S_CHECKSUM,
  S_COMPATIBLE,
  S_DESCRIPTOR_SIZE,
  S_FIRST_BLOCK,
  S_FIRST_META,
  S_GROUP,
  S_GROUP_BLOCKS,
  S_GROUP_INODES,
  S_INCOMPATIBLE,
  S_INODE_SIZE,
  S_INODES,
  S_MAGIC,
  S_READ_ONLY,
  S_REVISION,
  S_SEED,
  S_UUID,
  SUPERBLOCK_AT,
  SUPERBLOCK_SIZE,
  UUID_SIZE,
} from "./layout";

const descriptor: usize = memory.data(DESCRIPTOR_SIZE_MAX, 8);
const numberCell: usize = memory.data(4, 4);

/** `seed` of structures that belong to `number`. */
export function seedOf(seed: u32, number: u32): u32 {
  store<u32>(numberCell, number);
  return rawCrc32c(numberCell, 4, seed);
}

/** The numbers of a superblock. Once `fault` is null, none that divides or is shifted by is out of its bounds. */
export class Superblock {
  readonly incompatible: u32;
  readonly inodes: u32;
  readonly blocks: u64;
  readonly blockSize: u32;
  readonly inodeSize: u32;
  /** Whether metadata have checksums, and what these begin with. */
  readonly checksums: bool;
  readonly seed: u32;
  private readonly compatible: u32;
  private readonly sparse: bool;
  private readonly blockShift: u32;
  private readonly firstBlock: u32;
  private readonly groupBlocks: u32;
  private readonly groupInodes: u32;
  private readonly descriptorSize: u32;
  private readonly firstMeta: u32;
  private readonly backup0: u32;
  private readonly backup1: u32;

  constructor(
    readonly volume: Volume,
    src: usize,
    /** The group that it begins; behind it are the descriptors of all groups. */
    private readonly group: u32 = 0,
  ) {
    const incompatible = load<u32>(src, S_INCOMPATIBLE);
    const wide = (incompatible & INCOMPATIBLE_WIDE) != 0;
    const readOnly = load<u32>(src, S_READ_ONLY);
    this.incompatible = incompatible;
    this.compatible = load<u32>(src, S_COMPATIBLE);
    this.sparse = (readOnly & READ_ONLY_SPARSE) != 0;
    this.checksums = (readOnly & READ_ONLY_CHECKSUMS) != 0;
    this.inodes = load<u32>(src, S_INODES);
    this.blocks = <u64>load<u32>(src, S_BLOCKS_LOW) | (wide ? (<u64>load<u32>(src, S_BLOCKS_HIGH)) << 32 : 0);
    this.blockShift = load<u32>(src, S_BLOCK_SHIFT);
    this.blockSize = (<u32>1024) << min(this.blockShift, BLOCK_SHIFT_MAX);
    this.inodeSize = load<u32>(src, S_REVISION) == 0 ? INODE_SIZE_OLD : <u32>load<u16>(src, S_INODE_SIZE);
    this.firstBlock = load<u32>(src, S_FIRST_BLOCK);
    this.groupBlocks = load<u32>(src, S_GROUP_BLOCKS);
    this.groupInodes = load<u32>(src, S_GROUP_INODES);
    this.descriptorSize = wide ? <u32>load<u16>(src, S_DESCRIPTOR_SIZE) : DESCRIPTOR_SIZE_OLD;
    this.firstMeta = incompatible & INCOMPATIBLE_META_GROUPS ? load<u32>(src, S_FIRST_META) : u32.MAX_VALUE;
    this.backup0 = load<u32>(src, S_BACKUPS);
    this.backup1 = load<u32>(src + 4, S_BACKUPS);
    const ownSeed = (incompatible & INCOMPATIBLE_SEED) != 0;
    this.seed = ownSeed ? load<u32>(src, S_SEED) : rawCrc32c(src + S_UUID, UUID_SIZE, u32.MAX_VALUE);
  }

  /** What is wrong with it, or null. */
  fault(): string | null {
    const size = this.blockSize;
    if (this.blockShift > BLOCK_SHIFT_MAX) return `blocks of 2^${this.blockShift} KiB`;
    if (popcnt(this.inodeSize) != 1 || this.inodeSize < INODE_SIZE_OLD || this.inodeSize > size) {
      return `inodes of ${this.inodeSize} bytes`;
    }
    const least: u32 = this.incompatible & INCOMPATIBLE_WIDE ? 64 : DESCRIPTOR_SIZE_OLD;
    if (popcnt(this.descriptorSize) != 1 || this.descriptorSize < least || this.descriptorSize > DESCRIPTOR_SIZE_MAX) {
      return `group descriptors of ${this.descriptorSize} bytes`;
    }
    if (this.blocks > OFFSET_LIMIT / <u64>size || this.blocks <= <u64>this.firstBlock) return `${this.blocks} blocks`;
    if (this.groupBlocks == 0 || this.groupInodes == 0) return "no blocks or inodes in a group";
    const unknown = this.incompatible & ~INCOMPATIBLE_KNOWN;
    if (unknown == 0) return null;
    const bit = <i32>ctz(unknown);
    const name = bit < INCOMPATIBLE_NAMES.length ? INCOMPATIBLE_NAMES[bit] : "";
    return name.length > 0 ? `feature '${name}' can't be read` : `unknown feature, bit ${bit}`;
  }

  /** Where inode `number` is on the volume; -1 and errno. */
  inodeOffset(number: u32): i64 {
    if (number == 0 || number > this.inodes) {
      damaged(this.volume.where(SUPERBLOCK_AT), `ext inode ${number}: there is none of that number`, EIO);
      return -1;
    }
    const group = (number - 1) / this.groupInodes;
    const size = this.descriptorSize;
    const offset = this.descriptorOffset(group);
    if (!readWhole(this.volume, offset, descriptor, size, `ext group ${group}`)) return -1;
    const wide = size > DESCRIPTOR_SIZE_OLD;
    const table =
      <u64>load<u32>(descriptor, G_INODES_LOW) | (wide ? (<u64>load<u32>(descriptor, G_INODES_HIGH)) << 32 : 0);
    let fault: string | null = null;
    if (table == 0 || table >= this.blocks) fault = `inodes at block ${table}`;
    if (this.checksums) {
      const checksum = load<u16>(descriptor, G_CHECKSUM);
      store<u16>(descriptor, 0, G_CHECKSUM);
      if (!sumsAgree(<u16>rawCrc32c(descriptor, size, seedOf(this.seed, group)), checksum)) fault = "checksum";
    }
    if (fault !== null) {
      damaged(this.volume.where(offset), `ext group ${group}: ${fault}`, EIO);
      return -1;
    }
    return table * <u64>this.blockSize + <u64>((number - 1) % this.groupInodes) * <u64>this.inodeSize;
  }

  /** Where the descriptor of a group is: behind the superblock, or, with meta_bg, in the first of the groups of its block. */
  private descriptorOffset(group: u32): u64 {
    const perBlock = this.blockSize / this.descriptorSize;
    const block = group / perBlock;
    const within = <u64>(group % perBlock) * <u64>this.descriptorSize;
    if (block < this.firstMeta) return this.groupAt(this.group) + (<u64>block + 1) * <u64>this.blockSize + within;
    const first = block * perBlock;
    return this.groupAt(first) + (this.hasSuperblock(first) ? <u64>this.blockSize : 0) + within;
  }

  /** Where a group begins. One that the file system doesn't have, and whose place may not fit, begins where no disk has anything. */
  groupAt(group: u32): u64 {
    const block = <u64>this.firstBlock + <u64>group * <u64>this.groupBlocks;
    return block < this.blocks ? block * <u64>this.blockSize : OFFSET_LIMIT;
  }

  /** Whether a group begins with a copy of the superblock. */
  private hasSuperblock(group: u32): bool {
    if (group == 0) return true;
    if (this.compatible & COMPATIBLE_SPARSE2) return group == this.backup0 || group == this.backup1;
    if (!this.sparse || group == 1) return true;
    return isPower(group, 3) || isPower(group, 5) || isPower(group, 7);
  }
}

function isPower(value: u32, base: u32): bool {
  while (value % base == 0) value /= base;
  return value == 1;
}

/** What is wrong with `superblock`, in memory at `block`, or null. */
function faultOf(superblock: Superblock, block: usize): string | null {
  const sum = rawCrc32c(block, <u32>S_CHECKSUM, u32.MAX_VALUE);
  return superblock.checksums && !sumsAgree(sum, load<u32>(block, S_CHECKSUM)) ? "checksum" : superblock.fault();
}

/** The volume's superblock; null and errno: EINVAL when there is none. */
export function readSuperblock(volume: Volume): Superblock | null {
  const block = allocate(SUPERBLOCK_SIZE);
  const got = volume.read(SUPERBLOCK_AT, block, SUPERBLOCK_SIZE);
  let found: Superblock | null = null;
  setErrno(got < 0 ? EIO : EINVAL);
  if (got == <i64>SUPERBLOCK_SIZE && load<u16>(block, S_MAGIC) == MAGIC) {
    const superblock = new Superblock(volume, block);
    const fault = faultOf(superblock, block);
    if (fault === null) found = superblock;
    else damaged(volume.where(SUPERBLOCK_AT), `ext superblock: ${fault}`, EIO);
    if (fault === null && superblock.incompatible & INCOMPATIBLE_RECOVERY) {
      const what = "needs_recovery: the journal isn't replayed, so what was written last may be missing";
      damaged(volume.where(SUPERBLOCK_AT), `ext superblock: ${what}`, 0);
    }
  }
  heap.free(block);
  return found;
}

/** Groups whose copies are looked for: with sparse_super the powers of 3, 5 and 7 have some, with sparse_super2 the first. */
const COPY_GROUPS: StaticArray<u32> = [1, 3, 5, 7];

/** A copy of the volume's superblock, which is said; null without one. Groups have the usual size: as many blocks as bits fit into one. */
export function readCopy(volume: Volume): Superblock | null {
  const block = allocate(SUPERBLOCK_SIZE);
  let found: Superblock | null = null;
  for (let i = 0; found === null && i < COPY_GROUPS.length; i++) {
    const group = COPY_GROUPS[i];
    for (let shift: u32 = 0; found === null && shift <= BLOCK_SHIFT_MAX; shift++) {
      const size = (<u64>1024) << (<u64>shift);
      const at = (<u64>group * 8 * size + (shift == 0 ? 1 : 0)) * size;
      if (volume.read(at, block, SUPERBLOCK_SIZE) < <i64>SUPERBLOCK_SIZE) continue;
      if (load<u16>(block, S_MAGIC) != MAGIC || <u32>load<u16>(block, S_GROUP) != group) continue;
      const superblock = new Superblock(volume, block, group);
      // Anything else is a copy in a file, or of a partition on this disk.
      if (faultOf(superblock, block) === null && superblock.groupAt(group) == at) found = superblock;
      if (found === null) continue;
      const what = `the first one is bad, the copy in group ${group} is used in its place`;
      damaged(volume.where(at), `ext superblock: ${what}`, 0);
    }
  }
  heap.free(block);
  return found;
}
