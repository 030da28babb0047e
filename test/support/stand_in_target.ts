// A target of the fuzzer whose loader is a stand-in.

import { booting } from "../../fuzz/booting.js";
import type { Machine } from "../../fuzz/machine.js";
import type { Target } from "../../fuzz/target.js";
import { SparseDisk } from "./sparse_disk.js";

/** A target that `machine` is run for, with a disk of zeros. */
export const standInTarget = (machine: Machine): Target => ({
  name: "stand-in",
  module: "simp",
  bases: { zeros: () => ({ disks: [new SparseDisk(4096)] }) },
  session: (disks) => {
    const session = booting(disks, { flavour: "simp" });
    // The package has no such module.
    return { ...session, hosted: async () => session.drive(machine) };
  },
});
