// Commands that show files: help more ls readtest.

import { time } from "../console/console";
import { closePager, openPager, page } from "../console/pager";
import { parseDevice } from "../dev/devices";
import { getenv } from "../environment/variables";
import { close, fstat, open, read, readdir, stat } from "../files/files";
import { lineError, pageFile, readLine } from "../files/text";
import { Dirent, S_IFDIR, S_IFMT } from "../fs/file_system";
import { Ascii } from "../lib/ascii";
import { EIO, ENOTDIR, errno, strerror } from "../lib/errno";
import { allocate } from "../lib/fault";
import { Options } from "../lib/getopt";
import { CMD_ERROR, CMD_OK, failCommand, failDetailed } from "../lib/outcome";
import { print } from "../lib/output";
import { profile } from "../lib/profile";
import { clip } from "../lib/text";

// ---- help -------------------------------------------------------------------------------------------

/** Bytes of a line of the help file; longer ones are cut into several. */
const HELP_LINE_LIMIT: i32 = 79;
/** Bytes of the help file's path, as the reference limits it. */
const HELP_PATH_SIZE: i32 = 81;
/** Column where descriptions begin. */
const HELP_COLUMN: i32 = 30;

/** Head of an entry of the help file: `# Ttopic Ssubtopic Ddescription`. */
class HelpEntry {
  topic: string = "";
  subtopic: string | null = null;
  description: string | null = null;

  summary(): string {
    let text = `    ${this.topic}`;
    let column = this.topic.length;
    const subtopic = this.subtopic;
    if (subtopic !== null) {
      text += ` ${subtopic}`;
      column += subtopic.length + 1;
    }
    const description = this.description;
    if (description !== null) {
      do text += " ";
      while (column++ < HELP_COLUMN);
      text += description;
    }
    return `${text}\n`;
  }
}

/** The next entry's head, or null at the end. */
function nextEntry(fd: i32): HelpEntry | null {
  while (true) {
    const line = readLine(fd, HELP_LINE_LIMIT);
    if (line === null) return null;
    if (line.length < 3 || !line.startsWith("# ")) continue;
    const entry = new HelpEntry();
    let at = 2;
    while (at >= 0 && at < line.length) {
      const kind = line.charCodeAt(at);
      const blank = line.indexOf(" ", at);
      const word = line.substring(at + 1, blank < 0 ? line.length : max(blank, at + 1));
      let next = blank < 0 ? -1 : blank;
      if (kind == Ascii.UPPER_T && entry.topic.length == 0) {
        entry.topic = word;
        if (blank >= 0) next = blank + 1;
      } else if (kind == Ascii.UPPER_S && entry.subtopic === null) {
        entry.subtopic = word;
        if (blank >= 0) next = blank + 1;
      } else if (kind == Ascii.UPPER_D) {
        entry.description = line.substring(at + 1);
        next = -1;
      }
      // The reference never gets past a word that it doesn't know; we skip it (docs/differences.md).
      at = next == at ? at + 1 : next;
    }
    if (entry.topic.length > 0) return entry;
  }
}

/** `help [TOPIC [SUBTOPIC]]`, from the help file on the boot device. */
export function commandHelp(argv: string[]): i32 {
  const device = getenv("loaddev");
  const path = clip(`${device === null ? "" : device}/boot/${profile.helpFile}`, HELP_PATH_SIZE);
  const fd = open(path);
  if (fd < 0) {
    print("Verbose help not available, use '?' to list commands\n");
    return CMD_OK;
  }
  if (argv.length > 3) {
    close(fd);
    return failCommand("usage is 'help <topic> [<subtopic>]");
  }
  const topic = argv.length > 1 ? argv[1] : "help";
  const subtopic = argv.length > 2 ? argv[2] : "";
  const index = topic == "index";
  let matched = index;
  openPager();
  while (true) {
    const entry = nextEntry(fd);
    if (entry === null) break;
    if (index) {
      if (page(entry.summary())) break;
    } else if (entry.topic != topic) {
      if (matched) break;
    } else {
      matched = true;
      const own = entry.subtopic;
      if (own === null ? argv.length <= 2 : argv.length > 2 && own == subtopic) showHelpText(fd);
      else if (argv.length <= 2 && page(entry.summary())) break;
    }
  }
  closePager();
  close(fd);
  if (lineError != 0) return failDetailed(`can't read '${path}': ${strerror(lineError)}`);
  return matched ? CMD_OK : failDetailed(`no help available for '${topic}'`);
}

/** Pages the text of an entry. */
function showHelpText(fd: i32): void {
  while (true) {
    const line = readLine(fd, HELP_LINE_LIMIT);
    if (line === null || line.startsWith("#") || page(`${line}\n`)) return;
  }
}

