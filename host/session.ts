// The life of one boot in the calling thread: instantiate a flavour, run it, swap it for another when the
// guest asks, and read off the result. Each instance is dropped when it ends, however it ends.

import type { Clock } from "./clock.js";
import type { Console } from "./console/console.js";
import type { Disk } from "./disks/disk.js";
import {
  InternalError,
  InterpreterError,
  LimitError,
  PolicyError,
  PolicyFileError,
  plainError,
  UserbootError,
} from "./errors.js";
import { type Call, CpuState } from "./handoff/registers.js";
import { GuestMemory } from "./memory/guest.js";
import { giveModuleMemory, takeModuleMemory } from "./memory/pool.js";
import { type Counts, type FuelTank, Meter } from "./meter.js";
import { compiledModule, defaultFlavour, FLAVOURS, type Flavour, isFlavour, type ModuleTable } from "./modules.js";
import type { Limits, Progress, SessionOptions } from "./options.js";
import type { Policy } from "./policy/imports.js";
import { makeImports } from "./protocol/imports.js";
import { latin1 } from "./protocol/module_memory.js";
import { type BootResult, type InterpreterCheck, makeResult, type ResultData, type SwapRequest } from "./result.js";
import { type SessionState, Stop } from "./state.js";
import type { WasiProvider } from "./wasi/provider.js";

/** What a session is given to work with. */
export interface SessionParts {
  options: SessionOptions;
  modules: ModuleTable;
  disks: readonly Disk[];
  console: Console;
  clock: Clock;
  onProgress?: ((progress: Progress) => void) | undefined;
  /** The operator's hooks, and what is measured. */
  policy?: Policy | undefined;
  /** Called now and then while the core runs. */
  onLook?: (() => void) | undefined;
  /** More sessions follow in this thread, so that memory is worth keeping. */
  reuse?: boolean;
  /** The granted `host:` trees. Whoever made it disposes of it. */
  wasi?: WasiProvider | undefined;
}

/** The exports of a module. */
interface Core extends FuelTank {
  _start(): void;
  loader_main(version: number, disks: number): void;
  grantFuel(amount: bigint): void;
  /** Hands over what was printed and is still collected. */
  flushOutput?(): void;
  /** Only where there are tables whose order depends on it. */
  seedHash?(seed: number): void;
  /** Where the guest's loader has its mark; negative: not looked for, no readable loader, no mark. */
  markOffset?(): bigint;
}

/** Has `core` hand over its output when something ended it. A failure now must not hide what that was. */
function flushQuietly(core: Core | undefined): void {
  try {
    core?.flushOutput?.();
  } catch {}
}

const NO_OFFSET = ["not looked for", "no loader", "no mark", "unreadable"] as const;

/** What `flavour` found when it looked which interpreter the guest wants. */
function readCheck(flavour: Flavour, core: Core): InterpreterCheck {
  const offset = Number(core.markOffset?.() ?? -1n);
  return offset >= 0
    ? { flavour, found: "mark", offset }
    : { flavour, found: NO_OFFSET[-1 - offset] ?? "not looked for" };
}

