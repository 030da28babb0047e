// Commands on loaded files: load load_geli unload lsmod.

import { closePager, openPager, page } from "../console/pager";
import { Ascii } from "../lib/ascii";
import { COMPLAINED, Options } from "../lib/getopt";
import { CMD_CRIT, CMD_ERROR, CMD_FATAL, CMD_OK, CMD_WARN, failCommand, failDetailed } from "../lib/outcome";
import { profile } from "../lib/profile";
import { clip, hex, scanInteger } from "../lib/text";
import { loadKld, loadModule, loadRaw, unload } from "../load/modules";
import { findFile, PreloadedFile, preloadedFiles } from "../load/preloaded";
import { hasPath } from "../load/search";

/** Bytes of a line of `lsmod`. */
const LINE_SIZE: i32 = 80;

/** `load [-k] [-t TYPE] FILE [ARGUMENT...]`. */
export function commandLoad(argv: string[]): i32 {
  if (argv.length == 1) return failCommand("no filename specified", CMD_CRIT);
  const options = new Options(argv, profile.generation < 15 ? "dkp:s:t:" : "kt:");
  let type: string | null = null;
  let explicit = false;
  while (true) {
    const option = options.next();
    if (option < 0) break;
    if (option == COMPLAINED) return CMD_OK;
    if (option == Ascii.LOWER_K) explicit = true;
    if (option == Ascii.LOWER_T) type = options.argument;
  }
  const operands = argv.slice(options.index);
  if (type !== null) {
    if (operands.length != 1 || type.length == 0) return failCommand("invalid load type", CMD_CRIT);
    return loadAs(operands[0], type);
  }
  if (operands.length == 0) {
    // The text with which the reference prints that there is none.
    return explicit ? failDetailed("can't find '(null)'", CMD_CRIT) : failCommand("no filename specified", CMD_CRIT);
  }
  const name = operands[0];
  const args = operands.slice(1);
  const error = explicit || hasPath(name) ? loadKld(name, args) : loadModule(name, null, args);
  return error == 0 ? CMD_OK : CMD_CRIT;
}

function loadAs(name: string, type: string): i32 {
  if (findFile(name, type) !== null) return failDetailed(`warning: file '${name}' already loaded`, CMD_WARN);
  if (loadRaw(name, type)) return CMD_OK;
  // A system without its root file system in memory can't run.
  return type == "mfs_root" ? CMD_FATAL : CMD_ERROR;
}

/** `load_geli [-n KEY] PROVIDER FILE`: loads a key file for the kernel's disk encryption. */
export function commandLoadGeli(argv: string[]): i32 {
  const usage = "usage is [-n key#] <prov> <file>";
  if (argv.length < 3) return failCommand(usage);
  const options = new Options(argv, "n:");
  let key: i32 = 0;
  while (true) {
    const option = options.next();
    if (option < 0) break;
    if (option != Ascii.LOWER_N) return CMD_OK;
    const number = scanInteger(options.argument);
    key = <i32>number.value;
    if (number.end == 0) return failDetailed(`bad key index '${options.argument}'`);
  }
  if (argv.length - options.index < 2) return failCommand(usage);
  return loadRaw(argv[options.index + 1], `${argv[options.index]}:geli_keyfile${key}`) ? CMD_OK : CMD_ERROR;
}

/** `unload`: forgets everything that was loaded. */
export function commandUnload(_argv: string[]): i32 {
  unload();
  return CMD_OK;
}

/** `lsmod [-v]`. */
export function commandLsmod(argv: string[]): i32 {
  const options = new Options(argv, "v");
  const option = options.only();
  if (option < 0) return CMD_OK;
  const verbose = option > 0;
  openPager();
  for (let i = 0; i < preloadedFiles.length; i++) if (list(preloadedFiles[i], verbose)) break;
  closePager();
  return CMD_OK;
}

/** Shows one file. True when the reader quits. */
function list(file: PreloadedFile, verbose: bool): bool {
  page(clip(` 0x${hex(file.addr)}: `, LINE_SIZE));
  page(file.name);
  if (page(clip(` (${file.type}, 0x${hex(file.size)})\n`, LINE_SIZE))) return true;
  const args = file.args;
  if (args !== null && page(`    args: ${args}\n`)) return true;
  if (file.modules.length > 0) {
    page("  modules: ");
    for (let i = 0; i < file.modules.length; i++) {
      page(clip(`${file.modules[i].name}.${file.modules[i].version} `, LINE_SIZE));
    }
    if (page("\n")) return true;
  }
  if (!verbose) return false;
  for (let i = 0; i < file.metadata.length; i++) {
    const record = file.metadata[i];
    // Quitting here ends the list of this file only.
    if (page(clip(`      0x${hex(record.type).padStart(4, "0")}, 0x${hex(record.size)}\n`, LINE_SIZE))) break;
  }
  return false;
}
