// Granted trees at their limits: names, and directories on the way of links; tried with as much and with one more.

import { constants, existsSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { AssetError, type HostTree, HostTreeError, OptionError, TREE_LIMITS, type TreeLimits } from "userboot-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { copyDirectory } from "../../build/host/wasi/directory.js";
import { isUnchanged, type Strategy, unlessChanged } from "../../build/host/wasi/places.js";
import { takeTrees } from "../../build/host/wasi/tree.js";
import { openTrees } from "../../build/host/wasi/wasmer.js";
import { Scratch } from "../support/scratch.js";
import { standInBytes } from "../support/stand_ins.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

const taken = async (tree: HostTree, limits: Partial<TreeLimits> = {}) =>
  (await takeTrees([tree], { limits: { ...TREE_LIMITS, ...limits }, strict: false }))[0]!;

describe("a map", () => {
  const BYTES = Uint8Array.of(1, 2);

  it("may have names of 255 bytes, any but 0 and the slash", async () => {
    const names = ["x".repeat(255), "\x01\x7f\xff", "...", " ", `${"y".repeat(255)}/z`];
    const { files, directories } = await taken(Object.fromEntries(names.map((name) => [name, BYTES])));
    expect(files.map(({ path }) => path)).toEqual(names);
    expect(files.map(({ content }) => content)).toEqual(names.map(() => BYTES));
    expect(directories).toEqual(["y".repeat(255)]);
  });

  it.each([
    "",
    "/",
    ".",
    "..",
    "a//b",
    "a/",
    "a/../b",
    "./a",
    "a\0",
    "\u0100",
    "x".repeat(256),
    `a/${"x".repeat(256)}`,
  ])("may not have %j", async (path) => {
    const message = `host tree: ${JSON.stringify(path)} is not a path of plain names`;
    await expect(taken({ [path]: BYTES })).rejects.toThrow(new OptionError(message));
  });

  it.each<[[string, unknown][], string]>([
    [[["a", "text"]], "host tree: a is not a Uint8Array"],
    [
      [
        ["a", BYTES],
        ["a/b", BYTES],
      ],
      "host tree: a is both a file and a directory",
    ],
    [
      [
        ["a/b", BYTES],
        ["a", BYTES],
      ],
      "host tree: a is there twice",
    ],
    [
      [
        ["a", BYTES],
        ["/a", BYTES],
      ],
      "host tree: a is there twice",
    ],
  ])("may not be %j", async (entries, message) => {
    await expect(taken(new Map(entries) as unknown as HostTree)).rejects.toThrow(new OptionError(message));
  });

  it("has each directory once, before what is in it, and no limits but its own", async () => {
    const { files, directories } = await taken({ "/a/b/c": BYTES, "a/d": BYTES }, { entries: 1, depth: 1, bytes: 1 });
    expect(directories).toEqual(["a", "a/b"]);
    expect(files.map(({ path }) => path)).toEqual(["a/b/c", "a/d"]);
  });
});

describe("a directory whose links lead through many", () => {
  const DEPTH = 41;
  const MOST = 4 * DEPTH;
  const LONG = 21;
  /** Directories inside each other, each chain's last one with a link to the next chain; the last chain is `last` long. */
  const chained = (last: number): string => {
    const top = `${scratch.path}/chain${last}`;
    const whole = Math.floor(MOST / LONG);
    const chain = (level: number) => join(top, `c${level}`, ...Array(level < whole ? LONG - 1 : last - 1).fill("x"));
    for (let level = 0; level <= whole; level++) mkdirSync(chain(level), { recursive: true });
    for (let level = 0; level < whole; level++) symlinkSync(chain(level + 1), join(chain(level), "next"));
    writeFileSync(join(chain(whole), "file"), "end");
    return top;
  };
  const copied = (top: string) => copyDirectory(top, { limits: { ...TREE_LIMITS, depth: DEPTH }, strict: false });
  const rest = MOST % LONG;

  it("is copied when as many are open as may be", async () => {
    const { files } = await copied(chained(rest));
    expect(files.every(({ content }) => Buffer.from(content).toString() === "end")).toBe(true);
    expect(files.some(({ path }) => path.startsWith("c0/"))).toBe(true);
  });

  it("is refused when there would be one more", async () => {
    const copying = copied(chained(rest + 1));
    await expect(copying).rejects.toThrow(HostTreeError);
    await expect(copying).rejects.toThrow(`more than ${MOST} directories on the way of its links`);
  });
});

const STRATEGIES: Strategy[] = process.platform === "linux" ? ["descriptors", "paths"] : ["paths"];

describe.each(STRATEGIES)("copied by %s", (strategy) => {
  const given = { limits: TREE_LIMITS, strict: false };

  it.each([
    ["no directory", "no-such", "no such directory"],
    ["a file", "file", "is not a directory"],
  ])("%s is refused by name", async (_, name, why) => {
    const path = join(scratch.path, name);
    if (name === "file") writeFileSync(path, "");
    await expect(copyDirectory(path, given, strategy)).rejects.toThrow(new HostTreeError(path, why));
  });

  it("a link that goes up and down often has as many directories open as it is deep", async () => {
    const top = join(scratch.path, `often-${strategy}`);
    mkdirSync(join(top, "a/b/c"), { recursive: true });
    writeFileSync(join(top, "a/b/c/file"), "found");
    symlinkSync(`a/b/c${"/../c".repeat(30)}/file`, join(top, "link"));
    symlinkSync(`a/b/c${"/../../b/c".repeat(30)}/file`, join(top, "other"));
    const { files } = await copyDirectory(top, { ...given, limits: { ...TREE_LIMITS, depth: 4 } }, strategy);
    expect(files.map(({ path }) => path).sort()).toEqual(["a/b/c/file", "link", "other"]);
  });

  it("a link through a directory that is deeper than may be refuses it, as the directory itself does", async () => {
    const top = join(scratch.path, `deep-${strategy}`);
    mkdirSync(join(top, "a/b/c"), { recursive: true });
    symlinkSync("a/b/c", join(top, "link"));
    const limits = { ...TREE_LIMITS, depth: 2 };
    await expect(copyDirectory(top, { ...given, limits }, strategy)).rejects.toThrow(/more than 2 directories deep$/);
  });

  it.runIf(existsSync("/dev/pts/ptmx"))("a device is left out", async () => {
    const notices: string[] = [];
    const onNotice = (line: string) => notices.push(line);
    const { files } = await copyDirectory("/dev/pts", { ...given, onNotice }, strategy);
    expect(files).toEqual([]);
    expect(notices).toContain("/dev/pts: ptmx: is a device; left out");
  });

  it("a file that no memory holds is refused by name", async () => {
    const top = join(scratch.path, `vast-${strategy}`);
    mkdirSync(top);
    writeFileSync(join(top, "vast"), "");
    truncateSync(join(top, "vast"), 2 ** 40);
    const limits = { ...TREE_LIMITS, bytes: 2 ** 41 };
    await expect(copyDirectory(top, { ...given, limits }, strategy)).rejects.toThrow(
      new HostTreeError(top, `vast: no memory for its ${2 ** 40} bytes`),
    );
  });
});

describe("what was looked at before", () => {
  it("is the same and unchanged when all that tells so is equal", async () => {
    const status = await lstat(scratch.path, { bigint: true });
    const but = (more: object) => Object.assign(Object.create(status), more) as typeof status;
    expect(isUnchanged(status, but({}))).toBe(true);
    expect(isUnchanged(status, but({ mode: status.mode ^ 0o111n, atimeNs: 0n }))).toBe(true);
    for (const field of ["dev", "ino", "size", "mtimeNs", "ctimeNs"] as const)
      expect([field, isUnchanged(status, but({ [field]: status[field] + 1n }))]).toEqual([field, false]);
    // Another kind of entry may have been given the number of one that is gone.
    const file = (status.mode & ~BigInt(constants.S_IFMT)) | BigInt(constants.S_IFREG);
    expect(isUnchanged(status, but({ mode: file }))).toBe(false);
  });

  it.each(["EINVAL", "ELOOP", "EMLINK", "ENOENT", "ENOTDIR", "ENXIO"])("has changed when there is %s now", (code) => {
    const error = Object.assign(new Error("from the system"), { code });
    expect(() => unlessChanged(error)).toThrow("changed while it was copied");
  });

  it.each(["EACCES", "EMFILE", undefined])("has not for %s, which is told", (code) => {
    const error = Object.assign(new Error("from the system"), { code });
    expect(() => unlessChanged(error)).toThrow(error);
  });
});

it("32 trees may be granted", async () => {
  const trees = (count: number) => Array.from({ length: count }, () => ({}));
  expect(await takeTrees(trees(32))).toHaveLength(32);
  await expect(takeTrees(trees(33))).rejects.toThrow(new OptionError("33 host trees given, at most 32 possible"));
});

describe("the library that holds trees", () => {
  it("that isn't it is told of, and the right one can be had after it", async () => {
    const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
    for (const other of [empty, await standInBytes("")]) {
      const refused = openTrees([], await WebAssembly.compile(other));
      await expect(refused).rejects.toThrow(AssetError);
      await expect(refused).rejects.toThrow(/^assets\.modules\.wasi: is not the module of wasmer-js \(.+\)$/);
    }
    (await openTrees([])).dispose();
  });

  it("tells of what it can't hold", async () => {
    const refused = openTrees([{ directories: ["no/parent"], files: [] }]);
    await expect(refused).rejects.toThrow(HostTreeError);
    await expect(refused).rejects.toThrow(/^host tree: can't be held in the memory of its file system \(.+\)$/);
  });
});
