// Measured boot: an ordered list of every file that a session used, and two digests: one over the list, one
// over the machine that was left. Equal digests mean: the same files in the same order, the same machine.

import type { MakeHasher } from "../hash.js";
import type { GuestMemory } from "../memory/guest.js";
import { digestParts, type ResultData } from "../result.js";
import type { FileFacts } from "./hooks.js";

const utf8 = new TextEncoder();

/** Digest over a list of files. */
export function digestFiles(files: readonly FileFacts[], makeHasher: MakeHasher): string {
  const hash = makeHasher();
  for (const { sha256, size, purpose, device, path } of files) {
    hash.update(utf8.encode(`${JSON.stringify([sha256, size, purpose, device, path])}\n`));
  }
  return hash.hex();
}

/** Digest over the machine that a kernel finds. */
export function digestState(result: ResultData, guest: GuestMemory, makeHasher: MakeHasher): string {
  const hash = makeHasher();
  hash.update(utf8.encode(`${JSON.stringify(result.registers)}\n`));
  for (const { gpa, length } of result.memory) {
    const start = Number(gpa);
    const digest = digestParts(makeHasher, guest.view(start, start + length));
    hash.update(utf8.encode(`${gpa} ${length} ${digest}\n`));
  }
  return hash.hex();
}
