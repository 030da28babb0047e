// Granted trees at their limits: names, and directories on the way of links; tried with as much and with one more.

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type HostTree, HostTreeError, OptionError, TREE_LIMITS, type TreeLimits } from "userboot-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { copyDirectory } from "../../build/host/wasi/directory.js";
import { takeTrees } from "../../build/host/wasi/tree.js";
import { Scratch } from "../support/scratch.js";

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
