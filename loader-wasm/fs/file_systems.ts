// The file systems, and opening a path with the one that knows it. A new one is a file and a line in conf.ts.

import { Device } from "../dev/device";
import { EINVAL, ENOENT, errno, setErrno } from "../lib/errno";
import { FileSystem, OpenFile } from "./file_system";

/** All file systems, in the order in which they are tried. */
let fileSystems: FileSystem[] = [];

/** Takes over the table of conf.ts. */
export function useFileSystems(list: FileSystem[]): void {
  fileSystems = list;
}

/** Opens `path` on `device` with the first file system that can. Null and errno. */
export function openOn(device: Device, path: string, mode: i32): OpenFile | null {
  let error = ENOENT;
  // Whether the error says more than that there is no compressed file of that name either.
  let stands = false;
  for (let i = 0; i < fileSystems.length; i++) {
    const file = fileSystems[i].open(device, path, mode);
    if (file !== null) return file;
    if (errno == EINVAL || (stands && errno == ENOENT)) continue;
    error = errno;
    stands = error != ENOENT && !fileSystems[i].inReference;
  }
  setErrno(error);
  return null;
}
