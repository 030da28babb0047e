// `userboot hash`: SHA-256 digests of files of an image, and of all files below its directories.

import { UserbootError } from "../errors.js";
import { endsAll, type Inspection } from "../inspect/inspection.js";
import { printableJson } from "../json_text.js";
import { inert } from "../text.js";
import { guarded } from "./guarded.js";
import { type InspectArguments, put, Unread, withImages } from "./inspect_common.js";

/** A file and its digest. */
interface Hashed {
  sha256: string;
  path: string;
}

/** Writes the digests of `paths`. The exit status: 0, or 1 when something below them can't be read. */
export function hashCommand(paths: readonly string[], args: InspectArguments): Promise<number> {
  return guarded(() =>
    withImages(args, async (guest) => {
      const all: Hashed[] = [];
      const unread = new Unread();
      for (const path of paths) {
        for await (const one of digestsOf(guest, path, unread)) {
          if (args.json) all.push(one);
          // There may be many more: whoever has gone away ends it.
          else await put(Buffer.from(`${inert(`${one.sha256}  ${one.path}`)}\n`));
        }
      }
      if (args.json) process.stdout.write(printableJson(all));
      return unread.status;
    }),
  );
}

async function* digestsOf(guest: Inspection, path: string, unread: Unread): AsyncGenerator<Hashed> {
  const { type } = await guest.stat(path);
  if (type !== "directory") {
    yield { sha256: await guest.hash(path), path };
    return;
  }
  for await (const entry of guest.find(path, { onProblem: unread.onProblem })) {
    if (entry.problem !== undefined) unread.tell(`${entry.path}: ${entry.problem}`);
    else if (entry.type === "file") {
      const sha256 = await digest(guest, entry.path);
      if (typeof sha256 === "string") yield { sha256, path: entry.path };
      else unread.onProblem(entry.path, sha256);
    }
  }
}

/** A digest, or why there is none, unless nothing more can be asked. */
export async function digest(guest: Inspection, path: string): Promise<string | UserbootError> {
  try {
    return await guest.hash(path);
  } catch (error) {
    if (error instanceof UserbootError && !endsAll(error)) return error;
    throw error;
  }
}
