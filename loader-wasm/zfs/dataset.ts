// Data sets of a pool: finding one by its name and the name of one, their children, and which one is booted from.

import { EIO, ENOENT, EPERM, errno, setErrno } from "../lib/errno";
import { damaged } from "../lib/fault";
import { print } from "../lib/output";
import { readConfig, readLabels } from "./config";
import { Dnode, ObjectSet } from "./dnode";
import { copesWith, datasetCopesWith, refuseFeature, ZSTD } from "./features";
import {
  BP_SIZE,
  bpEncrypted,
  CRYPTO_KEY,
  DATASET_DEPTH_MAX,
  DD_CHILDREN,
  DD_HEAD,
  DD_PARENT,
  DD_SIZE,
  DD_USED,
  DIRECTORY_OBJECT,
  DS_DIRECTORY,
  DS_POINTER,
  DS_SIZE,
  DS_SNAPSHOTS,
  OBJSET_TYPE_META,
  SALT_SIZE,
  TYPE_EXTENSIBLE,
  UB_ROOT,
  UB_SIZE,
  UB_TXG,
} from "./layout";
import { CHECKPOINT_MARK, Pool, Root } from "./pool";
import { VdevState } from "./vdev";
import { Zap, zapLookUp, zapNumbers } from "./zap";

/** The entry of a pool's directory that is an uberblock, as words. */
const CHECKPOINT = "com.delphix:zpool_checkpoint";

/** Directories of data sets that are looked through for one that uses a feature. */
const DIRECTORIES_MAX: i32 = 4096;

/** The object `number` of the pool whose bonus buffer has `size` bytes at least; null and errno. */
function withBonus(pool: Pool, number: u64, size: u32): Dnode | null {
  const dnode = pool.mos.object(number);
  if (dnode === null || dnode.bonusSize() >= size) return dnode;
  dnode.damaged(`bonus of ${dnode.bonusSize()} bytes, not ${size}`);
  return null;
}

function directory(pool: Pool, number: u64): Dnode | null {
  return withBonus(pool, number, DD_SIZE);
}

function dataset(pool: Pool, number: u64): Dnode | null {
  const found = withBonus(pool, number, DS_SIZE);
  if (found === null) print(`ZFS: can't find dataset ${number}\n`);
  return found;
}

/** The number `name` of the pool's directory. */
function poolEntry(pool: Pool, name: string): u64 {
  const dnode = pool.mos.object(DIRECTORY_OBJECT);
  const entry = dnode !== null ? zapLookUp(dnode, name) : null;
  return entry === null ? 0 : entry.value;
}

/** Reads what is needed of the pool, once all its disks are known. Returns an errno. */
export function openPool(pool: Pool): i32 {
  const roots = pool.roots;
  if (roots.length > 0) pool.root = roots[0];
  readLabels(pool);
  pool.compareDisks();
  for (let i = 0; i < roots.length; i++) {
    // What the latest can't be read for is printed, what becomes of the others is only reported.
    pool.quiet = i > 0;
    const opened = openRoot(pool, roots[i]);
    pool.quiet = false;
    if (!opened) continue;
    if (i > 0 || roots[i].txg < pool.txg) goneBack(pool, roots[i].txg);
    readSalt(pool);
    if (checkFeatures(pool)) return openConfig(pool);
    print(`ZFS: pool ${pool.name} is not supported\n`);
    return EIO;
  }
  if (roots.length == 0) {
    // There is no pointer to read by.
    print("ZFS: i/o error - all block copies unavailable\n");
    print(`ZFS: can't read MOS of pool ${pool.name}\n`);
  }
  return damaged(`zfs:${pool.name}`, whyUnreadable(pool), EIO);
}

/** Why a pool can't be read that has no usable state: too few of its disks are there, or they are damaged. */
function whyUnreadable(pool: Pool): string {
  for (let i = 0; i < pool.tops.length; i++) {
    const top = pool.tops[i];
    const missing = top.state < VdevState.Degraded ? top.missing() : "";
    if (missing.length > 0) return `ZFS pool is incomplete: missing ${missing}`;
  }
  return <u64>pool.tops.length < pool.topCount
    ? `ZFS pool is incomplete: disks of ${pool.tops.length} vdevs of ${pool.topCount} are there`
    : `ZFS pool is damaged: none of ${pool.roots.length} uberblocks leads to what can be read`;
}

