// Files as scripts and commands see them: descriptors 0..63 over whatever device and file system the path
// names (`disk0p2:/boot/kernel/kernel`, or relative to `currdev`). Errors: -1 (or null) and `errno`.

import { Device } from "../dev/device";
import { parseDevice } from "../dev/devices";
import { wants } from "../environment/questions";
import { Dirent, O_RDONLY, OpenFile, SEEK_CUR, SEEK_END, SEEK_SET, Stat } from "../fs/file_system";
import { openOn } from "../fs/file_systems";
import { Ascii } from "../lib/ascii";
import { copyText, countBefore } from "../lib/bytes";
import { EBADF, EINVAL, EIO, EMFILE, ENOTDIR, EOFFSET, EOPNOTSUPP, EROFS, errno, setErrno } from "../lib/errno";
import { allocate, burn } from "../lib/fault";
import { ByteSource, COPY_PIECE, fitsGuest } from "../lib/guest";
import { HOOK_FILES, PURPOSE_DATA, PURPOSE_NONE } from "../protocol";
import { examine } from "./examined";

const DESCRIPTOR_LIMIT: i32 = 64;
/** Small reads are served from a buffer of this size. Seeks and errors show it, so it is the reference's. */
const AHEAD_SIZE: i32 = 512;
/** Fuel for filling it. */
const AHEAD_COST: i64 = 64;
/** Raw devices are read from such boundaries. */
const RAW_BLOCK: u64 = 512;

/** An open descriptor: a file, or a device as such when `file` is null. */
class Descriptor extends ByteSource {
  /** Position on a raw device. */
  rawPosition: u64 = 0;
  /** Bytes read ahead of what the caller got: buffer, where its rest begins, and how long that is. */
  ahead: usize = 0;
  aheadAt: i32 = 0;
  aheadSize: i32 = 0;

  constructor(
    readonly device: Device,
    readonly file: OpenFile | null,
    readonly mode: i32,
    /** As it was opened. */
    readonly path: string,
  ) {
    super();
  }

  readable(): bool {
    return ((this.mode + 1) & 1) != 0;
  }

  writable(): bool {
    return ((this.mode + 1) & 2) != 0;
  }

  read(dst: usize, size: i32): i32 {
    // Files may be sparse and endless: what is read costs fuel, whether there is a disk read behind it or not.
    burn(8 + <i64>(size >> 4));
    const file = this.file;
    if (file === null) return this.readRaw(dst, size);
    let left = size;
    while (true) {
      const piece = min(this.aheadSize, left);
      if (piece > 0) {
        memory.copy(dst, this.ahead + <usize>this.aheadAt, <usize>piece);
        this.aheadAt += piece;
        this.aheadSize -= piece;
        left -= piece;
        dst += <usize>piece;
        if (left == 0) return size;
      }
      if (left >= AHEAD_SIZE) {
        const got = file.read(dst, left);
        return got < 0 ? -1 : size - left + got;
      }
      if (this.ahead == 0) this.ahead = allocate(AHEAD_SIZE);
      burn(AHEAD_COST);
      const got = file.read(this.ahead, AHEAD_SIZE);
      if (got < 0) return -1;
      this.aheadAt = 0;
      this.aheadSize = got;
      if (got == 0) return size - left;
    }
  }

  /** Reads a device without a file system. */
  private readRaw(dst: usize, size: i32): i32 {
    const volume = this.device.volume();
    if (volume === null) {
      // No disk fails here.
      setErrno(EINVAL);
      return -1;
    }
    const got = volume.read(this.rawPosition & ~(RAW_BLOCK - 1), dst, <u32>size);
    if (got > 0) this.rawPosition += <u64>got;
    return <i32>got;
  }
}

const descriptors: StaticArray<Descriptor | null> = new StaticArray<Descriptor | null>(DESCRIPTOR_LIMIT);

