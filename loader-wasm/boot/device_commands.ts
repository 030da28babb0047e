// Commands on devices: lsdev bcachestat lszfs reloadbe.

import { closePager, openPager } from "../console/pager";
import { loadBootEnvironments, printChildren } from "../dev/boot_environments";
import { printDevices } from "../dev/devices";
import { getenv } from "../environment/variables";
import { strerror } from "../lib/errno";
import { Options } from "../lib/getopt";
import { CMD_OK, failCommand } from "../lib/outcome";
import { print } from "../lib/output";
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
