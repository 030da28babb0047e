// Opens images for a session that may open no file itself (Node): it gets them open.

import { FileDisk } from "./file.js";
import type { SentImage } from "./source.js";

/**
 * The images with those that are files opened. What was opened is in `files` then, also when a later one fails.
 * @throws DiskError for a file that is no image
 */
export function openImages(images: readonly SentImage[], files: FileDisk[]): SentImage[] {
  return images.map((image) => {
    if (typeof image.image !== "string") return image;
    const file = new FileDisk(image.image, image.sectorSize);
    files.push(file);
    return { ...image, fd: file.fd };
  });
}
