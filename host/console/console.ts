// What the session needs of a console: the caller's terminal, log or script. Keys may be promised where a session can wait.

import type { Clock } from "../clock.js";
import type { MaybePromise } from "../maybe.js";

/**
 * A console. In the calling thread its keys come from `poll` and `getc` if it has them; elsewhere, where nobody can be
 * asked, from what `connect` pushes. Without these it has no keys, ever. `poll` and `getc` may promise what they tell where a
 * session can wait: in engines with JavaScript Promise Integration.
 */
export interface Console {
  /** Takes output. `bytes` is borrowed: valid only during the call. */
  write(bytes: Uint8Array): void;
  /** Whether a key is waiting. */
  poll?(clock: Clock): MaybePromise<boolean>;
  /** Waits for a key (0..255); undefined when none can ever come. */
  getc?(clock: Clock): MaybePromise<number | undefined>;
  /** Whether no key will ever come again. Unless it says so, a guest that looks for one in a loop does so for long. */
  ended?(): boolean;
  /**
   * Whether its keys are a terminal's: arrows and the like edit the line at the loader's prompt. Unless it says so, that is
   * whether keys come while the session runs (`connect`); prepared ones are typed as they are.
   */
  readonly edits?: boolean;
  /** A terminal's size, told to the guest as `COLUMNS` and `LINES`; FreeBSD's loader takes 80 by 24 for granted. */
  readonly size?: ConsoleSize | undefined;
  /** Called once when the session starts: keys go to `input` from now on. Returns how to stop that. */
  connect?(input: KeyInput): () => void;
}

/** Characters in a row, rows on the screen. */
export interface ConsoleSize {
  /** Characters in a row. */
  columns: number;
  /** Rows on the screen. */
  rows: number;
}

/** Where a connected console puts its keys. */
export interface KeyInput {
  /**
   * Whether keys come as they are pressed. "queued" says that those which are pushed before the session starts, in `connect`,
   * are all that it gets: it then runs where there are neither shared memory (pages that aren't cross-origin isolated) nor
   * JavaScript Promise Integration.
   */
  readonly keys: "live" | "queued";
  /** Takes keys. False when there are enough for now: none should follow until there is room. */
  push(keys: Uint8Array): boolean;
  /** Has `handler` called whenever there is room again, after `push` said that there is none. */
  onRoom(handler: () => void): void;
  /** No more keys will come. */
  end(): void;
}

/** Collects a console's output, in one block that grows: guests may write byte by byte. */
export class OutputBuffer {
  #block = new Uint8Array(256);
  #length = 0;

  /** Takes more, and keeps a copy. */
  write(bytes: Uint8Array): void {
    const end = this.#length + bytes.length;
    if (end > this.#block.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#block.length));
      larger.set(this.#block.subarray(0, this.#length));
      this.#block = larger;
    }
    this.#block.set(bytes, this.#length);
    this.#length = end;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /** Everything so far. */
  bytes(): Uint8Array {
    return this.#block.slice(0, this.#length);
  }

  /** Everything so far, one character a byte. */
  text(): string {
    let text = "";
    const bytes = this.#block.subarray(0, this.#length);
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return text;
  }
}

/** No keys; output is kept. */
export class BufferConsole implements Console {
  /** All that was written so far. */
  readonly output = new OutputBuffer();

  write(bytes: Uint8Array): void {
    this.output.write(bytes);
  }

  /** The output, one character a byte. */
  get text(): string {
    return this.output.text();
  }

  ended(): boolean {
    return true;
  }
}
