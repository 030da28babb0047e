// The device switch: turns names such as `disk0p2:`, `host0:` or `zfs:pool/root:` into devices, and lists them.
// A new kind of device is one driver and one line in conf.ts.

import { defineVariable, getenv, refuseSet, refuseUnset, Variable } from "../environment/variables";
import { stringAt } from "../lib/bytes";
import { EINVAL, ENOENT, errno, setErrno, strerror } from "../lib/errno";
import { allocate, die } from "../lib/fault";
import * as host from "../protocol";
import { CHOSEN_DEVICE, FAULT_DEVICE } from "../protocol";
import { initBootEnvironments, obeyBootBlock } from "./boot_environments";
import { Device, DeviceDriver } from "./device";

/** Bytes of a device's name that the caller chose. */
const CHOICE_SIZE_MAX: i32 = 1024;

/** All kinds of devices, in the order in which they are probed and listed. */
let devices: DeviceDriver[] = [];

/** Whether all of them were looked for. */
export let devicesFound: bool = false;

/** The device that the caller wants to boot from; null when it is left to us. */
export let chosenDevice: string | null = null;

/** Takes over the table of conf.ts. */
export function useDevices(list: DeviceDriver[]): void {
  devices = list;
}

/** A device, and the path on it. */
export class DevicePath {
  constructor(
    readonly device: Device,
    readonly path: string,
  ) {}
}

/**
 * What `spec` (null: `currdev`) names; a text without a colon, or beginning with `/`, is a path on `currdev`. Null and
 * `errno` when there is no such kind of device or the text is malformed.
 */
export function parseDevice(spec: string | null): DevicePath | null {
  if (spec !== null && !spec.startsWith("/") && spec.indexOf(":") >= 0) return parseName(spec);
  const current = getenv("currdev");
  const named = parseName(current === null ? "" : current);
  return named !== null ? new DevicePath(named.device, spec === null ? "" : spec) : null;
}

/** `parseDevice` for a text that begins with a device. */
function parseName(text: string): DevicePath | null {
  if (text.length < 2) {
    setErrno(EINVAL);
    return null;
  }
  for (let i = 0; i < devices.length; i++) {
    const name = devices[i].name;
    if (!text.startsWith(name)) continue;
    const named = devices[i].parse(text.substring(name.length));
    return named !== null ? new DevicePath(named.device, text.substring(name.length + named.end)) : null;
  }
  setErrno(ENOENT);
  return null;
}

/** Set hook of `currdev`: any name that parses will do, whether there is such a device or not. */
function setCurrentDevice(variable: Variable, value: string): i32 {
  if (parseName(value) === null) return errno;
  variable.assign(value);
  return 0;
}

/** Finds disks and trees, defines `currdev` and `loaddev`. */
export function probeDevices(ndisks: i32): void {
  for (let i = 0; i < devices.length; i++) devices[i].probe(ndisks);
  devicesFound = true;
  const chosen = askForDevice();
  chosenDevice = chosen;
  const name = chosen !== null ? chosen : bootDevice();
  initBootEnvironments(name);
  defineVariable("currdev", name, setCurrentDevice, refuseUnset);
  defineVariable("loaddev", name, refuseSet, refuseUnset);
  if (chosen === null) obeyBootBlock(name);
}

/** The device that the caller wants to boot from, null when it is left to us. One that can't be opened ends the session. */
function askForDevice(): string | null {
  const block = allocate(CHOICE_SIZE_MAX);
  const size = host.getenv(CHOSEN_DEVICE, block, CHOICE_SIZE_MAX);
  const chosen = size >= 0 ? stringAt(block, min(size, CHOICE_SIZE_MAX)) : null;
  heap.free(block);
  if (chosen === null) return null;
  const named = parseName(chosen);
  const error = named === null ? errno : named.device.open();
  const there = named === null || named.device.exists();
  if (error != 0)
    die(FAULT_DEVICE, `can't boot from '${chosen}': ${there ? strerror(error) : "there is no such disk"}`);
  return chosen;
}

/** Name of the device to boot from: of the kind that is listed last among those that have one. */
function bootDevice(): string {
  for (let i = devices.length - 1; i >= 0; i--) {
    const device = devices[i].bootDevice();
    if (device !== null) return device.name();
  }
  return "";
}

/** `lsdev`: prints all devices through the pager. */
export function printDevices(verbose: bool): void {
  for (let i = 0; i < devices.length; i++) if (devices[i].print(verbose)) return;
}
