// Values that are there, or promised: disks and consoles may answer either way, and what is there at once costs no turn of
// the event loop. Work that can have to wait is written once, as a generator that yields the promises it meets.

/** A value, or a promise of it. */
export type MaybePromise<T> = T | Promise<T>;

/** Whether `value` is only promised. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

/** What `use` makes of `value`: at once, when it is there. */
export function whenThere<T, U>(value: MaybePromise<T>, use: (value: T) => U): MaybePromise<U> {
  return isPromise(value) ? value.then(use) : use(value);
}

/** Work that yields promises and is given what comes of them. */
export type Steps<T> = Generator<Promise<unknown>, T, unknown>;

/** Whether `answer` is work that still has to be done; other answers are never generators. */
export function isSteps<T>(answer: T | Steps<T>): answer is Steps<T> {
  return typeof answer === "object" && answer !== null && typeof (answer as { next?: unknown }).next === "function";
}

/** What comes of `value`: by a step when it is only promised. */
export function* settled<T>(value: MaybePromise<T>): Steps<T> {
  return isPromise(value) ? ((yield value) as T) : value;
}

/** Does the work; a promise when it has to wait. `until` may give up waiting for a promise. */
export function finish<T>(
  steps: Steps<T>,
  until: (promise: Promise<unknown>) => Promise<unknown> = (promise) => promise,
): MaybePromise<T> {
  const first = steps.next();
  return first.done ? first.value : finishLater(steps, first.value, until);
}

async function finishLater<T>(
  steps: Steps<T>,
  first: Promise<unknown>,
  until: (promise: Promise<unknown>) => Promise<unknown>,
): Promise<T> {
  let waiting = first;
  while (true) {
    const answer = await until(waiting).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    const step = "error" in answer ? steps.throw(answer.error) : steps.next(answer.value);
    if (step.done) return step.value;
    waiting = step.value;
  }
}
