// The vdevs of a pool, made from a configuration: that of a label, which has what its disk belongs to, or that in the
// pool itself, which has all.

import { EIO, ENOENT, setErrno } from "../lib/errno";
import { burn, damaged } from "../lib/fault";
import { print } from "../lib/output";
import { DraidVdev, SpareVdev } from "./draid";
import { IndirectVdev } from "./indirect";
import { NvList } from "./nvlist";
import { Pool } from "./pool";
import { PARITY_MAX, RaidzVdev } from "./raidz";
import { DiskVdev, MirrorVdev, Trust, Vdev, VdevState } from "./vdev";

/** Mirrors of mirrors of ... are not made deeper than this. */
const DEPTH_MAX: i32 = 6;
/** log2 of the smallest block. */
const ASHIFT_MIN: u64 = 9;
const ASHIFT_MAX: u64 = 16;
const REFUSED = "ZFS: can only boot from disk, mirror, raidz1, raidz2 and raidz3 vdevs\n";

/** The kinds of vdevs, by the names in configurations. */
const KINDS: string[] = ["disk", "mirror", "raidz", "replacing", "spare", "draid", "dspare", "indirect"];

/** Those of them that have no others above them: their members are read while they are. */
const TOP_KINDS: string[] = ["raidz", "draid", "indirect"];

/** Whether nothing that a configuration lists needs to be read: a log, or the place of something removed. */
export function isUnneeded(list: NvList): bool {
  const type = list.text("type");
  return type !== null && (type == "hole" || type == "missing" || list.number("is_log") != 0);
}

/** Makes vdevs of one configuration. */
export class VdevMaker {
  /** Of all vdevs made. */
  private readonly guids: u64[] = [];
  /** Newest transaction group of a label of the vdev that is made. */
  private newest: u64 = 0;

  constructor(
    private readonly pool: Pool,
    /** Whether the configuration is the pool's. */
    private readonly whole: bool,
  ) {}

  /** The top-level vdev, with all below it, that `list` describes; null and errno when it is of a kind that can't be read. */
  make(list: NvList): Vdev | null {
    this.newest = 0;
    this.dateDisks(list, 0);
    return this.makeVdev(list, 0);
  }

  /** Finds out how new the labels of disks below `list` are. */
  private dateDisks(list: NvList, depth: i32): void {
    const disk = this.pool.disk(list.number("guid"));
    if (disk !== null) this.newest = max(this.newest, disk.txg);
    const children = list.lists("children");
    for (let i = 0; i < children.length && depth < DEPTH_MAX; i++) this.dateDisks(children[i], depth + 1);
  }

  private refuse(what: string): Vdev | null {
    damaged(`zfs:${this.pool.name}`, `ZFS vdev ${what}`, EIO);
    print(REFUSED);
    setErrno(EIO);
    return null;
  }

  private makeVdev(list: NvList, depth: i32): Vdev | null {
    const type = list.text("type");
    if (type === null || !list.has("guid") || !list.has("id")) {
      print("ZFS: can't find vdev details\n");
      setErrno(ENOENT);
      return null;
    }
    const guid = list.number("guid");
    if (!KINDS.includes(type) || (type == "indirect" && !this.whole)) return this.refuse(`${guid} of type ${type}`);
    if (depth > DEPTH_MAX) return this.refuse(`${guid}: more than ${DEPTH_MAX} levels deep`);
    if (depth > 0 && TOP_KINDS.includes(type)) return this.refuse(`${guid} of type ${type}, within another`);
    // Only what is at the top says it.
    const ashift = list.number("ashift");
    const least = type == "raidz" || type == "draid" ? ASHIFT_MIN : 0;
    if (ashift > ASHIFT_MAX || ashift < least) return this.refuse(`${guid}: sectors of 2^${ashift} bytes`);
    burn(<i64>this.guids.length);
    if (this.guids.includes(guid)) {
      // A group in two places, or in itself.
      damaged(`zfs:${this.pool.name}`, `ZFS vdev ${guid} is part of another one`, EIO);
      return null;
    }
    this.guids.push(guid);
    if (type == "disk") return this.disk(list, guid);
    if (type == "raidz" || type == "draid") return this.group(list, type == "draid", guid, depth);
    const id = list.number("id");
    const name = `${type}-${id}`;
    if (type == "indirect") {
      return new IndirectVdev(guid, id, name, ashift, this.pool, list.number("com.delphix:indirect_object"));
    }
    if (type == "dspare") {
      const path = list.text("path");
      const spare = new SpareVdev(
        guid,
        id,
        path !== null ? path : name,
        ashift,
        this.pool,
        list.number("top_guid"),
        list.number("spareid"),
      );
      this.judge(spare, list);
      return spare;
    }
    return this.filled(new MirrorVdev(guid, id, name, ashift), list, depth);
  }

