// The life of one boot in the calling thread: instantiate a flavour, run it, swap it for another when the
// guest asks, and read off the result. Each instance is dropped when it ends, however it ends.

import type { FlavourModule } from "./assets.js";
import type { Clock } from "./clock.js";
import type { Console } from "./console/console.js";
import type { Disk } from "./disks/disk.js";
import {
  AbortedError,
  DiskError,
  InternalError,
  InterpreterError,
  LimitError,
  PolicyError,
  PolicyFileError,
  plainError,
  UserbootError,
} from "./errors.js";
import { type Call, CpuState } from "./handoff/registers.js";
import { unlessAborted } from "./isolation/abort.js";
import { makeResult } from "./made_result.js";
import type { MaybePromise } from "./maybe.js";
import { LoaderMemory } from "./memory/loader.js";
import { giveModuleMemory, takeModuleMemory } from "./memory/pool.js";
import { type Counts, type FuelTank, Meter } from "./meter.js";
import { FLAVOURS, type Flavour, firstFlavour, isFlavour, type Modules, START_MEMORY } from "./modules.js";
import type { Limits, Progress, SessionOptions } from "./options.js";
import { overlayUse } from "./overlay.js";
import type { Policy } from "./policy/imports.js";
import {
  LOOK_BYTES,
  LOOK_FUEL,
  LOOK_MS,
  LOOKED_MAX,
  LOOKED_TEXT_MAX,
  type LookedAt,
  leavesQuestion,
  unlisted,
} from "./problem.js";
import { decodeProfile, type ProfileFacts } from "./profile.js";
import { makeImports } from "./protocol/imports.js";
import type { InterpreterCheck, MadeResult, Outcome, SwapRequest } from "./result.js";
import { EXIT_REBOOT, type SessionState, Stop } from "./state.js";
import { promising, Suspension } from "./suspension.js";
import { latin1, printable } from "./text.js";
import { nameTrap } from "./trap.js";
import type { WasiProvider } from "./wasi/provider.js";

/** What a session is given to work with. */
export interface SessionParts {
  options: SessionOptions;
  /** The one that it starts with is ready. */
  modules: Modules;
  disks: readonly Disk[];
  console: Console;
  clock: Clock;
  onProgress?: ((progress: Progress) => void) | undefined;
  /** The operator's hooks, and what is measured. */
  policy?: Policy | undefined;
  /** Called now and then while the core runs. */
  onLook?: (() => void) | undefined;
  /** Disks, console or clock may promise what they tell, which the engine can wait for. */
  suspends?: boolean;
  /** Ends a session that waits. */
  signal?: AbortSignal | undefined;
  /** More sessions follow in this thread, so that memory is worth keeping. */
  reuse?: boolean;
  /** The granted `host:` trees. Whoever made it disposes of it. */
  wasi?: WasiProvider | undefined;
}

/** The exports of a module. */
interface Core extends FuelTank {
  _start(): void;
  loader_main(version: number, disks: number): MaybePromise<void>;
  grantFuel(amount: bigint): void;
  /** Hands over what was printed and is still collected. */
  flushOutput?(): void;
  /** Only where there are tables whose order depends on it. */
  seedHash?(seed: number): void;
  /** Has it be the loader of a generation, and tells of which it was. */
  wantProfile?(generation: number): void;
  profileFacts?(): bigint;
  /** Where the guest's loader has its mark; negative: not looked for, no readable loader, no mark. */
  markOffset?(): bigint;
  /** Tells by the import `looked` what there was to boot from. */
  explain?(): MaybePromise<void>;
  /** Blocks that were read although a copy, or a part of one, was bad. */
  healedReads?(): number;
}

/** Has `core` hand over its output when something ended it. A failure now must not hide what that was. */
function flushQuietly(core: Core | undefined): void {
  try {
    core?.flushOutput?.();
  } catch {}
}

/** What a small module asks for to be replaced by the whole one: no name of a guest's. */
const WHOLE = "\0";

const NO_OFFSET = ["not looked for", "no loader", "no mark", "unreadable"] as const;

/** What the core says by one of its counters, `otherwise` where it has none. */
function told<T extends number | bigint>(
  core: Core,
  name: "healedReads" | "markOffset" | "profileFacts",
  otherwise: T,
): T {
  const value = core[name]?.() ?? otherwise;
  if (typeof value !== typeof otherwise) throw new InternalError(`the core's ${name} gives a ${typeof value}`);
  return value as T;
}

