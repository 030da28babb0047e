// A pool's threads and processes that aren't at work: spares, started before anybody wants them, and those kept for the tenant
// whose guest was in them. What fails to start, or goes before it is wanted, is replaced; later and later, when that goes on.

import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { gunzipSync } from "node:zlib";
import { bootWith } from "../boot.js";
import { KeysConsole } from "../console/keys.js";
import type { Ways } from "../disks/serving.js";
import { IsolationError } from "../errors.js";
import type { Cell, CellKeeper } from "../isolation/cell.js";
import { type Ahead, cellFor, waysTo } from "../isolation/makers.js";
import { type BootOptions, sessionOptions } from "../options.js";
import { thrownText } from "../text.js";
import type { PoolMeasures } from "./measures.js";
import type { SettledPool } from "./options.js";

/** RAM of the guest of a rehearsal. */
const REHEARSAL_MEMORY = 32 * 1024 * 1024;
/** The project's own guest. */
const REHEARSAL_IMAGE = new URL("../../../images/amd64-ufs2-gpt.img.gz", import.meta.url);
let unpacked: Uint8Array | undefined;

/** The disk of a rehearsal; none where this package is without its images. */
function rehearsalDisks(): Uint8Array[] {
  if (unpacked === undefined && existsSync(REHEARSAL_IMAGE)) unpacked = gunzipSync(readFileSync(REHEARSAL_IMAGE));
  return unpacked === undefined ? [] : [unpacked];
}

/** How images get into the cells of a pool: a process was there before they were known. */
export function poolWays(isolation: "process" | "thread"): Ways {
  return { ...waysTo(isolation), images: isolation === "thread" };
}

/** A spare is ready within this time, or is given up. */
const READY_MAX_MS = 60_000;
/** After a spare that was lost the next one waits: so long, twice as long each time, and never longer. */
const PAUSE_MS = 50;
const PAUSE_MAX_MS = 30_000;
/** Doublings until then. */
const PAUSES_MAX = 10;

interface Spare {
  cell: Cell;
  /** It is taken when it is ready, or while it loads its program: then its boot waits for that, and has no rehearsal. */
  state: "loading" | "rehearsing" | "ready";
  /** Ends its rehearsal. */
  controller: AbortController;
  timer?: ReturnType<typeof setTimeout>;
}

/** A cell that is taken, and whether it was there before. */
export interface Taken {
  cell: Cell;
  was: "made" | "spare" | "kept";
}

