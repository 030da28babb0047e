// A disk image in a file, or a device (Node). Opened read only; what it refuses, it refuses with one line.

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { DiskError } from "../errors.js";
import { deviceFacts, isDiskDevice } from "./device.js";
import type { Disk } from "./disk.js";
import { FORMAT_WORDS } from "./source.js";

/** Opening waits for nobody (the other end of a FIFO, a device) and takes no terminal. Node adds O_CLOEXEC. */
export const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/** Bytes that a character device is read by where the wanted ones aren't whole sectors. */
const BOUNCE = 65_536;
/** The device is gone. */
const GONE = ["ENXIO", "ENODEV", "ENOMEDIUM"];

/** A file that is open already, as it was sent; whoever opened it closes it. */
export interface OpenFile {
  /** Its descriptor. */
  fd: number;
  /** Needed of a device, whose file tells none. */
  size?: number | undefined;
}

/**
 * A file or device as a disk, to be closed when it was opened here.
 * @throws DiskError as `openImageFile`, and when it is read, if it has become shorter than it was, or the device has gone
 */
export class FileDisk implements Disk {
  readonly promises = false;
  readonly size: number;
  /** As it was said, else as the device says, else 512. */
  readonly sectorSize: 512 | 4096;
  readonly #fd: number;
  /** Character devices are read by whole sectors. */
  readonly #bounce: Uint8Array | undefined;
  #open: boolean;

  constructor(
    /** Where it is. */
    readonly path: string,
    sectorSize?: 512 | 4096,
    open?: OpenFile,
  ) {
    this.#open = open === undefined;
    this.#fd = open?.fd ?? openImageFile(path);
    const status = fstatSync(this.#fd);
    if (status.isFile()) {
      this.size = open?.size ?? status.size;
      this.sectorSize = sectorSize ?? 512;
    } else {
      const facts =
        open?.size === undefined ? deviceFacts(this.#fd, status) : { size: open.size, sectorSize: 512 as const };
      this.size = facts.size;
      this.sectorSize = sectorSize ?? facts.sectorSize;
    }
    if (status.isCharacterDevice()) this.#bounce = new Uint8Array(BOUNCE);
  }

  read(offset: number, target: Uint8Array): number {
    const wanted = Math.max(0, Math.min(target.length, this.size - offset));
    let done = 0;
    while (done < wanted) {
      const count = this.#readSome(offset + done, target.subarray(done, wanted));
      if (count === 0) throw this.#lost(`ends at byte ${offset + done}, but had ${this.size} when it was opened`);
      done += count;
    }
    return done;
  }

  #readSome(offset: number, target: Uint8Array): number {
    const bounce = this.#bounce;
    const before = bounce === undefined ? 0 : offset % this.sectorSize;
    if (bounce === undefined || (before === 0 && target.length % this.sectorSize === 0))
      return this.#pread(target, offset);
    const end = Math.min(BOUNCE, Math.ceil((before + target.length) / this.sectorSize) * this.sectorSize);
    const got = this.#pread(bounce.subarray(0, end), offset - before) - before;
    const part = bounce.subarray(before, before + Math.max(0, Math.min(got, target.length)));
    target.set(part);
    return part.length;
  }

  #pread(target: Uint8Array, offset: number): number {
    try {
      return readSync(this.#fd, target, 0, target.length, offset);
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      throw GONE.includes(code) ? this.#lost(`has gone (${code})`) : error;
    }
  }

  #lost(what: string): DiskError {
    return new DiskError(this.path, what);
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
 * The file or device at `path` as a disk, to be closed by the caller. `boot` takes paths, too; this is the same name as in pages.
 * @throws DiskError as `openImageFile`
 */
export async function fileDisk(path: string, { sectorSize }: { sectorSize?: 512 | 4096 } = {}): Promise<FileDisk> {
  return new FileDisk(path, sectorSize);
}

/**
 * Opens the image or device at `path`, which is looked at before a byte is read.
 * @throws DiskError for what isn't there, may not be read, is no regular file and no disk, or is empty
 */
export function openImageFile(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, OPEN_FLAGS);
  } catch (error) {
    throw new DiskError(path, explain(error) + wordHint(path));
  }
  const complaint = imageComplaint(fd);
  if (complaint === undefined) return fd;
  closeSync(fd);
  throw new DiskError(path, complaint);
}

/** What to do about a name that begins as on the command line. */
function wordHint(path: string): string {
  const word = FORMAT_WORDS.find((one) => path.startsWith(`${one}:`));
  return word === undefined ? "" : ` (its format is said apart from its name: format: "${word}")`;
}

/** Why what is open as `fd` is no image; undefined when it may be one. */
function imageComplaint(fd: number): string | undefined {
  const status = fstatSync(fd);
  if (isDiskDevice(status)) return deviceFacts(fd, status).size > 0 ? undefined : "device without a medium, or no disk";
  return (
    kindComplaint(status, ", not a disk image") ?? (status.size === 0 ? "empty file, not a disk image" : undefined)
  );
}

/** What is wrong with something that should be a regular file; undefined when it is one. */
export function kindComplaint(status: { isDirectory(): boolean; isFile(): boolean }, wanted = ""): string | undefined {
  if (status.isDirectory()) return `is a directory${wanted}`;
  return status.isFile() ? undefined : "not a regular file";
}

/** Why a file can't be opened or read: the system's reason in plain words. */
export function explain(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR") return "no such file";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  if (code === "ENOMEDIUM" || code === "ENXIO") return "there is no medium in it, or no such device";
  return `cannot be opened (${code ?? String(error)})`;
}
