// A module's own memory, as the imports reach it: views that follow its growth. A range that isn't all there is cut
// at the end of the memory.

import { latin1 } from "../text.js";

/** The views of `memory`, which may grow between two calls. */
export class ModuleMemory {
  #bytes: Uint8Array;
  #data: DataView;

  constructor(readonly memory: WebAssembly.Memory) {
    this.#bytes = new Uint8Array(memory.buffer);
    this.#data = new DataView(memory.buffer);
  }

  /** Bytes of it right now. */
  get size(): number {
    return this.memory.buffer.byteLength;
  }

  /** `size` bytes at `address`, borrowed for one call. Both are taken as unsigned, whatever the module meant. */
  bytes(address: number, size: number): Uint8Array {
    if (this.#bytes.buffer !== this.memory.buffer) this.#refresh();
    return this.#bytes.subarray(address >>> 0, (address >>> 0) + (size >>> 0));
  }

  /** For numbers at addresses. Throws a RangeError outside. */
  get data(): DataView {
    if (this.#data.buffer !== this.memory.buffer) this.#refresh();
    return this.#data;
  }

  /** The text at `address`, cut to `most` bytes, one character a byte. */
  text(address: number, size: number, most: number): string {
    return latin1(this.bytes(address, Math.min(size >>> 0, most)));
  }

  #refresh(): void {
    this.#bytes = new Uint8Array(this.memory.buffer);
    this.#data = new DataView(this.memory.buffer);
  }
}
