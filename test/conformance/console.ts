// The console of a replay: types the recorded keys and remembers how much had been printed when each group of
// keys (a step, a typed line) began to be read, so that the output can be cut as the recordings are.

import { type Clock, type Keys, KeysConsole } from "userboot-wasm";
import type { KeyEntry } from "./recordings.js";

export class ReplayConsole extends KeysConsole {
  /** First key of each group, counted from the start. */
  readonly #starts: number[];
  readonly #marks: number[] = [];
  #typed = 0;

  /** `groups` are typed one after the other. */
  constructor(groups: readonly (readonly KeyEntry[])[]) {
    super(groups.flat().map(toKeys));
    let at = 0;
    this.#starts = groups.map((group) => {
      const start = at;
      for (const entry of group) if (typeof entry === "string") at += entry.length;
      return start;
    });
  }

  override getc(clock: Clock): ReturnType<KeysConsole["getc"]> {
    const key = super.getc(clock);
    if (key !== undefined) {
      while (this.#marks.length < this.#starts.length && this.#starts[this.#marks.length]! <= this.#typed) {
        this.#marks.push(this.output.length);
      }
      this.#typed++;
    }
    return key;
  }

  /** What was printed before the first group, and while each group was at the front; "" for groups never read. */
  sections(): { before: string; groups: string[] } {
    const text = this.text;
    const groups = this.#starts.map((_, i) => {
      const from = this.#marks[i];
      return from === undefined ? "" : text.slice(from, this.#marks[i + 1] ?? text.length);
    });
    return { before: text.slice(0, this.#marks[0] ?? text.length), groups };
  }
}

/** The recordings' clock was a fraction of seconds since 1970, so that many small steps fell a little short. */
const CLOCK_SHORTFALL_S = 1e-6;

function toKeys(entry: KeyEntry): Keys {
  return typeof entry === "string" ? entry : { waitS: entry.wait_s + CLOCK_SHORTFALL_S };
}
