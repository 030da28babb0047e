// Disk images named on the command line: a word for the format may come before the name, `qcow2:disk.img`, and files may be
// granted with each.

import type { DiskImage } from "../disks/source.js";
import { OptionError } from "../errors.js";
import { namedImage } from "./arguments.js";

/** What --backing was given, and how many disks stood before it. */
export interface GrantedArgument {
  disks: number;
  file: string;
}

/**
 * The disks that the command line gives, with the files granted with each.
 * @throws OptionError for a file that no disk comes before
 */
export function namedDisks(disks: readonly string[], granted: readonly GrantedArgument[]): DiskImage[] {
  const lost = granted.find((one) => one.disks === 0);
  if (lost !== undefined) throw new OptionError(`--backing ${lost.file}: there is no disk before it (-d IMAGE)`);
  const named = (text: string) => {
    const { path, ...format } = namedImage(text);
    return { image: path, ...format };
  };
  return disks.map((disk, index) => ({
    ...named(disk),
    files: granted.filter((one) => one.disks === index + 1).map(({ file }) => named(file)),
  }));
}
