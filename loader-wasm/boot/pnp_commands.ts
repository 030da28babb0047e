// Commands that look for modules by what devices say of themselves: pnpmatch pnpload pnpautoload. Later loaders have them
// for machines whose firmware lists its devices; on a PC a script can name one.

import { Ascii } from "../lib/ascii";
import { Options } from "../lib/getopt";
import { CMD_CRIT, CMD_ERROR, CMD_OK, failCommand, failDetailed } from "../lib/outcome";
import { print } from "../lib/output";
import { profile } from "../lib/profile";
import { loadModule } from "../load/modules";
import { PnpQuery } from "../load/pnp";

/** What `argv` looks for; null after a complaint (`complained`) or without the two operands. */
function queryOf(argv: string[]): PnpQuery | null {
  const options = new Options(argv, "vd");
  let verbose = false;
  let dump = false;
  complained = false;
  while (true) {
    const option = options.next();
    if (option < 0) break;
    if (option == Ascii.LOWER_V) verbose = true;
    else if (option == Ascii.LOWER_D) dump = true;
    else {
      complained = true;
      return null;
    }
  }
  if (argv.length - options.index != 2) return null;
  return new PnpQuery(argv[options.index], argv[options.index + 1], verbose, dump);
}
let complained: bool = false;

/** `pnpmatch [-v] [-d] BUS DEVICE`: names the file of the module for a device. */
export function commandPnpmatch(argv: string[]): i32 {
  const query = queryOf(argv);
  if (query === null) {
    return complained ? CMD_OK : failCommand("Usage: pnpmatch <busname> compat=<compatdata>", CMD_CRIT);
  }
  const file = query.search();
  if (file !== null) print(`Matched module: ${file}\n`);
  else if (profile.generation < 14) print(`No module matches ${query.bus}\n`);
  else print(`No module matches ${query.device} on bus ${query.bus}\n`);
  return CMD_OK;
}

/** `pnpload [-v] [-d] BUS DEVICE`: loads it. */
export function commandPnpload(argv: string[]): i32 {
  const query = queryOf(argv);
  if (query === null) {
    return complained ? CMD_OK : failCommand("Usage: pnpload <busname> compat=<compatdata>");
  }
  const file = query.search();
  // The reference goes on without a name, and dies.
  if (file === null) return failDetailed(`no module matches '${query.device}' on bus '${query.bus}'`, CMD_CRIT);
  return loadModule(file, null, []) == 0 ? CMD_OK : CMD_CRIT;
}

/** `pnpautoload [-v] [BUS]`: would load what the firmware lists. No bus of a PC has such a list. */
export function commandPnpautoload(argv: string[]): i32 {
  const options = new Options(argv, "v");
  if (options.only() < 0) return CMD_OK;
  const operands = argv.length - options.index;
  if (operands > 1) return CMD_ERROR;
  print(`Unsupported bus ${operands == 1 ? argv[options.index] : "(null)"}\n`);
  return CMD_OK;
}
