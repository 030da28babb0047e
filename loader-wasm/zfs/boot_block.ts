// The boot block of a label (OpenZFS's vdev_boot_envblock_t, zfs_bootenv.h): what the system left for the next boot. FreeBSD puts
// there which data set to boot once (`bectl activate -t`, `zfsbootcfg`), and variables. pool.ts reads it with the label.

import { cstringSize, stringAt } from "../lib/bytes";
import { BOOT_BLOCK_CONTENT, BOOT_BLOCK_LIST, BOOT_BLOCK_RAW, BOOT_BLOCK_SIZE, TAIL_SIZE } from "./layout";
import { NvList } from "./nvlist";

const BOOT_ONCE = "freebsd:bootonce";
const VARIABLES = "freebsd:nvstore";
/** Variables that are taken over, and bytes of a command as `zfsbootcfg` once wrote it, at most. */
const VARIABLES_MAX: i32 = 256;
const COMMAND_MAX: i32 = 512;

/** A variable: a text, or a number. */
export class StoredVariable {
  constructor(
    readonly name: string,
    readonly value: string,
    readonly isText: bool,
  ) {}
}

/** What is in one. */
export class BootBlock {
  /** The device to boot from this time, such as `zfs:pool/ROOT/name:`; null for none. */
  once: string | null = null;
  /** Whether variables could be in it. */
  isList: bool = false;
  readonly variables: StoredVariable[] = [];

  /** The variable `name`, or null. */
  find(name: string): StoredVariable | null {
    for (let i = 0; i < this.variables.length; i++) if (this.variables[i].name == name) return this.variables[i];
    return null;
  }
}

/** What the boot block at `src` says; null when it is empty. Its checksum was good. */
export function readBootBlock(src: usize): BootBlock | null {
  const result = new BootBlock();
  const version = bswap<u64>(load<u64>(src));
  if (version == BOOT_BLOCK_LIST) {
    const size = BOOT_BLOCK_SIZE - <u32>BOOT_BLOCK_CONTENT - TAIL_SIZE;
    const list = NvList.unpack(src + BOOT_BLOCK_CONTENT, size);
    if (list === null) return null;
    result.isList = true;
    result.once = list.text(BOOT_ONCE);
    const variables = list.list(VARIABLES);
    if (variables !== null) takeVariables(result, variables);
  } else if (version != BOOT_BLOCK_RAW) {
    // A command from before there were versions.
    const command = stringAt(src, cstringSize(src, COMMAND_MAX));
    if (command.startsWith("zfs:")) result.once = command;
  }
  return result.once === null && !result.isList ? null : result;
}

function takeVariables(result: BootBlock, list: NvList): void {
  const names = list.names();
  for (let i = 0; i < min(names.length, VARIABLES_MAX); i++) {
    const name = names[i];
    const text = list.text(name);
    if (text !== null) result.variables.push(new StoredVariable(name, text, true));
    else if (list.has(name)) result.variables.push(new StoredVariable(name, list.number(name).toString(), false));
  }
}
