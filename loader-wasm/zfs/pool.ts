// Pools: their disks, found by their labels, and the latest uberblock.

import { EIO } from "../lib/errno";
import { allocate, burn, damaged, present } from "../lib/fault";
import { print } from "../lib/output";
import { Volume } from "../storage/volume";
import { startAhead, takeAhead } from "./ahead";
import { Blocks } from "./blocks";
import { BootBlock, readBootBlock } from "./boot_block";
import { ObjectSet } from "./dnode";
import { copesWith, LARGE_GANGS, refuseFeature } from "./features";
import {
  BOOT_BLOCK_AT,
  BOOT_BLOCK_SIZE,
  BP_SIZE,
  CONFIG_SIZE,
  DEVICE_SIZE_MIN,
  LABEL_SIZE,
  LABELS,
  labelOffset,
  SALT_SIZE,
  TAIL_SIZE,
  UB_MAGIC,
  UB_REFLOW,
  UB_ROOT,
  UB_TIMESTAMP,
  UB_TXG,
  UBERBLOCK_MAGIC,
  UBERBLOCK_SHIFT_MAX,
  UBERBLOCK_SHIFT_MIN,
  UBERBLOCKS_AT,
  UBERBLOCKS_SIZE,
} from "./layout";
import { NvList } from "./nvlist";
import { tailBigEndian, verifyTail } from "./verify";

/** Pool versions that can be read: the numbered ones, and the one that lists features. */
const VERSION_MAX: u64 = 28;
const VERSION_FEATURES: u64 = 5000;
const STATE_DESTROYED: u64 = 2;

/** Earlier states of a pool that are kept in mind, and tried when a later one can't be read. */
const ROOTS_MAX: i32 = 12;

/** What an uberblock has: the pool's state after a group of transactions. */
export class Root {
  /** Pointer to the meta object set. */
  readonly pointer: StaticArray<u8> = new StaticArray<u8>(<i32>BP_SIZE);
  /** How far a RAID-Z group that grows has come. */
  readonly reflow: u64;

  constructor(
    readonly txg: u64,
    readonly time: u64,
    uberblock: usize,
  ) {
    this.reflow = load<u64>(uberblock, UB_REFLOW);
    memory.copy(this.at(), uberblock + UB_ROOT, BP_SIZE);
  }

  at(): usize {
    return changetype<usize>(this.pointer);
  }
}

/** A disk of a pool, found by its label. */
export class PoolDisk {
  constructor(
    readonly guid: u64,
    /** Transaction group of the label. */
    readonly txg: u64,
    readonly volume: Volume,
    /** What its label calls the pool. */
    readonly poolName: string,
  ) {}
}

/** What labels say of a top-level vdev. */
export class TopLabel {
  /** Of the newest one. */
  txg: u64 = 0;
  private bytes: StaticArray<u8> = [];

  constructor(readonly id: u64) {}

  /** Keeps `tree` from a label of transaction group `txg`, unless what is known is newer. */
  learn(tree: NvList, txg: u64): void {
    if (txg <= this.txg) return;
    this.txg = txg;
    this.bytes = tree.copy();
  }

  /** The configuration of the vdev. */
  tree(): NvList {
    const start = changetype<usize>(this.bytes);
    return new NvList(start, start + <usize>this.bytes.length);
  }
}

/** A pool, of whose disks at least one was found. */
export class Pool extends Blocks {
  /** Transaction group of the newest label. */
  txg: u64 = 0;
  /** Number of top-level vdevs that labels tell of. */
  topCount: u64 = 0;
  /** What the system left for this boot; null for nothing. */
  bootBlock: BootBlock | null = null;
  /** Whether it is one of OpenZFS 2 or later, which FreeBSD has since 13. */
  modern: bool = false;
  /** The state that is read; null as long as there is none. */
  root: Root | null = null;
  /** Disks that were found, and what their labels say of top-level vdevs. */
  readonly disks: PoolDisk[] = [];
  readonly labels: TopLabel[] = [];
  /** The state that `zpool checkpoint` kept; null for none. */
  checkpoint: Pool | null = null;
  /** States, newest first. */
  readonly roots: Root[] = [];
  /** The data set that was opened last, and its objects. */
  openNumber: u64 = 0;
  openObjects: ObjectSet | null = null;
  private metaSet: ObjectSet | null = null;

