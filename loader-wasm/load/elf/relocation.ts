// Relocation of the few words of a module that the loader itself looks at. The image in guest memory stays
// as it is: the kernel's linker relocates it later.

import { EFTYPE, EOPNOTSUPP } from "../../lib/errno";
import { burn } from "../../lib/fault";
import { print } from "../../lib/output";
import { copyout } from "../../protocol";
import { ElfClass, R_X86_64_64, R_X86_64_IRELATIVE, R_X86_64_RELATIVE } from "./layout";

/** No such symbol (sys/errno.h). */
export const ESRCH: i32 = 3;

/** Entries of a table that are looked at. */
const TABLE_LIMIT: u64 = 0x100000;
/** Entries fetched at a time. */
const BATCH: u64 = 128;
const batch: usize = memory.data(3072, 8);

/** Addresses of symbols by index; 0 when there is none. */
export abstract class SymbolAddresses {
  abstract addressOf(index: u32): u64;
}

/** For tables whose relocations name none: one that does is refused with ESRCH. */
export class NoSymbols extends SymbolAddresses {
  addressOf(_index: u32): u64 {
    return 0;
  }
}

/**
 * Applies the relocations of a table at `gpa` that concern `size` bytes at `data`, a copy of what is at `at`.
 * `base` is where offset 0 is; `withAddends` tells Rela from Rel. Returns 0 or an errno.
 */
export function applyTable(
  elf: ElfClass,
  gpa: u64,
  bytes: u64,
  withAddends: bool,
  base: u64,
  at: u64,
  data: usize,
  size: u32,
  symbols: SymbolAddresses,
): i32 {
  const entrySize = withAddends ? elf.relaSize : elf.relSize;
  const count = min(bytes / entrySize, TABLE_LIMIT);
  // The reference's amd64 build knows no 32-bit relocations.
  if (elf.bits == 32) return count > 0 ? EOPNOTSUPP : 0;
  let some: u64 = 0;
  for (let i: u64 = 0; i < count; i += some) {
    some = min(count - i, BATCH);
    burn(<i64>some);
    // At the border of memory one by one; nothing is behind it.
    if (copyout(gpa + i * entrySize, batch, <u32>some * entrySize) != 0) {
      some = 1;
      if (copyout(gpa + i * entrySize, batch, entrySize) != 0) return 0;
    }
    for (let j: u64 = 0; j < some; j++) {
      const entry = batch + <usize>(j * entrySize);
      const where = base + load<u64>(entry) - at;
      if (where >= <u64>size) continue;
      const addend = withAddends ? load<u64>(entry, 16) : wordAt(data, size, where);
      const error = applyEntry(load<u32>(entry, 8), load<u32>(entry, 12), addend, base, symbols);
      if (error != 0) return error;
      if (changed) storeWordAt(data, size, where, value);
    }
  }
  return 0;
}

/** What the last `applyEntry` found: whether there is a new value, and that. */
let changed: bool = false;
let value: u64 = 0;

/** Computes the word of a relocation. Returns 0 or an errno. */
function applyEntry(type: u32, symbol: u32, addend: u64, base: u64, symbols: SymbolAddresses): i32 {
  changed = type != R_X86_64_IRELATIVE;
  if (type == R_X86_64_64) {
    const address = symbols.addressOf(symbol);
    if (address == 0) return ESRCH;
    value = address + addend;
  } else if (type == R_X86_64_RELATIVE) {
    value = base + addend;
  } else if (changed) {
    print(`\nunhandled relocation type ${type}\n`);
    return EFTYPE;
  }
  return 0;
}

/** The word at `where`, as far as it lies within `size` bytes at `data`. */
function wordAt(data: usize, size: u32, where: u64): u64 {
  let value: u64 = 0;
  for (let i: u64 = 0; i < 8 && where + i < <u64>size; i++) {
    value |= (<u64>load<u8>(data + <usize>(where + i))) << (8 * i);
  }
  return value;
}

function storeWordAt(data: usize, size: u32, where: u64, value: u64): void {
  for (let i: u64 = 0; i < 8 && where + i < <u64>size; i++) {
    store<u8>(data + <usize>(where + i), <u8>(value >> (8 * i)));
  }
}
