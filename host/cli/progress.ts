// A bar on the last line of the terminal while a large file loads, or is unpacked. It leaves the guest's console alone:
// cursor saved, drawn, restored.

import type { Progress } from "../options.js";
import { isLogging } from "./log.js";

const WIDTH = 40;
const MIB = 1024 * 1024;

/** The bar on `stream`, which is borrowed; nothing is drawn when that is no terminal, or events are told there. */
export class ProgressBar {
  #shown = false;

  constructor(private readonly stream: NodeJS.WriteStream) {}

  show({ fileBytes, fileDone, unpackedSize, unpackedDone = 0 }: Progress): void {
    if (unpackedSize === undefined) this.#advance("loading", fileDone, fileBytes);
    else this.unpacking(unpackedDone, unpackedSize);
  }

  /** How much of a compressed image of `size` bytes has been unpacked. */
  unpacking(done: number, size: number): void {
    this.#advance("unpacking", done, size);
  }

  #advance(what: string, done: number, size: number): void {
    if (!this.stream.isTTY || size === 0 || isLogging()) return;
    if (done >= size) {
      this.clear();
      return;
    }
    const bar = "#".repeat(Math.floor((done / size) * WIDTH)).padEnd(WIDTH, ".");
    this.#draw(`${what} [${bar}] ${Math.floor(done / MIB)} of ${Math.ceil(size / MIB)} MiB`);
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) this.#draw("");
    this.#shown = false;
  }

  #draw(text: string): void {
    this.stream.write(`\x1b7\x1b[${this.stream.rows};1H\x1b[K${text}\x1b8`);
  }
}
