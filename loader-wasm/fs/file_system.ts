// What files/files.ts asks of file systems: open a path on a device, and then read, seek, describe and list.

import { Device } from "../dev/device";
import { EINVAL, EOPNOTSUPP, EROFS, setErrno } from "../lib/errno";
import { ByteSource } from "../lib/guest";
import { Volume } from "../storage/volume";

/**
 * Modes of opening, as sys/fcntl.h has them. Nothing here can be written: what opens for it fails, or its writes do.
 */
export const O_RDONLY: i32 = 0;
export const O_WRONLY: i32 = 1;
export const O_RDWR: i32 = 2;

/** Where an offset of `seek` counts from (sys/unistd.h): start, position, end. */
export const SEEK_SET: i32 = 0;
export const SEEK_CUR: i32 = 1;
export const SEEK_END: i32 = 2;

/** File types in a mode (sys/stat.h), and their mask. */
export const S_IFMT: u32 = 0o170000;
export const S_IFDIR: u32 = 0o040000;
export const S_IFREG: u32 = 0o100000;
export const S_IFLNK: u32 = 0o120000;

/** What `fstat` tells. */
export class Stat {
  /** File type and permissions (S_IF*). */
  mode: u32 = 0;
  uid: u32 = 0;
  gid: u32 = 0;
  /** Bytes. */
  size: u64 = 0;
}

/** A directory entry. `type` is DT_* (mode >> 12), 0 when the file system doesn't tell. */
export class Dirent {
  constructor(
    readonly name: string,
    readonly type: u8,
    readonly fileno: u32,
  ) {}
}

/** What a file system says of itself as a whole, for people who look at it. */
export class VolumeFacts {
  label: string = "";
  /** Bytes that files and what keeps them take up, of those that there are; -1: not known. */
  used: i64 = -1;
  /** 1 when it was left in order, 0 when it wasn't, -1: not known. */
  clean: i32 = -1;
  /** Of which kind, or version, it is; empty when its name says all. */
  kind: string = "";

  constructor(
    /** Bytes of it. */
    readonly size: u64,
  ) {}
}

/** What `OpenFile.modified` gives where nobody knows. */
export const TIME_UNKNOWN: i64 = i64.MIN_VALUE;

/** Bytes that go to guest memory at a time where they can't go directly. */
const STEP: u32 = 131072;

/** An open file or directory. Positions are unsigned: one moved before the start is past the end. */
export abstract class OpenFile extends ByteSource {
  position: u64 = 0;

  /** Bytes, `u64.MAX_VALUE` when not known. */
  abstract size(): u64;

  abstract stat(): Stat;

  /** Whether `readToGuest` reads everything once, and seeking is cheap. */
  readsToGuest(): bool {
    return false;
  }

  /** `read` into guest memory, all of which exists. */
  readToGuest(gpa: u64, size: u64): i64 {
    return this.readInSteps(gpa, size, STEP);
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

  // What only those ask who look at a file system without booting from it.

  /** When it was changed last, in seconds since 1970; TIME_UNKNOWN. */
  modified(): i64 {
    return TIME_UNKNOWN;
  }

  /** The text of a symbolic link, for what `openLink` opened; null and errno for anything else. */
  linkText(): string | null {
    setErrno(EINVAL);
    return null;
  }

  /** What `entry`, which `readdir` gave last, stands for, a link for itself; null and errno: EOPNOTSUPP to be told by its path. */
  openEntry(_entry: Dirent): OpenFile | null {
    setErrno(EOPNOTSUPP);
    return null;
  }

  /** Bytes from the position on that are no data but a hole, as far as that is easily known. */
  hole(): u64 {
    return 0;
  }
}

/** A kind of file system, for any device that may have one. */
export abstract class FileSystem {
  constructor(
    readonly name: string,
    /**
     * The reference has it, too. There the errors of these (ELOOP, ENOTDIR) get lost when a compressed file of the name is
     * looked for afterwards, and "no such file" is what scripts know.
     */
    readonly inReference: bool = false,
    /** Names are the same in capitals and small letters. */
    readonly ignoresCase: bool = false,
  ) {}

  /** Whether its files are files of other file systems. */
  isLayer(): bool {
    return false;
  }

  /** Whether `volume` is one of its own by what it begins with, be it damaged. */
  knows(_volume: Volume): bool {
    return false;
  }

  /**
   * Opens `path` (from the root, with or without a leading `/`) on `device`. Null and errno: EINVAL when the device has no such
   * file system. `mode` is O_*.
   */
  abstract open(device: Device, path: string, mode: i32): OpenFile | null;

  /** The same, to be looked at, with a symbolic link as the last name of `path` standing for itself. */
  openLink(device: Device, path: string): OpenFile | null {
    return this.open(device, path, O_RDONLY);
  }

  /** What the one on `device`, where it opens files, says of itself; null when that is nothing. */
  facts(_device: Device): VolumeFacts | null {
    return null;
  }
}
