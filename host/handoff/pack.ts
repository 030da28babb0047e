// Packs a booted guest into one file. A new format is one file beside this one and a line in the table.

import { OptionError } from "../errors.js";
import { packCore } from "./core.js";
import { type Entered, type Machine, machineOf } from "./machine.js";
import { packMachineFile } from "./machine_file.js";
import { packMultiboot } from "./multiboot.js";
import { packPvh } from "./pvh.js";
import { packSymbols } from "./symbols.js";

/** Name of a format. */
export type PackFormat = "multiboot" | "pvh" | "core" | "symbols" | "machine";

const FORMATS: Readonly<Record<PackFormat, (machine: Machine) => Uint8Array<ArrayBuffer>>> = {
  multiboot: packMultiboot,
  pvh: packPvh,
  core: packCore,
  symbols: packSymbols,
  machine: packMachineFile,
};

/** All formats; the command line lists them in this order. */
export const PACK_FORMATS = /* @__PURE__ */ Object.keys(FORMATS) as PackFormat[];

/**
 * The guest of `result`, which entered its kernel, as one file.
 * @throws HandoffError for a result that entered none, or a machine that the format has no room for; ReleasedError for one
 * that was released; OptionError for a format that there isn't
 */
export function pack(result: Entered, format: PackFormat = "multiboot"): Uint8Array<ArrayBuffer> {
  checkFormat(format);
  return FORMATS[format](machineOf(result));
}

/**
 * Holds `format`, which a caller may have from anywhere, to those that exist.
 * @throws OptionError naming it and them
 */
export function checkFormat(format: string): asserts format is PackFormat {
  if (!Object.hasOwn(FORMATS, format))
    throw new OptionError(`unknown format "${format}" (there are ${PACK_FORMATS.join(", ")})`);
}
