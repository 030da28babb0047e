// Pools of a real OpenZFS: those in images/pools/, and the larger collection beside the checkout (shared/pools), where
// there is one. Both say in pools.json what made each pool and what is in it; from the commands follows which disks it
// can do without.

import { createReadStream, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createGunzip } from "node:zlib";
import type { Disk } from "userboot-wasm";
import { isZero, PAGE, unpackDisks } from "./pages.mjs";
import { inRepository } from "./repository.js";
import { SparseDisk } from "./sparse_disk.js";

/** A file of the pools' tree, which their loader.rc loads with this type. */
export interface PoolFile {
  path: string;
  type: string;
  size: number;
  sha256: string;
}

/** One pool of pools.json. */
export interface PoolEntry {
  /** Images, compressed with gzip; without them the pool is packed, see pages.mjs. */
  disks?: string[];
  /** Its `zpool create`, with the disks as disk1, disk2 ... */
  create: string;
  /** Options of the data set that is booted. */
  root?: string;
  /** How the tree went in, unless it was just copied. */
  put?: string;
  /** What was done then. */
  then?: string;
  /** Which files it has: see `holds`. */
  tree: string;
  /** The data set that is booted, where it is worth a look. */
  boots?: string;
  /** Said of pools that FreeBSD 15's own loader doesn't read. */
  freebsd15?: "refuses";
}

/** Whether the tree of a pool has a file. */
export function holds(pool: PoolEntry, path: string): boolean {
  if (path.startsWith("/many/")) return ["many", "large"].includes(pool.tree);
  return path !== "/files/big" || pool.tree === "big";
}

/** A pools.json, and where it is. */
export interface Pools {
  made_with: string;
  /** Address to SHA-256, of as many bytes as `KERNEL_SIZES` says. */
  kernel_memory: Record<string, string>;
  files: PoolFile[];
  pools: Record<string, PoolEntry>;
  folder: string;
}

/** The pools described in a folder; undefined when it isn't there. */
export function poolsIn(folder: string): Pools | undefined {
  const path = join(inRepository(folder), "pools.json");
  return existsSync(path) ? { ...JSON.parse(readFileSync(path, "utf8")), folder: inRepository(folder) } : undefined;
}

/** One disk of a pool that is an image; what is zero takes no memory. */
async function fromImage(path: string): Promise<SparseDisk> {
  const disk = new SparseDisk(0);
  let end = 0;
  const stream = createReadStream(path).pipe(createGunzip({ chunkSize: 256 * PAGE }));
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length; at += PAGE) {
      const page = chunk.subarray(at, at + PAGE);
      if (!isZero(page)) disk.write(end + at, page);
    }
    end += chunk.length;
  }
  disk.size = end;
  return disk;
}

/** The disks of a pool, or of anything else, that is packed. */
export function unpacked(path: string): SparseDisk[] {
  return unpackDisks(readFileSync(path)).map(({ size, runs }) => {
    const disk = new SparseDisk(size);
    for (const { offset, bytes } of runs) disk.write(offset, bytes);
    return disk;
  });
}

/** The disks of a pool. */
export async function disksOf({ folder, pools }: Pools, name: string): Promise<SparseDisk[]> {
  const images = pools[name]?.disks;
  if (images === undefined) return unpacked(join(folder, `${name}.pages.br`));
  return Promise.all(images.map((image) => fromImage(join(folder, image))));
}

/** Where the middle of a disk begins, behind partition table, labels and boot block, and how far from its end it ends. */
const MIDDLE = 5 * 1024 * 1024;
const TAIL = 2 * 1024 * 1024;

/** A disk whose partition table and labels are there, and nothing else. */
export function zeroed(disk: Disk): Disk {
  const end = disk.size - TAIL;
  return {
    size: disk.size,
    sectorSize: disk.sectorSize,
    read(offset, target) {
      const count = disk.read(offset, target) as number;
      target.fill(0, Math.min(Math.max(MIDDLE - offset, 0), count), Math.min(Math.max(end - offset, 0), count));
      return count;
    },
  };
}

/** Disks that stand for each other: as many as `spare` of them may be missing; in a mirror, all but one. */
interface Group {
  disks: number[];
  spare: number;
  mirror: boolean;
  /** Nothing that a boot reads is on it: logs, caches, spares. */
  idle: boolean;
  /** A disk that may be missing besides. */
  replaced?: number;
}

