// The device switch: names such as `disk0p2:`, `host0:`, `zfs:pool/root:`.
// STUB: filled in by the device work.

/** An opened or parsed device. */
export class Device {
  /** As the user writes it, with the final colon. */
  name(): string {
    return "host0:";
  }
}

/** Text after the device part of the last `parseDevice`. */
export let pathRest: string = "";

/**
 * The device that `spec` (null: `currdev`) names; a text without a colon, or beginning with `/`, is a path on `currdev`.
 * Null and `errno` when there is no such kind of device or the text is malformed. Leaves the path in `pathRest`.
 */
export function parseDevice(spec: string | null): Device | null {
  pathRest = spec === null ? "" : spec;
  return new Device();
}

/** Finds disks and trees, defines `currdev` and `loaddev`. */
export function probeDevices(_ndisks: i32): void {}

/** `lsdev`: prints all devices through the pager. */
export function printDevices(_verbose: bool): void {}
