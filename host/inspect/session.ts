// An inspection's own side: one instance of the module after the other, request by request. Each request has its budget, and
// all have one together. Whatever ends an instance in the middle of one (a limit, a defect, a disk that failed) fails that
// request only: the next one gets a new instance, and what was open is not any more.

import { VirtualClock } from "../clock.js";
import { BufferConsole } from "../console/console.js";
import type { Disk } from "../disks/disk.js";
import { abortedBy, FileError, InternalError, LimitError, OptionError, UserbootError } from "../errors.js";
import { CpuState } from "../handoff/registers.js";
import type { Hasher } from "../hash.js";
import type { MaybePromise } from "../maybe.js";
import { LoaderMemory } from "../memory/loader.js";
import { addRun, NOWHERE, Places, type Run } from "../memory/places.js";
import { giveModuleMemory, takeModuleMemory } from "../memory/pool.js";
import { type FuelTank, Meter } from "../meter.js";
import { INSPECT_MEMORY } from "../modules.js";
import type { SessionOptions } from "../options.js";
import type { LookedAt } from "../problem.js";
import { makeImports } from "../protocol/imports.js";
import type { SessionState } from "../state.js";
import { promising, Suspension } from "../suspension.js";
import { latin1 } from "../text.js";
import { nameTrap } from "../trap.js";
import { EBADF, errorName } from "./errno.js";
import type { Description } from "./facts.js";
import { CONTENT_MAX, type InspectLimits } from "./limits.js";
import { type DirectRequest, type InspectMessage, RUNS_MAX } from "./protocol.js";
import { textOf } from "./text.js";
import { poolFault } from "./verdict.js";

/** The exports of the module (docs/imports.md). */
interface InspectCore extends FuelTank {
  _start(): void;
  grantFuel(amount: bigint): void;
  start(disks: number): MaybePromise<void>;
  pathAt(): number;
  answerAt(): number;
  answerSize(): number;
  openPath(size: number, flags: number): MaybePromise<number>;
  tell(handle: number): MaybePromise<number>;
  list(handle: number, most: number, details: number): MaybePromise<number>;
  read(handle: number, position: bigint, size: number): MaybePromise<bigint>;
  hole(handle: number, position: bigint): MaybePromise<bigint>;
  release(handle: number): MaybePromise<void>;
  system(size: number): MaybePromise<number>;
  explain(): MaybePromise<void>;
}
/** Those that may come to read disks. */
const READING = ["start", "openPath", "tell", "list", "read", "hole", "release", "system", "explain"] as const;

/** What it is given to work with. */
export interface InspectParts {
  options: SessionOptions;
  limits: InspectLimits;
  module: WebAssembly.Module;
  disks: readonly Disk[];
  /** Called now and then while the core runs. */
  onLook?: (() => void) | undefined;
  /** Disks may promise what they tell, which the engine can wait for. */
  suspends?: boolean;
  /** Lets other work of the thread be done, when it is time for that. */
  pause?: () => Promise<void> | undefined;
  /** More sessions follow in this thread, so that memory is worth keeping. */
  reuse?: boolean;
}

/** One answer tells of no more runs, and no more bytes of them: what has a few runs more is still one that is taken. */
const RUNS_ENOUGH = RUNS_MAX / 2;
const PLACES_ENOUGH = 64 * 1024 * 1024;

/** Bytes of a path. */
const PATH_MAX = 65536;

interface Instance {
  core: InspectCore;
  memory: WebAssembly.Memory;
  guest: LoaderMemory;
}

/** Whether there is neither a pool nor a file system that could be booted from. */
function bootsNothing({ pools, volumes }: Omit<Description, "bootProblem">): boolean {
  return (
    !pools.some(({ datasets }) => datasets.length > 0) && !volumes.some(({ fileSystem }) => fileSystem !== undefined)
  );
}

/** A file that is open, in the instance that opened it. */
interface Handle {
  number: number;
  path: string;
  instance: Instance;
}

