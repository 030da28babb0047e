// From what a caller gives as a disk to a Disk, here or in a worker. Adding a source is one file beside
// this one and one line in `openSource`.

import { OptionError } from "../errors.js";
import { BlobDisk } from "./blob.js";
import { BytesDisk } from "./bytes.js";
import { type Disk, isDisk } from "./disk.js";

/** An image: a path (Node), bytes in memory, a Blob (browsers). */
export type ImageSource = string | Uint8Array | Blob;

/** An image with a sector size other than 512. */
export interface SectoredImage {
  image: ImageSource;
  sectorSize: 512 | 4096;
}

/** An image on its way to a worker: files are open already, so that the worker needs no right to open any. */
export interface SentImage extends SectoredImage {
  fd?: number;
}

/** What `boot` takes as a disk. */
export type DiskSource = Disk | ImageSource | SectoredImage;

/** Opens an image file; platforms without files have none. */
export type FileOpener = (path: string, sectorSize: number, fd?: number) => Disk;

let openFile: FileOpener = () => {
  throw new OptionError("a disk can be named by a path on Node only");
};

/** Set by the entry points. */
export function setFileOpener(opener: FileOpener): void {
  openFile = opener;
}

/** The image and sector size behind `source`; undefined for a ready Disk that only its maker can use. */
export function describeSource(source: DiskSource): SectoredImage | undefined {
  if (isSectored(source)) {
    if (source.sectorSize !== 512 && source.sectorSize !== 4096) {
      throw new OptionError(`sector size ${source.sectorSize} is not 512 or 4096`);
    }
    return source;
  }
  if (source instanceof BytesDisk) return source;
  if (isDisk(source)) return undefined;
  if (typeof source === "string" || source instanceof Uint8Array || source instanceof Blob) {
    return { image: source, sectorSize: 512 };
  }
  throw new OptionError("a disk must be a path, a Uint8Array, a Blob or a Disk");
}

function isSectored(source: DiskSource): source is SectoredImage {
  return (
    typeof source === "object" && source !== null && "image" in source && "sectorSize" in source && !isDisk(source)
  );
}

/** Opens `source`; what is opened here is to be closed by the caller. */
export function openSource({ image, sectorSize, fd }: SentImage): Disk {
  if (typeof image === "string") return openFile(image, sectorSize, fd);
  if (image instanceof Blob) return new BlobDisk(image, sectorSize);
  return new BytesDisk(image, sectorSize);
}
