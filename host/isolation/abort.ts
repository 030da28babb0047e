// Many sessions may be ended by one signal. It gets one listener, however many they are: platforms take more for a leak
// and say so.

import { abortedBy } from "../errors.js";

interface Waiting {
  calls: Set<() => void>;
  listener: () => void;
}

const waiting = new WeakMap<AbortSignal, Waiting>();

function listenTo(signal: AbortSignal): Waiting {
  const calls = new Set<() => void>();
  const listener = () => {
    for (const call of [...calls]) call();
  };
  signal.addEventListener("abort", listener);
  const made = { calls, listener };
  waiting.set(signal, made);
  return made;
}

/** Calls `ended`, which is given once only, when `signal` is aborted. Returns how to stop that. */
export function onAbort(signal: AbortSignal, ended: () => void): () => void {
  const { calls, listener } = waiting.get(signal) ?? listenTo(signal);
  calls.add(ended);
  return () => {
    if (!calls.delete(ended) || calls.size > 0) return;
    signal.removeEventListener("abort", listener);
    waiting.delete(signal);
  };
}

/**
 * What comes of `promise`.
 * @throws AbortedError as soon as `signal` is aborted: of `what`
 */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  what?: string,
): Promise<T> {
  if (signal === undefined) return promise;
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    const abort = () => reject(abortedBy(signal.reason, what));
    if (signal.aborted) abort();
    else stop = onAbort(signal, abort);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stop();
  }
}
