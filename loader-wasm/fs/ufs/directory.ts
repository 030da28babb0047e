// UFS directories: entry after entry, none of which crosses a block.

import { compareBytesAt, cstringSize, stringAt } from "../../lib/bytes";
import { EIO, ENOENT, setErrno } from "../../lib/errno";
import { burn } from "../../lib/fault";
import { EntryWalk, extendsName } from "../blocks";
import { Inode } from "./inode";
import { D_INODE, D_NAME, D_NAME_LENGTH, D_RECORD, D_TYPE, ENTRY_SIZE_MIN } from "./layout";

/** Bytes of the largest useful entry. */
const ENTRY_SIZE_MAX: u32 = 264;
const entry: usize = memory.data(ENTRY_SIZE_MAX, 8);

/** Walks through a directory. */
export class DirectoryWalk extends EntryWalk {
  /** Bytes of the name, which is in `entry` until the next step. */
  private length: i32 = 0;

  constructor(
    readonly directory: Inode,
    position: u64,
  ) {
    super(position);
  }

  name(): string {
    return stringAt(entry + D_NAME, this.length);
  }

  isCalled(name: string): bool {
    return compareBytesAt(name, entry + D_NAME, this.length) == 0;
  }

  extends(name: string): bool {
    return extendsName(name, entry + D_NAME, this.length);
  }

  next(): bool {
    const directory = this.directory;
    const blockSize = <u64>directory.superblock.blockSize;
    while (this.position < directory.size) {
      burn(1);
      const at = this.position;
      const room = <u32>min(blockSize - (at % blockSize), directory.size - at);
      const got = directory.read(at, entry, min(room, ENTRY_SIZE_MAX));
      if (got < 0) return false;
      const record = <u32>load<u16>(entry, D_RECORD);
      if (<u32>got < ENTRY_SIZE_MIN || record < ENTRY_SIZE_MIN || record > room || (record & 3) != 0) {
        directory.damaged(`directory entry at ${at}: length ${record}`, EIO);
        return false;
      }
      this.position = at + <u64>record;
      this.inode = load<u32>(entry, D_INODE);
      if (this.inode == 0) continue;
      this.type = load<u8>(entry, D_TYPE);
      // Old directories have the length of the name where the type is now.
      const length = directory.superblock.maxSymlink <= 0 ? <i32>this.type : <i32>load<u8>(entry, D_NAME_LENGTH);
      if (<u32>length + <u32>D_NAME > min(record, <u32>got)) {
        directory.damaged(`directory entry at ${at}: name of ${length} bytes in ${record}`, EIO);
        return false;
      }
      this.length = cstringSize(entry + D_NAME, length);
      return true;
    }
    setErrno(ENOENT);
    return false;
  }
}
