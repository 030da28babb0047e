// A bar on the last line of the terminal while a large file loads. It leaves the guest's console alone:
// cursor saved, drawn, restored.

import type { Progress } from "../options.js";

const WIDTH = 40;
const MIB = 1024 * 1024;

/** The bar on `stream`, which is borrowed; nothing is drawn when that is no terminal. */
export class ProgressBar {
  #shown = false;

  constructor(private readonly stream: NodeJS.WriteStream) {}

  show({ fileBytes, fileDone }: Progress): void {
    if (!this.stream.isTTY || fileBytes === 0) return;
    if (fileDone >= fileBytes) {
      this.clear();
      return;
    }
    const filled = Math.floor((fileDone / fileBytes) * WIDTH);
    const bar = "#".repeat(filled).padEnd(WIDTH, ".");
    this.#draw(`loading [${bar}] ${Math.floor(fileDone / MIB)} of ${Math.ceil(fileBytes / MIB)} MiB`);
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
