// `npm run fuzz -- flips`: single bits of a good image flipped, one after the other. Each time all of the image is read, and
// what is read without an error must be what is there: of ZFS, whose checksums are about everything, what was there before;
// of UFS, which has none, what a second reader makes of the changed image.
//
// Which bits are metadata: of UFS those that the second reader needs to find all files, and the partition table before it;
// their content isn't among them, as nothing tells that it was changed. Of ZFS all that the core reads to find the files,
// before their content; each run reads of that, too. A byte that isn't read needs no run: the run would do the same.

import { performance } from "node:perf_hooks";
import type { Description } from "../build/host/inspect/facts.js";
import { OPEN_LINK } from "../build/host/inspect/protocol.js";
import { FuzzDisk } from "./disk.js";
import type { FlipSample } from "./flip_samples.js";
import { inspecting } from "./inspecting.js";
import type { Requests } from "./look.js";
import type { Machine } from "./machine.js";
import { machineOf } from "./run.js";

/** What is flipped at most of a sample: the first bytes that are read. */
export const FLIPPED_MAX = 2 * 1024 * 1024;
/** How many paths are looked at, how deep, and how much of files and directories is read, where metadata lead on and on. */
const PATHS_MAX = 200;
const DEPTH_MAX = 6;
const READS_MAX = 64;
const ENTRIES_MAX = 4096;
/** Fuel ends a run, so that a busy machine finds what others do. */
const WALL_MS = 600_000;
/** Sessions may have so many reads before notes of them end (fuzz/disk.ts). */
const NOTES_MAX = 4096;

/** Bytes of a file that aren't in a hole. */
interface Piece {
  at: number;
  bytes: Buffer;
}

/** What was read at a path, or why nothing was. */
export interface Seen {
  error?: string;
  type?: string;
  size?: number;
  target?: string;
  names?: string[];
  content?: Piece[];
  /** Bytes that were gone through, and whether reading was given up there. */
  reach?: number;
  cut?: boolean;
}

/** By path, with the device before it; by the device alone how it is. */
export type Sight = Map<string, Seen>;

/** How runs ended: all as it was, errors where it isn't, what the changed metadata say, something else. */
export const KINDS = ["right", "error", "changed", "wrong"] as const;
export type Kind = (typeof KINDS)[number];

/** What came of a sample. */
export interface FlipReport {
  sample: string;
  bits: number;
  step: number;
  runs: number;
  ms: number;
  counts: Record<Kind, number>;
  /** The bits behind which something wrong was read, and what. */
  findings: string[];
}

/** Requests that read all there is, which goes into `sight`. */
function* readAll(sample: FlipSample, sight: Sight, contents: boolean): Requests {
  const { value } = yield { op: "describe" };
  const { pools, volumes } = value as Description;
  const isPool = sample.reader === undefined;
  for (const pool of pools)
    sight.set(pool.name, {
      names: pool.datasets.map(({ name }) => name),
      ...((pool.problems.length > 0 || pool.datasets.some(({ problem }) => problem)) && { error: "problems" }),
    });
  const devices = isPool
    ? pools.flatMap(({ datasets }) => datasets)
    : volumes.filter(({ fileSystem }) => fileSystem === "ufs").slice(0, 1);
  const most = contents ? sample.contentMax : 0;
  for (const { device } of devices) yield* walk(device, isPool ? device : "", sight, most);
}

/** Reads what is below a device; `name` is what stands for that in `sight`. */
function* walk(device: string, name: string, sight: Sight, most: number): Requests {
  const waiting = [{ path: "/", depth: 0 }];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { depth, path } = next;
    const { error, value } = yield { op: "open", path: `${device}${path}`, flags: OPEN_LINK };
    const key = `${name}${path}`;
    if (value === undefined) {
      sight.set(key, { error: error ?? "nothing" });
      continue;
    }
    const { handle, size, target, type } = value as Seen & { handle: number };
    const seen: Seen = {
      ...(type && { type }),
      ...(size !== undefined && { size }),
      ...(target !== undefined && { target }),
    };
    sight.set(key, seen);
    // Until it is read in full: a limit may end the run.
    seen.error = "unfinished";
    if (type !== "link" || target !== undefined) yield* within(handle, seen, most);
    const isOpen = depth < DEPTH_MAX && seen.error === undefined;
    for (const entry of isOpen ? new Set(seen.names) : []) {
      // No path leads to other ones.
      const isName = !/[/\0]/.test(entry) && entry !== "";
      if (isName && sight.size + waiting.length < PATHS_MAX)
        waiting.push({ path: `${path === "/" ? "" : path}/${entry}`, depth: depth + 1 });
    }
    yield { op: "release", handle };
  }
}

