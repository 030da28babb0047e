// Questions of a session in a thread to hooks in the caller's thread: the question goes as a message, the
// thread sleeps, the answer comes through shared memory that grows with it.

import type { SessionMessage } from "../isolation/messages.js";
import type { Answer, Asker } from "../policy/asker.js";
import type { HookName } from "../policy/hooks.js";

// Cells of the header.
const STATE = 0;
const LENGTH = 1;
const HEADER_BYTES = 8;

/** States: nothing yet, no objection, an answer in JSON, bytes that replace a file. */
const EMPTY = 0;
const NOTHING = 1;
const JSON_TEXT = 2;
const BYTES = 3;

const START_BYTES = 4096;
/** Longest answer: files as large as a disk image make no sense as a replacement. */
const ANSWER_MAX = 1024 * 1024 * 1024;

/** How a thread learns answers. */
export interface QuestionLine {
  wants: readonly HookName[];
  answers: SharedArrayBuffer;
}

/** A line for questions to the hooks `wants`. Its memory grows with the answers, up to ANSWER_MAX. */
export function makeQuestionLine(wants: readonly HookName[]): QuestionLine {
  return {
    wants,
    answers: new SharedArrayBuffer(START_BYTES, { maxByteLength: HEADER_BYTES + ANSWER_MAX }),
  };
}

/** The thread's end. */
export class ThreadAsker implements Asker {
  readonly wants: ReadonlySet<HookName>;
  readonly #answers: SharedArrayBuffer;
  readonly #post: (message: SessionMessage) => void;

  constructor(line: QuestionLine, post: (message: SessionMessage) => void) {
    this.wants = new Set(line.wants);
    this.#answers = line.answers;
    this.#post = post;
  }

  ask(hook: HookName, ...facts: unknown[]): Answer {
    const cells = new Int32Array(this.#answers, 0, 2);
    Atomics.store(cells, STATE, EMPTY);
    this.#post({ type: "question", hook, facts });
    // The notification of the answer before may come as late as now.
    while (Atomics.load(cells, STATE) === EMPTY) Atomics.wait(cells, STATE, EMPTY);
    const state = Atomics.load(cells, STATE);
    if (state === NOTHING) return undefined;
    const bytes = new Uint8Array(this.#answers, HEADER_BYTES, Atomics.load(cells, LENGTH)).slice();
    return state === BYTES ? { replace: bytes } : (JSON.parse(new TextDecoder().decode(bytes)) as Answer);
  }
}

/** The caller's end: wakes the thread with `answer`. */
export function answerQuestion(line: QuestionLine, answer: Answer): void {
  const cells = new Int32Array(line.answers, 0, 2);
  let state = NOTHING;
  if (answer !== undefined) {
    const isBytes = "replace" in answer;
    const bytes = isBytes ? answer.replace : new TextEncoder().encode(JSON.stringify(answer));
    const needed = HEADER_BYTES + bytes.length;
    if (needed > line.answers.byteLength) line.answers.grow(needed);
    new Uint8Array(line.answers, HEADER_BYTES).set(bytes);
    Atomics.store(cells, LENGTH, bytes.length);
    state = isBytes ? BYTES : JSON_TEXT;
  }
  Atomics.store(cells, STATE, state);
  Atomics.notify(cells, STATE);
}
