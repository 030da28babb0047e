// Trees of files that programs of other projects put on images, and what a session finds there: every directory listed, every
// file loaded, compared with the tree it came from.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { BootOptions, DiskSource } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { linkedFile } from "./elf_image.js";
import { guestBytes, MIB, type Prompt, prompt } from "./prompt.js";
import { Scratch } from "./scratch.js";
import { ufsDisk } from "./ufs_image.js";

const PATHS = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
const ENVIRONMENT = { ...process.env, PATH: PATHS.join(":"), LC_ALL: "C.UTF-8", MTOOLS_SKIP_CHECK: "1" };

/** Whether all of these programs are there; says which one isn't. */
export function programs(...names: string[]): boolean {
  const missing = names.filter((name) => !PATHS.some((path) => existsSync(join(path, name))));
  if (missing.length > 0) process.stderr.write(`\n*** SKIPPED, no ${missing.join(", ")} ***\n`);
  return missing.length === 0;
}

/** Tests that need programs: without these they are skipped, and nothing that they are to read is made. */
export function describeWith(names: readonly string[], title: string, tests: () => void): void {
  if (programs(...names)) describe(title, tests);
  else describe.skip(title, () => it(`need ${names.join(", ")}`, () => {}));
}

/** Runs a program that must not fail; what it printed. */
export function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { env: ENVIRONMENT, encoding: "utf8" });
  if (status !== 0) throw error ?? new Error(`${program} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

/** Files by their path, which begins with a slash: contents, or where a symbolic link leads to. */
export type Tree = ReadonlyMap<string, Buffer | { link: string }>;

/** `size` bytes that don't repeat. */
export function noise(seed: string, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i * 64 < size; i++) parts.push(createHash("sha512").update(`${seed}${i}`).digest());
  return Buffer.concat(parts).subarray(0, size);
}

/** A tree with names and sizes of all kinds. */
export function usualTree(largest: number, links = false): Tree {
  const tree = new Map<string, Buffer | { link: string }>([
    ["/EFI/BOOT/BOOTX64.EFI", noise("efi", 3000)],
    ["/README.TXT", Buffer.from("short name\n")],
    ["/lower.txt", Buffer.from("small letters\n")],
    ["/empty", Buffer.alloc(0)],
    ["/A Long Directory Name/another one, longer/file", noise("deep", 5000)],
    ["/A Long Directory Name/grüße №.txt", Buffer.from("not ASCII\n")],
    // A line of `ls` has 80 characters.
    [`/${"n".repeat(70)}`, Buffer.from("long\n")],
    ["/thirteenchars", Buffer.from("thirteen and one\n")],
    ["/thirteencha.rs", Buffer.from("two parts\n")],
    ["/boot/kernel", noise("kernel", largest)],
  ]);
  for (let i = 0; i < 150; i++) tree.set(`/many/file number ${i}`, Buffer.from(`${i}\n`));
  if (!links) return tree;
  tree.set("/short-link", { link: "boot/kernel" });
  tree.set("/to-directory", { link: "A Long Directory Name" });
  tree.set("/boot/up", { link: "../README.TXT" });
  tree.set("/long-link", { link: `./${"./".repeat(60)}README.TXT` });
  tree.set("/absolute", { link: "/boot/kernel" });
  return tree;
}

/** Writes a tree below the directory `root`. */
export function writeTree(root: string, tree: Tree): void {
  mkdirSync(root, { recursive: true });
  for (const [path, content] of tree) {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    if (Buffer.isBuffer(content)) writeFileSync(target, content);
    else symlinkSync(content.link, target);
  }
}

/** The image that `make` makes of `tree`: it is told where the tree is, and where the image goes. */
export function imageOf(tree: Tree, make: (root: string, image: string, scratch: Scratch) => void): Buffer {
  using scratch = new Scratch();
  const root = join(scratch.path, "tree");
  const image = join(scratch.path, "image");
  writeTree(root, tree);
  make(root, image, scratch);
  return readFileSync(image);
}

/** Its kernel is what files are loaded behind. */
const KERNEL_DISK = ufsDisk({
  "/kernel": linkedFile({ bits: 64, segments: [{ size: 8000 }] }).bytes,
});

/** The directories of a tree and what they hold: names with a letter before them, as `ls` prints it. */
function directoriesOf(tree: Tree): Map<string, Set<string>> {
  const directories = new Map<string, Set<string>>([["/", new Set()]]);
  for (const [path, content] of tree) {
    const names = path.slice(1).split("/");
    for (let i = 0; i < names.length; i++) {
      const parent = `/${names.slice(0, i).join("/")}`;
      const letter = i < names.length - 1 ? "d" : Buffer.isBuffer(content) ? " " : "l";
      const entries = directories.get(parent) ?? new Set();
      entries.add(`${letter} ${names[i]}`);
      directories.set(parent, entries);
    }
  }
  return directories;
}

/** The bytes that are typed for a name, and printed. */
const typed = (text: string) => Buffer.from(text).toString("latin1");

/** What reading a tree gave. */
export interface TreeRead extends Prompt {
  /** By directory: names with their letters, `.` and `..` and what is `ignored` left out; undefined for an error. */
  listed: Map<string, Set<string> | undefined>;
  /** By path: what was loaded; undefined for an error. */
  loaded: Map<string, Buffer | undefined>;
}

/** Lists every directory of `tree` on a disk, and loads every file. */
export async function readTree(
  disk: DiskSource,
  tree: Tree,
  { device = "disk0:", ignored = /^$/, ...options }: BootOptions & { device?: string; ignored?: RegExp } = {},
): Promise<TreeRead> {
  const directories = [...directoriesOf(tree).keys()];
  const files = filesOf(tree);
  // Files come behind a kernel, which is on a disk of its own.
  const commands = [
    "load disk1:/kernel",
    `set currdev=${device}`,
    ...directories.map((path) => `ls "${typed(path)}"`),
    ...files.map((path) => `load -t raw "${typed(path)}"`),
    "boot",
  ];
  const read = await prompt([disk, KERNEL_DISK], commands, {
    memory: 256 * MIB,
    limits: { fuel: 4_000_000_000 },
    ...options,
  });
  const listed = new Map<string, Set<string> | undefined>();
  directories.forEach((path, i) => {
    const lines = Buffer.from(read.output[i + 2] ?? "", "latin1")
      .toString()
      .split("\n");
    const failed = lines[0] !== path;
    const names = lines.slice(1, -1).map((line) => `${line[1]} ${line.slice(4)}`);
    listed.set(path, failed ? undefined : new Set(names.filter((name) => !ignored.test(name.slice(2)))));
  });
  const loaded = new Map<string, Buffer | undefined>();
  const modules = read.result.modules.slice(1);
  files.forEach((path, i) => {
    // One that can't be loaded is no module.
    const module = read.output[2 + directories.length + i]?.includes(" size=0x") ? modules.shift() : undefined;
    loaded.set(path, module && guestBytes(read.result, Number(module.address), module.size));
  });
  return { ...read, listed, loaded };
}

/** Expects that a disk holds just what is in `tree`, or, if it isn't `listed`, that this can be read there. */
export async function expectTree(
  disk: DiskSource,
  tree: Tree,
  { listed = true, ...options }: BootOptions & { device?: string; ignored?: RegExp; listed?: boolean } = {},
): Promise<TreeRead> {
  const read = await readTree(disk, tree, options);
  for (const [path, names] of listed ? directoriesOf(tree) : [])
    expect([path, read.listed.get(path)]).toEqual([path, names]);
  for (const [path, bytes] of read.loaded) {
    const source = contentOf(tree, path);
    expect([path, bytes?.length, bytes?.equals(source)]).toEqual([path, source.length, true]);
  }
  return read;
}

/** Where a path of a tree leads to, after all links. */
function leadsTo(tree: Tree, path: string): string {
  let rest = path;
  for (let links = 0; links < 40; links++) {
    const names = rest.split("/").filter((name) => name !== "" && name !== ".");
    const found: string[] = [];
    let next: string | undefined;
    for (const [i, name] of names.entries()) {
      if (name === "..") found.pop();
      else found.push(name);
      const content = tree.get(`/${found.join("/")}`);
      if (content === undefined || Buffer.isBuffer(content)) continue;
      const parent = content.link.startsWith("/") ? "" : found.slice(0, -1).join("/");
      next = `/${parent}/${content.link}/${names.slice(i + 1).join("/")}`;
      break;
    }
    if (next === undefined) return `/${found.join("/")}`;
    rest = next;
  }
  throw new Error(`${path} leads nowhere`);
}

/** The contents of the file that a path of a tree leads to. */
export function contentOf(tree: Tree, path: string): Buffer {
  const content = tree.get(leadsTo(tree, path));
  if (!Buffer.isBuffer(content)) throw new Error(`${path} is no file`);
  return content;
}

/** Paths of all files that aren't empty, through links to files and directories, too. */
function filesOf(tree: Tree): string[] {
  return [...tree].flatMap(([path, content]) => {
    if (Buffer.isBuffer(content)) return content.length > 0 ? [path] : [];
    const target = leadsTo(tree, path);
    if (tree.has(target)) return [path];
    const inside = [...tree.keys()].filter((other) => other.startsWith(`${target}/`));
    return inside.map((other) => path + other.slice(target.length));
  });
}

/** The bytes of an image file. */
export const imageAt = (path: string): Uint8Array => readFileSync(path);
