// The digests' import: processors have instructions for SHA-256, which a module can't use and its platform's library does.

import type { SessionState } from "../state.js";
import { ENOSYS } from "./errno.js";
import type { ModuleMemory } from "./module_memory.js";

/** The SHA-256 of bytes, 32 bytes. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

let digest: Sha256 | undefined;

/** Set by the entry points of platforms that make digests at once; others only promise them. */
export function setSha256(value: Sha256 | undefined): void {
  digest = value;
}

/** Has the platform load what it takes. */
export function readySha256(): void {
  digest?.(new Uint8Array(0));
}

/** `sha256`. */
export function digestImports(module: ModuleMemory, { meter }: SessionState) {
  return {
    sha256(src: number, size: number, dst: number): number {
      const source = module.bytes(src, size);
      if (digest === undefined) return ENOSYS;
      meter.work(source.length);
      module.put(dst, digest(source));
      return 0;
    },
  };
}
