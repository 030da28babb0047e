// A tree from an image on this machine's disk. Directories and files are made new, and never through anything that was there, came
// from the image, or was put there meanwhile (made_tree.ts): links are made last of all. Modes are a file's permissions without
// set-user-ID and the like.

import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  ftruncateSync,
  futimesSync,
  lstatSync,
  lutimesSync,
  openSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { LimitError, OptionError, UserbootError } from "../errors.js";
import { endsAll, type Inspection } from "../inspect/inspection.js";
import { byteString, bytesOf, textOf } from "../inspect/text.js";
import { type Copying, divides, type Item, whyOf } from "./copy_items.js";
import { takeOn } from "./ending.js";
import { MadeTree } from "./made_tree.js";

/** Without following a link that is there already. */
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
const PERMISSIONS = 0o777;
/** Most memory that links and directories take until they are done, and what each does besides its names. */
const KEPT_MAX = 512 * 1024 * 1024;
const KEPT_EACH = 500;
/** So many zeros in a row aren't written. */
const HOLE = 65_536;
const ZEROS = Buffer.alloc(HOLE);

/** Copies to `target`: a name for what is copied, or a directory in which it gets its own. */
export async function copyOut(
  copying: Copying,
  name: string,
  target: string | undefined,
  allLinks: boolean,
): Promise<void> {
  const given = target ?? ".";
  const inside = existsSync(given) && statSync(given).isDirectory();
  const [base, top] = inside ? [given, name] : [dirname(given), byteString(basename(given))];
  const shown = inside ? join(given, textOf(name)) : given;
  try {
    using tree = new MadeTree(base, top);
    await new Copier(copying, tree, shown, allLinks).run();
  } catch (error) {
    throw unwritable(shown, error);
  }
}

class Copier {
  readonly #links: Item[] = [];
  readonly #directories: Item[] = [];
  #kept = 0;

  constructor(
    private readonly copying: Copying,
    private readonly tree: MadeTree,
    private readonly shown: string,
    private readonly allLinks: boolean,
  ) {}

  async run(): Promise<void> {
    try {
      for await (const item of this.copying.items) {
        if (item.parts.length === 0) this.#checkTop();
        if (this.tree.holds(item.parts)) await this.#trying(item, () => this.#make(item));
        if (this.#kept > KEPT_MAX) throw new LimitError("linksAndDirectories", KEPT_MAX, this.#kept);
      }
      for (const link of this.#links) await this.#trying(link, () => this.#link(link));
    } finally {
      // From the inside out: what is in a directory changes its time.
      for (const directory of this.#directories.reverse()) this.#finish(directory);
    }
  }

  /** Does `work`; what can't be done is left out, unless nothing else can be done either. */
  async #trying(item: Item, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (item.parts.length === 0 || isFull(error) || endsAll(error)) throw error;
      this.copying.leaveOut(item.path, whyOf(error));
    }
  }

  #checkTop(): void {
    if (lstatSync(this.tree.place([]), { throwIfNoEntry: false }) !== undefined)
      throw new OptionError(`${this.shown} is there already; nothing is written over`);
  }

