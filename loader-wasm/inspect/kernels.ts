// Kernels, as an inspection tells them: for which machine, and the text in them that the system shows when it starts.

import { hintsVersion } from "../boot/detection";
import { close, fstat, open, read, readdir, seek } from "../files/files";
import { O_RDONLY, SEEK_SET } from "../fs/file_system";
import { Ascii } from "../lib/ascii";
import { compareBytes, countBefore, cstringAt } from "../lib/bytes";
import { EIO, errno, strerror } from "../lib/errno";
import { allocate, burn } from "../lib/fault";
import { isDigit, isUpper } from "../lib/text";
import { EM_386, EM_X86_64 } from "../load/elf/layout";
import { PURPOSE_NONE } from "../protocol";
import * as answer from "./answer";
import { addProblem } from "./configuration";

/** Kernels that are told. */
const KERNELS_MAX: i32 = 32;
const BOOT = "/boot";
const NAME = "kernel";

/** What of an ELF header tells for which machine it is. */
const ELF_HEAD: i32 = 20;
const ELF_MAGIC: u32 = 0x464c457f;
const E_MACHINE: usize = 18;
/** The machines that FreeBSD runs on. */
const MACHINES: StaticArray<i32> = [EM_X86_64, EM_386, 183, 243, 40, 21, 20];
const MACHINE_NAMES: string[] = ["amd64", "i386", "arm64", "riscv", "arm", "powerpc64", "powerpc"];

/** What the version begins with (newvers.sh), before a release such as `12.1-`. Bytes of a kernel that are looked through, and of the text. */
const MARK = "FreeBSD ";
const SEARCHED_MAX: u64 = 256 << 20;
const CHUNK: i32 = 65536;
const TEXT_MAX: i32 = 256;

function machineName(machine: i32): string {
  for (let i = 0; i < MACHINES.length; i++) if (MACHINES[i] == machine) return MACHINE_NAMES[i];
  return `machine ${machine}`;
}

/** Whether a release follows, in the text of `size` bytes at `at`. */
function isRelease(at: usize, size: i32): bool {
  let i = 0;
  for (let part = 0; part < 2; part++) {
    const start = i;
    while (i < size && isDigit(load<u8>(at + <usize>i))) i++;
    if (i == start || i >= size || load<u8>(at + <usize>i) != (part == 0 ? Ascii.POINT : Ascii.MINUS)) return false;
    i++;
  }
  return i < size && isUpper(load<u8>(at + <usize>i));
}

/** The version of the kernel that would be loaded; empty when it isn't known. */
export let chosenVersion: string = "";

/** Why the kernel that was looked at last can't be read as a whole; empty when it can, as far as was looked. */
let unreadable: string = "";

/** Looks at the end of the open kernel `fd` of `size` bytes, which is what a disk that was cut off lacks. */
function tryEnd(fd: i32, size: u64): void {
  const cell = memory.data(8);
  if (size == 0 || size == u64.MAX_VALUE || seek(fd, <i64>(size - 1), SEEK_SET) < 0) return;
  if (read(fd, cell, 1) < 0) unreadable = strerror(errno);
}

/** The version in the open kernel `fd`; empty when there is none, or it can't be read. */
function versionIn(fd: i32): string {
  const block = allocate(<usize>(CHUNK + TEXT_MAX));
  let text = "";
  let kept = 0;
  for (let seen: u64 = 0; seen < SEARCHED_MAX && text.length == 0; ) {
    burn(CHUNK >> 4);
    const got = read(fd, block + <usize>kept, CHUNK);
    if (got < 0) unreadable = strerror(errno);
    if (got <= 0) break;
    seen += <u64>got;
    const filled = kept + got;
    // At a kernel's end a text may be cut off; there is none of interest.
    const last = filled - TEXT_MAX;
    for (let at = 0; at < last; at++) {
      at += countBefore(block + <usize>at, last - at, MARK.charCodeAt(0), MARK.charCodeAt(0), MARK.charCodeAt(0));
      if (at >= last) break;
      const here = block + <usize>at;
      if (load<u64>(here) != 0x2044534265657246 || !isRelease(here + 8, TEXT_MAX - 8)) continue;
      text = cstringAt(here, TEXT_MAX);
      break;
    }
    kept = min(filled, TEXT_MAX);
    memory.copy(block, block + <usize>(filled - kept), <usize>kept);
  }
  heap.free(block);
  return text;
}

