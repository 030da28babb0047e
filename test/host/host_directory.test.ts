// Directories that are granted: what is copied of them, what is left out or refused, and that nothing from outside gets
// in, whoever renames things meanwhile.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import {
  boot,
  type HostTree,
  HostTreeError,
  KeysConsole,
  OptionError,
  TREE_LIMITS,
  type TreeLimits,
} from "userboot-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { copyDirectory } from "../../build/host/wasi/directory.js";
import { bestStrategy, openTop, type Strategy } from "../../build/host/wasi/places.js";
import { takeTrees } from "../../build/host/wasi/tree.js";
import { userboot } from "../support/cli.js";
import { openFiles } from "../support/resources.js";
import { Scratch } from "../support/scratch.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

const STRATEGIES: Strategy[] = bestStrategy() === "paths" ? ["paths"] : ["descriptors", "paths"];
const CANARY = "canary-of-the-host";

let made = 0;

/** A new directory with `files`: their content; those that end in a slash are directories. */
function directory(files: Record<string, string>): string {
  const top = join(scratch.path, `tree${made++}`, "top");
  mkdirSync(top, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(top, path, ".."), { recursive: true });
    if (path.endsWith("/")) mkdirSync(join(top, path), { recursive: true });
    else writeFileSync(join(top, path), content, "latin1");
  }
  return top;
}

interface Given extends Partial<TreeLimits> {
  strict?: boolean;
  strategy?: Strategy | undefined;
}

/** A copy: its files by path, its directories, and what was said to be left out. */
async function copied(top: string, { strict = false, strategy, ...limits }: Given = {}) {
  const notices: string[] = [];
  const options = { limits: { ...TREE_LIMITS, ...limits }, strict, onNotice: (line: string) => notices.push(line) };
  const { directories, files } = await copyDirectory(top, options, strategy);
  const contents = files.map(({ path, content }) => [path, Buffer.from(content).toString("latin1")] as const);
  return { files: Object.fromEntries(contents.sort()), directories: directories.sort(), notices: notices.sort() };
}

