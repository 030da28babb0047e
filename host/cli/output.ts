// Files that the program writes. Each is written under a name that nobody can guess, beside its place, and put there
// when it is complete: no reader finds half a file, a failure leaves what was there before, and a link that somebody
// put at the place is replaced, not followed. Here too is the output directory of a boot: result.json and mem.bin, a
// sparse file in which the offset is the guest physical address.

import { randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  write,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { OptionError } from "../errors.js";
import { printableJson } from "../json_text.js";
import type { BootResult } from "../result.js";
import { takeOn } from "./ending.js";
import { whyUnwritable } from "./files.js";

/** Bytes written in one go; in between, signals are heard. */
const PIECE = 4 * 1024 * 1024;
const NEW_FILE =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

const writeTo = promisify(write);

/** A file on its way to its place. Its methods throw the errors of the system. */
export class NewFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #layDown: () => void;
  #fd: number | undefined;

  /** Starts a file that will be at `path`. */
  constructor(path: string, mode = 0o666) {
    this.#path = path;
    this.#temporary = join(dirname(path), `.${basename(path)}.${randomBytes(8).toString("hex")}`);
    this.#layDown = takeOn({ clean: () => rmSync(this.#temporary, { force: true }) });
    try {
      this.#fd = openSync(this.#temporary, NEW_FILE, mode);
    } catch (error) {
      this.#layDown();
      throw error;
    }
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const count = Math.min(PIECE, bytes.length - done);
      const { bytesWritten } = await writeTo(this.#fd!, bytes, done, count, at + done);
      done += bytesWritten;
    }
  }

  /** Sets the size; what isn't written is a hole. */
  truncate(size: number): void {
    ftruncateSync(this.#fd!, size);
  }

  /** Completes the file, still beside its place. */
  close(): void {
    if (this.#fd === undefined) return;
    const fd = this.#fd;
    this.#fd = undefined;
    closeSync(fd);
  }

  /** Puts the complete file in its place. */
  place(): void {
    renameSync(this.#temporary, this.#path);
  }

  /** Removes it unless it is in its place. */
  [Symbol.dispose](): void {
    this.#layDown();
    this.close();
  }
}

/**
 * Writes one file.
 * @throws OptionError when it can't be written
 */
export async function writeFile(path: string, bytes: Uint8Array, mode?: number): Promise<void> {
  await named(path, async () => {
    using file = new NewFile(path, mode);
    await file.write(bytes, 0);
    file.close();
    file.place();
  });
}

/**
 * Looks, before the boot, whether a file can be written at `path`.
 * @throws OptionError when not
 */
export function checkPlace(path: string, links: "replaced" | "refused"): void {
  const status = statusOf(path);
  const isLink = status?.isSymbolicLink() ?? false;
  if (isLink && links === "refused") throw new OptionError(`${path} is a link; name the file that it stands for`);
  if (status && !isLink && !status.isFile()) throw new OptionError(`${path} can't be written (not a regular file)`);
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unwritable(path, error);
  }
}

function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    // What is wrong with the way to it is said by the look at the directory.
    return undefined;
  }
}

/** Makes a directory and those above it. Node's own way to do that tries for ever where none can be made, as in /proc. */
function makeDirectories(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && statSync(path).isDirectory()) return;
    const above = dirname(resolve(path));
    if (code !== "ENOENT" || above === resolve(path)) throw error;
    makeDirectories(above);
    mkdirSync(path);
  }
}

const RESULT = "result.json";
const MEMORY = "mem.bin";

/**
 * Makes the directory, so that a bad one is refused before the boot.
 * @throws OptionError
 */
export function prepareOutput(directory: string): void {
  try {
    makeDirectories(directory);
  } catch (error) {
    throw new OptionError(`output directory ${directory} can't be made (${(error as NodeJS.ErrnoException).code})`);
  }
  for (const name of [MEMORY, RESULT]) checkPlace(join(directory, name), "replaced");
}

/**
 * Writes both files. Neither is put in its place before both are complete, and the result comes last: where it is new,
 * the memory is new.
 * @throws OptionError
 */
export async function writeOutput(directory: string, result: BootResult): Promise<void> {
  await named(`output directory ${directory}`, async () => {
    using memory = new NewFile(join(directory, MEMORY));
    const { guestMemory } = result;
    memory.truncate(guestMemory.low);
    for (const [start, end] of guestMemory.written) {
      for (let at = start; at < end; at += PIECE)
        await memory.write(guestMemory.read(at, Math.min(PIECE, end - at)), at);
    }
    memory.close();
    using description = new NewFile(join(directory, RESULT));
    await description.write(Buffer.from(printableJson(result)), 0);
    description.close();
    // A former result doesn't describe the new memory.
    rmSync(join(directory, RESULT), { force: true });
    memory.place();
    description.place();
  });
}

/** Does `work`; a failure of the system is said to be one of writing `what`. */
async function named(what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw unwritable(what, error);
  }
}

function unwritable(what: string, error: unknown): unknown {
  const { code, errno } = error as NodeJS.ErrnoException;
  return errno === undefined ? error : new OptionError(`${what} can't be written (${whyUnwritable(code)})`);
}