  private disk(list: NvList, guid: u64): Vdev {
    const path = list.text("path");
    const name = path !== null ? (path.startsWith("/dev/") ? path.substring(5) : path) : `disk-${list.number("id")}`;
    const disk = new DiskVdev(guid, list.number("id"), name, path !== null ? path : name, list.number("ashift"));
    const found = this.pool.disk(guid);
    if (found !== null) {
      disk.volume = found.volume;
      disk.state = VdevState.Healthy;
      disk.trust = Trust.Full;
    }
    this.judge(disk, list);
    if (found !== null && found.txg < this.newest && disk.trust == Trust.Full) {
      disk.state = VdevState.Degraded;
      disk.trust = Trust.Doubtful;
    }
    if (this.whole && found === null) damaged(`zfs:${this.pool.name}`, `disk ${disk.label} is missing`, EIO);
    else if (this.whole && disk.trust == Trust.Doubtful) {
      damaged(`zfs:${this.pool.name}`, `disk ${disk.label} may be out of date`, EIO);
    }
    return disk;
  }

  /** Takes over what a configuration says of a disk's state. */
  private judge(disk: Vdev, list: NvList): void {
    let state: VdevState = VdevState.Healthy;
    if (list.number("offline") != 0) state = VdevState.Offline;
    else if (list.number("removed") != 0) state = VdevState.Removed;
    else if (list.number("faulted") != 0) state = VdevState.Faulted;
    else if (list.number("degraded") != 0) state = VdevState.Degraded;
    else if (list.number("not_present") != 0) state = VdevState.CantOpen;
    else if (list.has("resilver_txg") || list.has("rebuild_txg")) state = VdevState.Degraded;
    if (state == VdevState.Healthy) return;
    // One that isn't present for those who wrote the configuration may be now.
    disk.state = state;
    if (disk.trust == Trust.Full) disk.trust = Trust.Doubtful;
  }

  private group(list: NvList, draid: bool, guid: u64, depth: i32): Vdev | null {
    const id = list.number("id");
    const ashift = list.number("ashift");
    const parity = list.number("nparity");
    const pool = this.pool;
    if (parity < 1 || parity > <u64>PARITY_MAX) return this.refuse(`${guid}: parity ${parity}`);
    let group: RaidzVdev;
    if (draid) {
      if (list.has("draid_nchildren")) return this.refuse(`${guid}: dRAID with failure domains`);
      const data = list.number("draid_ndata");
      const spares = list.number("draid_nspares");
      const name = `draid${parity}:${data}d:${list.lists("children").length}c:${spares}s-${id}`;
      const groups = list.number("draid_ngroups");
      group = new DraidVdev(guid, id, name, ashift, <i32>parity, pool.name, data, spares, groups);
    } else {
      group = new RaidzVdev(guid, id, `raidz${parity}-${id}`, ashift, <i32>parity, pool.name, pool.reflow);
      const growth = list.numbers("raidz_expand_txgs");
      for (let i = 0; i < growth.length; i++) group.growth.push(growth[i]);
      group.growing = list.mentions("raidz_expanding");
    }
    if (this.filled(group, list, depth) === null) return null;
    const fault = group.fault();
    return fault !== null ? this.refuse(`${guid} (${group.name}): ${fault}`) : group;
  }

  /** A group with its members; null and errno. */
  private filled(group: Vdev, list: NvList, depth: i32): Vdev | null {
    const children = list.lists("children");
    for (let i = 0; i < children.length; i++) {
      const child = this.makeVdev(children[i], depth + 1);
      if (child === null) return null;
      group.children.push(child);
    }
    if (children.length == 0) return this.refuse(`${group.guid} (${group.name}): no members`);
    group.update();
    return group;
  }
}
