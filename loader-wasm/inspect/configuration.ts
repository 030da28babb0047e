// The guest's configuration files as an inspection tells them: the loader's, in the order in which its scripts read them, and
// /etc/rc.conf and fstab. Nothing is run: a line that isn't plainly an assignment is passed over, and said.

import { close, open, readdir } from "../files/files";
import { lineError, readLine } from "../files/text";
import { O_RDONLY } from "../fs/file_system";
import { Ascii } from "../lib/ascii";
import { compareBytes } from "../lib/bytes";
import { ENOENT, errno, strerror } from "../lib/errno";
import { burn } from "../lib/fault";
import { isDigit, isLower, isSpace, isUpper } from "../lib/text";
import { PURPOSE_NONE } from "../protocol";
import * as answer from "./answer";

/** Files of the loader's that are read, lines of all files, and bytes of a line; longer ones are cut into several. */
const FILES_MAX: i32 = 64;
const LINES_MAX: i32 = 20_000;
const LINE_MAX: i32 = 1024;
/** Problems that are told. */
const PROBLEMS_MAX: i32 = 64;

const DEFAULTS = "/boot/defaults/loader.conf";
/** What the defaults say, where there are none. */
const USUAL_FILES = "/boot/device.hints /boot/loader.conf /boot/loader.conf.local";

/** An assignment. */
export class Setting {
  constructor(
    readonly name: string,
    readonly value: string,
    readonly file: string,
    readonly line: i32,
  ) {}
}

let linesLeft: i32 = LINES_MAX;
/** What is wrong with the files. */
export let problems: string[] = [];

/** A new account begins. */
export function beginConfiguration(): void {
  linesLeft = LINES_MAX;
  problems = [];
}

/** Tells that something is wrong. */
export function addProblem(text: string): void {
  if (problems.length < PROBLEMS_MAX) problems.push(text);
}

/** The lines of the file `path`, empty when it isn't there; what else keeps it from being read is a problem. */
function linesOf(path: string): string[] {
  const lines: string[] = [];
  const fd = open(path, O_RDONLY, PURPOSE_NONE);
  if (fd < 0) {
    const isThere = errno != ENOENT;
    if (isThere) addProblem(`${path}: ${strerror(errno)}`);
    return lines;
  }
  while (linesLeft > 0) {
    burn(16);
    const line = readLine(fd, LINE_MAX);
    if (line === null) break;
    lines.push(line);
    linesLeft--;
  }
  if (linesLeft == 0) addProblem(`${path}: more than ${LINES_MAX} lines in all files, the rest isn't read`);
  else if (lineError != 0) addProblem(`${path}: ${strerror(lineError)}`);
  close(fd);
  return lines;
}

/** Characters of names: the loader's have more than a shell's. */
function isName(c: i32): bool {
  return isLower(c) || isUpper(c) || isDigit(c) || c == Ascii.POINT || c == Ascii.MINUS || c == 0x5f;
}

function skipBlanks(line: string, at: i32): i32 {
  while (at < line.length && isSpace(line.charCodeAt(at))) at++;
  return at;
}

/** The assignment in `line`, or null. */
function assignment(line: string, file: string, number: i32): Setting | null {
  const start = skipBlanks(line, 0);
  if (start == line.length || line.charCodeAt(start) == 0x23) return null;
  let at = start;
  while (at < line.length && isName(line.charCodeAt(at))) at++;
  const name = line.substring(start, at);
  // The loader's scripts take blanks around the sign.
  at = skipBlanks(line, at);
  if (name.length == 0 || at == line.length || line.charCodeAt(at) != Ascii.EQUALS) {
    addProblem(`${file}:${number}: no assignment`);
    return null;
  }
  at = skipBlanks(line, at + 1);
  const quote = at < line.length ? line.charCodeAt(at) : 0;
  if (quote != Ascii.QUOTE && quote != Ascii.APOSTROPHE) {
    let end = at;
    while (end < line.length && !isSpace(line.charCodeAt(end)) && line.charCodeAt(end) != 0x23) end++;
    return new Setting(name, line.substring(at, end), file, number);
  }
  let value = "";
  let from = ++at;
  for (; at < line.length && line.charCodeAt(at) != quote; at++) {
    if (line.charCodeAt(at) != Ascii.BACKSLASH || quote != Ascii.QUOTE || at + 1 == line.length) continue;
    value += line.substring(from, at);
    from = ++at;
  }
  value += line.substring(from, at);
  if (at == line.length) addProblem(`${file}:${number}: the quote isn't closed`);
  return new Setting(name, value, file, number);
}