/** Says that not the latest state of the pool is read, but that of transaction group `txg`. */
function goneBack(pool: Pool, txg: u64): void {
  const latest = max(pool.roots[0].txg, pool.txg);
  print(`ZFS: pool ${pool.name}: transaction group ${latest} can't be read, ${txg} is taken\n`);
  damaged(`zfs:${pool.name}`, `ZFS transaction group ${latest} given up, ${txg} is taken`, EIO);
}

/** Opens the pool in the state of `root`: whether its meta object set, and what leads to its data sets, can be read. */
function openRoot(pool: Pool, root: Root): bool {
  pool.root = root;
  const set = ObjectSet.read(pool, root.at(), `zfs:${pool.name}`);
  if (set === null) return unusable(pool, root, `can't read MOS of pool ${pool.name}`);
  if (set.type != OBJSET_TYPE_META) return unusable(pool, root, `corrupted MOS of pool ${pool.name}`);
  pool.mos = set;
  if (set.object(DIRECTORY_OBJECT) === null) {
    return unusable(pool, root, `failed to read pool ${pool.name} directory object`);
  }
  const found = directory(pool, poolEntry(pool, "root_dataset")) !== null;
  return found || unusable(pool, root, `can't find root dataset of pool ${pool.name}`);
}

function unusable(pool: Pool, root: Root, what: string): bool {
  if (!pool.quiet) print(`ZFS: ${what}\n`);
  damaged(`zfs:${pool.name}`, `ZFS transaction group ${root.txg}: ${what}`, EIO);
  return false;
}

/** Learns of vdevs that no label told of: each label knows only the top-level vdev it is in. Returns an errno. */
function openConfig(pool: Pool): i32 {
  const number = poolEntry(pool, "config");
  if (number == 0) {
    print("ZFS: can not read MOS config\n");
    return EIO;
  }
  const config = withBonus(pool, number, 8);
  const error = config !== null ? readConfig(pool, config) : EIO;
  if (error == 0) openCheckpoint(pool);
  return error;
}

/** Reads the key of checksums that have one, which pools without such don't have. */
function readSalt(pool: Pool): void {
  const dnode = pool.mos.object(DIRECTORY_OBJECT);
  const bytes = dnode !== null ? zapNumbers(dnode, "org.illumos:checksum_salt", SALT_SIZE) : null;
  if (bytes === null) return;
  for (let i = 0; i < bytes.length; i++) store<u8>(pool.salt + <usize>i, <u8>bytes[i]);
}

/** Names of the features that `pool` uses and that a reader has to know, for those who look at it. */
export function featuresInUse(pool: Pool): string[] {
  const names: string[] = [];
  const number = poolEntry(pool, "features_for_read");
  const zap = number != 0 ? Zap.open(pool.mos.object(number)) : null;
  while (zap !== null && zap.next()) if (zap.value != 0) names.push(zap.name);
  return names;
}

/** Bytes that data set `number`, and what is below it, take up; -1 when that can't be read. */
export function datasetUsed(pool: Pool, number: u64): i64 {
  const set = dataset(pool, number);
  const dir = set !== null ? directory(pool, load<u64>(set.bonus(), DS_DIRECTORY)) : null;
  return dir === null ? -1 : load<i64>(dir.bonus(), DD_USED);
}

/** Whether all features in use are known, or matters of single data sets. */
function checkFeatures(pool: Pool): bool {
  const number = poolEntry(pool, "features_for_read");
  if (number == 0) return true;
  const dnode = pool.mos.object(number);
  const zap = Zap.open(dnode);
  if (zap === null) return false;
  while (zap.next()) {
    if (zap.name == ZSTD) pool.modern = true;
    if (zap.value == 0 || copesWith(zap.name)) continue;
    // Features are either of all the pool or of data sets, which say so.
    if (!usedByDataset(pool, zap.name)) return refuseFeature(zap.name, `zfs:${pool.name}`);
  }
  return errno == ENOENT;
}

