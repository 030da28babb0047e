// Where kernels and modules are found: the directories of `module_path`, the extensions a name may lack,
// and each directory's linker.hints, which tells the files that contain a module.

import { getenv } from "../environment/variables";
import { stat, unreadable } from "../files/files";
import { S_IFMT, S_IFREG } from "../fs/file_system";
import { cantRead, Hints, MDT_VERSION } from "./hints";

const DEFAULT_PATH = "/boot/kernel;/boot/modules";

/** Extensions of kernels and modules, in the order in which they are tried. */
export const KLD_EXTENSIONS: string[] = [".ko", "", ".debug"];
const NO_EXTENSION: string[] = [""];

/** Which versions of a module will do. */
export class VersionWish {
  constructor(
    readonly minimum: i32,
    readonly preferred: i32,
    readonly maximum: i32,
  ) {}

  /** How good `version` is: 2 preferred, 1 acceptable, 0 not. */
  rate(version: i32): i32 {
    if (version == this.preferred) return 2;
    return version >= this.minimum && version <= this.maximum ? 1 : 0;
  }
}

/** A directory of `module_path`. */
class ModuleDirectory {
  /** Its linker.hints, once read; null when there is none. */
  private hints: Hints | null = null;
  private hintsRead: bool = false;

  constructor(readonly path: string) {}

  /** The regular file `name` with one of `extensions`, or null. */
  find(name: string, extensions: string[]): string | null {
    const base = this.path.length > 0 && !this.path.endsWith("/") ? `${this.path}/${name}` : this.path + name;
    for (let i = 0; i < extensions.length; i++) {
      const path = base + extensions[i];
      const status = stat(path);
      if (status !== null && (status.mode & S_IFMT) == S_IFREG) return path;
      if (status === null && unreadable) cantRead(path);
    }
    return null;
  }

  /** The file that contains module `name` in a version that `wish` (null: any) accepts. */
  findModule(name: string, wish: VersionWish | null): string | null {
    const hint = this.searchHints(name, wish);
    if (hint !== null) return this.find(hint, NO_EXTENSION);
    return this.find(name, KLD_EXTENSIONS);
  }

  /** The file name that linker.hints has for the module. */
  private searchHints(name: string, wish: VersionWish | null): string | null {
    const hints = this.index();
    if (hints === null) return null;
    let best: string | null = null;
    let bestVersion = 0;
    while (hints.next()) {
      if (hints.type != MDT_VERSION || hints.text() != name) continue;
      const version = hints.number();
      const file = hints.text();
      if (hints.cutOff) continue;
      if (wish === null) return file;
      const rating = wish.rate(version);
      if (rating == 2) return file;
      if (rating == 1 && version > bestVersion) {
        bestVersion = version;
        best = file;
      }
    }
    return best;
  }

  /** The directory's linker.hints, before its first record; null when there is none. */
  index(): Hints | null {
    if (!this.hintsRead) this.hints = Hints.read(this.path);
    this.hintsRead = true;
    const hints = this.hints;
    if (hints !== null) hints.rewind();
    return hints;
  }

  release(): void {
    const hints = this.hints;
    if (hints !== null) hints.release();
  }
}

let directories: ModuleDirectory[] = [];

/** Brings `directories` in line with `module_path`: known ones keep their place and hints, new ones come last. */
function updateDirectories(): void {
  const value = getenv("module_path");
  const paths = (value === null ? DEFAULT_PATH : value).split(";");
  // A separator at the end ends the last path; it doesn't begin an empty one.
  if (paths[paths.length - 1].length == 0) paths.pop();
  for (let i = 0; i < paths.length; i++) {
    while (paths[i].length > 1 && paths[i].endsWith("/")) paths[i] = paths[i].substring(0, paths[i].length - 1);
  }
  const kept: ModuleDirectory[] = [];
  const known: string[] = [];
  for (let i = 0; i < directories.length; i++) {
    if (paths.includes(directories[i].path)) {
      kept.push(directories[i]);
      known.push(directories[i].path);
    } else {
      directories[i].release();
    }
  }
  for (let i = 0; i < paths.length; i++) {
    if (known.includes(paths[i])) continue;
    kept.push(new ModuleDirectory(paths[i]));
    known.push(paths[i]);
  }
  directories = kept;
}

/** Whether `name` says where the file is. */
export function hasPath(name: string): bool {
  return name.includes("/") || name.includes(":");
}

/** The file `name`: as it is when it has a path, else along `module_path` with one of `extensions`. Null when there is none. */
export function searchFile(name: string, extensions: string[] = NO_EXTENSION): string | null {
  if (name.length == 0) return name;
  if (hasPath(name)) {
    if (stat(name) !== null) return name;
    if (unreadable) cantRead(name);
    return null;
  }
  updateDirectories();
  for (let i = 0; i < directories.length; i++) {
    const path = directories[i].find(name, extensions);
    if (path !== null) return path;
  }
  return null;
}

/** The file along `module_path` that contains module `name`. Null when there is none. */
export function searchModule(name: string, wish: VersionWish | null): string | null {
  updateDirectories();
  for (let i = 0; i < directories.length; i++) {
    const path = directories[i].findModule(name, wish);
    if (path !== null) return path;
  }
  return null;
}

/** The linker.hints along `module_path`. */
export function allHints(): Hints[] {
  updateDirectories();
  const result: Hints[] = [];
  for (let i = 0; i < directories.length; i++) {
    const hints = directories[i].index();
    if (hints !== null) result.push(hints);
  }
  return result;
}