/** What is in an open file or directory; the error goes when all of it is known. */
function* within(handle: number, seen: Seen, most: number): Requests {
  if (seen.type === "file") return yield* content(handle, seen, most);
  if (seen.type === "directory") {
    const { error, value } = yield { op: "list", handle, most: ENTRIES_MAX, details: false };
    if (value === undefined) {
      seen.error = error ?? "nothing";
      return;
    }
    seen.names = (value as { entries: { name: string }[] }).entries.map(({ name }) => name);
  }
  delete seen.error;
}

function* content(handle: number, seen: Seen, most: number): Requests {
  const pieces: Piece[] = [];
  let position = 0;
  let asked = 0;
  for (; asked < READS_MAX && position < most; asked++) {
    const { bytes, error, hole = 0 } = yield { op: "read", handle, position, places: false };
    if (bytes === undefined) {
      seen.error = error ?? "nothing";
      return;
    }
    if (hole + bytes.length === 0) break;
    position += hole;
    if (position < most) pieces.push({ at: position, bytes: Buffer.from(bytes.subarray(0, most - position)) });
    position += bytes.length;
  }
  seen.content = pieces;
  seen.reach = Math.min(position, most);
  seen.cut = asked === READS_MAX;
  delete seen.error;
}

function whole({ content: pieces = [], reach = 0 }: Seen): Buffer {
  const all = Buffer.alloc(reach);
  for (const { at, bytes } of pieces) all.set(bytes, at);
  return all;
}

function sameContent(one: Seen, other: Seen): boolean {
  const [pieces, others] = [one.content ?? [], other.content ?? []];
  if (one.reach !== other.reach) return false;
  const alike =
    pieces.length === others.length &&
    pieces.every(({ at, bytes }, i) => at === others[i]!.at && bytes.equals(others[i]!.bytes));
  // A hole may also be told as zeros.
  return alike || whole(one).equals(whole(other));
}

const same = (one: Seen | undefined, other: Seen | undefined): boolean =>
  one !== undefined &&
  other !== undefined &&
  one.type === other.type &&
  // A directory's size is its own affair.
  (one.type === "directory" || one.size === other.size) &&
  one.target === other.target &&
  one.names?.join("\0") === other.names?.join("\0") &&
  sameContent(one, other);

/** Where a byte is. */
interface Stretch {
  disk: number;
  at: number;
  size: number;
}

/** A sample and the bits of it that are flipped. */
export class Flips {
  readonly #disks: FuzzDisk[];
  readonly #machine: Machine = machineOf("inspect");
  readonly #stretches: Stretch[];
  /** What is there. */
  readonly good: Sight;
  /** How many there are. */
  readonly bits: number;

  constructor(readonly sample: FlipSample) {
    this.#disks = sample.disks().map((disk, i) => new FuzzDisk(disk, i));
    const { end, sight } = this.read();
    this.good = sight;
    if (end !== "done" || [...sight.values()].some(({ error }) => error)) throw new Error(`${sample.name}: ${end}`);
    const found = sample.reader === undefined ? this.#noted(() => this.read(false)) : this.#ofReader(sample.reader);
    this.#stretches = stretchesOf(found);
    this.bits = this.#stretches.reduce((sum, { size }) => sum + size * 8, 0);
  }

