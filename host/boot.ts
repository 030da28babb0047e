// `boot`: checks the options, gathers modules and disks, and runs the session.

import { makeClock } from "./clock.js";
import { BufferConsole } from "./console/console.js";
import { BytesDisk } from "./disks/bytes.js";
import { type Disk, isDisk } from "./disks/disk.js";
import { AbortedError, OptionError } from "./errors.js";
import { findModules } from "./modules.js";
import { type BootOptions, type DiskSource, sessionOptions } from "./options.js";
import type { RawResult } from "./result.js";
import { runSession } from "./session.js";

/** Opens what only one platform has: files or Blobs. */
export type DiskOpener = (source: string | Blob) => Disk;

let openDisk: DiskOpener = () => {
  throw new OptionError("this platform opens no disks by name");
};

/** Set by the entry points. */
export function setDiskOpener(opener: DiskOpener): void {
  openDisk = opener;
}

/** Boots a guest. Rejects for what the caller did wrong; what the guest does wrong is in the result. */
export async function boot(options: BootOptions): Promise<RawResult> {
  const complete = sessionOptions(options);
  throwIfAborted(options.signal);
  const modules = await findModules();
  const disks: Disk[] = [];
  const opened: Disk[] = [];
  try {
    for (const source of options.disks ?? []) {
      const disk = makeDisk(source);
      disks.push(disk);
      if (disk !== source) opened.push(disk);
    }
    throwIfAborted(options.signal);
    return runSession({
      options: complete,
      modules,
      disks,
      console: options.console ?? new BufferConsole(),
      clock: makeClock(options.clock ?? "real"),
    });
  } finally {
    for (const disk of opened) disk.close?.();
  }
}

function makeDisk(source: DiskSource): Disk {
  if (isDisk(source)) return source;
  if (source instanceof Uint8Array) return new BytesDisk(source);
  return openDisk(source);
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AbortedError("boot aborted", { cause: signal.reason });
}
