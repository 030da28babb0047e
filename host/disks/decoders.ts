// Decoders of whole-file compressions, each over a small package (CONTRIBUTING.md says why it): from pieces of a file to
// pieces of what it holds, with no more memory than its window. Damage is an error of any kind.

import { createRequire } from "node:module";
import { Readable } from "node:stream";
import * as zlib from "node:zlib";
import type Bunzip from "seek-bzip";
import type { Compression } from "./compression.js";
import { boundedFrames } from "./zstd_frames.js";

/** Pieces of a file, and where pieces of its content go; those are used at once. */
export type Decoder = (input: Iterable<Uint8Array>, write: (piece: Uint8Array) => void) => Promise<void>;

const require = createRequire(import.meta.url);

/** Bytes that Node's own decoders give at a time. */
const PIECE = 1024 * 1024;

/** By one of Node's own streams. */
const streamed =
  (make: (options: { chunkSize: number }) => NodeJS.ReadWriteStream): Decoder =>
  async (input, write) => {
    const source = Readable.from(input, { objectMode: true, highWaterMark: 1 });
    const decoder = make({ chunkSize: PIECE });
    source.on("error", (error) => decoder.emit("error", error));
    for await (const piece of source.pipe(decoder)) write(piece as unknown as Uint8Array);
  };

/** What the numbers mean that the package has for errors: those of XZ Embedded. */
const XZ_ERRORS: Readonly<Record<string, string>> = {
  3: "needs too much memory",
  4: "needs too much memory",
  5: "no signature of xz",
  6: "options that can't be read",
  7: "wrong data",
  8: "ends early",
};

const xz: Decoder = async (input, write) => {
  const { default: library } = await import("xz-decompress");
  const pieces = input[Symbol.iterator]();
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { done, value } = pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
  const reader = new library.XzReadableStream(source).getReader();
  try {
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) write(value!);
  } catch (error) {
    const [, code = ""] = /error code (\d+)$/.exec((error as Error).message) ?? [];
    throw XZ_ERRORS[code] === undefined ? error : new Error(XZ_ERRORS[code], { cause: error });
  }
};

const zstd: Decoder = async (input, write) => {
  // From 24 on Node has one that looks at checksums and says when a file is cut off, which 22's doesn't.
  const { createZstdDecompress } = zlib as { createZstdDecompress?: Parameters<typeof streamed>[0] };
  const isSound = Number.parseInt(process.versions.node, 10) >= 24;
  if (isSound && createZstdDecompress !== undefined) return streamed(createZstdDecompress)(boundedFrames(input), write);
  const { Decompress } = await import("fzstd");
  const decoder = new Decompress((piece) => write(piece));
  // What is pushed is kept, and the last piece must be known as such.
  let last: Uint8Array = new Uint8Array();
  for (const piece of boundedFrames(input)) {
    if (last.length > 0) decoder.push(last);
    last = piece;
  }
  decoder.push(last, true);
};

const bzip2: Decoder = async (input, write) => {
  // A CommonJS package, for which `import` would wait until the engine has compiled a parser in the background.
  const { decode } = require("seek-bzip") as typeof Bunzip;
  const pieces = input[Symbol.iterator]();
  let piece = new Uint8Array() as Uint8Array;
  let at = 0;
  const isLeft = (): boolean => {
    while (at === piece.length) {
      const { done, value } = pieces.next();
      if (done) return false;
      piece = value;
      at = 0;
    }
    return true;
  };
  const collected = new Uint8Array(PIECE);
  let filled = 0;
  const flush = () => {
    write(collected.subarray(0, filled));
    filled = 0;
  };
  const source = {
    readByte() {
      if (!isLeft()) throw new Error("ends early");
      return piece[at++]!;
    },
    read(target: Uint8Array, start: number, size: number) {
      for (let i = 0; i < size; i++) target[start + i] = source.readByte();
      return size;
    },
  };
  const target = {
    writeByte(byte: number) {
      collected[filled++] = byte;
      if (filled === PIECE) flush();
    },
  };
  // Stream by stream: of several the package takes the end of the input for theirs, wherever it comes.
  while (isLeft()) decode(source, target, false);
  flush();
};

/** All of them. */
export const DECODERS: Readonly<Record<Compression, Decoder>> = { gzip: streamed(zlib.createGunzip), xz, zstd, bzip2 };
