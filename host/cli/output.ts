// The output directory of a boot: result.json and mem.bin, a sparse file in which the offset is the guest
// physical address.

import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { OptionError } from "../errors.js";
import type { BootResult } from "../result.js";

/** Makes the directory, so that a bad one is refused before the boot. */
export function prepareOutput(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw new OptionError(`output directory ${directory} can't be made (${(error as NodeJS.ErrnoException).code})`);
  }
}

export async function writeOutput(directory: string, result: BootResult): Promise<void> {
  try {
    writeFileSync(join(directory, "result.json"), `${JSON.stringify(result, undefined, 2)}\n`);
    writeMemory(join(directory, "mem.bin"), result);
  } catch (error) {
    throw new OptionError(`output directory ${directory} can't be written (${(error as NodeJS.ErrnoException).code})`);
  }
}

function writeMemory(path: string, { guestMemory }: BootResult): void {
  const fd = openSync(path, "w");
  try {
    for (const [start, end] of guestMemory.written) {
      let at = start;
      while (at < end) at += writeSync(fd, guestMemory.bytes, at, end - at, at);
    }
    ftruncateSync(fd, guestMemory.low);
  } finally {
    closeSync(fd);
  }
}
