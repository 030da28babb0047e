// Follows links of a tree that is copied (Node), name by name, from one directory of it to the next: `..` goes back to
// the directory a place was entered from, and nothing leads above the top.

import type { BigIntStats } from "node:fs";
import type { Place, Top } from "./places.js";

/** Links on the way of one link, as many as systems follow. */
const LINKS_MAX = 40;
/** Names on the way of one link. */
const NAMES_MAX = 512;

const SLASH = 0x2f;

/** Where a link leads: a directory, something else in one, or nowhere, and why. */
export type Destination =
  | { directory: Place }
  | { place: Place; name: Buffer; status: BigIntStats }
  | { nowhere: string };

/** Enters directories, and leaves those it has entered. */
export interface Doors {
  enter(place: Place, name: Buffer, seen: BigIntStats): Promise<Place>;
  leave(place: Place): Promise<void>;
}

/** The way of one link. The directories it leads through stay entered until it is disposed of. */
export class LinkWay implements AsyncDisposable {
  /** Each was entered from the one before it. */
  readonly #entered: Place[] = [];

  constructor(
    private readonly top: Top,
    private readonly doors: Doors,
  ) {}

  /** Follows the link `name` in `place`. */
  async follow(place: Place, name: Buffer): Promise<Destination> {
    const leaves = { nowhere: "is a link that leaves the directory" };
    const dangles = { nowhere: "is a link to nothing" };
    let here = place;
    let links = 0;
    let names = 0;
    // The last one is the next to go.
    const ahead = [name];
    for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
      if (++names > NAMES_MAX) return { nowhere: `is a link with more than ${NAMES_MAX} names on its way` };
      if (isDot(next)) continue;
      if (next.equals(UP)) {
        if (here.parent === undefined) return leaves;
        const { parent } = here;
        if (here === this.#entered.at(-1)) await this.#back();
        here = parent;
        continue;
      }
      const status = await here.look(next).catch(nothing);
      if (status === undefined) return dangles;
      if (status.isSymbolicLink()) {
        if (++links > LINKS_MAX) return { nowhere: `is a link with more than ${LINKS_MAX} links on its way` };
        const target = await here.target(next);
        const below = target[0] === SLASH ? this.#belowTop(target) : target;
        if (below === undefined) return leaves;
        if (target[0] === SLASH) {
          await this.#leaveAll();
          here = this.top.place;
        }
        ahead.push(...split(below).reverse());
      } else if (status.isDirectory()) {
        here = await this.doors.enter(here, next, status);
        this.#entered.push(here);
      } else return ahead.length === 0 ? { place: here, name: next, status } : dangles;
    }
    return { directory: here };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#leaveAll();
  }

  async #leaveAll(): Promise<void> {
    while (this.#entered.length > 0) await this.#back();
  }

  async #back(): Promise<void> {
    await this.doors.leave(this.#entered.pop()!);
  }

  /** The part of an absolute path after that of the top; undefined when it starts differently. */
  #belowTop(target: Buffer): Buffer | undefined {
    const { real } = this.top;
    const length = real.at(-1) === SLASH ? real.length - 1 : real.length;
    const starts = target.subarray(0, length).equals(real.subarray(0, length));
    return starts && (target.length === length || target[length] === SLASH) ? target.subarray(length) : undefined;
  }
}

const UP = Buffer.from("..");

/** Empty names come of slashes beside each other. */
function isDot(name: Buffer): boolean {
  return name.length === 0 || name.equals(Buffer.from("."));
}

function split(path: Buffer): Buffer[] {
  const names: Buffer[] = [];
  let start = 0;
  for (let end = path.indexOf(SLASH); end !== -1; end = path.indexOf(SLASH, start)) {
    names.push(path.subarray(start, end));
    start = end + 1;
  }
  return [...names, path.subarray(start)];
}

/** What isn't there, or has a name that nothing can have, is nothing. */
function nothing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENAMETOOLONG") throw error;
}
