// The result of a session that ended by itself, made where it ran.

import { decodeBootData } from "./handoff/metadata.js";
import type { Call, CpuState } from "./handoff/registers.js";
import type { GuestMemory } from "./memory/guest.js";
import type { Counts } from "./meter.js";
import type { Flavour } from "./modules.js";
import type { OverlayUse } from "./overlay.js";
import type { LookedAt } from "./problem.js";
import type { ProfileFacts } from "./profile.js";
import {
  type BootResult,
  type InterpreterCheck,
  type ResultData,
  type SwapRequest,
  toHex,
  withMemory,
  writtenRanges,
} from "./result.js";
import { hex } from "./text.js";

/** The variable by which the loader tells that the pool's wish was obeyed. */
const BOOT_ONCE = "zfs-bootonce";

/** What a session leaves, from which `makeResult` makes its result. */
export interface SessionEnd {
  outcome: Pick<ResultData, "reason" | "exitCode" | "error">;
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
export function makeResult(end: SessionEnd): BootResult {
  const { outcome, counts, cpu, guest } = end;
  const began = performance.now();
  const entered = outcome.reason === "exec";
  const left = entered ? decodeBootData(cpu, guest) : { modules: [], environment: {} as Record<string, string> };
  const bootOnce = left.environment[BOOT_ONCE];
  const data: ResultData = {
    ...outcome,
    ...(entered ? entryState(cpu) : {}),
    flavour: end.flavour,
    swaps: end.swaps,
    swapRequests: end.swapRequests,
    interpreterChecks: end.interpreterChecks,
    ...(end.profile === undefined ? {} : { profile: end.profile }),
    calls: end.calls,
    ...writtenRanges(guest),
    memoryFaults: guest.faults,
    ...left,
    ...(bootOnce === undefined ? {} : { bootOnce }),
    disk: { calls: counts.diskCalls, bytes: counts.diskBytes, healed: counts.healed },
    hostCalls: counts.hostCalls,
    console: { bytes: counts.consoleBytes },
    fuelUsed: end.fuelUsed,
    moduleMemory: end.moduleMemory,
    timeMs: { instantiate: end.instantiateMs, run: end.runMs, decode: 0, total: 0 },
    virtualSeconds: end.virtualSeconds,
    diagnostics: end.diagnostics,
    ...(end.lookedAt.length > 0 ? { bootProblem: end.lookedAt } : {}),
    ...(end.overlay.length > 0 ? { overlay: end.overlay } : {}),
    isolation: { level: "none" },
  };
  data.timeMs.decode = performance.now() - began;
  data.timeMs.total = data.timeMs.instantiate + data.timeMs.run + data.timeMs.decode;
  return withMemory(data, guest);
}

/** The CPU at the kernel's entry. */
function entryState(cpu: CpuState): Partial<ResultData> {
  const gdt = cpu.gdt();
  return {
    arch: cpu.arch,
    registers: cpu.registers(),
    ...(gdt ? { gdt: { gpa: hex(gdt.gpa), hex: toHex(gdt.bytes) } } : {}),
  };
}
