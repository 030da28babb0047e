// What the device switch (dev/devices.ts) knows of devices: a driver finds, lists and names the devices of one
// kind; a device is what a name such as `disk0p2:` stands for.

import { Volume } from "../storage/volume";

/** A device as named by the user. */
export abstract class Device {
  /** Whether the last `open` failed because a disk did. */
  unreadable: bool = false;

  /** As the user writes it, with the final colon. */
  abstract name(): string;

  /** Whether there is what it would be on. */
  exists(): bool {
    return true;
  }

  /** Makes it ready for use. Returns an errno. */
  open(): i32 {
    return 0;
  }

  /** The disk bytes behind it once it is open, null for devices that are no disk. */
  volume(): Volume | null {
    return null;
  }
}

/** A device, and where its name ends in the text that it was parsed from: behind the colon, if there is one. */
export class NamedDevice {
  constructor(
    readonly device: Device,
    readonly end: i32,
  ) {}
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
   * The device that `text`, what follows the driver's name, stands for, up to its colon or the end. Null and errno
   * when it is malformed.
   */
  abstract parse(text: string): NamedDevice | null;

  /** The one to boot from when nobody says, or null when there is none of this kind. */
  abstract bootDevice(): Device | null;
}
