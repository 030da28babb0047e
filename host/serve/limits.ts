// What a service takes on besides boots: connections, bodies, answers, and how long each may take.

import { busy } from "./refusal.js";

const MIB = 1024 * 1024;

/** Bounds of a service; boots have their own, and so has the pool. */
export interface ServeLimits {
  /** Connections at a time. */
  connections: number;
  /** Bytes of a request's body. */
  bodyBytes: number;
  /** Bytes of all bodies whose boots aren't over. */
  bodiesBytes: number;
  /** Bytes of all answers that aren't sent yet. */
  unsentBytes: number;
  /** Images that are open at a time. */
  openImages: number;
  /** Milliseconds within which a request's head is to come, all of it. */
  headersMs: number;
  /** The same for head and body together. */
  bodyMs: number;
  /** Within which an answer is to be taken. */
  sendMs: number;
  /** How long a connection may be idle. */
  idleMs: number;
  /** How long boots may go on after the service was told to end. */
  drainMs: number;
}

/** The limits of a service that is given none; each can be changed alone. */
export const SERVE_LIMITS: Readonly<ServeLimits> = {
  connections: 1024,
  bodyBytes: MIB,
  bodiesBytes: 256 * MIB,
  unsentBytes: 1024 * MIB,
  openImages: 1024,
  headersMs: 10_000,
  bodyMs: 30_000,
  sendMs: 60_000,
  idleMs: 60_000,
  drainMs: 30_000,
};

/**
 * A sum of bytes, or of things, that has a bound. Tenants share it: who has a part of it already gets no more than is left for others.
 * Those without a name are whoever may ask for all.
 */
export class Budget {
  #used = 0;
  readonly #parts = new Map<string, number>();

  constructor(
    readonly most: number,
    /** What is said when there is no more. */
    private readonly full: string,
  ) {}

  /** What is taken. */
  get used(): number {
    return this.#used;
  }

  /** @throws Refusal when `tenant` couldn't take `count` for somebody of its who has `own` by now */
  check(count: number, tenant: string, own = 0): void {
    if (count === 0) return;
    const left = this.most - this.#used;
    if (count > left) throw busy(this.full);
    const part = this.#parts.get(tenant) ?? 0;
    if (tenant !== "" && part > own && part + count > left) throw busy(`${this.full}: of this tenant's`, 429);
  }

  /**
   * Takes `count` for `tenant`.
   * @throws Refusal as `check`
   */
  take(count: number, tenant: string, own = 0): void {
    this.check(count, tenant, own);
    this.#add(count, tenant);
  }

  /** Gives back what was taken. */
  give(count: number, tenant: string): void {
    this.#add(-count, tenant);
  }

  #add(count: number, tenant: string): void {
    this.#used += count;
    const part = (this.#parts.get(tenant) ?? 0) + count;
    if (part === 0) this.#parts.delete(tenant);
    else this.#parts.set(tenant, part);
  }
}
