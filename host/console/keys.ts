// A console that types prepared keys, with pauses, and keeps the output. Scripts, tests and the command
// line's --input use it. All keys are waiting at once, except those behind a pause.

import { type Clock, TURN_USEC } from "../clock.js";
import { finish, type MaybePromise, type Steps, settled } from "../maybe.js";
import { BufferConsole } from "./console.js";

/** Text to type (one character a byte), or a pause of so many seconds. */
export type Keys = string | { waitS: number };

/** What a pause counts for in `consumed`. */
const WAIT_WEIGHT = 2;

/** Types its entries in order; waiting for a key lasts as long as the pause in front of it. */
export class KeysConsole extends BufferConsole {
  readonly #entries: Keys[];
  #entry = 0;
  #at = 0;
  /** End of the pause at the front, once somebody has looked at it. */
  #until: number | undefined;
  #consumed = 0;

  constructor(entries: readonly Keys[]) {
    super();
    this.#entries = entries.filter((entry) => entry !== "");
  }

  /** Keys typed so far; a pause counts as two. */
  get consumed(): number {
    return this.#consumed;
  }

  /** What is left to type, for a copy of this console in a worker; `took` tells what the copy has typed. */
  get entries(): readonly Keys[] {
    const rest = this.#entries.slice(this.#entry);
    if (typeof rest[0] === "string") rest[0] = rest[0].slice(this.#at);
    return rest;
  }

  /** Says that a copy has typed so many keys, as `consumed` counts, and the rest is nobody's. */
  took(consumed: number): void {
    this.#consumed += consumed;
    this.#entry = this.#entries.length;
  }

  poll(clock: Clock): boolean {
    return typeof this.#front(clock) === "string";
  }

  override ended(): boolean {
    return this.#entry === this.#entries.length;
  }

  getc(clock: Clock): MaybePromise<number | undefined> {
    return finish(this.#key(clock));
  }

  *#key(clock: Clock): Steps<number | undefined> {
    let front = this.#front(clock);
    while (typeof front === "object") {
      yield* settled(clock.sleep(TURN_USEC));
      front = this.#front(clock);
    }
    if (front === undefined) return undefined;
    const key = front.charCodeAt(this.#at);
    this.#at++;
    this.#consumed++;
    if (this.#at === front.length) this.#next();
    return key & 0xff;
  }

  /** The entry at the front: text, a pause not over yet, or undefined at the end. */
  #front(clock: Clock): Keys | undefined {
    while (true) {
      const entry = this.#entries[this.#entry];
      if (typeof entry !== "object") return entry;
      this.#until ??= clock.now() + entry.waitS * 1_000_000;
      if (clock.now() < this.#until) return entry;
      this.#until = undefined;
      this.#consumed += WAIT_WEIGHT;
      this.#next();
    }
  }

  #next(): void {
    this.#entry++;
    this.#at = 0;
  }
}
