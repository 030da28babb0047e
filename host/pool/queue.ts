// Who is next in a pool: tenants take turns by the time that their boots took, not by how many they ask for (start-time fair
// queueing). Whoever boots for long comes later the next time; whoever comes anew, or was away, comes at once, and has nothing
// saved up. Of one tenant the first comes first. Tenants whose boots take many times as long as usual have part of the places only:
// nothing that runs can be taken its place away, so there have to be some for the others.

/** What a boot is taken to last before anything is known, in milliseconds. */
const GUESS_MS = 50;
/** How fast the guess follows what boots took. */
const GUESS_SHARE = 0.1;
/** What is usual is found among so many boots: the one than which a quarter is quicker. */
const RECENT = 64;
const QUARTER = 4;
/** Whose boots take more than so many times as long is slow. */
const SLOW = 4;
/** Whoever takes less, in milliseconds, isn't: a busy machine makes that much of a difference. */
const SLOW_LEAST_MS = 250;
/** What a tenant's last boot counts for in how long its boots take, and of how many tenants that is remembered. */
const PACE_SHARE = 0.5;
const PACES_MAX = 1024;

/** Below so many tenants nobody is looked for who could be forgotten. */
const TENANTS_LEAST = 256;

interface Tenant<T> {
  waiting: T[];
  running: number;
  /** Where on the common scale of time its next boot stands. */
  turn: number;
}

/** What was taken, to be given back to `done`. */
export interface Turn {
  readonly tenant: string;
  /** What was charged for it in advance. */
  readonly charged: number;
  /** It is one of a tenant who is slow. */
  readonly slow: boolean;
}

/**
 * Items of tenants, of whom each may have `most` that are taken and not done yet, and those who are slow `slowMost` together.
 */
export class FairQueue<T> {
  readonly #tenants = new Map<string, Tenant<T>>();
  #length = 0;
  #running = 0;
  #now = 0;
  #guess = GUESS_MS;
  #sweepAt = TENANTS_LEAST;

  /** The last boots: whose they were, and what they took. */
  readonly #recent: { name: string; ms: number }[] = [];
  #usual = GUESS_MS;
  /** Tenants who had a quick one among them. */
  #quick = new Set<string>();
  /** How long boots of tenants take, who booted last in the end. */
  readonly #paces = new Map<string, number>();
  #slow = 0;

  constructor(
    private readonly most: number,
    private readonly slowMost: number,
  ) {}

  /** Items that wait. */
  get length(): number {
    return this.#length;
  }

  /** Tenants who have something that waits or runs, or have had more than their share. */
  get tenants(): number {
    return this.#tenants.size;
  }

  /** Items of `tenant` that wait. */
  waitingOf(tenant: string): number {
    return this.#tenants.get(tenant)?.waiting.length ?? 0;
  }

  /** All that wait, in no order. */
  *items(): Generator<T> {
    for (const { waiting } of this.#tenants.values()) yield* waiting;
  }

  /** Lines up. */
  add(name: string, item: T): void {
    let tenant = this.#tenants.get(name);
    if (tenant === undefined) {
      if (this.#tenants.size >= this.#sweepAt) this.#sweep();
      tenant = { waiting: [], running: 0, turn: this.#now };
      this.#tenants.set(name, tenant);
    }
    // Who didn't want anything meanwhile has no claim to it.
    if (tenant.waiting.length === 0 && tenant.running === 0) tenant.turn = Math.max(tenant.turn, this.#now);
    tenant.waiting.push(item);
    this.#length++;
  }

  /** Leaves the line; whether it was in it. */
  remove(name: string, item: T): boolean {
    const waiting = this.#tenants.get(name)?.waiting ?? [];
    const at = waiting.indexOf(item);
    if (at < 0) return false;
    waiting.splice(at, 1);
    this.#length--;
    this.#forget(name);
    return true;
  }

  /** Whose turn it is, unless nobody may. */
  next(): { tenant: string; item: T } | undefined {
    let first: { name: string; tenant: Tenant<T> } | undefined;
    for (const [name, tenant] of this.#tenants) {
      if (tenant.waiting.length === 0 || tenant.running >= this.most) continue;
      if (this.#slow >= this.slowMost && this.#isSlow(name)) continue;
      if (first === undefined || tenant.turn < first.tenant.turn) first = { name, tenant };
    }
    return first && { tenant: first.name, item: first.tenant.waiting[0]! };
  }

  /** Takes the first item of `name`'s, who is charged for it as for others until it is known what it took. */
  take(name: string): Turn {
    const tenant = this.#tenants.get(name)!;
    tenant.waiting.shift();
    this.#length--;
    tenant.running++;
    this.#running++;
    const slow = this.#isSlow(name);
    if (slow) this.#slow++;
    this.#now = Math.max(this.#now, tenant.turn);
    tenant.turn += this.#guess;
    return { tenant: name, charged: this.#guess, slow };
  }

  /** Whether `name`'s boots take long, beside those of somebody else. */
  #isSlow(name: string): boolean {
    const others = this.#quick.size > (this.#quick.has(name) ? 1 : 0);
    return others && (this.#paces.get(name) ?? 0) > this.#slowFrom;
  }

  get #slowFrom(): number {
    return Math.max(SLOW * this.#usual, SLOW_LEAST_MS);
  }

  #learn(name: string, ms: number): void {
    const before = this.#paces.get(name) ?? ms;
    this.#paces.delete(name);
    this.#paces.set(name, before + (ms - before) * PACE_SHARE);
    for (const oldest of this.#paces.keys()) {
      if (this.#paces.size <= PACES_MAX) break;
      this.#paces.delete(oldest);
    }
    this.#recent.push({ name, ms });
    if (this.#recent.length > RECENT) this.#recent.shift();
    const sorted = this.#recent.map((one) => one.ms).sort((a, b) => a - b);
    this.#usual = sorted[Math.floor(sorted.length / QUARTER)]!;
    this.#quick = new Set(this.#recent.filter((one) => one.ms <= this.#slowFrom).map((one) => one.name));
  }

  /** What was taken is done, after `ms`. */
  done({ tenant: name, charged, slow }: Turn, ms: number): void {
    const tenant = this.#tenants.get(name)!;
    tenant.running--;
    this.#running--;
    if (slow) this.#slow--;
    this.#learn(name, ms);
    tenant.turn += ms - charged;
    this.#guess += (ms - this.#guess) * GUESS_SHARE;
    this.#forget(name);
  }

  /** `name` is forgotten when there is nothing to be remembered; all are when nobody could come before them. */
  #forget(name: string): void {
    if (this.#length === 0 && this.#running === 0) this.#tenants.clear();
    else if (this.#isOver(this.#tenants.get(name))) this.#tenants.delete(name);
  }

  #sweep(): void {
    for (const [name, tenant] of this.#tenants) if (this.#isOver(tenant)) this.#tenants.delete(name);
    this.#sweepAt = Math.max(TENANTS_LEAST, 2 * this.#tenants.size);
  }

  /** Whether a tenant would be the same if it came anew. */
  #isOver(tenant: Tenant<T> | undefined): boolean {
    return tenant?.waiting.length === 0 && tenant.running === 0 && tenant.turn <= this.#now;
  }
}
