// How a session's process and its caller talk: frames over one socket. A frame is two lengths (u32, little-endian), a
// head, and bytes that go with it. Heads to the process are values that the caller serialised; heads from it are JSON,
// since whoever reads those must expect anything.

/** Bytes of the two lengths. */
export const PREFIX = 8;
/** Longest head that is read: a result with all the texts that it may have. */
export const HEAD_MAX = 32 * 1024 * 1024;
/** Most bytes that go with a head from a process. */
export const BODY_MAX = 1024 * 1024;

/** The two lengths and the head. */
export function frameHead(head: Uint8Array, bodySize: number): Uint8Array {
  const frame = new Uint8Array(PREFIX + head.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, head.length, true);
  view.setUint32(4, bodySize, true);
  frame.set(head, PREFIX);
  return frame;
}

/** Puts frames together from the pieces in which they arrive. */
export class FrameReader {
  #want: Uint8Array = new Uint8Array(PREFIX);
  #filled = 0;
  #part: "prefix" | "head" | "body" = "prefix";
  #bodySize = 0;
  #head: unknown;

  /** `onFrame` gets each frame; `place` says where the bytes of a frame shall go, if not into memory of their own. */
  constructor(
    private readonly onFrame: (head: unknown, body: Uint8Array) => void,
    private readonly place: (head: unknown, size: number) => Uint8Array | undefined = () => undefined,
  ) {}

  /**
   * Takes in what arrived.
   * @throws RangeError for a frame that is too long, SyntaxError for a head that is no JSON
   */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      const part = chunk.subarray(at, at + this.#want.length - this.#filled);
      this.#want.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      while (this.#filled === this.#want.length) this.#next();
    }
  }

  /** A part is complete. */
  #next(): void {
    const done = this.#want;
    this.#filled = 0;
    if (this.#part === "prefix") {
      const view = new DataView(done.buffer);
      const headSize = view.getUint32(0, true);
      this.#bodySize = view.getUint32(4, true);
      if (headSize === 0 || headSize > HEAD_MAX) throw new RangeError(`a head of ${headSize} bytes`);
      if (this.#bodySize > BODY_MAX) throw new RangeError(`a body of ${this.#bodySize} bytes`);
      this.#part = "head";
      this.#want = new Uint8Array(headSize);
    } else if (this.#part === "head") {
      this.#head = JSON.parse(new TextDecoder().decode(done));
      this.#part = "body";
      this.#want = this.place(this.#head, this.#bodySize) ?? new Uint8Array(this.#bodySize);
      if (this.#want.length !== this.#bodySize) throw new RangeError(`a body of ${this.#bodySize} bytes`);
    } else {
      this.#part = "prefix";
      this.#want = new Uint8Array(PREFIX);
      this.onFrame(this.#head, done);
    }
  }
}