  constructor(
    readonly guid: u64,
    name: string,
  ) {
    super(name, allocate(SALT_SIZE));
    memory.fill(this.salt, 0, SALT_SIZE);
  }

  /** The disk with that GUID, or null. */
  disk(guid: u64): PoolDisk | null {
    for (let i = 0; i < this.disks.length; i++) if (this.disks[i].guid == guid) return this.disks[i];
    return null;
  }

  /** What labels say of top-level vdev `id`. */
  label(id: u64): TopLabel {
    for (let i = 0; i < this.labels.length; i++) if (this.labels[i].id == id) return this.labels[i];
    const label = new TopLabel(id);
    this.labels.push(label);
    return label;
  }

  /** How far a RAID-Z group that grows has come. */
  get reflow(): u64 {
    const root = this.root;
    return root !== null ? root.reflow : 0;
  }

  /** The meta object set. */
  get mos(): ObjectSet {
    return present<ObjectSet>(this.metaSet);
  }

  set mos(set: ObjectSet) {
    this.metaSet = set;
  }

  /** Whether a state is of interest that was reached so. */
  wantsRoot(txg: u64, time: u64): bool {
    const count = this.roots.length;
    for (let i = 0; i < count; i++) if (this.roots[i].txg == txg) return time > this.roots[i].time;
    return count < ROOTS_MAX || txg > this.roots[count - 1].txg;
  }

  /** Takes down the state that the uberblock of `txg` and `time` leads to. */
  addRoot(txg: u64, time: u64, uberblock: usize): void {
    let at = 0;
    while (at < this.roots.length && this.roots[at].txg > txg) at++;
    if (at < this.roots.length && this.roots[at].txg == txg) {
      if (time > this.roots[at].time) this.roots[at] = new Root(txg, time, uberblock);
      return;
    }
    this.roots.push(new Root(txg, time, uberblock));
    for (let i = this.roots.length - 1; i > at; i--) {
      const later = this.roots[i];
      this.roots[i] = this.roots[i - 1];
      this.roots[i - 1] = later;
    }
    if (this.roots.length > ROOTS_MAX) this.roots.pop();
  }

  /** GUID of the disk that was found first. */
  firstDisk(): u64 {
    return this.disks.length > 0 ? this.disks[0].guid : 0;
  }

  /** Tells of disks that disagree with others on the pool's name. */
  compareDisks(): void {
    for (let i = 0; i < this.disks.length; i++) {
      const disk = this.disks[i];
      if (disk.poolName == this.name) continue;
      const where = `${disk.volume.where(0)}: ZFS disk (guid ${disk.guid})`;
      damaged(where, `pool is called ${disk.poolName}, others say ${this.name}`, EIO);
    }
  }
}

/** A disk that belongs to a pool, and has nothing to boot from. */
class Aside {
  constructor(
    readonly volume: Volume,
    readonly role: string,
  ) {}
}

const asides: Aside[] = [];

/** What the disk on `volume` is to a pool that it isn't read for; empty when it is no such disk. */
export function asideOn(volume: Volume): string {
  for (let i = 0; i < asides.length; i++) {
    const own = asides[i].volume;
    if (own.disk === volume.disk && own.start == volume.start) return asides[i].role;
  }
  return "";
}

/** What a disk with the label `config` is to its pool, if it is nothing to read from; else empty. */
function asideRole(config: NvList): string {
  const name = config.text("name");
  if (name === null) return "spare or cache of a ZFS pool";
  if (config.number("txg") == 0) return `removed from ZFS pool ${name}`;
  if (config.number("is_log") != 0) return `log of ZFS pool ${name}`;
  return config.number("state") == STATE_DESTROYED ? `part of ZFS pool ${name}, which was destroyed` : "";
}

/** All pools that can be read. */
export const pools: Pool[] = [];

/** What the name of a pool's checkpoint begins with. */
export const CHECKPOINT_MARK = "!";

/** The pool called `name`, or the checkpoint of one, or null. */
export function findPool(name: string): Pool | null {
  if (name.startsWith(CHECKPOINT_MARK)) {
    const pool = findPool(name.substring(1));
    return pool !== null ? pool.checkpoint : null;
  }
  for (let i = 0; i < pools.length; i++) if (pools[i].name == name) return pools[i];
  return null;
}

