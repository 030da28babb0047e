// `userboot pack`: boots the loader and writes the machine it left as one file, or to standard output.

import { once } from "node:events";
import { OptionError } from "../errors.js";
import { machineOf } from "../handoff/machine.js";
import { machineFileParts } from "../handoff/machine_file.js";
import { type MapProfile, memoryMap } from "../handoff/maps.js";
import { checkFormat, type PackFormat, pack } from "../handoff/pack.js";
import type { BootResult } from "../result.js";
import { parseMemory } from "./arguments.js";
import { type BootArguments, bootGuest, conclude } from "./boot.js";
import { guarded } from "./guarded.js";
import { checkPlace, writeFile } from "./output.js";

/**
 * What `userboot pack` takes beside what a boot does: where the file goes, its format, and the memory map to boot with.
 */
export interface PackArguments extends BootArguments {
  output: string;
  format: PackFormat;
  map?: MapProfile;
}

/** Formats whose machine isn't one with firmware. */
const FOR_BHYVE: readonly PackFormat[] = ["core", "symbols", "machine"];

/**
 * Boots as `args` say and packs the guest. The exit status: 0 when the file is there, else the one of how the boot
 * ended.
 */
export function packCommand(args: PackArguments): Promise<number> {
  return guarded(async () => {
    checkFormat(args.format);
    const toStdout = args.output === "-";
    if (toStdout && args.json) throw new OptionError("-o -: --json prints on standard output, too");
    // Writing replaces a link: /dev/stdout is one.
    if (!toStdout) checkPlace(args.output, "refused");
    const profile = args.map ?? (FOR_BHYVE.includes(args.format) ? "bhyve" : "qemu");
    const map = memoryMap(profile, parseMemory(args.memory));
    const result = await bootGuest(args, { map }, toStdout ? { output: process.stderr } : {});
    if (result.reason !== "exec") return conclude(result);
    if (toStdout) await print(partsOf(result, args.format));
    else await writeFile(args.output, pack(result, args.format));
    return 0;
  });
}

/** A machine is written from where its memory is; the other formats are made as a whole. */
function partsOf(result: BootResult, format: PackFormat): Iterable<Uint8Array> {
  return format === "machine" ? machineFileParts(machineOf(result)) : [pack(result, format)];
}

async function print(parts: Iterable<Uint8Array>): Promise<void> {
  for (const part of parts) if (!process.stdout.write(part)) await once(process.stdout, "drain");
}
