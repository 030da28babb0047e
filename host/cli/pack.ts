// `userboot pack`: boots the loader and writes the machine it left as one file, or to standard output.

import { once } from "node:events";
import { OptionError } from "../errors.js";
import { machineOf } from "../handoff/machine.js";
import { machineFileParts, packMachineFile } from "../handoff/machine_file.js";
import { type MapProfile, memoryMap } from "../handoff/maps.js";
import { checkFormat, type PackFormat, pack } from "../handoff/pack.js";
import type { MapEntry } from "../options.js";
import type { BootResult } from "../result.js";
import { parseMemory } from "../sizes.js";
import { bootGuest, conclude } from "./boot.js";
import type { BootArguments } from "./boot_arguments.js";
import { guarded } from "./guarded.js";
import { checkPlace, writeFile } from "./output.js";
import { settled } from "./settled.js";

/**
 * What `userboot pack` takes beside what a boot does: where the file goes, its format, and the memory map to boot with.
 */
export interface PackArguments extends BootArguments {
  output: string;
  format: PackFormat | "machine";
  map?: MapProfile;
}

/** Formats whose machine isn't one with firmware. */
const FOR_BHYVE: readonly PackArguments["format"][] = ["core", "symbols", "machine"];

/**
 * Boots as `asked` says and packs the guest. The exit status: 0 when the file is there, else the one of how the boot
 * ended.
 */
export function packCommand(asked: PackArguments): Promise<number> {
  return guarded(async () => {
    const args = await settled(asked);
    checkFormat(args.format);
    const toStdout = args.output === "-";
    if (toStdout && args.json) throw new OptionError("-o -: --json prints on standard output, too");
    // Writing replaces a link: /dev/stdout is one.
    if (!toStdout) checkPlace(args.output, "refused");
    const profile = args.map ?? (FOR_BHYVE.includes(args.format) ? "bhyve" : (args.target ?? "qemu"));
    const map = memoryMap(profile, parseMemory(args.memory));
    const result = await bootGuest(args, { map }, toStdout ? { output: process.stderr } : {});
    if (result.reason !== "exec") return conclude(result);
    if (toStdout) await print(partsOf(result, args.format, map));
    else await writeFile(args.output, wholeOf(result, args.format, map));
    return 0;
  });
}

/** A machine is written from where its memory is; the other formats are made as a whole. */
function partsOf(result: BootResult, format: PackArguments["format"], map: readonly MapEntry[]): Iterable<Uint8Array> {
  return format === "machine" ? machineFileParts(machineOf(result)) : [pack(result, format, map)];
}

function wholeOf(result: BootResult, format: PackArguments["format"], map: readonly MapEntry[]): Uint8Array {
  return format === "machine" ? packMachineFile(machineOf(result)) : pack(result, format, map);
}

async function print(parts: Iterable<Uint8Array>): Promise<void> {
  for (const part of parts) if (!process.stdout.write(part)) await once(process.stdout, "drain");
}
