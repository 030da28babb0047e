// `userboot pack`: boots the loader and writes the machine it left as one file.

import { type MapProfile, memoryMap } from "../handoff/maps.js";
import { checkFormat, type PackFormat, pack } from "../handoff/pack.js";
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

/**
 * Boots as `args` say and packs the guest. The exit status: 0 when the file is there, else the one of how the boot
 * ended.
 */
export function packCommand(args: PackArguments): Promise<number> {
  return guarded(async () => {
    checkFormat(args.format);
    // Writing replaces a link: /dev/stdout is one.
    checkPlace(args.output, "refused");
    const profile = args.map ?? (["core", "symbols", "machine"].includes(args.format) ? "bhyve" : "qemu");
    const result = await bootGuest(args, { map: memoryMap(profile, parseMemory(args.memory)) });
    if (result.reason !== "exec") return conclude(result);
    await writeFile(args.output, pack(result, args.format));
    return 0;
  });
}
