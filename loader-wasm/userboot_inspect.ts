// The module that looks into images without booting from them: devices, partitions, file systems and what configures a boot,
// and no interpreter. host/inspect/session.ts drives it by these exports; docs/imports.md lists them.

import { configureStorage } from "./conf";
import { probeDevices } from "./dev/devices";
import { getenv } from "./environment/variables";
import { beginAnswer, close, open, textOf } from "./inspect/answer";
import { tellDisks } from "./inspect/disks";
import { closeHandle, holeHandle, listHandle, openHandle, readHandle, tellHandle } from "./inspect/files";
import { tellPools } from "./inspect/pools";
import { tellSystem } from "./inspect/system";
import { stringAt } from "./lib/bytes";
import { allocate, forgetDamage } from "./lib/fault";

export { explain } from "./boot/explanation";
export { answerAt, answerSize } from "./inspect/answer";
export { fuelLeft, grantFuel } from "./lib/fault";
export { healedReads } from "./zfs/vdev";

/** Bytes of a path. */
const PATH_MAX: i32 = 65536;
const path: usize = allocate(PATH_MAX);

/** Where the host puts the path of a request, of at most 65536 bytes. */
export function pathAt(): usize {
  return path;
}

/** Finds what is on the first `disks` disks, and answers it. Comes first. */
export function start(disks: i32): void {
  configureStorage();
  probeDevices(disks);
  beginAnswer();
  open("{");
  const current = getenv("currdev");
  textOf("current", current === null ? "" : current);
  tellDisks();
  tellPools();
  close("}");
}

/** Comes before a request: nothing but globals refers to managed objects now. */
function begin(): void {
  __collect();
  forgetDamage();
  beginAnswer();
}

/** Opens the path of `size` bytes at `pathAt`: 1 for a link as itself, 2 for what the loader would get. A handle, or minus an errno. */
export function openPath(size: i32, flags: i32): i32 {
  begin();
  return openHandle(stringAt(path, min(max(size, 0), PATH_MAX)), flags);
}

/** Answers what `handle` is. Returns 0, or minus an errno; so do the others. */
export function tell(handle: i32): i32 {
  begin();
  return tellHandle(handle);
}

/** Answers the next entries of a directory, at most `most`, with all of each when `details` is 1. */
export function list(handle: i32, most: i32, details: i32): i32 {
  begin();
  return listHandle(handle, most, details != 0);
}

/** Reads at `position` into guest memory from 0 on. Returns how many bytes. */
export function read(handle: i32, position: u64, size: u32): i64 {
  begin();
  return readHandle(handle, position, size);
}

/** Bytes from `position` on that are a hole. */
export function hole(handle: i32, position: u64): u64 {
  begin();
  return holeHandle(handle, position);
}

/** Gives a handle back. */
export function release(handle: i32): void {
  begin();
  closeHandle(handle);
}

/** Answers what would be booted from the device of `size` bytes at `pathAt`, and how it is configured. Returns 0, or minus an errno. */
export function system(size: i32): i32 {
  begin();
  return tellSystem(stringAt(path, min(max(size, 0), PATH_MAX)));
}
