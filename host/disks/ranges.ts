// A disk that is fetched by ranges: blocks are kept, neighbours that are missing come with one request, and those who read on
// and on get more than they ask for.

import { finish, type MaybePromise, type Steps, settled } from "../maybe.js";

/** Bytes of one request, at most. */
export const RANGE_MAX = 8 * 1024 * 1024;
/** Bytes that are fetched ahead, at most. */
const AHEAD_MAX = 1024 * 1024;
/** Readers that go on and on at the same time. */
const STREAMS_MAX = 8;

/** What it works by. */
export interface RangeOptions {
  /** Bytes of the whole. */
  size: number;
  /** Bytes of a block. */
  blockSize: number;
  /** Bytes of blocks that are kept. */
  cache: number;
  /** Fetches the bytes from `start` to `end`, all of them. */
  fetch(start: number, end: number): Promise<Uint8Array>;
}

/** Somebody who reads on: where, and how many blocks ahead were fetched the last time. */
interface Stream {
  next: number;
  ahead: number;
}

/** The blocks that are there, and those on their way. */
export class RangeCache {
  /** The one that was not used for longest is the first. */
  readonly #blocks = new Map<number, Uint8Array>();
  readonly #coming = new Map<number, Promise<Uint8Array>>();
  readonly #streams: Stream[] = [];
  readonly #blocksMax: number;
  /** Number behind the last block. */
  readonly #end: number;

  constructor(private readonly options: RangeOptions) {
    this.#blocksMax = Math.max(1, Math.floor(options.cache / options.blockSize));
    this.#end = Math.ceil(options.size / options.blockSize);
  }

  /** Fills `target`; returns how many bytes there were, or promises to when some have to be fetched. */
  read(offset: number, target: Uint8Array): MaybePromise<number> {
    return finish(this.#read(offset, target));
  }

  /** Puts bytes there that were fetched otherwise: whole blocks from the start on. */
  put(bytes: Uint8Array): void {
    const { blockSize } = this.options;
    for (let at = 0; at < bytes.length; at += blockSize) this.#keep(at / blockSize, bytes.slice(at, at + blockSize));
  }

  /** Forgets all. */
  clear(): void {
    this.#blocks.clear();
    this.#streams.length = 0;
  }

  *#read(offset: number, target: Uint8Array): Steps<number> {
    const { blockSize, size } = this.options;
    const length = Math.max(0, Math.min(target.length, size - offset));
    // A request's worth at a time, so that no more than that is on its way.
    for (let done = 0; done < length; ) {
      const at = offset + done;
      const end = Math.min(offset + length, (Math.floor(at / blockSize) + RANGE_MAX / blockSize) * blockSize);
      const first = Math.floor(at / blockSize);
      const blocks = this.#wanted(first, Math.ceil(end / blockSize));
      for (const [i, block] of blocks.entries()) {
        const bytes = yield* settled(block);
        const from = Math.max(at, (first + i) * blockSize);
        const part = bytes.subarray(from % blockSize, Math.min(blockSize, end - (first + i) * blockSize));
        target.set(part, from - offset);
      }
      done = end - offset;
    }
    return length;
  }

  /** The blocks from `first` to before `end`: there, or on their way. */
  #wanted(first: number, end: number): MaybePromise<Uint8Array>[] {
    for (let at = first; at < end; at++) {
      if (this.#isKnown(at)) continue;
      let last = at + 1;
      while (last < end && !this.#isKnown(last)) last++;
      this.#fetch(at, last === end ? this.#further(at, end) : last);
    }
    return Array.from({ length: end - first }, (_, i) => this.#use(first + i));
  }

  #isKnown(block: number): boolean {
    return this.#blocks.has(block) || this.#coming.has(block);
  }

  #use(number: number): MaybePromise<Uint8Array> {
    const block = this.#blocks.get(number);
    if (block === undefined) return this.#coming.get(number)!;
    this.#blocks.delete(number);
    this.#blocks.set(number, block);
    return block;
  }

  /** Where a request for the blocks from `first` to before `end` shall end: later when somebody reads on. */
  #further(first: number, end: number): number {
    const { blockSize } = this.options;
    const index = this.#streams.findIndex(({ next }) => next === first);
    const [stream = { next: 0, ahead: 0 }] = index >= 0 ? this.#streams.splice(index, 1) : [];
    const ahead = index >= 0 ? Math.max(1, 2 * stream.ahead) : 0;
    stream.ahead = Math.min(ahead, Math.max(1, AHEAD_MAX / blockSize));
    const limit = Math.min(this.#end, end + stream.ahead, first + RANGE_MAX / blockSize);
    let last = end;
    while (last < limit && !this.#isKnown(last)) last++;
    stream.next = last;
    this.#streams.push(stream);
    if (this.#streams.length > STREAMS_MAX) this.#streams.shift();
    return last;
  }

  #fetch(first: number, end: number): void {
    const { blockSize, size } = this.options;
    const fetched = this.options.fetch(first * blockSize, Math.min(size, end * blockSize));
    for (let number = first; number < end; number++) {
      const at = (number - first) * blockSize;
      const block = fetched.then(
        (bytes) => {
          this.#coming.delete(number);
          const own = bytes.slice(at, at + blockSize);
          this.#keep(number, own);
          return own;
        },
        (error) => {
          this.#coming.delete(number);
          throw error;
        },
      );
      // Who waits for it hears of it; of blocks ahead nobody need.
      block.catch(() => {});
      this.#coming.set(number, block);
    }
  }

  #keep(number: number, block: Uint8Array): void {
    this.#blocks.set(number, block);
    for (const [oldest] of this.#blocks) {
      if (this.#blocks.size <= this.#blocksMax) break;
      this.#blocks.delete(oldest);
    }
  }
}
