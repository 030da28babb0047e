// The public API on Node.

import { readFile } from "node:fs/promises";
import { setDiskOpener } from "./boot.js";
import { FileDisk } from "./disks/file.js";
import { OptionError } from "./errors.js";
import { setModuleSource } from "./modules.js";

setModuleSource(async (file) => {
  try {
    return await readFile(new URL(`../${file}`, import.meta.url));
  } catch {
    return undefined;
  }
});

setDiskOpener((source) => {
  if (typeof source !== "string") throw new OptionError("a Blob is a disk in browsers only");
  return new FileDisk(source);
});

export { boot } from "./boot.js";
export { type Clock, RealClock, VirtualClock } from "./clock.js";
export { AutomationConsole } from "./console/automation.js";
export { BufferConsole, type Console } from "./console/console.js";
export { type Keys, KeysConsole } from "./console/keys.js";
export { BytesDisk } from "./disks/bytes.js";
export type { Disk } from "./disks/disk.js";
export { FileDisk } from "./disks/file.js";
export * from "./errors.js";
export type { GuestMemory } from "./memory/guest.js";
export type { Flavour } from "./modules.js";
export { type BootOptions, DEFAULT_LIMITS, type Limits } from "./options.js";
export type * from "./policy/hooks.js";
export type { RawResult as BootResult } from "./result.js";
