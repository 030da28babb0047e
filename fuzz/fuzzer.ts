// The search: inputs that take edges which none before took, or take them more often, join the corpus, and the next ones
// are made of those. Everything is looked at on the way: how a run ended and how long it took, whether it does the same again,
// and, for some, whether the package does the same with it and leaves memory of zeros, and whether the module that isn't
// optimized does, all of whose blocks of memory have red zones.

import { performance } from "node:perf_hooks";
import { checkReleased } from "userboot-wasm";
import { FuzzDisk, type Place } from "./disk.js";
import { type Input, lineOf, weightOf } from "./input.js";
import type { Machine } from "./machine.js";
import { filledGranules, mutate } from "./mutate.js";
import { Random } from "./random.js";
import { LIMITS, type Outcome, type Session } from "./session.js";
import type { Base, Target } from "./target.js";

/** One in so many runs is done again, one as the package does it, and one with red zones. */
const AGAIN = 256;
const HOSTED = 512;
const GUARDED = 64;
/** Reads of which is kept where something is. */
const READS_KEPT = 4096;
/** A run may take this much more than its wall time. */
const OVER = 1.2;
/** Classes of how often an edge is taken: a bit each. */
const CLASSES = Uint8Array.from({ length: 256 }, (_, n) =>
  n === 0 ? 0 : n < 4 ? 1 << (n - 1) : n < 8 ? 8 : n < 16 ? 16 : n < 32 ? 32 : n < 128 ? 64 : 128,
);

/** An input of the corpus. */
export interface Kept {
  input: Input;
  /** What the core read of it. */
  places: readonly Place[];
  /** How often edges were taken: how long it takes, on every machine alike. */
  steps: number;
  chosen: number;
}

/** What must not happen. */
export interface Finding {
  input: Input;
  what: string;
}

/** Searches with one target. */
export class Fuzzer {
  readonly corpus: Kept[] = [];
  runs = 0;
  #judged = 0;
  /** Classes seen, edge by edge. */
  readonly seen: Uint8Array;
  /** Edges of the module with red zones that inputs took that were looked at closely. */
  readonly reached: Uint8Array;
  readonly #bases = new Map<string, { base: Base; disks: FuzzDisk[] }>();
  /** Where something is, by disks and reads. */
  readonly #filled = new Map<FuzzDisk, Map<string, number[]>>();
  readonly #random: Random;
  readonly #words: Uint8Array[];

  constructor(
    readonly target: Target,
    readonly machine: Machine,
    seed: number,
    private readonly guarded?: Machine,
  ) {
    this.seen = new Uint8Array(machine.edges);
    this.reached = Uint8Array.from(guarded?.started ?? []);
    this.#random = new Random(seed);
    this.#words = (target.words ?? []).map((word) => (typeof word === "string" ? Buffer.from(word, "latin1") : word));
  }

  get edges(): number {
    return this.seen.reduce((sum, classes) => sum + (classes === 0 ? 0 : 1), 0);
  }

  /** Makes the bases, of which each is an input. */
  async open(): Promise<Input[]> {
    for (const [name, make] of Object.entries(this.target.bases)) {
      const base = await make();
      if (base === undefined) continue;
      this.#bases.set(name, { base, disks: base.disks.map((disk, i) => new FuzzDisk(disk, i)) });
    }
    return [...this.#bases.keys()].map((base) => ({ base, edits: [] }));
  }

  /** A session with the disks and the text of an input; `restore` comes behind its run. */
  #prepare(input: Input): { session: Session; disks: FuzzDisk[]; restore: () => void } {
    const known = this.#bases.get(input.base);
    if (known === undefined) throw new Error(`target ${this.target.name} has no base "${input.base}"`);
    const { base, disks } = known;
    for (const { at, bytes, disk } of input.edits) disks[disk]?.write(at, bytes);
    if (input.edits.length > 0) this.target.seal?.(disks);
    const [first] = disks;
    if (first !== undefined && input.cut !== undefined) first.size = Math.max(1, Math.min(input.cut, first.size));
    const text = input.text ?? (base.text === undefined ? undefined : Buffer.from(base.text, "latin1"));
    const restore = () => {
      for (const disk of disks) disk.restore();
    };
    return { session: this.target.session(disks, text, input), disks, restore };
  }

