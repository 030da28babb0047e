// What a pool is given: its options and those of its boots, checked and completed.

import { availableParallelism, totalmem } from "node:os";
import { OptionError } from "../errors.js";
import { backedBytes } from "../memory/guest.js";
import { type Flavour, isFlavour } from "../modules.js";
import { BOOT_OPTIONS, type BootOptions, CONFINES, type Confine, sessionOptions } from "../options.js";
import {
  checkOptions,
  FUNCTION,
  hasMethods,
  isPlain,
  NUMBER,
  SIGNAL,
  shown,
  type Table,
  TEXT,
  type Wanted,
} from "../wanted.js";
import type { PoolMeter } from "./measures.js";

/** How much a pool takes on. */
export interface PoolLimits {
  /** Bytes of guest memory of all boots that run, together; half of the machine's memory unless said. */
  guestMemory?: number;
  /** Bytes of guest memory that processes are started for ahead; a boot with more gets one of its own. Default: 256 MiB. */
  bootMemory?: number;
  /** Boots of one tenant that run at a time; default: as many as run at all. */
  tenantRunning?: number;
  /** Boots of one tenant that wait; default: as many as others may still; all, for who has no name. */
  tenantQueued?: number;
}

/** What `createPool` takes. */
export interface PoolOptions {
  /** Where boots run, as `boot` has it: `"thread"` (default) or `"process"`. */
  isolation?: "process" | "thread";
  /** What holds processes besides their limits. */
  confine?: Confine;
  /** Boots that run at a time; default: as many as there are processors. */
  size?: number;
  /** Threads or processes that are there before a boot wants one; default: `size`. */
  spare?: number;
  /** Boots that wait, at most; default: 1000. */
  maxQueue?: number;
  /** How much it takes on. */
  limits?: PoolLimits;
  /**
   * Whether a thread or process is used again: `"never"` (default), or for boots of the same tenant, and only those. A guest that has
   * broken out of its module has then the tenant's other guests before it, and nobody else's.
   */
  reuse?: "never" | "tenant";
  /** The interpreter that boots most likely begin with: its module is compiled beforehand. Default: `"lua"`, as `boot` begins. */
  loader?: Flavour;
  /** Gets its figures: a `Meter` of OpenTelemetry's API, or what looks like one. */
  meter?: PoolMeter;
  /** What it is called in figures and events; default: `"userboot"`. */
  name?: string;
}

/** What a pool's `boot` takes: all of `boot`'s options but where it runs. */
export interface PoolBootOptions extends Omit<BootOptions, "assets" | "confine" | "isolation"> {
  /** For whom it is; tenants take turns. Default: the empty name, one tenant for all who don't say. */
  tenant?: string;
  /**
   * Told when nothing of the boot is left, its thread or process neither, which is later than its result: what was opened for it can
   * be closed. Told in every case but wrong options.
   */
  onGone?: () => void;
}

/** What `close` of a pool takes. */
export interface PoolCloseOptions {
  /** Ends what still waits and runs; without it the pool waits for all of it. */
  signal?: AbortSignal;
}

/** A pool's options, complete. */
export type SettledPool = Required<Omit<PoolOptions, "confine" | "limits" | "meter">> &
  Pick<PoolOptions, "confine" | "meter"> & {
    limits: Required<Omit<PoolLimits, "tenantQueued">> & Pick<PoolLimits, "tenantQueued">;
  };

/** Boots that wait, unless said. */
const QUEUE_DEFAULT = 1000;
/** What boots have unless they say. */
const BOOT_MEMORY_DEFAULT = 256 * 1024 * 1024;
/** Most threads or processes: more is a slip, and would take the machine down. */
const CELLS_MAX = 4096;

