// Questions of a session in a thread to hooks in the caller's thread.

import type { SessionMessage } from "../isolation/messages.js";
import type { Answer, Asker } from "../policy/asker.js";
import type { HookName } from "../policy/hooks.js";
import { awaitAnswer, makeAnswers, putAnswer } from "./answers.js";

/** Longest answer: files as large as a disk image make no sense as a replacement. */
const ANSWER_MAX = 1024 * 1024 * 1024;

/** How a thread learns answers. */
export interface QuestionLine {
  wants: readonly HookName[];
  answers: SharedArrayBuffer;
}

/** A line for questions to the hooks `wants`. Its memory grows with the answers, up to ANSWER_MAX. */
export function makeQuestionLine(wants: readonly HookName[]): QuestionLine {
  return { wants, answers: makeAnswers(ANSWER_MAX) };
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
    const answer = awaitAnswer(this.#answers, () => this.#post({ type: "question", hook, facts }));
    return answer instanceof Uint8Array ? { replace: answer.slice() } : (answer as Answer);
  }
}

/** The caller's end: wakes the thread with `answer`. */
export function answerQuestion(line: QuestionLine, answer: Answer): void {
  putAnswer(line.answers, answer !== undefined && "replace" in answer ? answer.replace : answer);
}
