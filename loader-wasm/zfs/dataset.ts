// Data sets of a pool: finding one by its name and the name of one, their children, and which one is booted from.

import { EIO, ENOENT, errno, setErrno } from "../lib/errno";
import { damaged } from "../lib/fault";
import { print } from "../lib/output";
import { Dnode, ObjectSet } from "./dnode";
import {
  DATASET_DEPTH_MAX,
  DD_CHILDREN,
  DD_HEAD,
  DD_PARENT,
  DD_SIZE,
  DIRECTORY_OBJECT,
  DS_DIRECTORY,
  DS_POINTER,
  DS_SIZE,
  OBJSET_TYPE_META,
  SALT_SIZE,
} from "./layout";
import { NvList } from "./nvlist";
import { featureKnown, Pool } from "./pool";
import { vdevFrom } from "./vdevs";
import { Zap, zapLookUp } from "./zap";

/** Bytes of a pool's configuration, at most. */
const CONFIG_MAX: u64 = 4 << 20;

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
  const set = ObjectSet.read(pool, changetype<usize>(pool.root));
  if (set === null) {
    // A pool none of whose uberblocks was found has no pointer to read by.
    if (load<u64>(changetype<usize>(pool.root)) == 0 && load<u64>(changetype<usize>(pool.root), 8) == 0) {
      print("ZFS: i/o error - all block copies unavailable\n");
    }
    print(`ZFS: can't read MOS of pool ${pool.name}\n`);
    return EIO;
  }
  pool.mos = set;
  if (set.type != OBJSET_TYPE_META) {
    print(`ZFS: corrupted MOS of pool ${pool.name}\n`);
    return EIO;
  }
  if (set.object(DIRECTORY_OBJECT) === null) {
    print(`ZFS: failed to read pool ${pool.name} directory object\n`);
    return EIO;
  }
  readSalt(pool);
  if (!checkFeatures(pool)) {
    print(`ZFS: pool ${pool.name} is not supported\n`);
    return EIO;
  }
  return readConfig(pool);
}

/** Reads the key of checksums that have one, which pools without such don't have. */
function readSalt(pool: Pool): void {
  const entry = zapLookUp(pool.mos.object(DIRECTORY_OBJECT)!, "org.illumos:checksum_salt");
  const bytes = entry !== null ? entry.bytes(SALT_SIZE) : null;
  if (bytes === null) return;
  for (let i = 0; i < bytes.length; i++) store<u8>(pool.salt + <usize>i, <u8>bytes.charCodeAt(i));
}

/** Whether all features in use are known. */
function checkFeatures(pool: Pool): bool {
  const number = poolEntry(pool, "features_for_read");
  if (number == 0) return true;
  const dnode = pool.mos.object(number);
  const zap = Zap.open(dnode);
  if (zap === null) return false;
  while (zap.next()) if (zap.value != 0 && !featureKnown(zap.name)) return false;
  return errno == ENOENT;
}

/** Learns of vdevs that no label told of: each label knows only the top-level vdev it is in. */
function readConfig(pool: Pool): i32 {
  const number = poolEntry(pool, "config");
  if (number == 0) {
    print("ZFS: can not read MOS config\n");
    return EIO;
  }
  const dnode = withBonus(pool, number, 8);
  if (dnode === null) return EIO;
  const size = load<u64>(dnode.bonus());
  if (size > CONFIG_MAX) return dnode.damaged(`configuration of ${size} bytes`);
  const packed = new StaticArray<u8>(<i32>size);
  if (dnode.read(0, changetype<usize>(packed), <u32>size) != 0) return EIO;
  const config = NvList.unpack(changetype<usize>(packed), <u32>size);
  const tree = config !== null ? config.list("vdev_tree") : null;
  if (tree === null) return dnode.damaged("configuration without a vdev tree");
  const kids = tree.lists("children");
  for (let i = 0; i < kids.length; i++) {
    const vdev = vdevFrom(kids[i], false);
    if (vdev === null) {
      print(`vdev_init_from_nvlist: ${errno}\n`);
      break;
    }
    pool.addTop(vdev);
  }
  return 0;
}

/** The data set called `name`, without the pool's name; 0 and errno. */
export function findDataset(pool: Pool, name: string): u64 {
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

/** The name of data set `number`, without the pool's, which has none; null and errno. */
export function datasetName(pool: Pool, number: u64): string | null {
  const set = dataset(pool, number);
  if (set === null) return null;
  let name = "";
  let at = load<u64>(set.bonus(), DS_DIRECTORY);
  for (let depth = 0; depth < DATASET_DEPTH_MAX; depth++) {
    const dir = directory(pool, at);
    if (dir === null) return null;
    const parent = load<u64>(dir.bonus(), DD_PARENT);
    if (parent == 0) return name;
    const parentDir = directory(pool, parent);
    if (parentDir === null) return null;
    const children = pool.mos.object(load<u64>(parentDir.bonus(), DD_CHILDREN));
    const zap = Zap.open(children);
    if (zap === null || !zap.lookUpValue(at)) {
      setErrno(EIO);
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
  const set = dataset(pool, number);
  if (set === null) return null;
  const objects = ObjectSet.read(pool, set.bonus() + DS_POINTER);
  if (objects === null) print(`ZFS: can't read object set for dataset ${number}\n`);
  return objects;
}
