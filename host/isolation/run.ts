// The caller's side of a session in a cell: starts it, passes output and keys, and ends it, at the latest when its
// wall time is over or the caller aborts. What comes out of the cell is checked here before anything is done with it.
// Nothing of the cell outlives the session.

import type { FlavourModule } from "../assets.js";
import type { Console } from "../console/console.js";
import { KeysConsole } from "../console/keys.js";
import type { Disk } from "../disks/disk.js";
import { DiskServer, type ReadReply, type ReadRequest } from "../disks/served.js";
import {
  abortedBy,
  ConsoleError,
  InternalError,
  LimitError,
  OptionError,
  type PlainError,
  plainError,
  reviveError,
  type UserbootError,
} from "../errors.js";
import type { GuestMemory } from "../memory/guest.js";
import { firstFlavour, type Modules } from "../modules.js";
import type { BootOptions } from "../options.js";
import type { HookName } from "../policy/hooks.js";
import { LOOK_BYTES } from "../problem.js";
import { type MadeResult, stoppedResult, withMemory, writtenRanges } from "../result.js";
import { Stopwatch } from "../stopwatch.js";
import { onAbort } from "./abort.js";
import type { Cell, CellKeeper, CellMessage } from "./cell.js";
import { checkedMessage } from "./check.js";
import { failureOf } from "./failure.js";
import type { StartMessage } from "./messages.js";

/** A session should notice by itself that its time is up. When it doesn't, it is ended after this part of it more. */
const GRACE_SHARE = 0.1;
const GRACE_MAX_MS = 250;
/** Longest time that timers can wait. */
const TIMER_MAX_MS = 0x7fff_ffff;
/** Within this a cell has begun. */
const START_MAX_MS = 60_000;

/** What the loader wrote; `told` is what the ranges were rounded to where they come from, if they can have been. */
function asTold(guest: GuestMemory, told: number): Pick<MadeResult, "memory" | "memoryGranule"> {
  const known = guest.ranges();
  const { granule, ranges } = known;
  const isRound = (at: number) => at % told === 0 || at === guest.size;
  const fits = told > granule && Number.isInteger(Math.log2(told)) && ranges.length > 0 && ranges.flat().every(isRound);
  return writtenRanges(fits ? { ranges, granule: told } : known);
}

/**
 * Runs a session in `cell`. `start` has everything but what concerns keys and hooks; `served` are the disks that are read
 * for it; `modules` has those that the guest may swap to, for a cell that doesn't find its own; `giveBack` gets the cell in the end.
 */
export async function runIsolated(
  cell: Cell,
  start: Omit<StartMessage, "wants">,
  options: BootOptions,
  served: ReadonlyMap<number, Disk> = new Map(),
  modules?: Modules,
  giveBack: CellKeeper["giveBack"] = (ended) => ended.terminate(),
): Promise<MadeResult> {
  // What asks hooks is loaded with them.
  const asker = options.hooks && (await import("../policy/asker.js"));
  const session = new CellSession(cell, start, options, new DiskServer(served), modules, asker);
  try {
    return await session.run();
  } finally {
    try {
      session.close();
    } finally {
      // Also when the caller's console throws.
      await giveBack(cell, session.isWhole);
    }
  }
}

class CellSession {
  readonly #watch = new Stopwatch();
  #began = false;
  #liveKeys = false;
  #consoleBytes = 0;
  /** Modules that it has asked for. */
  readonly #given = new Set<FlavourModule>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #disconnect = () => {};
  #stopListening = () => {};
  #over = false;
  /** Whether the session has come to its own end. */
  isWhole = false;
  #resolve: (result: MadeResult) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  readonly #abort = () => this.#reject(abortedBy(this.options.signal?.reason));

  constructor(
    private readonly cell: Cell,
    private readonly start: Omit<StartMessage, "wants">,
    private readonly options: BootOptions,
    private readonly server: DiskServer,
    private readonly modules: Modules | undefined,
    private readonly asker: typeof import("../policy/asker.js") | undefined,
  ) {}

