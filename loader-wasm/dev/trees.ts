// The trees that the caller granted, through WASI (preview 1): one directory is open from the start, and tree N is
// its subdirectory `N`. Names are bytes here and UTF-8 there: each byte goes as the character of its number, so
// that every name survives. Device and file system `host:` work on this.

import { stringAt } from "../lib/bytes";
import {
  EACCES,
  EBADF,
  EINVAL,
  EIO,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  EPERM,
  setErrno,
} from "../lib/errno";
import { allocate, burn } from "../lib/fault";
import { fd_close, fd_filestat_get, fd_read, fd_readdir, fd_seek, path_open } from "../protocol";

/** Where hosts put the first directory that is open from the start; some have one of their own before it. */
const ROOT_FIRST: i32 = 3;
const ROOT_LAST: i32 = 4;
const TREES_MAX: i32 = 32;

/** Read, seek, tell, open below, list, status. */
const RIGHTS: u64 = (1 << 1) | (1 << 2) | (1 << 5) | (1 << 13) | (1 << 14) | (1 << 21);
const FILETYPE_DIRECTORY: u8 = 3;
const FILETYPE_REGULAR: u8 = 4;
const WHENCE_SET: i32 = 0;

/** Bytes of a path. */
export const PATH_MAX: i32 = 1023;
const NAME_MAX: i32 = 255;
/** Bytes of a path as UTF-8 with the tree's number before it. */
const PATH_ROOM: i32 = 2 * PATH_MAX + 16;

/** `filestat`: bytes, type and size. */
const FILESTAT_SIZE: i32 = 64;
const STATUS_TYPE: usize = 16;
const STATUS_SIZE: usize = 32;
/** `dirent`: cookie of the next one, length of the name, type; the name follows. */
const DIRENT_NAME_SIZE: usize = 16;
const DIRENT_TYPE: usize = 20;
const DIRENT_SIZE: usize = 24;

/** Fuel for one call. */
const CALL_COST: i64 = 64;
/** Bytes of a directory that are fetched at a time. */
const LISTING_SIZE: i32 = 16384;

const pathBytes: usize = memory.data(PATH_ROOM);
const cell: usize = memory.data(8, 8);
const buffers: usize = memory.data(8, 8);
const status: usize = memory.data(FILESTAT_SIZE, 8);

let root: i32 = 0;

/** How many trees there are. */
export let treeCount: i32 = 0;

/** An entry of a directory. */
export class TreeEntry {
  constructor(
    readonly name: string,
    readonly isDirectory: bool,
  ) {}
}

/** Finds out which trees are granted. */
export function findTrees(): void {
  for (root = ROOT_FIRST; root <= ROOT_LAST; root++) {
    treeCount = 0;
    while (treeCount < TREES_MAX) {
      const fd = openEntry(treeCount, "");
      if (fd < 0) break;
      closeEntry(fd);
      treeCount++;
    }
    if (treeCount > 0) return;
  }
}

/** Opens `path` (components between single slashes, or "") of tree `unit`. Returns a WASI descriptor, or -1 and errno. */
function openEntry(unit: i32, path: string): i32 {
  const name = path.length == 0 ? unit.toString() : `${unit}/${path}`;
  burn(CALL_COST + name.length);
  const size = storeUtf8(pathBytes, name);
  const error = path_open(root, 0, pathBytes, size, 0, RIGHTS, RIGHTS, 0, cell);
  if (error == 0) return load<i32>(cell);
  setErrno(errnoOf(error));
  return -1;
}

function closeEntry(fd: i32): void {
  fd_close(fd);
}

/** What is open in a tree. */
export class TreeFile {
  constructor(
    readonly fd: i32,
    readonly isDirectory: bool,
    /** Bytes of a file. */
    readonly size: u64,
  ) {}
}

/** Opens what `path`, absolute in tree `unit`, names. Null and errno. */
export function openPath(unit: i32, path: string): TreeFile | null {
  if (!path.startsWith("/")) return refused(ENOENT);
  if (path.length > PATH_MAX) return refused(ENAMETOOLONG);
  const parts: string[] = [];
  // Whether something says that the last component is a directory.
  let directory = false;
  for (let start = 1; start <= path.length; ) {
    let end = path.indexOf("/", start);
    if (end < 0) end = path.length;
    const part = path.substring(start, end);
    start = end + 1;
    directory = part.length == 0 || part == "." || part == "..";
    if (part.length > NAME_MAX) return refused(ENAMETOOLONG);
    if (part == "..") {
      // Up from a directory that is there; the top is its own parent.
      const above = openDirect(unit, parts.join("/"), true);
      if (above === null) return null;
      closeEntry(above.fd);
      if (parts.length > 0) parts.pop();
    } else if (!directory) parts.push(part);
  }
  return openDirect(unit, parts.join("/"), directory);
}

/** Opens a file or directory by its plain path. Null and errno, also when it must be a directory and isn't. */
function openDirect(unit: i32, path: string, mustBeDirectory: bool): TreeFile | null {
  const fd = openEntry(unit, path);
  if (fd < 0) return null;
  const error = fd_filestat_get(fd, status);
  const type = load<u8>(status + STATUS_TYPE);
  const isDirectory = type == FILETYPE_DIRECTORY;
  if (error == 0 && (isDirectory || (type == FILETYPE_REGULAR && !mustBeDirectory))) {
    return new TreeFile(fd, isDirectory, load<u64>(status + STATUS_SIZE));
  }
  closeEntry(fd);
  return refused(error != 0 ? errnoOf(error) : mustBeDirectory ? ENOTDIR : EINVAL);
}

