// The bytes of a file as they arrive, in one block that grows.

/** Unused bytes that a finished block may keep. */
const SLACK_MAX = 4096;

/** Bytes that are appended to until they are finished, and read in pieces. */
export class Content {
  #block: Uint8Array;
  /** Bytes that are there. */
  size = 0;

  /** With room for `expected` bytes. */
  constructor(expected = 0) {
    this.#block = new Uint8Array(expected);
  }

  append(bytes: Uint8Array): void {
    const needed = this.size + bytes.length;
    if (needed > this.#block.length) this.#resize(Math.max(needed, this.#block.length * 2));
    this.#block.set(bytes, this.size);
    this.size = needed;
  }

  /** Nothing follows: gives back room that wasn't needed. */
  finish(): void {
    if (this.#block.length - this.size > SLACK_MAX) this.#resize(this.size);
  }

  #resize(room: number): void {
    const block = new Uint8Array(room);
    block.set(this.#block.subarray(0, this.size));
    this.#block = block;
  }

  /** At most `size` bytes from `offset` on, borrowed. */
  slice(offset: number, size: number): Uint8Array {
    return this.#block.subarray(Math.min(offset, this.size), Math.min(offset + size, this.size));
  }
}
