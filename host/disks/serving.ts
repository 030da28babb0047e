// Which images a session opens for itself, and which its caller reads for it; and whether promises can be waited for where
// it runs. What can't be is said here, before anything is booted.

import { isBlob } from "../brand.js";
import { OptionError } from "../errors.js";
import { isPromise } from "../maybe.js";
import { canSuspend } from "../suspension.js";
import { BlobDisk } from "./blob.js";
import { type Disk, isDisk } from "./disk.js";
import type { ReadySource } from "./layout.js";
import { openSource, type SentImage } from "./source.js";

/** What is to be done for disks that promise. */
const NEEDED = "an engine with JavaScript Promise Integration (Chromium 137, Node 25)";

/** Images on their way to a session elsewhere, and the disks that are read here for it, by their numbers. */
export interface Sent {
  disks: SentImage[];
  served: Map<number, Disk>;
  /** Closes what was opened here. */
  close(): void;
}

/** How images get to sessions elsewhere. */
export interface Ways {
  /** It opens Blobs itself. */
  blobs: boolean;
  /** It can wait for bytes that are read here. */
  served: boolean;
  /** It gets images at its start: not, when it has started before they were known. */
  images: boolean;
}

/**
 * The images as a session elsewhere gets them.
 * @throws OptionError for one that can't be read there; DiskError for one that is to be read here and can't be opened
 */
export function sendImages(sources: readonly ReadySource[], ways: Ways): Sent {
  const served = new Map<number, Disk>();
  const opened: Disk[] = [];
  const close = () => closeAll(opened);
  const send = ({ source, image }: ReadySource, number: number): SentImage => {
    if (image !== undefined && goesThere(image, ways)) {
      const { files: _files, format: _format, compression: _compression, ...sent } = image;
      return sent;
    }
    if (!ways.served) {
      const where = `a page that is cross-origin isolated, or ${NEEDED}`;
      throw new OptionError(`disk ${number} is read by the page, which a thread can wait for only with ${where}`);
    }
    const disk = image === undefined ? (source as Disk) : readHere(image, opened);
    served.set(number, disk);
    const { size, sectorSize } = disk;
    return { image: `disk ${number}`, served: number, size, sectorSize: sectorSize as 512 | 4096 };
  };
  try {
    return { disks: sources.map(send), served, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Whether a session gets `image` itself. */
function goesThere({ image }: SentImage, { blobs, images }: Ways): boolean {
  return images && (blobs || !isBlob(image));
}

/** `image` as a disk of this thread, which is among those that are `opened` when it is one to be closed. */
function readHere(image: SentImage, opened: Disk[]): Disk {
  if (isBlob(image.image)) return new BlobDisk(image.image, image.sectorSize);
  const disk = openSource(image);
  opened.push(disk);
  return disk;
}

function closeAll(opened: Disk[]): void {
  for (const disk of opened.splice(0)) disk.close?.();
}

/** Disks of a session in this thread. */
export interface Opened {
  disks: Disk[];
  /** Whether one of them may promise. */
  promise: boolean;
  close(): void;
}

/**
 * Opens the images of a session in this thread.
 * @throws DiskError for an image that can't be opened; OptionError for a disk that promises what can't be waited for
 */
export function openHere(sources: readonly ReadySource[]): Opened {
  const opened: Disk[] = [];
  const close = () => closeAll(opened);
  try {
    const disks = sources.map(({ source, image }) => {
      if (image === undefined || isDisk(source)) return source as Disk;
      const disk = openSource(image);
      opened.push(disk);
      return disk;
    });
    const promising = disks.findIndex(mayPromise);
    if (promising >= 0 && !canSuspend()) {
      const instead = 'give it with the isolation "thread"';
      throw new OptionError(
        `disk ${promising} promises its bytes, which this thread can wait for only in ${NEEDED}: ${instead}`,
      );
    }
    return { disks, promise: promising >= 0, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Whether reading `disk` may have to be waited for. Where that can be, a disk that doesn't say is taken to. */
function mayPromise(disk: Disk): boolean {
  if (disk.promises !== undefined) return disk.promises;
  if (canSuspend()) return true;
  try {
    const answer = disk.read(0, new Uint8Array(0)) as unknown;
    if (!isPromise(answer)) return false;
    // What becomes of it is of no interest, and must not be an error that nobody handles.
    answer.then(
      () => {},
      () => {},
    );
    return true;
  } catch {
    return false; // It fails at once, and will do so again when the guest reads.
  }
}
