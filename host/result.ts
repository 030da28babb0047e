// What a boot gives back: one plain object (docs/result.md has the schema) and, beside it, guest memory.

import { type PlainError, plainError } from "./errors.js";
import type { BootData, LoadedModule } from "./handoff/metadata.js";
import type { Amd64Registers, Call, I386Registers, SegmentTable } from "./handoff/registers.js";
import { loadHasher, type MakeHasher } from "./hash.js";
import { GuestMemory } from "./memory/guest.js";
import { toldRanges } from "./memory/told.js";
import type { Ranges } from "./memory/written.js";
import type { Flavour } from "./modules.js";
import type { OverlayUse } from "./overlay.js";
import type { FileFacts } from "./policy/hooks.js";
import { type LookedAt, leavesQuestion, unlisted } from "./problem.js";
import type { ProfileFacts } from "./profile.js";
import { hex, toHex } from "./text.js";

/** A guest's wish for another flavour; `name` is what it wrote, one character a byte. */
export interface SwapRequest {
  /** One character a byte. */
  name: string;
  /** The flavour that ran. */
  flavour: Flavour;
  /** Bytes written to the console by then. */
  consoleBytes: number;
  /** Reads of disks, and their bytes. */
  diskCalls: number;
  /** Bytes read from disks. */
  diskBytes: number;
}

/** What one pass of the loader found out about the guest's wish. */
export interface InterpreterCheck {
  /** The flavour that looked. */
  flavour: Flavour;
  /** A loader without a mark means 4th; no loader, or an unreadable one, means no wish; below interface version 5 nobody looks. */
  found: "mark" | "no mark" | "no loader" | "unreadable" | "not looked for";
  /** With `mark`: where it is in the guest's /boot/loader. */
  offset?: number;
}

/** A range of guest memory that the loader wrote. */
export interface WrittenRange {
  /** Its first address in guest memory. */
  gpa: string;
  /** Bytes. */
  length: number;
  /** With the option `digests`. */
  sha256?: string;
}

/** What a boot's result says of where it ran. */
export interface IsolationFacts {
  /** As the option `isolation` says. */
  level: "none" | "thread" | "process";
  /** Of a process: what holds it besides its own limits. */
  confinement?: "none" | "bwrap";
  /** Why nothing else holds it although that was to be tried. */
  unconfined?: string;
}

/** What was measured; hexadecimal SHA-256 digests. */
export interface Measurements {
  /** In the order of first use. A file used again without change is not listed again. */
  files: FileFacts[];
  /** Over the list: one JSON array `[sha256, size, purpose, device, path]` and a newline a file, in UTF-8. */
  filesDigest: string;
  /** Over the entry state: the registers as JSON and a newline, then for each written range `GPA length sha256` and a newline. With reason `exec`. */
  stateDigest?: string;
}

/** What every result has, however its session ended. */
export interface SessionFacts {
  /** The flavour in charge at the end. */
  flavour: Flavour;
  /** Flavours swapped to, in order. */
  swaps: Flavour[];
  /** What the guest wished for, in order. */
  swapRequests: SwapRequest[];
  /** Why it swapped, or did not: one for each flavour that ran. */
  interpreterChecks: InterpreterCheck[];
  /** Which FreeBSD's loader was emulated, and why that one. Absent when the session was stopped from outside. */
  profile?: ProfileFacts;
  /** What the loader asked the machine for, in order. */
  calls: Call[];
  /** What the last flavour wrote, in order; ranges that touch are one. */
  memory: WrittenRange[];
  /** 1 when `memory` is exact; else there were more than 4096 ranges, and they are rounded outwards to multiples of this. */
  memoryGranule: number;
  /** Writes outside memory, refused. */
  memoryFaults: number;
  /** The loaded files, the kernel first. With reason `exec`; else empty. */
  modules: LoadedModule[];
  /** The kernel's environment, name to value. With reason `exec`; else empty. */
  environment: Record<string, string>;
  /** `healed`: blocks of a pool that were read although a copy, or a part of one, was bad. */
  disk: { calls: number; bytes: number; healed: number };
  /** Calls from the module to this package. */
  hostCalls: number;
  /** What was written to it, in bytes. */
  console: { bytes: number };
  /** Steps of the core that were counted against `limits.fuel`. */
  fuelUsed: number;
  /** Peak size of the module's own memory. */
  moduleMemory: number;
  /** Where the time went. */
  timeMs: PhaseTimes;
  /** How far the session's clock moved. */
  virtualSeconds: number;
  /** Damage found in the guest's data: device, offset, structure. */
  diagnostics: string[];
  /** With the option `overlay`, and unless the session was stopped from outside: what was laid over, in the order given. */
  overlay?: OverlayUse[];
  /** Where the session ran. */
  isolation: IsolationFacts;
  /** With the option `measure`. */
  measurements?: Measurements;
}

