// A module's own memory, as the imports reach it: views that follow its growth. A range that is lent is cut at the end of the
// memory; what is stored must have its place there.

import { InternalError } from "../errors.js";
import { hex, latin1 } from "../text.js";

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

  /**
   * For numbers in the cell of `size` bytes at `address`, which is unsigned.
   * @throws InternalError when it isn't there
   */
  cell(address: number, size: number): DataView {
    if (this.#data.buffer !== this.memory.buffer) this.#refresh();
    if (address + size > this.#bytes.length) this.#outside(address, size);
    return this.#data;
  }

  /**
   * Stores `bytes` at `address`.
   * @throws InternalError when not all of them have room there
   */
  put(address: number, bytes: Uint8Array): void {
    const target = this.bytes(address, bytes.length);
    if (target.length < bytes.length) this.#outside(address >>> 0, bytes.length);
    target.set(bytes);
  }

  #outside(address: number, size: number): never {
    throw new InternalError(`the core names ${size} bytes at ${hex(address)} of its ${this.#bytes.length}`);
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
