// The boot sector of a FAT or exFAT volume, decoded into numbers that are known to make sense, and the table that chains
// clusters.

import { stringAt } from "../../lib/bytes";
import { EINVAL, EIO, setErrno } from "../../lib/errno";
import { allocate, burn, damaged } from "../../lib/fault";
import { sumsAgree } from "../../lib/variant";
import { Volume } from "../../storage/volume";
import { readWhole } from "../content";
import {
  B_CLUSTER_SECTORS,
  B_FLAGS,
  B_JUMP,
  B_MAGIC,
  B_MEDIA,
  B_RESERVED,
  B_ROOT,
  B_ROOT_ENTRIES,
  B_SECTOR_SIZE,
  B_SECTORS,
  B_SECTORS_LARGE,
  B_TABLE_SECTORS,
  B_TABLE_SECTORS_LARGE,
  B_TABLES,
  B_VERSION,
  BOOT_MAGIC,
  BOOT_SIZE,
  CHECKED_SECTORS,
  CLUSTER_FIRST,
  CLUSTER_SHIFT_MAX,
  CLUSTERS_MAX_12,
  CLUSTERS_MAX_16,
  CLUSTERS_MAX_EXFAT,
  ENTRY_MASK_32,
  ENTRY_SIZE,
  EXFAT_NAME,
  FLAG_ONE_TABLE,
  FLAG_SECOND_TABLE,
  FLAG_TABLE_MASK,
  JUMP_NEAR,
  JUMP_SHORT,
  MEDIA_MIN,
  MEDIA_REMOVABLE,
  REGION_SECTORS,
  SECTOR_SHIFT_MAX,
  SECTOR_SHIFT_MIN,
  X_CLUSTER_SHIFT,
  X_CLUSTERS,
  X_FLAGS,
  X_HEAP,
  X_NAME,
  X_PERCENT,
  X_REVISION,
  X_ROOT,
  X_SECTOR_SHIFT,
  X_TABLE,
  X_TABLE_SECTORS,
  X_TABLES,
  X_ZERO,
  X_ZERO_SIZE,
} from "./layout";

/** What `Geometry.next` gives for a chain's last cluster. */
export const CHAIN_END: u32 = 0;

const entryCell: usize = memory.data(4, 4);

/** The numbers of a volume, in bytes and clusters. */
export class Geometry {
  exfat: bool = false;
  sectorSize: u32 = 0;
  clusterSize: u32 = 0;
  /** Clusters there are; the first is called 2. */
  clusters: u32 = 0;
  /** Bits of an entry of the table: 12, 16 or 32. */
  bits: u32 = 0;
  /** Where the table and the first cluster are on the volume. */
  table: u64 = 0;
  heap: u64 = 0;
  /** The root directory: its first cluster; 0 for FAT12 and FAT16, where it has a place of its own. */
  rootCluster: u32 = 0;
  rootAt: u64 = 0;
  rootSize: u32 = 0;

  constructor(readonly volume: Volume) {}

  name(): string {
    return this.exfat ? "exFAT" : `FAT${this.bits}`;
  }

  /** Whether there is a cluster of this number. */
  has(cluster: u32): bool {
    return cluster >= CLUSTER_FIRST && cluster - CLUSTER_FIRST < this.clusters;
  }

  /** Where on the volume a cluster is. */
  offset(cluster: u32): u64 {
    return this.heap + <u64>(cluster - CLUSTER_FIRST) * <u64>this.clusterSize;
  }

  /** The cluster after `cluster`, CHAIN_END behind the last; -1 and errno. */
  next(cluster: u32): i64 {
    burn(1);
    const bits = this.bits;
    const offset = this.table + ((<u64>cluster * <u64>bits) >> 3);
    if (!readWhole(this.volume, offset, entryCell, bits == 32 ? 4 : 2, `${this.name()} table`)) return -1;
    let entry: u32 = load<u16>(entryCell);
    let bad: u32 = 0xfff7;
    if (bits == 12) {
      entry = cluster & 1 ? entry >> 4 : entry & 0xfff;
      bad = 0xff7;
    } else if (bits == 32) {
      entry = this.exfat ? load<u32>(entryCell) : load<u32>(entryCell) & ENTRY_MASK_32;
      bad = this.exfat ? 0xfffffff7 : 0x0ffffff7;
    }
    if (entry > bad) return CHAIN_END;
    if (this.has(entry)) return entry;
    damaged(this.volume.where(offset), `${this.name()} table: cluster ${cluster} is followed by ${entry}`, EIO);
    return -1;
  }
}

