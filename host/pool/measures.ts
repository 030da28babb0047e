// What a pool tells of itself: counts and how long things took, to whoever asks (`stats`), to a meter of OpenTelemetry's API,
// and as events on a channel of Node's diagnostics_channel. Whose boots they are is in events only: there are as many
// tenants as there are.

import { channel } from "node:diagnostics_channel";
import { thrownText } from "../text.js";

/** Where events of all pools come: `diagnostics_channel.subscribe("userboot-wasm:pool", (event) => ...)`. */
export const POOL_CHANNEL = "userboot-wasm:pool";

/** How a boot ended: as its result says; `aborted` by a signal, `rejected` with another error of the caller's or a cell's. */
export type PoolOutcome = "exec" | "exit" | "error" | "aborted" | "rejected";
/** Why a boot wasn't taken on: `PoolError.refused`. */
export type PoolRefusal = "queue" | "tenant" | "memory" | "closed";

/** Durations by how long they are, in milliseconds. */
export interface LatencyHistogram {
  /** How many. */
  count: number;
  /** All together. */
  sum: number;
  /** How many took at most `le`; the last one has them all. */
  buckets: { le: number; count: number }[];
}

/** What a pool knows of itself. All that were taken on are queued, running or done. */
export interface PoolStats {
  /** Boots that wait. */
  queued: number;
  /** Boots that run. */
  running: number;
  /** Threads or processes of boots that are done, on their way out; each still takes a place. */
  ending: number;
  /** Threads or processes that wait for a boot. */
  spares: number;
  /** Those that will soon. */
  starting: number;
  /** Bytes of guest memory of boots that run. */
  guestMemory: number;
  /** Tenants that are remembered. */
  tenants: number;
  /** Boots by how they ended. */
  done: Record<PoolOutcome, number>;
  /** Boots that were not taken on. */
  refused: Record<PoolRefusal, number>;
  /** Threads or processes: started, gone before they were wanted, used again. */
  cells: { started: number; failed: number; reused: number };
  /** How long boots waited. */
  queueMs: LatencyHistogram;
  /** How long they took after that. */
  bootMs: LatencyHistogram;
}

/** What comes on the channel. */
export interface PoolEvent {
  /** The pool's name. */
  pool: string;
  /** What happened. A spare is `lost` when it went before it was wanted. */
  event: "queued" | "started" | "done" | "refused" | "lost" | "closing" | "closed";
  /** Whose boot it is. */
  tenant?: string;
  /** Of `done`. */
  outcome?: PoolOutcome;
  /** Of `refused`. */
  refused?: PoolRefusal;
  /** Of `started`: how long it waited; of `done`: how long it took then. In milliseconds. */
  ms?: number;
  /** Of `done` and `lost`: what went wrong, in one line. It may have bytes of a guest's choice. */
  error?: string;
}

/** Attributes of a figure. */
export type MetricAttributes = Record<string, string>;
/** What a figure is. */
export interface MetricOptions {
  /** In words. */
  description?: string;
  /** As UCUM has it. */
  unit?: string;
}
/** Tells what a gauge shows. */
export type GaugeCallback = (result: { observe(value: number, attributes?: MetricAttributes): void }) => void;

/** The part of OpenTelemetry's `Meter` that a pool uses. */
export interface PoolMeter {
  /** Makes a counter. */
  createCounter(name: string, options?: MetricOptions): { add(value: number, attributes?: MetricAttributes): void };
  /** Makes a histogram. */
  createHistogram(
    name: string,
    options?: MetricOptions,
  ): { record(value: number, attributes?: MetricAttributes): void };
  /** Makes a gauge that asks when it is read. */
  createObservableGauge(
    name: string,
    options?: MetricOptions,
  ): { addCallback(callback: GaugeCallback): void; removeCallback(callback: GaugeCallback): void };
}

/** Upper bounds of a histogram's buckets, in milliseconds. */
const BOUNDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, Number.POSITIVE_INFINITY];

/** Durations as they come. */
export class Histogram {
  readonly #counts = new Array<number>(BOUNDS.length).fill(0);
  #sum = 0;

  /** Adds one. */
  record(ms: number): void {
    this.#counts[BOUNDS.findIndex((bound) => ms <= bound)]!++;
    this.#sum += ms;
  }