/** When it was built: what follows the number of the build in the version, `#0 r354233: Fri Nov  1 ...`. */
function builtIn(version: string): string {
  const number = version.indexOf("#");
  const colon = number < 0 ? -1 : version.indexOf(": ", number);
  if (colon < 0) return "";
  const end = version.indexOf("\n", colon);
  return version.substring(colon + 2, end < 0 ? version.length : end);
}

/** `text` in one line. */
function oneLine(text: string): string {
  let line = "";
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c > Ascii.SPACE) line += String.fromCharCode(c);
    else if (line.length > 0 && !line.endsWith(" ")) line += " ";
  }
  return line.trimEnd();
}

/** Answers the kernel `path`, whose modules' index is in `directory`; it is `chosen` if it would be loaded. */
function tellKernel(path: string, directory: string, chosen: bool): void {
  const fd = open(path, O_RDONLY, PURPOSE_NONE);
  const head = allocate(<usize>ELF_HEAD);
  const got = fd < 0 ? -1 : read(fd, head, ELF_HEAD);
  const why = errno;
  const machine = got == ELF_HEAD && load<u32>(head) == ELF_MAGIC ? <i32>load<u16>(head, E_MACHINE) : 0;
  heap.free(head);
  answer.open("{");
  answer.textOf("path", path);
  answer.textOf("machine", machine == 0 ? "" : machineName(machine));
  if (got < 0) answer.textOf("problem", strerror(why));
  else if (machine == 0) answer.textOf("problem", "not an ELF file");
  else {
    unreadable = "";
    seek(fd, 0, SEEK_SET);
    const version = versionIn(fd);
    const status = fstat(fd);
    if (status !== null) tryEnd(fd, status.size);
    if (unreadable.length > 0) answer.textOf("problem", `can't be read: ${unreadable}`);
    if (chosen) chosenVersion = oneLine(version);
    answer.textIf("version", oneLine(version));
    answer.textIf("built", builtIn(version));
  }
  const osreldate = hintsVersion(`${directory}/linker.hints`);
  if (osreldate != 0) answer.numberOf("osreldate", osreldate);
  answer.close("}");
  if (fd >= 0) close(fd);
}

/** Whether there is a kernel in `directory`, perhaps a compressed one. */
function hasKernel(directory: string): bool {
  const fd = open(`${directory}/${NAME}`, O_RDONLY, PURPOSE_NONE);
  if (fd >= 0) close(fd);
  // One that can't be read is one all the same.
  return fd >= 0 || errno == EIO;
}

/** Answers the kernels in /boot, and `chosen`, if it is another one. */
export function tellKernels(chosen: string): void {
  const directories: string[] = [];
  const fd = open(BOOT, O_RDONLY, PURPOSE_NONE);
  if (fd < 0) addProblem(`${BOOT}: ${strerror(errno)}`);
  else {
    for (let entry = readdir(fd); entry !== null; entry = readdir(fd)) {
      burn(16);
      // Directories by their types, where they have some.
      const maybe = entry.type == 4 || entry.type == 10 || entry.type == 0;
      if (!maybe || entry.name == "." || entry.name == "..") continue;
      const directory = `${BOOT}/${entry.name}`;
      if (!hasKernel(directory)) continue;
      if (directories.length == KERNELS_MAX) {
        addProblem(`${BOOT}: more than ${KERNELS_MAX} kernels`);
        break;
      }
      directories.push(directory);
    }
    close(fd);
  }
  directories.sort(compareBytes);
  chosenVersion = "";
  answer.key("kernels");
  answer.open("[");
  let told = false;
  for (let i = 0; i < directories.length; i++) {
    const path = `${directories[i]}/${NAME}`;
    told = told || path == chosen;
    tellKernel(path, directories[i], path == chosen);
  }
  if (!told) tellKernel(chosen, chosen.substring(0, max(chosen.lastIndexOf("/"), 0)), true);
  answer.close("]");
}
