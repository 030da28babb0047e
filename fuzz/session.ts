// A run of the core with one input, whatever is done in it: its limits, its state for the host's imports, and what is said of
// its end. inspecting.ts and booting.ts make the two kinds.

import { createHash } from "node:crypto";
import { UserbootError, VirtualClock } from "userboot-wasm";
import type { Console } from "../build/host/console/console.js";
import { CpuState } from "../build/host/handoff/registers.js";
import type { LoaderMemory } from "../build/host/memory/loader.js";
import { Meter } from "../build/host/meter.js";
import type { SessionOptions } from "../build/host/options.js";
import type { Policy } from "../build/host/policy/imports.js";
import { type SessionState, Stop } from "../build/host/state.js";
import { nameTrap } from "../build/host/trap.js";
import type { FuzzDisk } from "./disk.js";
import type { Machine } from "./machine.js";

/** What a run may use up. */
export const LIMITS = {
  wallMs: 8000,
  fuel: 5_000_000,
  moduleMemory: 64 * 1024 * 1024,
  diskBytes: 64 * 1024 * 1024,
  consoleBytes: 1024 * 1024,
};

/** What became of a run. */
export interface Outcome {
  /** How it ended. */
  end: string;
  /** All that it told. */
  text: string;
  /** What no guest may bring about. */
  fault?: string | undefined;
}

/** One input, ready to be run. */
export interface Session {
  /** Runs it in an instrumented module. */
  drive(machine: Machine): Outcome;
  /** Runs it as the package does, where that can. */
  hosted: (() => Promise<Outcome>) | undefined;
}

/** What is said of a run that threw `thrown`, if it did, in a module's memory of `size` bytes. */
export function outcomeOf(thrown: unknown, text: string, size: number): Outcome {
  if (thrown === undefined) return { end: "done", text };
  if (thrown instanceof Stop) {
    const value = typeof thrown.value === "number" ? thrown.value : Buffer.from(thrown.value).toString("latin1");
    return { end: thrown.why === "exec" ? "exec" : `${thrown.why} ${value}`, text };
  }
  const error = nameTrap(thrown, LIMITS, size);
  const end = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const isFault = !(error instanceof UserbootError) || error.name === "InternalError";
  return { end, text, fault: isFault ? withPlace(end, thrown) : undefined };
}

/** Where in the fuzzer itself something failed, if it did. */
function withPlace(end: string, thrown: unknown): string {
  const frames = thrown instanceof Error ? [...(thrown.stack ?? "").matchAll(/wasm-function\[(\d+)\]/g)] : [];
  return frames.length === 0
    ? end
    : `${end} (functions ${frames
        .slice(0, 4)
        .map(([, number]) => number)
        .join(", ")})`;
}

/** The state of a session in this thread, whose clock is a virtual one. */
export function stateOf(
  options: SessionOptions,
  disks: readonly FuzzDisk[],
  console: Console,
  guest: LoaderMemory,
  policy?: Policy,
): SessionState {
  return {
    options,
    disks,
    console,
    clock: new VirtualClock(),
    onProgress: undefined,
    counts: { hostCalls: 0, diskCalls: 0, diskBytes: 0, healed: 0, consoleBytes: 0 },
    guest,
    cpu: new CpuState(),
    calls: [],
    diagnostics: [],
    lookedAt: [],
    overlayUsed: new Set<number>(),
    meter: new Meter(options.limits),
    suspension: undefined,
    policy,
  };
}

/** Tells of what can't be held in full. */
export const digestOf = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");
