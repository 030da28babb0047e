// A disk image in a file (Node). Opened read only; what it refuses, it refuses with one line.

import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { DiskError } from "../errors.js";
import type { Disk } from "./disk.js";

/** Opening waits for nobody (the other end of a FIFO, a device) and takes no terminal. */
export const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/**
 * A file as a disk, to be closed when it was opened here.
 * @throws DiskError as `openImageFile`
 */
export class FileDisk implements Disk {
  readonly size: number;
  readonly #fd: number;
  #open: boolean;

  constructor(
    readonly path: string,
    readonly sectorSize = 512,
    /** The file, open already; whoever opened it closes it. */
    fd?: number,
  ) {
    this.#open = fd === undefined;
    this.#fd = fd ?? openImageFile(path);
    this.size = fstatSync(this.#fd).size;
  }

  read(offset: number, target: Uint8Array): number {
    let done = 0;
    while (done < target.length) {
      const count = readSync(this.#fd, target, done, target.length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  /** The open file, for another thread. */
  get fd(): number {
    return this.#fd;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }
}

/**
 * Opens the image at `path`, which is looked at before a byte is read.
 * @throws DiskError for what isn't there, may not be read, is no regular file or is empty
 */
export function openImageFile(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, OPEN_FLAGS);
  } catch (error) {
    throw new DiskError(path, explain(error));
  }
  const status = fstatSync(fd);
  const complaint =
    kindComplaint(status, ", not a disk image") ?? (status.size === 0 && "empty file, not a disk image");
  if (!complaint) return fd;
  closeSync(fd);
  throw new DiskError(path, complaint);
}

/** What is wrong with something that should be a regular file; undefined when it is one. */
export function kindComplaint(status: Stats, wanted = ""): string | undefined {
  if (status.isDirectory()) return `is a directory${wanted}`;
  return status.isFile() ? undefined : "not a regular file";
}

/** Why a file can't be opened or read: the system's reason in plain words. */
export function explain(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR") return "no such file";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  return `cannot be opened (${code ?? String(error)})`;
}
