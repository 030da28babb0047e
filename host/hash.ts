// SHA-256 in a stream. A platform that has a fast one gives it here (index.ts on Node); elsewhere it is a library's.

/** A digest being made. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  /** The digest in lower-case hexadecimal. Ends the stream. */
  hex(): string;
}

/** Starts a digest. */
export type MakeHasher = () => Hasher;

let load: () => Promise<MakeHasher> = async () => {
  const { makeHasher } = await import("./library_hash.js");
  return makeHasher;
};

/** Says how this platform makes digests. The entry points call it. */
export function setHasher(loader: () => Promise<MakeHasher>): void {
  load = loader;
}

/** The way to make digests; loaded when somebody wants one. */
export function loadHasher(): Promise<MakeHasher> {
  return load();
}
