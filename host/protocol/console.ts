// The console's imports: output as it comes, keys when there are any, and an end when there never will be.

import { POLL_USEC } from "../clock.js";
import { EditingKeys } from "../console/editing.js";
import { ConsoleError, InputEndedError, LimitError, UserbootError } from "../errors.js";
import { isPromise, isSteps, type Steps, settled } from "../maybe.js";
import type { SessionState } from "../state.js";
import type { ModuleMemory } from "./module_memory.js";

/** A guest that has looked for a key for so long, and shown nothing, waits for one. */
const IDLE_USEC = 600_000_000;

/**
 * `putc`, `write`, `getc` and `poll`. They throw LimitError when `consoleBytes` or the wall time is used up,
 * InputEndedError when a key is waited for that can't come, ConsoleError when the caller's console fails.
 */
export function consoleImports(module: ModuleMemory, state: SessionState) {
  const { clock, console, counts, meter, options } = state;
  const { consoleBytes } = options.limits;
  const keys = options.edits ? new EditingKeys(console) : console;
  /** When the guest last showed something, or found a key. */
  let activeAt = clock.now();

  const show = (bytes: Uint8Array) => {
    activeAt = clock.now();
    const room = Math.max(0, consoleBytes - counts.consoleBytes);
    counts.consoleBytes += bytes.length;
    try {
      // A copy: whoever shows it may do so later, when the memory belongs to another session.
      console.write(bytes.slice(0, room));
    } catch (error) {
      throw error instanceof UserbootError ? error : new ConsoleError(String((error as Error)?.message ?? error));
    }
    if (bytes.length > room) throw new LimitError("consoleBytes", consoleBytes, counts.consoleBytes);
  };

  /** Guests look very often: what is there at once makes no generator. */
  const polled = (found: boolean): number | Steps<number> => {
    if (found) {
      activeAt = clock.now();
      return 1;
    }
    if (keys.ended?.() && clock.now() - activeAt > IDLE_USEC) throw inputEnded();
    const slept = clock.sleep(POLL_USEC);
    return isPromise(slept) ? sleptLater(slept) : 0;
  };
  function* foundLater(found: Promise<boolean>): Steps<number> {
    const answer = polled((yield found) as boolean);
    return isSteps(answer) ? yield* answer : answer;
  }
  function* sleptLater(slept: Promise<void>): Steps<number> {
    yield slept;
    return 0;
  }

  return {
    putc(ch: number): void {
      show(Uint8Array.of(ch));
    },

    write(src: number, size: number): void {
      meter.work(size >>> 0);
      meter.checkTime();
      show(module.bytes(src, size));
    },

    *getc(): Steps<number> {
      meter.checkTime();
      if (!options.waitCounts) meter.watch.pause();
      const key = yield* settled(keys.getc?.(clock));
      meter.watch.resume();
      meter.checkTime();
      if (key === undefined) throw inputEnded();
      return options.edits ? key : key & 0xff;
    },

    poll(): number | Steps<number> {
      meter.checkTime();
      const found = keys.poll?.(clock) ?? false;
      return isPromise(found) ? foundLater(found) : polled(found);
    },
  };
}

function inputEnded(): InputEndedError {
  return new InputEndedError("the guest waits for input and there is none left");
}
