// Copies a directory of the host into memory, for a `host:` tree (Node). Links are followed inside the directory
// only; whatever is neither file nor directory is refused, as is a file that changes while it is read. One thing
// refused refuses the whole.

import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, open, opendir, realpath, stat } from "node:fs/promises";
import { HostTreeError } from "../errors.js";
import { type GrantedTree, TreeBuilder, type TreeLimits } from "./tree.js";

const SLASH = 0x2f;

/** Copies the directory at `path`. */
export async function copyDirectory(path: string, limits: TreeLimits): Promise<GrantedTree> {
  const copy = new Copy(path, limits);
  return copy.run();
}

class Copy {
  readonly #builder: TreeBuilder;
  #top = "";
  #found = 0;

  constructor(
    private readonly path: string,
    private readonly limits: TreeLimits,
  ) {
    this.#builder = new TreeBuilder(path, limits);
  }

  async run(): Promise<GrantedTree> {
    const top = await this.#trying("", async () => {
      if (!(await stat(this.path)).isDirectory()) throw new HostTreeError(this.path, "is not a directory");
      return realpath(this.path, "buffer");
    });
    this.#top = top.toString("latin1");
    await this.#directory(top, "", [this.#top]);
    return this.#builder.tree;
  }

  /** Copies the entries of the directory at `real`; `above` are the real paths of it and those it is in. */
  async #directory(real: Buffer, prefix: string, above: readonly string[]): Promise<void> {
    const entries = await this.#trying(prefix, () => opendir(real, { encoding: "buffer" as BufferEncoding }));
    // All names first: a directory with too many is refused before any of its files is read.
    const names: Buffer[] = [];
    for await (const entry of entries) {
      names.push(entry.name as unknown as Buffer);
      if (++this.#found > this.limits.entries) throw this.#builder.tooMany();
    }
    for (const bytes of names) {
      const path = prefix + bytes.toString("latin1");
      await this.#trying(path, () => this.#entry(join(real, bytes), path, above));
    }
  }

  async #entry(location: Buffer, path: string, above: readonly string[]): Promise<void> {
    let real = location;
    let status = await lstat(location);
    if (status.isSymbolicLink()) {
      real = await realpath(location, "buffer");
      const target = real.toString("latin1");
      if (target !== this.#top && !target.startsWith(this.#top === "/" ? "/" : `${this.#top}/`)) {
        throw this.#builder.refused(path, "is a link that leaves the directory");
      }
      if (above.includes(target)) throw this.#builder.refused(path, "is a link to a directory it is in");
      status = await lstat(real);
    }
    if (status.isDirectory()) {
      this.#builder.directory(path);
      await this.#directory(real, `${path}/`, [...above, real.toString("latin1")]);
    } else if (status.isFile()) {
      if (status.size > this.#builder.room) throw this.#builder.tooLarge(path);
      this.#builder.file(path, await this.#read(real, path, status));
    } else throw this.#builder.refused(path, "is neither a file nor a directory");
  }

  /** The content of the file at `real`, which must still be what `seen` says, before and after. */
  async #read(real: Buffer, path: string, seen: Stats): Promise<Uint8Array> {
    const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const content = await this.#content(file, path, seen);
      if (content.length === seen.size && same(await file.stat(), seen)) return content;
    } finally {
      await file.close();
    }
    throw this.#builder.refused(path, "changed while it was copied");
  }

  async #content(file: FileHandle, path: string, seen: Stats): Promise<Uint8Array> {
    if (!same(await file.stat(), seen)) throw this.#builder.refused(path, "changed while it was copied");
    // One byte more than there should be shows that a file has grown.
    const content = new Uint8Array(seen.size + 1);
    let length = 0;
    while (length < content.length) {
      const { bytesRead } = await file.read(content, length, content.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return content.slice(0, length);
  }

  /** Runs `body`; what the system refuses is said with the name of the entry. */
  async #trying<T>(path: string, body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (error instanceof HostTreeError || code === undefined) throw error;
      throw this.#builder.refused(path, `can't be read (${code})`);
    }
  }
}

function join(directory: Buffer, name: Buffer): Buffer {
  const slash = directory.at(-1) === SLASH ? [] : [Buffer.of(SLASH)];
  return Buffer.concat([directory, ...slash, name]);
}

function same(a: Stats, b: Stats): boolean {
  return a.isFile() && a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs;
}
