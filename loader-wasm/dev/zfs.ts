// ZFS data sets as devices, `zfs:pool/data/set:`, and the pools' state in `lsdev -v`.

import { page } from "../console/pager";
import { EINVAL, EIO, ENXIO, errno, setErrno } from "../lib/errno";
import { narrowed } from "../lib/fault";
import { print } from "../lib/output";
import { Disk, disks } from "../storage/disk";
import { partitionTable, wholeTable } from "../storage/partitions/detect";
import { PartitionType } from "../storage/partitions/table";
import { Volume } from "../storage/volume";
import { bootDataset, datasetName, findDataset, openDataset, openPool } from "../zfs/dataset";
import { ObjectSet } from "../zfs/dnode";
import { IndirectVdev } from "../zfs/indirect";
import { OBJSET_TYPE_ZFS } from "../zfs/layout";
import { findPool, Pool, pools, probeVolume } from "../zfs/pool";
import { stateName, Vdev, VdevState } from "../zfs/vdev";
import { Device, DeviceDriver, NamedDevice } from "./device";
import { DiskDevice } from "./disk";

/** Pools of which disks were found, but which can't be read. */
export const lostPools: Pool[] = [];

/** The pool that has a disk on `volume`, or null. */
export function poolOn(volume: Volume): Pool | null {
  const all = pools.concat(lostPools);
  for (let i = 0; i < all.length; i++) {
    const members = all[i].disks;
    for (let k = 0; k < members.length; k++) {
      const own: Volume = members[k].volume;
      if (own.disk === volume.disk && own.start == volume.start) return all[i];
    }
  }
  return null;
}

/** A data set. */
export class ZfsDevice extends Device {
  private opened: ObjectSet | null = null;

  constructor(
    readonly pool: Pool,
    /** Number of the data set in the pool. */
    readonly dataset: u64,
  ) {
    super();
  }

  name(): string {
    const dataset = datasetName(this.pool, this.dataset);
    if (dataset === null) {
      print("ZFS: can't find filesystem by guid\n");
      return "";
    }
    return dataset.length == 0 ? `zfs:${this.pool.name}:` : `zfs:${this.pool.name}/${dataset}:`;
  }

  open(): i32 {
    const objects = openDataset(this.pool, this.dataset);
    if (objects === null) {
      print("ZFS: can't open root filesystem\n");
      return errno;
    }
    if (objects.type != OBJSET_TYPE_ZFS) {
      print(`Unexpected object set type ${objects.type}\n`);
      return EIO;
    }
    this.opened = objects;
    return 0;
  }

  /** Its objects, once it is open. */
  objects(): ObjectSet | null {
    return this.opened;
  }
}

/** The driver of pools: a device is a data set of a pool that one of the disks belongs to. */
export class ZfsDriver extends DeviceDriver {
  /** Whether a disk of a pool was found. */
  found: bool = false;

  constructor() {
    super("zfs");
  }

  /** Looks for pools in partitions; whole disks are not looked at. */
  probe(_ndisks: i32): void {
    for (let unit = 0; unit < disks.length; unit++) this.probeDisk(disks[unit]);
    const known = pools.slice(0);
    for (let i = 0; i < known.length; i++) {
      if (openPool(known[i]) == 0) continue;
      pools.splice(pools.indexOf(known[i]), 1);
      lostPools.push(known[i]);
    }
  }

  private probeDisk(disk: Disk): void {
    const table = wholeTable(disk);
    if (table === null) return;
    for (let i = 0; i < table.entries.length; i++) {
      const entry = table.entries[i];
      if (entry.type == PartitionType.FreeBsdZfs || entry.holdsLabel()) {
        if (this.probePartition(`${disk.unit}${table.suffix(entry)}:`) || !entry.holdsLabel()) continue;
        const label = partitionTable(disk, entry.start, entry.sectors());
        for (let k = 0; label !== null && k < label.entries.length; k++) {
          const inner = label.entries[k];
          if (inner.type != PartitionType.FreeBsdZfs) continue;
          this.probePartition(`${disk.unit}${table.suffix(entry)}${label.suffix(inner)}:`);
        }
      }
    }
  }

