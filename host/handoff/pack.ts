// Packs a booted guest into one file. A new format is one file beside this one and a line in the table.

import { OptionError } from "../errors.js";
import type { MaybePromise } from "../maybe.js";
import type { MapEntry } from "../options.js";
import { packCore } from "./core.js";
import { type Entered, type Machine, machineOf } from "./machine.js";
import { packMultiboot } from "./multiboot.js";
import { packPvh } from "./pvh.js";
import { packSymbols } from "./symbols.js";

/** Name of a format that is made at once. */
export type PackFormat = "multiboot" | "pvh" | "core" | "symbols";

/** The guest of a result as bytes; some formats look at the map that it was booted with. */
type Packer = (
  machine: Machine,
  map: readonly MapEntry[] | undefined,
  result: Entered,
) => MaybePromise<Uint8Array<ArrayBuffer>>;

const FORMATS: Readonly<Record<PackFormat | "machine", Packer>> = {
  multiboot: packMultiboot,
  pvh: packPvh,
  core: packCore,
  symbols: packSymbols,
  // Who releases the result meanwhile is told.
  machine: async (_machine, _map, result) => (await import("./machine_file.js")).packMachineFile(machineOf(result)),
};

/** All formats; the command line lists them in this order. */
export const PACK_FORMATS = /* @__PURE__ */ Object.keys(FORMATS) as (PackFormat | "machine")[];

/**
 * The guest of `result`, which entered its kernel, as one file. With the `map` of the machine that is to run it (the one it was booted
 * with), a multiboot or PVH image is held to the memory that is usable there.
 * @throws HandoffError for a result that entered none, or a machine that the format or the map has no room for; ReleasedError
 * for one that was released; OptionError for a format that there isn't
 */
export function pack(result: Entered, format?: PackFormat, map?: readonly MapEntry[]): Uint8Array<ArrayBuffer>;
/**
 * As a `machine` file, for programs that make a virtual machine out of it, it is promised: what makes it is loaded first, so
 * that pages without a use for it don't have it. The result has to be there until then.
 */
export function pack(result: Entered, format: "machine"): Promise<Uint8Array<ArrayBuffer>>;
export function pack(
  result: Entered,
  format: PackFormat | "machine" = "multiboot",
  map?: readonly MapEntry[],
): MaybePromise<Uint8Array<ArrayBuffer>> {
  checkFormat(format);
  return FORMATS[format](machineOf(result), map, result);
}

/**
 * Holds `format`, which a caller may have from anywhere, to those that exist.
 * @throws OptionError naming it and them
 */
export function checkFormat(format: string): asserts format is PackFormat | "machine" {
  if (!Object.hasOwn(FORMATS, format))
    throw new OptionError(`unknown format "${format}" (there are ${PACK_FORMATS.join(", ")})`);
}
