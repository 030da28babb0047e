// `userboot hash`: SHA-256 digests of files of an image, and of all files below its directories.

import type { Inspection } from "../index.js";
import { printable, printableJson } from "../text.js";
import { guarded } from "./guarded.js";
import { type InspectArguments, put, withImages } from "./inspect_common.js";

/** A file and its digest. */
interface Hashed {
  sha256: string;
  path: string;
}

/** Writes the digests of `paths`. */
export function hashCommand(paths: readonly string[], args: InspectArguments): Promise<number> {
  return guarded(() =>
    withImages(args, async (guest) => {
      const all: Hashed[] = [];
      for (const path of paths) {
        for await (const one of digestsOf(guest, path)) {
          if (args.json) all.push(one);
          // There may be many more: whoever has gone away ends it.
          else await put(Buffer.from(`${printable(`${one.sha256}  ${one.path}`)}\n`));
        }
      }
      if (args.json) process.stdout.write(printableJson(all));
      return 0;
    }),
  );
}

async function* digestsOf(guest: Inspection, path: string): AsyncGenerator<Hashed> {
  const { type } = await guest.stat(path);
  if (type !== "directory") yield { sha256: await guest.hash(path), path };
  else {
    for await (const entry of guest.find(path))
      if (entry.type === "file") yield { sha256: await guest.hash(entry.path), path: entry.path };
  }
}