  /** Looks for a pool in the partition that `disk` and `text` name. */
  private probePartition(text: string): bool {
    const named = DiskDevice.parse(text);
    if (named === null) return false;
    const device = narrowed<DiskDevice, Device>(named.device);
    if (device === null || device.open() != 0) return false;
    const volume = device.volume();
    if (volume === null || !probeVolume(volume, device.size)) return false;
    this.found = true;
    return true;
  }

  print(verbose: bool): bool {
    if (pools.length == 0) return false;
    if (page("zfs devices:\n")) return true;
    for (let i = 0; i < pools.length; i++) {
      const pool = pools[i];
      if (!verbose) {
        if (page(`    zfs:${pool.name}\n`)) return true;
      } else if ((i > 0 && page("\n")) || printPool(pool)) {
        return true;
      }
    }
    return false;
  }

  parse(text: string): NamedDevice | null {
    // The last colon, so that a path may not have any.
    const end = text.lastIndexOf(":");
    if (!text.startsWith(":") || end <= 0) return failed(EINVAL);
    const slash = text.indexOf("/");
    const poolEnd = slash < 0 || slash > end ? end : slash;
    const pool = findPool(text.substring(1, poolEnd));
    if (pool === null) return failed(ENXIO);
    const dataset = findDataset(pool, poolEnd < end ? text.substring(poolEnd + 1, end) : "");
    if (dataset == 0) return null;
    return new NamedDevice(new ZfsDevice(pool, dataset), end + 1);
  }

  /** The first pool's `bootfs`. */
  bootDevice(): Device | null {
    if (pools.length == 0) return null;
    const dataset = bootDataset(pools[0]);
    if (dataset != 0) return new ZfsDevice(pools[0], dataset);
    print("ZFS: can't find root filesystem\n");
    return null;
  }
}

function failed(error: i32): NamedDevice | null {
  setErrno(error);
  return null;
}

// ---- listing ----------------------------------------------------------------------------------------

function printState(depth: i32, name: string, state: VdevState): bool {
  return page(`        ${"  ".repeat(depth)}${name} ${stateName(state)}\n`);
}

function printVdev(vdev: Vdev, depth: i32): bool {
  if (printState(depth, vdev.name, vdev.state)) return true;
  for (let i = 0; i < vdev.children.length; i++) if (printVdev(vdev.children[i], depth + 1)) return true;
  return false;
}

/** Prints the pool's state. True when the reader quits. */
function printPool(pool: Pool): bool {
  if (page(`  pool: ${pool.name}\n`)) return true;
  const boot = bootDataset(pool);
  const name = boot != 0 ? datasetName(pool, boot) : null;
  if (name !== null && page(name.length == 0 ? `bootfs: ${pool.name}\n` : `bootfs: ${pool.name}/${name}\n`))
    return true;
  if (page("config:\n\n") || page("        NAME STATE\n")) return true;
  let healthy = 0;
  let degraded = 0;
  for (let i = 0; i < pool.tops.length; i++) {
    if (pool.tops[i].state == VdevState.Healthy) healthy++;
    else if (pool.tops[i].state == VdevState.Degraded) degraded++;
  }
  let state = VdevState.Closed;
  if (healthy > 0 && healthy == pool.tops.length) state = VdevState.Healthy;
  else if (healthy + degraded > 0) state = VdevState.Degraded;
  if (printState(0, pool.name, state)) return true;
  for (let i = 0; i < pool.tops.length; i++) {
    // What was removed is no part of the pool that anybody can see.
    if (!(pool.tops[i] instanceof IndirectVdev) && printVdev(pool.tops[i], 1)) return true;
  }
  return false;
}