/** Those of a pool. */
export class PoolCells {
  readonly #ahead: Ahead;
  readonly #spares = new Set<Spare>();
  /** In the order in which they came. */
  readonly #kept = new Map<Cell, string>();
  /** Those that are being made, or ended. */
  readonly #busy = new Set<Promise<unknown>>();
  #making = 0;
  #losses = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(
    private readonly options: SettledPool,
    private readonly measures: PoolMeasures,
  ) {
    const { isolation, limits, loader } = options;
    const typical = sessionOptions({ isolation, loader, memory: limits.bootMemory });
    this.#ahead = { options: typical, stays: true };
  }

  /** How many spares can be used at once. */
  get spares(): number {
    return [...this.#spares].filter(({ state }) => state === "ready").length;
  }

  /** How many will be soon. */
  get starting(): number {
    return this.#making + this.#spares.size - this.spares;
  }

  /** One for a boot of `tenant`: kept for it, a spare, or, also when it is to be `fresh`, a new one. */
  async take(tenant: string, fresh: boolean): Promise<Taken> {
    const taken = fresh ? undefined : (this.#takeKept(tenant) ?? this.#takeSpare());
    // Its place is filled when the boot is over: whatever starts now is in its way.
    taken?.cell.hold(true);
    if (taken !== undefined) return taken;
    return { cell: await this.#make(), was: "made" };
  }

  #takeKept(tenant: string): Taken | undefined {
    for (const [cell, whose] of this.#kept) {
      if (whose !== tenant) continue;
      this.#kept.delete(cell);
      this.measures.cells.reused++;
      return { cell, was: "kept" };
    }
    return undefined;
  }

  #takeSpare(): Taken | undefined {
    const spares = [...this.#spares];
    const spare = spares.find(({ state }) => state === "ready") ?? spares.find(({ state }) => state === "loading");
    if (spare === undefined) return undefined;
    this.#forget(spare);
    return { cell: spare.cell, was: "spare" };
  }

  /** Takes a cell back whose boot for `tenant` is over; ends it unless it is kept. */
  async giveBack(cell: Cell, tenant: string, whole: boolean): Promise<void> {
    // Whatever brought spares down before is over: this one could begin.
    if (whole) this.#losses = 0;
    if (!whole || this.options.reuse !== "tenant" || cell.renew === undefined || this.#closed) return this.#end(cell);
    cell.renew();
    cell.hold(false);
    this.#kept.set(cell, tenant);
    cell.onFailure((reason) => {
      if (this.#kept.delete(cell)) this.#lost(cell, reason);
    });
    for (const oldest of [...this.#kept.keys()].slice(0, -this.options.size)) {
      this.#kept.delete(oldest);
      void this.#end(oldest);
    }
  }

  /** Starts as many spares as are missing, so many at a time as there are processors for them. */
  fill(): void {
    while (
      !this.#closed &&
      this.#pause === undefined &&
      this.#spares.size + this.#making < this.options.spare &&
      this.starting < availableParallelism()
    ) {
      this.#making++;
      this.#start().catch((error) => this.#lost(undefined, error));
    }
  }

  async #start(): Promise<void> {
    let cell: Cell;
    try {
      cell = await this.#make();
    } finally {
      this.#making--;
    }
    if (this.#closed) return this.#end(cell);
    const spare: Spare = { cell, state: "loading", controller: new AbortController() };
    this.#spares.add(spare);
    const lost = (reason: unknown) => {
      if (this.#forget(spare)) this.#lost(cell, reason);
    };
    spare.timer = setTimeout(() => lost(`it isn't ready after ${READY_MAX_MS / 1000} s`), READY_MAX_MS);
    spare.timer.unref();
    cell.hold(false);
    cell.onFailure(lost);
    await cell.ready;
    if (this.#spares.has(spare)) await this.#rehearse(spare).catch(lost);
    // Whoever has it by now holds it, or waits for its end.
    if (!this.#spares.has(spare)) return;
    cell.hold(false);
    cell.onFailure(lost);
    clearTimeout(spare.timer);
    spare.state = "ready";
    this.fill();
  }

  /** Boots a guest of ours in a spare: what a boot needs is compiled then, and has been run. */
  async #rehearse(spare: Spare): Promise<void> {
    const { isolation, loader } = this.options;
    const { cell, controller } = spare;
    spare.state = "rehearsing";
    const options: BootOptions = {
      isolation,
      disks: rehearsalDisks(),
      start: loader,
      interfaceVersion: 4,
      memory: REHEARSAL_MEMORY,
      clock: "virtual",
      console: new KeysConsole(["boot\r"]),
      signal: controller.signal,
    };
    const keeper: CellKeeper = {
      ways: poolWays(isolation),
      take: () => cell,
      async giveBack(_cell, whole) {
        if (!whole) throw new IsolationError("a rehearsal didn't come to its end");
        cell.renew?.();
      },
    };
    (await bootWith(options, keeper)).release();
    await cell.keepCode?.();
  }

  async #make(): Promise<Cell> {
    const { confine, isolation } = this.options;
    const cell = await this.#while(cellFor(isolation, { confine, ahead: this.#ahead }));
    this.measures.cells.started++;
    return cell;
  }

  /** Whether `spare` was still there. */
  #forget(spare: Spare): boolean {
    clearTimeout(spare.timer);
    spare.controller.abort();
    return this.#spares.delete(spare);
  }

  /** A cell has gone before it was wanted, or couldn't be made. */
  #lost(cell: Cell | undefined, reason: unknown): void {
    this.measures.lost(thrownText(reason));
    if (cell !== undefined) void this.#end(cell);
    if (this.#closed || this.#pause !== undefined) return;
    const ms = Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** Math.min(this.#losses++, PAUSES_MAX));
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.fill();
    }, ms);
    this.#pause.unref();
  }

  #end(cell: Cell): Promise<void> {
    // Nobody's process ends while it waits for this.
    cell.hold(true);
    return this.#while(cell.terminate());
  }

  /** What `close` waits for, too. */
  #while<T>(work: Promise<T>): Promise<T> {
    this.#busy.add(work);
    const done = () => void this.#busy.delete(work);
    work.then(done, done);
    return work;
  }

  /** Ends all that aren't at work. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#pause);
    for (const spare of [...this.#spares]) {
      this.#forget(spare);
      void this.#end(spare.cell);
    }
    for (const cell of this.#kept.keys()) void this.#end(cell);
    this.#kept.clear();
    while (this.#busy.size > 0) await Promise.allSettled(this.#busy);
  }
}
