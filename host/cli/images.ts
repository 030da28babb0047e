// Disk images as the command line names them: `[FORMAT:]FILE[,sectorsize=512|4096][,ro]`. A comma in a name is written twice.

import { existsSync } from "node:fs";
import type { Compression } from "../disks/compression.js";
import { type DiskImage, FORMAT_WORDS, type ImageFormat } from "../disks/source.js";
import { OptionError } from "../errors.js";

/** A file of the command line, and what is said of it. */
export interface NamedImage {
  image: string;
  format?: ImageFormat | Compression;
  sectorSize?: 512 | 4096;
  /** Not to be written by the machine that `run` starts, whatever else is said. */
  readOnly?: true;
}

/** What --backing was given, and how many disks stood before it. */
export interface GrantedArgument {
  disks: number;
  file: string;
}

/**
 * What `text` says.
 * @throws OptionError for what follows a comma and is no option, for no name, and for a word before a file that is no format
 */
export function namedImage(text: string): NamedImage {
  // Commas in pairs belong to the name: from the left, as QEMU takes them.
  const parts = text
    .replaceAll(",,", "\0")
    .split(",")
    .map((part) => part.replaceAll("\0", ","));
  const [name = "", ...options] = parts;
  const format = FORMAT_WORDS.find((word) => name.startsWith(`${word}:`));
  const named: NamedImage = format === undefined ? { image: name } : { image: name.slice(format.length + 1), format };
  if (named.image === "") throw new OptionError(`'${text}' names no file`);
  const [, word, rest = ""] = format === undefined ? (/^(\w+):(.+)$/s.exec(name) ?? []) : [];
  if (word !== undefined && !existsSync(name) && existsSync(rest))
    throw new OptionError(`'${word}' is no image format (there are ${FORMAT_WORDS.join(", ")})`);
  for (const option of options) {
    if (option === "ro") named.readOnly = true;
    else if (option === "sectorsize=512") named.sectorSize = 512;
    else if (option === "sectorsize=4096") named.sectorSize = 4096;
    else {
      const known = "there are ro, sectorsize=512 and sectorsize=4096; a comma in a name is written twice";
      throw new OptionError(`'${option}' is no option of a disk (${known})`);
    }
  }
  return named;
}

/**
 * The disks that the command line gives, with the files granted with each.
 * @throws OptionError for a file that no disk comes before, and as `namedImage`
 */
export function namedDisks(disks: readonly string[], granted: readonly GrantedArgument[]): DiskImage[] {
  const lost = granted.find((one) => one.disks === 0);
  if (lost !== undefined) throw new OptionError(`--backing ${lost.file}: there is no disk before it (-d IMAGE)`);
  const described = (text: string) => {
    const { readOnly: _always, ...image } = namedImage(text);
    return image;
  };
  return disks.map((disk, index) => {
    const files = granted.filter((one) => one.disks === index + 1).map(({ file }) => described(file));
    const sectored = files.find(({ sectorSize }) => sectorSize !== undefined);
    if (sectored !== undefined)
      throw new OptionError(`--backing ${sectored.image}: the size of sectors is said of the disk (-d)`);
    return { ...described(disk), files };
  });
}
