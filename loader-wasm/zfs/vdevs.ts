// The vdevs of all pools, made from the configurations in the labels.

import { EIO, ENOENT, setErrno } from "../lib/errno";
import { burn, damaged } from "../lib/fault";
import { print } from "../lib/output";
import { NvList } from "./nvlist";
import { RaidzVdev } from "./raidz";
import { DiskVdev, MirrorVdev, ReplacingVdev, Vdev, VdevState } from "./vdev";

/** Mirrors of RAID-Z groups of ... are not made deeper than this. */
const DEPTH_MAX: i32 = 4;
/** log2 of the smallest block, at most. */
const ASHIFT_MAX: u64 = 16;
/** Parity disks of a RAID-Z group. */
const PARITY_MAX: u64 = 3;
const REFUSED = "ZFS: can only boot from disk, mirror, raidz1, raidz2 and raidz3 vdevs\n";

/** All vdevs of all pools. */
const vdevs: Vdev[] = [];

/** The vdev with that GUID, or null. */
export function findVdev(guid: u64): Vdev | null {
  burn(1 + (vdevs.length >> 3));
  for (let i = 0; i < vdevs.length; i++) if (vdevs[i].guid == guid) return vdevs[i];
  return null;
}

/** The kinds of vdevs, by the names in configurations. */
const KINDS: string[] = ["disk", "mirror", "raidz", "replacing"];

function newVdev(type: string, guid: u64, id: u64, name: string, ashift: u64, parity: u64): Vdev {
  if (type == "disk") return new DiskVdev(guid, id, name, ashift);
  if (type == "raidz") return new RaidzVdev(guid, id, name, ashift, <i32>parity);
  return type == "mirror" ? new MirrorVdev(guid, id, name, ashift) : new ReplacingVdev(guid, id, name, ashift);
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
  const parity = list.number("nparity");
  const ashift = list.number("ashift");
  const badParity = type == "raidz" && (parity < 1 || parity > PARITY_MAX);
  if (!KINDS.includes(type) || badParity || ashift > ASHIFT_MAX || depth > DEPTH_MAX) {
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
    vdev = newVdev(type, guid, id, nameOf(list, type, parity, id), ashift, parity);
    vdevs.push(vdev);
  }
  const state = configuredState(list);
  if (state >= 0 && (known === null || newer)) vdev.state = state;
  const children: NvList[] = type != "disk" ? list.lists("children") : [];
  for (let i = 0; i < children.length; i++) {
    const met = findVdev(children[i].number("guid"));
    if (known === null && met !== null && !(met instanceof DiskVdev)) {
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
