// Measured boot: an ordered list of every file that a session used, and two digests: one over the list, one
// over the machine that was left. Equal digests mean: the same files in the same order, the same machine.

import { sha256 } from "@noble/hashes/sha2";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils";
import type { GuestMemory } from "../memory/guest.js";
import type { ResultData } from "../result.js";
import type { FileFacts } from "./hooks.js";

/** What was measured; hexadecimal SHA-256 digests. */
export interface Measurements {
  /** In the order of first use. A file used again without change is not listed again. */
  files: FileFacts[];
  /** Over the list: one JSON array `[sha256, size, purpose, device, path]` and a newline a file, in UTF-8. */
  filesDigest: string;
  /** Over the entry state: the registers as JSON and a newline, then for each written range `GPA length sha256` and a newline. With reason `exec`. */
  stateDigest?: string;
}

export function hexDigest(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes));
}

/** Digest over a list of files. */
export function digestFiles(files: readonly FileFacts[]): string {
  const lines = files.map((file) => JSON.stringify([file.sha256, file.size, file.purpose, file.device, file.path]));
  return hexDigest(utf8ToBytes(lines.map((line) => `${line}\n`).join("")));
}

/** Digest over the machine that a kernel finds. */
export function digestState(result: ResultData, guest: GuestMemory): string {
  const hash = sha256.create();
  hash.update(utf8ToBytes(`${JSON.stringify(result.registers)}\n`));
  for (const { gpa, length } of result.memory) {
    const start = Number(gpa);
    hash.update(utf8ToBytes(`${gpa} ${length} ${hexDigest(guest.bytes.subarray(start, start + length))}\n`));
  }
  return bytesToHex(hash.digest());
}
