// The formats that kernels and modules can have, in the order in which they are tried. A new one is a line in conf.ts.

import { EFTYPE, strerror } from "../lib/errno";
import { present } from "../lib/fault";
import { refusedEnd, startPart } from "../lib/guest";
import { failDetailed } from "../lib/outcome";
import { ElfClass } from "./elf/layout";
import { Loaded, loadLinked } from "./elf/linked";
import { loadObject } from "./elf/object";
import { PreloadedFile } from "./preloaded";

/** A format: ELF of a class, linked or not. */
export class Format {
  constructor(
    readonly elf: ElfClass,
    /** Relocatable, not linked. */
    readonly relocatable: bool,
  ) {}

  load(path: string, dest: u64, loaded: Loaded): i32 {
    return this.relocatable ? loadObject(this.elf, path, dest, loaded) : loadLinked(this.elf, path, dest, loaded);
  }
}

let formats: Format[] = [];

/** Takes over the table of conf.ts. */
export function useFormats(list: Format[]): void {
  formats = list;
}

/** The format of the last file. It is tried first, since modules follow kernels of their kind. */
let lastFormat: i32 = 0;

/** Loads the file `path` at `dest`. Returns 0 and leaves it in `loaded`, or an errno and its text in `commandError`. */
export function loadFile(path: string, dest: u64, loaded: Loaded): i32 {
  let error = EFTYPE;
  let index = lastFormat;
  while (index < formats.length) {
    startPart();
    error = formats[index].load(path, dest, loaded);
    if (error == 0) {
      present<PreloadedFile>(loaded.file).refusedEnd = refusedEnd;
      lastFormat = index;
      return 0;
    }
    if (lastFormat == index && index != 0) {
      // Not of the remembered format, whatever is wrong with it: start with the first one.
      lastFormat = 0;
      index = 0;
      continue;
    }
    if (error != EFTYPE) {
      failDetailed(`can't load file '${path}': ${strerror(error)}`);
      return error;
    }
    index++;
  }
  return error;
}

/** The file loaded last by `loaded`. */
export function takeLoaded(loaded: Loaded): PreloadedFile {
  return present<PreloadedFile>(loaded.file);
}
