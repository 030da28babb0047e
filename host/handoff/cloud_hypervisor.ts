// Cloud Hypervisor (https://www.cloudhypervisor.org): its command line, and the body of its API's `PUT /api/v1/vm.create` (VmConfig in
// vmm/src/api/openapi/cloud-hypervisor.yaml there). It loads a PVH ELF itself. It has no snapshot for one run: disks that aren't to be
// written are read only.

import { OptionError } from "../errors.js";
import type { Monitor, MonitorGuest } from "./vmm.js";

/** Characters that its options are taken apart by. */
const SPECIAL = /[,"[\]]/;

/** Cloud Hypervisor, with serial port and terminal joined. */
export const cloudHypervisor: Monitor = {
  program: "cloud-hypervisor",
  format: "pvh",
  map: "cloud-hypervisor",
  kvmOnly: true,
  command({ image, memory, disks, writable }) {
    const disk = (path: string) => {
      if (SPECIAL.test(path))
        throw new OptionError(`${path}: cloud-hypervisor's command line can't say that name (--print-config can)`);
      return `path=${path},readonly=${writable ? "off" : "on"},image_type=raw`;
    };
    return [
      ...["--kernel", image, "--cpus", "boot=1", "--memory", `size=${memory}`],
      ...(disks.length > 0 ? ["--disk", ...disks.map(disk)] : []),
      ...["--serial", "tty", "--console", "off"],
    ];
  },
  configuration: ({ image, memory, disks, writable }: MonitorGuest) => ({
    payload: { kernel: image },
    cpus: { boot_vcpus: 1, max_vcpus: 1 },
    memory: { size: memory },
    disks: disks.map((path) => ({ path, readonly: !writable, image_type: "Raw" })),
    serial: { mode: "Tty" },
    console: { mode: "Off" },
  }),
};
