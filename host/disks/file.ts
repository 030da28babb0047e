// A disk image in a file (Node). Opened read only; what it refuses, it refuses with one line.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { DiskError } from "../errors.js";
import type { Disk } from "./disk.js";

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
    try {
      this.#fd = fd ?? openSync(path, "r");
    } catch (error) {
      throw new DiskError(path, explain(error));
    }
    const status = fstatSync(this.#fd);
    this.size = status.size;
    const complaint = status.isDirectory()
      ? "is a directory, not a disk image"
      : !status.isFile()
        ? "not a regular file"
        : status.size === 0
          ? "empty file, not a disk image"
          : undefined;
    if (complaint !== undefined) {
      this.close();
      throw new DiskError(path, complaint);
    }
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

/** The system's reason in plain words. */
function explain(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR") return "no such file";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  return `cannot be opened (${code ?? String(error)})`;
}
