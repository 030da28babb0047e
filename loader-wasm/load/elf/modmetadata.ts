// Module metadata (sys/module.h): the linker set `modmetadata_set` of a kernel or module is a list of
// pointers to records that name the modules it contains, with versions, and those it depends on. All of it
// lies in guest memory by now, partly in need of relocation.

import { allocString } from "../../lib/bytes";
import { burn } from "../../lib/fault";
import { guestText, peekGuest } from "../../lib/guest";
import { print } from "../../lib/output";
import { KernelModule, MODINFOMD_DEPLIST, PreloadedFile } from "../preloaded";
import { ElfClass } from "./layout";

const MDT_DEPEND: i32 = 1;
const MDT_MODULE: i32 = 2;
const MDT_VERSION: i32 = 3;
const MDT_PNP_INFO: i32 = 4;

/** Size of `struct mod_depend`: minimum, preferred and maximum version. */
export const MOD_DEPEND_SIZE: u32 = 12;
/** Entries of a set that are looked at. */
const SET_LIMIT: u32 = 65536;

/** How pointers in the file become addresses in guest memory. */
export abstract class Relocator {
  /**
   * Makes the words in `size` bytes at `data`, a copy of what is at `gpa`, addresses. Returns 0, or an
   * errno that ends the loading.
   */
  abstract apply(gpa: u64, data: usize, size: u32): i32;

  /** Same for a record of `version, type, pointer, pointer`. */
  applyRecord(gpa: u64, data: usize, size: u32): i32 {
    return this.apply(gpa, data, size);
  }
}

/** What a set contained. */
export class SetResult {
  error: i32 = 0;
  /** Version records. */
  modules: i32 = 0;
}

const pointerCell: usize = memory.data(8, 8);
const recordCell: usize = memory.data(24, 8);

/** Reads the set at `start`..`end` into `file`. `strict` sets complain about types that they don't know. */
export function readModuleSet(
  file: PreloadedFile,
  elf: ElfClass,
  relocator: Relocator,
  start: u64,
  end: u64,
  kernel: bool,
  strict: bool,
): SetResult {
  const result = new SetResult();
  const word = elf.word;
  const recordSize = 8 + 2 * word;
  let entry = start;
  for (let count: u32 = 0; entry < end && count < SET_LIMIT; count++) {
    burn(1);
    memory.copy(pointerCell, peekGuest(entry, word), word);
    result.error = relocator.apply(entry, pointerCell, word);
    if (result.error != 0) return result;
    const record = elf.readWord(pointerCell);
    memory.copy(recordCell, peekGuest(record, recordSize), recordSize);
    result.error = relocator.applyRecord(record, recordCell, recordSize);
    if (result.error != 0) return result;
    entry += word;
    const type = load<i32>(recordCell, 4);
    const data = elf.readWord(recordCell + 8);
    const name = elf.readWord(recordCell + 8 + word);
    if (type == MDT_DEPEND) {
      if (!kernel) addDependency(file, guestText(name), data);
    } else if (type == MDT_VERSION) {
      addModule(file, guestText(name), load<i32>(peekGuest(data, 4)));
      result.modules++;
    } else if (strict && type != MDT_MODULE && type != MDT_PNP_INFO) {
      print(`unknown type ${type}\n`);
    }
  }
  return result;
}

/** Keeps a dependency with the file: the three versions at `gpa`, and the name. */
function addDependency(file: PreloadedFile, name: string, gpa: u64): void {
  const size = MOD_DEPEND_SIZE + name.length + 1;
  const record = heap.alloc(size);
  memory.copy(record, peekGuest(gpa, MOD_DEPEND_SIZE), MOD_DEPEND_SIZE);
  const text = allocString(name);
  memory.copy(record + MOD_DEPEND_SIZE, text, name.length + 1);
  file.addMetadata(MODINFOMD_DEPLIST, record, size);
  heap.free(text);
  heap.free(record);
}

/** Adds a module to the file, in front, unless it has it in this version. */
export function addModule(file: PreloadedFile, name: string, version: i32): void {
  for (let i = 0; i < file.modules.length; i++) {
    if (file.modules[i].name == name && file.modules[i].version == version) return;
  }
  file.modules.unshift(new KernelModule(name, version));
}

/** The module name of a file that doesn't tell one: its base name without the last extension. */
export function moduleNameOf(path: string): string {
  const base = path.lastIndexOf("/") + 1;
  const dot = path.lastIndexOf(".");
  if (dot == 0) return "bad";
  return dot < base ? path.substring(base) : path.substring(base, dot);
}
