// Who is next in a pool: tenants take turns by the time that their boots have taken, those that run too, not by how many they ask for
// (start-time fair queueing). Whoever boots for long comes later the next time; whoever comes anew, or wanted no more for a while,
// comes at once, and has nothing saved up. Of one tenant the first comes first. Tenants who had a boot that took many times as long as usual have part of the places
// only, for a while: nothing that runs can be taken its place away, so there have to be some for the others.

/** What is usual before anything is known, in milliseconds. */
const USUAL_MS = 50;
/** What is usual is found among so many boots, of each tenant's the last one: that than which a quarter is quicker. */
const RECENT = 128;
const QUARTER = 4;
/** Who had a boot that took more than so many times as long is slow. */
const SLOW = 4;
/** Whoever takes less, in milliseconds, isn't: a busy machine makes that much of a difference. */
const SLOW_LEAST_MS = 250;
/**
 * For how many times as long as its boot took a tenant is slow then, or until the next one is done that waits or runs by the end of
 * that. Quick ones meanwhile change nothing: they cost it nothing.
 */
const SLOW_FOR = 10;
/**
 * What somebody has had moves the common scale by this part of what it would be for each that waits or runs. Boots of names that are
 * always new would leave it where it is: nobody else would come, and all of those names would be remembered.
 */
const DRIFT = 0.25;

/** Below so many tenants nobody is looked for who could be forgotten. */
const TENANTS_LEAST = 256;

interface Tenant<T> {
  waiting: T[];
  running: Set<Turn>;
  /** Where it stands on the common scale of time, by its boots that are done. */
  had: number;
}

/** What was taken, to be given back to `done`. */
export interface Turn {
  readonly tenant: string;
  /** When it began to hold places. */
  readonly began: number;
  /** How many it holds, and for how long it did so before it was taken. */
  readonly places: number;
  readonly heldMs: number;
}

/**
 * Items of tenants, of whom each may have `most` that are taken and not done yet, and those who are slow `slowMost` together.
 */
export class FairQueue<T> {
  readonly #tenants = new Map<string, Tenant<T>>();
  #length = 0;
  #running = 0;
  #now = 0;
  #sweepAt = TENANTS_LEAST;

  /** The last boots: whose they were, and what they took. */
  readonly #recent: { name: string; ms: number }[] = [];
  #usual = USUAL_MS;
  /** Tenants who had a quick one among them. */
  #quick = new Set<string>();
  /**
   * Boots that took long, and until when their tenants are slow at least. Each was at work for a part of that time: besides those
   * of tenants who have something that waits or runs there are a few for each place.
   */
  readonly #long = new Map<string, { ms: number; until: number }>();

  constructor(
    private readonly most: number,
    private readonly slowMost: number,
    /** Whether an item has to wait for others of its tenant's that run. */
    private readonly waitsForItsOwn: (item: T) => boolean = () => false,
    /** Milliseconds. */
    private readonly clock = () => performance.now(),
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
      tenant = { waiting: [], running: new Set(), had: this.#now };
      this.#tenants.set(name, tenant);
    }
    this.#forgive(name);
    // Who didn't want more meanwhile has no claim to it.
    if (tenant.waiting.length === 0) this.#catchUp(tenant);
    tenant.waiting.push(item);
    this.#length++;
  }

  /** Leaves the line, of whose places it kept some free for `hadMs` in all; whether it was in it. */
  remove(name: string, item: T, hadMs = 0): boolean {
    const tenant = this.#tenants.get(name);
    const at = tenant?.waiting.indexOf(item) ?? -1;
    if (tenant === undefined || at < 0) return false;
    tenant.waiting.splice(at, 1);
    this.#charge(tenant, hadMs);
    this.#length--;
    this.#forget(name);
    return true;
  }

