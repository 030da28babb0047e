// Where kernels and modules are found: the directories of `module_path`, the extensions a name may lack,
// and each directory's linker.hints (kldxref's output), which tells the files that contain a module.

import { getenv } from "../environment/variables";
import { close, fstat, open, read, stat, unreadable } from "../files/files";
import { S_IFMT, S_IFREG } from "../fs/file_system";
import { stringAt } from "../lib/bytes";
import { EFTYPE, errno, strerror } from "../lib/errno";
import { allocate, burn, damaged } from "../lib/fault";
import { print } from "../lib/output";

const DEFAULT_PATH = "/boot/kernel;/boot/modules";

/** Extensions of kernels and modules, in the order in which they are tried. */
export const KLD_EXTENSIONS: string[] = [".ko", "", ".debug"];
const NO_EXTENSION: string[] = [""];

const HINTS_VERSION: i32 = 1;
/** Bytes of a linker.hints file (LINKER_HINTS_MAX). */
const HINTS_LIMIT: u64 = 1 << 20;
const MDT_VERSION: i32 = 3;

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
  /** What follows the version in linker.hints, once read; 0 when there is none. */
  private hints: usize = 0;
  private hintsSize: i32 = 0;
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

  /**
   * The file name that linker.hints has for the module: a record is its length, its type, and for
   * MDT_VERSION the module's name, version and file, names with a length byte, numbers aligned to 4.
   */
  private searchHints(name: string, wish: VersionWish | null): string | null {
    this.readHints();
    let best: string | null = null;
    let bestVersion = 0;
    let at = 0;
    while (this.hintsSize - at >= 8) {
      burn(1);
      const size = load<i32>(this.hints + at);
      if (size < 4 || size > this.hintsSize - at - 4) {
        damaged(`${this.path}/linker.hints`, `record at ${at}: length ${size} of ${this.hintsSize - at - 4}`, EFTYPE);
        return best;
      }
      const end = at + 4 + size;
      if (load<i32>(this.hints + at + 4) == MDT_VERSION) {
        const module = this.nameAt(at + 8, end);
        if (module !== null && module == name) {
          const versionAt = (at + 9 + module.length + 3) & ~3;
          const file = this.nameAt(versionAt + 4, end);
          if (file !== null) {
            const version = load<i32>(this.hints + versionAt);
            if (wish === null) return file;
            const rating = wish.rate(version);
            if (rating == 2) return file;
            if (rating == 1 && version > bestVersion) {
              bestVersion = version;
              best = file;
            }
          }
        }
      }
      at = end;
    }
    return best;
  }

  /** The name with a length byte at `at`, if it ends before `end`. */
  private nameAt(at: i32, end: i32): string | null {
    if (at >= end) return null;
    const size = <i32>load<u8>(this.hints + at);
    return size < end - at ? stringAt(this.hints + at + 1, size) : null;
  }

  private readHints(): void {
    if (this.hintsRead) return;
    this.hintsRead = true;
    const path = `${this.path}/linker.hints`;
    const fd = open(path);
    if (fd < 0) {
      if (unreadable) cantRead(path);
      return;
    }
    const status = fstat(fd);
    if (status !== null && status.size >= 8 && status.size <= HINTS_LIMIT) {
      const size = <i32>status.size;
      const block = allocate(size);
      const got = read(fd, block, size);
      if (got < 0) cantRead(path);
      if (got == size && load<i32>(block) == HINTS_VERSION) {
        this.hints = block + 4;
        this.hintsSize = size - 4;
      } else {
        heap.free(block);
      }
    }
    close(fd);
  }

  release(): void {
    if (this.hints != 0) heap.free(this.hints - 4);
  }
}

/** Tells of a file that is passed over because the disk fails to give it. */
function cantRead(path: string): void {
  print(`can't read '${path}': ${strerror(errno)}\n`);
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
