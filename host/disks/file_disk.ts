// A page's files as disks.

import { isBlob } from "../brand.js";
import { DiskError, OptionError } from "../errors.js";
import { BlobDisk } from "./blob.js";
import type { Disk } from "./disk.js";
import { isHandle } from "./source.js";

/**
 * A file that was chosen, or of which there is a handle, as a disk. `boot` takes them as they are, too; this is the same name as
 * on Node, where it takes a path.
 * @throws DiskError for a file that can't be read or is empty; OptionError for what is no file
 */
export async function fileDisk(
  file: Blob | FileSystemFileHandle,
  { sectorSize = 512 }: { sectorSize?: 512 | 4096 } = {},
): Promise<Disk> {
  if (isBlob(file)) return new BlobDisk(file, sectorSize);
  if (!isHandle(file)) throw new OptionError("fileDisk: a Blob, a File or the handle of a file is needed");
  return new BlobDisk(await fileOf(file), sectorSize);
}

/**
 * The file of a handle as it is now.
 * @internal
 */
export async function fileOf(handle: FileSystemFileHandle): Promise<File> {
  try {
    return await handle.getFile();
  } catch (error) {
    throw new DiskError(handle.name, `can't be read (${(error as Error)?.name ?? error})`);
  }
}
