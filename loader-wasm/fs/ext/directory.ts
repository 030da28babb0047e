// ext directories: entry after entry, none of which crosses a block. Blocks of an index look like blocks with one unused entry,
// so directories with an index are read as those without.

import { compareBytesAt, stringAt } from "../../lib/bytes";
import { rawCrc32c } from "../../lib/digests/crc32";
import { EIO, ENOENT, setErrno } from "../../lib/errno";
import { allocate, burn } from "../../lib/fault";
import { sumsAgree } from "../../lib/variant";
import { EntryWalk, extendsName } from "../blocks";
import { Inode } from "./inode";
import {
  D_INODE,
  D_NAME,
  D_NAME_LENGTH,
  D_RECORD,
  D_TYPE,
  ENTRY_SIZE_MIN,
  ENTRY_TYPES,
  FLAG_INDEX,
  I_BLOCKS_SIZE,
  INCOMPATIBLE_FILE_TYPE,
  INDEX_COUNT_AT,
  INDEX_COUNT_FIRST,
  INDEX_ENTRY_SIZE,
  INLINE_PARENT_SIZE,
  TAIL_SIZE,
  TYPE_CHECKSUM,
} from "./layout";

/** The block of a directory that was read last: of which, where it begins there, and its bytes. */
let block: usize = 0;
let blockOwner: Inode | null = null;
let blockStart: u64 = 0;
let blockBytes: u32 = 0;

/** Walks through a directory. */
export class DirectoryWalk extends EntryWalk {
  /** The name. */
  private at: usize = 0;
  private length: i32 = 0;

  constructor(
    readonly directory: Inode,
    position: u64,
  ) {
    super(position);
  }

  name(): string {
    return stringAt(this.at, this.length);
  }

  isCalled(name: string): bool {
    return compareBytesAt(name, this.at, this.length) == 0;
  }

  extends(name: string): bool {
    return extendsName(name, this.at, this.length);
  }

  next(): bool {
    const directory = this.directory;
    if (directory.isInline) this.position = max(this.position, INLINE_PARENT_SIZE);
    while (this.position < directory.length()) {
      burn(1);
      const at = this.position;
      if (!readBlock(directory, at)) return false;
      const entry = block + <usize>(at - blockStart);
      const room = blockBytes - <u32>(at - blockStart);
      const record: u32 = room < ENTRY_SIZE_MIN ? 0 : recordSize(load<u16>(entry, D_RECORD), directory.blockSize);
      if (record < ENTRY_SIZE_MIN || record > room || (record & 3) != 0) {
        directory.damaged(`directory entry at ${at}: length ${record}`, EIO);
        return false;
      }
      this.position = at + <u64>record;
      this.inode = load<u32>(entry, D_INODE);
      if (this.inode == 0) continue;
      const hasType = (directory.superblock.incompatible & INCOMPATIBLE_FILE_TYPE) != 0;
      const length = <u32>(hasType ? load<u8>(entry, D_NAME_LENGTH) : load<u16>(entry, D_NAME_LENGTH));
      const type = hasType ? <i32>load<u8>(entry, D_TYPE) : 0;
      if (length == 0 || length > record - <u32>D_NAME) {
        directory.damaged(`directory entry at ${at}: name of ${length} bytes in ${record}`, EIO);
        return false;
      }
      this.type = type < ENTRY_TYPES.length ? ENTRY_TYPES[type] : 0;
      this.at = entry + D_NAME;
      this.length = <i32>length;
      return true;
    }
    setErrno(ENOENT);
    return false;
  }
}

/** Bytes of an entry; those of 64 KiB don't fit into its field. */
function recordSize(value: u16, blockSize: u32): u32 {
  if (blockSize < 65536) return value;
  return value == 65535 || value == 0 ? blockSize : (<u32>value & 0xfffc) | ((<u32>value & 3) << 16);
}

/** Brings the block with `position` to memory. What is in an inode has two parts. False and errno. */
function readBlock(directory: Inode, position: u64): bool {
  const size = directory.blockSize;
  let start = position - (position % <u64>size);
  let bytes = <u32>min(<u64>size, directory.length() - start);
  if (directory.isInline) {
    const isFirst = position < <u64>I_BLOCKS_SIZE;
    start = isFirst ? 0 : <u64>I_BLOCKS_SIZE;
    bytes = <u32>((isFirst ? min(<u64>I_BLOCKS_SIZE, directory.length()) : directory.length()) - start);
  }
  if (blockOwner === directory && blockStart == start) return true;
  blockOwner = null;
  if (block != 0) heap.free(block);
  block = allocate(<usize>max(bytes, size));
  const got = directory.read(start, block, bytes);
  if (got < 0) return false;
  if (<u32>got < bytes || (directory.superblock.checksums && !directory.isInline && !isGood(directory, start, bytes))) {
    directory.damaged(`directory block at ${start}: checksum`, EIO);
    return false;
  }
  blockOwner = directory;
  blockStart = start;
  blockBytes = bytes;
  return true;
}

/** Whether the `size` bytes at `start` have the checksum that is behind their entries, or behind those of an index. */
function isGood(directory: Inode, start: u64, size: u32): bool {
  if (size < directory.blockSize) return false;
  const tail = block + <usize>(size - TAIL_SIZE);
  const hasTail =
    load<u32>(tail) == 0 && load<u16>(tail, D_RECORD) == <u16>TAIL_SIZE && load<u8>(tail, D_TYPE) == TYPE_CHECKSUM;
  if (hasTail) return sumsAgree(rawCrc32c(block, size - TAIL_SIZE, directory.seed), load<u32>(tail, D_NAME));
  if (!(directory.flags & FLAG_INDEX)) return false;
  const at = start == 0 ? INDEX_COUNT_FIRST : INDEX_COUNT_AT;
  const room = <u32>load<u16>(block + <usize>at);
  const count = <u32>load<u16>(block + <usize>at, 2);
  const end = at + room * INDEX_ENTRY_SIZE;
  if (count > room || end + 8 > size) return false;
  const sum = rawCrc32c(block, at + count * INDEX_ENTRY_SIZE, directory.seed);
  // Four bytes that nothing is in, and the checksum itself as zero.
  const checksum = load<u32>(block + <usize>end, 4);
  store<u32>(block + <usize>end, 0, 4);
  return sumsAgree(rawCrc32c(block + <usize>end, 8, sum), checksum);
}
