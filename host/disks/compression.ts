// Files that are compressed as a whole, by the word that the caller gave or the end of their name. What they hold is unpacked
// before the guest starts (unpack.ts), and is an image like any other then.

/** A compression, as callers call it. */
export type Compression = "gzip" | "xz" | "zstd" | "bzip2";

/** All of them. */
export const COMPRESSIONS: readonly Compression[] = ["gzip", "xz", "zstd", "bzip2"];

const SUFFIXES: Readonly<Record<string, Compression>> = { gz: "gzip", xz: "xz", zst: "zstd", bz2: "bzip2" };

/** Whether `word` says a compression. */
export function isCompression(word: string | undefined): word is Compression {
  return COMPRESSIONS.some((known) => known === word);
}

/** The compression of a file of that name; undefined when its name says none. */
export function compressionOfName(path: string): Compression | undefined {
  const dot = path.lastIndexOf(".");
  const suffix = path.slice(dot + 1);
  return dot >= 0 && Object.hasOwn(SUFFIXES, suffix) ? SUFFIXES[suffix] : undefined;
}
