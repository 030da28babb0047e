// A disk whose image is a Blob or File: read at once in a browser's worker, where that is allowed, else by promises.

import { DiskError } from "../errors.js";
import { finish, type MaybePromise, type Steps, settled } from "../maybe.js";
import type { Disk } from "./disk.js";

/** Part of the DOM that TypeScript knows in worker programs only. */
interface SyncReader {
  readAsArrayBuffer(blob: Blob): ArrayBuffer;
}
declare const FileReaderSync: { new (): SyncReader } | undefined;

/** Whether Blobs can be read at once here. */
export function readsBlobsAtOnce(): boolean {
  return typeof FileReaderSync !== "undefined";
}

/** What messages call `blob`: a file by its name. */
export const blobName = (blob: Blob): string => ("name" in blob && String(blob.name)) || "Blob";

/**
 * The image is read as it is asked for.
 * @throws DiskError for an empty image, and when what it is of has changed since
 */
export class BlobDisk implements Disk {
  readonly promises = !readsBlobsAtOnce();
  readonly #reader = this.promises ? undefined : new FileReaderSync!();

  constructor(
    readonly blob: Blob,
    readonly sectorSize: 512 | 4096 = 512,
  ) {
    if (blob.size === 0) throw new DiskError(blobName(blob), "empty, not a disk image");
  }

  get size(): number {
    return this.blob.size;
  }

  read(offset: number, target: Uint8Array): MaybePromise<number> {
    return finish(this.#read(offset, target));
  }

  /** A file that was changed or removed since it was chosen isn't read any more. */
  *#read(offset: number, target: Uint8Array): Steps<number> {
    try {
      const part = this.blob.slice(offset, offset + target.length);
      const bytes = new Uint8Array(yield* settled(this.#reader?.readAsArrayBuffer(part) ?? part.arrayBuffer()));
      target.set(bytes);
      return bytes.length;
    } catch (error) {
      throw new DiskError(blobName(this.blob), `can't be read any more (${(error as Error)?.name ?? error})`);
    }
  }
}
