// Why nothing was booted, as the core tells it when a session has ended without entering a kernel: what it looked at, in
// order, and what it found there.

import { AbortedError, ConsoleError, OptionError, PolicyError, PolicyFileError } from "./errors.js";

/** One thing that was looked at. The texts have nothing in them that acts on a terminal. */
export interface LookedAt {
  /** What it is. */
  kind: "disk" | "damage" | "partition" | "pool" | "file" | "kernel";
  /** `disk0`, `disk0p2`, `zfs:pool`, `disk0p2:/boot/loader`, a kernel as it was to be loaded; with `damage` its place. */
  name: string;
  /** What was found there. */
  found: string;
}

/** Most things that are listed, and characters of each text. */
export const LOOKED_MAX = 128;
export const LOOKED_TEXT_MAX = 512;

/** What the look costs at most, when the session has left less of its limits: fuel, bytes of disks, and time. */
export const LOOK_FUEL = 10_000_000n;
export const LOOK_BYTES = 16 << 20;
export const LOOK_MS = 100;

/** Errors that say all there is to say: of what the caller did, or decided. */
const CALLERS_OWN = [AbortedError, ConsoleError, OptionError, PolicyError, PolicyFileError];

/** Whether a session that ended with `error` leaves the question why nothing was booted. */
export function leavesQuestion(error: unknown): boolean {
  return !CALLERS_OWN.some((kind) => error instanceof kind);
}

/** Why there is no list, or an end of it. */
export function unlisted(why: string): LookedAt {
  return { kind: "damage", name: "list", found: `not all was looked at: ${why}` };
}
