// Disk images named on the command line. A name that ends in .gz says that the file is compressed; such an
// image is unpacked into memory. Nothing else about a file's name or content is looked at.

import { readFileSync, statSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { ImageSource } from "../disks/source.js";
import { DiskError } from "../errors.js";

/** Largest file, packed and unpacked, that is taken into memory. */
const PACKED_MAX = 512 * 1024 * 1024;
const UNPACKED_MAX = 1024 * 1024 * 1024;

export function openImage(path: string): ImageSource {
  if (!path.endsWith(".gz")) return path;
  let packed: Buffer;
  try {
    const status = statSync(path);
    // What is wrong with it is said by those who open plain images.
    if (!status.isFile() || status.size === 0) return path;
    if (status.size > PACKED_MAX) throw new DiskError(path, "too large to be unpacked in memory");
    packed = readFileSync(path);
  } catch (error) {
    if (error instanceof DiskError) throw error;
    return path;
  }
  try {
    return gunzipSync(packed, { maxOutputLength: UNPACKED_MAX });
  } catch (error) {
    const tooLarge = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    throw new DiskError(path, tooLarge ? "too large to be unpacked in memory" : "is not a gzip file, or damaged");
  }
}
