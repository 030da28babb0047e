// What the caller lays over the guest's files, brought into one form: a list of names with their bytes, which is all that a
// session sees of it. Names are bytes, one character each. docs/overlays.md has what comes of it.

import { isMap, ownBytes } from "./brand.js";
import { LimitError, OptionError } from "./errors.js";
import { TREE_LIMITS, type TreeLimits } from "./wasi/limits.js";
import { takeTree } from "./wasi/tree.js";

/**
 * Files by path, `/boot/loader.conf` or `disk0p2:/boot/loader.conf`, one character a byte; null for one that isn't to be found.
 */
export type OverlayMap = ReadonlyMap<string, Uint8Array | null> | Readonly<Record<string, Uint8Array | null>>;

/** What `boot` takes as one layer: files, or a directory whose tree they are: its path (Node) or its handle (browsers). */
export type OverlayLayer = OverlayMap | string | FileSystemDirectoryHandle;

/** A layer, or several, of which later ones win. */
export type Overlay = OverlayLayer | readonly OverlayLayer[];

/** One name of an overlay. */
export interface OverlayEntry {
  /** `/boot/loader.conf`, or with a device before it. */
  path: string;
  content: Uint8Array | "absent" | "directory";
}

/** What became of one name: in a boot's result. */
export interface OverlayUse {
  /** As the loader would write it, with its device if one was given. */
  path: string;
  /** Whether anything asked for it, or, when it isn't to be found, for something in it. */
  used: boolean;
}

/** What an overlay may have. */
export interface OverlayLimits {
  /** Its names: files, directories and what isn't to be found. */
  overlayFiles: number;
  /** Bytes of its files. */
  overlayBytes: number;
}

/** Bytes of a name, with its device. */
const PATH_MAX = 1024;
const NAMED = /^([a-z]+[0-9]*[!-~]*?:)?(\/.*)$/s;

/**
 * Takes in `overlay`. `onNotice` is told what is left out of a directory.
 * @throws OptionError, HostTreeError for a directory, LimitError for more than `limits` allow
 */
export async function takeOverlay(
  overlay: Overlay,
  limits: OverlayLimits,
  onNotice?: (line: string) => void,
): Promise<OverlayEntry[]> {
  const builder = new OverlayBuilder(limits);
  for (const layer of isList(overlay) ? overlay : [overlay]) {
    if (layer === null || !["object", "string"].includes(typeof layer)) {
      throw new OptionError("overlay: a layer is a map or a directory");
    }
    if (isTree(layer)) {
      const { directories, files } = await takeTree(layer, { limits: builder.room(), strict: false, onNotice });
      builder.begin();
      for (const path of directories) builder.add(`/${path}`, "directory");
      for (const { path, content } of files) builder.add(`/${path}`, content);
      continue;
    }
    builder.begin();
    for (const [path, content] of isMap(layer) ? layer : Object.entries(layer)) {
      const bytes = ownBytes(content);
      if (content !== null && bytes === undefined) throw refused(path, "is neither a Uint8Array nor null");
      builder.add(path, bytes ?? "absent");
    }
  }
  return builder.entries();
}

/** What became of `entries`, of which the loader used those at `used`. */
export function overlayUse(entries: readonly OverlayEntry[], used: ReadonlySet<number>): OverlayUse[] {
  return entries.flatMap(({ path, content }, index) =>
    content === "directory" ? [] : [{ path, used: used.has(index) }],
  );
}

/** Bytes of all files. */
export function overlayBytes(entries: readonly OverlayEntry[]): number {
  return entries.reduce((sum, { content }) => sum + sizeOf(content), 0);
}

const sizeOf = (content: OverlayEntry["content"]) => (typeof content === "string" ? 0 : content.length);
const isList = (overlay: Overlay): overlay is readonly OverlayLayer[] => Array.isArray(overlay);
const isTree = (layer: OverlayLayer): layer is string | FileSystemDirectoryHandle =>
  typeof layer === "string" || ("kind" in layer && layer.kind === "directory");

class OverlayBuilder {
  readonly #contents = new Map<string, OverlayEntry["content"]>();
  #layer = new Set<string>();
  #bytes = 0;

  constructor(private readonly limits: OverlayLimits) {}

  /** What a directory may add. */
  room(): TreeLimits {
    const { overlayFiles, overlayBytes } = this.limits;
    return { ...TREE_LIMITS, entries: overlayFiles, bytes: overlayBytes };
  }

  /** A layer begins. */
  begin(): void {
    this.#layer = new Set();
  }

  add(given: string, content: OverlayEntry["content"]): void {
    const path = normalisedPath(given);
    if (this.#layer.has(path)) throw refused(given, "is there twice");
    this.#layer.add(path);
    const before = this.#contents.get(path);
    // A directory that was there before has room for what comes.
    if (content === "directory" && before !== undefined && before !== "absent") {
      if (before !== "directory") throw refused(path, "is both a file and a directory");
      return;
    }
    this.#bytes += sizeOf(content) - sizeOf(before ?? "absent");
    this.#contents.set(path, content);
    const { overlayFiles, overlayBytes } = this.limits;
    const files = this.#contents.size;
    if (files > overlayFiles) throw new LimitError("overlayFiles", overlayFiles, files);
    if (this.#bytes > overlayBytes) throw new LimitError("overlayBytes", overlayBytes, this.#bytes);
  }

  /** All of them; what is a file and a directory is refused. */
  entries(): OverlayEntry[] {
    for (const [path] of this.#contents) {
      const first = path.indexOf("/");
      for (let at = path.indexOf("/", first + 1); at > 0; at = path.indexOf("/", at + 1)) {
        const above = path.slice(0, at);
        if (this.#contents.get(above) instanceof Uint8Array) {
          throw refused(above, "is both a file and a directory");
        }
      }
    }
    return Array.from(this.#contents, ([path, content]) => ({ path, content }));
  }
}

/**
 * `path` as the loader looks it up: empty names and `.` count for nothing, `..` takes away the name before it, and above the root
 * is the root.
 * @throws OptionError for what can't be a file's
 */
export function normalisedPath(path: string): string {
  const [, device = "", rest] = NAMED.exec(path) ?? [];
  if (rest === undefined) throw refused(path, 'is no path from a root: "/boot/x" or "disk0p2:/boot/x" would be one');
  if (/[^\x01-\xff]/.test(path)) throw refused(path, "characters must be bytes, and none of them a NUL");
  const names: string[] = [];
  for (const name of rest.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  if (names.length === 0) throw refused(path, "names no file");
  const normal = `${device}/${names.join("/")}`;
  if (normal.length > PATH_MAX) throw refused(path, `is longer than ${PATH_MAX} bytes`);
  return normal;
}

function refused(path: string, why: string): OptionError {
  return new OptionError(`overlay: ${shown(path)} ${why}`);
}

/** Characters of a path in a message. */
const SHOWN = 64;

function shown(path: string): string {
  return JSON.stringify(path.length > SHOWN ? `${path.slice(0, SHOWN)}...` : path);
}
