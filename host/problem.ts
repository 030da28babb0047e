// Why nothing was booted, as the core tells it when a session has ended without entering a kernel: what it looked at, in
// order, and what it found there.

/** One thing that was looked at. The texts have nothing in them that acts on a terminal. */
export interface LookedAt {
  kind: "disk" | "damage" | "partition" | "pool" | "file" | "kernel";
  /** `disk0`, `disk0p2`, `zfs:pool`, `disk0p2:/boot/loader`, a kernel as it was to be loaded; with `damage` its place. */
  name: string;
  found: string;
}

/** Most things that are listed, and characters of each text. */
export const LOOKED_MAX = 128;
export const LOOKED_TEXT_MAX = 512;
