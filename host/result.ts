// What a boot gives back: one plain object (docs/result.md has the schema) and access to guest memory.

import type { PlainError } from "./errors.js";
import { decodeMetadata, type LoadedModule } from "./handoff/metadata.js";
import { type Call, type CpuState, hex, type RegisterValue } from "./handoff/registers.js";
import type { GuestMemory } from "./memory/guest.js";
import type { RangeSet } from "./memory/ranges.js";
import type { Flavour } from "./modules.js";
import type { Counts } from "./session.js";

/** A guest's wish for another flavour; `name` is what it wrote, one character a byte. */
export interface SwapRequest {
  name: string;
  /** The flavour that ran, and what had been written and read by then. */
  flavour: Flavour;
  consoleBytes: number;
  diskCalls: number;
  diskBytes: number;
}

/** A range of guest memory that the loader wrote. */
export interface WrittenRange {
  gpa: string;
  length: number;
}

/** The words a kernel finds on its stack (64-bit), or where its arguments are (32-bit). */
export interface BootData {
  modulep?: string;
  kernend?: string;
  envp?: string;
}

export interface ResultData {
  reason: "exec" | "exit" | "error";
  /** With reason `exit`: 1 quit or panic, 2 reboot. */
  exitCode?: number;
  error?: PlainError;
  /** With reason `exec`. */
  arch?: "amd64" | "i386";
  flavour: Flavour;
  /** Flavours swapped to, in order. */
  swaps: Flavour[];
  swapRequests: SwapRequest[];
  calls: Call[];
  /** With reason `exec`. */
  registers?: Record<string, RegisterValue>;
  bootData?: BootData;
  memory: WrittenRange[];
  /** Writes outside memory, refused. */
  memoryFaults: number;
  modules: LoadedModule[];
  environment: Record<string, string>;
  disk: { calls: number; bytes: number };
  hostCalls: number;
  console: { bytes: number };
  fuelUsed: number;
  /** Peak size of the module's own memory. */
  moduleMemory: number;
  timeMs: { total: number };
  virtualSeconds: number;
  /** Damage found in the guest's data: device, offset, structure. */
  diagnostics: string[];
}

/** A result with guest memory. */
export interface RawResult extends ResultData {
  guestMemory: GuestMemory;
}

/** What `makeResult` makes a result of. */
interface Ended {
  outcome: Pick<RawResult, "reason" | "exitCode" | "error">;
  flavour: Flavour;
  swaps: Flavour[];
  swapRequests: SwapRequest[];
  calls: Call[];
  diagnostics: string[];
  counts: Counts;
  cpu: CpuState;
  guest: GuestMemory;
  moduleMemory: number;
  fuelUsed: number;
  virtualSeconds: number;
  timeMs: number;
}

export function makeResult(ended: Ended): RawResult {
  const { outcome, counts, cpu, guest } = ended;
  const executed = outcome.reason === "exec";
  const decoded = executed ? decodeMetadata(cpu, guest) : undefined;
  return {
    ...outcome,
    ...(executed ? { arch: cpu.arch, registers: cpu.registers() } : {}),
    ...(decoded ? { bootData: decoded.bootData } : {}),
    flavour: ended.flavour,
    swaps: ended.swaps,
    swapRequests: ended.swapRequests,
    calls: ended.calls,
    memory: listRanges(guest.written),
    memoryFaults: guest.faults,
    modules: decoded?.modules ?? [],
    environment: decoded?.environment ?? {},
    disk: { calls: counts.diskCalls, bytes: counts.diskBytes },
    hostCalls: counts.hostCalls,
    console: { bytes: counts.consoleBytes },
    fuelUsed: ended.fuelUsed,
    moduleMemory: ended.moduleMemory,
    timeMs: { total: ended.timeMs },
    virtualSeconds: ended.virtualSeconds,
    diagnostics: ended.diagnostics,
    guestMemory: guest,
  };
}

function listRanges(written: RangeSet): WrittenRange[] {
  const list: WrittenRange[] = [];
  for (const [start, end] of written) list.push({ gpa: hex(start), length: end - start });
  return list;
}
