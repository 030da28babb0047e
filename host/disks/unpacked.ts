// Images in files that are compressed as a whole, for a boot: the platform unpacks them before it, and removes what it made
// afterwards.

import type { Source } from "./layout.js";

/** Ends of the names of such files, and what they are compressed with. */
const PACKINGS: Readonly<Record<string, string>> = { ".gz": "gzip", ".zst": "zstd", ".xz": "xz", ".bz2": "bzip2" };

/** What the file called `path` is compressed with; undefined when its name doesn't say that it is. */
export function packingOf(path: string): string | undefined {
  return Object.entries(PACKINGS).find(([end]) => path.endsWith(end))?.[1];
}

/** A file that was unpacked. */
export interface UnpackedFile {
  path: string;
  /** Removes it. */
  remove(): void;
}

/** Unpacks the file at `path` to at most `limit` bytes; undefined when it is none that is compressed. */
export type FileUnpacker = (
  path: string,
  limit: number,
  signal: AbortSignal | undefined,
) => Promise<UnpackedFile | undefined>;

let unpackFile: FileUnpacker = async () => undefined;

/** Set by the entry points. */
export function setFileUnpacker(unpacker: FileUnpacker): void {
  unpackFile = unpacker;
}

/** `packed` with plain files in the place of compressed ones, and what removes those. */
export async function unpackSources(
  packed: readonly Source[],
  limit: number,
  signal: AbortSignal | undefined,
): Promise<{ sources: Source[]; remove(): void }> {
  const made: UnpackedFile[] = [];
  const remove = () => {
    for (const file of made.splice(0)) file.remove();
  };
  try {
    const sources: Source[] = [];
    for (const source of packed) {
      const { image } = source;
      const file = typeof image?.image === "string" ? await unpackFile(image.image, limit, signal) : undefined;
      if (file) made.push(file);
      sources.push(image && file ? { ...source, image: { ...image, image: file.path } } : source);
    }
    return { sources, remove };
  } catch (error) {
    remove();
    throw error;
  }
}
