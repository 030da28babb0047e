// `host:` trees as the caller grants them, brought into one form: a list of directories and files with all of
// their bytes, which is everything a session will ever see of them. Paths are bytes, one character each.

import { isMap, ownBytes } from "../brand.js";
import { HostTreeError, OptionError } from "../errors.js";
import { TREE_LIMITS, type TreeOptions } from "./limits.js";

/** Files by path (`boot/kernel/kernel`; one character a byte); the directories on the way come by themselves. */
export type TreeMap = ReadonlyMap<string, Uint8Array> | Readonly<Record<string, Uint8Array>>;

/** What `boot` takes as a `host:` tree: a map, a directory's path (Node) or its handle (browsers). */
export type HostTree = TreeMap | string | FileSystemDirectoryHandle;

/** A tree in memory. */
export interface GrantedTree {
  /** Parents before their children, without slashes at either end. */
  directories: string[];
  files: { path: string; content: Uint8Array }[];
}

const TREE_OPTIONS: TreeOptions = { limits: TREE_LIMITS, strict: false };

/** Most trees of a session. */
export const TREES_MAX = 32;

const NAME_MAX = 255;

/** Copies a directory of the platform. */
export type DirectoryCopier = (path: string, options: TreeOptions) => Promise<GrantedTree>;

let copyDirectory: DirectoryCopier = () => {
  throw new OptionError("a host tree can be named by a path on Node only");
};

/** Set by the entry points. */
export function setDirectoryCopier(copier: DirectoryCopier): void {
  copyDirectory = copier;
}

/** Takes in all of `trees`; nothing is granted when one of them is refused. */
export async function takeTrees(trees: readonly HostTree[], options = TREE_OPTIONS): Promise<GrantedTree[]> {
  if (trees.length > TREES_MAX) {
    throw new OptionError(`${trees.length} host trees given, at most ${TREES_MAX} possible`);
  }
  const taken: GrantedTree[] = [];
  for (const tree of trees) taken.push(await takeTree(tree, options));
  return taken;
}

/** Takes in one. */
export function takeTree(tree: HostTree, options: TreeOptions): GrantedTree | Promise<GrantedTree> {
  if (typeof tree === "string") return copyDirectory(tree, options);
  if (isHandle(tree)) return takeHandle(tree, options);
  return takeMap(tree);
}

function isHandle(tree: TreeMap | FileSystemDirectoryHandle): tree is FileSystemDirectoryHandle {
  return "kind" in tree && tree.kind === "directory";
}

/** A tree is put together here, with its limits. */
export class TreeBuilder {
  readonly tree: GrantedTree = { directories: [], files: [] };
  readonly #seen = new Set<string>();
  #bytes = 0;

  constructor(
    /** How the tree is called in errors. */
    private readonly name: string,
    private readonly options: TreeOptions,
  ) {}

  /** Bytes that files may still have. */
  get room(): number {
    return this.options.limits.bytes - this.#bytes;
  }

  directory(path: string): void {
    this.#enter(path);
    this.tree.directories.push(path);
  }

  file(path: string, content: Uint8Array): void {
    this.#enter(path);
    if (content.length > this.room) throw this.tooLarge(path);
    this.#bytes += content.length;
    this.tree.files.push({ path, content });
  }

  has(path: string): boolean {
    return this.#seen.has(path);
  }

  /** An entry that isn't granted; the rest of the tree is, unless the caller is strict. */
  leaveOut(path: string, why: string): void {
    if (this.options.strict) throw this.refused(path, why);
    this.options.onNotice?.(`${this.name}: ${path}: ${why}; left out`);
  }

  /** An entry that is refused, and the tree with it. */
  refused(path: string, why: string): HostTreeError {
    return new HostTreeError(this.name, path === "" ? why : `${path}: ${why}`);
  }

  tooLarge(path: string): HostTreeError {
    return this.refused(path, `with it, the tree has more than ${this.options.limits.bytes} bytes`);
  }

  tooMany(): HostTreeError {
    return new HostTreeError(this.name, `has more than ${this.options.limits.entries} files`);
  }

  #enter(path: string): void {
    const { entries, depth } = this.options.limits;
    this.#seen.add(path);
    if (this.#seen.size > entries) throw this.tooMany();
    if (path.split("/").length > depth) throw this.refused(path, `more than ${depth} directories deep`);
  }
}

/** A map given by the program itself: checked for sense; its size is the caller's affair. */
function takeMap(map: TreeMap): GrantedTree {
  const most = Number.POSITIVE_INFINITY;
  const builder = new TreeBuilder("host tree", {
    limits: { entries: most, depth: most, bytes: most },
    strict: true,
  });
  const files = new Set<string>();
  for (const [given, content] of isMap(map) ? map : Object.entries(map)) {
    const names = given.replace(/^\/+/, "").split("/");
    const wrong = names.find((name) => !isName(name));
    if (wrong !== undefined) throw new OptionError(`host tree: ${JSON.stringify(given)} is not a path of plain names`);
    const bytes = ownBytes(content);
    if (bytes === undefined) throw new OptionError(`host tree: ${given} is not a Uint8Array`);
    for (let depth = 1; depth < names.length; depth++) {
      const path = names.slice(0, depth).join("/");
      if (files.has(path)) throw new OptionError(`host tree: ${path} is both a file and a directory`);
      if (!builder.has(path)) builder.directory(path);
    }
    const path = names.join("/");
    if (builder.has(path)) throw new OptionError(`host tree: ${path} is there twice`);
    files.add(path);
    builder.file(path, bytes);
  }
  return builder.tree;
}

/** Whether `name` can be a file's: bytes, and no way to another directory. */
function isName(name: string): boolean {
  return name.length <= NAME_MAX && name !== "" && name !== "." && name !== ".." && /^[\x01-\xff]+$/.test(name);
}

/** A directory that a page was given. */
async function takeHandle(handle: FileSystemDirectoryHandle, options: TreeOptions): Promise<GrantedTree> {
  const builder = new TreeBuilder(handle.name, options);
  let found = 0;
  const walk = async (directory: FileSystemDirectoryHandle, prefix: string): Promise<void> => {
    // As for directories of Node's: too many are refused before a file is read.
    const entries: FileSystemHandle[] = [];
    for await (const entry of (directory as FileSystemDirectoryHandle & AsyncDirectory).values()) {
      entries.push(entry);
      if (++found > options.limits.entries) throw builder.tooMany();
    }
    for (const entry of entries) {
      const path = prefix + utf8AsBytes(entry.name);
      if (entry.kind === "directory") {
        builder.directory(path);
        await walk(entry as FileSystemDirectoryHandle, `${path}/`);
      } else {
        const file = await (entry as FileSystemFileHandle).getFile();
        if (file.size > builder.room) throw builder.tooLarge(path);
        builder.file(path, new Uint8Array(await file.arrayBuffer()));
      }
    }
  };
  await walk(handle, "");
  return builder.tree;
}

/** The part of a directory handle that TypeScript's own types lack. */
interface AsyncDirectory {
  values(): AsyncIterable<FileSystemHandle>;
}

function utf8AsBytes(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}
