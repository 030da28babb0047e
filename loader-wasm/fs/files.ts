// Files as scripts and commands see them: descriptors 0..63 over whatever device and file system the path
// names (`disk0p2:/boot/kernel/kernel`, or relative to `currdev`). Errors: -1 (or null) and `errno`.
// STUB: filled in by the file system work.

import { ENOENT, setErrno } from "../lib/errno";

export const O_RDONLY: i32 = 0;
export const O_WRONLY: i32 = 1;
export const O_RDWR: i32 = 2;

export const SEEK_SET: i32 = 0;
export const SEEK_CUR: i32 = 1;
export const SEEK_END: i32 = 2;

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

/** Opens `path`. Returns a descriptor. */
export function open(_path: string, _mode: i32 = O_RDONLY): i32 {
  setErrno(ENOENT);
  return -1;
}

export function close(_fd: i32): i32 {
  return 0;
}

/** Reads up to `size` bytes at the file's position. Returns how many; fewer only at the end. */
export function read(_fd: i32, _dst: usize, _size: i32): i32 {
  return 0;
}

/** Like `read`, but into guest memory at `gpa`, from the disk directly where the layout allows. */
export function readToGuest(_fd: i32, _gpa: u64, _size: u64): i64 {
  return 0;
}

/** Always refused: every file system here is read only. */
export function write(_fd: i32, _src: usize, _size: i32): i32 {
  return -1;
}

export function seek(_fd: i32, _offset: i64, _whence: i32): i64 {
  return -1;
}

export function fstat(_fd: i32): Stat | null {
  return null;
}

export function stat(_path: string): Stat | null {
  setErrno(ENOENT);
  return null;
}

/** The next entry of an open directory, or null at its end. */
export function readdir(_fd: i32): Dirent | null {
  return null;
}
