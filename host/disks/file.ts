// A disk image in a file, or a device (Node). Opened read only; what it refuses, it refuses with one line.

import { closeSync, constants, fstatSync, openSync, read, readSync, type Stats } from "node:fs";
import { DiskError } from "../errors.js";
import { type DeviceFacts, deviceFacts, isDiskDevice } from "./device.js";
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

/** One call of the system: what it reads, from where, and how much of that comes before what is wanted. */
interface Part {
  into: Uint8Array;
  at: number;
  before: number;
}

/**
 * A file or device as a disk, to be closed when it was opened here.
 * @throws DiskError for what isn't there, may not be read, is no regular file and no disk, or is empty; and when it is read, if it
 * has become shorter than it was, or the device has gone
 */
export class FileDisk implements Disk {
  readonly promises = false;
  readonly size: number;
  /** As it was said, else as the device says, else 512. */
  readonly sectorSize: 512 | 4096;
  readonly #fd: number;
  /** Character devices are read by whole sectors. */
  readonly #bounce: Uint8Array | undefined;
  /** It is open, and this one's to close. */
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
    const facts = open === undefined ? this.#checked(status) : openedFacts(open, status);
    this.size = facts.size;
    this.sectorSize = sectorSize ?? facts.sectorSize;
    if (status.isCharacterDevice()) this.#bounce = new Uint8Array(BOUNCE);
  }

  /** What is known of what was opened here. It is closed again when it is no image. */
  #checked(status: Stats): DeviceFacts {
    const facts = imageFacts(this.#fd, status);
    if (typeof facts !== "string") return facts;
    this.close();
    throw this.#lost(facts);
  }

  read(offset: number, target: Uint8Array): number {
    const wanted = this.#wanted(offset, target);
    let done = 0;
    while (done < wanted) {
      const rest = target.subarray(done, wanted);
      const { into, at, before } = this.#part(offset + done, rest, this.#bounce);
      let got: number;
      try {
        got = readSync(this.#fd, into, 0, into.length, at);
      } catch (error) {
        throw this.#failed(error);
      }
      done += this.#took(rest, into, got - before, before, offset + done);
    }
    return done;
  }

  /** The same while this thread goes on: whoever reads for many isn't held up by a slow medium. */
  async readAside(offset: number, target: Uint8Array): Promise<number> {
    const bounce = this.#bounce && new Uint8Array(BOUNCE);
    const wanted = this.#wanted(offset, target);
    const stop = use(this.#fd);
    try {
      let done = 0;
      while (done < wanted) {
        const rest = target.subarray(done, wanted);
        const { into, at, before } = this.#part(offset + done, rest, bounce);
        const got = await new Promise<number>((resolve, reject) => {
          read(this.#fd, into, 0, into.length, at, (error, count) =>
            error ? reject(this.#failed(error)) : resolve(count),
          );
        });
        done += this.#took(rest, into, got - before, before, offset + done);
      }
      return done;
    } finally {
      stop();
    }
  }

  #wanted(offset: number, target: Uint8Array): number {
    return Math.max(0, Math.min(target.length, this.size - offset));
  }

  /** How the first bytes of `target` are read: as they are, or by whole sectors into `bounce`. */
  #part(offset: number, target: Uint8Array, bounce: Uint8Array | undefined): Part {
    const before = bounce === undefined ? 0 : offset % this.sectorSize;
    if (bounce === undefined || (before === 0 && target.length % this.sectorSize === 0))
      return { into: target, at: offset, before: 0 };
    const end = Math.min(BOUNCE, Math.ceil((before + target.length) / this.sectorSize) * this.sectorSize);
    return { into: bounce.subarray(0, end), at: offset - before, before };
  }

  /** How many bytes of `target` came by a call that had `got` of what is wanted; they are put there, unless they are. */
  #took(target: Uint8Array, into: Uint8Array, got: number, before: number, offset: number): number {
    if (got <= 0) throw this.#lost(`ends at byte ${offset}, but had ${this.size} when it was opened`);
    const count = Math.min(got, target.length);
    if (into !== target) target.set(into.subarray(before, before + count));
    return count;
  }

  #failed(error: unknown): unknown {
    const { code = "" } = error as NodeJS.ErrnoException;
    return GONE.includes(code) ? this.#lost(`has gone (${code})`) : error;
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
    whenUnused(this.#fd, () => closeSync(this.#fd));
  }
}

/** What waits for the reads beside this thread of a descriptor. */
const inUse = new Map<number, { reads: number; closes: (() => void)[] }>();

/** A read begins; returns what is to be called at its end. */
function use(fd: number): () => void {
  const now = inUse.get(fd) ?? { reads: 0, closes: [] };
  inUse.set(fd, now);
  now.reads++;
  return () => {
    if (--now.reads > 0) return;
    inUse.delete(fd);
    for (const close of now.closes) close();
  };
}

/** Closes a descriptor when nothing reads it any more: its number could be another file's before a read has begun. */
export function whenUnused(fd: number, close: () => void): void {
  const now = inUse.get(fd);
  if (now === undefined) close();
  else now.closes.push(close);
}

/**
 * The file or device at `path` as a disk, to be closed by the caller. `boot` takes paths, too; this is the same name as in pages.
 * @throws DiskError as `FileDisk`
 */
export async function fileDisk(path: string, { sectorSize }: { sectorSize?: 512 | 4096 } = {}): Promise<FileDisk> {
  return new FileDisk(path, sectorSize);
}

/** Opens what is at `path`, which is looked at before a byte is read. */
function openImageFile(path: string): number {
  try {
    return openSync(path, OPEN_FLAGS);
  } catch (error) {
    throw new DiskError(path, explain(error) + wordHint(path));
  }
}

/** What to do about a name that begins as on the command line. */
function wordHint(path: string): string {
  const word = FORMAT_WORDS.find((one) => path.startsWith(`${one}:`));
  return word === undefined ? "" : ` (its format is said apart from its name: format: "${word}")`;
}

/** What is known of a file or device that is open as `fd`; why it is no image, when it is none. */
function imageFacts(fd: number, status: Stats): DeviceFacts | string {
  if (isDiskDevice(status)) {
    const facts = deviceFacts(fd, status);
    return facts.size > 0 ? facts : "device without a medium, or no disk";
  }
  const complaint = kindComplaint(status, ", not a disk image") ?? sizeComplaint(status.size);
  return complaint ?? { size: status.size, sectorSize: 512 };
}

/** What is known of what was opened elsewhere, and looked at there. */
function openedFacts({ fd, size }: OpenFile, status: Stats): DeviceFacts {
  if (size !== undefined || status.isFile()) return { size: size ?? status.size, sectorSize: 512 };
  return deviceFacts(fd, status);
}

/** Why a file of `size` bytes is no image; undefined when it may be one. */
export function sizeComplaint(size: number): string | undefined {
  if (size === 0) return "empty file, not a disk image";
  return Number.isSafeInteger(size) ? undefined : `${size} bytes, more than a disk may have`;
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
