// A core that waits without blocking its thread: engines with JavaScript Promise Integration (JSPI; Chromium 137, Node 25) put
// a module's stack aside while an import's promise is open. An import that answers at once costs no more than any. Sessions
// that can meet no promise don't ask for it.

import { abortedBy, OptionError } from "./errors.js";
import { onAbort } from "./isolation/abort.js";
import type { Meter } from "./meter.js";

type Callable = (...values: never[]) => unknown;

/** Parts of the engine that TypeScript doesn't know yet. */
interface Integration {
  Suspending?: new (body: Callable) => WebAssembly.ImportValue;
  promising?: <A extends unknown[], R>(exported: (...values: A) => R) => (...values: A) => Promise<Awaited<R>>;
}
const integration: Integration = WebAssembly as unknown as Integration;

/** Whether this engine has it. */
export function canSuspend(): boolean {
  return typeof integration.Suspending === "function" && typeof integration.promising === "function";
}

/** `body` as an import that may answer with a promise. */
export function suspending(body: Callable): WebAssembly.ImportValue {
  return new integration.Suspending!(body);
}

/** An export whose imports may do so. */
export function promising<A extends unknown[], R>(
  exported: (...values: A) => R,
): (...values: A) => Promise<Awaited<R>> {
  return integration.promising!(exported);
}

/** What is said of a promise in a session that can't wait. */
export function cantWait(): OptionError {
  return new OptionError(
    "a disk or console promises what it can't be waited for here: give one that says so (`promises`), or another isolation",
  );
}

/** How one session waits: until it is aborted, or its time is up. */
export class Suspension {
  constructor(
    private readonly meter: Meter,
    private readonly signal: AbortSignal | undefined,
    private readonly what = "boot",
  ) {}

  /** What comes of `promise`, unless the session is to end before that; its stack is unwound then, by what this rejects with. */
  until<T>(promise: Promise<T>): Promise<T> {
    const { meter, signal, what } = this;
    return new Promise<T>((resolve, reject) => {
      const abort = () => over(reject)(abortedBy(signal?.reason, what));
      let timer: ReturnType<typeof setTimeout> | undefined;
      const stopListening = signal && !signal.aborted ? onAbort(signal, abort) : () => {};
      const over =
        <V>(then: (value: V) => void) =>
        (value: V) => {
          clearTimeout(timer);
          stopListening();
          then(value);
        };
      const look = () => {
        try {
          meter.checkTime();
          timer = setTimeout(look, Math.min(meter.msLeft + 1, TIMER_MAX_MS));
        } catch (error) {
          over(reject)(error);
        }
      };
      promise.then(over(resolve), over(reject));
      if (signal?.aborted) abort();
      else if (!meter.watch.paused) look();
    });
  }
}

/** Longest time that timers can wait. */
const TIMER_MAX_MS = 0x7fff_ffff;
