// Files and directories that the host has open, by handles; userboot_inspect.ts exports what it asks of them. Content goes to
// guest memory, of which an inspection has as much as one answer may carry: from the disk directly, where the layout allows.

import {
  Dirent,
  O_RDONLY,
  OpenFile,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  SEEK_SET,
  TIME_UNKNOWN,
} from "../fs/file_system";
import { openOn, openPlain } from "../fs/file_systems";
import { EBADF, EISDIR, EMFILE, ENOENT, EOPNOTSUPP, errno, setErrno } from "../lib/errno";
import { burn } from "../lib/fault";
import * as answer from "./answer";
import { Place, placeOf } from "./paths";

/** Files that are open at a time. */
const HANDLES: i32 = 16;
/** How a path is opened: a link for itself; what the loader would get, which may be unpacked. */
const FLAG_LINK: i32 = 1;
const FLAG_UNPACKED: i32 = 2;
/** What a list has of each entry: its name and kind only, or all. */
const FUEL_OF_ENTRY: i64 = 32;

/** Kinds of entries (sys/dirent.h), which are those of modes without the rest. */
const TYPE_SHIFT: u32 = 12;

class Handle {
  constructor(
    readonly file: OpenFile,
    readonly place: Place,
  ) {}
}

const handles: StaticArray<Handle | null> = new StaticArray<Handle | null>(HANDLES);

function handleOf(number: i32): Handle | null {
  const handle = number >= 0 && number < HANDLES ? handles[number] : null;
  if (handle === null) setErrno(EBADF);
  return handle;
}

/** Opens `path`, by FLAG_*. Returns a handle, or minus an errno. */
export function openHandle(path: string, flags: i32): i32 {
  let number = 0;
  while (number < HANDLES && handles[number] !== null) number++;
  if (number == HANDLES) return -EMFILE;
  const place = placeOf(path);
  if (place === null) return -errno;
  const file =
    flags & FLAG_UNPACKED
      ? openOn(place.device, place.path, O_RDONLY)
      : openPlain(place.device, place.path, (flags & FLAG_LINK) != 0);
  if (file === null) return -errno;
  handles[number] = new Handle(file, place);
  return number;
}

/** Closes what `openHandle` gave. */
export function closeHandle(number: i32): void {
  const handle = handleOf(number);
  if (handle === null) return;
  handle.file.close();
  handles[number] = null;
}

function kindOf(type: u32): string {
  if (type == S_IFDIR >> TYPE_SHIFT) return "directory";
  if (type == S_IFREG >> TYPE_SHIFT) return "file";
  return type == S_IFLNK >> TYPE_SHIFT ? "link" : "other";
}

/** Members that tell of `file`. */
function tellStatus(file: OpenFile): void {
  const status = file.stat();
  answer.textOf("type", kindOf(status.mode >> TYPE_SHIFT));
  if (status.size != u64.MAX_VALUE) answer.numberOf("size", status.size);
  answer.numberOf("mode", status.mode & ~S_IFMT);
  answer.numberOf("uid", status.uid);
  answer.numberOf("gid", status.gid);
  const modified = file.modified();
  if (modified != TIME_UNKNOWN) answer.signedOf("mtime", modified);
  if ((status.mode & S_IFMT) != S_IFLNK) return;
  const target = file.linkText();
  if (target !== null) answer.textOf("target", target);
}

/** Answers what an open file is. Returns 0, or minus an errno. */
export function tellHandle(number: i32): i32 {
  const handle = handleOf(number);
  if (handle === null) return -errno;
  answer.open("{");
  tellStatus(handle.file);
  answer.close("}");
  return 0;
}

/** What `entry` of the directory `handle` is; null and errno. */
function opened(handle: Handle, entry: Dirent): OpenFile | null {
  const file = handle.file.openEntry(entry);
  if (file !== null || errno != EOPNOTSUPP) return file;
  const place = handle.place;
  const slash = place.path.endsWith("/") ? "" : "/";
  return openPlain(place.device, place.path + slash + entry.name, true);
}

/** Answers the next entries of an open directory, at most `most`, with `details` as `tellHandle`'s. Returns 0, or minus an errno. */
export function listHandle(number: i32, most: i32, details: bool): i32 {
  const handle = handleOf(number);
  if (handle === null) return -errno;
  let more = true;
  answer.open("{");
  answer.key("entries");
  answer.open("[");
  for (let count = 0; count < most && answer.answerSize() < answer.ANSWER_ENOUGH; ) {
    burn(FUEL_OF_ENTRY);
    setErrno(ENOENT);
    const entry = handle.file.readdir();
    if (entry === null) {
      if (errno != ENOENT) return -errno;
      more = false;
      break;
    }
    if (entry.name == "." || entry.name == "..") continue;
    count++;
    answer.open("{");
    answer.textOf("name", entry.name);
    tellEntry(handle, entry, details);
    answer.close("}");
  }
  answer.close("]");
  answer.flagOf("more", more);
  answer.close("}");
  return 0;
}

function tellEntry(handle: Handle, entry: Dirent, details: bool): void {
  if (!details && entry.type != 0) {
    answer.textOf("type", kindOf(entry.type));
    return;
  }
  const file = opened(handle, entry);
  if (file !== null) {
    tellStatus(file);
    file.close();
    return;
  }
  // An entry that leads to damage is one all the same.
  const error = errno;
  answer.textOf("type", kindOf(entry.type));
  answer.numberOf("error", error);
}

/** Reads up to `size` bytes at `position` into guest memory from 0 on. Returns how many, 0 at the end, or minus an errno. */
export function readHandle(number: i32, position: u64, size: u32): i64 {
  const handle = handleOf(number);
  if (handle === null) return -errno;
  const file = handle.file;
  if ((file.stat().mode & S_IFMT) == S_IFDIR) return -EISDIR;
  if (file.position != position && file.seek(<i64>position, SEEK_SET) != <i64>position) return -errno;
  burn(<i64>(size >> 10));
  const got = file.readsToGuest() ? file.readToGuest(0, size) : file.readInSteps(0, size, size);
  return got < 0 ? -errno : got;
}

/** Bytes from `position` on that are a hole, for an open file; 0 also when nobody knows. */
export function holeHandle(number: i32, position: u64): u64 {
  const handle = handleOf(number);
  if (handle === null) return 0;
  const file = handle.file;
  if (file.position != position && file.seek(<i64>position, SEEK_SET) != <i64>position) return 0;
  return file.hole();
}