  /** What is read of the disks meanwhile. */
  #noted(body: () => void): Stretch[] {
    for (const disk of this.#disks) disk.places = [];
    body();
    const read = this.#disks.flatMap(({ places }) => places ?? []);
    for (const disk of this.#disks) disk.places = undefined;
    if (read.length >= NOTES_MAX) throw new Error(`${this.sample.name}: more reads than are noted`);
    return read;
  }

  /** What a second reader needs, and what is before the file system. */
  #ofReader(make: NonNullable<FlipSample["reader"]>): Stretch[] {
    const [disk] = this.#disks;
    const read = this.#noted(() => {
      const reader = make(disk!);
      for (const [path, { type }] of this.good) {
        reader.look(path);
        if (type === "file") reader.places(path, this.sample.contentMax);
      }
    });
    return [{ disk: 0, at: 0, size: this.sample.table ?? 0 }, ...read];
  }

  /** Reads all of it as it is now. */
  read(contents = true): { end: string; sight: Sight; fault?: string | undefined } {
    const sight: Sight = new Map();
    const { end, fault } = inspecting(this.#disks, () => readAll(this.sample, sight, contents), {
      wallMs: WALL_MS,
    }).drive(this.#machine);
    return { end, sight, fault };
  }

  /** What is to be said of a run. */
  judge(end: string, sight: Sight): { kind: Kind; what?: string } {
    const reader = this.sample.reader;
    const other = [...sight].filter(([path, seen]) => seen.error === undefined && !same(seen, this.good.get(path)));
    if (other.length === 0) {
      const paths = [...this.good.keys()];
      if (end === "done" && paths.every((path) => isGood(sight.get(path)))) return { kind: "right" };
      const lost = paths.find((path) => !sight.has(path) && isGood(sight.get(parentOf(path))));
      if (end === "done" && lost !== undefined) return { kind: "wrong", what: `${lost}: not there, and no error` };
      return { kind: "error" };
    }
    for (const [path, seen] of other) {
      const plain =
        reader === undefined ? this.good.get(path) : this.#byPlain(reader, path, seen.cut ? seen.reach : undefined);
      if (!same(seen, plain)) return { kind: "wrong", what: `${path}: ${told(seen)}, not ${told(plain)}` };
    }
    return { kind: "changed" };
  }

  /** What the second reader has at a path. */
  #byPlain(make: NonNullable<FlipSample["reader"]>, path: string, reach = this.sample.contentMax): Seen {
    try {
      const plain = make(this.#disks[0]!);
      const entry = plain.look(path);
      if (entry.type !== "file") return entry;
      const bytes = plain.read(path, reach);
      return { ...entry, content: [{ at: 0, bytes }], reach: bytes.length };
    } catch (error) {
      return { error: (error as Error).message };
    }
  }

  /** Flips a bit, reads, and flips it back. */
  flip(bit: number): { kind: Kind; what?: string } {
    let rest = bit >> 3;
    for (const { at, disk, size } of this.#stretches) {
      if (rest >= size) {
        rest -= size;
        continue;
      }
      const target = this.#disks[disk]!;
      const where = `disk${disk} offset ${at + rest} bit ${bit & 7}`;
      const byte = target.bytes(at + rest, 1);
      byte[0]! ^= 1 << (bit & 7);
      target.write(at + rest, byte);
      try {
        const { end, fault, sight } = this.read();
        const { kind, what } = fault === undefined ? this.judge(end, sight) : { kind: "wrong" as const, what: fault };
        return { kind, ...(what !== undefined && { what: `${where}: ${what}` }) };
      } finally {
        target.restore();
      }
    }
    throw new Error(`no bit ${bit}`);
  }
}

/** The directory that a path is in; what it is for the root doesn't matter. */
function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return path.slice(0, slash === 0 || path[slash - 1] === ":" ? slash + 1 : slash);
}

const isGood = (seen: Seen | undefined) => seen !== undefined && seen.error === undefined;

function told(seen: Seen | undefined): string {
  if (seen === undefined) return "nothing";
  const { content: _pieces, ...rest } = seen;
  return JSON.stringify({ ...rest, ...(seen.reach && { content: whole(seen).toString("hex", 0, 16) }) });
}

/** Bytes that were read, each once, in the order of the disks, as far as they are flipped. */
function stretchesOf(read: readonly Stretch[]): Stretch[] {
  const found: Stretch[] = [];
  let left = FLIPPED_MAX;
  let done = { disk: -1, end: 0 };
  for (const { at, disk, size } of [...read].sort((one, other) => one.disk - other.disk || one.at - other.at)) {
    if (disk !== done.disk) done = { disk, end: 0 };
    const from = Math.max(at, done.end);
    const length = Math.min(at + size - from, left);
    done.end = Math.max(done.end, at + size);
    if (length <= 0) continue;
    found.push({ disk, at: from, size: length });
    left -= length;
  }
  return found;
}

/** How many runs, or how long; which part of the bits, as each worker has one. */
export interface FlipExtent {
  runs?: number;
  ms?: number;
  part?: number;
  parts?: number;
}

/** The share of all bits that lies between two that follow each other, so that any number of them is spread evenly. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

const common = (one: number, other: number): number => (other === 0 ? one : common(other, one % other));

/** Flips bits of a sample, as many as fit, evenly over its part. */
export function flipSample(sample: FlipSample, { ms, part = 0, parts = 1, runs }: FlipExtent): FlipReport {
  const flips = new Flips(sample);
  const began = performance.now();
  const counts: Record<Kind, number> = { right: 0, error: 0, changed: 0, wrong: 0 };
  const findings: string[] = [];
  const first = Math.floor((flips.bits * part) / parts);
  const range = Math.floor((flips.bits * (part + 1)) / parts) - first;
  let stride = Math.max(1, Math.floor(range * GOLDEN));
  while (common(range, stride) !== 1) stride++;
  let done = 0;
  for (let bit = 0; done < Math.min(range, runs ?? range); bit = (bit + stride) % range) {
    if (ms !== undefined && performance.now() - began > ms) break;
    const { kind, what } = flips.flip(first + bit);
    counts[kind]++;
    done++;
    if (kind === "wrong") findings.push(what!);
  }
  const step = Math.round(range / done);
  return { sample: sample.name, bits: flips.bits, step, runs: done, ms: performance.now() - began, counts, findings };
}
