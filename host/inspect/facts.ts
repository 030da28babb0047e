// What an inspection tells, as its caller gets it. Texts that come from images are shown as text.ts says; whoever prints them
// makes them printable first.

import type { LookedAt } from "../problem.js";

/** A partition, wherever the table says that it is. */
export interface PartitionInfo {
  /** `disk0p2`, `disk0s1a`. */
  name: string;
  /** What the table says that it is for. */
  type: string;
  /** Bytes from the start of the disk. */
  start: number;
  /** Bytes of it on the disk. */
  size: number;
  /** The disk ends before it does. */
  cut?: true;
  /** Its name in the table. */
  label?: string;
  /** Its own number. */
  guid?: string;
  /** The number of its type. */
  typeGuid?: string;
}

/** A disk, how it is divided, and what is wrong with that. */
export interface DiskInfo {
  /** `disk0` and so on, in the order given. */
  name: string;
  /** `raw`, or as it was said. */
  format: string;
  /** Bytes. */
  size: number;
  /** Bytes of a sector. */
  sectorSize: number;
  /** `GPT`, `MBR`, `BSD label`, `ISO 9660 disc` or `no partition table`. */
  scheme: string;
  /** In the order of the table. */
  partitions: PartitionInfo[];
  /** What is wrong with the table, and where. */
  problems: string[];
}

/** A partition, or a disk without any, and what is on it. */
export interface VolumeInfo {
  /** With its colon, as paths begin. */
  device: string;
  /** Bytes of the partition or disk. */
  size: number;
  /** `ufs`, `ext`, `msdos`, `cd9660`: the one that reads it. */
  fileSystem?: string;
  /** Which of its kinds it is: `UFS2`, `FAT32`, `ext4`. */
  kind?: string;
  /** The file system's name. */
  label?: string;
  /** Bytes of the file system. */
  capacity?: number;
  /** Bytes of it that are taken. */
  used?: number;
  /** Whether it was left in order. */
  clean?: boolean;
  /** What is there by sight, whoever reads it. */
  content?: string;
  /** The pool that it is a part of. */
  pool?: string;
  /** Why a file system that seems to be there can't be read. */
  unreadable?: string;
  /** What is wrong with it. */
  problems: string[];
}

/** A virtual device of a pool. */
export interface VdevInfo {
  /** As `zpool status` calls it. */
  name: string;
  /** `disk`, `mirror`, `raidz1` ... */
  type: string;
  /** As `zpool status` says: `ONLINE`, `DEGRADED` ... */
  state: string;
  /** The disk or partition, when it is there. */
  device?: string;
  /** Its number in the pool. */
  guid?: string;
  /** What is wrong with it. */
  problem?: string;
  /** What it is made of. */
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
  /** It is booted from. */
  active: boolean;
  /** It is booted from the next time only. */
  once: boolean;
  /** Bytes that it takes. */
  used?: number;
  /** Why it can't be read. */
  problem?: string;
}

/** A ZFS pool of which a disk was found. */
export interface PoolInfo {
  /** The pool's name. */
  name: string;
  /** The pool's number. */
  guid: string;
  /** `ONLINE`, `DEGRADED`, or `UNAVAIL` when it can't be read. */
  state: string;
  /** What it is made of. */
  vdevs: VdevInfo[];
  /** Those in use that a reader has to know. */
  features: { name: string; readable: boolean }[];
  /** What is in it. */
  datasets: DatasetInfo[];
  /** What is wrong with it. */
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
  /** What it is. */
  type: "file" | "directory" | "link" | "other";
  /** Bytes; missing when only reading it tells. */
  size?: number;
  /** Permissions. */
  mode: number;
  /** Number of its owner. */
  uid: number;
  /** Number of its group. */
  gid: number;
  /** Seconds since 1970. */
  mtime?: number;
  /** Of a link. */
  target?: string;
  /** The same as bytes. */
  targetBytes?: Uint8Array;
}

/** An entry of a directory. The rest of `FileInfo` is there when it was asked for. */
export interface EntryInfo extends Partial<Omit<FileInfo, "type">> {
  /** As text. */
  name: string;
  /** As bytes. */
  nameBytes: Uint8Array;
  /** What it is. */
  type: FileInfo["type"];
  /** What is wrong with it: why nothing more is known of it, or why no path leads to it. */
  problem?: string;
}

/** A value, and the file of the guest's that has it. */
export interface Fact<T = string> {
  /** The value. */
  value: T;
  /** The file that has it. */
  file: string;
}

/** A line of a configuration file. */
export interface Setting {
  /** The variable. */
  name: string;
  /** Its value, without quotes. */
  value: string;
  /** The file that it is in. */
  file: string;
  /** Number of the line, from 1 on. */
  line: number;
}

/** A line of /etc/fstab. */
export interface FstabEntry {
  /** What is mounted. */
  device: string;
  /** Where. */
  mountPoint: string;
  /** As what. */
  fsType: string;
  /** How. */
  options: string;
  /** The file that says so. */
  file: string;
  /** Number of the line, from 1 on. */
  line: number;
}

/** A file that is, or should be, loaded and entered. */
export interface KernelInfo {
  /** Where it is. */
  path: string;
  /** `amd64`, `i386`, or what else; empty for what is no kernel. */
  machine: string;
  /** The text that it shows when it starts. */
  version?: string;
  /** When it was built, as that text says. */
  built?: string;
  /** FreeBSD's number for its version. */
  osreldate?: number;
  /** What is wrong with it. */
  problem?: string;
}

/** What would be booted, and how it is configured. */
export interface SystemInfo {
  /** The device that it is on. */
  device: string;
  /** The system's release: `14.1-RELEASE`. */
  release?: Fact;
  /** The machine that the kernel is for. */
  architecture?: string;
  /** FreeBSD's number for the system's version. */
  osreldate?: Fact<number>;
  /** The loader's mark: which interpreter it wants. */
  interpreter?: Fact & { offset?: number };
  /** All that could be loaded. */
  kernels: KernelInfo[];
  /** In the order in which the loader reads them: a later one wins. */
  loaderConf: Setting[];
  /** What is mounted. */
  fstab: FstabEntry[];
  /** The lines of rc.conf, in the order in which they are read. */
  rcConf: Setting[];
  /** The machine's name. */
  hostname?: Fact;
  /** What the kernel will mount as its root. */
  root?: Fact;
  /** The kernel that would be loaded. */
  kernel?: Fact;
  /** The first thing without which it won't boot. */
  missing?: string;
  /** What could not be looked at. */
  problems: string[];
}
