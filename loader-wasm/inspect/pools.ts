// What an inspection tells of ZFS pools: their vdevs and how those are, features in use, data sets, and which of them is booted
// from.

import { lostPools } from "../dev/zfs";
import { EIO, errno, strerror } from "../lib/errno";
import { burn, damaged, damages, narrowed } from "../lib/fault";
import {
  bootDataset,
  datasetChildren,
  datasetName,
  datasetUsed,
  featuresInUse,
  findDataset,
  openDataset,
} from "../zfs/dataset";
import { copesWith } from "../zfs/features";
import { IndirectVdev } from "../zfs/indirect";
import { Pool, pools } from "../zfs/pool";
import { DiskVdev, stateName, Vdev, VdevState } from "../zfs/vdev";
import * as answer from "./answer";
import { nameAt, tellProblems } from "./disks";

/** Data sets that are told, over all pools, and bytes of a name: children that are their own parents have names without end. */
const DATASETS_MAX: i32 = 4096;
const NAME_MAX: i32 = 255;
/** Fuel for one, besides what reading costs. */
const DATASET_COST: i64 = 256;

let told: i32 = 0;

/** Answers the list of pools: those that can be read, then the others. */
export function tellPools(): void {
  told = 0;
  answer.key("pools");
  answer.open("[");
  for (let i = 0; i < pools.length; i++) tellPool(pools[i], true);
  for (let i = 0; i < lostPools.length; i++) tellPool(lostPools[i], false);
  answer.close("]");
}

function stateOf(pool: Pool): VdevState {
  let state: VdevState = VdevState.Healthy;
  for (let i = 0; i < pool.tops.length; i++) if (pool.tops[i].state < state) state = pool.tops[i].state;
  return state;
}

function tellPool(pool: Pool, readable: bool): void {
  answer.open("{");
  answer.textOf("name", pool.name);
  answer.textOf("guid", pool.guid.toString());
  answer.textOf("state", readable ? stateName(stateOf(pool)) : "UNAVAIL");
  answer.key("vdevs");
  answer.open("[");
  for (let i = 0; i < pool.tops.length; i++) {
    // What was removed is no part of the pool that anybody can see.
    if (!(pool.tops[i] instanceof IndirectVdev)) tellVdev(pool.tops[i]);
  }
  answer.close("]");
  answer.key("features");
  answer.open("[");
  const features = readable ? featuresInUse(pool) : [];
  for (let i = 0; i < features.length; i++) {
    answer.open("{");
    answer.textOf("name", features[i]);
    answer.flagOf("readable", copesWith(features[i]));
    answer.close("}");
  }
  answer.close("]");
  answer.key("datasets");
  answer.open("[");
  if (readable) tellDatasets(pool);
  answer.close("]");
  tellProblems(0, `zfs:${pool.name}`);
  answer.close("}");
}

function tellVdev(vdev: Vdev): void {
  const disk = narrowed<DiskVdev, Vdev>(vdev);
  answer.open("{");
  answer.textOf("name", vdev.name);
  // Groups are called by their kind and number.
  answer.textOf("type", disk !== null ? "disk" : vdev.name.substring(0, max(vdev.name.lastIndexOf("-"), 0)));
  answer.textOf("state", stateName(vdev.state));
  answer.textOf("guid", vdev.guid.toString());
  const volume = disk !== null ? disk.volume : null;
  if (volume !== null) answer.textOf("device", `${nameAt(volume.disk, volume.start)}:`);
  answer.textIf("problem", disk !== null && volume === null ? "missing" : "");
  answer.key("vdevs");
  answer.open("[");
  for (let i = 0; i < vdev.children.length; i++) tellVdev(vdev.children[i]);
  answer.close("]");
  answer.close("}");
}

/** Tells why data sets of `pool` are left out. */
function problem(pool: Pool, why: string): void {
  damaged(`zfs:${pool.name}`, `ZFS data sets: ${why}, which are left out`, EIO);
}

/** All data sets of `pool`, each before those below it. */
function tellDatasets(pool: Pool): void {
  const boot = bootDataset(pool);
  const active = boot != 0 ? datasetName(pool, boot) : null;
  const block = pool.bootBlock;
  const once = block !== null ? block.once : null;
  const slash = active !== null ? active.lastIndexOf("/") : -1;
  // Boot environments are what is beside the one that is booted.
  const beside = active !== null && slash >= 0 ? active.substring(0, slash) : null;
  const waiting: string[] = [""];
  while (waiting.length > 0 && told < DATASETS_MAX) {
    burn(DATASET_COST);
    told++;
    const name = waiting.pop();
    const number = findDataset(pool, name);
    const full = name.length == 0 ? pool.name : `${pool.name}/${name}`;
    const device = `zfs:${full}:`;
    const last = name.lastIndexOf("/");
    answer.open("{");
    answer.textOf("name", full);
    answer.textOf("device", device);
    const isActive = active !== null && active == name;
    answer.flagOf("bootEnvironment", isActive || (beside !== null && last >= 0 && name.substring(0, last) == beside));
    answer.flagOf("active", isActive);
    answer.flagOf("once", once !== null && once == device);
    const used = number != 0 ? datasetUsed(pool, number) : -1;
    if (used >= 0) answer.numberOf("used", <u64>used);
    answer.textIf("problem", problemOf(pool, number));
    answer.close("}");
    const children = number != 0 ? datasetChildren(pool, number) : null;
    if (children === null) continue;
    const inside: string[] = [];
    for (let i = 0; i < children.length; i++) {
      if (children[i].startsWith("$")) continue;
      if (full.length + 1 + children[i].length > NAME_MAX) problem(pool, `names of more than ${NAME_MAX} bytes`);
      else inside.push(name.length == 0 ? children[i] : `${name}/${children[i]}`);
    }
    inside.sort().reverse();
    for (let i = 0; i < inside.length; i++) waiting.push(inside[i]);
  }
  if (waiting.length > 0) problem(pool, `more than ${DATASETS_MAX} in all pools`);
}

/** Why data set `number` can't be read; empty when it can. */
function problemOf(pool: Pool, number: u64): string {
  const before = damages.length;
  if (number != 0 && openDataset(pool, number) !== null) return "";
  const error = errno;
  if (damages.length == before) return strerror(error);
  const damage = damages[before];
  const end = damage.indexOf(": ");
  return end < 0 ? damage : damage.substring(end + 2);
}