/** The descriptor behind `fd`; null and EBADF when it is not open. */
function descriptorOf(fd: i32): Descriptor | null {
  const descriptor = fd >= 0 && fd < DESCRIPTOR_LIMIT ? descriptors[fd] : null;
  if (descriptor === null) setErrno(EBADF);
  return descriptor;
}

/** Whether what the last `open` or `stat` failed to open may be there, and its device fails to tell or to give it. */
export let unreadable: bool = false;

/** Opens `path` for `purpose` (PURPOSE_*), of which the operator's hooks are told. Returns a descriptor. */
export function open(path: string, mode: i32 = O_RDONLY, purpose: i32 = PURPOSE_DATA): i32 {
  unreadable = false;
  let fd = 0;
  while (fd < DESCRIPTOR_LIMIT && descriptors[fd] !== null) fd++;
  if (fd == DESCRIPTOR_LIMIT) {
    setErrno(EMFILE);
    return -1;
  }
  const named = parseDevice(path);
  if (named === null) return -1;
  const device = named.device;
  const rest = named.path;
  const error = device.open();
  if (error != 0) {
    unreadable = device.unreadable;
    setErrno(error);
    return -1;
  }
  let file: OpenFile | null = null;
  if (rest.length > 0) {
    file = openOn(device, rest, mode);
    if (file !== null && purpose != PURPOSE_NONE && wants(HOOK_FILES)) file = examine(device, rest, file, purpose);
    if (file === null) {
      unreadable = errno == EIO;
      return -1;
    }
  }
  descriptors[fd] = new Descriptor(device, file, mode, path);
  return fd;
}

/** The path that `fd` was opened with, for messages. */
export function pathOf(fd: i32): string {
  const descriptor = descriptorOf(fd);
  return descriptor === null ? "" : descriptor.path;
}

/** Closes `fd`. 0, or -1 and errno. */
export function close(fd: i32): i32 {
  const descriptor = descriptorOf(fd);
  if (descriptor === null) return -1;
  const file = descriptor.file;
  if (file !== null) file.close();
  if (descriptor.ahead != 0) heap.free(descriptor.ahead);
  descriptors[fd] = null;
  return 0;
}

/** Reads up to `size` bytes at the file's position. Returns how many; fewer only at the end. */
export function read(fd: i32, dst: usize, size: i32): i32 {
  const descriptor = descriptorOf(fd);
  if (descriptor === null || !descriptor.readable() || size < 0) {
    setErrno(EBADF);
    return -1;
  }
  const got = descriptor.read(dst, size);
  // Reading well forgets what went wrong before, as scripts can see.
  if (got >= 0) setErrno(0);
  return got;
}

/**
 * Reads to the end of a line: at most `size` bytes, of which the last is LF (with `cr`, or CR) if one came. Returns
 * their number, 0 at the end of the file, -1 and errno.
 */
export function readToLineEnd(fd: i32, dst: usize, size: i32, cr: bool): i32 {
  let count = 0;
  while (count < size) {
    // Fills what is read ahead, if need be.
    const got = read(fd, dst + <usize>count, 1);
    if (got <= 0) return got < 0 ? -1 : count;
    const first = load<u8>(dst + <usize>count);
    count++;
    if (first == Ascii.NEWLINE || (cr && first == Ascii.RETURN)) return count;
    const descriptor = descriptorOf(fd);
    if (descriptor === null) return count;
    const from = descriptor.ahead + <usize>descriptor.aheadAt;
    const most = min(descriptor.aheadSize, size - count);
    const before = countBefore(from, most, Ascii.NEWLINE, cr ? Ascii.RETURN : Ascii.NEWLINE, Ascii.NEWLINE);
    const ended = before < most;
    const taken = ended ? before + 1 : before;
    copyText(dst + <usize>count, from, taken);
    descriptor.aheadAt += taken;
    descriptor.aheadSize -= taken;
    count += taken;
    if (ended) return count;
  }
  return count;
}

