// The directories of a copy while it is made. On Linux the one that something is made in is held open, with all on the way to it, and
// nothing is reached by more than a name in there: whoever renames things meanwhile leads it nowhere else. Elsewhere paths are looked
// up, and each directory on them must still be the one that was made.

import { closeSync, constants, lstatSync, mkdirSync, openSync, readdirSync, statSync } from "node:fs";
import { OptionError } from "../errors.js";
import { bytesOf } from "../inspect/text.js";
import { bestStrategy } from "../wasi/places.js";

/** Linux's, which Node doesn't name: for a directory that isn't read no permission to read it is needed. */
const O_PATH = 0x20_0000;
/** While a tree is being made only its owner gets into it. */
const MAKING = 0o700;

/** A directory that was gone into: its name in the one before it, and how it is reached. */
interface Step {
  name: string;
  path: Buffer;
  fd?: number;
}

/** A tree that is made in a directory which is there. Names are byte strings. */
export class MadeTree implements Disposable {
  /** Which directories were made, by their names. */
  readonly #made = new Map<string, string>();
  /** From the directory that was there to the one that is worked in. */
  readonly #way: Step[] = [];

  /** A tree of the name `top` in the directory `base`, by which links to it may be followed: who asks for the copy has named it. */
  constructor(
    base: string,
    private readonly top: string,
    private readonly strategy = bestStrategy(),
  ) {
    this.#way.push(this.#reached("", Buffer.from(base), 0));
  }

  /** Whether the directory that holds `parts` was made here. What stands for one that wasn't may be a link. */
  holds(parts: readonly string[]): boolean {
    return parts.length === 0 || this.#made.has([this.top, ...parts.slice(0, -1)].join("/"));
  }

  /** The path of `parts`, for calls that follow no link. It is good until the next one is asked for. */
  place(parts: readonly string[]): Buffer {
    const names = [this.top, ...parts];
    const name = names.pop()!;
    this.#enter(names);
    return this.#below(name);
  }

  /** The path of the directory `parts` itself, good for as long. */
  directory(parts: readonly string[]): Buffer {
    this.#enter([this.top, ...parts]);
    return this.#way.at(-1)!.path;
  }

  /** Makes the directory `parts`. */
  makeDirectory(parts: readonly string[]): void {
    mkdirSync(this.place(parts), { mode: MAKING });
    const names = [this.top, ...parts];
    this.#goInto(names, (step) => {
      // Another one in its place would have been there before.
      if (readdirSync(step.path).length === 0) this.#made.set(names.join("/"), identity(step));
    });
  }

  [Symbol.dispose](): void {
    while (this.#way.length > 0) this.#leave();
  }

  /** Goes to the directory of these names. */
  #enter(names: readonly string[]): void {
    let same = 0;
    while (same < names.length && this.#way[same + 1]?.name === names[same]) same++;
    // What isn't held may be another one by now.
    if (this.strategy === "paths") same = 0;
    while (this.#way.length > same + 1) this.#leave();
    while (this.#way.length <= names.length) this.#goInto(names.slice(0, this.#way.length));
  }

  /** Goes into the last directory of these names, which must be one that was made here, if only by `make`. */
  #goInto(names: readonly string[], make?: (step: Step) => void): void {
    const name = names.at(-1)!;
    const way = this.#way.length;
    try {
      const step = this.#reached(name, this.#below(name), constants.O_NOFOLLOW ?? 0);
      this.#way.push(step);
      make?.(step);
      if (identity(step) !== this.#made.get(names.join("/"))) throw changed();
    } catch (error) {
      if (this.#way.length > way) this.#leave();
      throw CHANGED_CODES.has((error as NodeJS.ErrnoException).code) ? changed() : error;
    }
  }

  #below(name: string): Buffer {
    return Buffer.concat([this.#way.at(-1)!.path, Buffer.from("/"), bytesOf(name)]);
  }

  #reached(name: string, path: Buffer, flags: number): Step {
    if (this.strategy === "paths") return { name, path };
    const fd = openSync(path, O_PATH | constants.O_DIRECTORY | flags);
    return { name, path: Buffer.from(`/proc/self/fd/${fd}`), fd };
  }

  #leave(): void {
    const { fd } = this.#way.pop()!;
    if (fd !== undefined) closeSync(fd);
  }
}

/** Which directory it is; none of these is a link. */
function identity({ fd, path }: Step): string {
  const status = (fd === undefined ? lstatSync : statSync)(path, { bigint: true });
  if (!status.isDirectory()) throw changed();
  return `${status.dev}:${status.ino}`;
}

/** How it fails when nothing, or something else, stands where there was a directory. */
const CHANGED_CODES: ReadonlySet<string | undefined> = new Set(["ELOOP", "EMLINK", "ENOENT", "ENOTDIR"]);

const changed = (): OptionError => new OptionError("its directory is no longer the one that was made");