  /** What there is by now. */
  read(): LatencyHistogram {
    let count = 0;
    const buckets = BOUNDS.map((le, i) => {
      count += this.#counts[i]!;
      return { le, count };
    });
    return { count, sum: this.#sum, buckets };
  }
}

/** What a pool is doing at the moment. */
export type PoolLevels = Pick<
  PoolStats,
  "queued" | "running" | "ending" | "spares" | "starting" | "guestMemory" | "tenants"
>;

const SECOND = 1000;

/** A pool's figures. `levels` tells what changes all the time. */
export class PoolMeasures {
  readonly done: Record<PoolOutcome, number> = { exec: 0, exit: 0, error: 0, aborted: 0, rejected: 0 };
  readonly refused: Record<PoolRefusal, number> = { queue: 0, tenant: 0, memory: 0, closed: 0 };
  readonly cells = { started: 0, failed: 0, reused: 0 };
  readonly #queueMs = new Histogram();
  readonly #bootMs = new Histogram();
  readonly #channel = channel(POOL_CHANNEL);
  readonly #meter: ReturnType<typeof instruments> | undefined;

  constructor(
    private readonly pool: string,
    private readonly levels: () => PoolLevels,
    meter: PoolMeter | undefined,
  ) {
    this.#meter = meter && instruments(meter, pool, levels);
  }

  /** All of them. */
  read(): PoolStats {
    return {
      ...this.levels(),
      done: { ...this.done },
      refused: { ...this.refused },
      cells: { ...this.cells },
      queueMs: this.#queueMs.read(),
      bootMs: this.#bootMs.read(),
    };
  }

  /** Tells whoever listens. */
  tell(event: Omit<PoolEvent, "pool">): void {
    if (this.#channel.hasSubscribers) this.#channel.publish({ pool: this.pool, ...event } satisfies PoolEvent);
  }

  /** A boot begins to run after it waited for so long. */
  started(tenant: string, ms: number): void {
    this.#queueMs.record(ms);
    this.#report((meter) => meter.waited(ms / SECOND));
    this.tell({ event: "started", tenant, ms });
  }

  /** A boot has ended: so long after it began, or, without that, while it waited. */
  ended(tenant: string, outcome: PoolOutcome, ms: number | undefined, error?: string): void {
    this.done[outcome]++;
    if (ms !== undefined) this.#bootMs.record(ms);
    this.#report((meter) => meter.ended(outcome, ms === undefined ? undefined : ms / SECOND));
    this.tell({
      event: "done",
      tenant,
      outcome,
      ...(ms !== undefined && { ms }),
      ...(error !== undefined && { error }),
    });
  }

  /** A boot isn't taken on. */
  refuse(tenant: string, refused: PoolRefusal): void {
    this.refused[refused]++;
    this.#report((meter) => meter.refused(refused));
    this.tell({ event: "refused", tenant, refused });
  }

  /** A thread or process has gone before anybody wanted it. */
  lost(error: string): void {
    this.cells.failed++;
    this.tell({ event: "lost", error });
  }

  /** Nobody asks the gauges any more. */
  close(): void {
    this.#report((meter) => meter.close());
  }

  /** Tells the meter. What it throws is no affair of a boot's, and is told of by a warning. */
  #report(tell: (meter: ReturnType<typeof instruments>) => void): void {
    if (this.#meter === undefined) return;
    try {
      tell(this.#meter);
    } catch (error) {
      process.emitWarning(`the meter of pool ${this.pool} failed: ${thrownText(error)}`);
    }
  }
}

/** What a meter is told. */
function instruments(meter: PoolMeter, pool: string, levels: () => PoolLevels) {
  const own = { "userboot.pool": pool };
  const boots = meter.createCounter("userboot.pool.boots", { description: "Boots that have ended", unit: "{boot}" });
  const refusals = meter.createCounter("userboot.pool.refusals", { description: "Boots not taken on", unit: "{boot}" });
  const waits = meter.createHistogram("userboot.pool.wait", { description: "How long boots waited", unit: "s" });
  const times = meter.createHistogram("userboot.pool.duration", { description: "How long boots took", unit: "s" });
  const gauges = (["queued", "running", "spares", "guestMemory"] as const).map((name) => {
    const gauge = meter.createObservableGauge(`userboot.pool.${name}`, name === "guestMemory" ? { unit: "By" } : {});
    const callback: GaugeCallback = (result) => result.observe(levels()[name], own);
    gauge.addCallback(callback);
    return () => gauge.removeCallback(callback);
  });
  return {
    waited: (seconds: number) => waits.record(seconds, own),
    ended(outcome: PoolOutcome, seconds: number | undefined) {
      boots.add(1, { ...own, outcome });
      if (seconds !== undefined) times.record(seconds, { ...own, outcome });
    },
    refused: (reason: PoolRefusal) => refusals.add(1, { ...own, reason }),
    close() {
      for (const remove of gauges) remove();
    },
  };
}