  /** Runs an input once; the counters are the machine's. */
  run(input: Input, places?: Place[], machine = this.machine): Outcome & { ms: number } {
    const { disks, restore, session } = this.#prepare(input);
    for (const disk of disks) disk.places = places;
    const began = performance.now();
    try {
      const outcome = session.drive(machine);
      const fault = outcome.fault ?? machine.heapFault;
      return { ...outcome, fault, ms: performance.now() - began };
    } finally {
      for (const disk of disks) disk.places = undefined;
      restore();
      this.runs++;
    }
  }

  /** Edges that an input takes: a one each, of the module and then of the one with red zones. */
  edgesOf(input: Input): Uint8Array {
    const machines = [this.machine, ...(this.guarded === undefined ? [] : [this.guarded])];
    const parts = machines.map((machine) => {
      this.run(input, undefined, machine);
      return Uint8Array.from(machine.counters, (count) => (count === 0 ? 0 : 1));
    });
    return Buffer.concat(parts);
  }

  /** Runs it as the package does. */
  async hosted(input: Input): Promise<Outcome | undefined> {
    const { restore, session } = this.#prepare(input);
    // Not in each run: all of guest memory is looked at.
    checkReleased(true);
    try {
      return await session.hosted?.();
    } finally {
      checkReleased(false);
      restore();
    }
  }

  /** Runs an input, and says what is wrong about that. With `closely` all is looked at. */
  async judge(input: Input, closely = false): Promise<string | undefined> {
    this.#judged++;
    const first = this.run(input);
    if (first.fault !== undefined) return first.fault;
    const guarded = closely || this.#judged % GUARDED === 0 ? this.#withRedZones(input, first) : undefined;
    if (guarded !== undefined) return guarded;
    const again = closely || this.#judged % AGAIN === 0;
    const tooLong = first.ms > LIMITS.wallMs * OVER || first.end.includes("limit wallMs");
    if (again || tooLong) {
      const counters = this.machine.counters.slice();
      const second = this.run(input);
      if (tooLong && second.ms > LIMITS.wallMs) return `time: ${Math.round(second.ms)} ms of ${LIMITS.wallMs}`;
      if (!tooLong && (second.end !== first.end || second.text !== first.text))
        return `not the same again: ${first.end}, ${second.end}`;
      if (!tooLong && !Buffer.from(counters.buffer).equals(Buffer.from(this.machine.counters.slice().buffer)))
        return "not the same way again";
    }
    if (tooLong || !(closely || this.#judged % HOSTED === 0)) return undefined;
    return this.#compare(input, first);
  }

  /** Runs an input in the module with red zones. What limits end there comes sooner or later than elsewhere. */
  #withRedZones(input: Input, first: Outcome): string | undefined {
    const { guarded } = this;
    if (guarded === undefined) return undefined;
    const { end, fault, text } = this.run(input, undefined, guarded);
    for (const [i, count] of guarded.counters.entries()) if (count !== 0) this.reached[i] = 1;
    if (fault !== undefined) return `with red zones: ${fault}`;
    if (end.startsWith("LimitError") || first.end.startsWith("LimitError")) return undefined;
    if (end !== first.end) return `not optimized it ends otherwise: "${end}", not "${first.end}"`;
    // Scripts may print where things are.
    const mayDiffer = text === first.text || this.target.module === "lua" || this.target.module === "4th";
    return mayDiffer ? undefined : "not optimized it tells something else";
  }

  async #compare(input: Input, driven: Outcome): Promise<string | undefined> {
    let hosted: Outcome | undefined;
    try {
      hosted = await this.hosted(input);
    } catch (error) {
      return `the package: rejected with ${(error as Error)?.stack ?? error}`;
    }
    if (hosted === undefined) return undefined;
    if (hosted.fault !== undefined) return `the package: ${hosted.fault}`;
    // What takes every checksum for right reads on where the package doesn't; another interpreter goes on where one ends.
    if (this.target.module === "inspect_unchecked" || driven.end.startsWith("swap ")) return undefined;
    if (driven.end.startsWith("LimitError") || hosted.end.startsWith("LimitError")) return undefined;
    if (hosted.end !== driven.end) return `the package ends otherwise: "${hosted.end}", not "${driven.end}"`;
    return hosted.text === driven.text ? undefined : "the package tells something else";
  }

