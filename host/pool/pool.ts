// Boots by the thousand: a pool has threads or processes ready before they are wanted, takes boots of many tenants on in turn,
// as many at a time as the machine is to carry, and tells how it fares. `createPool` is what callers use (Node only).

import { bootWith } from "../boot.js";
import { AbortedError, abortedBy, IsolationError, PoolError } from "../errors.js";
import { onAbort } from "../isolation/abort.js";
import type { CellKeeper } from "../isolation/cell.js";
import type { BootOptions } from "../options.js";
import type { BootResult } from "../result.js";
import { thrownText } from "../text.js";
import { PoolCells, poolWays } from "./cells.js";
import { type PoolLevels, PoolMeasures, type PoolOutcome, type PoolRefusal, type PoolStats } from "./measures.js";
import {
  closeOptions,
  type PoolBootOptions,
  type PoolCloseOptions,
  type PooledBoot,
  type PoolOptions,
  pooledBoot,
  poolOptions,
  type SettledPool,
} from "./options.js";
import { FairQueue, type Turn } from "./queue.js";

/** Threads or processes that boot guests for many; `await using` closes it. */
export interface Pool {
  /**
   * Boots a guest when its turn has come. What the guest does wrong is in the result.
   * @throws PoolError when it isn't taken on; what `boot` throws
   */
  boot(options: PoolBootOptions): Promise<BootResult>;
  /** What it does and has done. */
  stats(): PoolStats;
  /**
   * Takes no more boots, waits for those that it has, and ends its threads or processes. A signal that is aborted ends what waits
   * and runs, also when the pool is being closed already.
   */
  close(options?: PoolCloseOptions): Promise<void>;
  /** Closes it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A pool, which starts its first spares. It doesn't keep its process while nothing waits or runs.
 * @throws OptionError
 */
export function createPool(options: PoolOptions = {}): Pool {
  const pool = new BootPool(poolOptions(options));
  return {
    boot: (options) => pool.boot(options),
    stats: () => pool.stats(),
    close: (options) => pool.close(options),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

/** A boot that is taken on. */
interface Job extends PooledBoot {
  since: number;
  controller: AbortController;
  resolve: (result: BootResult) => void;
  reject: (error: unknown) => void;
  stopListening: () => void;
}

class BootPool {
  readonly #queue: FairQueue<Job>;
  readonly #cells: PoolCells;
  readonly #measures: PoolMeasures;
  readonly #running = new Set<Job>();
  #ending = 0;
  #memory = 0;
  /** Who has it. */
  readonly #memoryOf = new Map<string, number>();
  /** Whose turn it is, and since when it keeps places free until there is enough memory. */
  #held: { job: Job; since: number } | undefined;
  #closed: Promise<void> | undefined;
  #drained = () => {};

  constructor(private readonly options: SettledPool) {
    const { size, limits } = options;
    this.#queue = new FairQueue(limits.tenantRunning, Math.ceil(size / 2), (job) => this.#waitsForItsOwn(job));
    this.#measures = new PoolMeasures(options.name, () => this.#levels(), options.meter);
    this.#cells = new PoolCells(options, this.#measures);
    this.#cells.fill();
  }

  stats(): PoolStats {
    return this.#measures.read();
  }

  #levels(): PoolLevels {
    return {
      queued: this.#queue.length,
      running: this.#running.size,
      ending: this.#ending,
      spares: this.#cells.spares,
      starting: this.#cells.starting,
      guestMemory: this.#memory,
      tenants: this.#queue.tenants,
    };
  }

  async boot(given: PoolBootOptions): Promise<BootResult> {
    const boot = pooledBoot(given, this.options);
    const { signal } = boot.options;
    try {
      if (signal?.aborted) throw abortedBy(signal.reason);
      this.#checkRoom(boot);
    } catch (error) {
      this.#gone(boot);
      throw error;
    }
    return new Promise((resolve, reject) => {
      const controller = new AbortController();
      const job: Job = { ...boot, since: performance.now(), controller, resolve, reject, stopListening() {} };
      if (signal !== undefined) job.stopListening = onAbort(signal, () => this.#abort(job, signal.reason));
      this.#queue.add(job.tenant, job);
      this.#measures.tell({ event: "queued", tenant: job.tenant });
      this.#admit();
    });
  }

  /** @throws PoolError when there is no room for a boot */
  #checkRoom({ tenant, memory }: PooledBoot): void {
    const { maxQueue, limits } = this.options;
    const refuse = (refused: PoolRefusal, why: string): never => {
      this.#measures.refuse(tenant, refused);
      throw new PoolError(refused, why);
    };
    if (this.#closed !== undefined) refuse("closed", "the pool is closed");
    if (memory > limits.guestMemory)
      refuse("memory", `the guest has ${memory} bytes of memory, all guests together may have ${limits.guestMemory}`);
    // Who is taken at once doesn't wait.
    const room = this.#fits(memory) && this.#queue.isNext(tenant) ? 1 : 0;
    if (this.#queue.length >= maxQueue + room) refuse("queue", `${this.#queue.length} boots wait already`);
    const waiting = this.#queue.waitingOf(tenant);
    const { tenantQueued = tenant === "" ? maxQueue : maxQueue - this.#queue.length } = limits;
    if (waiting >= tenantQueued + room) refuse("tenant", `${waiting} boots of this tenant wait already`);
  }

  get #isPlace(): boolean {
    return this.#running.size + this.#ending < this.options.size;
  }

  /** Whether a guest with so much memory could run now. */
  #fits(memory: number): boolean {
    return this.#isPlace && this.#memory + memory <= this.options.limits.guestMemory;
  }

  /** Whether `job` has to wait for other boots of its tenant's to end, whose memory it needs: nobody keeps places free for that. */
  #waitsForItsOwn({ tenant, memory }: Job): boolean {
    return (this.#memoryOf.get(tenant) ?? 0) + memory > this.options.limits.guestMemory;
  }

  /** A boot takes memory, or gives it back. */
  #count(tenant: string, memory: number): void {
    const now = (this.#memoryOf.get(tenant) ?? 0) + memory;
    if (now > 0) this.#memoryOf.set(tenant, now);
    else this.#memoryOf.delete(tenant);
    this.#memory += memory;
  }

  /**
   * Starts those whose turn it is. Who needs more memory than there is has it kept for them, or would wait for ever, and pays for the
   * places that are free meanwhile: as many as have so much memory.
   */
  #admit(): void {
    for (;;) {
      const next = this.#queue.next();
      if (next === undefined || !this.#isPlace) {
        this.#held = undefined;
        return;
      }
      const { tenant, item } = next;
      if (!this.#fits(item.memory)) {
        if (this.#held?.job !== item) this.#held = { job: item, since: performance.now() };
        return;
      }
      const { places, heldMs } = this.#holds(item);
      this.#held = undefined;
      void this.#run(item, this.#queue.take(tenant, places, heldMs));
    }
  }

  /** How many places `job` holds, and for how long it has kept them free. */
  #holds(job: Job): { places: number; heldMs: number } {
    const { limits, size } = this.options;
    const heldMs = this.#held?.job === job ? performance.now() - this.#held.since : 0;
    return { places: Math.max(1, (size * job.memory) / limits.guestMemory), heldMs };
  }

  async #run(job: Job, turn: Turn): Promise<void> {
    const began = performance.now();
    const ended = () => performance.now() - began;
    this.#running.add(job);
    this.#count(job.tenant, job.memory);
    this.#measures.started(job.tenant, began - job.since);
    const gone: Promise<void>[] = [];
    try {
      const result = await this.#boot(job, gone);
      this.#over(job, result.reason, ended(), result.error?.message);
      job.resolve(result);
    } catch (error) {
      this.#over(job, outcomeOf(error), ended(), thrownText(error));
      job.reject(error);
    }
    // The place is free when what was in it has gone.
    await Promise.allSettled(gone);
    this.#ending--;
    this.#count(job.tenant, -job.memory);
    this.#queue.done(turn, ended());
    this.#gone(job);
    this.#admit();
    if (this.#queue.length === 0 && this.#running.size + this.#ending === 0) this.#drained();
    // Who is closing needs spares for those only who wait.
    if (this.#closed === undefined || this.#queue.length > 0) this.#cells.fill();
  }

  /** In a cell that was there before, or, if that went before it had begun, in one of its own. */
  async #boot(job: Job, gone: Promise<void>[]): Promise<BootResult> {
    const options: BootOptions = { ...job.options, signal: job.controller.signal };
    let was: string | undefined;
    const keeper = (fresh: boolean): CellKeeper => ({
      ways: poolWays(this.options.isolation),
      take: async () => {
        const taken = await this.#cells.take(job.tenant, fresh);
        was = taken.was;
        return taken.cell;
      },
      giveBack: async (cell, whole) => void gone.push(this.#cells.giveBack(cell, job.tenant, whole)),
    });
    try {
      return await bootWith(options, keeper(false));
    } catch (error) {
      if (!(error instanceof IsolationError) || was === undefined || was === "made") throw error;
      return bootWith(options, keeper(true));
    }
  }

  /** A boot is done. Its caller hears of it afterwards. */
  #over(job: Job, outcome: PoolOutcome, ms: number | undefined, error?: string): void {
    job.stopListening();
    if (this.#running.delete(job)) this.#ending++;
    this.#measures.ended(job.tenant, outcome, ms, error);
  }

  /** Nothing of a boot is left. What its caller throws is no affair of others', and is told of by a warning. */
  #gone({ onGone }: PooledBoot): void {
    try {
      onGone();
    } catch (error) {
      process.emitWarning(`onGone of a boot of pool ${this.options.name} failed: ${thrownText(error)}`);
    }
  }

  /** Ends a boot that waits or runs. */
  #abort(job: Job, reason: unknown): void {
    const { places, heldMs } = this.#holds(job);
    if (this.#queue.remove(job.tenant, job, places * heldMs)) {
      const error = abortedBy(reason);
      this.#over(job, "aborted", undefined, error.message);
      job.reject(error);
      this.#gone(job);
      // The next one may fit where this one didn't.
      this.#admit();
      if (this.#queue.length === 0 && this.#running.size + this.#ending === 0) this.#drained();
    } else job.controller.abort(reason);
  }

  async close(given: PoolCloseOptions = {}): Promise<void> {
    const { signal } = closeOptions(given);
    if (this.#closed === undefined) {
      // Whoever is told may close it, too, or boot.
      this.#closed = Promise.resolve().then(() => this.#close());
      this.#measures.tell({ event: "closing" });
    }
    if (signal === undefined) return this.#closed;
    const abort = () => {
      for (const job of [...this.#queue.items(), ...this.#running]) this.#abort(job, signal.reason);
    };
    if (signal.aborted) abort();
    else void this.#closed.finally(onAbort(signal, abort));
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#queue.length + this.#running.size + this.#ending > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    await this.#cells.close();
    this.#measures.close();
    this.#measures.tell({ event: "closed" });
  }
}

function outcomeOf(error: unknown): PoolOutcome {
  return error instanceof AbortedError ? "aborted" : "rejected";
}
