// Memory maps that virtual machines give their guests, as the kernel is told (ACPI types: 1 usable, 2
// reserved). bhyve's is the loader's own; the others follow what their firmware reports, or would, where there is none.

import { OptionError } from "../errors.js";
import { HIGH_BASE, LOW_MAX } from "../memory/guest.js";
import type { MapEntry } from "../options.js";

const USABLE = 1;
const RESERVED = 2;
const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** Name of a machine whose map is known. */
export type MapProfile = "bhyve" | "qemu" | "q35" | "v86" | "cloud-hypervisor" | "firecracker";

const MAPS: Readonly<Record<MapProfile, (memory: number) => MapEntry[]>> = {
  /** What the loader makes by itself. */
  bhyve: (memory) => [usable(0, 640 * KIB), usable(MIB, Math.min(memory, LOW_MAX)), ...above(memory, LOW_MAX)],
  /** SeaBIOS on the i440FX ("pc"): an EBDA below 640 KiB, tables at the top of low memory. */
  qemu: (memory) => {
    const low = memory >= 3.5 * GIB ? 3 * GIB : memory;
    return [...firmware(), usable(MIB, low - 128 * KIB), reserved(low - 128 * KIB, low), rom(), ...above(memory, low)];
  },
  /** The same on the Q35, which has less low memory and windows of its own. */
  q35: (memory) => {
    const low = memory >= 2.75 * GIB ? 2 * GIB : memory;
    const tables = low - 132 * KIB;
    const windows = [reserved(0xb000_0000, 0xc000_0000), reserved(0xfed1_c000, 0xfed2_0000)];
    return [...firmware(), usable(MIB, tables), reserved(tables, low), ...windows, rom(), ...above(memory, low)];
  },
  /** SeaBIOS in v86: the same, with all of memory low. */
  v86: (memory) => [...firmware(), usable(MIB, memory - 128 * KIB), reserved(memory - 128 * KIB, memory), rom()],
  /** Cloud Hypervisor 36 to 54: ACPI's and other tables from 640 KiB to 1 MiB, and those of processors just below. */
  "cloud-hypervisor": (memory) => [
    ...tablesBelow1MiB(),
    usable(MIB, Math.min(memory, 3 * GIB)),
    reserved(0xe800_0000, 0xf800_0000),
    ...above(memory, 3 * GIB),
  ],
  /** Firecracker 1.13 to 1.16: the same, with devices from 256 to 512 GiB. */
  firecracker: (memory) => [
    ...tablesBelow1MiB(),
    usable(MIB, Math.min(memory, 3 * GIB)),
    reserved(0xeec0_0000, 0xfec0_0000),
    ...above(Math.min(memory, 255 * GIB), 3 * GIB),
    ...(memory > 255 * GIB ? [usable(512 * GIB, 512 * GIB + memory - 255 * GIB)] : []),
  ],
};

/** All of those names. */
export const MAP_PROFILES = /* @__PURE__ */ Object.keys(MAPS) as MapProfile[];

/** The map that machines of `profile` with `memory` bytes of RAM have; for `boot`'s option `map`. */
export function memoryMap(profile: MapProfile, memory: number): MapEntry[] {
  if (!Object.hasOwn(MAPS, profile))
    throw new OptionError(`unknown memory map "${profile}" (there are ${MAP_PROFILES.join(", ")})`);
  // Small machines don't have all parts.
  return MAPS[profile](memory).filter(({ length }) => length > 0);
}

function usable(base: number, end: number): MapEntry {
  return { base, length: end - base, type: USABLE };
}

function reserved(base: number, end: number): MapEntry {
  return { base: Math.max(base, 0), length: end - Math.max(base, 0), type: RESERVED };
}

function firmware(): MapEntry[] {
  return [usable(0, 0x9fc00), reserved(0x9fc00, 0xa0000), reserved(0xf0000, MIB)];
}

function tablesBelow1MiB(): MapEntry[] {
  return [usable(0, 0x9fc00), reserved(0x9fc00, MIB)];
}

function rom(): MapEntry {
  return reserved(HIGH_BASE - 256 * KIB, HIGH_BASE);
}

/** What doesn't fit below `low` lies at 4 GiB. */
function above(memory: number, low: number): MapEntry[] {
  return memory > low ? [usable(HIGH_BASE, HIGH_BASE + memory - low)] : [];
}
