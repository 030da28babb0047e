// Commands on devices: lsdev bcachestat lszfs reloadbe nvstore.

import { closePager, openPager } from "../console/pager";
import { BootStore, bootStore, loadBootEnvironments, printChildren } from "../dev/boot_environments";
import { printDevices } from "../dev/devices";
import { getenv } from "../environment/variables";
import { Ascii } from "../lib/ascii";
import { EROFS, strerror } from "../lib/errno";
import { COMPLAINED, Options } from "../lib/getopt";
import { CMD_ERROR, CMD_OK, failCommand } from "../lib/outcome";
import { print } from "../lib/output";
import { hex } from "../lib/text";
import { CHUNK_LIMIT, CHUNK_SIZE, cacheAhead, cacheFetches, cacheHits, cacheMisses } from "../storage/block_cache";
import { disks } from "../storage/disk";

/** What statistics count in. */
const BLOCK_SIZE: u32 = 512;

/** `lsdev [-v]`. */
export function commandLsdev(argv: string[]): i32 {
  const options = new Options(argv, "v");
  const option = options.only();
  if (option < 0) return CMD_OK;
  const verbose = option > 0;
  openPager();
  printDevices(verbose);
  closePager();
  return CMD_OK;
}

/** `bcachestat`: how the block cache did; a block is 512 bytes. */
export function commandBcachestat(argv: string[]): i32 {
  if (argv.length != 1) return failCommand("wrong number of arguments");
  const used = disks.length > 0;
  print(`\ncache blocks: ${<u32>CHUNK_LIMIT * (CHUNK_SIZE / BLOCK_SIZE)}\n`);
  print(`cache blocksz: ${BLOCK_SIZE}\n`);
  print(`cache readahead: ${cacheAhead * (CHUNK_SIZE / BLOCK_SIZE)}\n`);
  print(`unit cache blocks: ${used ? <u32>CHUNK_LIMIT * (CHUNK_SIZE / BLOCK_SIZE) : 0}\n`);
  print(`cached units: ${used ? 1 : 0}\n`);
  print(`${cacheFetches} ops 0 bypasses ${cacheHits} hits ${cacheMisses} misses\n`);
  return CMD_OK;
}

/** `lszfs DATASET`: lists the children of a ZFS data set. */
export function commandLszfs(argv: string[]): i32 {
  if (argv.length != 2) return failCommand("a single dataset must be supplied");
  const error = printChildren(argv[1]);
  return error == 0 ? CMD_OK : failCommand(strerror(error));
}

/** `reloadbe [DATASET]`: reads the list of boot environments anew. */
export function commandReloadbe(argv: string[]): i32 {
  if (argv.length > 2) return failCommand("wrong number of arguments");
  const root = argv.length == 2 ? argv[1] : getenv("zfs_be_root");
  if (root === null) return CMD_OK;
  const error = loadBootEnvironments(root);
  return error == 0 ? CMD_OK : failCommand(strerror(error));
}

// ---- nvstore ----------------------------------------------------------------------------------------

/**
 * `nvstore -l`, `nvstore STORE -l | -g KEY | -d KEY | [-t TYPE] KEY VALUE`: what is kept from boot to boot. There is one
 * store at most, the boot block of the pool that is booted from; it can be read, since disks can.
 */
export function commandNvstore(argv: string[]): i32 {
  const options = new Options(argv, "l");
  const listed = options.only();
  if (listed < 0) return CMD_ERROR;
  const store = bootStore;
  const operands = argv.slice(options.index);
  if (operands.length == 0 && listed > 0) {
    print(store === null ? "No configured nvstores\n" : `List of configured nvstores:\n\t${store.name}\n`);
    return CMD_OK;
  }
  if (operands.length == 0 || listed > 0 || store === null || store.name != operands[0]) {
    nvstoreUsage(argv[0]);
    return CMD_ERROR;
  }
  return onStore(store, argv[0], operands);
}

/** Does with `store` what `argv`, its name and options, say. */
function onStore(store: BootStore, command: string, argv: string[]): i32 {
  const options = new Options(argv, "d:g:lt:");
  let what = 0;
  let key = "";
  while (true) {
    const option = options.next();
    if (option < 0) break;
    if (option == COMPLAINED) return CMD_ERROR;
    if (option == Ascii.LOWER_T) continue;
    if (what != 0 && what != option) {
      nvstoreUsage(command);
      return CMD_ERROR;
    }
    what = option;
    key = options.argument;
  }
  if (what == Ascii.LOWER_L) {
    for (let i = 0; i < store.block.variables.length; i++) {
      const variable = store.block.variables[i];
      const value = variable.isText ? `"${variable.value}"` : `0x${hex(U64.parseInt(variable.value))}`;
      print(`DATA_TYPE_${variable.isText ? "STRING" : "UINT64"} [1] ${variable.name} = ${value}\n`);
    }
    return CMD_OK;
  }
  if (what == Ascii.LOWER_G) {
    const variable = store.block.find(key);
    if (variable !== null && variable.isText) print(`${key} = ${variable.value}\n`);
    return CMD_OK;
  }
  if (what == 0 && argv.length - options.index != 2) {
    nvstoreUsage(command);
    return CMD_OK;
  }
  // The reference says nothing about what it can't delete; that it is still there is worth a word.
  print(`error: ${strerror(EROFS)}\n`);
  return CMD_ERROR;
}

function nvstoreUsage(command: string): void {
  print(`Usage:\t${command} -l\n`);
  const uses = ["-l", "[-t type] key value", "-g key", "-d key"];
  for (let i = 0; i < uses.length; i++) print(`\t${command} store ${uses[i]}\n`);
}