/** What is at the start of a volume; null and errno: EINVAL when it is neither FAT nor exFAT. */
export function readGeometry(volume: Volume): Geometry | null {
  const boot = allocate(BOOT_SIZE);
  const got = volume.read(0, boot, BOOT_SIZE);
  let found: Geometry | null = null;
  setErrno(got < 0 ? EIO : EINVAL);
  if (got == <i64>BOOT_SIZE && load<u16>(boot, B_MAGIC) == BOOT_MAGIC) {
    const geometry = new Geometry(volume);
    const isExfat = stringAt(boot + X_NAME, EXFAT_NAME.length) == EXFAT_NAME;
    if (!isExfat) {
      if (decodeFat(geometry, boot)) found = geometry;
    } else {
      const fault = decodeExfat(geometry, boot, 0);
      if (fault === null) found = geometry;
      else damaged(volume.where(0), `exFAT boot ${fault}`, EIO);
    }
  }
  heap.free(boot);
  return found;
}

/** The same by exFAT's second boot region, behind the first, which is said; null without one. */
export function readBackup(volume: Volume): Geometry | null {
  const boot = allocate(BOOT_SIZE);
  let found: Geometry | null = null;
  for (let shift = SECTOR_SHIFT_MIN; found === null && shift <= SECTOR_SHIFT_MAX; shift++) {
    const at = (<u64>REGION_SECTORS) << (<u64>shift);
    if (volume.read(at, boot, BOOT_SIZE) < <i64>BOOT_SIZE || load<u16>(boot, B_MAGIC) != BOOT_MAGIC) continue;
    if (stringAt(boot + X_NAME, EXFAT_NAME.length) != EXFAT_NAME) continue;
    const geometry = new Geometry(volume);
    if (decodeExfat(geometry, boot, at) !== null || geometry.sectorSize != (<u32>1) << shift) continue;
    found = geometry;
    damaged(volume.where(at), "exFAT boot region: the first one is bad, this backup is used in its place", 0);
  }
  heap.free(boot);
  return found;
}

function isPower(value: u32, least: u32, most: u32): bool {
  return popcnt(value) == 1 && value >= least && value <= most;
}

/** Decodes FAT's boot sector. False and errno. What doesn't look like one is none: many things end with its magic. */
function decodeFat(geometry: Geometry, boot: usize): bool {
  const jump = load<u8>(boot, B_JUMP);
  const sectorSize = <u32>load<u16>(boot, B_SECTOR_SIZE);
  const clusterSectors = <u32>load<u8>(boot, B_CLUSTER_SECTORS);
  const reserved = <u32>load<u16>(boot, B_RESERVED);
  const tables = <u32>load<u8>(boot, B_TABLES);
  const media = load<u8>(boot, B_MEDIA);
  if (jump != JUMP_SHORT && jump != JUMP_NEAR) return false;
  if (!isPower(sectorSize, 512, 4096) || !isPower(clusterSectors, 1, 128)) return false;
  if (reserved == 0 || tables == 0 || (media < MEDIA_MIN && media != MEDIA_REMOVABLE)) return false;

  const small = <u32>load<u16>(boot, B_SECTORS);
  const sectors = small != 0 ? small : load<u32>(boot, B_SECTORS_LARGE);
  const tableSectors16 = <u32>load<u16>(boot, B_TABLE_SECTORS);
  const fat32 = tableSectors16 == 0;
  const tableSectors = fat32 ? load<u32>(boot, B_TABLE_SECTORS_LARGE) : tableSectors16;
  const rootSize = <u32>load<u16>(boot, B_ROOT_ENTRIES) * ENTRY_SIZE;
  const rootSectors = (rootSize + sectorSize - 1) / sectorSize;
  const before = <u64>reserved + <u64>tables * <u64>tableSectors + <u64>rootSectors;
  const where = geometry.volume.where(0);
  if (tableSectors == 0 || before >= <u64>sectors) {
    damaged(where, `FAT boot sector: ${sectors} sectors, of which ${before} come before the clusters`, EIO);
    return false;
  }
  const clusters = <u32>(<u64>sectors - before) / clusterSectors;
  geometry.bits = fat32 ? 32 : clusters <= CLUSTERS_MAX_12 ? 12 : 16;
  geometry.sectorSize = sectorSize;
  geometry.clusterSize = sectorSize * clusterSectors;
  geometry.clusters = clusters;
  geometry.table = <u64>reserved * <u64>sectorSize;
  geometry.heap = before * <u64>sectorSize;
  const entries = (<u64>tableSectors * <u64>sectorSize * 8) / <u64>geometry.bits;
  let fault: string | null = null;
  if (clusters == 0) fault = "no clusters";
  else if (clusters > (fat32 ? ENTRY_MASK_32 - 16 : CLUSTERS_MAX_16)) fault = `${clusters} clusters`;
  else if (entries < <u64>clusters + CLUSTER_FIRST) fault = `a table of ${entries} entries for ${clusters} clusters`;
  if (fat32 && fault === null) {
    const flags = load<u16>(boot, B_FLAGS);
    const active = flags & FLAG_ONE_TABLE ? <u32>(flags & FLAG_TABLE_MASK) : 0;
    geometry.table += <u64>active * <u64>tableSectors * <u64>sectorSize;
    geometry.rootCluster = load<u32>(boot, B_ROOT);
    if (load<u16>(boot, B_VERSION) != 0) fault = `version ${load<u16>(boot, B_VERSION)}`;
    else if (active >= tables) fault = `table ${active} of ${tables} is in use`;
    else if (!geometry.has(geometry.rootCluster)) fault = `root directory in cluster ${geometry.rootCluster}`;
  } else {
    geometry.rootSize = rootSize;
    geometry.rootAt = (before - <u64>rootSectors) * <u64>sectorSize;
    if (fault === null && rootSize == 0) fault = "no root directory";
  }
  if (fault !== null) damaged(where, `FAT boot sector: ${fault}`, EIO);
  return fault === null;
}

