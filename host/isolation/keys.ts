// Keys on the caller's side that a session's thread or process hasn't taken yet. Who types is told when there are enough
// of them: a file or a program types for ever if it may.

import type { KeyInput } from "../console/console.js";

/** Keys that wait; whoever types more is asked to pause. */
export const KEYS_WAITING_MAX = 65_536;

/** A queue of keys. */
export class WaitingKeys implements Pick<KeyInput, "push" | "onRoom"> {
  #keys: number[] = [];
  #full = false;
  #tell = () => {};

  get length(): number {
    return this.#keys.length;
  }

  push(keys: Uint8Array): boolean {
    for (const key of keys) this.#keys.push(key);
    this.#full = !this.isRoom;
    return this.isRoom;
  }

  get isRoom(): boolean {
    return this.length < KEYS_WAITING_MAX;
  }

  onRoom(handler: () => void): void {
    this.#tell = handler;
  }

  /** The first keys, `most` of them; they wait no longer. */
  take(most = this.length): Uint8Array {
    const taken = Uint8Array.from(this.#keys.splice(0, most));
    if (this.#full && this.isRoom) {
      this.#full = false;
      this.#tell();
    }
    return taken;
  }
}

/** Takes keys until the session starts, and none afterwards: there is no way by which they could reach it. */
export class QueuedKeys implements KeyInput {
  readonly keys = "queued";
  readonly #waiting = new WaitingKeys();
  #started = false;

  push(keys: Uint8Array): boolean {
    return !this.#started && this.#waiting.push(keys);
  }

  onRoom(): void {}

  end(): void {}

  /** All of them: the session starts. */
  start(): Uint8Array {
    this.#started = true;
    return this.#waiting.take();
  }
}

/** The caller's end of a way by which keys reach a session as they come. */
export abstract class LiveInput implements KeyInput {
  readonly keys = "live";
  protected readonly waiting = new WaitingKeys();
  #ended = false;

  push(keys: Uint8Array): boolean {
    this.waiting.push(keys);
    this.flush();
    return this.waiting.isRoom;
  }

  onRoom(handler: () => void): void {
    this.waiting.onRoom(handler);
  }

  end(): void {
    this.#ended = true;
    this.flush();
  }

  /** Whether none will come, and none waits. */
  protected get over(): boolean {
    return this.#ended && this.waiting.length === 0;
  }

  /** Sends as many as there is room for. */
  protected abstract flush(): void;
}
