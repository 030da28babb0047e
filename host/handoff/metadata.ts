// The kernel's boot data as the loader left it in guest memory, decoded for the result. Guests control
// it, so every count and size is bounded and what doesn't decode is left out, never an error.
// STUB: decoded later.

import type { GuestMemory } from "../memory/guest.js";
import type { BootData } from "../result.js";
import type { CpuState } from "./registers.js";

/** A file the loader put into memory. */
export interface LoadedModule {
  name: string;
  type: string;
  address: string;
  size: string;
  metadata: { type: number; size: number }[];
}

export interface DecodedBootData {
  bootData: BootData;
  modules: LoadedModule[];
  environment: Record<string, string>;
}

export function decodeMetadata(_cpu: CpuState, _guest: GuestMemory): DecodedBootData {
  return { bootData: {}, modules: [], environment: {} };
}
