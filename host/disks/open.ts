// Opens images for a session that may open no file itself (Node): it gets them open.

import { FileDisk } from "./file.js";
import type { SentImage } from "./source.js";

/**
 * The images with those that are files opened, unless they are. What was opened is in `files` then, also when a later one fails.
 * @throws DiskError for a file that is no image
 */
export function openImages(images: readonly SentImage[], files: FileDisk[]): SentImage[] {
  return images.map((image) => {
    if (typeof image.image !== "string" || image.served !== undefined) return image;
    const { fd, size, sectorSize } = image;
    const file = new FileDisk(image.image, sectorSize, fd === undefined ? fd : { fd, size });
    files.push(file);
    return opened(image, file);
  });
}

/** The same for images of which all that are files are open already, in `files`. */
export function openedImages(images: readonly SentImage[], files: readonly FileDisk[]): SentImage[] {
  const left = [...files];
  return images.map((image) =>
    typeof image.image === "string" && image.served === undefined ? opened(image, left.shift()!) : image,
  );
}

function opened(image: SentImage, { fd, size, sectorSize }: FileDisk): SentImage {
  return { ...image, sectorSize, fd, size };
}
