// How a session's process is started and held: Node under its permission model, with limits of the system, and in
// bubblewrap where there is one.
//
// What FreeBSD has for the same: a jail without network and with a null-mounted copy of this package (`jail -c
// path=... ip4=disable ip6=disable command=...`), or, after the start, capsicum: the process needs its descriptors
// only, so `cap_enter(2)` by a small wrapper between the reading of the program and the start message would do.

import { accessSync, constants, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { OptionError } from "../errors.js";
import type { Confine } from "../options.js";
import { readingRights } from "../worker/node_rights.js";

/** What a process may use, by the system's account. */
export interface ProcessLimits {
  /** Bytes of memory that it may write. */
  memory: number;
  /** Seconds of processor, for one whose caller can't end it any more. */
  cpuS: number;
}

/** What is asked of a session, as far as it bears on its process. */
export interface Demands {
  memory: { low: number };
  limits: { wallMs: number; moduleMemory: number; examinedBytes: number };
}

/** A program and its arguments. */
export interface Command {
  program: string;
  args: string[];
}

/** Node's own flags: a small heap, no code made from strings, no native modules. */
const NODE_FLAGS = [
  "--max-old-space-size=128",
  "--max-semi-space-size=16",
  "--disallow-code-generation-from-strings",
  "--no-addons",
];
/** Open files are a few of Node's own and 64 images. */
const FILES_MAX = 128;
/** Node's own memory, with its threads' stacks and what the engine sets aside: more than half of this from Node 24 on. */
const BASE_MEMORY = 1024 * 1024 * 1024;
/** Bytes that an operator's hook may put in the place of files. */
const REPLACED_MAX = 1024 * 1024 * 1024;
/** Seconds of processor beyond the wall limit, for a process whose caller can't end it any more. */
const CPU_MORE_S = 60;
/** Threads that work at a time: a process uses more processor than wall time. */
const CPU_FACTOR = 2;

const SHELL = "/bin/sh";
const KIB = 1024;

/** What a session's process may use. `given` are bytes that come with the session's start; `examines` is for hooks. */
export function processLimits({ memory, limits }: Demands, given = 0, examines = false): ProcessLimits {
  // What is given, or kept and replaced for a hook, is there twice while it arrives.
  const kept = examines ? limits.examinedBytes + REPLACED_MAX : 0;
  const bytes = memory.low + limits.moduleMemory + 2 * (given + kept);
  return { memory: BASE_MEMORY + bytes, cpuS: Math.ceil(processorS(limits.wallMs)) + CPU_MORE_S };
}

/** Seconds of processor that a process may use in so many milliseconds. */
export function processorS(ms: number): number {
  return (ms / 1000) * CPU_FACTOR;
}

/** The command that runs `program` (a file of this package) as a session's process, in bubblewrap or not. */
export function processCommand(program: URL, limits: ProcessLimits, bwrap: string | undefined): Command {
  const node = [process.execPath, ...NODE_FLAGS, ...readingRights(), fileURLToPath(program)];
  const held = bwrap === undefined ? node : [bwrap, ...bwrapArguments(), "--", ...node];
  return limited(held, limits);
}

/** `command` with the limits that a shell can set. */
function limited(command: string[], { memory, cpuS }: ProcessLimits): Command {
  if (!isThere(SHELL)) return { program: command[0]!, args: command.slice(1) };
  // No core files, no file written, few files open.
  const limits = [`-c 0`, `-f 0`, `-n ${FILES_MAX}`, `-d ${Math.ceil(memory / KIB)}`, `-t ${cpuS}`];
  return { program: SHELL, args: ["-c", `${limits.map(setLimit).join(" && ")} && exec "$@"`, "userboot", ...command] };
}

/** Sets a limit, unless there is a lower one already, which can't be raised. */
function setLimit(limit: string): string {
  const [flag, value] = limit.split(" ");
  return `{ ulimit ${limit} 2>/dev/null || [ "$(ulimit -H ${flag})" -le ${value} ]; }`;
}

let found: string | undefined;
let broken: string | undefined;
let works = false;
const NOT_INSTALLED = "bwrap is not installed; it comes with the package bubblewrap";

/**
 * The bubblewrap to use; undefined for none.
 * @throws OptionError when it is asked for and not there
 */
export function findBwrap(confine: Confine): string | undefined {
  if (confine === "none" || (confine === "auto" && broken !== undefined)) return undefined;
  found ??= (process.env.PATH ?? "")
    .split(delimiter)
    .filter((directory) => directory !== "")
    .map((directory) => join(directory, "bwrap"))
    .find(isProgram);
  if (found === undefined && confine === "bwrap") {
    throw new OptionError(NOT_INSTALLED);
  }
  return found;
}

/**
 * Told that bubblewrap can't make what it needs (no user namespaces, say), and what it said. Whether that is so here and
 * not only now: a machine that has run short of something, perhaps by a guest's doing, is no reason to go without.
 */
export function bwrapFails(why: string): boolean {
  if (!works) broken = why;
  return !works;
}

/** Told that something ran in bubblewrap. */
export function bwrapWorks(): void {
  works = true;
}

/** Why bubblewrap isn't used although it was to be tried. */
export function whyUnconfined(confine: Confine): string | undefined {
  return confine === "auto" ? (broken ?? NOT_INSTALLED) : undefined;
}

/** A new root with this package, Node and the system's libraries, read only; nothing else of the machine. */
function bwrapArguments(): string[] {
  const own = fileURLToPath(new URL("../../../", import.meta.url));
  const args = ["--unshare-all", "--die-with-parent", "--clearenv", "--cap-drop", "ALL"];
  args.push("--hostname", "userboot");
  const bind = (path: string) => args.push("--ro-bind", path, path);
  for (const path of libraryPaths()) {
    if (lstatSync(path).isSymbolicLink()) args.push("--symlink", readlinkSync(path), path);
    else bind(path);
  }
  bind(realpathSync(process.execPath));
  if (realpathSync(process.execPath) !== process.execPath) bind(process.execPath);
  for (const path of readablePaths(own)) bind(path);
  args.push("--remount-ro", "/", "--chdir", "/");
  return args;
}

/** This package, and the packages that it loads, as the permission model has them. */
function readablePaths(own: string): string[] {
  const flag = "--allow-fs-read=";
  const allowed = readingRights()
    .filter((argument) => argument.startsWith(flag))
    .map((argument) => argument.slice(flag.length, -1));
  return [...new Set([own, ...allowed])].filter(isThere);
}

/** Where the libraries are that this process has loaded, and where the system's own loader is looked for. */
function libraryPaths(): string[] {
  const maps = readFileSync("/proc/self/maps", "latin1");
  const loaded = [...maps.matchAll(/ (\/.*\.so[.\d]*)$/gm)].map(([, path]) => path!).filter(isThere);
  const { directories, files } = librariesAt(loaded);
  const standard = ["/lib", "/lib64", "/usr/lib64"].filter((path) => isThere(path) && isLink(path));
  const loaders = ["/lib64", "/usr/lib64"].filter((path) => isThere(path) && !isLink(path));
  return [...new Set([...standard, ...loaders, ...directories, ...files])];
}

/** Where Linux systems keep libraries; programs have directories of their own below, with whatever is in them. */
const SYSTEM_LIBRARIES = /^\/(?:usr\/)?lib(?:32|64|x32)?(?:\/[^/]+-linux-[^/]+)?$/;

/** What is to be seen of libraries: the system's directories; elsewhere the library alone, under all of its names. */
export function librariesAt(paths: readonly string[]): { directories: string[]; files: string[] } {
  const isSystems = (path: string) => SYSTEM_LIBRARIES.test(dirname(path));
  const directories = [...new Set(paths.filter(isSystems).map((path) => dirname(path)))];
  const others = paths.filter((path) => !isSystems(path) && !directories.some((at) => path.startsWith(`${at}/`)));
  return { directories, files: [...new Set(others.flatMap(namesOf))] };
}

/** A library's file, and the links beside it that lead there: programs ask for one of those. */
function namesOf(path: string): string[] {
  const directory = dirname(path);
  const links = readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isSymbolicLink())
    .map(({ name }) => join(directory, name))
    .filter((link) => isThere(link) && realpathSync(link) === path);
  return [path, ...links];
}

function isLink(path: string): boolean {
  return lstatSync(path).isSymbolicLink();
}

function isThere(path: string): boolean {
  return can(path, constants.F_OK);
}

function isProgram(path: string): boolean {
  return can(path, constants.X_OK);
}

function can(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