describe.each(STRATEGIES)("a directory copied by %s", (strategy) => {
  it("has everything that is in it, by links too", async () => {
    const top = directory({ "a/b/c": "content", "a/empty/": "", "usr/share/x": "shared", plain: "" });
    symlinkSync("a/b", join(top, "short"));
    symlinkSync("../../usr/./share//x", join(top, "a/b/up"));
    symlinkSync(join(top, "usr/share"), join(top, "a/absolute"));
    symlinkSync("a/absolute/../../short/up", join(top, "twice"));
    const { files, directories, notices } = await copied(top, { strategy });
    expect(notices).toEqual([]);
    expect(files).toEqual({
      "a/absolute/x": "shared",
      "a/b/c": "content",
      "a/b/up": "shared",
      plain: "",
      "short/c": "content",
      "short/up": "shared",
      twice: "shared",
      "usr/share/x": "shared",
    });
    expect(directories).toEqual(["a", "a/absolute", "a/b", "a/empty", "short", "usr", "usr/share"]);
  });

  it("keeps names that are any bytes, also in links", async () => {
    const top = directory({});
    const at = (...bytes: number[]) => Buffer.concat([Buffer.from(`${top}/`), Buffer.of(...bytes)]);
    mkdirSync(at(0xff, 0x80));
    writeFileSync(at(0xff, 0x80, 0x2f, 0xc3), "odd");
    symlinkSync(Buffer.of(0xff, 0x80, 0x2f, 0xc3), at(0xfe));
    symlinkSync(Buffer.of(0xff, 0x81), at(0x1b, 0x5b));
    const { files, notices } = await copied(top, { strategy });
    expect(files).toEqual({ "\xff\x80/\xc3": "odd", "\xfe": "odd" });
    expect(notices).toEqual([`${top}: \x1b[: is a link to nothing; left out`]);
  });

  it("leaves out what it may not or can't have, and names it", async () => {
    const top = directory({ "in/file": "kept" });
    writeFileSync(join(top, "../near"), CANARY);
    const links = {
      dangling: "in/nowhere",
      through: "in/file/x",
      directory: "in/file/",
      leaving: "../near",
      reentering: "../top/in/file",
      absolute: "/etc/passwd",
      sibling: `${top}x`,
      dots: `${top}/../near`,
      circle: "circle",
      self: ".",
      "in/parent": "..",
      long: "x".repeat(300),
      many: "in/../".repeat(400),
    };
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(top, name));
    if (spawnSync("mkfifo", [join(top, "fifo")]).status !== 0) throw new Error("no mkfifo");
    symlinkSync("fifo", join(top, "to-fifo"));
    const server = createServer().listen(join(top, "socket"));
    await once(server, "listening");
    const { files, directories, notices } = await copied(top, { strategy }).finally(() => server.close());
    expect(files).toEqual({ "in/file": "kept" });
    expect(directories).toEqual(["in"]);
    const why = {
      absolute: "is a link that leaves the directory",
      circle: "is a link with more than 40 links on its way",
      dangling: "is a link to nothing",
      directory: "is a link to nothing",
      dots: "is a link that leaves the directory",
      fifo: "is a FIFO",
      "in/parent": "is a link to a directory it is in",
      leaving: "is a link that leaves the directory",
      long: "is a link to nothing",
      many: "is a link with more than 512 names on its way",
      reentering: "is a link that leaves the directory",
      self: "is a link to a directory it is in",
      sibling: "is a link that leaves the directory",
      socket: "is a socket",
      through: "is a link to nothing",
      "to-fifo": "is a FIFO",
    };
    expect(notices).toEqual(Object.entries(why).map(([name, reason]) => `${top}: ${name}: ${reason}; left out`));
  });

  it.each([
    ["link out", (at: string) => symlinkSync("/etc/passwd", at), "is a link that leaves the directory"],
    ["dangling link", (at: string) => symlinkSync("nowhere", at), "is a link to nothing"],
    ["loop", (at: string) => symlinkSync(".", at), "is a link to a directory it is in"],
    ["FIFO", (at: string) => void spawnSync("mkfifo", [at]), "is a FIFO"],
  ])("is refused for a %s when the caller is strict", async (_, make, why) => {
    const top = directory({ "in/file": "" });
    make(join(top, "in", "x"));
    await expect(copied(top, { strategy, strict: true })).rejects.toThrow(HostTreeError);
    await expect(copied(top, { strategy, strict: true })).rejects.toThrow(`${top}: in/x: ${why}`);
    expect((await copied(top, { strategy })).notices).toEqual([`${top}: in/x: ${why}; left out`]);
  });

  it("may be as large as its limits, and no larger", async () => {
    const top = directory({ "data/sub/deep/file": "12345", "data/a": "6789", plain: "0" });
    symlinkSync("/", join(top, "data/out"));
    // What is left out counts as well: it was found.
    const fits = { strategy, entries: 7, bytes: 10, depth: 4 };
    expect(Object.keys((await copied(top, fits)).files)).toHaveLength(3);
    await expect(copied(top, { ...fits, entries: 6 })).rejects.toThrow(`${top}: has more than 6 files`);
    await expect(copied(top, { ...fits, bytes: 9 })).rejects.toThrow(/with it, the tree has more than 9 bytes$/);
    await expect(copied(top, { ...fits, depth: 3 })).rejects.toThrow(
      `${top}: data/sub/deep/file: more than 3 directories deep`,
    );
  });

  it("with too many names is refused before a file is read", async () => {
    const top = directory(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}`, "x"])));
    // Each of them would be refused for itself, were it looked at.
    await expect(copied(top, { strategy, entries: 49, bytes: 0 })).rejects.toThrow("has more than 49 files");
  });

  it("whose links multiply it ends at its limits, with few directories open", async () => {
    const top = directory({});
    for (let level = 0; level < 20; level++) {
      mkdirSync(join(top, `d${level}`));
      for (const name of ["l", "r"]) symlinkSync(`../d${level + 1}`, join(top, `d${level}`, name));
    }
    await expect(copied(top, { strategy, entries: 500 })).rejects.toThrow("has more than 500 files");
    // Each of these links goes through directories of its own to the next.
    const deep = directory({});
    const chain = (level: number) => join(`c${level}`, ...Array(20).fill("x"));
    for (let level = 0; level < 20; level++) mkdirSync(join(deep, chain(level)), { recursive: true });
    for (let level = 0; level < 19; level++)
      symlinkSync(join(deep, chain(level + 1)), join(deep, chain(level), "next"));
    await expect(copied(deep, { strategy, depth: 41 })).rejects.toThrow(
      /^\S+: c\d\S*next: more than 164 directories on the way of its links$/,
    );
  });

  it("has nothing of what lies beside it and is called as it is, with more behind", async () => {
    const top = directory({ "more/secret": CANARY, inside: "inner" });
    mkdirSync(`${top}more`);
    writeFileSync(`${top}more/secret`, CANARY);
    symlinkSync(`${top}more/secret`, join(top, "leak"));
    symlinkSync(top, join(top, "self"));
    symlinkSync(`${top}/inside`, join(top, "good"));
    const { files, notices } = await copied(top, { strategy });
    expect(files).toEqual({ "more/secret": CANARY, inside: "inner", good: "inner" });
    expect(notices.join()).toMatch(/leak.*is a link that leaves the directory/);
  });

  it("leaves no descriptor open, however it ends", async () => {
    const before = openFiles();
    const ends: [string, Given][] = [];
    const good = directory({ "a/b/c/d": "x", e: "y" });
    symlinkSync("../a/b/c", join(good, "a/l"));
    ends.push([good, {}], [good, { entries: 3 }], [good, { bytes: 1 }], [good, { depth: 2 }]);
    const bad = directory({ "a/b/file": "" });
    symlinkSync("../../a/b/../../..", join(bad, "a/b/out"));
    symlinkSync("b/b", join(bad, "a/c"));
    ends.push([bad, {}], [bad, { strict: true }], [join(bad, "a/b/file"), {}], ["/nonexistent", {}]);
    if (process.getuid?.() !== 0) {
      const secret = directory({ "a/secret": "" });
      chmodSync(join(secret, "a/secret"), 0);
      ends.push([secret, {}]);
    }
    const granted: boolean[] = [];
    for (const [top, given] of ends) {
      granted.push(
        await copied(top, { ...given, strategy }).then(
          () => true,
          (error) => !(error instanceof HostTreeError),
        ),
      );
    }
    expect(granted.filter(Boolean)).toHaveLength(2);
    expect(openFiles()).toBe(before);
  });

  it("is still the one that was entered when a link to another one takes its name", async () => {
    const names = Array.from({ length: 10 }, (_, i) => `f${i}`);
    const top = directory(
      Object.fromEntries(
        names.flatMap((name) => [
          [`a/${name}`, "inside"],
          [`../b/${name}`, CANARY],
        ]),
      ),
    );
    for (const name of names) symlinkSync("/", join(top, "a", `to-${name}`));
    let exchanged = false;
    // The first of ten links among twenty entries: others are looked at after it.
    const onNotice = () => {
      if (exchanged) return;
      exchanged = true;
      renameSync(join(top, "a"), join(top, "../away"));
      symlinkSync("../b", join(top, "a"));
    };
    const copy = copyDirectory(top, { limits: TREE_LIMITS, strict: false, onNotice }, strategy);
    if (strategy === "paths") await expect(copy).rejects.toThrow(/: changed while it was copied$/);
    else
      expect((await copy).files.map(({ content }) => Buffer.from(content).toString())).toEqual(
        names.map(() => "inside"),
      );
    expect(exchanged).toBe(true);
  });
});

/** Exchanges what is in `home`/top for links to the same in `home`/outside and back, for as long as it runs. */
const SWAPPER = `
  const { renameSync, symlinkSync, unlinkSync } = require("node:fs");
  const [home] = process.argv.slice(1);
  const wait = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  const paths = ["a", "a/b", "a/b/f3", "c", "c/f1", "a/b/d"];
  for (let turn = 0; ; turn++) {
    const path = paths[turn % paths.length];
    renameSync(home + "/top/" + path, home + "/away");
    symlinkSync(home + "/outside/" + path, home + "/top/" + path);
    wait(Math.random() * 0.5);
    unlinkSync(home + "/top/" + path);
    renameSync(home + "/away", home + "/top/" + path);
    // Now and then there is time for whole copies, and for beginnings that the next turn comes into.
    wait(turn % 64 < 48 ? Math.random() * 0.5 : Math.random() * 60);
  }`;

describe.each(STRATEGIES)("someone who changes the directory while it is copied by %s", (strategy) => {
  it("gets nothing from outside into it", { timeout: 60_000 }, async () => {
    const home = join(scratch.path, `attacked-${strategy}`);
    for (const [where, content] of [
      ["top", "inside"],
      ["outside", CANARY],
    ] as const) {
      for (const path of ["a", "a/b", "a/b/d", "c"]) {
        mkdirSync(join(home, where, path), { recursive: true });
        for (let i = 0; i < 8; i++) writeFileSync(join(home, where, path, `f${i}`), content);
      }
    }
    const swapper: ChildProcess = spawn(process.execPath, ["-e", SWAPPER, home], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    let granted = 0;
    let hit = 0;
    try {
      for (const end = Date.now() + 4000; Date.now() < end || granted < 20 || hit < 20; ) {
        try {
          const { files, notices } = await copied(join(home, "top"), { strategy });
          expect(Object.values(files).filter((content) => content !== "inside")).toEqual([]);
          granted++;
          if (notices.length > 0) hit++;
        } catch (error) {
          if (!(error instanceof HostTreeError)) throw error;
          hit++;
        }
      }
      expect(swapper.exitCode).toBeNull();
    } finally {
      swapper.kill();
      await once(swapper, "exit");
    }
  });
});

it("a directory that was exchanged and put back since it was entered is not trusted where paths are", async () => {
  const top = directory({ "a/file": "inside", "../b/file": CANARY });
  const { place } = await openTop(top, "paths");
  const entered = await place.enter(Buffer.from("a"), await place.look(Buffer.from("a")));
  const file = Buffer.from("file");
  const seen = await entered.look(file);
  renameSync(join(top, "a"), join(top, "../away"));
  symlinkSync("../b", join(top, "a"));
  rmSync(join(top, "a"));
  renameSync(join(top, "../away"), join(top, "a"));
  await expect(entered.look(file)).rejects.toThrow("changed while it was copied");
  await expect(entered.open(file, seen)).rejects.toThrow("changed while it was copied");
});

it("a directory that was exchanged while its names, or a link's target, were read is not trusted where paths are", async () => {
  const top = directory({ "a/one": "", "a/two": "", "../b/three": CANARY });
  symlinkSync("one", join(top, "a", "link"));
  const { place } = await openTop(top, "paths");
  const enter = async () => place.enter(Buffer.from("a"), await place.look(Buffer.from("a")));
  const exchanged = () => {
    renameSync(join(top, "a"), join(top, "../away"));
    symlinkSync("../b", join(top, "a"));
  };
  const drained = async (names: AsyncIterable<Buffer>) => {
    const found: string[] = [];
    for await (const name of names) found.push(name.toString());
    return found.sort();
  };
  expect(await drained((await enter()).names())).toEqual(["link", "one", "two"]);
  const entered = await enter();
  expect((await entered.target(Buffer.from("link"))).toString()).toBe("one");
  exchanged();
  await expect(drained(entered.names())).rejects.toThrow("changed while it was copied");
  await expect(entered.target(Buffer.from("link"))).rejects.toThrow("changed while it was copied");
});

it("takes a root of FreeBSD's as it is, without sources", async () => {
  const top = directory({
    "boot/loader.conf": "# a line of it\n",
    "boot/kernel/kernel": "",
    "etc/rc.conf": "",
    "usr/bin/": "",
  });
  const links = {
    sys: "usr/src/sys",
    home: "/usr/home",
    compat: "usr/compat",
    "etc/localtime": "/usr/share/zoneinfo/UTC",
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(top, name));
  const notices: string[] = [];
  const options = {
    start: "simp",
    clock: "virtual",
    isolation: "none",
    onNotice: (line: string) => notices.push(line),
  } as const;
  const console = new KeysConsole(["more /boot/loader.conf\r"]);
  await boot({ ...options, env: ["autoboot_delay=NO"], console, hostTrees: [top] });
  expect(console.text).toContain("a line of it");
  expect(notices).toHaveLength(4);
  expect(notices).toContain(`${top}: sys: is a link to nothing; left out`);
  await expect(boot({ ...options, hostTrees: [top], hostTreeStrict: true })).rejects.toThrow(HostTreeError);
});

describe("limits of granted directories", () => {
  const top = directory({ a: "12345", b: "678" });
  const options = { start: "simp", clock: "virtual", isolation: "none" } as const;

  it.each([
    [{ bytes: 8, entries: 2, depth: 1 }, undefined],
    [{ bytes: 7 }, /with it, the tree has more than 7 bytes/],
    [{ entries: 1 }, /has more than 1 files/],
    [{ depth: 0 }, /more than 0 directories deep/],
  ])("are what the caller says: %j", async (hostTreeLimits, refusal) => {
    const booted = boot({ ...options, hostTrees: [top], hostTreeLimits });
    if (refusal === undefined) await booted;
    else await expect(booted).rejects.toThrow(refusal);
    // Maps are the caller's own.
    await boot({ ...options, hostTrees: [{ a: new Uint8Array(5), b: new Uint8Array(4) }], hostTreeLimits });
  });

  it.each([
    [{ bytes: -1 }, "host tree limit bytes: -1 is not a whole number"],
    [{ depth: 0.5 }, "host tree limit depth: 0.5 is not a whole number"],
    [{ entries: "9" as never }, 'host tree limit entries: "9" is not a whole number'],
    [{ files: 1 } as object, 'unknown host tree limit "files"'],
  ])("are refused when they make no sense: %j", async (hostTreeLimits, message) => {
    const refused = boot({ ...options, hostTreeLimits });
    await expect(refused).rejects.toThrow(OptionError);
    await expect(refused).rejects.toThrow(message);
  });
});

it("a page's directory is held to the same limits, before a file of it is read", async () => {
  let read = 0;
  const file = (name: string, size: number) => ({
    kind: "file",
    name,
    async getFile() {
      read++;
      return new Blob([new Uint8Array(size)]);
    },
  });
  const folder = (name: string, ...entries: object[]) => ({
    kind: "directory",
    name,
    async *values() {
      yield* entries;
    },
  });
  const handle = folder("page", file("a", 5), file("b", 3), folder("sub", file("c", 2))) as unknown as HostTree;
  const take = (limits: Partial<TreeLimits>) =>
    takeTrees([handle], { limits: { ...TREE_LIMITS, ...limits }, strict: false });
  expect((await take({ entries: 4, bytes: 10, depth: 2 }))[0]).toMatchObject({ directories: ["sub"] });
  read = 0;
  await expect(take({ entries: 2 })).rejects.toThrow("page: has more than 2 files");
  expect(read).toBe(0);
  await expect(take({ entries: 3 })).rejects.toThrow("page: has more than 3 files");
  await expect(take({ bytes: 9 })).rejects.toThrow("page: sub/c: with it, the tree has more than 9 bytes");
  await expect(take({ depth: 1 })).rejects.toThrow("page: sub/c: more than 1 directories deep");
});

it("whatever links there are, a copy ends and has nothing from outside", async () => {
  const name = fc.constantFrom("a", "b", "c");
  const part = fc.oneof(name, fc.constantFrom("..", ".", "", "outside", "top"));
  const target = fc.tuple(fc.constantFrom("", "/", "TOP/", "TOP"), fc.array(part, { minLength: 1, maxLength: 5 }));
  const entry = fc.oneof(fc.constant(undefined), target);
  const tree = fc.dictionary(
    fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/")),
    entry,
  );
  await fc.assert(
    fc.asyncProperty(tree, async (entries) => {
      const top = directory({ "../outside/a": CANARY, "../a": CANARY });
      for (const [path, link] of Object.entries(entries)) {
        try {
          mkdirSync(join(top, path, ".."), { recursive: true });
          if (link === undefined) writeFileSync(join(top, path), "inside", { flag: "wx" });
          else symlinkSync(link[0].replace("TOP", top) + link[1].join("/") || ".", join(top, path));
        } catch (error) {
          // In the way of another one, or by a link out of the tree: not what is tried here.
          if ((error as NodeJS.ErrnoException).code === undefined) throw error;
        }
      }
      const copies = [];
      for (const strategy of STRATEGIES) copies.push(await copied(top, { strategy, entries: 2000 }).catch(String));
      const [first, ...others] = copies;
      for (const other of others) expect(other).toEqual(first);
      expect(JSON.stringify(first)).not.toContain(CANARY);
    }),
    { numRuns: 100 },
  );
});

describe("on the command line", () => {
  const boots = (...args: string[]) => userboot(["boot", ...args, "--start", "simp", "--clock", "virtual"]);
  // Titles of windows, colours, C1 controls (raw and as UTF-8), and a new line that would forge one of ours.
  const name = "\x1b]0;owned\x07\x1b[31m\x9b2J\xc2\x9b\nuserboot: all is well\r";

  it("what is left out is one line on stderr, which can do nothing to the terminal", () => {
    const top = directory({ file: "" });
    symlinkSync("nowhere", Buffer.concat([Buffer.from(`${top}/`), Buffer.from(name, "latin1")]));
    const { stderr, status } = boots("-h", top);
    const [line, ...more] = stderr.trimEnd().split("\n");
    expect(line).toContain(`userboot: ${top}: ?]0;owned??[31m?2J`);
    expect(line).toMatch(/\?userboot: all is well\?: is a link to nothing; left out$/);
    // What follows is of the guest, which has nothing to boot.
    expect(more.filter((text) => text.startsWith("userboot: "))).toHaveLength(1);
    expect(stderr).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f]/);
    expect(Buffer.from(stderr, "latin1").toString("utf8")).not.toMatch(/[\x7f-\x9f]/);
    expect(status).toBe(1);
    const refused = boots("-h", top, "--host-dir-strict");
    expect(refused.stderr).toMatch(/^userboot: [^\n]*: is a link to nothing\n$/);
    expect(refused.status).toBe(2);
  });

  it.each([
    [["--host-dir-limit", "bytes=7"], /: with it, the tree has more than 7 bytes$/],
    [["--host-dir-limit", "entries=1k", "--host-dir-limit", "entries=1"], /: has more than 1 files$/],
    [["--host-dir-limit", "files=1"], /^userboot: unknown limit 'files' \(there are entries, depth, bytes\)$/],
    [["--host-dir-limit", "bytes"], /^userboot: bad limit 'bytes' \(example: bytes=1G\)$/],
  ])("limits: %j", (args, message) => {
    const top = directory({ a: "12345", b: "678" });
    const { stderr, status } = boots("-h", top, ...args);
    expect(stderr.trimEnd()).toMatch(message);
    expect(status).toBe(2);
  });

  it("the options without a directory are refused", () => {
    for (const option of [["--host-dir-strict"], ["--host-dir-limit", "bytes=1"]]) {
      const { stderr, status } = boots("-d", "/dev/null", ...option);
      expect(stderr).toBe("userboot: --host-dir-limit and --host-dir-strict need a directory (-h DIR)\n");
      expect(status).toBe(2);
    }
  });
});