/** Closes what `openPath` gave. */
export function closePath(fd: i32): void {
  closeEntry(fd);
}

/** Reads up to `size` bytes at the position. Returns how many, fewer only at the end, or -1 and errno. */
export function readPath(fd: i32, dst: usize, size: i32): i32 {
  let done = 0;
  while (done < size) {
    burn(CALL_COST);
    store<u32>(buffers, <u32>(dst + <usize>done));
    store<u32>(buffers, <u32>(size - done), 4);
    const error = fd_read(fd, buffers, 1, cell);
    if (error != 0) return failed(EINVAL);
    const got = load<u32>(cell);
    if (got == 0 || got > <u32>(size - done)) break;
    done += <i32>got;
  }
  return done;
}

/** Moves the position to `position`. Returns an errno. */
export function seekPath(fd: i32, position: i64): i32 {
  const error = fd_seek(fd, position, WHENCE_SET, cell);
  return error == 0 ? 0 : errnoOf(error);
}

/** Everything in directory `fd` but itself and its parent, in the host's order. Null and errno. */
export function listPath(fd: i32): TreeEntry[] | null {
  const entries: TreeEntry[] = [];
  const block = allocate(LISTING_SIZE);
  let cookie: u64 = 0;
  while (true) {
    burn(CALL_COST);
    const error = fd_readdir(fd, block, LISTING_SIZE, cookie, cell);
    if (error != 0) {
      heap.free(block);
      failed(errnoOf(error));
      return null;
    }
    const used = min<u32>(load<u32>(cell), LISTING_SIZE);
    const before = cookie;
    let at: usize = 0;
    while (at + DIRENT_SIZE <= <usize>used) {
      burn(CALL_COST);
      const entry = block + at;
      const size = load<u32>(entry + DIRENT_NAME_SIZE);
      if (<u64>at + DIRENT_SIZE + <u64>size > <u64>used) break;
      const name = loadUtf8(entry + DIRENT_SIZE, <i32>size);
      if (name != "." && name != "..") {
        entries.push(new TreeEntry(name, load<u8>(entry + DIRENT_TYPE) == FILETYPE_DIRECTORY));
      }
      cookie = load<u64>(entry);
      at += DIRENT_SIZE + <usize>size;
    }
    // A listing that doesn't fill the block is at its end; one without progress never gets there.
    if (used < <u32>LISTING_SIZE || cookie == before) break;
  }
  heap.free(block);
  return entries;
}

/** Stores byte string `text` as UTF-8, two bytes for those above 127. Returns the size. */
function storeUtf8(dst: usize, text: string): i32 {
  let size: usize = 0;
  for (let i = 0; i < text.length && size + 2 <= <usize>PATH_ROOM; i++) {
    const byte = text.charCodeAt(i) & 0xff;
    if (byte < 0x80) {
      store<u8>(dst + size, <u8>byte);
      size++;
    } else {
      store<u8>(dst + size, <u8>(0xc0 | (byte >> 6)));
      store<u8>(dst + size + 1, <u8>(0x80 | (byte & 0x3f)));
      size += 2;
    }
  }
  return <i32>size;
}

/** The byte string that `storeUtf8` stored; other characters than bytes stay as they are, in UTF-8. */
function loadUtf8(src: usize, size: i32): string {
  const raw = stringAt(src, size);
  let text = "";
  for (let i = 0; i < size; i++) {
    const c = raw.charCodeAt(i);
    const next = i + 1 < size ? raw.charCodeAt(i + 1) : 0;
    if ((c == 0xc2 || c == 0xc3) && (next & 0xc0) == 0x80) {
      text += String.fromCharCode(((c & 3) << 6) | (next & 0x3f));
      i++;
    } else text += String.fromCharCode(c);
  }
  return text;
}

function failed(error: i32): i32 {
  setErrno(error);
  return -1;
}

function refused(error: i32): TreeFile | null {
  setErrno(error);
  return null;
}

/** The errnos of WASI that are told apart. */
enum Wasi {
  ACCES = 2,
  BADF = 8,
  INVAL = 28,
  ISDIR = 31,
  LOOP = 32,
  NAMETOOLONG = 37,
  NOENT = 44,
  NOTDIR = 54,
  PERM = 63,
}

/** FreeBSD's value for a WASI errno. */
function errnoOf(error: i32): i32 {
  switch (error) {
    case Wasi.ACCES:
      return EACCES;
    case Wasi.BADF:
      return EBADF;
    case Wasi.INVAL:
      return EINVAL;
    case Wasi.ISDIR:
      return EISDIR;
    case Wasi.LOOP:
      return ELOOP;
    case Wasi.NAMETOOLONG:
      return ENAMETOOLONG;
    case Wasi.NOENT:
      return ENOENT;
    case Wasi.NOTDIR:
      return ENOTDIR;
    case Wasi.PERM:
      return EPERM;
    // Not to be reached from here: as good as not there.
    case 76:
      return ENOENT;
    default:
      return EIO;
  }
}
