// `userboot diff`: what differs between two images below a path.

import { FileError, OptionError, type UserbootError } from "../errors.js";
import type { FoundEntry, Inspection } from "../index.js";
import type { KeptEntries } from "../inspect/inspection.js";
import { byteString, bytesOf } from "../inspect/text.js";
import { printableJson } from "../json_text.js";
import { complain } from "./complain.js";
import { guarded } from "./guarded.js";
import { type InspectArguments, keptBy, problemOf, say, withImages } from "./inspect_common.js";
import { digest } from "./inspect_hash.js";
import { STATUS_FAILED } from "./statuses.js";

/** A path in one of the images only (`-`, `+`), or in both and not the same (`!`), and in what. */
interface Difference {
  mark: "-" | "+" | "!";
  path: string;
  what?: string;
}

/** An image: how it was named, what is in it, and why some of that can't be looked at, by path. */
interface Side {
  name: string;
  guest: Inspection;
  entries: Map<string, FoundEntry>;
  unread: Map<string, string>;
}

/**
 * Compares what `operands` name: two images, unless they are given as disks, and a path. The exit status: 0 for no difference, 1 for
 * some, or when not all could be compared.
 */
export function diffCommand(operands: readonly string[], args: InspectArguments): Promise<number> {
  return guarded(() => {
    const given = args.disk.length > 0;
    const [first, second, ...rest] = given ? args.disk : operands.slice(0, 2);
    const paths = given ? operands : operands.slice(2);
    if (first === undefined || second === undefined || rest.length > 0 || paths.length > 1)
      throw new OptionError("diff takes two images, IMAGE1 IMAGE2 or -d IMAGE1 -d IMAGE2, and then one path at most");
    // What --backing gives goes with the disk before it, which here is the only one.
    const alone = (disk: string, number: number): InspectArguments => {
      const backing = args.backing.filter(({ disks }) => disks === number || disks === 0);
      return { ...args, disk: [disk], backing: backing.map((one) => ({ ...one, disks: Math.min(one.disks, 1) })) };
    };
    return withImages(alone(first, 1), (before) =>
      withImages(alone(second, 2), (after) =>
        compare(side(first, before), side(second, after), paths[0] ?? DEFAULT_PATH, args),
      ),
    );
  });
}

/** Below what, unless it is said. */
const DEFAULT_PATH = "/boot";

const side = (name: string, guest: Inspection): Side => ({ name, guest, entries: new Map(), unread: new Map() });

async function compare(before: Side, after: Side, path: string, args: InspectArguments): Promise<number> {
  const kept = keptBy(args);
  const isThere = [await look(before, path, kept), await look(after, path, kept)];
  if (!isThere.includes(true)) throw new OptionError(`${path}: in neither of the images`);
  const differences: Difference[] = [];
  // A file is an entry by itself.
  const whole = { mark: isThere[0] ? "-" : "+", path } as const;
  if (isThere.includes(false) && !before.entries.has(path) && !after.entries.has(path)) differences.push(whole);
  for (const name of [...new Set([...before.entries.keys(), ...after.entries.keys()])].sort()) {
    if (isBelow(name, before.unread) || isBelow(name, after.unread)) continue;
    const [one, other] = [before.entries.get(name), after.entries.get(name)];
    if (other === undefined) differences.push({ mark: "-", path: name });
    else if (one === undefined) differences.push({ mark: "+", path: name });
    else {
      const what = await difference(before, after, one, other);
      if (what !== undefined) differences.push({ mark: "!", path: name, what });
    }
  }
  if (args.json) process.stdout.write(printableJson(differences));
  else for (const { mark, path: name, what } of differences) say(`${mark} ${name}${what ? `  ${what}` : ""}`);
  const isAll = before.unread.size + after.unread.size === 0;
  return differences.length > 0 || !isAll ? STATUS_FAILED : 0;
}

/** Takes down all below `path`, or the file that it is. What can't be looked at is named. Whether there is anything. */
async function look({ entries, guest, name, unread }: Side, path: string, kept: KeptEntries): Promise<boolean> {
  const tell = (own: string, why: string) => {
    unread.set(own, why);
    complain(`${name}: ${why}`);
  };
  const onProblem = (own: string, error: UserbootError) => tell(own, problemOf(own, error));
  try {
    for await (const entry of guest.find(path, { details: true, onProblem })) {
      if (entry.problem !== undefined) tell(entry.path, `${entry.path}: ${entry.problem}`);
      kept.add(entry);
      // The first of a name is the one that has it.
      if (!entries.has(entry.path)) entries.set(entry.path, entry);
    }
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (error.code === "ENOENT") return false;
    if (error.code !== "ENOTDIR") throw new OptionError(`${name}: ${error.message}`);
    entries.set(path, { path, name: path, nameBytes: bytesOf(byteString(path)), ...(await guest.stat(path)) });
  }
  return true;
}

/** Whether a directory on the way to `path` is one of `unread`. */
function isBelow(path: string, unread: Side["unread"]): boolean {
  if (unread.size === 0) return false;
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1))
    if (unread.has(path.slice(0, end))) return true;
  return false;
}

/** In what two entries of one name differ; undefined when they don't. */
async function difference(before: Side, after: Side, one: FoundEntry, other: FoundEntry): Promise<string | undefined> {
  const problem = before.unread.get(one.path) ?? after.unread.get(one.path);
  if (problem !== undefined) return `can't be compared: ${problem}`;
  if (one.type !== other.type) return `${one.type}, then ${other.type}`;
  if (one.target !== other.target) return `to ${one.target}, then to ${other.target}`;
  const [mode, then] = [octal(one.mode), octal(other.mode)];
  const [owner, thenOwner] = [ownerOf(one), ownerOf(other)];
  const status = [
    ...(mode === then ? [] : [`mode ${mode}, then ${then}`]),
    ...(owner === thenOwner ? [] : [`owner ${owner}, then ${thenOwner}`]),
  ];
  const rest = status.length === 0 ? undefined : status.join("; ");
  if (one.type !== "file") return rest;
  if (one.size !== other.size) return `${one.size} bytes, then ${other.size}`;
  const sums = await Promise.all([digest(before.guest, one.path), digest(after.guest, other.path)]);
  const error = sums.find((sum) => typeof sum !== "string");
  if (error !== undefined) return `can't be compared: ${problemOf(one.path, error)}`;
  return sums[0] === sums[1] ? rest : "content";
}

function octal(mode = 0): string {
  return mode.toString(8).padStart(4, "0");
}

const ownerOf = ({ gid = 0, uid = 0 }: FoundEntry): string => `${uid}:${gid}`;
