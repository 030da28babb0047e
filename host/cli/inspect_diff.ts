// `userboot diff`: what differs between two images below a path.

import { FileError, OptionError } from "../errors.js";
import type { FoundEntry, Inspection } from "../index.js";
import { printableJson } from "../text.js";
import { guarded } from "./guarded.js";
import { type InspectArguments, STATUS_INCOMPLETE, say, withImages } from "./inspect_common.js";

/** A path in one of the images only (`-`, `+`), or in both and not the same (`!`), and in what. */
interface Difference {
  mark: "-" | "+" | "!";
  path: string;
  what?: string;
}

/** Compares `path` in two images. The exit status: 0 for no difference, 1 for some. */
export function diffCommand(images: [string, string], path: string, args: InspectArguments): Promise<number> {
  return guarded(() => {
    const [first, second] = images;
    if (args.disk.length > 0) throw new OptionError(`diff takes its images as they stand, not by -d ${args.disk[0]}`);
    return withImages(args, (before) => withImages(args, (after) => compare(before, after, path, args), [second]), [
      first,
    ]);
  });
}

async function compare(before: Inspection, after: Inspection, path: string, args: InspectArguments): Promise<number> {
  const [old, recent] = [await entriesOf(before, path), await entriesOf(after, path)];
  const differences: Difference[] = [];
  const names = [...new Set([...old.keys(), ...recent.keys()])].sort();
  for (const name of names) {
    const [one, other] = [old.get(name), recent.get(name)];
    if (other === undefined) differences.push({ mark: "-", path: name });
    else if (one === undefined) differences.push({ mark: "+", path: name });
    else {
      const what = await difference(before, after, one, other);
      if (what !== undefined) differences.push({ mark: "!", path: name, what });
    }
  }
  if (args.json) process.stdout.write(printableJson(differences));
  else for (const { mark, path: name, what } of differences) say(`${mark} ${name}${what ? `  ${what}` : ""}`);
  return differences.length > 0 ? STATUS_INCOMPLETE : 0;
}

/** All below `path`, by what comes behind it. */
async function entriesOf(guest: Inspection, path: string): Promise<Map<string, FoundEntry>> {
  const entries = new Map<string, FoundEntry>();
  for await (const entry of guest.find(path, { details: true })) entries.set(entry.path, entry);
  return entries;
}

/** In what two entries of one name differ; undefined when they don't. */
async function difference(
  before: Inspection,
  after: Inspection,
  one: FoundEntry,
  other: FoundEntry,
): Promise<string | undefined> {
  if (one.type !== other.type) return `${one.type}, then ${other.type}`;
  if (one.target !== other.target) return `to ${one.target}, then to ${other.target}`;
  const mode = one.mode === other.mode ? undefined : `mode ${octal(one.mode)}, then ${octal(other.mode)}`;
  if (one.type !== "file") return mode;
  if (one.size !== other.size) return `${one.size} bytes, then ${other.size}`;
  const sums = await Promise.all([digest(before, one.path), digest(after, other.path)]);
  const error = sums.find((sum) => sum instanceof FileError);
  if (error !== undefined) return `can't be compared: ${(error as FileError).message}`;
  return sums[0] === sums[1] ? mode : "content";
}

/** A digest, or why there is none. */
async function digest(guest: Inspection, path: string): Promise<string | FileError> {
  try {
    return await guest.hash(path);
  } catch (error) {
    if (error instanceof FileError) return error;
    throw error;
  }
}

function octal(mode = 0): string {
  return mode.toString(8).padStart(4, "0");
}
