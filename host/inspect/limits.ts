// How much an inspection may use up, and how much of a file comes at once.

import { DEFAULT_LIMITS } from "../options.js";

/** What an inspection may use up: as a whole, and for one request. */
export interface InspectLimits {
  /** Milliseconds of work on all requests. Waiting for the next one doesn't count. */
  wallMs: number;
  /** Milliseconds of work on one request. */
  requestMs: number;
  /** Steps of the core for all requests. */
  fuel: number;
  /** Steps of the core for one request. */
  requestFuel: number;
  /** Memory of the module itself, bytes. */
  moduleMemory: number;
  /** Bytes read from disks. */
  diskBytes: number;
  /** Bytes that a compressed image may hold. */
  unpackedBytes: number;
  /** Entries that one `list` gives, or one `find` looks at. */
  entries: number;
  /** Memory of the entries that one `list` gives, or that `find` has at a time, bytes. */
  entryBytes: number;
  /** Levels of directories that `find` goes down. */
  depth: number;
  /** Bytes of a file that `readFile` gives. */
  fileBytes: number;
}

/** The limits of an inspection that is given none; each can be changed alone. */
export const INSPECT_LIMITS: Readonly<InspectLimits> = {
  wallMs: 6 * 60 * 60 * 1000,
  requestMs: 60_000,
  fuel: 2_000_000_000_000,
  requestFuel: 20_000_000_000,
  moduleMemory: DEFAULT_LIMITS.moduleMemory,
  diskBytes: 4 * 1024 ** 4,
  unpackedBytes: DEFAULT_LIMITS.unpackedBytes,
  entries: 100_000,
  entryBytes: 256 * 1024 * 1024,
  depth: 64,
  fileBytes: 256 * 1024 * 1024,
};

/** Bytes of content that one answer has at most: guest memory of an inspection, where the core puts it. */
export const CONTENT_MAX = 1024 * 1024;
