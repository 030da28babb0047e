// Which release the guest is, from which follows the loader that is emulated (lib/profile.ts). Three marks, the best
// first: a script of the userland, which the loader is a part of, has the release in clear text; the index of the kernel's
// modules has the kernel's version; scripts of the loader have come with some releases. None of it is the kernel, which
// may be large or compressed. A guest with no mark is taken for one of 12.1, and so is one whose disk fails to give any.

import { close, open, read, stat } from "../files/files";
import { O_RDONLY } from "../fs/file_system";
import { stringAt } from "../lib/bytes";
import { allocate, burn } from "../lib/fault";
import { profile, useProfile } from "../lib/profile";
import { isDigit } from "../lib/text";
import { PURPOSE_NONE } from "../protocol";

/** Where illumos' loader keeps a script, and nobody else. */
const ILLUMOS_SCRIPT = "/boot/forth/loader.4th";
/** What its variable ISADIR is: the kernel's directory for the machine that it boots. */
export const ISADIR = "amd64";

/** Whether the guest on `currdev` is one of illumos. */
export function isIllumos(): bool {
  return stat(ILLUMOS_SCRIPT) !== null;
}

/** What the profile is from; host/profile.ts has their names. */
const FROM_NOTHING: i32 = 0;
const FROM_CALLER: i32 = 1;
const FROM_USERLAND: i32 = 2;
const FROM_HINTS: i32 = 3;
const FROM_SCRIPTS: i32 = 4;
let from: i32 = FROM_NOTHING;
/** Major and minor number in one, 1304 for 13.4; 0 when it isn't known. */
let release: i32 = 0;

/** Minor numbers are below. */
const MINORS: i32 = 100;

/** Exported to the host, which may want a profile whatever the guest is. Comes before the loader starts. */
export function wantProfile(generation: i32): void {
  useProfile(generation);
  from = FROM_CALLER;
}

/** Exported to the host: generation, what it is from, and the release, 16 bits each from the lowest on. */
export function profileFacts(): i64 {
  return <i64>profile.generation | ((<i64>from) << 16) | ((<i64>release) << 32);
}

/** Finds out which release the guest on `currdev` is, unless the caller knows. */
export function detectProfile(): void {
  if (from == FROM_CALLER) return;
  release = userlandRelease();
  from = FROM_USERLAND;
  if (release == 0) {
    release = kernelRelease();
    from = FROM_HINTS;
  }
  let major = release / MINORS;
  if (release == 0) {
    major = scriptsMajor();
    from = major == 0 ? FROM_NOTHING : FROM_SCRIPTS;
  }
  useProfile(major);
}

/** Opens one of the marks' files, of whose use no operator is told. Negative when it isn't there. */
function openMark(path: string): i32 {
  return open(path, O_RDONLY, PURPOSE_NONE);
}

// ---- the userland's version -------------------------------------------------------------------------------

/** The script that tells the version of the userland, which is a line of it; how that begins, and how much is looked at. */
export const USERLAND_PATH = "/bin/freebsd-version";
const USERLAND_MARK = 'USERLAND_VERSION="';
const USERLAND_SIZE: i32 = 4096;

function userlandRelease(): i32 {
  return releaseIn(userlandVersion());
}

/** What the userland says that it is, such as `13.4-RELEASE-p1`; empty when it doesn't. */
export function userlandVersion(): string {
  const fd = openMark(USERLAND_PATH);
  if (fd < 0) return "";
  const block = allocate(USERLAND_SIZE);
  const got = read(fd, block, USERLAND_SIZE);
  const text = stringAt(block, max(got, 0));
  heap.free(block);
  close(fd);
  const at = text.indexOf(USERLAND_MARK);
  if (at < 0) return "";
  const start = at + USERLAND_MARK.length;
  const end = text.indexOf('"', start);
  return text.substring(start, end < 0 ? text.length : end);
}