  /** Whose turn it is, unless nobody may. */
  next(): { tenant: string; item: T } | undefined {
    let first: { name: string; tenant: Tenant<T>; turn: number } | undefined;
    const full = this.#slowRunning >= this.slowMost;
    for (const [name, tenant] of this.#tenants) {
      if (tenant.waiting.length === 0 || !this.#mayRun(name, full)) continue;
      if (this.waitsForItsOwn(tenant.waiting[0]!)) {
        // What it doesn't get meanwhile is others'.
        this.#catchUp(tenant);
        continue;
      }
      // What has only begun counts as what is usual, so that nobody takes all places at once.
      const turn = this.#hadBy(tenant, this.#usual);
      if (first === undefined || turn < first.turn) first = { name, tenant, turn };
    }
    return first && { tenant: first.name, item: first.tenant.waiting[0]! };
  }

  /** Whether one more of `name`'s would be taken at once. */
  isNext(name: string): boolean {
    this.#forgive(name);
    return (
      this.next() === undefined && this.waitingOf(name) === 0 && this.#mayRun(name, this.#slowRunning >= this.slowMost)
    );
  }

  /** Whether one more of `name`'s may run. `full` says whether those who are slow have all that they may. */
  #mayRun(name: string, full: boolean): boolean {
    return (this.#tenants.get(name)?.running.size ?? 0) < this.most && !(full && this.#isSlow(name));
  }

  /** Where `tenant` stands by now, with what runs, which counts as `least` at least. */
  #hadBy({ had, running }: Tenant<T>, least = 0): number {
    const now = this.clock();
    for (const { began, places } of running) had += places * Math.max(now - began, least);
    return had;
  }

  /** `tenant` has no claims from before. */
  #catchUp(tenant: Tenant<T>): void {
    tenant.had += Math.max(0, this.#now - this.#hadBy(tenant));
  }

  /** Takes the first item of `name`'s, which holds so many `places` of others, and has kept them free for `heldMs`. */
  take(name: string, places = 1, heldMs = 0): Turn {
    const tenant = this.#tenants.get(name)!;
    tenant.waiting.shift();
    this.#length--;
    this.#now = Math.max(this.#now, this.#hadBy(tenant));
    const turn = { tenant: name, began: this.clock() - heldMs, places, heldMs };
    tenant.running.add(turn);
    this.#running++;
    return turn;
  }

  /** What runs of those who are slow, also if it began before they were. */
  get #slowRunning(): number {
    let sum = 0;
    for (const name of this.#long.keys()) if (this.#isSlow(name)) sum += this.#tenants.get(name)?.running.size ?? 0;
    return sum;
  }

  /** Whether a boot of `name`'s took long, beside those of somebody else. */
  #isSlow(name: string): boolean {
    const others = this.#quick.size > (this.#quick.has(name) ? 1 : 0);
    return others && (this.#long.get(name)?.ms ?? 0) > this.#slowFrom;
  }

  get #slowFrom(): number {
    return Math.max(SLOW * this.#usual, SLOW_LEAST_MS);
  }

  /** `name` isn't slow any more when the time for that is over; who is there has something `done` first. */
  #forgive(name: string, done = false): void {
    const long = this.#long.get(name);
    if (long !== undefined && long.until <= this.clock() && (done || !isHere(this.#tenants.get(name))))
      this.#long.delete(name);
  }

  #learn(name: string, ms: number): void {
    const slow = [...this.#long.keys()].filter((one) => this.#isSlow(one));
    for (const one of this.#long.keys()) this.#forgive(one, one === name);
    const until = this.clock() + SLOW_FOR * ms;
    if (ms > SLOW_LEAST_MS && until > (this.#long.get(name)?.until ?? 0)) this.#long.set(name, { ms, until });
    this.#recent.push({ name, ms });
    if (this.#recent.length > RECENT) this.#recent.shift();
    // However often somebody boots, that is one.
    const last = new Map<string, number>();
    for (const one of this.#recent) last.set(one.name, one.ms);
    const sorted = Float64Array.from(last.values()).sort();
    this.#usual = sorted[Math.floor(sorted.length / QUARTER)]!;
    this.#quick = new Set();
    for (const one of this.#recent) if (one.ms <= this.#slowFrom) this.#quick.add(one.name);
    // What those didn't get meanwhile who were slow was others'.
    for (const one of slow) {
      const tenant = this.#tenants.get(one);
      if (tenant !== undefined && !this.#isSlow(one)) this.#catchUp(tenant);
    }
  }

  /** What was taken is done, after `ms`. */
  done(turn: Turn, ms: number): void {
    const { tenant: name } = turn;
    const tenant = this.#tenants.get(name)!;
    tenant.running.delete(turn);
    this.#charge(tenant, turn.places * (turn.heldMs + ms));
    this.#running--;
    this.#learn(name, ms);
    this.#forget(name);
  }

  /** `tenant` has had so much, and is still counted. */
  #charge(tenant: Tenant<T>, ms: number): void {
    tenant.had += ms;
    this.#now += (DRIFT * ms) / (this.#length + this.#running);
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
    return tenant !== undefined && !isHere(tenant) && tenant.had <= this.#now;
  }
}

/** Whether something of `tenant`'s waits or runs. */
function isHere(tenant: Tenant<unknown> | undefined): boolean {
  return tenant !== undefined && tenant.waiting.length + tenant.running.size > 0;
}
