// The virtual devices of a pool: disks, and mirrors and RAID-Z groups of them. Reading from one verifies the checksum of the
// block pointer and uses what redundancy there is.

import { print } from "../../console/console";
import { Volume } from "../../dev/device";
import { EIO, ENOENT, setErrno } from "../../lib/errno";
import { burn, damaged } from "../../lib/fault";
import { DATA_START } from "./layout";
import { NvList } from "./nvlist";
import { readRaidz } from "./raidz";
import { verifyBlock } from "./verify";

export enum VdevKind {
  Disk,
  Mirror,
  Raidz,
  Replacing,
}

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

export function stateName(state: VdevState): string {
  return STATE_NAMES[state];
}

/** Mirrors of RAID-Z groups of ... are not made deeper than this. */
const DEPTH_MAX: i32 = 4;
/** log2 of the smallest block, at most. */
const ASHIFT_MAX: u64 = 16;
/** Parity disks of a RAID-Z group. */
const PARITY_MAX: u64 = 3;
const REFUSED = "ZFS: can only boot from disk, mirror, raidz1, raidz2 and raidz3 vdevs\n";

export class Vdev {
  state: VdevState = VdevState.Offline;
  readonly children: Vdev[] = [];
  /** Of a disk that was found. */
  volume: Volume | null = null;

  constructor(
    readonly guid: u64,
    /** Which it is in the pool or in its parent. */
    readonly id: u64,
    readonly kind: VdevKind,
    readonly name: string,
    readonly ashift: u64,
    readonly parity: i32,
  ) {}

  /** Reads `size` bytes at `offset` (from the data's start) and verifies them by `bp`, if that is not 0. Returns an errno. */
  read(bp: usize, dst: usize, offset: u64, size: u32): i32 {
    if (this.kind == VdevKind.Disk) return this.readDisk(bp, dst, offset, size);
    if (this.kind == VdevKind.Raidz) return readRaidz(this, bp, dst, offset, size);
    let error = EIO;
    for (let i = 0; i < this.children.length; i++) {
      const child = this.children[i];
      if (child.state == VdevState.Healthy) error = child.read(bp, dst, offset, size);
      // Of a disk and its replacement only the disk can be trusted.
      if (error == 0 || this.kind == VdevKind.Replacing) break;
    }
    return error;
  }

  private readDisk(bp: usize, dst: usize, offset: u64, size: u32): i32 {
    const volume = this.volume;
    if (volume === null) return EIO;
    const at = offset + DATA_START;
    if (at < offset || volume.read(at, dst, size) != <i64>size) return EIO;
    return bp == 0 || verifyBlock(bp, dst, volume.where(at)) ? 0 : EIO;
  }

  /** Derives a group's state from its members'. */
  updateState(): void {
    let bad = 0;
    for (let i = 0; i < this.children.length; i++) if (this.children[i].state != VdevState.Healthy) bad++;
    if (this.children.length == 0) return;
    if (bad == 0) this.state = VdevState.Healthy;
    else if (this.kind == VdevKind.Mirror) {
      this.state = bad < this.children.length ? VdevState.Degraded : VdevState.Offline;
    } else if (this.kind == VdevKind.Raidz) {
      this.state = bad > this.parity ? VdevState.Offline : VdevState.Degraded;
    }
  }
}

/** All vdevs of all pools. */
const vdevs: Vdev[] = [];

export function findVdev(guid: u64): Vdev | null {
  burn(1 + (vdevs.length >> 3));
  for (let i = 0; i < vdevs.length; i++) if (vdevs[i].guid == guid) return vdevs[i];
  return null;
}

function kindOf(type: string): i32 {
  if (type == "disk") return VdevKind.Disk;
  if (type == "mirror") return VdevKind.Mirror;
  if (type == "raidz") return VdevKind.Raidz;
  return type == "replacing" ? VdevKind.Replacing : -1;
}

/** The name shown: the disk's path, or kind and number. */
function nameOf(list: NvList, type: string, parity: u64, id: u64): string {
  const path = list.text("path");
  if (path !== null) return path.startsWith("/dev/") ? path.substring(5) : path;
  return type == "raidz" ? `${type}${parity}-${id}` : `${type}-${id}`;
}

/** State that a configuration gives, -1 for none. */
function configuredState(list: NvList): i32 {
  if (list.number("offline") != 0) return VdevState.Offline;
  if (list.number("removed") != 0) return VdevState.Removed;
  if (list.number("faulted") != 0) return VdevState.Faulted;
  if (list.number("degraded") != 0) return VdevState.Degraded;
  return list.number("not_present") != 0 ? VdevState.CantOpen : -1;
}

/**
 * The vdev, with all below it, that `list` describes: known from another disk's label, or new. `newer` tells that this label is
 * newer than what is known. Null and errno when it is of a kind that can't be read.
 */
export function vdevFrom(list: NvList, newer: bool, depth: i32 = 0): Vdev | null {
  const type = list.text("type");
  if (type === null || !list.has("guid") || !list.has("id")) {
    print("ZFS: can't find vdev details\n");
    setErrno(ENOENT);
    return null;
  }
  const kind = kindOf(type);
  const parity = list.number("nparity");
  const ashift = list.number("ashift");
  const badParity = kind == VdevKind.Raidz && (parity < 1 || parity > PARITY_MAX);
  if (kind < 0 || badParity || ashift > ASHIFT_MAX || depth > DEPTH_MAX) {
    print(REFUSED);
    setErrno(EIO);
    return null;
  }
  const id = list.number("id");
  const guid = list.number("guid");
  const known = findVdev(guid);
  let vdev: Vdev;
  if (known !== null) {
    vdev = known;
  } else {
    vdev = new Vdev(guid, id, kind, nameOf(list, type, parity, id), ashift, <i32>parity);
    vdevs.push(vdev);
  }
  const state = configuredState(list);
  if (state >= 0 && (known === null || newer)) vdev.state = state;
  const children: NvList[] = kind != VdevKind.Disk ? list.lists("children") : [];
  for (let i = 0; i < children.length; i++) {
    const met = findVdev(children[i].number("guid"));
    if (known === null && met !== null && met.kind != VdevKind.Disk) {
      // A group in two places, or in itself.
      damaged(vdev.name, `ZFS vdev ${met.guid} is part of another one`, EIO);
      return null;
    }
    const child = vdevFrom(children[i], newer, depth + 1);
    if (child === null) return null;
    if (known === null) vdev.children.push(child);
  }
  return vdev;
}
