// Unpacks a compressed image in a page: by the browser's own decoder, which knows gzip, to a Blob, which browsers keep on their
// disk when it is large.

import { isBlob } from "../brand.js";
import { abortedBy, DiskError, LimitError, OptionError } from "../errors.js";
import { blobName } from "./blob.js";
import type { Compression } from "./compression.js";
import type { ReadyImage } from "./source.js";
import type { UnpackOptions } from "./unpacked.js";

/** A page may have no more than this, whatever its limits say. */
const UNPACKED_MAX = 8 * 1024 * 1024 * 1024;
/** Bytes that are made a Blob at a time, so that they needn't be in memory. */
const PIECE = 16 * 1024 * 1024;

/**
 * What is in `image`.
 * @throws OptionError for what only Node unpacks; DiskError for what is damaged; LimitError for what holds too much; AbortedError
 */
export async function unpackBlob(image: ReadyImage, compression: Compression, options: UnpackOptions): Promise<Blob> {
  if (typeof image === "string") throw new OptionError("a disk can be named by a path on Node only");
  if (compression !== "gzip")
    throw new OptionError(
      `in browsers only gzip is unpacked: give the ${compression} image unpacked, or packed by gzip`,
    );
  const packed = isBlob(image) ? image : new Blob([image as Uint8Array<ArrayBuffer>]);
  const limit = Math.min(options.limit, UNPACKED_MAX);
  const collected: Blob[] = [];
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  let waiting = 0;
  const collect = () => {
    collected.push(new Blob(pieces));
    pieces = [];
    waiting = 0;
  };
  for await (const piece of unpacked(packed, options)) {
    size += piece.length;
    if (size > limit) throw new LimitError("unpackedBytes", limit, size);
    pieces.push(piece);
    waiting += piece.length;
    if (waiting >= PIECE) collect();
  }
  if (size === 0) throw new DiskError(blobName(packed), "there is nothing in it, by gzip");
  collect();
  return new Blob(collected);
}

/** The content of `packed`, piece by piece. Whoever stops asking ends it. */
async function* unpacked(
  packed: Blob,
  { onProgress, signal }: UnpackOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  let done = 0;
  const counted = new TransformStream<Uint8Array<ArrayBuffer>, BufferSource>({
    transform(piece, controller) {
      done += piece.length;
      onProgress?.(done, packed.size);
      controller.enqueue(piece);
    },
  });
  const stream = packed.stream().pipeThrough(counted).pipeThrough(new DecompressionStream("gzip"));
  const reader = stream.getReader() as ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  try {
    while (true) {
      if (signal?.aborted) throw abortedBy(signal.reason);
      const { done: ended, value } = await read(reader, packed);
      if (ended) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>, packed: Blob) {
  try {
    return await reader.read();
  } catch (error) {
    throw new DiskError(blobName(packed), `is not a gzip file, or damaged (${(error as Error)?.message ?? error})`);
  }
}
