// The result of a session that ended by itself, made where it ran.

import { type DecodedBootData, decodeBootData } from "./handoff/metadata.js";
import type { Call, CpuState } from "./handoff/registers.js";
import type { GuestMemory } from "./memory/guest.js";
import type { Counts } from "./meter.js";
import type { Flavour } from "./modules.js";
import type { OverlayUse } from "./overlay.js";
import type { LookedAt } from "./problem.js";
import type { ProfileFacts } from "./profile.js";
import {
  type InterpreterCheck,
  type MadeResult,
  type Outcome,
  type ResultData,
  type SwapRequest,
  withMemory,
  writtenRanges,
} from "./result.js";

/** The variable by which the loader tells that the pool's wish was obeyed. */
const BOOT_ONCE = "zfs-bootonce";

/** What a session leaves, from which `makeResult` makes its result. */
export interface SessionEnd {
  outcome: Outcome;
  flavour: Flavour;
  swaps: Flavour[];
  swapRequests: SwapRequest[];
  interpreterChecks: InterpreterCheck[];
  profile: ProfileFacts | undefined;
  calls: Call[];
  diagnostics: string[];
  lookedAt: LookedAt[];
  overlay: OverlayUse[];
  counts: Counts;
  cpu: CpuState;
  guest: GuestMemory;
  moduleMemory: number;
  fuelUsed: number;
  virtualSeconds: number;
  instantiateMs: number;
  runMs: number;
}

/**
 * The result of a session that ended by itself. Boot data is decoded, and registers are given, only when it entered a
 * kernel.
 */
export function makeResult(end: SessionEnd): MadeResult {
  const { outcome, counts, cpu, guest } = end;
  const began = performance.now();
  const entered = outcome.reason === "exec";
  const { bootData, ...left }: DecodedBootData = entered
    ? decodeBootData(cpu, guest)
    : { modules: [], environment: {} };
  const bootOnce = left.environment[BOOT_ONCE];
  const head = entered
    ? {
        ...outcome,
        ...cpu.entryState(),
        ...(bootData === undefined ? {} : { bootData }),
        ...(bootOnce === undefined ? {} : { bootOnce }),
      }
    : { ...outcome, ...(end.lookedAt.length > 0 ? { bootProblem: end.lookedAt } : {}) };
  const data: ResultData = {
    ...head,
    flavour: end.flavour,
    swaps: end.swaps,
    swapRequests: end.swapRequests,
    interpreterChecks: end.interpreterChecks,
    ...(end.profile === undefined ? {} : { profile: end.profile }),
    calls: end.calls,
    ...writtenRanges(guest.ranges()),
    memoryFaults: guest.faults,
    ...left,
    disk: { calls: counts.diskCalls, bytes: counts.diskBytes, healed: counts.healed },
    hostCalls: counts.hostCalls,
    console: { bytes: counts.consoleBytes },
    fuelUsed: end.fuelUsed,
    moduleMemory: end.moduleMemory,
    timeMs: { instantiate: end.instantiateMs, run: end.runMs, decode: 0, total: 0 },
    virtualSeconds: end.virtualSeconds,
    diagnostics: end.diagnostics,
    ...(end.overlay.length > 0 ? { overlay: end.overlay } : {}),
    isolation: { level: "none" },
  };
  data.timeMs.decode = performance.now() - began;
  data.timeMs.total = data.timeMs.instantiate + data.timeMs.run + data.timeMs.decode;
  return withMemory(data, guest);
}
