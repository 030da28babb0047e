// Directories of the host while a tree is copied (Node). Each is entered from the one it is in, and what is reached
// through it is what it holds, whoever renames things meanwhile. Linux goes on from descriptors: no path is looked up
// twice. Elsewhere paths are looked up again, and all directories on them must be as they were when they were entered.

import { type BigIntStats, constants, existsSync } from "node:fs";
import { type FileHandle, lstat, open, opendir, readlink, realpath } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";

/** How the entries of a directory are reached. */
export type Strategy = "descriptors" | "paths";

/** What is wrong with the entry that is looked at: the whole tree is refused, with the entry's name. */
export class EntryError extends Error {}

/** The error for what is no longer what it was a moment ago. */
export function changed(): EntryError {
  return new EntryError("changed while it was copied");
}

/** Without following a link, and without waiting should it be a FIFO by now. */
const ENTRY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const TOP_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NONBLOCK;

/** How it fails when nothing, or something else, stands where there was a file, directory or link. */
const CHANGED_CODES: ReadonlySet<string | undefined> = new Set([
  "EINVAL",
  "ELOOP",
  "EMLINK",
  "ENOENT",
  "ENOTDIR",
  "ENXIO",
]);

/** The clocks of file systems may be this far behind, so two changes less apart than this may bear the same time. */
const SETTLE_MS = 20;

const DESCRIPTORS = "/proc/self/fd";
const SLASH = 0x2f;
const BIG = { bigint: true } as const;

/** A directory that is being copied. Closed by who entered it. */
export abstract class Place {
  constructor(
    protected readonly status: BigIntStats,
    /** The directory it was entered from; undefined for the top. */
    readonly parent: Place | undefined,
  ) {}

  isSame(other: Place): boolean {
    return isSameEntry(this.status, other.status);
  }

  /** What `name` is; links are not followed. */
  look(name: Buffer): Promise<BigIntStats> {
    return this.#checked(() => lstat(this.path(name), BIG));
  }

  /** Where `name`, which is a link, points to. */
  target(name: Buffer): Promise<Buffer> {
    return this.#checked(() => readlink(this.path(name), "buffer").catch(unlessChanged));
  }

  /** The names in it, in no order. */
  async *names(): AsyncGenerator<Buffer> {
    try {
      const entries = await opendir(this.path(Buffer.of()), { encoding: "buffer" as BufferEncoding });
      for await (const { name } of entries) yield name as unknown as Buffer;
    } finally {
      await this.check();
    }
  }

  /** Opens the file `name`, which must still be the one that was `seen`. */
  async open(name: Buffer, seen: BigIntStats): Promise<FileHandle> {
    const file = await openSeen(this.path(name), ENTRY, seen);
    try {
      await this.check();
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Enters the directory `name`, which must still be the one that was `seen`. */
  abstract enter(name: Buffer, seen: BigIntStats): Promise<Place>;

  abstract close(): Promise<void>;

  protected abstract path(name: Buffer): Buffer;

  /** Throws when a path that was looked up since this place was entered may have led elsewhere. */
  protected abstract check(): Promise<void>;

  async #checked<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } finally {
      await this.check();
    }
  }
}

/** The top of a tree. */
export interface Top {
  place: Place;
  /** Its path without links. */
  real: Buffer;
}

/** Opens the directory at `path`, by which links to it may be followed: who grants it has named it. */
export function openTop(path: string, strategy: Strategy): Promise<Top> {
  return strategy === "descriptors" ? openDescriptor(path) : openPath(path);
}

/** What this system can do. */
export function bestStrategy(): Strategy {
  return process.platform === "linux" && existsSync(DESCRIPTORS) ? "descriptors" : "paths";
}

/** A directory held open. Its entries are looked up from there, so there is nothing to check. */
class OpenPlace extends Place {
  constructor(
    private readonly handle: FileHandle,
    status: BigIntStats,
    parent?: Place,
  ) {
    super(status, parent);
  }

  override async enter(name: Buffer, seen: BigIntStats): Promise<Place> {
    return new OpenPlace(await openSeen(this.path(name), ENTRY | constants.O_DIRECTORY, seen), seen, this);
  }

  override close(): Promise<void> {
    return this.handle.close();
  }