/** Runs a session to its end. Never throws for anything the guest did. */
export function runSession(parts: SessionParts): BootResult {
  const { options, modules, clock } = parts;
  const { limits } = options;
  const began = performance.now();
  let instantiateMs = 0;
  const clockBegan = clock.now();
  const meter = new Meter(limits, parts.onLook);
  const counts: Counts = { hostCalls: 0, diskCalls: 0, diskBytes: 0, consoleBytes: 0 };
  const calls: Call[] = [];
  const diagnostics: string[] = [];
  const swapRequests: SwapRequest[] = [];
  const swaps: Flavour[] = [];
  const interpreterChecks: InterpreterCheck[] = [];
  let moduleMemory = 0;
  let flavour = options.loader ?? options.start ?? defaultFlavour(modules);
  let guest = new GuestMemory(options.memory.low, options.memory.high);
  let cpu = new CpuState();

  const policy = parts.policy ?? {};

  const ended = (outcome: Pick<ResultData, "reason" | "exitCode" | "error">): BootResult => {
    const result = makeResult({
      outcome,
      flavour,
      swaps,
      swapRequests,
      interpreterChecks,
      calls,
      diagnostics,
      counts,
      cpu,
      guest,
      moduleMemory,
      fuelUsed: meter.used,
      virtualSeconds: (clock.now() - clockBegan) / 1_000_000,
      instantiateMs,
      runMs: performance.now() - began - instantiateMs,
    });
    const measurements = policy.measurements?.(result);
    if (measurements) result.measurements = measurements;
    return result;
  };

  while (true) {
    try {
      const module = compiledModule(modules, flavour);
      if (module === undefined) throw new InterpreterError(`interpreter "${flavour}" is not installed`);
      const state: SessionState = {
        options,
        disks: parts.disks,
        console: parts.console,
        clock,
        counts,
        guest,
        cpu,
        calls,
        diagnostics,
        meter,
        onProgress: parts.onProgress,
        policy,
      };
      const starting = performance.now();
      const memory = takeModuleMemory(limits.moduleMemory);
      let core: Core | undefined;
      try {
        core = instantiate(module, memory, state, parts.wasi);
        meter.start(core);
        core.grantFuel(meter.left);
        core._start();
        instantiateMs += performance.now() - starting;
        core.grantFuel(meter.left);
        core.seedHash?.(options.hashSeed);
        core.loader_main(options.interfaceVersion, parts.disks.length);
        throw new InternalError("the loader returned");
      } catch (thrown) {
        // What was printed until then tells how far the guest got. The time is up, perhaps, and this still may be said.
        if (!(thrown instanceof Stop)) meter.suspended(() => flushQuietly(core));
        throw thrown;
      } finally {
        moduleMemory = Math.max(moduleMemory, memory.buffer.byteLength);
        if (core !== undefined) {
          meter.stop();
          interpreterChecks.push(readCheck(flavour, core));
        }
        // A provider of files keeps the instance it was attached to.
        if (parts.wasi) parts.wasi.detach();
        else if (parts.reuse) giveModuleMemory(memory, limits.moduleMemory);
      }
    } catch (thrown) {
      // A hook that failed is the operator's mistake, not the guest's end.
      if (thrown instanceof PolicyFileError) throw thrown;
      if (thrown instanceof PolicyError) {
        // Nothing that was loaded until then is handed on.
        guest.release();
        guest = new GuestMemory(options.memory.low, options.memory.high);
        calls.length = 0;
      }
      if (!(thrown instanceof Stop)) {
        return ended({ reason: "error", error: plainError(nameTrap(thrown, limits, moduleMemory)) });
      }
      if (thrown.why === "exec") return ended({ reason: "exec" });
      if (thrown.why === "exit") return ended({ reason: "exit", exitCode: thrown.value as number });
      const name = latin1(thrown.value as Uint8Array);
      calls.push(["swap_interpreter", swapRequests.length]);
      swapRequests.push({
        name,
        flavour,
        consoleBytes: counts.consoleBytes,
        diskCalls: counts.diskCalls,
        diskBytes: counts.diskBytes,
      });
      try {
        flavour = nextFlavour(name, options.loader, modules, swaps.length, limits);
      } catch (error) {
        return ended({ reason: "error", error: plainError(error) });
      }
      swaps.push(flavour);
      guest.release();
      guest = new GuestMemory(options.memory.low, options.memory.high);
      cpu = new CpuState();
    }
  }
}

/** The flavour for a guest's request, which is matched against the table and used for nothing else. */
function nextFlavour(
  name: string,
  forced: Flavour | undefined,
  modules: ModuleTable,
  swaps: number,
  limits: Limits,
): Flavour {
  const shown = JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}...` : name);
  const available = FLAVOURS.join(", ");
  if (forced !== undefined) {
    throw new InterpreterError(`guest wants interpreter ${shown}; "${forced}" was forced`);
  }
  if (!isFlavour(name)) throw new InterpreterError(`guest wants interpreter ${shown}; available: ${available}`);
  if (!modules.has(name)) {
    throw new InterpreterError(`guest wants interpreter ${shown}, which is not installed`);
  }
  if (swaps >= limits.swaps) throw new LimitError("swaps", limits.swaps, swaps + 1);
  return name;
}

function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  state: SessionState,
  wasi: WasiProvider | undefined,
): Core {
  const imports = makeImports(memory, state, module, wasi);
  try {
    const instance = new WebAssembly.Instance(module, imports);
    wasi?.attach(instance);
    return instance.exports as unknown as Core;
  } catch (error) {
    if (error instanceof WebAssembly.LinkError)
      throw new InternalError(`module doesn't fit this host: ${error.message}`);
    throw error;
  }
}

/** An error with a class of ours for whatever ended the module. */
function nameTrap(thrown: unknown, limits: Limits, moduleMemory: number): unknown {
  if (thrown instanceof UserbootError) return thrown;
  if (thrown instanceof WebAssembly.RuntimeError) {
    // The core's allocator traps this way, and nothing else in it does, when memory can't grow.
    if (thrown.message.includes("unreachable"))
      return new LimitError("moduleMemory", limits.moduleMemory, moduleMemory);
    return new InternalError(`trap in the core: ${thrown.message}${placeOf(thrown)}`);
  }
  if (thrown instanceof RangeError && thrown.message.includes("call stack")) {
    return new InternalError("stack overflow in the core");
  }
  return thrown instanceof Error ? new InternalError(thrown.message) : thrown;
}

/** Functions of the core that the message of a trap names. */
const NAMED_CALLS = 5;

/** Where in the core a debug build, whose functions have names, has trapped; nothing for a release build. */
function placeOf({ stack = "" }: Error): string {
  const names = [...stack.matchAll(/^ +at (\S+) \(wasm:/gm)].slice(0, NAMED_CALLS).map(([, name]) => name);
  return names.length > 0 ? ` in ${names.join(", called by ")}` : "";
}