/** What `flavour` found when it looked which interpreter the guest wants. */
function readCheck(flavour: Flavour, core: Core): InterpreterCheck {
  const offset = Number(told(core, "markOffset", -1n));
  if (offset > Number.MAX_SAFE_INTEGER) throw new InternalError(`the core's markOffset gives ${offset}`);
  return offset >= 0
    ? { flavour, found: "mark", offset }
    : { flavour, found: NO_OFFSET[-1 - offset] ?? "not looked for" };
}

/** Runs a session to its end. Never throws for anything the guest did. */
export function runSession(parts: SessionParts): Promise<MadeResult> {
  return new Session(parts).run();
}

/** Part of the wall time that looking why nothing was booted may take behind its end, before the session is ended from outside. */
const LOOK_SHARE = 0.05;

/** Whether a pass that ended with `end` leaves the question why nothing was booted. */
function isUnbooted(end: unknown): boolean {
  return end instanceof Stop ? end.why === "exit" && end.value !== EXIT_REBOOT : leavesQuestion(end);
}

class Session {
  readonly #began = performance.now();
  readonly #clockBegan: number;
  readonly #meter: Meter;
  readonly #policy: Policy | undefined;
  readonly #suspension: Suspension | undefined;
  readonly #counts: Counts = { hostCalls: 0, diskCalls: 0, diskBytes: 0, healed: 0, consoleBytes: 0 };
  readonly #calls: Call[] = [];
  readonly #diagnostics: string[] = [];
  readonly #lookedAt: LookedAt[] = [];
  readonly #overlayUsed = new Set<number>();
  readonly #swapRequests: SwapRequest[] = [];
  readonly #swaps: Flavour[] = [];
  readonly #interpreterChecks: InterpreterCheck[] = [];
  #profile: ProfileFacts | undefined;
  #instantiateMs = 0;
  /** The largest that a module's memory was. */
  #moduleMemory = 0;
  #flavour: Flavour;
  /** Its module: the small one, or the whole one. */
  #module: FlavourModule;
  /** Which one the guest wants now. */
  #next: Flavour;
  #guest: LoaderMemory;
  #cpu = new CpuState();

  constructor(private readonly parts: SessionParts) {
    const { clock, modules, onLook, options, policy, signal, suspends } = parts;
    this.#clockBegan = clock.now();
    this.#meter = new Meter(options.limits, onLook);
    this.#policy = policy;
    this.#suspension = suspends ? new Suspension(this.#meter, signal) : undefined;
    this.#flavour = firstFlavour(options);
    this.#module = modules.first(this.#flavour);
    this.#next = this.#flavour;
    this.#guest = this.#freshMemory();
  }

  async run(): Promise<MadeResult> {
    while (true) {
      const ready = this.parts.modules.ready(this.#module);
      const outcome = this.#outcome(await (ready === undefined ? this.#fetch() : this.#pass(ready)));
      if (outcome !== undefined) return this.#result(outcome);
    }
  }

  #freshMemory(): LoaderMemory {
    const { low, high } = this.parts.options.memory;
    return new LoaderMemory(low, high);
  }

