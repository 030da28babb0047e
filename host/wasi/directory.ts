// Copies a directory of the host into memory, for a `host:` tree (Node). Links are followed inside the directory only;
// those that lead nowhere in it are left out, as is whatever is neither file nor directory. A file that changes while
// it is read refuses the whole, as does anything that can't be read.

import type { BigIntStats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { HostTreeError } from "../errors.js";
import type { TreeOptions } from "./limits.js";
import { type Doors, LinkWay } from "./links.js";
import {
  bestStrategy,
  changed,
  EntryError,
  isUnchanged,
  openTop,
  type Place,
  type Strategy,
  type Top,
  unlessChanged,
} from "./places.js";
import { type GrantedTree, TreeBuilder } from "./tree.js";

/** Directories open at once for each level that is allowed: what a link leads to is open beside where the link is. */
const OPEN_PER_LEVEL = 4;

/** The most that is read at a time. */
const READ_MAX = 64 * 1024 * 1024;

/** Copies the directory at `path`. Throws a HostTreeError that names what it can't be granted for. */
export async function copyDirectory(
  path: string,
  options: TreeOptions,
  strategy: Strategy = bestStrategy(),
): Promise<GrantedTree> {
  const builder = new TreeBuilder(path, options);
  const top = await trying(builder, "", () => openTop(path, strategy), "no such directory");
  try {
    await new Copy(builder, top, options.limits).run();
  } finally {
    await top.place.close();
  }
  return builder.tree;
}

class Copy implements Doors {
  /** Names of all directories so far. */
  #found = 0;
  /** Directories that are open below the top. */
  #open = 0;

  constructor(
    private readonly builder: TreeBuilder,
    private readonly top: Top,
    private readonly limits: TreeOptions["limits"],
  ) {}

  run(): Promise<void> {
    return trying(this.builder, "", () => this.#directory(this.top.place, "", [this.top.place]));
  }

  /** Called by links too, with whatever is on their way. */
  async enter(place: Place, name: Buffer, seen: BigIntStats): Promise<Place> {
    const most = this.limits.depth * OPEN_PER_LEVEL;
    if (this.#open >= most) throw new EntryError(`more than ${most} directories on the way of its links`);
    const entered = await place.enter(name, seen);
    this.#open++;
    return entered;
  }

  async leave(place: Place): Promise<void> {
    this.#open--;
    await place.close();
  }

  /** Copies the entries of `place`, the last of `above`: those that it is in. */
  async #directory(place: Place, prefix: string, above: readonly Place[]): Promise<void> {
    // All names first: a directory with too many is refused before any of its files is read.
    const names: Buffer[] = [];
    for await (const name of place.names()) {
      names.push(name);
      if (++this.#found > this.limits.entries) throw this.builder.tooMany();
    }
    for (const name of names) {
      const path = prefix + name.toString("latin1");
      await trying(this.builder, path, () => this.#entry(place, name, path, above));
    }
  }

  async #entry(place: Place, name: Buffer, path: string, above: readonly Place[]): Promise<void> {
    const status = await place.look(name).catch(unlessChanged);
    if (status.isSymbolicLink()) await this.#link(place, name, path, above);
    else if (status.isDirectory()) {
      this.builder.directory(path);
      const entered = await this.enter(place, name, status);
      try {
        await this.#directory(entered, `${path}/`, [...above, entered]);
      } finally {
        await this.leave(entered);
      }
    } else await this.#file(place, name, path, status);
  }

  /** Copies what the link leads to in its place. */
  async #link(place: Place, name: Buffer, path: string, above: readonly Place[]): Promise<void> {
    await using way = new LinkWay(this.top, this);
    const found = await way.follow(place, name);
    if ("nowhere" in found) return this.builder.leaveOut(path, found.nowhere);
    if ("name" in found) return await this.#file(found.place, found.name, path, found.status);
    const { directory } = found;
    if (above.some((other) => other.isSame(directory))) {
      return this.builder.leaveOut(path, "is a link to a directory it is in");
    }
    this.builder.directory(path);
    await this.#directory(directory, `${path}/`, [...above, directory]);
  }

  async #file(place: Place, name: Buffer, path: string, seen: BigIntStats): Promise<void> {
    // Opening anything else may wait, or do something.
    if (!seen.isFile()) return this.builder.leaveOut(path, kind(seen));
    if (seen.size > this.builder.room) throw this.builder.tooLarge(path);
    const file = await place.open(name, seen);
    try {
      const content = await contentOf(file, Number(seen.size));
      if (!isUnchanged(await file.stat({ bigint: true }), seen)) throw changed();
      this.builder.file(path, content);
    } finally {
      await file.close();
    }
  }
}

/** The bytes of a file that has exactly `size`. */
async function contentOf(file: FileHandle, size: number): Promise<Uint8Array> {
  const content = reserve(size);
  for (let length = 0; length < size; ) {
    const { bytesRead } = await file.read(content, length, Math.min(size - length, READ_MAX), length);
    if (bytesRead === 0) throw changed();
    length += bytesRead;
  }
  // A byte more than there should be shows that it has grown.
  if ((await file.read(new Uint8Array(1), 0, 1, size)).bytesRead > 0) throw changed();
  return content;
}

function reserve(size: number): Uint8Array {
  try {
    return new Uint8Array(size);
  } catch {
    throw new EntryError(`no memory for its ${size} bytes`);
  }
}

/** Runs `body`; what the system refuses is said with the name of the entry, and what isn't there by `missing`. */
async function trying<T>(builder: TreeBuilder, path: string, body: () => Promise<T>, missing?: string): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof EntryError) throw builder.refused(path, error.message);
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof HostTreeError || code === undefined) throw error;
    throw builder.refused(path, (code === "ENOENT" && missing) || `can't be read (${code})`);
  }
}

function kind(status: BigIntStats): string {
  if (status.isFIFO()) return "is a FIFO";
  if (status.isSocket()) return "is a socket";
  if (status.isCharacterDevice() || status.isBlockDevice()) return "is a device";
  return "is neither a file nor a directory";
}
