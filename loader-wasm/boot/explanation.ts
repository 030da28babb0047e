// Why nothing was booted: looks at everything that a kernel may come from, once more and quietly, and tells the host what is
// there. The host asks when a session has ended without entering a kernel (docs/result.md, `bootProblem`).

import { Device } from "../dev/device";
import { chosenDevice, devicesFound } from "../dev/devices";
import { DiskDevice } from "../dev/disk";
import { treeCount } from "../dev/trees";
import { lostPools, poolOn, ZfsDevice } from "../dev/zfs";
import { close, open, read } from "../files/files";
import { O_RDONLY } from "../fs/file_system";
import { fileSystemOn } from "../fs/file_systems";
import { allocString } from "../lib/bytes";
import { EINVAL, errno, strerror } from "../lib/errno";
import { allocate, damages, hushDamage } from "../lib/fault";
import { mute } from "../lib/output";
import { WHOLE } from "../lib/variant";
import { EM_386, EM_X86_64 } from "../load/elf/layout";
import { failures } from "../load/modules";
import { preloadedFiles } from "../load/preloaded";
import {
  LOOKED_DAMAGE,
  LOOKED_DISK,
  LOOKED_FILE,
  LOOKED_KERNEL,
  LOOKED_PARTITION,
  LOOKED_POOL,
  looked,
  PURPOSE_NONE,
} from "../protocol";
import { contentOf } from "../storage/contents";
import { Disk, disks } from "../storage/disk";
import { partitionTable, wholeTable } from "../storage/partitions/detect";
import { Naming, PartitionTable } from "../storage/partitions/table";
import { Volume } from "../storage/volume";
import { bootDataset } from "../zfs/dataset";
import { asideOn, Pool, pools } from "../zfs/pool";

/** Most things that are told; partitions beyond are passed over, so that there is room for what matters more. */
const TOLD_MAX: i32 = 96;
const PARTITIONS_MAX: i32 = 48;
/** Characters of each text. */
const TEXT_MAX: i32 = 256;

/** Characters of "disk". */
const DISK_PREFIX: i32 = 4;

const LOADER = "/boot/loader";
const KERNEL = "/boot/kernel/kernel";

/** What of an ELF header tells for which machine it is. */
const ELF_HEAD: i32 = 20;
const ELF_MAGIC: u32 = 0x464c457f;
const E_MACHINE: usize = 18;

let told: i32 = 0;
/** Names of devices on which files were looked for. */
const searched: string[] = [];

/** Exported to the host, which calls it last of all. */
export function explain(): void {
  mute();
  hushDamage();
  if (!devicesFound) tell(LOOKED_DISK, "disks", "not all were found when the session ended");
  else if (disks.length == 0) tell(LOOKED_DISK, "disks", "there are none");
  for (let i = 0; i < disks.length; i++) explainDisk(disks[i]);
  if (WHOLE) explainPools();
  explainChoice();
  explainDamages("");
  for (let unit = 0; unit < treeCount; unit++) lookForFiles(`host${unit}:`);
  for (let i = 0; i < failures.length; i++) tell(LOOKED_KERNEL, failures[i].name, failures[i].reason);
  if (preloadedFiles.length > 0) tell(LOOKED_KERNEL, preloadedFiles[0].name, "loaded, and not entered");
}

function tell(kind: i32, name: string, found: string): void {
  if (told > TOLD_MAX) return;
  if (told++ == TOLD_MAX) {
    kind = LOOKED_DAMAGE;
    name = "list";
    found = "there is more than it has room for";
  }
  const shownName = name.substring(0, TEXT_MAX);
  const shown = found.substring(0, TEXT_MAX);
  looked(kind, allocString(shownName), shownName.length, allocString(shown), shown.length);
}

/** Tells of the damage that begins with `where`, among what has not been told. */
function explainDamages(where: string): void {
  for (let i = 0; i < damages.length; i++) {
    const text = damages[i];
    if (text.length == 0 || !text.startsWith(where)) continue;
    const end = text.indexOf(": ");
    const isPool = text.startsWith("zfs:");
    tell(isPool ? LOOKED_POOL : LOOKED_DAMAGE, text.substring(0, max(end, 0)), text.substring(end < 0 ? 0 : end + 2));
    damages[i] = "";
  }
}

function explainDisk(disk: Disk): void {
  const table = wholeTable(disk);
  const size = `${disk.mediaSize} bytes in sectors of ${disk.sectorSize}`;
  if (table === null) {
    tell(LOOKED_DISK, disk.name(), `${size}: can't be read`);
    explainDamages(`${disk.name()} `);
    return;
  }
  const count = table.entries.length;
  const isDisc = table.naming == Naming.Disk;
  const named =
    table.isNone || isDisc ? "" : count == 0 ? ", no partitions" : `, ${count} partition${count == 1 ? "" : "s"}`;
  tell(LOOKED_DISK, disk.name(), `${size}: ${table.schemeName()}${named}`);
  explainDamages(`${disk.name()} `);
  const isWhole = count == 0 || table.entries[0].start == 0;
  if (isWhole) explainVolume(disk, 0, disk.mediaSize, disk.name(), "whole disk");
  if (!isWhole || isDisc) explainTable(disk, table, 0, disk.name());
}

