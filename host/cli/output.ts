// Files that the program writes. Each is written under a name that nobody can guess, beside its place, and put there
// when it is complete: no reader finds half a file, a failure leaves what was there before, and a link that somebody
// put at the place is replaced, not followed. Here too is the output directory of a boot: result.json and mem.bin, a
// sparse file in which the offset is the guest physical address.

import { randomBytes } from "node:crypto";
import { accessSync, constants, lstatSync, mkdirSync, renameSync, rmSync, type Stats, unlinkSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { OptionError } from "../errors.js";
import type { BootResult } from "../result.js";
import { printableJson } from "../text.js";
import { takeOn } from "./ending.js";

/** Bytes written in one go; in between, signals are heard. */
const PIECE = 4 * 1024 * 1024;
const NEW_FILE =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** A file on its way to its place. */
export class NewFile {
  readonly #layDown: () => void;
  #placed = false;

  private constructor(
    private readonly path: string,
    private readonly temporary: string,
    private readonly file: FileHandle,
  ) {
    this.#layDown = takeOn({ clean: () => this.#remove() });
  }

  /** Starts a file that will be at `path`, readable for all or for its owner only. */
  static async create(path: string, mode = 0o666): Promise<NewFile> {
    const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(8).toString("hex")}`);
    return new NewFile(path, temporary, await open(temporary, NEW_FILE, mode));
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.file.write(bytes, done, Math.min(PIECE, bytes.length - done), at + done);
      done += bytesWritten;
    }
  }

  /** Sets the size; what wasn't written is a hole. */
  truncate(size: number): Promise<void> {
    return this.file.truncate(size);
  }

  /** Completes the file, still beside its place. */
  close(): Promise<void> {
    return this.file.close();
  }

  /** Puts the complete file in its place. */
  place(): void {
    renameSync(this.temporary, this.path);
    this.#placed = true;
  }

  #remove(): void {
    if (!this.#placed) unlinkSync(this.temporary);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#layDown();
    await this.file.close();
  }
}

/**
 * Writes one file.
 * @throws OptionError when it can't be written
 */
export async function writeFile(path: string, bytes: Uint8Array, mode?: number): Promise<void> {
  await named(path, async () => {
    await using file = await NewFile.create(path, mode);
    await file.write(bytes, 0);
    await file.close();
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

const RESULT = "result.json";
const MEMORY = "mem.bin";

/**
 * Makes the directory, so that a bad one is refused before the boot.
 * @throws OptionError
 */
export function prepareOutput(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
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
    await using memory = await NewFile.create(join(directory, MEMORY));
    const { guestMemory } = result;
    await memory.truncate(guestMemory.low);
    for (const [start, end] of guestMemory.written) await memory.write(guestMemory.bytes.subarray(start, end), start);
    await memory.close();
    await using description = await NewFile.create(join(directory, RESULT));
    await description.write(Buffer.from(printableJson(result)), 0);
    await description.close();
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
  return errno === undefined ? error : new OptionError(`${what} can't be written (${code})`);
}
