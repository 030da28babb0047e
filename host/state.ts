// What a session consists of while it runs: the types that its life (session.ts), its imports (protocol/) and its
// result (result.ts) share.

import type { Clock } from "./clock.js";
import type { Console } from "./console/console.js";
import type { Disk } from "./disks/disk.js";
import type { Call, CpuState } from "./handoff/registers.js";
import type { LoaderMemory } from "./memory/loader.js";
import type { Places } from "./memory/places.js";
import type { Counts, Meter } from "./meter.js";
import type { Progress, SessionOptions } from "./options.js";
import type { Policy } from "./policy/imports.js";
import type { LookedAt } from "./problem.js";
import type { Suspension } from "./suspension.js";

/** What the imports work on. Everything but the machine's own state lives as long as the session. */
export interface SessionState {
  readonly options: SessionOptions;
  readonly disks: readonly Disk[];
  readonly console: Console;
  readonly clock: Clock;
  readonly counts: Counts;
  readonly guest: LoaderMemory;
  readonly cpu: CpuState;
  readonly calls: Call[];
  readonly diagnostics: string[];
  readonly lookedAt: LookedAt[];
  /** Numbers of what the loader used of the overlay. */
  readonly overlayUsed: Set<number>;
  /** Fuel and wall time. */
  readonly meter: Meter;
  /** How it waits for what is promised; undefined where it can't. */
  readonly suspension: Suspension | undefined;
  readonly onProgress: ((progress: Progress) => void) | undefined;
  readonly policy: Policy | undefined;
  /** Of an inspection. */
  readonly places?: Places;
}

/** Thrown through the module by the imports that don't return. */
export class Stop {
  constructor(
    readonly why: "exec" | "exit" | "swap" | "whole",
    readonly value: number | Uint8Array,
  ) {}
}

/** What the loader exits with when the machine is to begin anew. */
export const EXIT_REBOOT = 2;
