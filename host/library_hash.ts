// SHA-256 by a library, piece by piece: browsers have it in one go only. Loaded when somebody wants a digest.

import { sha256 } from "@noble/hashes/sha2";
import { bytesToHex } from "@noble/hashes/utils";

/** Starts a digest. */
export function makeHasher() {
  const hash = sha256.create();
  return { update: (bytes: Uint8Array) => void hash.update(bytes), hex: () => bytesToHex(hash.digest()) };
}
