// What a terminal sends for keys that edit a line, told apart: arrows and the like are sequences (ECMA-48, as xterm has
// them) that begin with the byte of the escape key. The core is given the control key that does the same, marked, so that
// at its prompt the line is edited, and elsewhere, in a menu, the key is one that means nothing. The escape key alone
// stays what it is, and is no text at the prompt: nothing follows it at once. Bytes beyond ASCII are marked, too: they are
// text there, which the loader would take for the control keys that they are but for their highest bit. This is done here and not in the core, since
// only the host knows whether keys come from a terminal; recordings and prepared keys are typed as they are.

import type { Clock } from "../clock.js";
import { finish, type MaybePromise, type Steps, settled } from "../maybe.js";
import { KEY_EDITS } from "../protocol/constants.js";
import type { Console } from "./console.js";

const ESCAPE = 0x1b;
/** What terminals send for the backspace key, and what a PC's console does. Menus of Forth wait for that one. */
const DELETE = 0x7f;
const BACKSPACE = 0x08;
/** What a sequence follows an escape with: `[`, or `O` from keypads. */
const INTRODUCERS = "[O";
/** A sequence's rest comes within this. */
const SEQUENCE_USEC = 25_000;
const LOOK_USEC = 5_000;
/** Bytes of a sequence; what is longer is none. */
const SEQUENCE_MAX = 16;

const control = (letter: string): number => letter.charCodeAt(0) & 0x1f;
/** Control keys that mean the same without a terminal: backspace, both ends of a line, ^R. All others are no text here. */
const PLAIN = new Set([..."HJMR"].map(control));
/** Ends of sequences: up, down, right, left, End, Home; with a number before them: Home, Delete, End, Home, End. */
const SEQUENCES: Readonly<Record<string, string>> = { A: "P", B: "N", C: "F", D: "B", F: "E", H: "A" };
const NUMBERED: Readonly<Record<string, string>> = { 1: "A", 3: "D", 4: "E", 7: "A", 8: "E" };

/** Bytes between a sequence's first and its last. */
const isParameter = (byte: number): boolean => byte >= 0x20 && byte < 0x40;

/** The keys of a console that is a terminal; those that edit have KEY_EDITS added. `inner` is borrowed. */
export class EditingKeys implements Pick<Console, "poll" | "getc" | "ended"> {
  readonly #inner: Pick<Console, "poll" | "getc" | "ended">;
  /** Bytes that were looked at and are no sequence. */
  #bytes: number[] = [];
  /** A key that was found when somebody looked for one. */
  #found: number | undefined;

  constructor(inner: Pick<Console, "poll" | "getc" | "ended">) {
    this.#inner = inner;
  }

  poll(clock: Clock): MaybePromise<boolean> {
    return finish(this.#look(clock));
  }

  *#look(clock: Clock): Steps<boolean> {
    while (this.#found === undefined && (this.#bytes.length > 0 || (yield* settled(this.#inner.poll?.(clock))))) {
      this.#found = yield* this.#decode(clock);
    }
    return this.#found !== undefined;
  }

  ended(): boolean {
    return this.#found === undefined && this.#bytes.length === 0 && (this.#inner.ended?.() ?? false);
  }

  getc(clock: Clock): MaybePromise<number | undefined> {
    return finish(this.#key(clock));
  }

  *#key(clock: Clock): Steps<number | undefined> {
    while (this.#found === undefined) {
      if (this.#bytes.length === 0) {
        const byte = yield* settled(this.#inner.getc?.(clock));
        if (byte === undefined) return undefined;
        this.#bytes.push(byte);
      }
      this.#found = yield* this.#decode(clock);
    }
    const key = this.#found;
    this.#found = undefined;
    return key;
  }

  /** The next key; undefined for a sequence that means nothing here. Some byte is there. */
  *#decode(clock: Clock): Steps<number | undefined> {
    const byte = (yield* this.#next(clock))! & 0xff;
    if (byte === DELETE) return BACKSPACE;
    if (byte !== ESCAPE) return (byte < 0x20 && !PLAIN.has(byte)) || byte > DELETE ? byte | KEY_EDITS : byte;
    const sequence = [];
    while (sequence.length < SEQUENCE_MAX && (yield* this.#follows(clock))) {
      const next = (yield* this.#next(clock))! & 0xff;
      sequence.push(next);
      if (sequence.length === 1 ? !INTRODUCERS.includes(String.fromCharCode(next)) : !isParameter(next)) break;
    }
    const [, parameters, end] = /^[[O]([ -?]*)([@-~])$/.exec(String.fromCharCode(...sequence)) ?? [];
    if (end === undefined) {
      this.#bytes.unshift(...sequence);
      return ESCAPE | KEY_EDITS;
    }
    const letter = end === "~" ? NUMBERED[parameters!.split(";")[0]!] : SEQUENCES[end];
    return letter === undefined ? undefined : control(letter) | KEY_EDITS;
  }

  *#next(clock: Clock): Steps<number | undefined> {
    return this.#bytes.shift() ?? (yield* settled(this.#inner.getc?.(clock)));
  }

  /** Whether another byte is there at once. An escape is the last of those that were looked at. */
  *#follows(clock: Clock): Steps<boolean> {
    for (let waited = 0; !(yield* settled(this.#inner.poll?.(clock))); waited += LOOK_USEC) {
      if (waited >= SEQUENCE_USEC || this.#inner.ended?.()) return false;
      yield* settled(clock.sleep(LOOK_USEC));
    }
    return true;
  }
}