  protected override path(name: Buffer): Buffer {
    return join(Buffer.from(`${DESCRIPTORS}/${this.handle.fd}`), name);
  }

  protected override async check(): Promise<void> {}
}

async function openDescriptor(path: string): Promise<Top> {
  const handle = await open(path, TOP_DIRECTORY).catch((error) => {
    throw error.code === "ENOTDIR" ? notDirectory() : error;
  });
  try {
    const real = await readlink(`${DESCRIPTORS}/${handle.fd}`, "buffer");
    return { place: new OpenPlace(handle, await handle.stat(BIG)), real };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** A directory on the path to a place, as it was when the place was entered. */
interface Step {
  path: Buffer;
  status: BigIntStats;
  isStill: (a: BigIntStats, b: BigIntStats) => boolean;
}

/**
 * A directory known by its path. Exchanging one of its entries changes its time of change, which nobody can set. Above
 * the top, where others may make and remove files all the time, only the directories themselves are compared.
 */
class NamedPlace extends Place {
  constructor(
    private readonly steps: readonly Step[],
    parent?: Place,
  ) {
    super(steps.at(-1)!.status, parent);
  }

  override async enter(name: Buffer, seen: BigIntStats): Promise<Place> {
    const path = this.path(name);
    const step = await settledStep(path);
    await this.check();
    if (!isSameEntry(step.status, seen)) throw changed();
    return new NamedPlace([...this.steps, step], this);
  }

  override async close(): Promise<void> {}

  protected override path(name: Buffer): Buffer {
    return join(this.steps.at(-1)!.path, name);
  }

  protected override async check(): Promise<void> {
    for (const { path, status, isStill } of this.steps) {
      if (!isStill(await lookAgain(path), status)) throw changed();
    }
  }
}

async function openPath(path: string): Promise<Top> {
  const real = await realpath(path, "buffer");
  const steps: Step[] = [];
  for (let end = real.indexOf(SLASH); end !== -1 && end < real.length - 1; end = real.indexOf(SLASH, end + 1)) {
    const above = real.subarray(0, Math.max(end, 1));
    steps.push({ path: above, status: await lstat(above, BIG), isStill: isSameEntry });
  }
  if (!steps.every(({ status }) => status.isDirectory())) throw changed();
  const top = await settledStep(real);
  if (!top.status.isDirectory()) throw notDirectory();
  return { place: new NamedPlace([...steps, top]), real };
}

/** Looks at a directory whose next change will show in its time of change: waits for that where it has just changed. */
async function settledStep(path: Buffer): Promise<Step> {
  const now = Date.now();
  const status = await lookAgain(path);
  if (now - Number(status.ctimeMs) <= SETTLE_MS) {
    await setTimeout(SETTLE_MS);
    if (!isUnchanged(await lookAgain(path), status)) throw changed();
  }
  return { path, status, isStill: isUnchanged };
}

/** Looks at what was there a moment ago. */
function lookAgain(path: Buffer): Promise<BigIntStats> {
  return lstat(path, BIG).catch(unlessChanged);
}

/** Opens what was `seen` at `path`, and nothing else. */
async function openSeen(path: Buffer, flags: number, seen: BigIntStats): Promise<FileHandle> {
  const handle = await open(path, flags).catch(unlessChanged);
  try {
    if (!isSameEntry(await handle.stat(BIG), seen)) throw changed();
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Throws `error`, which came of what was there a moment ago. */
export function unlessChanged(error: NodeJS.ErrnoException): never {
  throw CHANGED_CODES.has(error.code) ? changed() : error;
}

function notDirectory(): EntryError {
  return new EntryError("is not a directory");
}

/** Whether both are of the same file or directory. */
function isSameEntry(a: BigIntStats, b: BigIntStats): boolean {
  const type = BigInt(constants.S_IFMT);
  return a.dev === b.dev && a.ino === b.ino && (a.mode & type) === (b.mode & type);
}

/** Whether both are of the same file or directory, which nobody changed in between. */
export function isUnchanged(a: BigIntStats, b: BigIntStats): boolean {
  return isSameEntry(a, b) && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}

function join(directory: Buffer, name: Buffer): Buffer {
  const slash = directory.at(-1) === SLASH ? [] : [Buffer.of(SLASH)];
  return Buffer.concat([directory, ...slash, name]);
}
