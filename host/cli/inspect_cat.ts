// `userboot cat`: files of an image on the standard output.

import { guarded } from "./guarded.js";
import { type InspectArguments, put, withImages } from "./inspect_common.js";

const ZEROS = new Uint8Array(1024 * 1024);

/** What it takes besides. */
export interface CatArguments extends InspectArguments {
  unpacked?: boolean;
}

/** Writes out `paths`. */
export function catCommand(paths: readonly string[], args: CatArguments): Promise<number> {
  return guarded(() =>
    withImages(args, async (guest) => {
      for (const path of paths) {
        const write = async (bytes: Uint8Array, hole: number) => {
          if (bytes.length > 0) await put(bytes);
          for (let left = hole; left > 0; left -= ZEROS.length) await put(ZEROS.subarray(0, left));
        };
        await guest.eachPart(path, write, { unpacked: args.unpacked ?? false });
      }
      return 0;
    }),
  );
}