function poolOf(guid: u64, name: string, where: string): Pool {
  for (let i = 0; i < pools.length; i++) if (pools[i].guid == guid) return pools[i];
  if (findPool(name) !== null)
    damaged(where, `ZFS pool ${name} (guid ${guid}): another one has this name, and is used`, EIO);
  const pool = new Pool(guid, name);
  pools.push(pool);
  return pool;
}

/** Of a label all but its first bytes is read: boot block, configuration, ring of uberblocks. */
const LABEL_READ: u32 = <u32>(LABEL_SIZE - BOOT_BLOCK_AT);
const RING_AT: u32 = <u32>(UBERBLOCKS_AT - BOOT_BLOCK_AT);

/** What the labels of a disk hold. */
class Labels {
  /** The newest good configuration, as it is packed; of `txg`, 0 when there is none. */
  readonly config: usize = allocate(CONFIG_SIZE);
  txg: u64 = 0;
  /** What the disk is when there is nothing to be read from it. */
  role: string = "";
  bootBlock: BootBlock | null = null;
  /** Addresses of the rings of uberblocks, until something else is fetched ahead; 0 for what can't be read. */
  readonly rings: usize[] = [];
  /** Name of a pool that a big-endian machine wrote. */
  private foreign: string = "";

  /** Reads those of a disk of `size` bytes. Whether one was good. */
  read(volume: Volume, size: u64): bool {
    startAhead(<u32>LABELS * LABEL_READ);
    let bad = "";
    for (let i = 0; i < LABELS; i++) {
      const offset = labelOffset(size, i) + BOOT_BLOCK_AT;
      const block = takeAhead(LABEL_READ);
      // What can't be read together may be in parts.
      const whole = this.part(volume, offset, block, 0, LABEL_READ);
      const there = whole || this.part(volume, offset, block, 0, BOOT_BLOCK_SIZE + CONFIG_SIZE);
      // What isn't there has no checksum.
      if (!there) memory.fill(block, 0, BOOT_BLOCK_SIZE + CONFIG_SIZE);
      const ring = whole || this.part(volume, offset, block, RING_AT, <u32>UBERBLOCKS_SIZE);
      this.rings.push(ring ? block + <usize>RING_AT : 0);
      if (!this.take(block, offset)) bad += ` ${i}`;
    }
    if (this.txg == 0 && this.foreign.length > 0) {
      const what = `ZFS label: pool ${this.foreign} is of a big-endian machine, which can't be read`;
      print(`${what}\n`);
      damaged(volume.where(0), what, EIO);
    }
    if (this.txg > 0 && bad.length > 0) damaged(volume.where(0), `ZFS label without a good checksum:${bad}`, EIO);
    return this.txg > 0;
  }

  private part(volume: Volume, offset: u64, block: usize, from: u32, size: u32): bool {
    return volume.read(offset + <u64>from, block + <usize>from, size) == <i64>size;
  }

  /** Takes over what is good and new in the label at `block`, which is from `offset` of the disk. Whether its configuration is good. */
  private take(block: usize, offset: u64): bool {
    if (this.bootBlock === null && verifyTail(block, BOOT_BLOCK_SIZE, offset, 0, 0)) {
      this.bootBlock = readBootBlock(block);
    }
    const packed = block + <usize>BOOT_BLOCK_SIZE;
    // Labels of a disk hold the same, as a rule, and what was verified once needn't be again.
    if (this.txg > 0 && memory.compare(packed, this.config, CONFIG_SIZE - TAIL_SIZE) == 0) return true;
    if (!verifyTail(packed, CONFIG_SIZE, offset + <u64>BOOT_BLOCK_SIZE, 0, 0)) {
      this.lookForeign(packed);
      return false;
    }
    const config = NvList.unpack(packed, CONFIG_SIZE);
    if (config !== null) this.role = asideRole(config);
    if (config === null || !config.has("txg") || config.number("txg") < this.txg) return true;
    this.txg = config.number("txg");
    memory.copy(this.config, packed, CONFIG_SIZE);
    return true;
  }

  /** Keeps the pool's name when a big-endian machine wrote the configuration at `packed`. */
  private lookForeign(packed: usize): void {
    if (!tailBigEndian(packed, CONFIG_SIZE)) return;
    const config = NvList.unpack(packed, CONFIG_SIZE);
    const name = config !== null ? config.text("name") : null;
    if (name !== null) this.foreign = name;
  }
}