/** Decodes the boot sector of exFAT's region at `at`. Returns what is wrong with it, or null. */
function decodeExfat(geometry: Geometry, boot: usize, at: u64): string | null {
  const sectorShift = <u32>load<u8>(boot, X_SECTOR_SHIFT);
  const clusterShift = <u32>load<u8>(boot, X_CLUSTER_SHIFT);
  const tables = <u32>load<u8>(boot, X_TABLES);
  const revision = <u32>load<u16>(boot, X_REVISION);
  const tableSectors = load<u32>(boot, X_TABLE_SECTORS);
  const clusters = load<u32>(boot, X_CLUSTERS);
  const second = (load<u16>(boot, X_FLAGS) & FLAG_SECOND_TABLE) != 0;
  let fault: string | null = null;
  for (let i = 0; i < X_ZERO_SIZE; i++) if (load<u8>(boot + <usize>i, X_ZERO) != 0) fault = "FAT's fields in use";
  if (fault !== null) return `sector: ${fault}`;
  if (sectorShift < SECTOR_SHIFT_MIN || sectorShift > SECTOR_SHIFT_MAX) fault = `sectors of 2^${sectorShift} bytes`;
  else if (clusterShift > CLUSTER_SHIFT_MAX - sectorShift) fault = `clusters of 2^${clusterShift} sectors`;
  else if (revision >> 8 != 1) fault = `revision ${revision >> 8}.${revision & 0xff}`;
  else if (tables < 1 || tables > 2 || (second && tables == 1)) fault = `${tables} tables`;
  else if (clusters == 0 || clusters > CLUSTERS_MAX_EXFAT) fault = `${clusters} clusters`;
  else if (((<u64>tableSectors) << sectorShift) / 4 < <u64>clusters + CLUSTER_FIRST) {
    fault = `a table of ${tableSectors} sectors for ${clusters} clusters`;
  }
  geometry.exfat = true;
  geometry.bits = 32;
  geometry.sectorSize = (<u32>1) << sectorShift;
  geometry.clusterSize = geometry.sectorSize << clusterShift;
  geometry.clusters = clusters;
  geometry.table = (<u64>load<u32>(boot, X_TABLE) + (second ? <u64>tableSectors : 0)) << sectorShift;
  geometry.heap = (<u64>load<u32>(boot, X_HEAP)) << sectorShift;
  geometry.rootCluster = load<u32>(boot, X_ROOT);
  if (fault === null && !geometry.has(geometry.rootCluster))
    fault = `root directory in cluster ${geometry.rootCluster}`;
  return fault === null ? checkRegion(geometry, at) : `sector: ${fault}`;
}

/** Whether the boot region at `from` has the checksum that its last sector says: what is wrong, or null. */
function checkRegion(geometry: Geometry, from: u64): string | null {
  const size = CHECKED_SECTORS * geometry.sectorSize;
  const region = allocate(size + 4);
  let fault: string | null = "region: can't be read";
  if (geometry.volume.read(from, region, size + 4) == <i64>size + 4) {
    let sum: u32 = 0;
    for (let at: usize = 0; at < <usize>size; at++) {
      // What changes while the volume is in use isn't part of it.
      if (at == X_FLAGS || at == X_FLAGS + 1 || at == X_PERCENT) continue;
      sum = rotr<u32>(sum, 1) + <u32>load<u8>(region + at);
    }
    fault = sumsAgree(sum, load<u32>(region + <usize>size)) ? null : "region: checksum";
  }
  heap.free(region);
  return fault;
}