// ---- more -------------------------------------------------------------------------------------------

/** Bytes of a banner around a file. */
const BANNER_SIZE: i32 = 80;

/** `more FILE...`. */
export function commandMore(argv: string[]): i32 {
  let result = 0;
  openPager();
  for (let i = 1; i < argv.length && result == 0; i++) {
    if (page(clip(`*** FILE ${argv[i]} BEGIN ***\n`, BANNER_SIZE))) break;
    result = pageFile(argv[i]);
    if (result < 0) failDetailed(`error showing ${argv[i]}`);
    if (result == 0 && page(clip(`*** FILE ${argv[i]} END ***\n`, BANNER_SIZE))) result = 1;
  }
  closePager();
  return result == 0 || profile.generation >= 14 ? CMD_OK : CMD_ERROR;
}

// ---- ls ---------------------------------------------------------------------------------------------

/** One character a file type (mode >> 12). */
const TYPE_LETTERS = "?fc?d?b? ?l?s?w";
/** Bytes of a line of the listing. */
const LS_LINE_SIZE: i32 = 128;

function typeLetter(type: u32): string {
  return type < <u32>TYPE_LETTERS.length ? TYPE_LETTERS.charAt(<i32>type) : "";
}

/** `ls [-l] [PATH]`. */
export function commandLs(argv: string[]): i32 {
  const options = new Options(argv, "l");
  const option = options.only();
  if (option < 0) return CMD_OK;
  const verbose = option > 0;
  let path = options.index < argv.length ? argv[options.index] : "";
  const status = stat(path);
  if (status !== null && (status.mode & S_IFMT) != S_IFDIR) {
    const letter = typeLetter(status.mode >> 12);
    const size = (<i64>status.size).toString().padStart(8);
    print(verbose ? ` ${letter} ${size} ${path}\n` : ` ${letter}  ${path}\n`);
    return CMD_OK;
  }
  const named = parseDevice(path);
  if (named === null) return failDetailed(`bad path '${path}'`);
  if (named.path.length == 0) path += "/";
  const fd = openDirectory(path);
  if (fd < 0) return CMD_ERROR;
  openPager();
  // The reference doesn't look whether the reader quits at the heading.
  page(`${path}\n`);
  let quit = false;
  let failed = false;
  while (!quit) {
    const entry = readdir(fd);
    if (entry === null) {
      failed = errno == EIO;
      break;
    }
    if (entry.name != "." && entry.name != "..") quit = page(lsLine(path, entry, verbose));
  }
  closePager();
  close(fd);
  return failed ? failDetailed(`can't read '${path}': ${strerror(EIO)}`) : CMD_OK;
}

function openDirectory(path: string): i32 {
  const fd = open(path);
  if (fd < 0) {
    failDetailed(`open '${path}' failed: ${strerror(errno)}`);
    return -1;
  }
  const status = fstat(fd);
  if (status !== null && (status.mode & S_IFMT) == S_IFDIR) return fd;
  failDetailed(status === null ? `stat failed: ${strerror(errno)}` : `${path}: ${strerror(ENOTDIR)}`);
  close(fd);
  return -1;
}

function lsLine(path: string, entry: Dirent, verbose: bool): string {
  let type: u32 = entry.type;
  let size: u64 = 0;
  if (type == 0 || verbose) {
    const status = stat(`${path}/${entry.name}`);
    if (status !== null) {
      size = status.size;
      if (type == 0) type = status.mode >> 12;
    }
  }
  const letter = typeLetter(type);
  return clip(
    verbose ? ` ${letter} ${(<i64>size).toString().padStart(8)} ${entry.name}\n` : ` ${letter}  ${entry.name}\n`,
    LS_LINE_SIZE,
  );
}

// ---- readtest ---------------------------------------------------------------------------------------

/** Bytes read at a time. */
const READ_PIECE: i32 = 65536;

/** `readtest FILE`: reads a file, and says how long that took. */
export function commandReadtest(argv: string[]): i32 {
  if (argv.length != 2) return failDetailed("Usage: readtest <filename>");
  const start = time();
  const fd = open(argv[1]);
  if (fd < 0) return failDetailed(`can't open '${argv[1]}'`);
  const block = allocate(READ_PIECE);
  let size: u64 = 0;
  let got: i32;
  do {
    got = read(fd, block, READ_PIECE);
    if (got > 0) size += <u64>got;
  } while (got > 0);
  const error = errno;
  heap.free(block);
  close(fd);
  if (got < 0) return failDetailed(`can't read '${argv[1]}': ${strerror(error)}`);
  print(`Received ${size} bytes during ${time() - start} seconds\n`);
  return CMD_OK;
}