/** Looks for a pool's label on `volume` of `size` bytes, and adds the disk to its pool. Whether it did. */
export function probeVolume(volume: Volume, mediaSize: u64): bool {
  const size = mediaSize & ~(LABEL_SIZE - 1);
  if (size < DEVICE_SIZE_MIN) return false;
  const labels = new Labels();
  let added = false;
  if (labels.read(volume, size)) {
    const config = NvList.unpack(labels.config, CONFIG_SIZE);
    if (config !== null) added = addDisk(volume, size, config, labels);
  }
  heap.free(labels.config);
  if (!added && labels.role.length > 0) asides.push(new Aside(volume, labels.role));
  return added;
}

/** Adds the disk with label `config`. */
function addDisk(volume: Volume, size: u64, config: NvList, labels: Labels): bool {
  const version = config.number("version");
  if (version == 0 || (version > VERSION_MAX && version != VERSION_FEATURES)) {
    print(`ZFS: unsupported ZFS version ${version} (should be ${VERSION_FEATURES})\n`);
    return false;
  }
  const name = config.text("name");
  const features = config.list("features_for_read");
  if (features !== null) {
    const names = features.names();
    for (let i = 0; i < names.length; i++) {
      if (!copesWith(names[i])) return refuseFeature(names[i], `zfs:${name === null ? "" : name}`);
    }
  }
  const tree = config.list("vdev_tree");
  if (config.number("state") == STATE_DESTROYED || config.number("is_log") != 0) return false;
  if (name === null || !config.has("pool_guid") || !config.has("guid") || !config.has("state")) return false;
  const pool = poolOf(config.number("pool_guid"), name, volume.where(0));
  if (features !== null && features.names().includes(LARGE_GANGS)) pool.largeGangs = true;
  const txg = config.number("txg");
  const guid = config.number("guid");
  // Met before: slices that overlap, for instance.
  if (pool.disk(guid) !== null || tree === null) return false;
  pool.txg = max(pool.txg, txg);
  pool.disks.push(new PoolDisk(guid, txg, volume, name));
  pool.label(tree.number("id")).learn(tree, txg);
  if (pool.bootBlock === null) pool.bootBlock = labels.bootBlock;
  pool.topCount = max(pool.topCount, config.number("vdev_children"));
  readUberblocks(pool, labels, size, tree.number("ashift"));
  return true;
}

/** Takes down the newest states of `pool` that the labels of a disk lead to. */
function readUberblocks(pool: Pool, labels: Labels, size: u64, ashift: u64): void {
  const shift = min(max(ashift, UBERBLOCK_SHIFT_MIN), UBERBLOCK_SHIFT_MAX);
  const step = (<u32>1) << (<u32>shift);
  let txg = u64.MAX_VALUE;
  // From the newest on: only what may be taken is verified.
  for (let taken = 0; taken < ROOTS_MAX; ) {
    txg = newestBefore(txg, labels, step);
    if (txg == 0) return;
    let known = false;
    for (let label = 0; label < LABELS; label++) {
      const start = labelOffset(size, label) + UBERBLOCKS_AT;
      const ring = labels.rings[label];
      for (let at: u32 = 0; ring != 0 && at < <u32>UBERBLOCKS_SIZE; at += step) {
        const uberblock = ring + <usize>at;
        const time = load<u64>(uberblock, UB_TIMESTAMP);
        if (txgOf(uberblock) != txg) continue;
        if (!pool.wantsRoot(txg, time)) {
          known = true;
        } else if (verifyTail(uberblock, step, start + <u64>at, 0, 0)) {
          pool.addRoot(txg, time, uberblock);
          known = true;
        }
      }
    }
    if (known) taken++;
  }
}

/** The transaction group of an uberblock, 0 of what is none. */
function txgOf(uberblock: usize): u64 {
  return load<u64>(uberblock, UB_MAGIC) == UBERBLOCK_MAGIC ? load<u64>(uberblock, UB_TXG) : 0;
}

/** The newest transaction group before `txg` that labels have an uberblock of; 0 for none. */
function newestBefore(txg: u64, labels: Labels, step: u32): u64 {
  let newest: u64 = 0;
  burn(<i64>(<u32>UBERBLOCKS_SIZE / step));
  for (let label = 0; label < LABELS; label++) {
    const ring = labels.rings[label];
    for (let at: u32 = 0; ring != 0 && at < <u32>UBERBLOCKS_SIZE; at += step) {
      const found = txgOf(ring + <usize>at);
      if (found < txg) newest = max(newest, found);
    }
  }
  return newest;
}
