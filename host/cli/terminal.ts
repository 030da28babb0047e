// The guest's console on standard input and output. A terminal is put in raw mode while the guest runs and
// restored however that ends.

import type { ReadStream } from "node:tty";
import { Utf8Drawing } from "../console/charset.js";
import type { Console, ConsoleSize, KeyInput } from "../console/console.js";
import { type CharsetChoice, takesUtf8 } from "./charset.js";
import { takeOn } from "./ending.js";

/** Leaves the console (Ctrl-]). */
const ESCAPE_KEY = 0x1d;

/** An input that can't be read counts as one that has ended; while nobody reads, it doesn't matter. */
const ignore = () => {};

/** What a guest's sequences for colours begin with, and what ends them all. */
const ESCAPE = 0x1b;
const PLAIN = "\x1b[0m";

/** What of the terminal is the caller's choice. */
export interface TerminalOptions {
  /**
   * Whether signals abort the session. Not where it blocks this thread: nothing could answer them then, and nothing
   * here has to be put in order, so they do what they always do.
   */
  signals: boolean;
  /** How bytes that aren't ASCII are shown. */
  charset: CharsetChoice;
  /** Whether the guest is told the terminal's size, which becomes part of what its kernel is handed. */
  tellsSize: boolean;
}

/** Standard input, or a device's. */
export type TerminalInput = ReadStream;

/**
 * The console of `input` (by default standard input) and `output`. Raw mode lasts from `connect` to `restore`, which disposing does, too.
 */
export class Terminal implements Console {
  readonly edits: boolean;
  readonly size: ConsoleSize | undefined;
  readonly #abort = new AbortController();
  readonly #closed = () => this.#abort.abort("output closed");
  readonly #layDown: () => void;
  readonly #drawing: Utf8Drawing | undefined;
  #raw = false;
  #stop: (() => void) | undefined;
  /** Whether the guest may have left colours behind. */
  #coloured = false;

  constructor(
    private readonly output: NodeJS.WriteStream,
    { signals, charset, tellsSize }: TerminalOptions,
    private readonly input: TerminalInput = process.stdin,
  ) {
    this.edits = input.isTTY === true;
    const { columns, rows } = output;
    // A serial line doesn't know its size.
    if (tellsSize && output.isTTY && columns > 0 && rows > 0) this.size = { columns, rows };
    const draws = charset === "auto" ? takesUtf8(output, process.env) : charset === "utf-8";
    this.#drawing = draws ? new Utf8Drawing() : undefined;
    const clean = () => this.#cooked();
    this.#layDown = signals ? takeOn({ end: (name) => this.#abort.abort(name), clean }) : clean;
    // The reader of a pipe went away.
    output.on("error", this.#closed);
  }

  /** Aborted when the user wants out. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  write(bytes: Uint8Array): void {
    if (this.output.isTTY && bytes.includes(ESCAPE)) this.#coloured = true;
    this.output.write(this.#drawing?.draw(bytes) ?? bytes);
  }

  connect(keys: KeyInput): () => void {
    const stdin = this.input;
    if (stdin.isTTY) {
      stdin.setRawMode(true);
      this.#raw = true;
    }
    let isFull = false;
    const onData = (chunk: Buffer) => {
      if (this.#raw && chunk.includes(ESCAPE_KEY)) this.#abort.abort("left by the user");
      // A file or a program waits. Of a terminal the one key that matters is still to be seen: others are lost then.
      else if (!isFull || !this.#raw) isFull = !keys.push(chunk);
      if (isFull && !this.#raw) stdin.pause();
    };
    keys.onRoom(() => {
      isFull = false;
      if (this.#stop === stop) stdin.resume();
    });
    const onEnd = () => keys.end();
    const stop = () => {
      stdin.off("data", onData).off("end", onEnd).off("error", onEnd);
      stdin.pause();
      stdin.unref?.();
    };
    this.#stop = stop;
    // A guest that is booted again finds an input that was paused, or has ended.
    if (stdin.readableEnded) keys.end();
    stdin.off("error", ignore).on("error", ignore);
    stdin.on("data", onData).on("end", onEnd).on("error", onEnd);
    stdin.ref?.();
    stdin.resume();
    return () => this.#stopReading();
  }

  #stopReading(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #cooked(): void {
    const rest = this.#drawing?.end() ?? new Uint8Array();
    if (rest.length > 0) this.output.write(rest);
    if (this.#coloured) this.output.write(PLAIN);
    this.#coloured = false;
    if (!this.#raw) return;
    this.#raw = false;
    this.input.setRawMode(false);
  }

  /** Back to how it was. */
  restore(): void {
    this.#stopReading();
    this.output.off("error", this.#closed);
    this.#layDown();
  }

  [Symbol.dispose](): void {
    this.restore();
  }
}
