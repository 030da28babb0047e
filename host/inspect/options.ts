// The options of `inspect`, checked and completed. Whatever is wrong is said here, before anything is read.

import type { Assets } from "../assets.js";
import type { DiskSource } from "../disks/source.js";
import {
  BOOT_OPTIONS,
  type Confine,
  checkLimits,
  type Isolation,
  type Progress,
  type SessionOptions,
  sessionOptions,
} from "../options.js";
import { checkOptions, checkValue, FUNCTION, OBJECT, SIGNAL, TEXT, type Wanted } from "../wanted.js";
import { CONTENT_MAX, INSPECT_LIMITS, type InspectLimits } from "./limits.js";

/** What `inspect` takes. */
export interface InspectOptions {
  /** Up to 32 disks, as `boot` takes them. */
  disks: readonly DiskSource[];
  /** What it may use up; `INSPECT_LIMITS` hold where nothing is said. */
  limits?: Partial<InspectLimits>;
  /** Ends the inspection: all that is asked of it then rejects with an AbortedError. */
  signal?: AbortSignal;
  /** Where the images are read, as with `boot`: in a thread of its own (default), a process (Node), or the calling thread. */
  isolation?: Isolation;
  /** What holds a process besides its limits: bubblewrap where it works (`auto`, default), always, or never. */
  confine?: Confine;
  /** Where this package's module and worker are, as with `boot`. */
  assets?: Assets;
  /** Told how much of a compressed image is unpacked. */
  onProgress?: (progress: Progress) => void;
}

/** What each option of `inspect` must be. */
export const INSPECT_OPTIONS = {
  disks: BOOT_OPTIONS.disks,
  limits: OBJECT,
  signal: SIGNAL,
  isolation: TEXT,
  confine: TEXT,
  assets: OBJECT,
  onProgress: FUNCTION,
} satisfies Record<keyof InspectOptions, Wanted>;

/** The options of an inspection as one session's. */
export function inspectOptions(options: InspectOptions): { limits: InspectLimits; session: SessionOptions } {
  checkOptions("inspect", options, INSPECT_OPTIONS);
  const { assets, confine, disks, isolation } = options;
  checkValue("disks", disks, INSPECT_OPTIONS.disks);
  const limits = checkLimits(options.limits ?? {}, INSPECT_LIMITS, "limit");
  const { diskBytes, fuel, moduleMemory, unpackedBytes, wallMs } = limits;
  const session = sessionOptions({
    disks,
    memory: CONTENT_MAX,
    limits: { diskBytes, fuel, moduleMemory, unpackedBytes, wallMs },
    ...(isolation === undefined ? {} : { isolation }),
    ...(confine === undefined ? {} : { confine }),
    ...(assets === undefined ? {} : { assets }),
  });
  return { limits, session };
}
