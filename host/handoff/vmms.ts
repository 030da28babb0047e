// The virtual machine monitors that `userboot run` knows, by name. A new one is one file beside this one and a line in the
// table (docs/handoff.md).

import { OptionError } from "../errors.js";
import { cloudHypervisor } from "./cloud_hypervisor.js";
import { firecracker } from "./firecracker.js";
import { qemu, qemuMicrovm, qemuQ35 } from "./qemu.js";
import type { Monitor, Vmm } from "./vmm.js";

const VMMS = {
  qemu,
  q35: qemuQ35,
  microvm: qemuMicrovm,
  "cloud-hypervisor": cloudHypervisor,
  firecracker,
} satisfies Record<string, Monitor | Vmm>;

/** Name of a monitor. */
export type VmmName = keyof typeof VMMS;
/** All of those names. */
export const VMM_NAMES = Object.keys(VMMS) as VmmName[];

/**
 * The monitor called `name`, which a caller may have from anywhere.
 * @throws OptionError when there is none
 */
export function vmmNamed(name: VmmName): Monitor | Vmm {
  if (!Object.hasOwn(VMMS, name))
    throw new OptionError(`unknown virtual machine "${name}" (there are ${VMM_NAMES.join(", ")})`);
  return VMMS[name];
}