/** What only sessions that entered a kernel have. The others' results say so to the compiler: reading it gives undefined. */
export interface NothingEntered {
  /** No kernel, no machine. */
  arch?: never;
  /** No kernel, no entry. */
  registers?: never;
  /** No kernel, no table. */
  gdt?: never;
  /** No kernel, no data for one. */
  bootData?: never;
  /** Nothing was booted. */
  bootOnce?: never;
  /**
   * Unless it was the caller who ended it: what a kernel might have come from, in the order in which it was looked at once more,
   * and what was found there.
   */
  bootProblem?: LookedAt[];
}

/** The kernel was entered. */
export interface KernelEntered {
  /** What happened. */
  reason: "exec";
  /** It did not exit. */
  exitCode?: never;
  /** There was none. */
  error?: never;
  /** There is none. */
  bootProblem?: never;
  /** What the kernel finds on its stack; missing when that makes no sense. */
  bootData?: BootData;
  /**
   * The device that the ZFS pool was told to boot from once, and was. It is still in the pool's labels, since disks are read
   * only; whoever writes to them has it to clear.
   */
  bootOnce?: string;
}

/** A 64-bit kernel was entered. */
export interface EnteredAmd64 extends SessionFacts, KernelEntered {
  /** The kernel's machine. */
  arch: "amd64";
  /** The CPU at its first instruction. */
  registers: Amd64Registers;
  /** Its table of segments is in guest memory. */
  gdt?: never;
}

/** A 32-bit kernel was entered. */
export interface EnteredI386 extends SessionFacts, KernelEntered {
  /** The kernel's machine. */
  arch: "i386";
  /** The CPU at its first instruction. */
  registers: I386Registers;
  /** The table that goes with `registers`, which the host has yet to write. */
  gdt: SegmentTable;
}

/** The loader ended by itself. */
export interface LoaderExit extends SessionFacts, NothingEntered {
  /** What happened. */
  reason: "exit";
  /** 1 quit or panic, 2 reboot. */
  exitCode: number;
  /** There was none. */
  error?: never;
}

/** The session was ended. */
export interface SessionError extends SessionFacts, NothingEntered {
  /** What happened. */
  reason: "error";
  /** What ended it. */
  error: PlainError;
  /** It did not exit. */
  exitCode?: never;
}

/** The result without guest memory: what result.json holds and what crosses a worker's border. `reason` tells which it is. */
export type ResultData = EnteredAmd64 | EnteredI386 | LoaderExit | SessionError;

/** Milliseconds spent before, in, and after the module. */
export interface PhaseTimes {
  /** Making the module ready. */
  instantiate: number;
  /** In it. */
  run: number;
  /** Making the result. */
  decode: number;
  /** All of them. */
  total: number;
}

