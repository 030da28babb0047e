// What fs/files.ts asks of file systems: open a path on a device, and then read, seek, describe and list.

import { Device } from "../dev/device";
import { EINVAL, EROFS, setErrno } from "../lib/errno";
import { allocate } from "../lib/fault";
import { copyin, getmem } from "../protocol";
import { Dirent, SEEK_CUR, SEEK_END, SEEK_SET, Stat } from "./files";

/** Bytes that go to guest memory at a time; what doesn't fit there as a whole is not written. */
export const GUEST_PIECE: u32 = 4096;

const lowCell: usize = memory.data(8, 8);
const highCell: usize = memory.data(8, 8);
/** Low memory is reached through addresses below this. */
const LOW_LIMIT: u64 = 0x80000000;

/** Whether `size` bytes at `gpa` are all in guest memory, so that it doesn't matter in what pieces they are written. */
export function fitsGuest(gpa: u64, size: u64): bool {
  getmem(lowCell, highCell);
  const end = min(load<u64>(lowCell), LOW_LIMIT);
  return gpa <= end && size <= end - gpa;
}

/** An open file or directory. Positions are unsigned: one moved before the start is past the end. */
export abstract class OpenFile {
  position: u64 = 0;

  /** Bytes, `u64.MAX_VALUE` when not known. */
  abstract size(): u64;

  abstract stat(): Stat;

  /** Reads up to `size` bytes at the position and advances it. Returns how many, fewer only at the end, or -1 and errno. */
  abstract read(dst: usize, size: i32): i32;

  /** `read` into guest memory. */
  readToGuest(gpa: u64, size: u64): i64 {
    const piece = allocate(GUEST_PIECE);
    let done: u64 = 0;
    while (done < size) {
      const got = this.read(piece, <i32>min(size - done, <u64>GUEST_PIECE));
      if (got < 0) {
        heap.free(piece);
        return -1;
      }
      if (got == 0) break;
      copyin(piece, gpa + done, <u32>got);
      done += <u64>got;
    }
    heap.free(piece);
    return <i64>done;
  }

  /** Moves the position; from the end, it counts backwards. Returns the new one, or -1 and errno. */
  seek(offset: i64, whence: i32): i64 {
    switch (whence) {
      case SEEK_SET:
        this.position = <u64>offset;
        break;
      case SEEK_CUR:
        this.position += <u64>offset;
        break;
      case SEEK_END:
        this.position = this.size() - <u64>offset;
        break;
      default:
        setErrno(EINVAL);
        return -1;
    }
    return <i64>this.position;
  }

  /** Writes nothing: file systems are read only. */
  write(_src: usize, _size: i32): i32 {
    setErrno(EROFS);
    return -1;
  }

  /** The next directory entry; null and errno at the end. */
  abstract readdir(): Dirent | null;

  /** Releases what it holds. */
  close(): void {}
}

export abstract class FileSystem {
  constructor(readonly name: string) {}

  /**
   * Opens `path` (from the root, with or without a leading `/`) on `device`. Null and errno: EINVAL when the device has no such
   * file system. `mode` is O_*.
   */
  abstract open(device: Device, path: string, mode: i32): OpenFile | null;
}