  run(): Promise<MadeResult> {
    return new Promise((resolve, reject) => {
      this.#resolve = (result) => {
        this.#over = true;
        resolve(result);
      };
      this.#reject = (error) => {
        this.#over = true;
        reject(error);
      };
      const { cell, options, start } = this;
      const { hooks, measure, signal } = options;
      const wants = (hooks && this.asker?.definedHooks(hooks)) ?? new Set<HookName>();
      wants.delete("onEnvironment");
      const message: StartMessage = {
        ...start,
        ...this.#connectKeys(options.console),
        ...(hooks?.automation ? { automation: hooks.automation } : {}),
        ...(measure ? { measure } : {}),
        wants: [...wants],
      };
      if (signal) this.#stopListening = onAbort(signal, this.#abort);
      if (signal?.aborted) return this.#abort();
      cell.onFailure((reason) => this.#failed(reason));
      cell.onMessage((unchecked) => this.#message(unchecked));
      this.#setDeadline();
      cell.start(message);
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#stopListening();
    this.#disconnect();
  }

  /** Arranges how `console`'s keys reach the cell. */
  #connectKeys(console: Console | undefined): Pick<StartMessage, "keys" | "liveKeys"> {
    if (console instanceof KeysConsole) return { keys: console.entries };
    if (console?.connect !== undefined) {
      this.#liveKeys = true;
      this.#disconnect = console.connect(this.cell.keys);
      return { liveKeys: true };
    }
    if (console?.getc === undefined) return {};
    throw new OptionError('a console with keys needs `connect`, unless the isolation is "none"');
  }

  #message(unchecked: unknown): void {
    // What comes after the end is nobody's.
    if (this.#over) return;
    let message: CellMessage;
    try {
      message = checkedMessage(unchecked);
    } catch (error) {
      this.#failed((error as Error).message);
      return;
    }
    try {
      this.#take(message);
    } catch (error) {
      // An operator's hook or callback failed: that is no end that a guest can have.
      this.#reject(error);
    }
  }

  #take(message: CellMessage): void {
    const { cell, options, start } = this;
    switch (message.type) {
      case "began":
        if (this.#began) return;
        this.#began = true;
        this.#watch.restart();
        this.#setDeadline();
        return;
      case "output":
        this.#output(message.bytes);
        return;
      case "question":
        // A cell that was told to ask asks hooks that there are.
        if (!this.asker || options.hooks?.[message.hook] === undefined || message.hook === "onEnvironment")
          throw new InternalError(`a session asks for ${message.hook}, which it was not told of`);
        cell.answer(this.asker.askHook(options.hooks, message.hook, message.facts));
        return;
      case "waiting":
        if (start.options.waitCounts || !this.#liveKeys) return;
        if (message.waiting) this.#watch.pause();
        else this.#watch.resume();
        this.#setDeadline();
        return;
      case "read":
        this.#serve(message);
        return;
      case "module":
        this.#give(message.name);
        return;
      case "progress":
        options.onProgress?.(message.progress);
        return;
      case "rejected":
        // Once a guest runs there is a result, whatever it did.
        if (this.#began) this.#stopped(reviveError(message.error));
        else this.#reject(reviveError(message.error));
        return;
      case "done":
        this.isWhole = true;
        if (options.console instanceof KeysConsole) options.console.took(message.keysConsumed);
        message.data.isolation = cell.facts;
        // It is read here for as many bytes as are said to be written.
        Object.assign(message.data, asTold(message.guest, message.data.memoryGranule));
        this.#resolve(withMemory(message.data, message.guest));
    }
  }

  /** Reads a disk for the cell. */
  #serve(request: ReadRequest): void {
    const { cell, server, start } = this;
    const serve = (reply: ReadReply) => {
      if (!this.#over) cell.serve(reply);
    };
    server
      .read(request)
      .then(serve)
      .catch((error) => this.#failed((error as Error).message));
    // A session keeps to the limit by itself, and may then look why nothing was booted.
    const { diskBytes } = start.options.limits;
    if (server.bytes > diskBytes + LOOK_BYTES) this.#stopped(new LimitError("diskBytes", diskBytes, server.bytes));
  }

  /** Gets the module of a flavour for the cell, once. The guest's time stands still meanwhile. */
  #give(name: FlavourModule): void {
    const { cell, modules } = this;
    if (this.#given.has(name)) {
      this.#failed("it asks for a module that it was given");
      return;
    }
    this.#given.add(name);
    if (cell.give === undefined || modules === undefined) {
      this.#failed("it asks for a module that it was to find by itself");
      return;
    }
    this.#watch.pause();
    const given = (module: WebAssembly.Module | PlainError) => {
      if (this.#over) return;
      this.#watch.resume();
      this.#setDeadline();
      cell.give?.(name, module);
    };
    modules.find(name).then(given, (error) => given(plainError(error)));
  }

  #output(bytes: Uint8Array): void {
    this.#consoleBytes += bytes.length;
    const allowed = this.start.options.limits.consoleBytes;
    if (this.#consoleBytes > allowed) {
      this.#stopped(new LimitError("consoleBytes", allowed, this.#consoleBytes));
      return;
    }
    try {
      this.options.console?.write(bytes);
    } catch (error) {
      this.#stopped(new ConsoleError(String((error as Error)?.message ?? error)));
    }
  }

  /** The cell died: by itself while it started, by what its guest did afterwards. */
  #failed(reason: string | UserbootError): void {
    const error = failureOf("session", this.cell.facts, reason);
    if (this.#began) this.#stopped(error);
    else this.#reject(error);
  }

  /** Ends the session with an error of ours. */
  #stopped(error: unknown): void {
    const flavour = firstFlavour(this.start.options);
    const result = stoppedResult(error, { flavour, consoleBytes: this.#consoleBytes, usedMs: this.#watch.ms });
    result.isolation = this.cell.facts;
    this.#resolve(result);
  }

  /** Ends a session that goes on for too long, and a cell that doesn't begin. */
  #setDeadline(): void {
    clearTimeout(this.#timer);
    if (this.#watch.paused) return;
    const { wallMs } = this.start.options.limits;
    const allowed = this.#began ? wallMs + Math.min(wallMs * GRACE_SHARE, GRACE_MAX_MS) : START_MAX_MS;
    this.#timer = setTimeout(
      () => {
        const used = this.#watch.ms;
        if (used < allowed) this.#setDeadline();
        else if (this.#began) this.#stopped(new LimitError("wallMs", wallMs, Math.ceil(used)));
        else this.#failed(`it has not begun after ${START_MAX_MS / 1000} s`);
      },
      Math.max(0, Math.min(allowed - this.#watch.ms, TIMER_MAX_MS)),
    );
  }
}
