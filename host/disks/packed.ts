// Image files that are compressed as a whole (Node): unpacked to a temporary file with holes where there are zeros, so that
// neither memory nor, for the most part, the disk has to take what they unfold to. A name's end says that a file is one.

import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as zlib from "node:zlib";
import { abortedBy, DiskError, LimitError, UserbootError } from "../errors.js";
import { openImageFile } from "./file.js";
import { type FileUnpacker, packingOf } from "./unpacked.js";

/** Bytes that are unpacked in one go, and those of which none is written when all are zeros. */
const PIECE = 1024 * 1024;
const BLOCK = 65_536;
const ZEROS = Buffer.alloc(BLOCK);
/** Files of a guest are its owner's. */
const PRIVATE = 0o600;

/** Node has it from 22.15 on; its types are older. */
const { createZstdDecompress } = zlib as { createZstdDecompress?: (options: { chunkSize: number }) => Transform };
/** What this Node can unpack. */
const UNPACKERS: Readonly<Record<string, (() => Transform) | undefined>> = {
  gzip: () => zlib.createGunzip({ chunkSize: PIECE }),
  zstd: createZstdDecompress && (() => createZstdDecompress({ chunkSize: PIECE })),
};

/**
 * Unpacks files into a directory of their own. `guard` is given what removes it, and gives what is to be called for that.
 */
export function fileUnpacker(guard: (remove: () => void) => () => void = (remove) => remove): FileUnpacker {
  return async (path, limit, signal) => {
    if (packingOf(path) === undefined) return undefined;
    const directory = temporaryDirectory(path);
    const remove = guard(() => rmSync(directory, { recursive: true, force: true }));
    try {
      const target = join(directory, "image");
      await unpackFile(path, target, limit, signal);
      return { path: target, remove };
    } catch (error) {
      remove();
      throw error;
    }
  };
}

function temporaryDirectory(path: string): string {
  try {
    return mkdtempSync(join(tmpdir(), "userboot-"));
  } catch (error) {
    throw new DiskError(path, `can't be unpacked: no file can be made in ${tmpdir()} (${codeOf(error)})`);
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

/**
 * Unpacks `path` to the new file `target`, which `limit` bytes are enough for.
 * @throws DiskError when it can't be unpacked; LimitError; AbortedError
 */
export async function unpackFile(path: string, target: string, limit: number, signal?: AbortSignal): Promise<void> {
  const name = packingOf(path) ?? "gzip";
  const unpacker = UNPACKERS[name];
  if (unpacker === undefined) throw new DiskError(path, `unpack it first: ${name} files are not read here`);
  const packed = createReadStream(path, { fd: openImageFile(path), start: 0, highWaterMark: PIECE });
  await using made = await open(target, "wx", PRIVATE).catch((error: unknown) => {
    packed.destroy();
    throw new DiskError(path, `can't be unpacked to ${target} (${codeOf(error)})`);
  });
  let size = 0;
  let excess: LimitError | undefined;
  try {
    await pipeline(
      packed,
      unpacker(),
      async (pieces: AsyncIterable<Buffer>) => {
        for await (const piece of pieces) {
          if (size + piece.length > limit) excess = new LimitError("unpackedBytes", limit, size + piece.length);
          if (excess) throw excess;
          for (let at = 0; at < piece.length; at += BLOCK) {
            const block = piece.subarray(at, at + BLOCK);
            if (!block.equals(ZEROS.subarray(0, block.length))) await made.write(block, 0, block.length, size);
            size += block.length;
          }
        }
      },
      signal ? { signal } : {},
    );
    if (size === 0) throw new DiskError(path, "empty file, not a disk image");
    await made.truncate(size);
  } catch (error) {
    if (signal?.aborted) throw abortedBy(signal.reason);
    // The pipeline may say that it was ended instead of why.
    if (excess) throw excess;
    if (error instanceof UserbootError) throw error;
    const code = codeOf(error);
    const damaged = code.startsWith("Z_") || code.startsWith("ZSTD_");
    throw new DiskError(
      path,
      damaged ? `is not a ${name} file, or damaged` : `can't be unpacked to ${target} (${code})`,
    );
  }
}
