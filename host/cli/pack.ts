// `userboot pack`: boots the loader and writes the machine it left as one file.

import { writeFileSync } from "node:fs";
import { OptionError } from "../errors.js";
import { type MapProfile, memoryMap } from "../handoff/maps.js";
import { checkFormat, type PackFormat, pack } from "../handoff/pack.js";
import { parseMemory } from "./arguments.js";
import { type BootArguments, bootGuest, conclude, guarded } from "./boot.js";

export interface PackArguments extends BootArguments {
  output: string;
  format: PackFormat;
  map?: MapProfile;
}

export function packCommand(args: PackArguments): Promise<number> {
  return guarded(async () => {
    checkFormat(args.format);
    const profile = args.map ?? (["core", "symbols"].includes(args.format) ? "bhyve" : "qemu");
    const result = await bootGuest(args, { map: memoryMap(profile, parseMemory(args.memory)) });
    if (result.reason !== "exec") return conclude(result);
    try {
      writeFileSync(args.output, pack(result, args.format));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      throw new OptionError(`${args.output} can't be written (${code})`);
    }
    return 0;
  });
}