/** The disk that a word of a command names, counted from 0. */
const diskOf = (word: string): number | undefined => {
  const digits = /^disk([0-9]+)$/.exec(word)?.[1];
  return digits === undefined ? undefined : Number(digits) - 1;
};

/** All of a group is removed from the pool. */
function leave(group: Group): void {
  group.spare = group.disks.length;
  group.idle = true;
}

/** What one command of zpool makes of the groups. */
function applyCommand(words: readonly string[], groups: Group[]): void {
  const verb = words[1] ?? "";
  if (words[0] !== "zpool" || !["create", "add", "attach", "remove", "offline", "replace"].includes(verb)) return;
  // A kind of vdev that nothing a boot reads is on.
  let idle = false;
  let group: Group | undefined;
  for (const word of words.slice(2)) {
    const raid = /^(mirror|(?:raidz|draid)([1-3]?))(:.*)?$/.exec(word);
    const grown = /^(?:mirror|raidz[1-3]|draid[1-3].*)-([0-9]+)$/.exec(word);
    const disk = diskOf(word);
    if (["log", "cache", "spare", "dedup", "special"].includes(word)) {
      idle = word !== "special";
      group = undefined;
    } else if (grown) {
      group = groups[Number(grown[1])];
      if (group && verb === "remove") leave(group);
    } else if (raid) {
      const mirror = raid[1] === "mirror";
      group = { disks: [], spare: mirror ? -1 : Number(raid[2] || 1), mirror, idle };
      groups.push(group);
    } else if (disk !== undefined && verb === "remove") {
      for (const one of groups) if (one.disks.includes(disk)) leave(one);
    } else if (disk !== undefined && verb === "replace") {
      // What was on it is on a spare now.
      for (const one of groups) if (one.disks.includes(disk)) one.replaced = disk;
    } else if (disk !== undefined && verb === "offline") {
      // The others are ahead of it: it alone can be missing.
      for (const one of groups)
        if (one.mirror && one.disks.includes(disk)) Object.assign(one, { disks: [disk], spare: 1 });
    } else if (disk !== undefined && group) {
      group.disks.push(disk);
      if (group.mirror) group.spare++;
    } else if (disk !== undefined) groups.push({ disks: [disk], spare: idle ? 1 : 0, mirror: false, idle });
  }
}

/** All ways to choose 1 to `most` of `items`. */
function choices(items: readonly number[], most: number): number[][] {
  const chosen: number[][] = [[]];
  for (const item of items) chosen.push(...chosen.map((set) => [...set, item]));
  return chosen.filter((set) => set.length > 0 && set.length <= most);
}

/**
 * Pools that aren't what their commands say: the removal of removed_stripe found no room, and its labels know of none.
 * What was done to them then doesn't count.
 */
const NOT_DONE: readonly string[] = ["zpool create -f zroot disk1 disk2 -O compression=lz4"];

/** The groups of a pool's disks when all its commands are done. */
function groupsOf(pool: PoolEntry): Group[] {
  const groups: Group[] = [];
  const then = NOT_DONE.includes(pool.create) ? "" : (pool.then ?? "");
  for (const command of [pool.create, then].join(";").split(";")) applyCommand(command.trim().split(/\s+/), groups);
  return groups;
}

/** The sets of disks that a pool can do without: of each group all that its redundancy allows, and as many of each. */
export function sparedSets(pool: PoolEntry): number[][] {
  const groups = groupsOf(pool);
  const sets = groups.flatMap(({ disks, spare, replaced }) => {
    if (replaced === undefined) return choices(disks, spare);
    const others = disks.filter((disk) => disk !== replaced);
    const around = [[], ...choices(others, spare)];
    return [...around.slice(1), ...around.map((set) => [replaced, ...set])];
  });
  const all = groups.flatMap((group) => group.disks.slice(0, group.spare));
  if (!sets.some((set) => set.join() === all.join()) && all.length > 0) sets.push(all);
  return sets;
}

/** Sets that are one disk too many, one for each group that has as many; some disk of another group is left. */
export function neededSets(pool: PoolEntry): number[][] {
  const groups = groupsOf(pool).filter((group) => !group.idle);
  const count = groups.reduce((sum, { disks }) => sum + disks.length, 0);
  return groups
    .map(({ disks, spare, replaced }) => disks.filter((disk) => disk !== replaced).slice(0, spare + 1))
    .filter((set, index) => set.length > (groups[index]?.spare ?? 0) && set.length < count);
}
