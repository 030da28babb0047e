// What a session has used of its fuel and its wall time. The core burns fuel for what it does itself; the host burns
// it, by the same account, for what the core has it do, and looks at the clock while it does.

import { InternalError, LimitError } from "./errors.js";
import type { Limits } from "./options.js";
import { Stopwatch } from "./stopwatch.js";

/** What is counted while a session runs. */
export interface Counts {
  hostCalls: number;
  diskCalls: number;
  diskBytes: number;
  /** Blocks read although a copy, or a part of one, was bad. */
  healed: number;
  consoleBytes: number;
}

/** The core's own account. */
export interface FuelTank {
  fuelLeft(): bigint;
}

/** Bytes that the host copies, zeroes or reads for one unit of fuel. */
const BYTES_PER_UNIT = 64;
/** The limits are looked at whenever the host has burned so much more, some hundred microseconds of work, ... */
const UNITS_BETWEEN_LOOKS = 4096;
/** ... or this part of what is left, when that is less. */
const LEFT_SHARE = 16n;
/** Units for what is said behind a limit: some calls that print what was collected. */
const LAST_UNITS = 65_536;

/**
 * One session's account. It goes on over the session's instances, each of which runs on the fuel that the one before
 * left.
 */
export class Meter {
  /** The time that counts. */
  readonly watch = new Stopwatch();
  #left: bigint;
  #wallMs: number;
  /** What was used when the session was over. */
  #settled: number | undefined;
  #tank: FuelTank | undefined;
  /** Burned by the host for the instance that runs. */
  #burned = 0;
  #suspended = false;
  #nextLook = 0;
  /** What the host may have burned when `suspended` ends. */
  #lastUnits = 0;
  /** The instance has ended: an import that it calls yet is looked at, and refused. */
  #stopped = false;

  constructor(
    private limits: Pick<Limits, "fuel" | "wallMs">,
    private readonly onLook?: () => void,
  ) {
    this.#left = BigInt(limits.fuel);
    this.#wallMs = limits.wallMs;
  }

  /** Fuel that is left for the next instance. */
  get left(): bigint {
    return this.#left;
  }

  /** Fuel used by the instances that ended. */
  get used(): number {
    return this.#settled ?? Number(BigInt(this.limits.fuel) - this.#left);
  }

  /** Begins a new account, of the next request to a session that goes on. */
  renew(limits: Pick<Limits, "fuel" | "wallMs">): void {
    this.limits = limits;
    this.#left = BigInt(limits.fuel);
    this.#wallMs = limits.wallMs;
    this.watch.restart();
  }

  /** An instance runs on the fuel that is left. */
  start(tank: FuelTank): void {
    this.#tank = tank;
    this.#burned = 0;
    this.#stopped = false;
    this.#nextLook = unitsUntilLook(this.#left);
  }

  /** Runs `body` with neither limit looked at, for as long as what an instance has still to say when one of them has ended it. */
  suspended(body: () => void): void {
    this.#suspended = true;
    this.#lastUnits = this.#burned + LAST_UNITS;
    body();
    this.#suspended = false;
  }

  /** The session is over: what comes then isn't its own, and has what it left of its limits, but at least this much of each. */
  settle(fuel: bigint, ms: number): void {
    this.stop();
    this.#settled = this.used;
    this.#burned = 0;
    this.#stopped = false;
    if (this.#left < fuel) this.#left = fuel;
    this.#nextLook = unitsUntilLook(this.#left);
    this.#wallMs = Math.max(this.#wallMs, this.watch.ms + ms);
  }

  /** The instance has ended: what it is still asked for it tells without an import. */
  stop(): void {
    this.#stopped = true;
    this.#nextLook = 0;
    const tank = this.#tank;
    if (tank === undefined) return;
    this.#tank = undefined;
    const left = leftIn(tank) - BigInt(this.#burned);
    // An instance gives back no more than it got.
    if (left < this.#left) this.#left = left > 0n ? left : 0n;
  }

  /**
   * Counts one call of an import.
   * @throws LimitError now and then, when a limit is exceeded
   */
  call(): void {
    if (++this.#burned >= this.#nextLook) this.look();
  }

  /**
   * Counts work on so many bytes.
   * @throws LimitError now and then, when a limit is exceeded
   */
  work(bytes: number): void {
    this.#burned += Math.ceil(bytes / BYTES_PER_UNIT);
    if (this.#burned >= this.#nextLook) this.look();
  }

  /**
   * Looks at both limits.
   * @throws LimitError when one is exceeded, InternalError behind the instance's end
   */
  look(): void {
    if (this.#stopped) throw new InternalError("the core calls an import behind its end");
    const left = (this.#tank?.fuelLeft() ?? this.#left) - BigInt(this.#burned);
    this.#nextLook = this.#burned + unitsUntilLook(left);
    if (this.#suspended) {
      if (this.#burned > this.#lastUnits) throw new InternalError("the core doesn't come to its end");
      return;
    }
    this.onLook?.();
    this.checkTime();
    if (left < 0n) throw new LimitError("fuel", this.limits.fuel, this.limits.fuel);
  }

  /** Milliseconds until the wall time is used up. */
  get msLeft(): number {
    return this.#suspended ? Number.POSITIVE_INFINITY : Math.max(0, this.#wallMs - this.watch.ms);
  }

  /** @throws LimitError when the wall time is used up */
  checkTime(): void {
    if (this.#suspended) return;
    const used = this.watch.ms;
    if (used > this.#wallMs) throw new LimitError("wallMs", this.limits.wallMs, Math.ceil(used));
  }
}

/** What an instance that has ended has left; one that can't tell has nothing. */
function leftIn(tank: FuelTank): bigint {
  try {
    return BigInt(tank.fuelLeft());
  } catch {
    return 0n;
  }
}

function unitsUntilLook(left: bigint): number {
  return Number(left > LEFT_SHARE * BigInt(UNITS_BETWEEN_LOOKS) ? BigInt(UNITS_BETWEEN_LOOKS) : left / LEFT_SHARE) + 1;
}
