// SHA-256 by Node's own library, many times as fast as JavaScript.

import type * as Crypto from "node:crypto";
import { createRequire } from "node:module";
import type { MakeHasher } from "./hash.js";

const require = createRequire(import.meta.url);
let loaded: typeof Crypto | undefined;

/** Loads it: most boots need no digest. */
function library(): typeof Crypto {
  loaded ??= require("node:crypto") as typeof Crypto;
  return loaded;
}

/** Digests in a stream. */
export async function loadNodeHasher(): Promise<MakeHasher> {
  const { createHash } = library();
  return () => {
    const hash = createHash("sha256");
    return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
  };
}

/** The digest of bytes that are there. */
export function nodeSha256(bytes: Uint8Array): Uint8Array {
  return library().createHash("sha256").update(bytes).digest();
}
