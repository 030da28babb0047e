// The virtual devices of a pool: disks, and mirrors of them; raidz.ts, draid.ts and indirect.ts have the other kinds.
// Reading from one verifies the checksum of the block pointer and uses what redundancy there is.

import { EIO } from "../lib/errno";
import { Volume } from "../storage/volume";
import { takeAhead } from "./ahead";
import { BOOT_AREA_SIZE, DATA_START } from "./layout";
import { verifyBlock } from "./verify";

/** States, from worst to best. */
export enum VdevState {
  Unknown,
  Closed,
  Offline,
  Removed,
  CantOpen,
  Faulted,
  Degraded,
  Healthy,
}

const STATE_NAMES: string[] = ["UNKNOWN", "CLOSED", "OFFLINE", "REMOVED", "CANT_OPEN", "FAULTED", "DEGRADED", "ONLINE"];

/** A state as `lsdev -v` prints it. */
export function stateName(state: VdevState): string {
  return STATE_NAMES[state];
}

/** What a vdev's bytes are good for: there are none; they may be old, so others come first; they are what was written. */
export enum Trust {
  None,
  Doubtful,
  Full,
}

/** Copies that are told apart, at most. */
const CHOICES_MAX: u32 = 4096;

/** A choice of copies: of those that are fully trusted, any. */
export const ONLY_TRUSTED: u32 = u32.MAX_VALUE;

/** Reads of disks that are there which failed or gave wrong bytes. */
let badReads: u32 = 0;

/** How many reads failed, or gave bytes with a wrong checksum, though their disk is there. */
export function badReadCount(): u32 {
  return badReads;
}

let healed: u32 = 0;

/** Exported to the host: blocks that were read although a copy, or a part of one, was bad and not merely missing. */
export function healedReads(): u32 {
  return healed;
}

/** Counts one. */
export function countHealed(): void {
  healed++;
}

/** Counts one, whoever found out. */
export function countBadRead(): void {
  badReads++;
}

/** A read costs about as much as so many bytes. */
const GAP_MAX: u64 = 192 << 10;

/** A virtual device: a disk, or a group of others. */
export abstract class Vdev {
  state: VdevState = VdevState.Offline;
  trust: Trust = Trust.None;
  readonly children: Vdev[] = [];

  constructor(
    readonly guid: u64,
    /** Which it is in the pool or in its parent. */
    readonly id: u64,
    readonly name: string,
    readonly ashift: u64,
    /** What it is called where it is spoken of. */
    readonly label: string = name,
  ) {}

  /**
   * Reads `size` bytes at `offset` (from the data's start) and verifies them by `bp`, if that is not 0. Else `choice` says
   * which of several copies is preferred. Returns an errno.
   */
  abstract read(bp: usize, dst: usize, offset: u64, size: u32, choice: u32): i32;

  /** Fetches `size` bytes at `offset` in few reads, as reads of them are about to follow; or not, where that doesn't help. */
  readAhead(_offset: u64, _size: u32): void {}

  /** Unwanted bytes between two pieces for which it pays to fetch both with one read. */
  worthwhileGap(): u64 {
    return GAP_MAX;
  }

  /** Forgets what was fetched ahead. */
  forgetAhead(): void {
    for (let i = 0; i < this.children.length; i++) this.children[i].forgetAhead();
  }

  /** Where `size` bytes at `offset` are, not verified, when they lie in one piece in what was fetched ahead; else 0. */
  peek(_offset: u64, _size: u32): usize {
    return 0;
  }

  /** Bytes of the least that is ever written to it. */
  leastSize(): u32 {
    return 1 << (<u32>this.ashift);
  }

  /** How many values of `choice` make a difference. */
  choices(): u32 {
    return 1;
  }

  /** Derives a group's state from its members'. */
  update(): void {
    let bad = 0;
    for (let i = 0; i < this.children.length; i++) if (this.children[i].state != VdevState.Healthy) bad++;
    this.state = bad == 0 ? VdevState.Healthy : bad <= this.spareMembers() ? VdevState.Degraded : VdevState.Offline;
    this.trust = Trust.None;
    for (let i = 0; i < this.children.length; i++) this.trust = max(this.trust, this.children[i].trust);
  }

  /** Members of a group that may be missing. */
  protected spareMembers(): i32 {
    return 0;
  }

