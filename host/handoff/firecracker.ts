// Firecracker (https://firecracker-microvm.github.io): its configuration file, whose members are the bodies of its API's `PUT /boot-source`,
// `/drives/{drive_id}` and `/machine-config` (src/firecracker/swagger/firecracker.yaml there). It loads a PVH ELF since 1.12. It has no
// snapshot for one run: disks that aren't to be written are read only.

import { OptionError } from "../errors.js";
import type { Monitor } from "./vmm.js";

const MIB = 1024 * 1024;

/** Firecracker without its API, with serial port and terminal joined. */
export const firecracker: Monitor = {
  program: "firecracker",
  format: "pvh",
  map: "firecracker",
  kvmOnly: true,
  // All that it is to do stands in a file.
  command: ({ image }) => ["--no-api", "--config-file", `${image}.json`],
  configuration({ image, memory, disks, writable }) {
    if (memory % MIB !== 0) throw new OptionError(`memory of ${memory} bytes: firecracker counts in MiB`);
    return {
      "boot-source": { kernel_image_path: image },
      drives: disks.map((path, index) => ({
        drive_id: `disk${index}`,
        path_on_host: path,
        // Else it would be first, whatever the order.
        is_root_device: false,
        is_read_only: !writable,
      })),
      "machine-config": { vcpu_count: 1, mem_size_mib: memory / MIB },
    };
  },
};
