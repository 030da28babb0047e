// What an inspection and its caller tell each other, request by request, wherever the inspection is. Names and paths are
// byte strings, one character a byte, on this way; text.ts makes texts of them.

import type { PlainError } from "../errors.js";
import type { Run } from "../memory/places.js";
import type { InspectLimits } from "./limits.js";

/** How a path is opened: as it is there, a link for itself, or as the loader would get it, which may be unpacked. */
export const OPEN_LINK = 1;
export const OPEN_UNPACKED = 2;

/** What is asked, and done at once. A handle is what `open` gave. */
export type DirectRequest =
  | { op: "open"; path: string; flags: number }
  | { op: "list"; handle: number; most: number; details: boolean }
  | { op: "read"; handle: number; position: number; places: boolean }
  | { op: "release"; handle: number }
  | { op: "system"; device: string };

/** What is asked. A digest is many reads. */
export type InspectRequest = DirectRequest | { op: "hash"; handle: number };

/** Most entries of a directory that are asked for, and that one answer has. */
export const LIST_MAX = 4096;
/** Most runs that one answer has. */
export const RUNS_MAX = 8192;

/** What comes back: a value by the request, content, or why there is none. `began` and a value for `start` come first of all. */
export type InspectMessage =
  | { type: "began" }
  | { type: "value"; value: unknown }
  /** What is at the position, if `places` were asked for also where it is, for a caller who reads it himself; then bytes. */
  | { type: "content"; runs: Run[]; bytes: Uint8Array<ArrayBuffer> }
  | { type: "failed"; error: PlainError };

/** What goes to the session with the start besides what a boot gets. */
export interface InspectStart {
  limits: InspectLimits;
  /** Compiled; a process finds its own. */
  module?: WebAssembly.Module;
}
