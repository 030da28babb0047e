// `userboot cat`: files of an image on the standard output.

import { guarded } from "./guarded.js";
import { type InspectArguments, put, withImages } from "./inspect_common.js";

/** What it takes besides. */
export interface CatArguments extends InspectArguments {
  unpacked?: boolean;
}

/** Writes out `paths`. */
export function catCommand(paths: readonly string[], args: CatArguments): Promise<number> {
  return guarded(() =>
    withImages(args, async (guest) => {
      for (const path of paths) {
        const stream = guest.createReadStream(path, { unpacked: args.unpacked ?? false });
        for await (const bytes of stream as unknown as AsyncIterable<Uint8Array>) await put(bytes);
      }
      return 0;
    }),
  );
}
