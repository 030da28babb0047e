// The caller's side of a session in a worker: starts it, passes output and keys, and ends it, at the
// latest when its wall time is over or the caller aborts. Nothing of the worker outlives the session.

import type { Console } from "../console/console.js";
import { KeysConsole } from "../console/keys.js";
import { abortedBy, ConsoleError, LimitError, OptionError, reviveError, WorkerError } from "../errors.js";
import { GuestMemory } from "../memory/guest.js";
import { RangeSet } from "../memory/ranges.js";
import { defaultFlavour } from "../modules.js";
import type { BootOptions } from "../options.js";
import { askHook, definedHooks } from "../policy/asker.js";
import type { BootHooks } from "../policy/hooks.js";
import { type BootResult, stoppedResult, withMemory } from "../result.js";
import { Stopwatch } from "../stopwatch.js";
import { KeyRingWriter, makeKeyRing } from "./keyring.js";
import type { StartMessage, WorkerMessage } from "./messages.js";
import { answerQuestion, makeQuestionLine, type QuestionLine } from "./questions.js";

/** A platform's worker. */
export interface WorkerHandle {
  post(message: StartMessage): void;
  onMessage(handler: (message: WorkerMessage) => void): void;
  /** Called when the worker fails or goes away by itself. */
  onFailure(handler: (reason: string) => void): void;
  terminate(): Promise<void>;
}

/** Starts a platform's worker. */
export type WorkerSpawner = () => WorkerHandle;

let spawn: WorkerSpawner = () => {
  throw new WorkerError("this platform has no workers");
};

/** Set by the entry points. */
export function setWorkerSpawner(spawner: WorkerSpawner): void {
  spawn = spawner;
}

/** A worker should notice by itself that its time is up. When it doesn't, it is ended after this part of it more. */
const GRACE_SHARE = 0.1;
const GRACE_MAX_MS = 250;
/** Longest time that timers can wait. */
const TIMER_MAX_MS = 0x7fff_ffff;

/** Runs a session in a fresh worker. `start` has everything but the keys. */
export async function runInWorker(start: StartMessage, options: BootOptions): Promise<BootResult> {
  const { console, hooks, onProgress, signal } = options;
  const line = hooks && openQuestionLine(hooks);
  if (line) start.questions = line;
  if (hooks?.automation) start.automation = hooks.automation;
  if (options.measure) start.measure = true;
  const input = connectKeys(start, console);
  const worker = spawn();
  const watch = new Stopwatch();
  let consoleBytes = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let abort = () => {};
  let setDeadline = () => {};
  try {
    return await new Promise<BootResult>((resolve, reject) => {
      const stopped = (error: unknown) =>
        resolve(
          stoppedResult(error, {
            flavour: start.options.loader ?? start.options.start ?? defaultFlavour(start.modules),
            consoleBytes,
            usedMs: watch.ms,
          }),
        );
      abort = () => reject(abortedBy(signal?.reason));
      signal?.addEventListener("abort", abort);
      if (signal?.aborted) return abort();
      worker.onFailure((reason) => reject(new WorkerError(`the session's worker failed: ${reason}`)));
      worker.onMessage((message) => {
        switch (message.type) {
          case "output":
            consoleBytes += message.bytes.length;
            try {
              console?.write(message.bytes);
            } catch (error) {
              stopped(new ConsoleError(String((error as Error)?.message ?? error)));
            }
            return;
          case "question":
            try {
              answerQuestion(line!, askHook(hooks!, message.hook, message.facts));
            } catch (error) {
              reject(error);
            }
            return;
          case "waiting":
            if (start.options.waitCounts) return;
            if (message.waiting) watch.pause();
            else watch.resume();
            setDeadline();
            return;
          case "progress":
            onProgress?.(message.progress);
            return;
          case "rejected":
            return reject(reviveError(message.error));
          case "done":
            if (console instanceof KeysConsole) console.took(message.keysConsumed);
            return resolve(withMemory(message.data, rebuildMemory(message)));
        }
      });
      const { wallMs } = start.options.limits;
      setDeadline = () => {
        clearTimeout(timer);
        if (watch.paused) return;
        const rest = wallMs + Math.min(wallMs * GRACE_SHARE, GRACE_MAX_MS) - watch.ms;
        timer = setTimeout(
          () => {
            if (watch.ms < wallMs) setDeadline();
            else stopped(new LimitError("wallMs", wallMs, Math.ceil(watch.ms)));
          },
          Math.min(rest, TIMER_MAX_MS),
        );
      };
      setDeadline();
      worker.post(start);
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    input.close();
    await worker.terminate();
  }
}

/** Arranges how the worker asks hooks; undefined when there are none to ask. */
function openQuestionLine(hooks: BootHooks): QuestionLine | undefined {
  const wants = definedHooks(hooks);
  wants.delete("onEnvironment");
  if (wants.size === 0) return undefined;
  if (typeof SharedArrayBuffer === "undefined") {
    throw new OptionError("hooks need `worker: false`, or a page that is cross-origin isolated");
  }
  return makeQuestionLine(wants);
}

/** Arranges how `console`'s keys reach the worker. */
function connectKeys(start: StartMessage, console: Console | undefined): { close(): void } {
  if (console instanceof KeysConsole) {
    start.keys = console.entries;
    return { close() {} };
  }
  if (console?.connect === undefined) {
    if (console?.getc !== undefined) {
      throw new OptionError("a console with keys needs `connect` to be used with a worker");
    }
    return { close() {} };
  }
  if (typeof SharedArrayBuffer === "undefined") {
    // Nobody can reach a busy worker: what is pushed at once is typed, then there are no more keys.
    let queued = "";
    const disconnect = console.connect({
      push: (keys) => {
        for (const key of keys) queued += String.fromCharCode(key);
      },
      end: () => {},
    });
    start.keys = [queued];
    return { close: disconnect };
  }
  const ring = makeKeyRing();
  const writer = new KeyRingWriter(ring);
  start.ring = ring;
  const disconnect = console.connect(writer);
  return {
    close() {
      disconnect();
      writer.close();
    },
  };
}

function rebuildMemory(message: WorkerMessage & { type: "done" }): GuestMemory {
  const { low, high, ram, faults, written } = message.memory;
  const ranges = new RangeSet();
  for (const [start, end] of written) ranges.add(start, end);
  const guest = new GuestMemory(low, high, ram, ranges);
  guest.faults = faults;
  return guest;
}
