// Keys for a session that can wait for them without blocking its thread: whoever types pushes them, and what the guest takes
// is there or promised.

import { WaitingKeys } from "../isolation/keys.js";
import type { MaybePromise } from "../maybe.js";
import type { Console, KeyInput } from "./console.js";

/** A guest that looks for keys again and again lets others in this thread do something after so long: they may type. */
const TURN_MS = 8;

/** Both ends of it. `took` is told how many keys the guest has taken. */
export class LiveKeys implements KeyInput, Required<Pick<Console, "poll" | "ended" | "getc">> {
  readonly keys = "live";
  readonly #waiting = new WaitingKeys();
  #ended = false;
  #wake = () => {};
  #turned = performance.now();

  constructor(private readonly took: (count: number) => void = () => {}) {}

  push(keys: Uint8Array): boolean {
    const room = this.#waiting.push(keys);
    this.#wake();
    return room;
  }

  onRoom(handler: () => void): void {
    this.#waiting.onRoom(handler);
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  poll(): MaybePromise<boolean> {
    if (this.#waiting.length > 0) return true;
    if (this.#ended || performance.now() - this.#turned < TURN_MS) return false;
    return new Promise((resolve) => {
      setTimeout(() => {
        this.#turned = performance.now();
        resolve(this.#waiting.length > 0);
      });
    });
  }

  ended(): boolean {
    return this.#ended && this.#waiting.length === 0;
  }

  getc(): MaybePromise<number | undefined> {
    return this.#waiting.length > 0 || this.#ended ? this.#take() : this.#next();
  }

  #take(): number | undefined {
    const [key] = this.#waiting.take(1);
    if (key !== undefined) this.took(1);
    return key;
  }

  async #next(): Promise<number | undefined> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    return this.getc();
  }
}
