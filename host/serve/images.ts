// Images that requests name: files below the operator's directories, and nothing else. Each is opened once, name by name from
// the directory on, without following a link (wasi/places.ts); from then on it is that file, whatever becomes of its name.

import type { FileHandle } from "node:fs/promises";
import { isCompression } from "../disks/compression.js";
import { IMAGES_MAX } from "../disks/disk.js";
import { explain, FileDisk, sizeComplaint, whenUnused } from "../disks/file.js";
import type { DiskImage, ImageFormat } from "../disks/source.js";
import { DiskError, OptionError } from "../errors.js";
import type { Machine, MachineImage } from "../machine_file/machine.js";
import { bestStrategy, EntryError, openTop, type Place, type Strategy } from "../wasi/places.js";
import { Budget } from "./limits.js";
import { busy, Refusal } from "./refusal.js";

/** Directories on the way to an image, at most. */
const DEPTH_MAX = 32;
/** How often one is looked for again that changed meanwhile. */
const TRIES = 3;
/** The system has no more descriptors. */
const FULL = ["EMFILE", "ENFILE"];
const GONE = ["ENOENT", "ENOTDIR"];

/** Images of one boot. */
export interface OpenedImages {
  disks: DiskImage[];
  /** Closes them all; a second time it does nothing. */
  close(): void;
}

/** Where images are: directories for all tenants, and such with one for each tenant in them. */
export interface ImageRoots {
  shared: readonly string[];
  tenants: readonly string[];
}

/** Opens what requests name. */
export class Images {
  readonly #budget: Budget;

  constructor(
    private readonly roots: ImageRoots,
    most: number,
    private readonly strategy: Strategy = bestStrategy(),
  ) {
    this.#budget = new Budget(most, "too many images are open");
  }

  /** How many are open. */
  get open(): number {
    return this.#budget.used;
  }

  /**
   * The disks of a request of `tenant`, open.
   * @throws Refusal for an image that isn't there, or too many at a time; DiskError for what is no image; OptionError for a name
   * that can't be one
   */
  async openAll(disks: NonNullable<Machine["disks"]>, tenant: string): Promise<OpenedImages> {
    const handles: FileHandle[] = [];
    const close = () => {
      for (const handle of handles.splice(0)) {
        whenUnused(handle.fd, () => {
          this.#budget.give(1, tenant);
          // It was opened for reading: nothing is lost that closing could tell of.
          handle.close().catch(() => {});
        });
      }
    };
    const open = async (image: string, sectorSize?: 512 | 4096): Promise<FileDisk> => {
      if (handles.length === IMAGES_MAX) throw new OptionError(`more than ${IMAGES_MAX} images`);
      this.#budget.take(1, tenant, handles.length);
      let handle: FileHandle;
      try {
        handle = await this.#open(image, tenant);
      } catch (error) {
        this.#budget.give(1, tenant);
        throw error;
      }
      handles.push(handle);
      const { size } = await handle.stat();
      const complaint = sizeComplaint(size);
      if (complaint !== undefined) throw new DiskError(image, complaint);
      return new FileDisk(image, sectorSize, { fd: handle.fd, size });
    };
    const opened = async (one: string | MachineImage, sectorSize?: 512 | 4096) => {
      const { image, format } = typeof one === "string" ? { image: one } : one;
      return { image: await open(image, sectorSize), ...(format && { format: readable(image, format) }) };
    };
    try {
      const result: DiskImage[] = [];
      for (const disk of disks) {
        const { sectorSize, files = [] } = typeof disk === "string" ? {} : disk;
        const image = await opened(disk, sectorSize);
        const more: NonNullable<DiskImage["files"]>[number][] = [];
        for (const file of files) more.push(await opened(file));
        result.push({ ...image, files: more });
      }
      return { disks: result, close };
    } catch (error) {
      close();
      throw error;
    }
  }

  /** The first file of that name. */
  async #open(name: string, tenant: string): Promise<FileHandle> {
    const parts = name.split("/");
    if (parts.some((part) => part === "" || part === "." || part === ".."))
      throw new OptionError(
        `${name}: images are named from the service's directories on, without empty parts, . and ..`,
      );
    if (parts.length > DEPTH_MAX) throw new OptionError(`${name}: more than ${DEPTH_MAX} directories deep`);
    const { shared, tenants } = this.roots;
    // Without a name there is no directory of the tenant's.
    const own = tenant === "" ? [] : tenants.map((root) => ({ root, path: [tenant, ...parts] }));
    for (const { root, path } of [...own, ...shared.map((root) => ({ root, path: parts }))]) {
      const handle = await this.#tryOpen(root, path, name);
      if (handle !== undefined) return handle;
    }
    throw new Refusal(404, { name: "DiskError", message: `${name}: no such image`, disk: name });
  }

  async #tryOpen(root: string, path: readonly string[], name: string): Promise<FileHandle | undefined> {
    for (let left = TRIES; ; left--) {
      try {
        return await openBelow(root, path, this.strategy);
      } catch (error) {
        const { code = "" } = error as NodeJS.ErrnoException;
        if (GONE.includes(code)) return undefined;
        if (FULL.includes(code)) throw busy("the service has no more files to open");
        if (error instanceof NotPlain) throw new DiskError(name, error.message);
        if (!(error instanceof EntryError)) throw new DiskError(name, explain(error));
        if (left === 1) throw busy(`${name}: its directories change all the time`);
      }
    }
  }
}

/** What stands where a file or directory should. */
class NotPlain extends Error {}

/** A format that the core reads by itself. */
function readable(image: string, format: NonNullable<DiskImage["format"]>): ImageFormat {
  if (isCompression(format)) throw new OptionError(`${image}: the service unpacks no images (${format})`);
  return format;
}

/** The file at `path` below `root`: each of its names is looked up in the directory before it, which stays open meanwhile. */
async function openBelow(root: string, path: readonly string[], strategy: Strategy): Promise<FileHandle> {
  const entered: Place[] = [];
  try {
    let { place } = await openTop(root, strategy);
    entered.push(place);
    const last = path.length - 1;
    for (const [at, part] of path.entries()) {
      const name = Buffer.from(part);
      const seen = await place.look(name);
      if (seen.isSymbolicLink()) throw new NotPlain("there is a link in its name, which isn't followed");
      if (at === last) {
        if (!seen.isFile()) throw new NotPlain(seen.isDirectory() ? "is a directory" : "not a regular file");
        return await place.open(name, seen);
      }
      if (!seen.isDirectory()) throw Object.assign(new Error("no directory"), { code: "ENOTDIR" });
      place = await place.enter(name, seen);
      entered.push(place);
    }
    throw new NotPlain("names nothing");
  } finally {
    for (const place of entered) await place.close();
  }
}
