// The virtual machine monitors that `userboot run` can start: a name, what they need to be given, and
// their command line. A new one is one file beside this one and a line in the table (docs/adapters.md).

import { OptionError } from "../errors.js";
import type { MapProfile } from "./maps.js";
import type { PackFormat } from "./pack.js";
import { qemu, qemuMicrovm, qemuQ35 } from "./qemu.js";

/** What a VMM starts with. */
export interface VmmGuest {
  /** Path of the packed guest. */
  image: string;
  /** RAM in bytes. */
  memory: number;
  /** Raw disk images. */
  disks: readonly string[];
  /** Whether the guest's writes reach the disk images. */
  writable: boolean;
  /** Whether this machine has hardware virtualisation that may be used. */
  kvm: boolean;
}

export interface Vmm {
  /** The program, looked for in PATH, and the package that has it. */
  program: string;
  package: string;
  /** How the guest is packed, and whose memory map it is told. */
  format: PackFormat;
  map: MapProfile;
  /** Arguments of the program; more of the user's follow. */
  command(guest: VmmGuest): string[];
}

const VMMS = { qemu, q35: qemuQ35, microvm: qemuMicrovm } satisfies Record<string, Vmm>;

export type VmmName = keyof typeof VMMS;
export const VMM_NAMES = Object.keys(VMMS) as VmmName[];

export function vmmNamed(name: VmmName): Vmm {
  if (!Object.hasOwn(VMMS, name))
    throw new OptionError(`unknown virtual machine "${name}" (there are ${VMM_NAMES.join(", ")})`);
  return VMMS[name];
}
