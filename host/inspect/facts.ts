// What an inspection tells, as its caller gets it. Texts that come from images are shown as text.ts says; whoever prints them
// makes them printable first.

import type { LookedAt } from "../problem.js";

/** A partition, wherever the table says that it is. */
export interface PartitionInfo {
  /** `disk0p2`, `disk0s1a`. */
  name: string;
  type: string;
  /** Bytes from the start of the disk, and how many there are on it. */
  start: number;
  size: number;
  /** The disk ends before it does. */
  cut?: true;
  label?: string;
  guid?: string;
  typeGuid?: string;
}

/** A disk, how it is divided, and what is wrong with that. */
export interface DiskInfo {
  name: string;
  /** `raw`, or as it was said. */
  format: string;
  size: number;
  sectorSize: number;
  /** `GPT`, `MBR`, `BSD label`, `ISO 9660 disc` or `no partition table`. */
  scheme: string;
  partitions: PartitionInfo[];
  /** What is wrong with the table, and where. */
  problems: string[];
}

/** A partition, or a disk without any, and what is on it. */
export interface VolumeInfo {
  /** With its colon, as paths begin. */
  device: string;
  size: number;
  /** `ufs`, `ext`, `msdos`, `cd9660`: the one that reads it. */
  fileSystem?: string;
  /** Which of its kinds it is: `UFS2`, `FAT32`, `ext4`. */
  kind?: string;
  label?: string;
  /** Bytes of the file system, and how many are taken. */
  capacity?: number;
  used?: number;
  /** Whether it was left in order. */
  clean?: boolean;
  /** What is there by sight, whoever reads it. */
  content?: string;
  /** The pool that it is a part of. */
  pool?: string;
  /** Why a file system that seems to be there can't be read. */
  unreadable?: string;
  problems: string[];
}

/** A virtual device of a pool. */
export interface VdevInfo {
  name: string;
  /** `disk`, `mirror`, `raidz1` ... */
  type: string;
  state: string;
  /** The disk or partition, when it is there. */
  device?: string;
  guid?: string;
  problem?: string;
  vdevs: VdevInfo[];
}

/** A data set. */
export interface DatasetInfo {
  /** With the pool's name. */
  name: string;
  /** As paths begin. */
  device: string;
  /** It is one of those that one may boot from. */
  bootEnvironment: boolean;
  /** It is booted from, and from the next time only. */
  active: boolean;
  once: boolean;
  used?: number;
  /** Why it can't be read. */
  problem?: string;
}

/** A ZFS pool of which a disk was found. */
export interface PoolInfo {
  name: string;
  guid: string;
  /** `ONLINE`, `DEGRADED`, or `UNAVAIL` when it can't be read. */
  state: string;
  vdevs: VdevInfo[];
  /** Those in use that a reader has to know. */
  features: { name: string; readable: boolean }[];
  datasets: DatasetInfo[];
  problems: string[];
}

/** What there is, found when the inspection began. */
export interface Description {
  /** The device that would be booted. */
  current: string;
  disks: DiskInfo[];
  volumes: VolumeInfo[];
  pools: PoolInfo[];
  /** As in a boot's result, when nothing that boots is there. */
  bootProblem?: LookedAt[];
}

/** What a file or directory is. */
export interface FileInfo {
  type: "file" | "directory" | "link" | "other";
  /** Bytes; missing when only reading it tells. */
  size?: number;
  /** Permissions. */
  mode: number;
  uid: number;
  gid: number;
  /** Seconds since 1970. */
  mtime?: number;
  /** Of a link. */
  target?: string;
  targetBytes?: Uint8Array;
}

/** An entry of a directory. The rest of `FileInfo` is there when it was asked for. */
export interface EntryInfo extends Partial<Omit<FileInfo, "type">> {
  name: string;
  nameBytes: Uint8Array;
  type: FileInfo["type"];
  /** Why nothing more is known of it. */
  problem?: string;
}

/** A value, and the file of the guest's that has it. */
export interface Fact<T = string> {
  value: T;
  file: string;
}

/** A line of a configuration file. */
export interface Setting {
  name: string;
  value: string;
  file: string;
  line: number;
}

/** A line of /etc/fstab. */
export interface FstabEntry {
  device: string;
  mountPoint: string;
  fsType: string;
  options: string;
  file: string;
  line: number;
}

/** A file that is, or should be, loaded and entered. */
export interface KernelInfo {
  path: string;
  /** `amd64`, `i386`, or what else; empty for what is no kernel. */
  machine: string;
  /** The text that it shows when it starts. */
  version?: string;
  /** When it was built, as that text says. */
  built?: string;
  osreldate?: number;
  problem?: string;
}

/** What would be booted, and how it is configured. */
export interface SystemInfo {
  device: string;
  release?: Fact;
  architecture?: string;
  osreldate?: Fact<number>;
  /** The loader's mark: which interpreter it wants. */
  interpreter?: Fact & { offset?: number };
  kernels: KernelInfo[];
  /** In the order in which the loader reads them: a later one wins. */
  loaderConf: Setting[];
  fstab: FstabEntry[];
  rcConf: Setting[];
  hostname?: Fact;
  /** What the kernel will mount as its root. */
  root?: Fact;
  /** The kernel that would be loaded. */
  kernel?: Fact;
  /** The first thing without which it won't boot. */
  missing?: string;
  problems: string[];
}