  async #make(item: Item): Promise<void> {
    if (item.type === "directory") {
      this.tree.makeDirectory(item.parts);
      this.#keep(this.#directories, item);
    } else if (item.type === "file") await this.#file(item);
    else if (item.type === "link") this.#keep(this.#links, item);
    else this.copying.leaveOut(item.path, "neither a file, nor a directory, nor a link");
  }

  #keep(kept: Item[], item: Item): void {
    kept.push(item);
    this.#kept += KEPT_EACH + 2 * item.path.length + (item.target?.length ?? 0);
  }

  async #file(item: Item): Promise<void> {
    const { guest, onProgress } = this.copying;
    const path = this.tree.place(item.parts);
    const fd = openSync(path, NEW_FILE, 0o600);
    // One that isn't complete is no copy.
    const layDown = takeOn({ clean: () => unlinkSync(path) });
    let isComplete = false;
    try {
      try {
        await writeParts(guest, item, fd, onProgress);
        permit(() => fchmodSync(fd, item.mode & PERMISSIONS));
      } finally {
        // Some disks tell only now that they are full.
        closeSync(fd);
      }
      isComplete = true;
    } finally {
      layDown(!isComplete);
    }
  }

  async #link(item: Item): Promise<void> {
    const target = byteString(item.target ?? "");
    if (!this.allLinks && leadsOut(item.parts, target)) {
      const why = `it is a link that leads out, to ${item.target} (--all-links keeps such)`;
      this.copying.leaveOut(item.path, why);
      return;
    }
    const path = this.tree.place(item.parts);
    symlinkSync(Buffer.from(bytesOf(target)), path);
    if (item.mtime !== undefined) lutimesSync(path, ...timesOf(item));
  }

  #finish(item: Item): void {
    try {
      const path = this.tree.directory(item.parts);
      if (item.mtime !== undefined) utimesSync(path, ...timesOf(item));
      permit(() => chmodSync(path, item.mode & PERMISSIONS));
    } catch (error) {
      this.copying.leaveOut(item.path, whyOf(error));
    }
  }
}

/** Sets permissions, unless the file system has no such ones (FAT). */
function permit(set: () => void): void {
  try {
    set();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}

/** Writes a file's content, without its holes and without long runs of zeros. */
async function writeParts(guest: Inspection, item: Item, fd: number, onProgress: Copying["onProgress"]): Promise<void> {
  let position = 0;
  await guest.eachPart(item.path, (bytes, hole) => {
    writeDense(fd, bytes, position);
    position += bytes.length + hole;
    onProgress(position, item.size ?? position);
    return undefined;
  });
  ftruncateSync(fd, position);
  if (item.mtime !== undefined) futimesSync(fd, ...timesOf(item));
}

/** Furthest that dates go, in seconds. */
const DATE_MAX = 8.64e12;

/** The times of last access and change: Node takes a number before 1970 for none, but no date. */
function timesOf({ mtime = 0 }: Item): [Date, Date] {
  const date = new Date(Math.max(-DATE_MAX, Math.min(mtime, DATE_MAX)) * 1000);
  return [date, date];
}

/** Writes `bytes` at `position`, but for pieces that are all zeros. */
function writeDense(fd: number, bytes: Uint8Array, position: number): void {
  let start = 0;
  for (let at = 0; at < bytes.length; at += HOLE) {
    // Of most pieces one byte tells it.
    if (bytes[at] !== 0) continue;
    const piece = bytes.subarray(at, at + HOLE);
    if (Buffer.compare(piece, ZEROS.subarray(0, piece.length)) !== 0) continue;
    writeAll(fd, bytes.subarray(start, at), position + start);
    start = at + piece.length;
  }
  writeAll(fd, bytes.subarray(start), position + start);
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}

/**
 * Whether a link at `parts` below the top may lead to where nothing of the tree is. Directories on the way to it are true ones,
 * so that `..` at its start goes where it seems to; behind a name it may go up from where another link leads.
 */
export function leadsOut(parts: readonly string[], target: string, platform = process.platform): boolean {
  if (target.startsWith("/") || divides(target, platform)) return true;
  const steps = target.split("/").filter((step) => step !== "" && step !== ".");
  const names = steps.findIndex((step) => step !== "..");
  const ups = names < 0 ? steps.length : names;
  return ups > parts.length - 1 || steps.includes("..", ups);
}

/** Whether nothing more can be written, whatever comes next. */
function isFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT", "EROFS"].includes((error as NodeJS.ErrnoException).code ?? "");
}

function unwritable(shown: string, error: unknown): unknown {
  if (error instanceof UserbootError) return error;
  return new OptionError(`${shown} can't be written (${whyOf(error)})`);
}
