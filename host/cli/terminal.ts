// The guest's console on standard input and output. A terminal is put in raw mode while the guest runs and
// restored however that ends.

import type { Console, KeyInput } from "../console/console.js";

/** Leaves the console (Ctrl-]). */
const ESCAPE_KEY = 0x1d;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export class Terminal implements Console {
  readonly #abort = new AbortController();
  #raw = false;
  #reading: ((chunk: Buffer) => void) | undefined;
  readonly #onSignal = (name: NodeJS.Signals) => this.#abort.abort(name);
  readonly #onExit = () => this.#cooked();

  constructor(private readonly output: NodeJS.WriteStream) {
    for (const name of SIGNALS) process.on(name, this.#onSignal);
    process.on("exit", this.#onExit);
    // The reader of a pipe went away.
    output.on("error", () => this.#abort.abort("output closed"));
  }

  /** Aborted when the user wants out. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  write(bytes: Uint8Array): void {
    this.output.write(bytes);
  }

  connect(input: KeyInput): () => void {
    const { stdin } = process;
    if (stdin.isTTY) {
      stdin.setRawMode(true);
      this.#raw = true;
    }
    const onData = (chunk: Buffer) => {
      if (this.#raw && chunk.includes(ESCAPE_KEY)) this.#abort.abort("left by the user");
      else input.push(chunk);
    };
    this.#reading = onData;
    stdin.on("data", onData);
    stdin.on("end", () => input.end());
    stdin.on("error", () => input.end());
    return () => this.#stopReading();
  }

  #stopReading(): void {
    if (this.#reading === undefined) return;
    process.stdin.off("data", this.#reading);
    this.#reading = undefined;
    process.stdin.pause();
    process.stdin.unref?.();
  }

  #cooked(): void {
    if (!this.#raw) return;
    this.#raw = false;
    process.stdin.setRawMode(false);
  }

  /** Back to how it was. */
  async restore(): Promise<void> {
    this.#stopReading();
    this.#cooked();
    for (const name of SIGNALS) process.off(name, this.#onSignal);
    process.off("exit", this.#onExit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.restore();
  }
}
