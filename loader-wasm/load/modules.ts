// Loading kernels, modules with what they depend on, and raw files: in order, one behind the other in
// guest memory, listed in load/preloaded.ts.

import { unsetenv } from "../environment/variables";
import { close, open, readToGuest } from "../files/files";
import { O_RDONLY } from "../fs/file_system";
import { cstringAt } from "../lib/bytes";
import { EFTYPE, ENOENT, errno, strerror } from "../lib/errno";
import { refusedEnd, startPart } from "../lib/guest";
import { commandError, failCommand, failDetailed } from "../lib/outcome";
import { print } from "../lib/output";
import { profile } from "../lib/profile";
import { hexAlternate } from "../lib/text";
import { PURPOSE_RAW } from "../protocol";
import { Loaded } from "./elf/linked";
import { MOD_DEPEND_SIZE } from "./elf/modmetadata";
import { loadFile, takeLoaded } from "./formats";
import { findFile, KernelModule, MODINFOMD_DEPLIST, PreloadedFile, preloadedFiles } from "./preloaded";
import { hasPath, KLD_EXTENSIONS, searchFile, searchModule, VersionWish } from "./search";
import { tell } from "./verbosity";

/** GPA behind the last loaded file. */
let nextAddress: u64 = 0;

const PAGE_MASK: u64 = 4095;
/** Raw files go to the guest in such pieces. */
const RAW_PIECE: u64 = 16 * 1024 * 1024;
/** Modules that may be loaded because of each other. */
const DEPENDENCY_DEPTH_LIMIT: i32 = 64;
let depth: i32 = 0;

/** Forgets all loaded files, and `kernelname`. */
export function unload(): void {
  dropFrom(0);
  nextAddress = 0;
  unsetenv("kernelname");
}

/** Forgets the files from index `first` on. */
function dropFrom(first: i32): void {
  while (preloadedFiles.length > first) preloadedFiles.pop().release();
}

/** The loaded module `name` in a version that `wish` (null: any) accepts, the preferred one if there is a choice. */
function findModule(name: string, wish: VersionWish | null): KernelModule | null {
  for (let i = 0; i < preloadedFiles.length; i++) {
    const modules = preloadedFiles[i].modules;
    let best: KernelModule | null = null;
    for (let j = 0; j < modules.length; j++) {
      const module = modules[j];
      if (module.name != name) continue;
      if (wish === null || wish.rate(module.version) == 2) return module;
      if (wish.rate(module.version) == 1 && module.version > (best === null ? 0 : best.version)) best = module;
    }
    if (best !== null) return best;
  }
  return null;
}

/** Loads the module `name`, unless it is there. Returns 0 or an errno and leaves the text in `commandError`. */
export function loadModule(name: string, wish: VersionWish | null, args: string[]): i32 {
  if (hasPath(name)) {
    print(`Warning: mod_load() called instead of mod_loadkld() for module '${name}'\n`);
    return loadKld(name, args);
  }
  const module = findModule(name, wish);
  if (module !== null) {
    failDetailed(`warning: module '${module.name}' already loaded`);
    return 0;
  }
  const path = searchModule(name, wish);
  if (path === null) {
    failDetailed(`can't find '${name}'`);
    return ENOENT;
  }
  return loadKld(path, args);
}

/**
 * Loads the kernel or module file `name` (searched along `module_path` when it has no path) with arguments,
 * and what it depends on. Returns 0 or an errno and leaves the text in `commandError`.
 */
export function loadKld(name: string, args: string[]): i32 {
  const error = loadWithDependencies(name, args);
  if (error != 0 && preloadedFiles.length == 0) noteFailure(name, commandError);
  return error;
}

function noteFailure(name: string, reason: string): void {
  for (let i = 0; i < failures.length; i++) if (failures[i].name == name && failures[i].reason == reason) return;
  if (failures.length < FAILURES_MAX) failures.push(new LoadFailure(name, reason));
}

/** A kernel that could not be loaded, and the reason. */
export class LoadFailure {
  constructor(
    readonly name: string,
    readonly reason: string,
  ) {}
}

/** The first ones. */
export const failures: LoadFailure[] = [];
const FAILURES_MAX: i32 = 8;

function loadWithDependencies(name: string, args: string[]): i32 {
  const path = searchFile(name, KLD_EXTENSIONS);
  if (path === null) {
    failDetailed(`can't find '${name}'`);
    return ENOENT;
  }
  if (findFile(path, null) !== null) {
    failDetailed(`warning: KLD '${path}' already loaded`);
    return 0;
  }
  const loaded = new Loaded();
  const error = loadFile(path, nextAddress, loaded);
  if (error == EFTYPE) failDetailed(`don't know how to load module '${path}'`);
  if (error != 0) return error;
  const file = takeLoaded(loaded);
  if (args.length > 0) file.args = args.join(" ");
  nextAddress = file.addr + file.size;
  const before = preloadedFiles.length;
  preloadedFiles.push(file);
  if (loadDependencies(file)) return 0;
  // What came along with it goes with it.
  dropFrom(before);
  if (before > 0) nextAddress = preloadedFiles[before - 1].addr + preloadedFiles[before - 1].size;
  return ENOENT;
}

/** Loads what `file` depends on. False and the text in `commandError` when something can't be had. */
function loadDependencies(file: PreloadedFile): bool {
  if (depth == DEPENDENCY_DEPTH_LIMIT) {
    failDetailed(`'${file.name}': modules depend on each other too deeply`);
    return false;
  }
  depth++;
  let complete = true;
  for (let i = 0; i < file.metadata.length && complete; i++) {
    const record = file.metadata[i];
    if (record.type != MODINFOMD_DEPLIST) continue;
    const wish = new VersionWish(load<i32>(record.data), load<i32>(record.data, 4), load<i32>(record.data, 8));
    const name = cstringAt(record.data + MOD_DEPEND_SIZE, record.size - MOD_DEPEND_SIZE);
    if (findModule(name, wish) !== null) continue;
    tell(`loading required module '${name}'\n`);
    complete = loadModule(name, wish, []) == 0;
    if (complete && findModule(name, wish) === null) {
      failDetailed(`module '${name}' exists but with wrong version`);
      complete = false;
    }
  }
  depth--;
  return complete;
}

/** Loads the file `name` as it is, as `type`. False and the text in `commandError` when that can't be done. */
export function loadRaw(name: string, type: string): bool {
  if (preloadedFiles.length == 0) {
    failCommand("can't load file before kernel");
    return false;
  }
  const path = searchFile(name);
  if (path === null) {
    failDetailed(`can't find '${name}'`);
    return false;
  }
  const fd = open(path, O_RDONLY, PURPOSE_RAW);
  if (fd < 0) {
    failDetailed(`can't open '${path}': ${strerror(errno)}`);
    return false;
  }
  if (profile.generation >= 15) nextAddress = (nextAddress + PAGE_MASK) & ~PAGE_MASK;
  tell(`${path} `);
  startPart();
  let size: u64 = 0;
  let got: i64;
  do {
    got = readToGuest(fd, nextAddress + size, RAW_PIECE);
    if (got > 0) size += got;
  } while (got == <i64>RAW_PIECE);
  const error = errno;
  close(fd);
  if (got < 0) {
    failDetailed(`error reading '${path}': ${strerror(error)}`);
    return false;
  }
  tell(`size=${hexAlternate(size)}\n`);
  const file = new PreloadedFile(path, type);
  file.addr = nextAddress;
  file.size = size;
  file.refusedEnd = refusedEnd;
  nextAddress += size;
  preloadedFiles.push(file);
  return true;
}
