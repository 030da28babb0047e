// The file systems, and opening a path with the one that knows it. A new one is a file and a line in conf.ts.

import { Device } from "../dev/device";
import { EINVAL, EIO, ENOENT, errno, setErrno } from "../lib/errno";
import { Volume } from "../storage/volume";
import { FileSystem, O_RDONLY, OpenFile } from "./file_system";
import { openOver, overlaid, redirected } from "./overlay";
import { extensible, forgetExtensible } from "./path";

/** All file systems, in the order in which they are tried. */
let fileSystems: FileSystem[] = [];

/** Takes over the table of conf.ts. */
export function useFileSystems(list: FileSystem[]): void {
  fileSystems = list;
}

/** Adds one, before the others. */
export function addFileSystem(system: FileSystem): void {
  fileSystems.unshift(system);
}

/** Whether `volume` begins as those of a file system do that isn't `own`. */
export function knownToOthers(volume: Volume, own: FileSystem): bool {
  for (let i = 0; i < fileSystems.length; i++) {
    if (fileSystems[i] !== own && fileSystems[i].knows(volume)) return true;
  }
  return false;
}

/** The file system on `device`; null when there is none that can be read, and errno: EINVAL for none at all. */
export function fileSystemOn(device: Device): FileSystem | null {
  let error = EINVAL;
  for (let i = 0; i < fileSystems.length; i++) {
    if (fileSystems[i].isLayer()) continue;
    const root = fileSystems[i].open(device, "/", O_RDONLY);
    if (root !== null) {
      root.close();
      return fileSystems[i];
    }
    if (error == EINVAL) error = errno;
  }
  setErrno(error);
  return null;
}

/** Whether names on `device` are the same in capitals and small letters. */
export function ignoresCase(device: Device): bool {
  const volume = device.volume();
  for (let i = 0; volume !== null && i < fileSystems.length; i++) {
    if (fileSystems[i].ignoresCase && fileSystems[i].knows(volume)) return true;
  }
  return false;
}

/**
 * Opens `path` on `device`: what the caller laid over it, or with the first file system that can. Null and errno: EIO when it
 * may be there and can't be read, whatever the others then say.
 */
export function openOn(device: Device, path: string, mode: i32): OpenFile | null {
  return overlaid ? openOver(device, path, mode, openBelow) : openBelow(device, path, mode, false);
}

/** The same without the overlay; with `layersOnly` there is no such file in any file system that isn't a layer on others. */
function openBelow(device: Device, path: string, mode: i32, layersOnly: bool): OpenFile | null {
  let error = EINVAL;
  // Whether the error says more than that there is no compressed file of that name either.
  let stands = false;
  // Whether no layer can find what it would open for this path.
  let bare = !overlaid && mode == O_RDONLY;
  for (let i = 0; i < fileSystems.length; i++) {
    const isLayer = fileSystems[i].isLayer();
    if (isLayer ? bare : layersOnly) continue;
    forgetExtensible();
    const file = fileSystems[i].open(device, path, mode);
    if (file !== null || redirected !== null) return file;
    if (errno != EINVAL && extensible) bare = false;
    if (errno == EINVAL || error == EIO || (stands && errno == ENOENT)) continue;
    // A file system that knows the device knows best: no other one's trouble with it counts.
    if (error != EINVAL && errno == EIO && !isLayer) continue;
    error = errno;
    stands = error != ENOENT && !fileSystems[i].inReference;
  }
  setErrno(error == EINVAL ? ENOENT : error);
  return null;
}

/**
 * Opens `path` on `device` as what it is there, for those who look at it: no compressed file of another name in its place, and with
 * `link` a symbolic link as its last name stands for itself. Null and errno; EINVAL where there is no file system that can be read.
 */
export function openPlain(device: Device, path: string, link: bool): OpenFile | null {
  for (let i = 0; i < fileSystems.length; i++) {
    const system = fileSystems[i];
    if (system.isLayer()) continue;
    const file = link ? system.openLink(device, path) : system.open(device, path, O_RDONLY);
    if (file !== null || errno != EINVAL) return file;
  }
  return null;
}
