// What `userboot get` copies: a file, or a directory with all that is below it, whose names can be names here.

import { UserbootError } from "../errors.js";
import type { EntryInfo, FileInfo } from "../inspect/facts.js";
import type { Inspection } from "../inspect/inspection.js";
import { byteString, textOf } from "../inspect/text.js";
import { printable } from "../text.js";
import { whyUnwritable } from "./files.js";

/** Something to be copied: where it is, and the parts of its path below what is copied, as byte strings. */
export interface Item extends Omit<FileInfo, "targetBytes"> {
  path: string;
  parts: readonly string[];
}

/** What is copied, in order, and what becomes of what can't be. */
export interface Copying {
  guest: Inspection;
  items: AsyncIterable<Item>;
  /** Told of each thing that is left out, and why. */
  leaveOut(path: string, why: string): void;
  /** Told how much of a file is there. */
  onProgress(done: number, size: number): void;
}

/** Whether a part of a path would be more than that here. On Windows names end at `\\` as well, and drives and streams have a colon. */
export function divides(text: string, platform: NodeJS.Platform = process.platform): boolean {
  return platform === "win32" ? /[\\:\0]/.test(text) : text.includes("\0");
}

/** Names by which Windows has devices, in whatever directory, and ends of names that it passes over: `.. ` would be `..`. */
const NO_FILE = /^(con|prn|aux|nul|com.|lpt.|conin\$|conout\$) *(\.|$)|[. ]$/i;

/** Whether a name of a guest's can be one in a directory here. */
export function isPlain(name: string, platform: NodeJS.Platform = process.platform): boolean {
  if (platform === "win32" && NO_FILE.test(name)) return false;
  return name !== "" && name !== "." && name !== ".." && !name.includes("/") && !divides(name, platform);
}

/** Entries of a tree. */
const ITEMS_MAX = 5_000_000;

/** `source`, and all that is below it, each directory before what is in it. A link as what is to be copied is followed. */
export async function* itemsOf(guest: Inspection, source: string, leaveOut: Copying["leaveOut"]): AsyncGenerator<Item> {
  let status = await guest.stat(source);
  // With a slash behind it a link stands for the directory that it leads to.
  const root = status.type === "link" ? `${source}/` : source || "/";
  if (status.type === "link") {
    try {
      status = await guest.stat(root);
    } catch (error) {
      if ((error as { code?: string }).code !== "ENOTDIR") throw error;
    }
  }
  yield { ...status, path: status.type === "directory" ? root : source, parts: [] };
  if (status.type !== "directory") return;
  const onProblem = (path: string, error: UserbootError) => leaveOut(path, error.message);
  const start = textOf(byteString(root)).replace(/\/$/, "");
  for await (const entry of guest.find(root, { details: true, limit: ITEMS_MAX, onProblem })) {
    const item = itemOf(entry, entry.path, start);
    if (typeof item === "string") leaveOut(entry.path, item);
    else yield item;
  }
}

/** An entry as something to be copied, or why it can't be. */
function itemOf(entry: EntryInfo, path: string, root: string): Item | string {
  const { gid = 0, mode, mtime, problem, size, target, type, uid = 0 } = entry;
  const parts = byteString(path.slice(root.length)).split("/").slice(1);
  if (problem !== undefined || mode === undefined) return problem ?? "nothing is known of it";
  if (!isPlain(byteString(entry.name)) || !parts.every((part) => isPlain(part))) return "its name is no name of a file";
  if (type === "link" && !target) return "where it leads can't be read";
  if (target?.includes("\0")) return "where it leads is no path";
  return {
    path,
    parts,
    type,
    mode,
    uid,
    gid,
    ...(size === undefined ? {} : { size }),
    ...(mtime === undefined ? {} : { mtime }),
    ...(target === undefined ? {} : { target }),
  };
}

/** The text of an error of the system's, or of ours. */
export function whyOf(error: unknown): string {
  if (error instanceof UserbootError) return printable(error.message);
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return code === "EEXIST" ? "there is something of that name already" : whyUnwritable(code)!;
}
