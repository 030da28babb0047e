// The virtual devices of a pool: disks, and mirrors of them; raidz.ts has the third kind. Reading from one verifies the
// checksum of the block pointer and uses what redundancy there is.

import { EIO } from "../lib/errno";
import { Volume } from "../storage/volume";
import { DATA_START } from "./layout";
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

/** A virtual device: a disk, or a group of others. */
export abstract class Vdev {
  state: VdevState = VdevState.Offline;
  readonly children: Vdev[] = [];
  /** Of a disk that was found. */
  volume: Volume | null = null;

  constructor(
    readonly guid: u64,
    /** Which it is in the pool or in its parent. */
    readonly id: u64,
    readonly name: string,
    readonly ashift: u64,
  ) {}

  /** Reads `size` bytes at `offset` (from the data's start) and verifies them by `bp`, if that is not 0. Returns an errno. */
  abstract read(bp: usize, dst: usize, offset: u64, size: u32): i32;

  /** Bytes of the least that is ever written to it. */
  leastSize(): u32 {
    return 1 << (<u32>this.ashift);
  }

  /** Derives a group's state from its members'. */
  updateState(): void {
    let bad = 0;
    for (let i = 0; i < this.children.length; i++) if (this.children[i].state != VdevState.Healthy) bad++;
    if (this.children.length > 0) this.state = bad == 0 ? VdevState.Healthy : this.stateWithout(bad);
  }

  /** The state of a group `bad` members of which aren't healthy. */
  protected stateWithout(_bad: i32): VdevState {
    return this.state;
  }
}

/** A disk, or a partition of one. */
export class DiskVdev extends Vdev {
  read(bp: usize, dst: usize, offset: u64, size: u32): i32 {
    const volume = this.volume;
    if (volume === null) return EIO;
    const at = offset + DATA_START;
    if (at < offset || volume.read(at, dst, size) != <i64>size) return EIO;
    return bp == 0 || verifyBlock(bp, dst, volume.where(at)) ? 0 : EIO;
  }
}

/** Disks with the same content. */
export class MirrorVdev extends Vdev {
  read(bp: usize, dst: usize, offset: u64, size: u32): i32 {
    let error = EIO;
    for (let i = 0; i < this.children.length && error != 0; i++) {
      const child = this.children[i];
      if (child.state == VdevState.Healthy) error = child.read(bp, dst, offset, size);
    }
    return error;
  }

  protected stateWithout(bad: i32): VdevState {
    return bad < this.children.length ? VdevState.Degraded : VdevState.Offline;
  }
}

/** A disk and its replacement, of which only the disk can be trusted. */
export class ReplacingVdev extends Vdev {
  read(bp: usize, dst: usize, offset: u64, size: u32): i32 {
    if (this.children.length == 0 || this.children[0].state != VdevState.Healthy) return EIO;
    return this.children[0].read(bp, dst, offset, size);
  }
}
