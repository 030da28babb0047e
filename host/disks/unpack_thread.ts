// The program of the thread that unpacks a file: from an open file, or bytes, to an open file with holes where there are
// zeros. It has a small heap, so that damage can't make it take the caller's memory, and stops when the caller gives up.

import { readSync, writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import type { Compression } from "./compression.js";
import { DECODERS } from "./decoders.js";

/** What the thread is to do. */
export interface UnpackOrder {
  source: number | Uint8Array;
  target: number;
  compression: Compression;
  /** Most bytes that come of it. */
  limit: number;
  /** Not 0 when the caller has given up. Shared. */
  given: Int32Array;
}

/** How far it is, and how it ended. */
export type UnpackReport =
  | { type: "progress"; done: number }
  | { type: "done"; size: number }
  | { type: "limit"; used: number }
  | { type: "damaged"; why: string }
  | { type: "system"; code: string }
  | { type: "given up" };

/** Bytes that are read, and looked at for zeros, in one go. */
const PIECE = 256 * 1024;
const BLOCK = 64 * 1024;
const PROGRESS_MS = 100;

class LimitReached extends Error {
  constructor(readonly used: number) {
    super("limit");
  }
}

class GivenUp extends Error {}

const port = parentPort!;
// The thread stays when it has reported: who started it ends it.
port.on("message", () => {});
const { source, target, compression, limit, given } = workerData as UnpackOrder;
const report = (message: UnpackReport) => port.postMessage(message);

/** Called for every piece that is read or written: the caller needn't end a thread that is in the middle of something. */
function goOn(): void {
  if (Atomics.load(given, 0) !== 0) throw new GivenUp();
}

/** The file's bytes. A piece is its receiver's, who may look at it later. */
function* pieces(): Generator<Uint8Array> {
  let told = performance.now();
  for (let at = 0; ; ) {
    goOn();
    const piece = typeof source === "number" ? readPiece(source, at) : source.subarray(at, at + PIECE);
    if (piece.length === 0) return;
    at += piece.length;
    yield piece;
    if (performance.now() - told > PROGRESS_MS) {
      told = performance.now();
      report({ type: "progress", done: at });
    }
  }
}

function readPiece(fd: number, position: number): Uint8Array {
  const buffer = new Uint8Array(PIECE);
  return buffer.subarray(0, readSync(fd, buffer, 0, PIECE, position));
}

/** Writes what comes, but for blocks of zeros. */
class SparseFile {
  readonly #zeros = Buffer.alloc(BLOCK);
  readonly #block = Buffer.alloc(BLOCK);
  #filled = 0;
  size = 0;

  write(piece: Uint8Array): void {
    goOn();
    if (this.size + piece.length > limit) throw new LimitReached(this.size + piece.length);
    for (let at = 0; at < piece.length; ) {
      const part = piece.subarray(at, at + BLOCK - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      this.size += part.length;
      at += part.length;
      if (this.#filled === BLOCK) this.flush();
    }
  }

  flush(): void {
    const block = this.#block.subarray(0, this.#filled);
    const start = this.size - this.#filled;
    this.#filled = 0;
    if (this.#zeros.compare(block, 0, block.length, 0, block.length) === 0) return;
    for (let at = 0; at < block.length; ) at += writeSync(target, block, at, block.length - at, start + at);
  }
}

const file = new SparseFile();
try {
  await DECODERS[compression](pieces(), (piece) => file.write(piece));
  file.flush();
  report({ type: "done", size: file.size });
} catch (error) {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (error instanceof GivenUp) report({ type: "given up" });
  else if (error instanceof LimitReached) report({ type: "limit", used: error.used });
  else if (syscall === "write" || syscall === "read") report({ type: "system", code: code ?? message });
  else report({ type: "damaged", why: message });
}
