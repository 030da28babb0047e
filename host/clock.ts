// A session's time. The core sees wall time only through this; consoles and delays pass it. The virtual
// clock makes a boot deterministic and instant: it moves by what is waited for and by nothing else.

import type { MaybePromise } from "./maybe.js";

/** Time as the session sees it. */
export interface Clock {
  /** Microseconds since 1970. */
  now(): number;
  /** Lets `usec` microseconds pass: blocks, or promises that they have passed where a session can wait for that. */
  sleep(usec: number): MaybePromise<void>;
}

/** What a poll without a key costs, so that polling loops neither spin nor wait for ever. */
export const POLL_USEC = 10_000;

/** What one turn of waiting for a key costs. */
export const TURN_USEC = 50_000;

/** 2019-11-01 00:00:00 UTC. */
const VIRTUAL_EPOCH_USEC = 1_572_566_400_000_000;

/** Moves only when somebody waits. */
export class VirtualClock implements Clock {
  #now = VIRTUAL_EPOCH_USEC;

  now(): number {
    return this.#now;
  }

  sleep(usec: number): void {
    this.#now += usec;
  }
}

/** The wall clock. Sleeping blocks the thread: browsers allow that in workers only, where it then does nothing. */
export class RealClock implements Clock {
  #cell: Int32Array | undefined;

  now(): number {
    return Date.now() * 1000;
  }

  sleep(usec: number): void {
    const end = performance.now() + usec / 1000;
    if (typeof SharedArrayBuffer === "undefined") {
      while (performance.now() < end);
      return;
    }
    this.#cell ??= new Int32Array(new SharedArrayBuffer(4));
    Atomics.wait(this.#cell, 0, 0, usec / 1000);
  }
}

/** The wall clock of a session that can wait: nothing is blocked. */
class TimerClock implements Clock {
  now(): number {
    return Date.now() * 1000;
  }

  sleep(usec: number): Promise<void> {
    return new Promise((passed) => setTimeout(passed, usec / 1000));
  }
}

/** The clock that an option names, for a session that can wait for promises or can't. */
export function makeClock(choice: "real" | "virtual" | Clock, suspends: boolean): Clock {
  if (choice === "real") return suspends ? new TimerClock() : new RealClock();
  if (choice === "virtual") return new VirtualClock();
  return choice;
}
