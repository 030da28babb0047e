// Devices as disks (Node): how large they are and how large their sectors, asked of the system by the open file. Linux has
// that in /sys/dev/block by the device's numbers; FreeBSD's character devices (zvols, md, disks) tell `diskinfo`. What
// nobody tells is found by reading.

import type * as ChildProcess from "node:child_process";
import { readFileSync, readSync, type Stats } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** What is known of a device. */
export interface DeviceFacts {
  size: number;
  sectorSize: 512 | 4096;
}

/** What is asked of the system; tests have another one. */
export interface DeviceSystem {
  platform: string;
  /** The text of a file of the system's; undefined when there is none. */
  text(path: string): string | undefined;
  /** What `diskinfo` prints of the open device; undefined without it. */
  diskinfo(fd: number): string | undefined;
  /** Bytes read; throws as `readSync`. */
  read(fd: number, target: Uint8Array, position: number): number;
}

const SYSTEM: DeviceSystem = {
  platform: process.platform,
  text(path) {
    try {
      return readFileSync(path, "latin1");
    } catch {
      return undefined;
    }
  },
  diskinfo(fd) {
    // Loaded for this only: it takes longer than all the rest of a session's process.
    const { spawnSync } = require("node:child_process") as typeof ChildProcess;
    // Its standard input is the device, so that no name is looked up a second time.
    const { status, stdout } = spawnSync("/usr/sbin/diskinfo", ["/dev/fd/0"], {
      stdio: [fd, "pipe", "ignore"],
      encoding: "latin1",
      env: {},
    });
    return status === 0 ? stdout : undefined;
  },
  read: (fd, target, position) => readSync(fd, target, 0, target.length, position),
};

const SECTOR_SIZES = [512, 4096] as const;
/** /sys counts in these. */
const SYS_SECTOR = 512;
/** No device is larger. */
const SIZE_MAX = 2 ** 53 - 4096;

/** Whether `status` is of a device that can be a disk. */
export function isDiskDevice(status: Stats, { platform } = SYSTEM): boolean {
  return status.isBlockDevice() || (platform === "freebsd" && status.isCharacterDevice());
}

/** The size of the device that is open as `fd`; zero when it has none, or isn't a disk. */
export function deviceFacts(fd: number, status: Pick<Stats, "rdev">, system: DeviceSystem = SYSTEM): DeviceFacts {
  const told = system.platform === "linux" ? fromSys(status.rdev, system) : fromDiskinfo(fd, system);
  return told ?? byReading(fd, system);
}

/** Linux's numbers of a device, as they are packed in `rdev`. */
function deviceNumbers(rdev: number): string {
  const bits = BigInt(rdev);
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & 0xfffff000n);
  const minor = (bits & 0xffn) | ((bits >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

function fromSys(rdev: number, { text }: DeviceSystem): DeviceFacts | undefined {
  const directory = `/sys/dev/block/${deviceNumbers(rdev)}`;
  const size = wholeNumber(text(`${directory}/size`));
  if (size === undefined) return undefined;
  // Partitions have their disk's queue.
  const sector = text(`${directory}/queue/logical_block_size`) ?? text(`${directory}/../queue/logical_block_size`);
  return { size: size * SYS_SECTOR, sectorSize: sectorSizeOf(wholeNumber(sector)) };
}

/** `name sectorsize mediasize ...`, by tabs. */
function fromDiskinfo(fd: number, { diskinfo }: DeviceSystem): DeviceFacts | undefined {
  const [, sector, size] = (diskinfo(fd) ?? "").trim().split("\t");
  const bytes = wholeNumber(size);
  return bytes === undefined ? undefined : { size: bytes, sectorSize: sectorSizeOf(wholeNumber(sector)) };
}

function wholeNumber(text: string | undefined): number | undefined {
  const number = /^\d+\s*$/.test(text ?? "") ? Number(text) : Number.NaN;
  return number <= SIZE_MAX ? number : undefined;
}

const sectorSizeOf = (size: number | undefined): 512 | 4096 => SECTOR_SIZES.find((known) => known === size) ?? 512;

/** The largest place that can be read, found by doubling and halving; the least size that reads is that of a sector. */
function byReading(fd: number, { read }: DeviceSystem): DeviceFacts {
  const reads = (size: number, position: number): boolean => {
    try {
      return read(fd, new Uint8Array(size), position) > 0;
    } catch {
      return false;
    }
  };
  const sectorSize = SECTOR_SIZES.find((size) => reads(size, 0));
  if (sectorSize === undefined) return { size: 0, sectorSize: 512 };
  let there = 0;
  let beyond = 1;
  while (reads(sectorSize, beyond * sectorSize) && beyond * sectorSize < SIZE_MAX / 2) {
    there = beyond;
    beyond *= 2;
  }
  while (beyond - there > 1) {
    const middle = Math.floor((there + beyond) / 2);
    if (reads(sectorSize, middle * sectorSize)) there = middle;
    else beyond = middle;
  }
  return { size: beyond * sectorSize, sectorSize };
}
