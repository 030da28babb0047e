// What the loader reads while hooks look at files: the content of each file as it was examined, or what a
// hook put in its place. The core reads from here, never again from the disk.

import { sha256 } from "@noble/hashes/sha2";
import { bytesToHex } from "@noble/hashes/utils";
import { LimitError } from "../errors.js";
import { type Asker, enforce } from "./asker.js";
import type { FileFacts, FilePurpose } from "./hooks.js";
import { hexDigest } from "./measure.js";

/** Purposes as the core numbers them (loader-wasm/protocol.ts). */
const PURPOSES: readonly FilePurpose[] = ["data", "script", "kernel", "module", "raw"];
/** Bytes that all examined files of a session may have together. */
const VAULT_BYTES_MAX = 1024 * 1024 * 1024;

interface Held {
  readonly device: string;
  readonly path: string;
  purpose: FilePurpose;
  parts: Uint8Array[];
  size: number;
  hash: ReturnType<typeof sha256.create>;
  /** Set when the file has been examined. */
  content: Uint8Array | undefined;
}

export class FileVault {
  readonly files: FileFacts[] = [];
  readonly #held: Held[] = [];
  readonly #byName = new Map<string, number>();
  readonly #asker: Asker | undefined;
  #bytes = 0;

  constructor(asker: Asker | undefined) {
    this.#asker = asker?.wants.has("onFile") ? asker : undefined;
  }

  /** Starts a file. The negated handle of one that is here already. */
  begin(device: string, path: string, purpose: number): number {
    const name = `${device}${path}`;
    const known = this.#byName.get(name);
    const asked = PURPOSES[purpose] ?? "data";
    if (known !== undefined && this.#held[known]?.content !== undefined && this.#held[known].purpose === asked) {
      return -(known + 1);
    }
    this.#held.push({ device, path, purpose: asked, parts: [], size: 0, hash: sha256.create(), content: undefined });
    this.#byName.set(name, this.#held.length - 1);
    return this.#held.length;
  }

  data(handle: number, bytes: Uint8Array): void {
    const file = this.#held[handle - 1]!;
    this.#bytes += bytes.length;
    if (this.#bytes > VAULT_BYTES_MAX) throw new LimitError("examinedBytes", VAULT_BYTES_MAX, this.#bytes);
    file.parts.push(bytes.slice());
    file.size += bytes.length;
    file.hash.update(bytes);
  }

  /** Asks the hook and returns the size of what shall be used. Throws a PolicyError for a denial. */
  end(handle: number): number {
    const file = this.#held[handle - 1]!;
    if (file.content === undefined) {
      file.content = joined(file.parts, file.size);
      file.parts = [];
      const { device, path, purpose, size } = file;
      const facts: FileFacts = { device, path, size, sha256: bytesToHex(file.hash.digest()), purpose };
      const answer = this.#asker && enforce(this.#asker.ask("onFile", facts), "onFile", `file ${device}${path}`);
      if (answer !== undefined && "replace" in answer) {
        file.content = answer.replace;
        this.files.push({ ...facts, size: answer.replace.length, sha256: hexDigest(answer.replace) });
      } else {
        this.files.push(facts);
      }
    }
    return file.content.length;
  }

  /** What shall be used of a file, from `offset` on, at most `size` bytes. */
  slice(handle: number, offset: number, size: number): Uint8Array {
    return this.#held[handle - 1]!.content!.subarray(offset, offset + size);
  }
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const content = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    content.set(part, at);
    at += part.length;
  }
  return content;
}
