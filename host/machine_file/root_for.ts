// Whether a guest finds its root, and the time, in the machine that it is booted for: FreeBSD names disks by their drivers, and an
// image that was made for one machine names the disks of that one. What is to be said to the loader so that it fits.

import { OptionError } from "../errors.js";
import type { Setting, SystemInfo } from "../inspect/facts.js";

/** A machine that a guest can be made to fit: v86 with its IDE disks, QEMU as `userboot run` starts it, bhyve. */
export type RootMachine = "v86" | "qemu" | "bhyve";

/** What `rootFor` looks at: of an inspection's `system()`. */
export type RootFacts = Pick<SystemInfo, "device" | "root" | "fstab" | "loaderConf" | "architecture">;

/** What makes a guest fit. The texts in it are the guest's in part. */
export interface RootAdvice {
  /** Loader variables to set; none when everything fits. */
  variables: Record<string, string>;
  /** Why, a line each. */
  reasons: string[];
  /** What doesn't fit either, and no variable mends. */
  remarks: string[];
  /**
   * The guest's loader sets the root itself, in this file, after it has got the variables: what is to stand at the end of the file,
   * by an overlay.
   */
  append?: { file: string; text: string };
}

interface Fitting {
  /** Drivers of its disks; the first one is taken when the guest names none of them. */
  drivers: readonly string[];
  /** There is no ACPI that would tell of timer, clock and so on. */
  needsHints?: true;
  /** The only architecture. */
  architecture?: string;
}

const MACHINES: Readonly<Record<RootMachine, Fitting>> = {
  v86: { drivers: ["ada"], needsHints: true, architecture: "i386" },
  qemu: { drivers: ["vtbd"] },
  bhyve: { drivers: ["vtbd", "ada"] },
};
/** All of those names. */
export const ROOT_MACHINES = Object.keys(MACHINES) as RootMachine[];

/** Where a PC has what else ACPI would tell of. */
const HINTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  timer: { "attimer.0.at": "isa", "attimer.0.port": "0x40", "attimer.0.irq": "0" },
  clock: { "atrtc.0.at": "isa", "atrtc.0.port": "0x70", "atrtc.0.irq": "8" },
  keyboard: { "atkbdc.0.at": "isa", "atkbdc.0.port": "0x60", "atkbd.0.at": "atkbdc", "atkbd.0.irq": "1" },
  "serial port": { "uart.0.at": "isa", "uart.0.port": "0x3f8", "uart.0.irq": "4", "uart.0.flags": "0x10" },
};

const MOUNT_FROM = "vfs.root.mountfrom";
const MOUNT_OPTIONS = "vfs.root.mountfrom.options";
const FSTAB = "/etc/fstab";
/** A disk or a part of one, by its driver. Labels, pools and memory disks are called the same everywhere. */
const DISK =
  /^(?<before>(?:\w+:)?(?:\/dev\/)?)(?<driver>vtbd|ada|ad|da|nvd|nda|xbd)(?<unit>\d{1,4})(?<part>[a-z0-9]*)$/;
/** What can stand in quotes in loader.conf. */
const PLAIN = /^[\w.:/ -]*$/;

/**
 * What `system`, of an inspection, needs to boot in `machine`, which has `disks` disks.
 * @throws OptionError for a machine that isn't known
 */
export function rootFor(system: RootFacts, machine: RootMachine, disks = Number.POSITIVE_INFINITY): RootAdvice {
  if (!Object.hasOwn(MACHINES, machine))
    throw new OptionError(`unknown machine "${machine}" (there are ${ROOT_MACHINES.join(", ")})`);
  const fitting = MACHINES[machine];
  const advice: RootAdvice = { variables: {}, reasons: [], remarks: [] };
  const { architecture, fstab, loaderConf, root } = system;
  if (fitting.architecture !== undefined && architecture !== undefined && architecture !== fitting.architecture)
    advice.remarks.push(`${machine} runs ${fitting.architecture} guests only, this one is ${architecture}`);
  if (fitting.needsHints) adviseHints(advice, machine, loaderConf);
  const named = (device: string) => fitName(device, fitting, system.device, disks);
  if (root === undefined)
    advice.remarks.push(`neither ${MOUNT_FROM} in loader.conf nor / in ${FSTAB} says where the root is`);
  else adviseRoot(advice, system, root, root.value.split(" ").map(named).join(" "), machine);
  for (const { device, mountPoint, line } of fstab) {
    if (mountPoint !== "/" && named(device) !== device)
      advice.remarks.push(`${FSTAB}:${line}: ${device} (${mountPoint}) is ${named(device)} in ${machine}`);
  }
  return advice;
}

/** What the machine calls `device`. */
function fitName(device: string, { drivers }: Fitting, booted: string, disks: number): string {
  const { before, driver, unit, part } = DISK.exec(device)?.groups ?? {};
  if (driver === undefined) return device;
  // A number beyond its disks was another machine's: the guest is on the disk that it is booted from.
  const own = Number(unit) < disks ? unit : (/^disk(\d+)/.exec(booted)?.[1] ?? unit);
  return `${before}${drivers.includes(driver) ? driver : drivers[0]}${own}${part}`;
}

function adviseHints({ variables, reasons }: RootAdvice, machine: RootMachine, loaderConf: readonly Setting[]): void {
  const known = new Set(loaderConf.map(({ name }) => name));
  const lacking = Object.entries(HINTS).flatMap(([device, hints]) => {
    const missing = Object.entries(hints).filter(([name]) => !known.has(`hint.${name}`));
    for (const [name, value] of missing) variables[`hint.${name}`] = value;
    return missing.length === 0 ? [] : [device];
  });
  if (lacking.length > 0)
    reasons.push(`${machine} needs hints that /boot/device.hints doesn't have, for: ${lacking.join(", ")}`);
}

function adviseRoot(
  advice: RootAdvice,
  { fstab, loaderConf }: RootFacts,
  { file, value }: NonNullable<RootFacts["root"]>,
  wanted: string,
  machine: RootMachine,
): void {
  if (wanted === value) return;
  advice.variables[MOUNT_FROM] = wanted;
  advice.reasons.push(`the root is ${wanted} in ${machine}, not ${value} as ${file || "the device"} says`);
  if (file === FSTAB) {
    // The loader takes them from there only together with the device.
    const options = fstab.find(({ mountPoint }) => mountPoint === "/")?.options;
    if (options !== undefined && !loaderConf.some(({ name }) => name === MOUNT_OPTIONS))
      advice.variables[MOUNT_OPTIONS] = options;
  } else if (PLAIN.test(wanted)) advice.append = { file, text: `\n${MOUNT_FROM}="${wanted}"\n` };
}