const POOL_OPTIONS = {
  isolation: TEXT,
  confine: TEXT,
  size: NUMBER,
  spare: NUMBER,
  maxQueue: NUMBER,
  limits: {
    what: "an object",
    is: isPlain,
    fields: {
      guestMemory: NUMBER,
      bootMemory: NUMBER,
      tenantRunning: NUMBER,
      tenantQueued: NUMBER,
    } satisfies Record<keyof PoolLimits, Wanted>,
  },
  reuse: TEXT,
  loader: TEXT,
  meter: {
    what: "a meter, with createCounter, createHistogram and createObservableGauge",
    is: (meter) => hasMethods(meter, "createCounter", "createHistogram", "createObservableGauge"),
  },
  name: TEXT,
} satisfies Record<keyof PoolOptions, Wanted>;

const { assets: _assets, confine: _confine, isolation: _isolation, ...BOOTS } = BOOT_OPTIONS;
const POOL_BOOT_OPTIONS: Table = { ...BOOTS, tenant: TEXT, onGone: FUNCTION } satisfies Record<
  keyof PoolBootOptions,
  Wanted
>;

/**
 * Completes a pool's options.
 * @throws OptionError
 */
export function poolOptions(options: PoolOptions): SettledPool {
  checkOptions("createPool", options, POOL_OPTIONS);
  const { isolation = "thread", confine, reuse = "never", loader = "lua", limits = {}, meter } = options;
  oneOf("isolation", isolation, ["process", "thread"]);
  oneOf("reuse", reuse, ["never", "tenant"]);
  if (!isFlavour(loader)) throw new OptionError(`unknown interpreter "${loader}"`);
  if (confine !== undefined) {
    oneOf("confine", confine, CONFINES);
    if (isolation !== "process")
      throw new OptionError(`"confine" goes with the isolation "process", not "${isolation}"`);
  }
  const size = whole("size", options.size ?? availableParallelism(), 1, CELLS_MAX);
  const maxQueue = whole("maxQueue", options.maxQueue ?? QUEUE_DEFAULT, 0);
  return {
    isolation,
    reuse,
    loader,
    size,
    maxQueue,
    spare: whole("spare", options.spare ?? size, 0, CELLS_MAX),
    name: options.name ?? "userboot",
    limits: {
      guestMemory: whole("limits.guestMemory", limits.guestMemory ?? Math.floor(totalmem() / 2), 1),
      bootMemory: whole("limits.bootMemory", limits.bootMemory ?? BOOT_MEMORY_DEFAULT, 1),
      tenantRunning: whole("limits.tenantRunning", limits.tenantRunning ?? size, 1),
      ...(limits.tenantQueued !== undefined && {
        tenantQueued: whole("limits.tenantQueued", limits.tenantQueued, 0),
      }),
    },
    ...(confine !== undefined && { confine }),
    ...(meter !== undefined && { meter }),
  };
}

/** A boot as a pool takes it on. */
export interface PooledBoot {
  tenant: string;
  options: BootOptions;
  /** Bytes of guest memory that it may come to use. */
  memory: number;
  onGone: () => void;
}

/**
 * What a boot of `pool` is.
 * @throws OptionError
 */
export function pooledBoot(given: PoolBootOptions, { isolation, confine }: SettledPool): PooledBoot {
  checkOptions("a pool's boot", given, POOL_BOOT_OPTIONS);
  const { tenant = "", onGone = () => {}, ...rest } = given;
  const options: BootOptions = { ...rest, isolation, ...(confine !== undefined && { confine }) };
  if (typeof (options.clock ?? "real") !== "string") throw new OptionError("a clock object can't go to a pool");
  const { memory } = sessionOptions(options);
  return { tenant, options, memory: backedBytes(memory.low), onGone };
}

/**
 * What is to end a closing pool at once.
 * @throws OptionError
 */
export function closeOptions(given: PoolCloseOptions): PoolCloseOptions {
  checkOptions("a pool's close", given, { signal: SIGNAL });
  return given;
}

function oneOf(name: string, value: string, known: readonly string[]): void {
  if (!known.includes(value)) throw new OptionError(`unknown ${name} "${value}" (there are ${known.join(", ")})`);
}

function whole(name: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new OptionError(`${name} must be a whole number from ${least} to ${most}, not ${shown(value)}`);
}
