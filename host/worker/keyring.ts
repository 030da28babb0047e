// Keys on their way into a worker that is busy running a guest: a ring in shared memory, on which the
// worker can wait. One writer (the caller's side), one reader (the worker).

import { LiveInput } from "../isolation/keys.js";

/** Keys that fit. More wait on the writer's side. */
const CAPACITY = 4096;
/** How long the writer waits for room. */
const RETRY_MS = 20;
/** Longest single wait of the reader; the caller can end a worker that waits. */
const WAIT_MS = 1000;

// Cells of the header: positions count up for ever and are taken modulo the capacity.
const WRITTEN = 0;
const TAKEN = 1;
const ENDED = 2;
const HEADER_BYTES = 12;

/** The memory of an empty ring. */
export function makeKeyRing(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + CAPACITY);
}

/** The caller's end. */
export class KeyRingWriter extends LiveInput {
  readonly #cells: Int32Array;
  readonly #ring: Uint8Array;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ring: SharedArrayBuffer) {
    super();
    this.#cells = new Int32Array(ring, 0, 3);
    this.#ring = new Uint8Array(ring, HEADER_BYTES);
  }

  /** Stops waiting for room. */
  close(): void {
    clearTimeout(this.#timer);
  }

  protected flush(): void {
    clearTimeout(this.#timer);
    let written = Atomics.load(this.#cells, WRITTEN);
    const room = CAPACITY - (written - Atomics.load(this.#cells, TAKEN));
    for (const key of this.waiting.take(room)) this.#ring[written++ % CAPACITY] = key;
    Atomics.store(this.#cells, WRITTEN, written);
    if (this.waiting.length > 0) this.#timer = setTimeout(() => this.flush(), RETRY_MS);
    else if (this.over) Atomics.store(this.#cells, ENDED, 1);
    Atomics.notify(this.#cells, WRITTEN);
  }
}

/** The worker's end. */
export class KeyRingReader {
  readonly #cells: Int32Array;
  readonly #keys: Uint8Array;

  constructor(ring: SharedArrayBuffer) {
    this.#cells = new Int32Array(ring, 0, 3);
    this.#keys = new Uint8Array(ring, HEADER_BYTES);
  }

  poll(): boolean {
    return Atomics.load(this.#cells, WRITTEN) !== Atomics.load(this.#cells, TAKEN);
  }

  /** Whether the writer has ended, and all keys are taken. */
  ended(): boolean {
    return Atomics.load(this.#cells, ENDED) !== 0 && !this.poll();
  }

  getc(): number | undefined {
    const taken = Atomics.load(this.#cells, TAKEN);
    while (true) {
      const ended = Atomics.load(this.#cells, ENDED);
      if (Atomics.load(this.#cells, WRITTEN) !== taken) break;
      if (ended) return undefined;
      Atomics.wait(this.#cells, WRITTEN, taken, WAIT_MS);
    }
    const key = this.#keys[taken % CAPACITY];
    Atomics.store(this.#cells, TAKEN, taken + 1);
    return key;
  }
}