/** Whether seeking in `fd` is cheap; a compressed file is decoded from its start to go back. */
export function seeksCheaply(fd: i32): bool {
  const descriptor = descriptorOf(fd);
  if (descriptor === null) return true;
  const file = descriptor.file;
  return file === null || file.readsToGuest();
}

/** Like `read`, but into guest memory at `gpa`, from the disk directly where the layout allows. */
export function readToGuest(fd: i32, gpa: u64, size: u64): i64 {
  const descriptor = descriptorOf(fd);
  if (descriptor === null || !descriptor.readable()) {
    setErrno(EBADF);
    return -1;
  }
  const file = descriptor.file;
  if (file === null || !file.readsToGuest() || !fitsGuest(gpa, size)) {
    return descriptor.readInSteps(gpa, size, COPY_PIECE);
  }
  // Give back what was read ahead, so that all of it comes from the file in one go.
  if (descriptor.aheadSize > 0) {
    file.seek(-(<i64>descriptor.aheadSize), SEEK_CUR);
    descriptor.aheadSize = 0;
  }
  return file.readToGuest(gpa, size);
}

/** Always refused: every file system here is read only. */
export function write(fd: i32, src: usize, size: i32): i32 {
  const descriptor = descriptorOf(fd);
  if (descriptor === null || !descriptor.writable()) {
    setErrno(EBADF);
    return -1;
  }
  const file = descriptor.file;
  if (file !== null) return file.write(src, size);
  setErrno(EROFS);
  return -1;
}

/**
 * Moves the position as `whence` (SEEK_*) says: the new position, or -1 and errno. On a device without a file system
 * the end is not known (EOFFSET).
 */
export function seek(fd: i32, offset: i64, whence: i32): i64 {
  const descriptor = descriptorOf(fd);
  if (descriptor === null) return -1;
  const file = descriptor.file;
  if (file === null) {
    if (whence == SEEK_SET) descriptor.rawPosition = <u64>offset;
    else if (whence == SEEK_CUR) descriptor.rawPosition += <u64>offset;
    else {
      setErrno(EOFFSET);
      return -1;
    }
    return <i64>descriptor.rawPosition;
  }
  const ahead = <i64>descriptor.aheadSize;
  if (ahead > 0 && whence != SEEK_END) {
    const filePosition = file.seek(0, SEEK_CUR);
    if (filePosition == -1) return -1;
    if (whence != SEEK_SET && whence != SEEK_CUR) {
      setErrno(EINVAL);
      return -1;
    }
    const own = filePosition - ahead;
    const target = whence == SEEK_SET ? offset : own + offset;
    if (own <= target && target < filePosition) {
      descriptor.aheadAt += <i32>(target - own);
      descriptor.aheadSize -= <i32>(target - own);
      return target;
    }
  }
  descriptor.aheadSize = 0;
  return file.seek(whence == SEEK_CUR ? offset - ahead : offset, whence);
}

/** What the file system knows of an open file; null and errno, EOPNOTSUPP on a device without one. */
export function fstat(fd: i32): Stat | null {
  const descriptor = descriptorOf(fd);
  if (descriptor === null) return null;
  const file = descriptor.file;
  if (file !== null) return file.stat();
  setErrno(EOPNOTSUPP);
  return null;
}

/** The same of a path, whose content nobody examines. Null and errno. */
export function stat(path: string): Stat | null {
  const fd = open(path, O_RDONLY, PURPOSE_NONE);
  if (fd < 0) return null;
  const status = fstat(fd);
  const error = errno;
  close(fd);
  setErrno(error);
  return status;
}

/** The next entry of an open directory, or null at its end. */
export function readdir(fd: i32): Dirent | null {
  const descriptor = descriptorOf(fd);
  if (descriptor === null || !descriptor.readable()) {
    setErrno(EBADF);
    return null;
  }
  const file = descriptor.file;
  if (file !== null) return file.readdir();
  setErrno(ENOTDIR);
  return null;
}
