// What a stretch of a disk looks like by its magic numbers: file systems and containers, most of which nobody here reads.
// Only for telling people what is there; nothing is decided by it.

import { stringAt } from "../lib/bytes";
import { allocate } from "../lib/fault";
import { Disk } from "./disk";

/** Offset, magic number, and what has it there; a negative offset is from the last sector. In the order of their trust. */
class Mark {
  constructor(
    readonly at: i64,
    readonly magic: string,
    readonly title: string,
  ) {}
}

const LAST_SECTOR: i64 = -1;

const MARKS: Mark[] = [
  new Mark(LAST_SECTOR, "GEOM::ELI", "encrypted by GELI"),
  new Mark(0, "LUKS\xba\xbe", "encrypted by LUKS"),
  new Mark(3, "-FVE-FS-", "encrypted by BitLocker"),
  new Mark(3, "NTFS    ", "NTFS"),
  new Mark(3, "EXFAT   ", "exFAT"),
  new Mark(54, "FAT12", "FAT12"),
  new Mark(54, "FAT16", "FAT16"),
  new Mark(82, "FAT32", "FAT32"),
  new Mark(0, "XFSB", "XFS"),
  new Mark(512, "LABELONE", "LVM"),
  new Mark(1080, "\x53\xef", "ext2, ext3 or ext4"),
  new Mark(4086, "SWAPSPACE2", "Linux swap"),
  new Mark(4096, "\xfc\x4e\x2b\xa9", "Linux RAID"),
  new Mark(8192 + 1372, "\x54\x19\x01\0", "UFS1"),
  new Mark(65536 + 1372, "\x19\x01\x54\x19", "UFS2"),
  new Mark(32769, "CD001", "ISO 9660"),
  new Mark(65600, "_BHRfS_M", "btrfs"),
  // A packed list of names and values, of a little-endian machine and of a big-endian one.
  new Mark(16384, "\x01\x01\0\0\0\0\0\0\0\0\0\x01", "ZFS"),
  new Mark(16384, "\x01\0\0\0\0\0\0\0\0\0\0\x01", "ZFS, big-endian"),
  new Mark(LAST_SECTOR, "GEOM::MIRROR", "gmirror"),
  new Mark(LAST_SECTOR, "GEOM::LABEL", "glabel"),
];

/** Longest magic number, and what is read of the start to see whether there is anything. */
const MAGIC_MAX: i32 = 16;
const START_SIZE: u32 = 4096;

/** What is in the `size` bytes from `start` of `disk` on; empty when nothing is recognised. */
export function contentOf(disk: Disk, start: u64, size: u64): string {
  const block = allocate(<usize>START_SIZE);
  let found = "";
  for (let i = 0; i < MARKS.length && found.length == 0; i++) {
    const mark = MARKS[i];
    const length = mark.magic.length;
    if (size < <u64>disk.sectorSize || mark.at + <i64>length > <i64>size) continue;
    const at = mark.at < 0 ? (size / <u64>disk.sectorSize) * <u64>disk.sectorSize - <u64>disk.sectorSize : <u64>mark.at;
    if (disk.read(start + at, block, MAGIC_MAX) < <i64>length) continue;
    if (stringAt(block, length) == mark.magic) found = mark.title;
  }
  if (found.length == 0 && disk.read(start, block, START_SIZE) == <i64>START_SIZE && isZero(block)) found = "zeros";
  heap.free(block);
  return found;
}

function isZero(block: usize): bool {
  for (let at: usize = 0; at < <usize>START_SIZE; at += 8) if (load<u64>(block + at) != 0) return false;
  return true;
}