/** One inspection, asked one thing after the other. It rejects with UserbootError, and nothing else, for whatever the images do. */
export class InspectSession {
  readonly #meter: Meter;
  readonly #counts = { hostCalls: 0, diskCalls: 0, diskBytes: 0, healed: 0, consoleBytes: 0 };
  readonly #diagnostics: string[] = [];
  readonly #lookedAt: LookedAt[] = [];
  readonly #places = new Places();
  readonly #handles = new Map<number, Handle>();
  #nextHandle = 0;
  #usedMs = 0;
  #usedFuel = 0;
  #instance: Instance | undefined;
  #description: Description | undefined;
  #closed = false;
  #reason: unknown;
  #running = false;
  readonly #end = new AbortController();
  readonly #suspension: Suspension | undefined;

  constructor(private readonly parts: InspectParts) {
    this.#meter = new Meter(parts.limits, parts.onLook);
    if (parts.suspends) this.#suspension = new Suspension(this.#meter, this.#end.signal, "inspection");
  }

  /** Looks at the disks, and tells what there is. */
  describe(): Promise<unknown> {
    return this.#run(() => this.#description);
  }

  /** Does what is asked, but for `hash`. Content is lent until the next request. */
  async ask(request: DirectRequest): Promise<InspectMessage> {
    switch (request.op) {
      case "open":
        return { type: "value", value: await this.#open(request.path, request.flags) };
      case "list":
        return { type: "value", value: await this.#list(request.handle, request.most, request.details) };
      case "read":
        return this.#read(request.handle, request.position, request.places);
      case "release":
        return { type: "value", value: await this.#release(request.handle) };
      case "system":
        return { type: "value", value: await this.#system(request.device) };
    }
  }

  /** The digest of a whole file. Each piece of it is a request by its budget. */
  async hash(handle: number, hasher: Hasher): Promise<string> {
    for (let position = 0; ; ) {
      const bytes = await this.#run((instance) => this.#bytesAt(instance, handle, position));
      if (bytes.length === 0) return hasher.hex();
      const began = performance.now();
      hasher.update(bytes);
      this.#usedMs += performance.now() - began;
      position += bytes.length;
    }
  }

  /** Gives back what it holds; ends what waits, for `reason`. */
  close(reason?: unknown): void {
    this.#closed = true;
    this.#reason ??= reason;
    // What waits is ended, and gives it back itself.
    if (this.#running) this.#end.abort(reason);
    else this.#drop();
  }

  #open(path: string, flags: number): Promise<unknown> {
    return this.#run(async (instance) => {
      const { core } = instance;
      this.#putPath(instance, path);
      const number = await core.openPath(path.length, flags);
      if (number < 0) throw this.#failure(path, number);
      const error = await core.tell(number);
      if (error < 0) throw this.#failure(path, error);
      const handle = this.#nextHandle++;
      this.#handles.set(handle, { number, path, instance });
      return { handle, ...(this.#answer(instance) as object) };
    });
  }

  #putPath({ core, memory }: Instance, path: string): void {
    if (path.length > PATH_MAX) throw new FileError(textOf(path.slice(0, 64)), "ENAMETOOLONG", "name too long");
    new Uint8Array(memory.buffer, core.pathAt(), path.length).set(Uint8Array.from(path, (c) => c.charCodeAt(0)));
  }

  #list(handle: number, most: number, details: boolean): Promise<unknown> {
    return this.#run(async (instance) => {
      const { number, path } = this.#handle(handle);
      const error = await instance.core.list(number, most, details ? 1 : 0);
      if (error < 0) throw this.#failure(path, error);
      return this.#answer(instance);
    });
  }

