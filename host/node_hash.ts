// SHA-256 by Node's own library, many times as fast as JavaScript.

import type { MakeHasher } from "./hash.js";

/** Loads it: most boots need no digest. */
export async function loadNodeHasher(): Promise<MakeHasher> {
  const { createHash } = await import("node:crypto");
  return () => {
    const hash = createHash("sha256");
    return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
  };
}