/** Whether one of the pool's data sets says that it uses the feature `name`. */
function usedByDataset(pool: Pool, name: string): bool {
  const waiting: u64[] = [poolEntry(pool, "root_dataset")];
  for (let i = 0; i < waiting.length; i++) {
    const dir = directory(pool, waiting[i]);
    if (dir === null) continue;
    const head = load<u64>(dir.bonus(), DD_HEAD);
    const set = head != 0 ? withBonus(pool, head, DS_SIZE) : null;
    if (set !== null && set.type == TYPE_EXTENSIBLE && zapLookUp(set, name) !== null) return true;
    const children = load<u64>(dir.bonus(), DD_CHILDREN);
    const zap = children != 0 ? Zap.open(pool.mos.object(children)) : null;
    if (zap === null) continue;
    while (zap.next() && waiting.length < DIRECTORIES_MAX) waiting.push(zap.value);
    zap.release();
  }
  return false;
}

/**
 * Opens the pool's checkpoint, if it has one: the state to which `zpool import --rewind-to-checkpoint` goes back. It is a pool of
 * its own, on the same disks, with a mark before its name.
 */
function openCheckpoint(pool: Pool): void {
  const dnode = pool.mos.object(DIRECTORY_OBJECT);
  const words = dnode !== null ? zapNumbers(dnode, CHECKPOINT, UB_SIZE >> 3) : null;
  if (words === null || words.length <= (<i32>UB_ROOT >> 3) + (<i32>BP_SIZE >> 3)) return;
  const checkpoint = new Pool(pool.guid, `${CHECKPOINT_MARK}${pool.name}`);
  for (let i = 0; i < pool.tops.length; i++) checkpoint.addTop(pool.tops[i]);
  checkpoint.largeGangs = pool.largeGangs;
  memory.copy(checkpoint.salt, pool.salt, SALT_SIZE);
  const uberblock = new StaticArray<u64>(<i32>UB_SIZE >> 3);
  for (let i = 0; i < words.length; i++) uberblock[i] = words[i];
  const root = new Root(words[<i32>UB_TXG >> 3], 0, changetype<usize>(uberblock));
  if (openRoot(checkpoint, root)) pool.checkpoint = checkpoint;
}

/** The data set called `name`, without the pool's name, or one of its snapshots, `name@snapshot`; 0 and errno. */
export function findDataset(pool: Pool, name: string): u64 {
  // The loaders of FreeBSD 12 and before, and so the recordings, know of no snapshots.
  const mark = pool.modern ? name.indexOf("@") : -1;
  if (mark >= 0) return findSnapshot(pool, findDataset(pool, name.substring(0, mark)), name.substring(mark + 1));
  let number = poolEntry(pool, "root_dataset");
  const parts = name.split("/");
  for (let i = 0; i <= parts.length; i++) {
    const dir = directory(pool, number);
    if (dir === null) {
      setErrno(EIO);
      return 0;
    }
    if (i == parts.length) return load<u64>(dir.bonus(), DD_HEAD);
    if (parts[i].length == 0) continue;
    const children = pool.mos.object(load<u64>(dir.bonus(), DD_CHILDREN));
    if (children === null) {
      setErrno(EIO);
      return 0;
    }
    const child = zapLookUp(children, parts[i]);
    if (child === null) {
      setErrno(ENOENT);
      return 0;
    }
    number = child.value;
  }
  return 0;
}

/** The table of the snapshots of data set `number`; null and errno. */
function snapshots(pool: Pool, number: u64): Zap | null {
  const set = number != 0 ? dataset(pool, number) : null;
  const table = set !== null ? load<u64>(set.bonus(), DS_SNAPSHOTS) : 0;
  return table != 0 ? Zap.open(pool.mos.object(table)) : null;
}

/** The snapshot `name` of data set `number`; 0 and errno, also without one. */
function findSnapshot(pool: Pool, number: u64, name: string): u64 {
  const zap = snapshots(pool, number);
  return zap !== null && zap.lookUp(name) ? zap.value : 0;
}

