// How a session's process and its caller talk: frames over one socket. A frame is two lengths (u32, little-endian), a
// head, and bytes that go with it. Heads from the process are JSON, since whoever reads those must expect anything. So are those
// to one that looks into images, to which all that is said is texts and numbers: what else reads values takes Node some time to
// load. Heads to one that boots are values that the caller serialised.

import { VALUES_MAX } from "../isolation/shape.js";

/** Bytes of the two lengths. */
export const PREFIX = 8;
/** Longest head that is read: a result with all the texts that it may have. */
export const HEAD_MAX = 32 * 1024 * 1024;
/** Most bytes that go with a head from a process. */
export const BODY_MAX = 1024 * 1024;

/** How deep the values of a head are inside each other at most. Of those there are VALUES_MAX: each costs its reader far more than a byte. */
export const DEPTH_MAX = 16;

/** A head for a process that looks into images. */
export const encodeRequest = (head: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(head ?? null));

/** The same, read. */
export const decodeRequest = (head: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(head));

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
   * @throws RangeError for a frame that is too long or holds too much, SyntaxError for a head that is no JSON
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
      checkShape(done);
      this.#head = JSON.parse(new TextDecoder().decode(done));
      this.#part = "body";
      // Nobody sees it before it is filled.
      this.#want = this.place(this.#head, this.#bodySize) ?? Buffer.allocUnsafeSlow(this.#bodySize);
      if (this.#want.length !== this.#bodySize) throw new RangeError(`a body of ${this.#bodySize} bytes`);
    } else {
      this.#part = "prefix";
      this.#want = new Uint8Array(PREFIX);
      this.onFrame(this.#head, done);
    }
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING = [0x5b, 0x7b];
const CLOSING = [0x5d, 0x7d];

/**
 * Counts what is in a JSON text, or in what claims to be one.
 * @throws RangeError when it is too much to be taken in
 */
function checkShape(json: Uint8Array): void {
  let values = 1;
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!;
    if (byte === QUOTE) at = textEnd(json, at + 1);
    else if (byte === COMMA) values++;
    else if (byte === OPENING[0] || byte === OPENING[1]) {
      values++;
      depth++;
    } else if (byte === CLOSING[0] || byte === CLOSING[1]) depth--;
    if (values > VALUES_MAX) throw new RangeError(`a head of more than ${VALUES_MAX} values`);
    if (depth > DEPTH_MAX) throw new RangeError(`a head of more than ${DEPTH_MAX} values inside each other`);
  }
}

/** Where the quote is that ends a text. */
function textEnd(json: Uint8Array, start: number): number {
  let at = start;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}