  /** Runs a flavour whose module wasn't there yet, or tells why it can't be had. To get it takes none of the guest's time. */
  async #fetch(): Promise<unknown> {
    const { modules, signal } = this.parts;
    const { watch } = this.#meter;
    let module: WebAssembly.Module;
    watch.pause();
    try {
      module = await unlessAborted(modules.find(this.#module), signal);
    } catch (error) {
      return error;
    } finally {
      watch.resume();
    }
    return this.#pass(module);
  }

  /** Runs one flavour until it ends, and gives what it ended with. */
  async #pass(module: WebAssembly.Module): Promise<unknown> {
    const { limits } = this.parts.options;
    const starting = performance.now();
    let memory: WebAssembly.Memory | undefined;
    let core: Core | undefined;
    let end: unknown;
    try {
      memory = takeModuleMemory(START_MEMORY[this.#flavour], limits.moduleMemory);
      core = instantiate(module, memory, this.#state(), this.parts.wasi);
      await this.#start(core, starting);
      throw new InternalError("the loader returned");
    } catch (thrown) {
      end = await this.#ended(thrown, core);
    }
    if (core !== undefined) end = this.#readOff(core, end);
    if (memory !== undefined) this.#giveBack(memory);
    return end;
  }

  /** Has `core`, which `thrown` ended, say what it has still to say. What the pass ends with. */
  async #ended(thrown: unknown, core: Core | undefined): Promise<unknown> {
    // What was printed until then tells how far the guest got. The time is up, perhaps, and this still may be said.
    if (!(thrown instanceof Stop)) this.#meter.suspended(() => flushQuietly(core));
    const end = thrown instanceof Stop && thrown.why === "swap" ? this.#judgeSwap(thrown) : thrown;
    if (end instanceof DiskError) {
      const { disk, message } = end;
      this.#looked({ kind: "disk", name: disk, found: message.slice(disk.length + 2) });
    } else if (isUnbooted(end)) await this.#explain(core);
    return end;
  }

  /**
   * Reads off what `core` has counted, behind its `end`. What the pass ends with then: one that can't tell is broken, and what it
   * would have been entered or left with isn't to be believed.
   */
  #readOff(core: Core, end: unknown): unknown {
    this.#meter.stop();
    try {
      this.#counts.healed += told(core, "healedReads", 0) >>> 0;
      if (!(end instanceof Stop && end.why === "whole")) this.#interpreterChecks.push(readCheck(this.#flavour, core));
      this.#profile = decodeProfile(told(core, "profileFacts", 0n));
      return end;
    } catch (error) {
      return end instanceof Stop ? error : end;
    }
  }

  /** Lets the loader run. Ends by what an import throws: at once, and not by a promise, where nothing was waited for. */
  #start(core: Core, starting: number): MaybePromise<void> {
    const { disks, options } = this.parts;
    this.#meter.start(core);
    core.grantFuel(this.#meter.left);
    core._start();
    this.#instantiateMs += performance.now() - starting;
    core.grantFuel(this.#meter.left);
    core.seedHash?.(options.hashSeed);
    if (options.profile !== undefined) core.wantProfile?.(options.profile);
    const granted = options.images.reduce((sum, { count }) => sum + count, 0);
    return core.loader_main(options.interfaceVersion, disks.length - granted);
  }

  #looked({ kind, name, found }: LookedAt): void {
    if (this.#lookedAt.length === LOOKED_MAX) return;
    const shown = (text: string) => printable(text).slice(0, LOOKED_TEXT_MAX);
    this.#lookedAt.push({ kind, name: shown(name), found: shown(found) });
  }

  /** Has `core` tell why it didn't boot. What that costs isn't the guest's. */
  async #explain(core: Core | undefined): Promise<void> {
    const meter = this.#meter;
    const { diskBytes } = this.parts.options.limits;
    meter.settle(LOOK_FUEL, Math.min(LOOK_MS, this.parts.options.limits.wallMs * LOOK_SHARE));
    const counts = { ...this.#counts };
    const used = [...this.#overlayUsed];
    this.#counts.diskBytes = Math.min(counts.diskBytes, diskBytes - LOOK_BYTES);
    try {
      core?.grantFuel(meter.left);
      await core?.explain?.();
    } catch (error) {
      this.#looked(unlisted(error instanceof UserbootError ? error.message : "the core has ended"));
    }
    Object.assign(this.#counts, counts);
    this.#overlayUsed.clear();
    for (const index of used) this.#overlayUsed.add(index);
  }

  #giveBack(memory: WebAssembly.Memory): void {
    const { options, reuse, wasi } = this.parts;
    this.#moduleMemory = Math.max(this.#moduleMemory, memory.buffer.byteLength);
    // A provider of files keeps the instance it was attached to.
    if (wasi) wasi.detach();
    else if (reuse) giveModuleMemory(memory, START_MEMORY[this.#flavour], options.limits.moduleMemory);
  }

  #state(): SessionState {
    const { clock, console, disks, onProgress, options } = this.parts;
    return {
      options,
      disks,
      console,
      clock,
      onProgress,
      counts: this.#counts,
      guest: this.#guest,
      cpu: this.#cpu,
      calls: this.#calls,
      diagnostics: this.#diagnostics,
      lookedAt: this.#lookedAt,
      overlayUsed: this.#overlayUsed,
      meter: this.#meter,
      suspension: this.#suspension,
      policy: this.#policy,
    };
  }

  /** What the session ends with when a pass has thrown `thrown`; undefined when another flavour goes on. */
  #outcome(thrown: unknown): Outcome | undefined {
    // A hook that failed is the operator's mistake, not the guest's end; neither is it when the caller gives up.
    if (thrown instanceof PolicyFileError || thrown instanceof AbortedError) throw thrown;
    if (thrown instanceof PolicyError) {
      // Nothing that was loaded until then is handed on.
      this.#guest.release();
      this.#guest = this.#freshMemory();
      this.#calls.length = 0;
    }
    if (!(thrown instanceof Stop)) {
      const error = nameTrap(thrown, this.parts.options.limits, this.#moduleMemory);
      return { reason: "error", error: plainError(error) };
    }
    if (thrown.why === "exec") return { reason: "exec" };
    if (thrown.why === "exit") return { reason: "exit", exitCode: thrown.value as number };
    if (thrown.why === "whole") this.#module = this.#flavour;
    else this.#swap();
    this.#guest.release();
    this.#guest = this.#freshMemory();
    this.#cpu = new CpuState();
    return undefined;
  }

  /** What a pass ends with that wants to move over to another flavour: that, or why it can't. */
  #judgeSwap(wish: Stop): unknown {
    const { options } = this.parts;
    const { consoleBytes, diskBytes, diskCalls } = this.#counts;
    const name = latin1(wish.value as Uint8Array);
    // A small module has met what the whole one reads, before the guest had any say.
    if (name === WHOLE && this.#module !== this.#flavour) return new Stop("whole", 0);
    this.#calls.push(["swap_interpreter", this.#swapRequests.length]);
    this.#swapRequests.push({ name, flavour: this.#flavour, consoleBytes, diskCalls, diskBytes });
    try {
      this.#next = nextFlavour(name, options.loader, this.#swaps.length, options.limits);
      return wish;
    } catch (error) {
      return error;
    }
  }

  /** Moves over to the next flavour. */
  #swap(): void {
    this.#flavour = this.#next;
    this.#module = this.parts.modules.first(this.#flavour);
    this.#swaps.push(this.#flavour);
  }

  #result(outcome: Outcome): MadeResult {
    const result = makeResult({
      outcome,
      flavour: this.#flavour,
      swaps: this.#swaps,
      swapRequests: this.#swapRequests,
      interpreterChecks: this.#interpreterChecks,
      profile: this.#profile,
      calls: this.#calls,
      // What one interpreter met the next one met, too.
      diagnostics: [...new Set(this.#diagnostics)],
      lookedAt: this.#lookedAt,
      overlay: overlayUse(this.parts.options.overlay, this.#overlayUsed),
      counts: this.#counts,
      cpu: this.#cpu,
      guest: this.#guest,
      moduleMemory: this.#moduleMemory,
      fuelUsed: this.#meter.used,
      virtualSeconds: (this.parts.clock.now() - this.#clockBegan) / 1_000_000,
      instantiateMs: this.#instantiateMs,
      runMs: performance.now() - this.#began - this.#instantiateMs,
    });
    const measurements = this.#policy?.measurements?.(result);
    if (measurements) result.measurements = measurements;
    return result;
  }
}

/** The flavour for a guest's request, which is matched against the table and used for nothing else. */
function nextFlavour(name: string, forced: Flavour | undefined, swaps: number, limits: Limits): Flavour {
  const shown = JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}...` : name);
  const available = FLAVOURS.join(", ");
  if (forced !== undefined) {
    throw new InterpreterError(`guest wants interpreter ${shown}; "${forced}" was forced`);
  }
  if (!isFlavour(name)) throw new InterpreterError(`guest wants interpreter ${shown}; available: ${available}`);
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
    const core = instance.exports as unknown as Core;
    if (!state.suspension) return core;
    // Those that come to call what may have to wait.
    const { explain, loader_main } = core;
    return { ...core, loader_main: promising(loader_main), ...(explain && { explain: promising(explain) }) };
  } catch (error) {
    if (error instanceof WebAssembly.LinkError)
      throw new InternalError(`module doesn't fit this host: ${error.message}`);
    throw error;
  }
}