/** The partitions of `table`, whose own first sector is `base`. */
function explainTable(disk: Disk, table: PartitionTable, base: u64, name: string): void {
  const sector = <u64>disk.sectorSize;
  for (let i = 0; i < min(table.entries.length, PARTITIONS_MAX); i++) {
    const entry = table.entries[i];
    const own = name + table.suffix(entry);
    // What is about the whole disk was told.
    if (own == name) continue;
    const start = base + entry.start;
    // Past every disk's end.
    if (start >= disk.mediaSize / sector) {
      tell(LOOKED_PARTITION, own, `${entry.typeName()}: begins beyond the end of the disk`);
      continue;
    }
    // As in lists of devices, nothing is inside what is inside a slice: tables that name each other would have no end.
    const label = base == 0 && entry.holdsLabel() ? partitionTable(disk, start, entry.sectors()) : null;
    if (label !== null && label.entries.length > 0 && !label.isNone) {
      tell(LOOKED_PARTITION, own, `${entry.typeName()}: ${label.schemeName()}`);
      explainTable(disk, label, start, own);
      continue;
    }
    const left = disk.mediaSize - start * sector;
    const sectors = entry.sectors();
    const cut = sectors > left / sector;
    const size = cut ? left : sectors * sector;
    explainVolume(
      disk,
      start * sector,
      size,
      own,
      cut ? `${entry.typeName()}, cut off by the end of the disk` : entry.typeName(),
    );
  }
}

/** A partition, or a disk without any, that is called `name`. */
function explainVolume(disk: Disk, start: u64, size: u64, name: string, what: string): void {
  const named = DiskDevice.parse(`${name.substring(DISK_PREFIX)}:`);
  if (named === null) return;
  const device = named.device;
  const error = device.open();
  if (error != 0) {
    tell(LOOKED_PARTITION, name, `${what}: ${strerror(error)}`);
    return;
  }
  const system = fileSystemOn(device);
  const kind = system === null ? "" : system.name;
  const because = errno;
  const content = contentOf(disk, start, size);
  const volume = new Volume(disk, start);
  const pool = WHOLE ? poolNameOn(volume) : "";
  const aside = WHOLE ? asideOn(volume) : "";
  const part = pool.length > 0 ? `part of ZFS pool ${pool}` : aside;
  const kept = damages.length;
  let found = kind;
  if (kind.length == 0) {
    found = part.length > 0 ? part : content.length > 0 ? content : "nothing known by sight";
    if (because != EINVAL) found += `: ${strerror(because)}`;
    else if (pool.length == 0) found += ", no file system that is read here";
  } else if (content.startsWith("encrypted")) found += `, ${content}`;
  tell(LOOKED_PARTITION, name, `${what}: ${found}`);
  if (damages.length > kept) explainDamages(`${disk.name()} `);
  if (kind.length > 0) lookForFiles(device.name());
}

/** The name of the pool that has a disk on `volume`, or "". */
function poolNameOn(volume: Volume): string {
  const owner = poolOn(volume);
  return owner === null ? "" : owner.name;
}

function explainPools(): void {
  for (let i = 0; i < pools.length; i++) explainPool(pools[i]);
  for (let i = 0; i < lostPools.length; i++) {
    const pool = lostPools[i];
    tell(LOOKED_POOL, `zfs:${pool.name}`, `can't be read, ${pool.disks.length} of its disks found`);
    // Why, before all that was met while it was tried.
    explainDamages(`zfs:${pool.name}: ZFS pool is `);
  }
}

function explainPool(pool: Pool): void {
  const dataset = bootDataset(pool);
  const device: Device | null = dataset == 0 ? null : new ZfsDevice(pool, dataset);
  const name = device === null ? "" : device.name();
  if (device === null || name.length == 0) {
    tell(LOOKED_POOL, `zfs:${pool.name}`, "no data set to boot from");
    return;
  }
  const error = device.open();
  const shown = name.substring(0, name.length - 1);
  const what = chosenDevice === null ? "the data set to boot from" : "the data set to boot from when nothing is said";
  tell(LOOKED_POOL, shown, error == 0 ? what : `${what}: ${strerror(error)}`);
  if (error == 0) lookForFiles(name);
}

/** What the caller wanted to boot from: it need not be what would be booted from by itself. */
function explainChoice(): void {
  const chosen = chosenDevice;
  if (chosen === null) return;
  const kind = chosen.startsWith("zfs:") ? LOOKED_POOL : LOOKED_PARTITION;
  tell(kind, chosen.substring(0, chosen.lastIndexOf(":")), "to be booted from, as it was said");
  if (!searched.includes(chosen)) lookForFiles(chosen);
}

/** What boots, on the device called `device`. */
function lookForFiles(device: string): void {
  searched.push(device);
  const loader = device + LOADER;
  const fd = open(loader, O_RDONLY, PURPOSE_NONE);
  tell(LOOKED_FILE, loader, fd < 0 ? strerror(errno) : "is there");
  if (fd >= 0) close(fd);
  const kernel = device + KERNEL;
  tell(LOOKED_FILE, kernel, kernelAt(kernel));
}

/** What the file `path` is, as a kernel. */
function kernelAt(path: string): string {
  const fd = open(path, O_RDONLY, PURPOSE_NONE);
  if (fd < 0) return strerror(errno);
  const head = allocate(<usize>ELF_HEAD);
  const got = read(fd, head, ELF_HEAD);
  const machine = got == ELF_HEAD && load<u32>(head) == ELF_MAGIC ? <i32>load<u16>(head, E_MACHINE) : 0;
  heap.free(head);
  const error = errno;
  close(fd);
  if (got < 0) return `can't be read: ${strerror(error)}`;
  if (machine == 0) return "not an ELF file";
  if (machine == EM_X86_64) return "ELF for amd64";
  if (machine == EM_386) return "ELF for i386";
  return `ELF for ${machine == 183 ? "arm64" : machine == 243 ? "riscv" : `machine ${machine}`}, not amd64 or i386`;
}
