// Commands on devices: lsdev bcachestat lszfs reloadbe.
// STUB: bcachestat, lszfs and reloadbe are filled in by the device work.

import { closePager, openPager } from "../console/pager";
import { Options } from "../lib/getopt";
import { CMD_OK, failCommand } from "../lib/outcome";
import { printDevices } from "./devices";

/** `lsdev [-v]`. */
export function commandLsdev(argv: string[]): i32 {
  const options = new Options(argv, "v");
  let verbose = false;
  while (true) {
    const option = options.next();
    if (option < 0) break;
    if (option != 0x76) return CMD_OK;
    verbose = true;
  }
  openPager();
  printDevices(verbose);
  closePager();
  return CMD_OK;
}

export function commandBcachestat(argv: string[]): i32 {
  if (argv.length != 1) return failCommand("wrong number of arguments");
  return CMD_OK;
}

export function commandLszfs(_argv: string[]): i32 {
  return CMD_OK;
}

export function commandReloadbe(_argv: string[]): i32 {
  return CMD_OK;
}