/** The name of data set `number`, without the pool's, which has none; null and errno. */
export function datasetName(pool: Pool, number: u64): string | null {
  const set = dataset(pool, number);
  if (set === null) return null;
  let at = load<u64>(set.bonus(), DS_DIRECTORY);
  const own = directory(pool, at);
  const head = own !== null ? load<u64>(own.bonus(), DD_HEAD) : number;
  const zap = head != number ? snapshots(pool, head) : null;
  const suffix = zap !== null && zap.lookUpValue(number) ? `@${zap.name}` : "";
  let name = "";
  for (let depth = 0; depth < DATASET_DEPTH_MAX; depth++) {
    const dir = directory(pool, at);
    if (dir === null) return null;
    const parent = load<u64>(dir.bonus(), DD_PARENT);
    if (parent == 0) return name + suffix;
    const parentDir = directory(pool, parent);
    if (parentDir === null) return null;
    const children = pool.mos.object(load<u64>(parentDir.bonus(), DD_CHILDREN));
    const zap = Zap.open(children);
    if (zap === null) return null;
    if (!zap.lookUpValue(at)) {
      if (errno == ENOENT) dir.damaged("not among what its parent has");
      return null;
    }
    name = name.length == 0 ? zap.name : `${zap.name}/${name}`;
    at = parent;
  }
  damaged(`zfs:${pool.name}`, `ZFS data set ${number}: more than ${DATASET_DEPTH_MAX} levels deep`, EIO);
  return null;
}

/** Names of the children of data set `number`; null and errno. */
export function datasetChildren(pool: Pool, number: u64): string[] | null {
  const set = dataset(pool, number);
  if (set === null) return null;
  const dirNumber = load<u64>(set.bonus(), DS_DIRECTORY);
  const dir = directory(pool, dirNumber);
  if (dir === null) {
    print(`ZFS: can't find dirobj ${dirNumber}\n`);
    return null;
  }
  const children = pool.mos.object(load<u64>(dir.bonus(), DD_CHILDREN));
  if (children === null) {
    print(`ZFS: can't find child zap ${dirNumber}\n`);
    return null;
  }
  const zap = Zap.open(children);
  if (zap === null) return null;
  const names: string[] = [];
  while (zap.next()) names.push(zap.name);
  return names;
}

/** The data set that the pool's property `bootfs` names, else the pool's own; 0 and errno. */
export function bootDataset(pool: Pool): u64 {
  const properties = poolEntry(pool, "pool_props");
  if (properties != 0) {
    const dnode = pool.mos.object(properties);
    const bootfs = dnode !== null ? zapLookUp(dnode, "bootfs") : null;
    if (bootfs !== null && bootfs.value != 0) return bootfs.value;
  }
  const dir = directory(pool, poolEntry(pool, "root_dataset"));
  if (dir !== null) return load<u64>(dir.bonus(), DD_HEAD);
  print("ZFS: can't find root dsl_dir\n");
  setErrno(EIO);
  return 0;
}

/** The object set of data set `number`; null and errno. */
export function openDataset(pool: Pool, number: u64): ObjectSet | null {
  if (pool.openObjects !== null && pool.openNumber == number) return pool.openObjects;
  const set = dataset(pool, number);
  if (set === null || !canRead(pool, number, set)) return null;
  const objects = ObjectSet.read(pool, set.bonus() + DS_POINTER, `zfs:${nameFor(pool, number)}`);
  if (objects === null) print(`ZFS: can't read object set for dataset ${number}\n`);
  pool.openNumber = number;
  pool.openObjects = objects;
  return objects;
}

/** Whether data set `number` is one that can be read: not encrypted, no feature unknown. Else says so, and errno. */
function canRead(pool: Pool, number: u64, set: Dnode): bool {
  const dir = directory(pool, load<u64>(set.bonus(), DS_DIRECTORY));
  if (dir === null) return false;
  const key = dir.type == TYPE_EXTENSIBLE ? zapLookUp(dir, CRYPTO_KEY) : null;
  if (key !== null || bpEncrypted(set.bonus() + DS_POINTER)) {
    const name = nameFor(pool, number);
    print(`ZFS: dataset ${name} is encrypted\n`);
    damaged(`zfs:${name}`, "ZFS data set is encrypted", EPERM);
    return false;
  }
  if (set.type != TYPE_EXTENSIBLE) return true;
  const zap = Zap.open(set);
  if (zap === null) return false;
  while (zap.next()) {
    if (!datasetCopesWith(zap.name)) return refuseFeature(zap.name, `zfs:${nameFor(pool, number)}`);
  }
  return errno == ENOENT;
}

/** What data set `number` is called in reports. */
function nameFor(pool: Pool, number: u64): string {
  const name = datasetName(pool, number);
  if (name === null) return `${pool.name} (data set ${number})`;
  return name.length > 0 ? `${pool.name}/${name}` : pool.name;
}