/** The guest's RAM as its session left it. What reads it throws a ReleasedError once the result is released. */
export interface ResultMemory {
  /** Bytes of memory from 0 on. */
  readonly low: number;
  /** Bytes of memory from 4 GiB on. */
  readonly high: number;
  /** Low memory up to 2 GiB, the part a loader can reach; the rest is zero. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The ranges that were written, in order, as in the result's `memory`. */
  readonly written: readonly (readonly [start: number, end: number])[];
  /** A copy of `length` bytes at `gpa`; zeros where nothing was written. */
  read(gpa: number, length: number): Uint8Array<ArrayBuffer>;
}

/** What a result has beside its plain data. It isn't enumerable: printing or serialising leaves it out. */
export interface ResultHandle extends Disposable {
  /** Guest memory. */
  readonly guestMemory: ResultMemory;
  /** Gives guest memory back for the next session; `using` does it too. Optional: the collector frees it as well. */
  release(): void;
}

/** What `boot` gives: `reason` tells which of the four it is. */
export type BootResult = ResultData & ResultHandle;

/** The same where it is made. */
export type MadeResult = ResultData & ResultHandle & { readonly guestMemory: GuestMemory };

/** How a session ended: what of a result isn't found out about the machine. */
export type Outcome =
  | { reason: "exec" }
  | Pick<LoaderExit, "reason" | "exitCode">
  | Pick<SessionError, "reason" | "error">;

/** What the loader wrote. */
export function writtenRanges({ granule, ranges }: Ranges): Pick<ResultData, "memory" | "memoryGranule"> {
  return { memory: ranges.map(([start, end]) => ({ gpa: hex(start), length: end - start })), memoryGranule: granule };
}

/** Puts guest memory beside `data`. */
export function withMemory(data: ResultData, guest: GuestMemory): MadeResult {
  const release = { value: () => guest.release() };
  return Object.defineProperties(data, {
    guestMemory: { value: guest },
    release,
    [Symbol.dispose ?? Symbol.for("Symbol.dispose")]: release,
  }) as MadeResult;
}

/** The result of a session that was stopped from outside, of which little is known. */
export function stoppedResult(error: unknown, known: StoppedSession): MadeResult {
  const data: ResultData = {
    reason: "error",
    error: plainError(error),
    flavour: known.flavour,
    swaps: [],
    swapRequests: [],
    interpreterChecks: [],
    calls: [],
    memory: [],
    memoryGranule: 1,
    memoryFaults: 0,
    modules: [],
    environment: {},
    disk: { calls: 0, bytes: 0, healed: 0 },
    hostCalls: 0,
    console: { bytes: known.consoleBytes },
    fuelUsed: 0,
    moduleMemory: 0,
    timeMs: { instantiate: 0, run: known.usedMs, decode: 0, total: known.usedMs },
    virtualSeconds: 0,
    diagnostics: [],
    ...(leavesQuestion(error) && { bootProblem: [unlisted("the session had to be stopped from outside")] }),
    isolation: { level: "none" },
  };
  return withMemory(data, new GuestMemory(0, 0, new ArrayBuffer(0), toldRanges([], 0)));
}

/** What the outside knows of a session it stopped. */
export interface StoppedSession {
  flavour: Flavour;
  consoleBytes: number;
  usedMs: number;
}

/** Platforms refuse to make a digest of more bytes in one go. */
const DIGESTED_PART = 1024 * 1024 * 1024;

/** Adds SHA-256 digests to the result's memory ranges. */
export async function addDigests(result: MadeResult): Promise<void> {
  for (const range of result.memory) {
    const start = Number(range.gpa);
    const bytes = result.guestMemory.view(start, start + range.length);
    range.sha256 =
      bytes.length > DIGESTED_PART
        ? digestParts(await loadHasher(), bytes)
        : toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
  }
}

/** SHA-256 of any number of bytes, in hexadecimal. */
export function digestParts(makeHasher: MakeHasher, bytes: Uint8Array): string {
  const hash = makeHasher();
  for (let at = 0; at < bytes.length; at += DIGESTED_PART) hash.update(bytes.subarray(at, at + DIGESTED_PART));
  return hash.hex();
}
