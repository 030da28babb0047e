// A disk whose image is a Blob or File (browsers, in a worker, where blocking reads are allowed).

import { DiskError } from "../errors.js";
import type { Disk } from "./disk.js";

/** Part of the DOM that TypeScript knows in worker programs only. */
interface SyncReader {
  readAsArrayBuffer(blob: Blob): ArrayBuffer;
}
declare const FileReaderSync: { new (): SyncReader } | undefined;

/**
 * The image is read as it is asked for.
 * @throws DiskError where blocking reads aren't allowed, for an empty image, and when what it is of has changed since
 */
export class BlobDisk implements Disk {
  readonly #reader: SyncReader;

  constructor(
    readonly blob: Blob,
    readonly sectorSize = 512,
  ) {
    if (typeof FileReaderSync === "undefined") throw new DiskError("Blob", "can be read in a browser's worker only");
    if (blob.size === 0) throw new DiskError("Blob", "empty, not a disk image");
    this.#reader = new FileReaderSync();
  }

  get size(): number {
    return this.blob.size;
  }

  read(offset: number, target: Uint8Array): number {
    const part = this.#part(offset, offset + target.length);
    target.set(part);
    return part.length;
  }

  /** A file that was changed or removed since it was chosen isn't read any more. */
  #part(from: number, to: number): Uint8Array {
    try {
      return new Uint8Array(this.#reader.readAsArrayBuffer(this.blob.slice(from, to)));
    } catch (error) {
      throw new DiskError("Blob", `can't be read any more (${(error as Error)?.name ?? error})`);
    }
  }
}
