// Files and directories as chains of clusters. What is known of a chain is kept as runs of clusters that follow each other, so
// that going back doesn't begin at its start, and a chain that comes back to itself is seen.

import { EIO } from "../../lib/errno";
import { burn, damaged } from "../../lib/fault";
import { Content, foundRun, HOLE } from "../content";
import { CHAIN_END, Geometry } from "./geometry";

/** Clusters that follow each other, and how many of the chain come before them. */
class Run {
  count: u32 = 1;

  constructor(
    readonly cluster: u32,
    readonly before: u32,
  ) {}
}

/** The bytes of a file or directory. */
export class Chain extends Content {
  private readonly runs: Run[] = [];
  /** Whether `runs` is all of it. */
  private complete: bool = false;
  /** The first cluster behind the last run that belongs to an earlier one. */
  private barrier: u32 = u32.MAX_VALUE;
  private recent: i32 = 0;

  constructor(
    readonly geometry: Geometry,
    /** The first cluster, which need not be one. */
    readonly first: u32,
    /** Bytes; of a directory of FAT, the most that it may have. */
    readonly size: u64,
    /** Whether it ends where its chain does, as directories of FAT do, rather than after `size`. */
    readonly openEnded: bool = false,
    /** Whether the clusters follow each other without the table saying so. */
    readonly contiguous: bool = false,
    /** Bytes that were written; what is behind them is zero. */
    readonly written: u64 = u64.MAX_VALUE,
  ) {
    super(geometry.volume);
  }

  length(): u64 {
    return this.size;
  }

  title(): string {
    return `${this.geometry.name()} cluster ${this.first}`;
  }

  /** Reports damage in it. Returns false. */
  damaged(what: string): bool {
    const geometry = this.geometry;
    const at = geometry.has(this.first) ? geometry.offset(this.first) : geometry.table;
    damaged(this.volume.where(at), `${this.title()}: ${what}`, EIO);
    return false;
  }

  map(position: u64, limit: u64): bool {
    const geometry = this.geometry;
    if (position >= this.written) return foundRun(HOLE, limit);
    const clusterSize = <u64>geometry.clusterSize;
    const within = position % clusterSize;
    const number = position / clusterSize;
    if (number >= <u64>geometry.clusters)
      return this.damaged(`${this.size} bytes, but there are ${geometry.clusters} clusters`);
    if (this.runs.length == 0 && !this.begin()) return false;
    const last = min(number + (within + limit - 1) / clusterSize, <u64>geometry.clusters - 1);
    if (!this.extend(<u32>number, <u32>last)) return false;
    const run = this.find(<u32>number);
    if (run === null) {
      return this.openEnded ? foundRun(HOLE, 0) : this.damaged(`ends before its ${this.size} bytes`);
    }
    const skipped = <u32>number - run.before;
    const size = <u64>(run.count - skipped) * clusterSize - within;
    return foundRun(geometry.offset(run.cluster + skipped) + within, min(size, this.written - position));
  }

  /** Takes the first cluster, or all when they follow each other. False and errno. */
  private begin(): bool {
    const geometry = this.geometry;
    if (!geometry.has(this.first)) return this.damaged("there is no such cluster");
    const run = new Run(this.first, 0);
    if (this.contiguous) {
      const clusters = (this.size - 1) / <u64>geometry.clusterSize + 1;
      const left = geometry.clusters - (this.first - 2);
      if (clusters > <u64>left) return this.damaged(`${clusters} clusters from here on, of which there are ${left}`);
      run.count = <u32>clusters;
      this.complete = true;
    }
    this.runs.push(run);
    return true;
  }

  /** Follows the chain up to its cluster `last`. False and errno, unless that only concerns what comes after `number`. */
  private extend(number: u32, last: u32): bool {
    const runs = this.runs;
    let run = runs[runs.length - 1];
    while (!this.complete && run.before + run.count <= last) {
      const end = run.cluster + run.count;
      const next = this.geometry.next(end - 1);
      // A bad entry ends the run; it fails when it is its turn.
      if (next < 0) return run.before + run.count > number;
      if (next == CHAIN_END) {
        this.complete = true;
      } else if (<u32>next == end && end != this.barrier) {
        run.count++;
      } else {
        if (this.holds(<u32>next)) return this.damaged(`the chain comes back to cluster ${next}`);
        run = new Run(<u32>next, run.before + run.count);
        runs.push(run);
      }
    }
    return true;
  }

  /** Whether a run has `cluster`; else notes where the next one behind it begins. */
  private holds(cluster: u32): bool {
    const runs = this.runs;
    burn(<i64>(runs.length >> 3));
    let barrier: u32 = u32.MAX_VALUE;
    for (let i = 0; i < runs.length; i++) {
      const first = runs[i].cluster;
      if (cluster - first < runs[i].count) return true;
      if (first > cluster) barrier = min(barrier, first);
    }
    this.barrier = barrier;
    return false;
  }

  /** The run with the chain's cluster `number`; null when the chain is shorter. */
  private find(number: u32): Run | null {
    const runs = this.runs;
    // Most reads go on where the last one was.
    let low = number >= runs[this.recent].before ? this.recent : 0;
    let high = runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (runs[middle].before <= number) low = middle;
      else high = middle - 1;
    }
    this.recent = low;
    return number - runs[low].before < runs[low].count ? runs[low] : null;
  }
}

/** The root directory of FAT12 and FAT16, which has a place of its own. */
export class RootArea extends Content {
  constructor(private readonly geometry: Geometry) {
    super(geometry.volume);
  }

  length(): u64 {
    return <u64>this.geometry.rootSize;
  }

  title(): string {
    return `${this.geometry.name()} root directory`;
  }

  map(position: u64, _limit: u64): bool {
    return foundRun(this.geometry.rootAt + position, this.length() - position);
  }
}