  /** Whether the last run took edges in a way that is new, which is then known. */
  note(): boolean {
    const { counters } = this.machine;
    let isNew = false;
    for (let i = 0; i < counters.length; i++) {
      const count = counters[i]!;
      if (count === 0) continue;
      const known = this.seen[i]!;
      const now = known | CLASSES[count > 255 ? 255 : count]!;
      if (now === known) continue;
      this.seen[i] = now;
      isNew = true;
    }
    return isNew;
  }

  /** Takes an input into the corpus when it does something new. */
  consider(input: Input): boolean {
    const places: Place[] = [];
    this.run(input, places);
    if (!this.note()) return false;
    this.#keep(input, places);
    return true;
  }

  /** Changes one of the corpus, and runs that. */
  async step(): Promise<Finding | undefined> {
    const random = this.#random;
    const kept = this.#choose();
    kept.chosen++;
    const known = this.#bases.get(kept.input.base)!;
    const others = this.corpus.filter(({ input }) => input.base === kept.input.base);
    const text = known.base.text;
    const input = mutate(random, kept.input, {
      disks: known.disks,
      places: kept.places,
      filled: (place) => this.#filledIn(known.disks[place.disk]!, place),
      other: random.of(others).input,
      words: this.#words,
      text: text === undefined ? undefined : Buffer.from(text, "latin1"),
    });
    const what = await this.judge(input);
    if (what !== undefined) return { input, what };
    if (!this.note()) return undefined;
    const hosted = await this.judge(input, true);
    if (hosted !== undefined) return { input, what: hosted };
    const places: Place[] = [];
    this.run(input, places);
    this.#keep(input, places);
    return undefined;
  }

  #keep(input: Input, places: readonly Place[]): void {
    const steps = this.machine.counters.reduce((sum, count) => sum + count, 0);
    this.corpus.push({ input, places, steps, chosen: 0 });
  }

  #filledIn(disk: FuzzDisk, place: Place): number[] {
    let reads = this.#filled.get(disk);
    if (reads === undefined) {
      reads = new Map();
      this.#filled.set(disk, reads);
    }
    const key = `${place.at} ${place.size}`;
    const found = reads.get(key) ?? filledGranules(disk, place);
    // Reads at places that inputs made up are many, and all different.
    if (reads.size < READS_KEPT) reads.set(key, found);
    return found;
  }

  /** One of the corpus: of three the one that is quick, small and was chosen least. */
  #choose(): Kept {
    const cost = ({ chosen, input, steps }: Kept) => (chosen + 1) * (steps + 10_000) * (weightOf(input) + 50);
    const some = Array.from({ length: 3 }, () => this.#random.of(this.corpus));
    return some.reduce((best, next) => (cost(next) < cost(best) ? next : best));
  }
}

/** Orders inputs as a corpus has them: small ones first, then by their lines, so that the order is always the same. */
export function inOrder(inputs: readonly Input[]): Input[] {
  const lines = new Map(inputs.map((input) => [lineOf(input), input]));
  return [...lines].sort(([a, x], [b, y]) => weightOf(x) - weightOf(y) || (a < b ? -1 : 1)).map(([, input]) => input);
}
