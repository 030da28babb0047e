// Which flavour the guest wants: the mark `$Interpreter:NAME` in its /boot/loader. A loader without a mark
// is from before there was a choice, and means Forth; no loader means no preference, and so does one that the disk
// fails to give, with a word about it: what can't be read may have a mark. DragonFly's loader is from before there was a
// choice, too, and knows no Forth: its start-up script tells.

import { close, fstat, open, read, stat, unreadable } from "../files/files";
import { S_IFDIR, S_IFMT } from "../fs/file_system";
import { allocString, cstringAt, stringAt } from "../lib/bytes";
import { errno, strerror } from "../lib/errno";
import { allocate, burn } from "../lib/fault";
import { flush, print } from "../lib/output";
import { swap_interpreter } from "../protocol";

/** The program that the mark is in. */
export const LOADER_PATH = "/boot/loader";
const MARK = "$Interpreter:";
/** What an unmarked loader is taken for. */
const UNMARKED = "4th";
/** DragonFly's start-up script, which is in / where /boot is a file system of its own, and the flavour that has its words. */
const DRAGONFLY_SCRIPTS: string[] = ["/boot/dloader.rc", "/dloader.rc"];
const DRAGONFLY_FLAVOUR = "simp";
/** Bytes of a name that are passed on; a longer one matches no flavour anyway. */
const NAME_LIMIT: i32 = 65536;
/** Bytes searched at a time. */
const CHUNK: i32 = 65536;

/** What `markOffset` gives when there is no offset: nobody looked, no loader, a loader without a mark, one that can't be read. */
const NOT_LOOKED: i64 = -1;
const NO_FILE: i64 = -2;
const NO_MARK: i64 = -3;
const UNREADABLE: i64 = -4;
let found: i64 = NOT_LOOKED;

/** Exported to the host, which tells why it swapped, or didn't: where in the loader the mark is, or one of the above. */
export function markOffset(): i64 {
  return found;
}

/** The path of DragonFly's start-up script, or "" when the guest has none. */
export function dragonflyScript(): string {
  for (let i = 0; i < DRAGONFLY_SCRIPTS.length; i++) {
    if (stat(DRAGONFLY_SCRIPTS[i]) !== null) return DRAGONFLY_SCRIPTS[i];
  }
  return "";
}

/** Asks the host for another flavour when the guest's loader wants one other than `own`. */
export function checkInterpreter(own: string): void {
  const wanted = wantedInterpreter();
  if (wanted === null || wanted == own) return;
  flush();
  swap_interpreter(allocString(wanted), wanted.length);
}

/** What the guest's loader wants; null for no preference. */
export function wantedInterpreter(): string | null {
  found = NO_FILE;
  const fd = open(LOADER_PATH);
  let wanted: string | null = null;
  if (fd >= 0) {
    const status = fstat(fd);
    if (status !== null) wanted = (status.mode & S_IFMT) == S_IFDIR ? UNMARKED : findMark(fd, status.size);
    close(fd);
  } else if (unreadable) {
    cantRead();
    return null;
  }
  if (found < 0 && found != UNREADABLE && dragonflyScript().length > 0) wanted = DRAGONFLY_FLAVOUR;
  return wanted;
}

function cantRead(): void {
  found = UNREADABLE;
  print(`can't read '${LOADER_PATH}': ${strerror(errno)}\n`);
}

/** The name after the first mark in the file, `UNMARKED` without one, null when the file ends before its size or can't be read. */
function findMark(fd: i32, size: u64): string | null {
  const block = allocate(MARK.length + CHUNK + NAME_LIMIT);
  // The last bytes of a chunk stay in front of the next one, so that a mark across the border is found.
  let kept = 0;
  let seen: u64 = 0;
  let name: string | null = null;
  while (true) {
    burn(CHUNK >> 6);
    const got = read(fd, block + <usize>kept, CHUNK);
    if (got < 0) {
      cantRead();
      break;
    }
    seen += <u64>got;
    const filled = kept + got;
    const at = indexOfMark(block, filled);
    if (at >= 0) {
      const markAt = <i64>seen - <i64>(filled - at);
      const start = at + MARK.length;
      let end = filled;
      let more = got;
      while (more > 0 && end - start < NAME_LIMIT) {
        more = read(fd, block + <usize>end, min(NAME_LIMIT - (end - start), NAME_LIMIT + MARK.length + CHUNK - end));
        if (more > 0) {
          end += more;
          seen += <u64>more;
        }
      }
      if (more < 0) {
        cantRead();
        break;
      }
      found = markAt;
      name = nameAt(block + <usize>start, end - start);
      break;
    }
    if (got == 0) {
      if (seen >= size) {
        name = UNMARKED;
        found = NO_MARK;
      }
      break;
    }
    kept = min(filled, MARK.length - 1);
    memory.copy(block, block + <usize>(filled - kept), kept);
  }
  heap.free(block);
  return name;
}

/** Where the mark begins in `size` bytes at `block`, or -1. */
function indexOfMark(block: usize, size: i32): i32 {
  const first = <u8>MARK.charCodeAt(0);
  for (let i = 0; i + MARK.length <= size; i++) {
    if (load<u8>(block + <usize>i) == first && stringAt(block + <usize>i, MARK.length) == MARK) return i;
  }
  return -1;
}

/** The byte that the reference finds behind the file in its memory, where its allocator guards the block. */
const GUARD = String.fromCharCode(0xfe);

/** The bytes up to a NUL. A name that the file's end cuts off is none: the guard byte is part of it. */
function nameAt(src: usize, size: i32): string {
  const name = cstringAt(src, size);
  const length = name.length;
  return length < size || length >= NAME_LIMIT ? name : name + GUARD;
}