/** The release that `text` begins with, such as `13.4-RELEASE`; 0 when it is none. */
function releaseIn(text: string): i32 {
  let at = 0;
  let numbers: StaticArray<i32> = [0, 0];
  for (let i = 0; i < 2; i++) {
    for (; at < text.length && isDigit(text.charCodeAt(at)); at++) {
      numbers[i] = numbers[i] * 10 + (text.charCodeAt(at) - 0x30);
      if (numbers[i] >= MINORS) return 0;
    }
    if (i == 0 && (at >= text.length || text.charCodeAt(at++) != 0x2e)) return 0;
  }
  return numbers[0] * MINORS + numbers[1];
}

// ---- the kernel's version ---------------------------------------------------------------------------------

/**
 * The index of modules, kldxref(8): a version and records, each a length and so many bytes: a type; the rest by the type.
 * That of a module's version goes on with a name, whose length is a byte, and the version at the next multiple of 4. The
 * kernel is a module, its version sys/param.h's.
 */
const HINTS_PATH = "/boot/kernel/linker.hints";
const HINTS_VERSIONS: u32 = 2;
/** Bytes that are read at a time, which is more than a record has, and in all. */
const HINTS_CHUNK: i32 = 65536;
const HINTS_SIZE: i32 = 2 * 1024 * 1024;
const RECORD_VERSION: u32 = 3;
const KERNEL = "kernel";
/** Where the name and the version of a record for the kernel are. */
const NAME_AT: usize = 4;
const VERSION_AT: usize = 12;
const RECORD_SIZE: u32 = 16;
/** The version of release 13.4 is 1304000 and a little. */
const VERSION_STEP: u32 = 1000;

function kernelRelease(): i32 {
  const numbers = hintsVersion(HINTS_PATH) / VERSION_STEP;
  return numbers < <u32>(MINORS * MINORS) ? <i32>numbers : 0;
}

/** The version of the kernel, by the index of its modules at `path`; 0 when it isn't there. */
export function hintsVersion(path: string): u32 {
  const fd = openMark(path);
  if (fd < 0) return 0;
  const block = allocate(HINTS_CHUNK);
  let found: u32 = 0;
  let kept = 0;
  let at = 4;
  for (let seen = 0; seen < HINTS_SIZE && found == 0; ) {
    const got = read(fd, block + <usize>kept, HINTS_CHUNK - kept);
    if (got <= 0) break;
    if (seen == 0 && (got < 4 || load<u32>(block) - 1 >= HINTS_VERSIONS)) break;
    seen += got;
    const filled = kept + got;
    let size: u32 = 0;
    while (found == 0 && at + 4 <= filled) {
      burn(1);
      size = load<u32>(block + <usize>at);
      if (size > <u32>(filled - at - 4)) break;
      found = kernelRecord(block + <usize>at + 4, size);
      at += 4 + <i32>size;
    }
    // A record that no chunk can hold is none.
    if (size > <u32>(HINTS_CHUNK - 4)) break;
    kept = filled - at;
    memory.copy(block, block + <usize>at, <usize>kept);
    at = 0;
  }
  heap.free(block);
  close(fd);
  return found;
}

/** The version in the record of `size` bytes at `record`, when it is the one of the kernel's; else 0. */
function kernelRecord(record: usize, size: u32): u32 {
  if (size < RECORD_SIZE || load<u32>(record) != RECORD_VERSION) return 0;
  if (load<u8>(record + NAME_AT) != KERNEL.length) return 0;
  if (stringAt(record + NAME_AT + 1, KERNEL.length) != KERNEL) return 0;
  return load<u32>(record + VERSION_AT);
}

// ---- the loader's scripts ---------------------------------------------------------------------------------

/** Major number of the release whose scripts these are, or 0. */
function scriptsMajor(): i32 {
  if (stat("/boot/lua/gfx-install.lua") !== null) return 15;
  return stat("/boot/lua/gfx-orb.lua") !== null ? 13 : 0;
}
