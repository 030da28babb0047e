// Keys on their way into a worker that takes messages while its guest waits: what becomes of them where there is no shared
// memory, but JavaScript Promise Integration. So many are on their way at most; the worker tells when it has taken some.

import { LiveInput } from "../isolation/keys.js";

/** Keys that are on their way, at most. More wait here. */
const ON_THE_WAY_MAX = 4096;

/** What the worker gets. */
export interface KeysGiven {
  type: "keys";
  keys: Uint8Array;
  ended: boolean;
}

/** What it sends: so many keys are taken. */
export interface KeysTaken {
  type: "took";
  count: number;
}

/** The caller's end. */
export class KeyMessages extends LiveInput {
  #started = false;
  #onTheWay = 0;

  constructor(private readonly send: (message: KeysGiven) => void) {
    super();
  }

  /** The worker has got its first message, and takes more. */
  start(): void {
    this.#started = true;
    this.flush();
  }

  /**
   * The worker has taken some.
   * @throws TypeError when it can't have
   */
  took({ count }: KeysTaken): void {
    if (!Number.isInteger(count) || count < 0 || count > this.#onTheWay) throw new TypeError(`${count} keys are taken`);
    this.#onTheWay -= count;
    this.flush();
  }

  protected flush(): void {
    if (!this.#started) return;
    const keys = this.waiting.take(ON_THE_WAY_MAX - this.#onTheWay);
    this.#onTheWay += keys.length;
    if (keys.length > 0 || this.over) this.send({ type: "keys", keys, ended: this.over });
  }
}
