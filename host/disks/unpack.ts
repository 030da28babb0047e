// Unpacks a compressed image to a temporary file (Node) that has no name: nothing of it is left behind, however this program
// ends. A thread does it (unpack_thread.ts).

import { closeSync, constants, ftruncateSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { abortedBy, DiskError, LimitError } from "../errors.js";
import type { Compression } from "./compression.js";
import { FileDisk } from "./file.js";
import type { UnpackOrder, UnpackReport } from "./unpack_thread.js";
import type { UnpackOptions } from "./unpacked.js";

const NAMES = { gzip: "a gzip", xz: "an xz", zstd: "a zstd", bzip2: "a bzip2" };
/** Decoders' windows are at most some ten megabytes. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };
/** What background work of a thread that has ended its own is given. */
const IDLE_MS = 50;
const PROGRAM = new URL("./unpack_thread.js", import.meta.url);
const PRIVATE = 0o600;
/** Linux's flag for a file without a name, which Node has no constant for. */
const O_TMPFILE = 0o20000000 | (constants.O_DIRECTORY ?? 0);

/**
 * What is in the file `image`, or in bytes, as an open file that the caller closes.
 * @throws DiskError for a file that can't be read, or is damaged; LimitError for one that holds too much; AbortedError
 */
export async function unpackImage(
  image: string | Uint8Array,
  compression: Compression,
  options: UnpackOptions,
): Promise<number> {
  const target = temporaryFile(nameOf(image));
  try {
    await unpackInto(image, compression, target, options);
    return readOnly(target);
  } catch (error) {
    closeSync(target);
    throw error;
  }
}

/** The same to a new file at `path`, which stays. */
export async function unpackImageTo(
  image: string | Uint8Array,
  compression: Compression,
  path: string,
  options: UnpackOptions,
): Promise<void> {
  const target = openSync(path, "wx", PRIVATE);
  try {
    await unpackInto(image, compression, target, options);
  } finally {
    closeSync(target);
  }
}

const nameOf = (image: string | Uint8Array): string => (typeof image === "string" ? image : "bytes");

async function unpackInto(
  image: string | Uint8Array,
  compression: Compression,
  target: number,
  options: UnpackOptions,
): Promise<void> {
  const name = nameOf(image);
  const file = typeof image === "string" ? new FileDisk(image) : undefined;
  try {
    const source = file?.fd ?? (image as Uint8Array);
    const given = new Int32Array(new SharedArrayBuffer(4));
    const order = { source, target, compression, limit: options.limit, given };
    const size = await runThread(name, order, file?.size ?? image.length, options);
    if (size === 0) throw new DiskError(name, `there is nothing in it, by ${compression}`);
    // A hole at the end is nothing that was written.
    ftruncateSync(target, size);
  } finally {
    file?.close();
  }
}

/** Runs the thread; how many bytes came of it. */
async function runThread(
  name: string,
  order: UnpackOrder,
  packedSize: number,
  { limit, onProgress, signal }: UnpackOptions,
): Promise<number> {
  const worker = new Worker(PROGRAM, {
    workerData: order,
    env: {},
    argv: [],
    execArgv: [],
    resourceLimits: RESOURCE_LIMITS,
  });
  const ended = new Promise<number>((resolve, reject) => {
    const giveUp = (): void => void Atomics.store(order.given, 0, 1);
    if (signal?.aborted) giveUp();
    signal?.addEventListener("abort", giveUp, { once: true });
    worker.on("message", (message: UnpackReport) => {
      if (message.type === "progress") onProgress?.(message.done, packedSize);
      else if (message.type === "done") resolve(message.size);
      else if (message.type === "given up") reject(abortedBy(signal?.reason));
      else if (message.type === "limit") reject(new LimitError("unpackedBytes", limit, message.used, name));
      else if (message.type === "damaged")
        reject(new DiskError(name, `is not ${NAMES[order.compression]} file, or damaged (${message.why})`));
      else
        reject(
          new DiskError(name, `can't be unpacked to ${temporaryDirectory()} (${message.code}); TMPDIR says where`),
        );
    });
    worker.on("error", (error) => reject(new DiskError(name, `can't be unpacked: ${error.message}`)));
    worker.on("exit", (code) => reject(new DiskError(name, `can't be unpacked: its thread ended with code ${code}`)));
    worker.once("exit", () => signal?.removeEventListener("abort", giveUp));
  });
  try {
    return await ended;
  } finally {
    await endIdle(worker);
  }
}

/**
 * Ends a thread that has reported, and does nothing more. Not at once: the engine may be compiling what it ran, in the
 * background, and a compilation that waits for the thread to collect garbage, while the thread waits for the compilation to
 * end, is never over (Node 20). An idle thread collects.
 */
async function endIdle(worker: Worker): Promise<void> {
  await setTimeout(IDLE_MS);
  await worker.terminate();
}

/** Where large files go that nobody keeps. */
function temporaryDirectory(): string {
  return process.env.TMPDIR === undefined && process.platform !== "win32" ? "/var/tmp" : tmpdir();
}

/** A new file without a name, open for writing. */
function temporaryFile(name: string): number {
  const place = temporaryDirectory();
  try {
    if (process.platform === "linux") return openSync(place, O_TMPFILE | constants.O_RDWR, PRIVATE);
  } catch {
    // Not every file system has such files.
  }
  try {
    const directory = mkdtempSync(join(place, "userboot-"));
    try {
      return openSync(join(directory, "image"), "wx+", PRIVATE);
    } finally {
      rmSync(directory, { recursive: true });
    }
  } catch (error) {
    throw new DiskError(
      name,
      `no file can be made in ${place} to unpack it to (${(error as NodeJS.ErrnoException).code})`,
    );
  }
}

/** The open file for reading only, where there is a way that needs no name: a session needs no more. */
function readOnly(fd: number): number {
  if (process.platform !== "linux") return fd;
  try {
    const reading = openSync(`/proc/self/fd/${fd}`, constants.O_RDONLY);
    closeSync(fd);
    return reading;
  } catch {
    return fd;
  }
}