  /** Why a block of it can't be read, once it was tried: the disks that aren't there, or what they give. */
  whyLost(): string {
    const missing = this.missing();
    return missing.length > 0 ? `missing ${missing}` : "wrong checksum, or unreadable";
  }

  /** The disks that aren't there. */
  missing(): string {
    let result = "";
    for (let i = 0; i < this.children.length; i++) {
      const more = this.children[i].missing();
      if (more.length > 0) result = result.length > 0 ? `${result}, ${more}` : more;
    }
    return result;
  }
}

/** Bytes of a disk that were fetched ahead. */
class Ahead {
  constructor(
    /** Offset from the data's start. */
    readonly start: u64,
    readonly size: u32,
    /** Good until they are forgotten. */
    readonly data: usize,
  ) {}
}

/** A disk, or a partition of one. */
export class DiskVdev extends Vdev {
  /** When it was found. */
  volume: Volume | null = null;
  private readonly ahead: Ahead[] = [];

  constructor(guid: u64, id: u64, name: string, path: string, ashift: u64) {
    super(guid, id, name, ashift, `${path} (guid ${guid})`);
  }

  read(bp: usize, dst: usize, offset: u64, size: u32, _choice: u32): i32 {
    const volume = this.volume;
    if (volume === null) return EIO;
    const at = offset + DATA_START;
    // What is before the data is where a RAID-Z group that grows keeps its first blocks for a while.
    if (at < offset && at < DATA_START - BOOT_AREA_SIZE) return EIO;
    const known = this.peek(offset, size);
    if (known != 0) memory.copy(dst, known, <usize>size);
    const there = known != 0 || volume.read(at, dst, size) == <i64>size;
    if (there && (bp == 0 || verifyBlock(bp, dst, volume.where(at)))) return 0;
    badReads++;
    return EIO;
  }

  readAhead(offset: u64, size: u32): void {
    const volume = this.volume;
    const at = offset + DATA_START;
    if (volume === null || at < offset) return;
    const data = takeAhead(size);
    // What fails here is told by the reads that follow.
    if (data != 0 && volume.read(at, data, size) == <i64>size) this.ahead.push(new Ahead(offset, size, data));
  }

  forgetAhead(): void {
    this.ahead.length = 0;
  }

  peek(offset: u64, size: u32): usize {
    for (let i = 0; i < this.ahead.length; i++) {
      const ahead = this.ahead[i];
      const within = offset - ahead.start;
      if (offset >= ahead.start && within <= <u64>ahead.size && size <= ahead.size - <u32>within) {
        return ahead.data + <usize>within;
      }
    }
    return 0;
  }

  missing(): string {
    return this.volume === null ? this.label : "";
  }
}

/** Disks with the same content: a mirror, or a disk and the one that replaces it or stands in for it. */
export class MirrorVdev extends Vdev {
  read(bp: usize, dst: usize, offset: u64, size: u32, choice: u32): i32 {
    const count = <u32>this.children.length;
    const first = choice % count;
    const deeper = choice == ONLY_TRUSTED ? choice : choice / count;
    const least: i32 = choice == ONLY_TRUSTED ? Trust.Full : Trust.Doubtful;
    for (let trust: i32 = Trust.Full; trust >= least; trust--) {
      for (let i: u32 = 0; i < count; i++) {
        const child = this.children[(first + i) % count];
        if (child.trust == trust && child.read(bp, dst, offset, size, deeper) == 0) return 0;
      }
    }
    return EIO;
  }

  /** The member that is asked first; null when none is fully trusted. */
  private first(): Vdev | null {
    for (let i = 0; i < this.children.length; i++) {
      if (this.children[i].trust == Trust.Full) return this.children[i];
    }
    return null;
  }

  readAhead(offset: u64, size: u32): void {
    const first = this.first();
    if (first !== null) first.readAhead(offset, size);
  }

  peek(offset: u64, size: u32): usize {
    const first = this.first();
    return first !== null ? first.peek(offset, size) : 0;
  }

  choices(): u32 {
    let deepest: u32 = 1;
    for (let i = 0; i < this.children.length; i++) deepest = max(deepest, this.children[i].choices());
    return min(<u32>this.children.length * deepest, CHOICES_MAX);
  }

  protected spareMembers(): i32 {
    return this.children.length - 1;
  }
}
