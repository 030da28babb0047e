// What the device switch (dev/devices.ts) knows of devices: a driver finds, lists and names the devices of
// one kind; a device is what a name such as `disk0p2:` stands for; a volume is the run of disk bytes that a
// file system lives on.

import { Disk, OFFSET_LIMIT } from "./disk";

/** A stretch of a disk, addressed from its own start. Reads past the end of the disk come out short. */
export class Volume {
  constructor(
    readonly disk: Disk,
    /** Byte offset on the disk. */
    readonly start: u64,
  ) {}

  /** Reads `size` bytes at `offset`, through the cache unless they are many. Returns how many, or -1 and errno. */
  read(offset: u64, dst: usize, size: u32): i64 {
    return this.disk.read(this.place(offset), dst, size);
  }

  /** Like `read`, straight into guest memory. */
  readToGuest(offset: u64, gpa: u64, size: u64): i64 {
    return this.disk.readToGuest(this.place(offset), gpa, size);
  }

  /** Where `offset` is on the disk; anything absurd is past every disk's end. */
  place(offset: u64): u64 {
    return offset > OFFSET_LIMIT ? OFFSET_LIMIT : this.start + offset;
  }

  /** How reports of damage at `offset` begin. */
  where(offset: u64): string {
    return `${this.disk.name()} offset ${this.place(offset)}`;
  }
}

/** A device as named by the user. */
export abstract class Device {
  /** Whether the last `open` failed because a disk did. */
  unreadable: bool = false;

  /** As the user writes it, with the final colon. */
  abstract name(): string;

  /** Makes it ready for use. Returns an errno. */
  open(): i32 {
    return 0;
  }

  /** The disk bytes behind it once it is open, null for devices that are no disk. */
  volume(): Volume | null {
    return null;
  }
}

/** One kind of devices. */
export abstract class DeviceDriver {
  constructor(
    /** What the names of its devices begin with. */
    readonly name: string,
  ) {}

  /** Finds the devices. */
  probe(_ndisks: i32): void {}

  /** Lists them through the pager. True when the reader quits. */
  abstract print(verbose: bool): bool;

  /**
   * The device that `text`, what follows the driver's name, stands for, up to its colon or the end; leaves in
   * `deviceEnd` where the device part ended. Null and errno when it is malformed.
   */
  abstract parse(text: string): Device | null;
}

/** Characters of the last `parse`'s text that belong to the device, colon included. */
export let deviceEnd: i32 = 0;

export function setDeviceEnd(end: i32): void {
  deviceEnd = end;
}
