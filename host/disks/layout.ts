// How a session's images are numbered: the guest's disks first, then the files that were granted with them, those of the
// first disk first. The core is told which belong together.

import { OptionError } from "../errors.js";
import { DISKS_MAX, IMAGES_MAX } from "./disk.js";
import { type DescribedImage, type DiskSource, describeSource, type SentImage } from "./source.js";

/** What the core is told of an image. */
export interface ImageFacts {
  /** The word for its format; empty when the caller said nothing. */
  format: string;
  /** Number of the first file granted with it, and how many there are. */
  first: number;
  count: number;
}

/** An image as the caller gave it; `image` is undefined for a ready Disk that only its maker can use. */
export interface Source {
  source: DiskSource;
  image: DescribedImage | undefined;
}

/** The same when it can be used as it is. */
export interface ReadySource extends Source {
  image: (DescribedImage & SentImage) | undefined;
}

/** All images of a session by their numbers, and what is known of each. */
export interface Layout {
  sources: Source[];
  images: ImageFacts[];
}

/**
 * Numbers the images of `disks`.
 * @throws OptionError for what is no disk, and for too many
 */
export function layOut(disks: readonly DiskSource[]): Layout {
  if (disks.length > DISKS_MAX) throw new OptionError(`${disks.length} disks given, at most ${DISKS_MAX} possible`);
  const layout: Layout = { sources: [], images: [] };
  const granted: Layout = { sources: [], images: [] };
  disks.forEach((source, i) => {
    const name = `disks[${i}]`;
    const image = describeSource(source, name);
    const files = image?.files ?? [];
    layout.sources.push({ source, image });
    layout.images.push({
      format: image?.format ?? "",
      first: disks.length + granted.images.length,
      count: files.length,
    });
    files.forEach((file, j) => {
      const described = describeSource(file, `${name}.files[${j}]`);
      if (described === undefined) throw new OptionError(`${name}.files[${j}] can't be a Disk`);
      granted.sources.push({ source: file, image: { ...described, sectorSize: image?.sectorSize } });
      granted.images.push({ format: described.format ?? "", first: 0, count: 0 });
    });
  });
  layout.sources.push(...granted.sources);
  layout.images.push(...granted.images);
  const { length } = layout.images;
  if (length > IMAGES_MAX)
    throw new OptionError(`${length} disks and files of theirs given, at most ${IMAGES_MAX} possible`);
  return layout;
}
