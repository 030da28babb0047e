// The images of a session got ready: files of handles, and those that are compressed unpacked, by what the platform has for
// that.

import { OptionError } from "../errors.js";
import type { Compression } from "./compression.js";
import { fileOf } from "./file_disk.js";
import type { ReadySource, Source } from "./layout.js";
import { isHandle, type ReadyImage } from "./source.js";

/** How images are unpacked. */
export interface UnpackOptions {
  /** Most bytes that may come of one: `limits.unpackedBytes`. */
  limit: number;
  /** Told how many bytes of a file have been read, and of how many. */
  onProgress?: ((done: number, size: number) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** What came of an image, as its source has it from then on: a file that is open, or a Blob. Who asked for it closes that. */
export interface UnpackedImage {
  image: ReadyImage;
  fd?: number;
  close(): void;
}

/** Unpacks an image. */
export type Unpacker = (image: ReadyImage, compression: Compression, options: UnpackOptions) => Promise<UnpackedImage>;

let unpack: Unpacker = () => {
  throw new OptionError("compressed images can't be unpacked on this platform");
};

/** Set by the entry points. */
export function setUnpacker(unpacker: Unpacker): void {
  unpack = unpacker;
}

/** Images that are ready, and what is to be done when they are used no more. */
export interface Unpacked {
  sources: ReadySource[];
  close(): void;
}

/** Gets `sources` ready, one after the other. Throws as the platform's way of unpacking does, and DiskError for a handle. */
export async function unpackSources(sources: readonly Source[], options: UnpackOptions): Promise<Unpacked> {
  const opened: { close(): void }[] = [];
  const close = () => {
    for (const file of opened.splice(0)) file.close();
  };
  const ready: ReadySource[] = [];
  try {
    for (const one of sources) {
      if (one.image === undefined) {
        ready.push({ ...one, image: undefined });
        continue;
      }
      const { compression } = one.image;
      const image = isHandle(one.image.image) ? await fileOf(one.image.image) : one.image.image;
      if (compression === undefined) {
        ready.push({ ...one, image: { ...one.image, image } });
        continue;
      }
      const { close, ...unpacked } = await unpack(image, compression, options);
      opened.push({ close });
      ready.push({ ...one, image: { ...one.image, ...unpacked } });
    }
  } catch (error) {
    close();
    throw error;
  }
  return { sources: ready, close };
}
