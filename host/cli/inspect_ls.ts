// `userboot ls`: what is in a directory of an image.

import type { UserbootError } from "../errors.js";
import type { EntryInfo, Inspection } from "../index.js";
import { printableJson } from "../json_text.js";
import { guarded } from "./guarded.js";
import { type InspectArguments, keptBy, say, Unread, withImages } from "./inspect_common.js";

/** What it takes besides. */
export interface ListArguments extends InspectArguments {
  long?: boolean;
  recursive?: boolean;
}

/** Lists `path`. */
export function listCommand(path: string, args: ListArguments): Promise<number> {
  return guarded(() =>
    withImages(args, async (guest) => {
      const unread = new Unread();
      const lists = await listsOf(guest, path, args, unread);
      if (args.json) process.stdout.write(printableJson(lists));
      else for (const [i, list] of lists.entries()) show(list, args, lists.length > 1, i > 0);
      return unread.status;
    }),
  );
}

interface Listed {
  path: string;
  entries: Omit<EntryInfo, "nameBytes" | "targetBytes">[];
}

/** The directory, or a file as the only entry of one; with all below it when that is wanted. */
async function listsOf(guest: Inspection, path: string, args: ListArguments, unread: Unread): Promise<Listed[]> {
  const details = args.long === true || args.json === true;
  const { targetBytes: _bytes, ...status } = await guest.stat(path);
  if (status.type === "file" || status.type === "other" || (status.type === "link" && args.long))
    return [{ path, entries: [{ name: path, ...status }] }];
  const lists = new Map<string, EntryInfo[]>([[path, []]]);
  const kept = keptBy(args);
  const add = (directory: string, own: string, entry: EntryInfo) => {
    kept.add(entry);
    lists.get(directory)!.push(entry);
    if (entry.problem !== undefined) unread.tell(`${own}: ${entry.problem}`);
  };
  if (args.recursive) {
    const onProblem = (directory: string, error: UserbootError) => {
      lists.delete(directory);
      unread.onProblem(directory, error);
    };
    for await (const { path: own, ...entry } of guest.find(path, { details, onProblem })) {
      const above = own.slice(0, -entry.name.length - 1);
      add(lists.has(above) ? above : path, own, entry);
      if (entry.type === "directory" && entry.problem === undefined) lists.set(own, []);
    }
  } else {
    const before = /(?:^|\/)$/.test(path) ? path : `${path}/`;
    for (const entry of await guest.list(path, { details })) add(path, before + entry.name, entry);
  }
  return [...lists].map(([directory, entries]) => ({ path: directory, entries: sorted(entries) }));
}

function sorted(entries: EntryInfo[]): Listed["entries"] {
  return entries
    .sort((a, b) => Buffer.compare(a.nameBytes, b.nameBytes))
    .map(({ nameBytes: _name, targetBytes: _target, ...entry }) => entry);
}

const LETTERS = { file: "-", directory: "d", link: "l", other: "?" };

/** A mode as `ls -l` writes it. */
export function modeText(type: EntryInfo["type"], mode: number): string {
  const bits = ["---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx"];
  const parts = [6, 3, 0].map((shift) => bits[(mode >> shift) & 7]!);
  const special: [number, string, string][] = [
    [0o4000, "s", "S"],
    [0o2000, "s", "S"],
    [0o1000, "t", "T"],
  ];
  const shown = parts.map((part, i) => {
    const [bit, small, large] = special[i]!;
    return mode & bit ? part.slice(0, 2) + (part[2] === "x" ? small : large) : part;
  });
  return LETTERS[type] + shown.join("");
}

function show({ entries, path }: Listed, { long }: ListArguments, titled: boolean, following: boolean): void {
  if (following) say("");
  if (titled) say(`${path}:`);
  const width = (value: (entry: Listed["entries"][number]) => string) =>
    entries.reduce((most, entry) => Math.max(most, value(entry).length), 0);
  const size = ({ size: bytes }: Listed["entries"][number]) => String(bytes ?? "?");
  const owner = ({ gid = 0, uid = 0 }: Listed["entries"][number]) => `${uid} ${gid}`;
  const sizes = width(size);
  const owners = width(owner);
  for (const entry of entries) {
    const { mode = 0, mtime, name, problem, target, type } = entry;
    const what = `${name}${target === undefined ? "" : ` -> ${target}`}${problem === undefined ? "" : ` (${problem})`}`;
    if (!long) say(what);
    else
      say(
        `${modeText(type, mode)} ${owner(entry).padEnd(owners)} ${size(entry).padStart(sizes)} ${dateText(mtime)} ${what}`,
      );
  }
}

/** A time, to the minute, in UTC. */
function dateText(seconds: number | undefined): string {
  const date = new Date((seconds ?? Number.NaN) * 1000);
  return Number.isNaN(date.getTime()) ? "-".padEnd(16) : date.toISOString().slice(0, 16).replace("T", " ");
}
