// What UFS says of a volume as a whole and of a file's age, for those who look at it without booting from it: the superblock
// and the inode are read once more for that.

import { cstringAt } from "../../lib/bytes";
import { allocate } from "../../lib/fault";
import { Volume } from "../../storage/volume";
import { TIME_UNKNOWN, VolumeFacts } from "../file_system";
import { Inode } from "./inode";
import {
  FS_CLEAN,
  FS_DATA_SIZE,
  FS_FREE_BLOCKS,
  FS_FREE_FRAGMENTS,
  FS_LABEL,
  FS_LABEL_SIZE,
  FS_MAGIC,
  FS_OLD_DATA_SIZE,
  FS_OLD_FREE_BLOCKS,
  FS_OLD_FREE_FRAGMENTS,
  FS_OLD_SIZE,
  FS_SIZE,
  I1_MODIFIED,
  I2_MODIFIED,
  MAGIC_UFS1,
  MAGIC_UFS2,
  SUPERBLOCK_OFFSETS,
  SUPERBLOCK_SIZE,
} from "./layout";
import { Superblock } from "./superblock";

/** Sizes in fragments, from the superblock in memory at `src`. */
function factsAt(src: usize, superblock: Superblock): VolumeFacts {
  const fragment = <u64>superblock.fragmentSize;
  const perBlock = <u64>(superblock.blockSize / superblock.fragmentSize);
  const ufs2 = superblock.ufs2;
  const size = ufs2 ? load<u64>(src, FS_SIZE) : <u64>load<u32>(src, FS_OLD_SIZE);
  const data = ufs2 ? load<u64>(src, FS_DATA_SIZE) : <u64>load<u32>(src, FS_OLD_DATA_SIZE);
  const blocks = ufs2 ? load<u64>(src, FS_FREE_BLOCKS) : <u64>load<u32>(src, FS_OLD_FREE_BLOCKS);
  const fragments = ufs2 ? load<u64>(src, FS_FREE_FRAGMENTS) : <u64>load<u32>(src, FS_OLD_FREE_FRAGMENTS);
  const most = u64.MAX_VALUE / fragment / perBlock / 4;
  const facts = new VolumeFacts(min(size, most) * fragment);
  const free = min(blocks, most) * perBlock + min(fragments, most);
  if (data <= most && free <= data) facts.used = <i64>((data - free) * fragment);
  facts.clean = load<u8>(src, FS_CLEAN) != 0 ? 1 : 0;
  facts.kind = ufs2 ? "UFS2" : "UFS1";
  facts.label = cstringAt(src + FS_LABEL, FS_LABEL_SIZE);
  return facts;
}

/** What the superblock of `volume` says, which was decoded as `superblock`; null when the alternate one had to do. */
export function superblockFacts(volume: Volume, superblock: Superblock): VolumeFacts | null {
  const block = allocate(SUPERBLOCK_SIZE);
  const magic = superblock.ufs2 ? MAGIC_UFS2 : MAGIC_UFS1;
  let facts: VolumeFacts | null = null;
  for (let i = 0; facts === null && i < SUPERBLOCK_OFFSETS.length; i++) {
    if (volume.read(SUPERBLOCK_OFFSETS[i], block, SUPERBLOCK_SIZE) < <i64>SUPERBLOCK_SIZE) continue;
    const again = new Superblock(block);
    const same = again.fragmentSize == superblock.fragmentSize && again.blockSize == superblock.blockSize;
    if (load<u32>(block, FS_MAGIC) == magic && same) facts = factsAt(block, superblock);
  }
  heap.free(block);
  return facts;
}

const timeCell: usize = memory.data(8, 8);

/** When the file of `inode` was changed last. */
export function modifiedTime(inode: Inode): i64 {
  const ufs2 = inode.superblock.ufs2;
  const size: u32 = ufs2 ? 8 : 4;
  const at = inode.superblock.inodeOffset(inode.number) + <u64>(ufs2 ? I2_MODIFIED : I1_MODIFIED);
  if (inode.volume.read(at, timeCell, size) < <i64>size) return TIME_UNKNOWN;
  return ufs2 ? load<i64>(timeCell) : <i64>load<i32>(timeCell);
}
