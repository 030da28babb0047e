// What the session needs of a disk. One whose data arrives later promises it; serving.ts says where that can be waited for.

import type { MaybePromise } from "../maybe.js";

/** A read-only disk. */
export interface Disk {
  /** 512 or 4096. */
  readonly sectorSize: number;
  /** Size in bytes. */
  readonly size: number;
  /**
   * Fills `target` from byte `offset` on; returns how many bytes there were, or promises to. Throws, or rejects, when the
   * medium fails.
   */
  read(offset: number, target: Uint8Array): MaybePromise<number>;
  /** Whether `read` may promise. False: it never does. Unless it says so, a read of no bytes tells, where it matters. */
  readonly promises?: boolean;
  /** Releases what the disk holds. */
  close?(): void;
}

/** Most disks of a session. */
export const DISKS_MAX = 32;
/** Most images of a session: its disks, and the files that those are made of. */
export const IMAGES_MAX = 64;

/** Whether `value` is a disk rather than something to make one from. */
export function isDisk(value: unknown): value is Disk {
  const { read, sectorSize, size } = (value ?? {}) as Partial<Disk>;
  return typeof read === "function" && sectorSize !== undefined && size !== undefined;
}
