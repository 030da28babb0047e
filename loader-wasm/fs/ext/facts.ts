// What ext says of a volume as a whole and of a file's age, for those who look at it without booting from it: the superblock
// and the inode are read once more for that.

import { cstringAt } from "../../lib/bytes";
import { allocate } from "../../lib/fault";
import { TIME_UNKNOWN, VolumeFacts } from "../file_system";
import { Inode } from "./inode";
import {
  I_EXTRA_SIZE,
  I_MODIFIED,
  I_MODIFIED_MORE,
  INCOMPATIBLE_RECOVERY,
  INCOMPATIBLE_WIDE,
  INODE_SIZE_OLD,
  MAGIC,
  S_COMPATIBLE,
  S_FREE_HIGH,
  S_FREE_LOW,
  S_INCOMPATIBLE,
  S_LABEL,
  S_LABEL_SIZE,
  S_MAGIC,
  S_STATE,
  SUPERBLOCK_AT,
  SUPERBLOCK_SIZE,
} from "./layout";
import { Superblock } from "./superblock";

/** Features that tell which of the three it is: a journal, extents. */
const COMPATIBLE_JOURNAL: u32 = 0x4;
const INCOMPATIBLE_EXTENTS: u32 = 0x40;
const STATE_CLEAN: u16 = 1;

/** What the first superblock says, which was decoded as `superblock`; null when a copy had to do. */
export function superblockFacts(superblock: Superblock): VolumeFacts | null {
  const src = allocate(<usize>SUPERBLOCK_SIZE);
  const got = superblock.volume.read(SUPERBLOCK_AT, src, SUPERBLOCK_SIZE);
  let facts: VolumeFacts | null = null;
  if (got == <i64>SUPERBLOCK_SIZE && load<u16>(src, S_MAGIC) == MAGIC) {
    const incompatible = load<u32>(src, S_INCOMPATIBLE);
    const high = incompatible & INCOMPATIBLE_WIDE ? <u64>load<u32>(src, S_FREE_HIGH) : 0;
    const free = <u64>load<u32>(src, S_FREE_LOW) | (high << 32);
    facts = new VolumeFacts(superblock.blocks * <u64>superblock.blockSize);
    if (free <= superblock.blocks) facts.used = <i64>((superblock.blocks - free) * <u64>superblock.blockSize);
    const left = (incompatible & INCOMPATIBLE_RECOVERY) == 0 && (load<u16>(src, S_STATE) & STATE_CLEAN) != 0;
    facts.clean = left ? 1 : 0;
    const journal = (load<u32>(src, S_COMPATIBLE) & COMPATIBLE_JOURNAL) != 0;
    facts.kind = incompatible & INCOMPATIBLE_EXTENTS ? "ext4" : journal ? "ext3" : "ext2";
    facts.label = cstringAt(src + S_LABEL, S_LABEL_SIZE);
  }
  heap.free(src);
  return facts;
}

const cell: usize = memory.data(8, 8);

function read32(inode: Inode, at: usize): i64 {
  const offset = inode.superblock.inodeOffset(inode.number);
  if (offset < 0 || inode.volume.read(<u64>offset + <u64>at, cell, 4) < 4) return -1;
  return <i64>load<u32>(cell);
}

/** When the file of `inode` was changed last. */
export function modifiedTime(inode: Inode): i64 {
  const low = read32(inode, I_MODIFIED);
  if (low < 0) return TIME_UNKNOWN;
  const seconds = <i64>(<i32>low);
  if (inode.superblock.inodeSize <= INODE_SIZE_OLD) return seconds;
  // Old inodes have no room for more.
  const extra = read32(inode, I_EXTRA_SIZE) & 0xffff;
  if (extra < <i64>(I_MODIFIED_MORE + 4 - <usize>INODE_SIZE_OLD)) return seconds;
  const more = read32(inode, I_MODIFIED_MORE);
  return more < 0 ? seconds : seconds + ((more & 3) << 32);
}
