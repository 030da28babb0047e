// The images of a session with those that are compressed unpacked, by what the platform has for that.

import { OptionError } from "../errors.js";
import type { Compression } from "./compression.js";
import type { Source } from "./layout.js";
import type { ImageSource } from "./source.js";

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
  image: ImageSource;
  fd?: number;
  close(): void;
}

/** Unpacks an image. */
export type Unpacker = (image: ImageSource, compression: Compression, options: UnpackOptions) => Promise<UnpackedImage>;

let unpack: Unpacker = () => {
  throw new OptionError("compressed images can't be unpacked on this platform");
};

/** Set by the entry points. */
export function setUnpacker(unpacker: Unpacker): void {
  unpack = unpacker;
}

/** Images that are ready, and what is to be done when they are used no more. */
export interface Unpacked {
  sources: Source[];
  close(): void;
}

/** Unpacks what is compressed of `sources`, one after the other. Throws as the platform's way of doing so. */
export async function unpackSources(sources: readonly Source[], options: UnpackOptions): Promise<Unpacked> {
  const opened: { close(): void }[] = [];
  const close = () => {
    for (const file of opened.splice(0)) file.close();
  };
  const ready: Source[] = [];
  try {
    for (const one of sources) {
      if (one.image?.compression === undefined) {
        ready.push(one);
        continue;
      }
      const { image, compression } = one.image;
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