  /** What is at `position`: holes, and places, as far as they are known without a look at content, then content. */
  #read(handle: number, position: number, wantsPlaces: boolean): Promise<InspectMessage> {
    return this.#run(async (instance) => {
      const runs: Run[] = [];
      for (let at = position; ; ) {
        let bytes: Uint8Array<ArrayBuffer> | undefined;
        const hole = await this.#holeAt(instance, handle, at);
        at += hole;
        if (hole > 0) addRun(runs, [hole, NOWHERE, 0]);
        else if (!wantsPlaces) bytes = await this.#bytesAt(instance, handle, at);
        else {
          const found = await this.#placesAt(instance, handle, at, runs);
          if (typeof found !== "number") bytes = found;
          else at += found;
        }
        const isEnough = runs.length > RUNS_ENOUGH || at - position >= PLACES_ENOUGH;
        if (bytes === undefined && wantsPlaces && !isEnough) continue;
        return { type: "content", runs, bytes: bytes ?? new Uint8Array() };
      }
    });
  }

  /** Bytes from `position` on that are a hole, when it is a large one. */
  async #holeAt({ core }: Instance, handle: number, position: number): Promise<number> {
    const hole = Number(await core.hole(this.#handle(handle).number, BigInt(position)));
    return hole >= CONTENT_MAX && Number.isSafeInteger(position + hole) ? hole : 0;
  }

  /** Content, lent. */
  async #bytesAt({ core, guest }: Instance, handle: number, position: number): Promise<Uint8Array<ArrayBuffer>> {
    const { number, path } = this.#handle(handle);
    const got = Number(await core.read(number, BigInt(position), CONTENT_MAX));
    if (got < 0) throw this.#failure(path, got);
    return guest.view(0, got);
  }

  /**
   * Adds to `runs` what comes next, and tells how much that is; content, where it isn't just there on a disk. What fails behind
   * other runs is told in its turn.
   */
  async #placesAt(
    instance: Instance,
    handle: number,
    position: number,
    runs: Run[],
  ): Promise<number | Uint8Array<ArrayBuffer>> {
    const places = this.#places;
    try {
      const bytes = await places.during(() => this.#bytesAt(instance, handle, position));
      if (bytes.length === 0 || places.end !== bytes.length)
        return places.unread ? await this.#bytesAt(instance, handle, position) : bytes;
      for (const run of places.runs) addRun(runs, run);
      return bytes.length;
    } catch (error) {
      if (runs.length > 0 && error instanceof FileError) return new Uint8Array();
      throw error;
    }
  }

  async #release(handle: number): Promise<null> {
    const known = this.#handles.get(handle);
    this.#handles.delete(handle);
    if (known !== undefined) await this.#run(() => known.instance.core.release(known.number));
    return null;
  }

  #system(device: string): Promise<unknown> {
    return this.#run(async (instance) => {
      this.#putPath(instance, device);
      const error = await instance.core.system(device.length);
      if (error < 0) throw this.#failure(device, error);
      return this.#answer(instance);
    });
  }

  #handle(handle: number): Handle {
    const known = this.#handles.get(handle);
    if (known === undefined) throw new FileError("file", errorName(EBADF)[0], errorName(EBADF)[1]);
    return known;
  }

  /** The error for what the core refused, with the damage that it met. */
  #failure(path: string, error: number): FileError {
    const [code, meaning] = errorName(-error);
    const [, pool] = /^zfs:([^/:]+)/.exec(path) ?? [];
    const [damage = poolFault(this.#description?.pools ?? [], pool)] = this.#diagnostics;
    return new FileError(textOf(path), code, damage === undefined ? meaning : `${meaning} (${textOf(damage)})`);
  }

  #answer({ core, memory }: Instance): unknown {
    const bytes = new Uint8Array(memory.buffer, core.answerAt() >>> 0, core.answerSize() >>> 0);
    this.#meter.work(bytes.length);
    return JSON.parse(latin1(bytes));
  }

  /** Does a request by its budget. */
  async #run<T>(body: (instance: Instance) => MaybePromise<T>): Promise<T> {
    await this.parts.pause?.();
    if (this.#closed)
      throw this.#reason === undefined
        ? new OptionError("the inspection is closed")
        : abortedBy(this.#reason, "inspection");
    const budget = this.#budget();
    this.#meter.renew(budget);
    this.#diagnostics.length = 0;
    let instance = this.#instance;
    let over = true;
    this.#running = true;
    try {
      if (instance === undefined) instance = await this.#begin();
      else {
        this.#meter.start(instance.core);
        instance.core.grantFuel(this.#meter.left);
      }
      const result = await body(instance);
      over = false;
      return result;
    } catch (thrown) {
      // What the core refused leaves it as it was.
      over = !(thrown instanceof FileError);
      throw this.#named(thrown, budget, instance);
    } finally {
      this.#meter.stop();
      this.#usedMs += this.#meter.watch.ms;
      this.#usedFuel += this.#meter.used;
      this.#running = false;
      if (over || this.#closed) this.#drop();
    }
  }

  /** What the next request may use. */
  #budget(): { wallMs: number; fuel: number } {
    const { fuel, requestFuel, requestMs, wallMs } = this.parts.limits;
    if (this.#usedMs >= wallMs) throw new LimitError("wallMs", wallMs, Math.ceil(this.#usedMs));
    if (this.#usedFuel >= fuel) throw new LimitError("fuel", fuel, this.#usedFuel);
    return { wallMs: Math.min(requestMs, wallMs - this.#usedMs), fuel: Math.min(requestFuel, fuel - this.#usedFuel) };
  }

  /** An error of ours for what ended a request, by the name of the limit that it was. */
  #named(thrown: unknown, budget: { wallMs: number; fuel: number }, instance: Instance | undefined): UserbootError {
    const { limits } = this.parts;
    const error = nameTrap(thrown, limits, instance?.memory.buffer.byteLength ?? INSPECT_MEMORY);
    // A budget is what the request may use, or what all of them have left.
    if (error instanceof LimitError && error.limit === "wallMs")
      return budget.wallMs === limits.requestMs
        ? new LimitError("requestMs", limits.requestMs, error.used)
        : new LimitError("wallMs", limits.wallMs, Math.ceil(this.#usedMs + error.used));
    if (error instanceof LimitError && error.limit === "fuel")
      return budget.fuel === limits.requestFuel
        ? new LimitError("requestFuel", limits.requestFuel, limits.requestFuel)
        : new LimitError("fuel", limits.fuel, limits.fuel);
    return error instanceof UserbootError ? error : new InternalError(String(error));
  }

  /** Starts an instance, which looks at the disks. */
  async #begin(): Promise<Instance> {
    const { disks, limits, module, options } = this.parts;
    const memory = takeModuleMemory(INSPECT_MEMORY, limits.moduleMemory);
    const guest = new LoaderMemory(options.memory.low, 0);
    const imports = makeImports(memory, this.#state(guest), module, undefined);
    const core = this.#coreOf(new WebAssembly.Instance(module, imports));
    const instance = { core, memory, guest };
    this.#instance = instance;
    this.#meter.start(core);
    core.grantFuel(this.#meter.left);
    core._start();
    core.grantFuel(this.#meter.left);
    const granted = options.images.reduce((sum, { count }) => sum + count, 0);
    await core.start(disks.length - granted);
    const description = this.#answer(instance) as Omit<Description, "bootProblem">;
    this.#description = {
      ...description,
      ...(bootsNothing(description) && { bootProblem: await this.#explain(core) }),
    };
    return instance;
  }

  #coreOf({ exports }: WebAssembly.Instance): InspectCore {
    const core = exports as unknown as InspectCore;
    if (!this.#suspension) return core;
    const waiting = READING.map((name) => [name, promising(core[name] as (...values: unknown[]) => unknown)]);
    return { ...core, ...Object.fromEntries(waiting) };
  }

  /** Has `core` tell what it looked at to find something that boots. */
  async #explain(core: InspectCore): Promise<LookedAt[]> {
    this.#lookedAt.length = 0;
    await core.explain();
    return [...this.#lookedAt];
  }

  #state(guest: LoaderMemory): SessionState {
    const { disks, options } = this.parts;
    return {
      options,
      disks,
      console: new BufferConsole(),
      clock: new VirtualClock(),
      onProgress: undefined,
      counts: this.#counts,
      guest,
      cpu: new CpuState(),
      calls: [],
      diagnostics: this.#diagnostics,
      lookedAt: this.#lookedAt,
      overlayUsed: new Set(),
      meter: this.#meter,
      suspension: this.#suspension,
      policy: undefined,
      places: this.#places,
    };
  }

  /** Forgets the instance, and gives its memory back, zeroed. */
  #drop(): void {
    const instance = this.#instance;
    this.#instance = undefined;
    this.#handles.clear();
    if (instance === undefined) return;
    instance.guest.release();
    if (this.parts.reuse) giveModuleMemory(instance.memory, INSPECT_MEMORY, this.parts.limits.moduleMemory);
  }
}