/** Adds the assignments of the file `path` to `settings`. Whether it was there. */
function readSettings(path: string, settings: Setting[]): bool {
  const lines = linesOf(path);
  for (let i = 0; i < lines.length; i++) {
    const setting = assignment(lines[i], path, i + 1);
    if (setting !== null) settings.push(setting);
  }
  return lines.length > 0;
}

/** The value that `name` has in the end; null when nothing sets it. */
export function settingOf(settings: Setting[], name: string): Setting | null {
  for (let i = settings.length - 1; i >= 0; i--) if (settings[i].name == name) return settings[i];
  return null;
}

/** Names of the files `*.conf` in a directory, in their order. */
function confFilesIn(directory: string): string[] {
  const names: string[] = [];
  const fd = open(directory, O_RDONLY, PURPOSE_NONE);
  if (fd < 0) return names;
  for (let entry = readdir(fd); entry !== null && names.length < FILES_MAX; entry = readdir(fd)) {
    if (entry.name.endsWith(".conf")) names.push(`${directory}/${entry.name}`);
  }
  close(fd);
  return names.sort(compareBytes);
}

/** What the loader's files say, in the order in which its scripts read them. */
export function loaderSettings(): Setting[] {
  const settings: Setting[] = [];
  const found = readSettings(DEFAULTS, settings);
  const seen: string[] = [];
  let files = USUAL_FILES.split(" ");
  // A file may name others, which are read behind it.
  for (let round = 0; round < FILES_MAX; round++) {
    const named = settingOf(settings, "loader_conf_files");
    if (named !== null) files = named.value.split(" ");
    let next = 0;
    while (next < files.length && (files[next].length == 0 || seen.includes(files[next]))) next++;
    if (next == files.length) break;
    seen.push(files[next]);
    if (readSettings(files[next], settings) && !found && files[next].endsWith(".conf")) {
      addProblem(`${DEFAULTS}: missing, without which the scripts may not read ${files[next]}`);
    }
  }
  const directories = settingOf(settings, "loader_conf_dirs");
  const names: string[] = directories === null ? [] : directories.value.split(" ");
  for (let i = 0; i < min(names.length, FILES_MAX); i++) {
    const inside = names[i].length > 0 ? confFilesIn(names[i]) : [];
    for (let k = 0; k < inside.length; k++) readSettings(inside[k], settings);
  }
  return settings;
}

/** What rc.conf says; the system's own defaults are left out. */
export function rcSettings(): Setting[] {
  const settings: Setting[] = [];
  readSettings("/etc/rc.conf", settings);
  readSettings("/etc/rc.conf.local", settings);
  return settings;
}

/** Answers settings. */
export function tellSettings(name: string, settings: Setting[]): void {
  answer.key(name);
  answer.open("[");
  for (let i = 0; i < settings.length; i++) {
    const setting = settings[i];
    answer.open("{");
    answer.textOf("name", setting.name);
    answer.textOf("value", setting.value);
    answer.textOf("file", setting.file);
    answer.numberOf("line", setting.line);
    answer.close("}");
  }
  answer.close("]");
}

const FSTAB = "/etc/fstab";

function words(line: string): string[] {
  const found: string[] = [];
  for (let at = skipBlanks(line, 0); at < line.length; at = skipBlanks(line, at)) {
    const start = at;
    while (at < line.length && !isSpace(line.charCodeAt(at))) at++;
    found.push(line.substring(start, at));
  }
  return found;
}

/** Answers fstab. What the root is mounted from, as the kernel is told it; null when fstab doesn't say. */
export function tellFstab(): Setting | null {
  let root: Setting | null = null;
  answer.key("fstab");
  answer.open("[");
  const lines = linesOf(FSTAB);
  for (let i = 0; i < lines.length; i++) {
    const fields = words(lines[i]);
    if (fields.length == 0 || fields[0].startsWith("#")) continue;
    if (fields.length < 4) {
      addProblem(`${FSTAB}:${i + 1}: ${fields.length} fields`);
      continue;
    }
    answer.open("{");
    answer.textOf("device", fields[0]);
    answer.textOf("mountPoint", fields[1]);
    answer.textOf("fsType", fields[2]);
    answer.textOf("options", fields[3]);
    answer.textOf("file", FSTAB);
    answer.numberOf("line", i + 1);
    answer.close("}");
    if (fields[1] == "/" && root === null) root = new Setting("/", `${fields[2]}:${fields[0]}`, FSTAB, i + 1);
  }
  answer.close("]");
  return root;
}
