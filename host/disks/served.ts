// Disks that are read where the caller is, for a session that runs elsewhere: custom ones, those of servers, Blobs on Node.
// The session asks, waits, and gets the bytes. Neither side trusts the other with sizes.

import { type PlainError, plainError, reviveError, UserbootError } from "../errors.js";
import { finish, type MaybePromise, type Steps, settled } from "../maybe.js";
import type { Disk } from "./disk.js";

/** Bytes of one request. */
export const SERVED_MAX = 4 * 1024 * 1024;

/** What a session asks for: bytes of the image of this number. */
export interface ReadRequest {
  disk: number;
  offset: number;
  size: number;
}

/** The bytes that there are, or what was in the way. */
export type ReadReply = { bytes: Uint8Array<ArrayBuffer> } | { error: PlainError };

/** Asks for bytes. What is answered is lent until the next request. */
export type Reader = (request: ReadRequest) => MaybePromise<Uint8Array>;

/**
 * The bytes of a reply.
 * @throws UserbootError when the disk's own say ends the session, Error when its medium failed
 */
export function replied(reply: ReadReply): Uint8Array {
  if ("bytes" in reply) return reply.bytes;
  throw reply.error.name === "Error" ? new Error(reply.error.message) : reviveError(reply.error);
}

/** A disk as its session has it. */
export class ServedDisk implements Disk {
  constructor(
    private readonly number: number,
    readonly size: number,
    readonly sectorSize: number,
    private readonly reader: Reader,
  ) {}

  read(offset: number, target: Uint8Array): MaybePromise<number> {
    return finish(this.#read(offset, target));
  }

  *#read(offset: number, target: Uint8Array): Steps<number> {
    let done = 0;
    while (done < target.length) {
      const size = Math.min(target.length - done, SERVED_MAX);
      const bytes = yield* settled(this.reader({ disk: this.number, offset: offset + done, size }));
      const part = bytes.subarray(0, size);
      target.set(part, done);
      done += part.length;
      if (bytes.length < size) break;
    }
    return done;
  }
}

/** A disk that can be read while this thread, which has others to serve, goes on. */
interface AsideDisk extends Disk {
  readAside(offset: number, target: Uint8Array): Promise<number>;
}

const mayReadAside = (disk: Disk): disk is AsideDisk => "readAside" in disk;

/** The caller's side of them. */
export class DiskServer {
  #busy = false;
  #bytes = 0;

  constructor(private readonly disks: ReadonlyMap<number, Disk> = new Map()) {}

  /** Bytes that were asked for. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Does what is asked; rejects with a TypeError for what no session asks.
   */
  async read({ disk: number, offset, size }: ReadRequest): Promise<ReadReply> {
    const disk = this.disks.get(number);
    if (disk === undefined) throw new TypeError(`it reads image ${number}, which is none of these`);
    if (size > SERVED_MAX || offset > disk.size) throw new TypeError(`it reads ${size} bytes at ${offset}`);
    if (this.#busy) throw new TypeError("it reads before it has got what it read");
    this.#busy = true;
    this.#bytes += size;
    try {
      return await this.#reply(disk, offset, size);
    } finally {
      this.#busy = false;
    }
  }

  async #reply(disk: Disk, offset: number, size: number): Promise<ReadReply> {
    const bytes = new Uint8Array(size);
    try {
      const got = await (mayReadAside(disk) ? disk.readAside(offset, bytes) : disk.read(offset, bytes));
      if (!Number.isInteger(got) || got < 0 || got > size) throw new Error(`it tells of ${got} bytes`);
      return { bytes: bytes.slice(0, got) };
    } catch (error) {
      if (error instanceof UserbootError) return { error: plainError(error) };
      return { error: { name: "Error", message: String((error as Error)?.message ?? error) } };
    }
  }
}
