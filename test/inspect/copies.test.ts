// Trees that programs of other projects put on images, copied out of them by `userboot get` and as a tar stream: the same as
// their sources, byte for byte, with links and permissions. And what a guest may put in the way of that.

import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs, {
  chmodSync,
  closeSync,
  existsSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { LimitError } from "userboot-wasm";
import { expect, it } from "vitest";
import { type Copying, type Item, isPlain, itemsOf } from "../../build/host/cli/copy_items.js";
import { copyOut, leadsOut } from "../../build/host/cli/copy_out.js";
import { writeTar } from "../../build/host/cli/inspect_get.js";
import { MadeTree } from "../../build/host/cli/made_tree.js";
import type { PartTaker } from "../../build/host/inspect/inspection.js";
import { bestStrategy, type Strategy } from "../../build/host/wasi/places.js";
import { userboot } from "../support/cli.js";
import { Scratch } from "../support/scratch.js";
import { noise, programs, run, usualTree, writeTree } from "../support/trees.js";
import { UfsImage } from "../support/ufs_image.js";

const MIB = 1024 * 1024;
const TIME = 1_600_000_000;

/** What a tree has, by path: kind, permissions, time, and content or where a link leads. */
function contentsOf(root: string, { modes = true, times = true } = {}): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const look = (path: string) => {
    const full = join(root, path);
    const status = lstatSync(full);
    const mode = modes && !status.isSymbolicLink() ? status.mode & 0o777 : 0;
    const time = times && !status.isSymbolicLink() ? Math.floor(status.mtimeMs / 1000) : 0;
    if (status.isSymbolicLink()) found.set(path, `-> ${readlinkSync(full)}`);
    else if (status.isFile())
      found.set(path, [mode, time, createHash("sha1").update(readFileSync(full)).digest("hex")]);
    else found.set(path, [mode, path === "/" ? 0 : time]);
    if (status.isDirectory()) for (const name of readdirSync(full)) look(join(path, name));
  };
  look("/");
  return found;
}

/** A tree with permissions of all kinds, a sparse file, and times. */
function makeTree(root: string, links: boolean): void {
  writeTree(root, usualTree(300_000, links));
  chmodSync(join(root, "lower.txt"), 0o640);
  chmodSync(join(root, "empty"), 0o444);
  chmodSync(join(root, "boot/kernel"), 0o755);
  writeFileSync(join(root, "large"), noise("large", 3 * MIB));
  const fd = openSync(join(root, "sparse"), "w");
  writeSync(fd, noise("sparse", 5000), 0, 5000, 3 * MIB);
  ftruncateSync(fd, 8 * MIB);
  closeSync(fd);
  const touch = (path: string) => {
    if (lstatSync(path).isSymbolicLink()) return;
    if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) touch(join(path, name));
    utimesSync(path, TIME, TIME);
  };
  touch(root);
}

const MAKERS: [string, string[], (image: string, root: string) => void][] = [
  ["UFS1 by makefs", ["makefs"], (image, root) => void run("makefs", "-t", "ffs", "-o", "version=1", image, root)],
  ["UFS2 by makefs", ["makefs"], (image, root) => void run("makefs", "-t", "ffs", "-o", "version=2", image, root)],
  ["ext2", ["mke2fs"], (image, root) => void run("mke2fs", "-q", "-t", "ext2", "-d", root, image, "40M")],
  ["ext4", ["mke2fs"], (image, root) => void run("mke2fs", "-q", "-t", "ext4", "-d", root, image, "40M")],
  [
    "Rock Ridge by xorriso",
    ["xorriso"],
    (image, root) => void run("xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", image, root),
  ],
  [
    "Rock Ridge by makefs",
    ["makefs"],
    (image, root) => void run("makefs", "-t", "cd9660", "-o", "rockridge", image, root),
  ],
];

for (const [name, needed, make] of MAKERS) {
  it.skipIf(!programs(...needed))(`a tree on ${name} is copied as it is`, { timeout: 120_000 }, () => {
    using scratch = new Scratch();
    const root = join(scratch.path, "tree");
    makeTree(root, true);
    const image = join(scratch.path, "image");
    make(image, root);
    const target = join(scratch.path, "copy");
    const copied = userboot(["get", "-d", image, "--all-links", "/", target], {
      timeout: 60_000,
    });
    // What mke2fs adds isn't of the tree.
    const expected = contentsOf(root);
    const found = contentsOf(target);
    found.delete("/lost+found");
    // A disc's files may be read by everyone, and makefs makes their names, and links, such as discs have.
    if (name === "Rock Ridge by makefs") {
      expect(found.size).toBe(expected.size);
      expect(found.get("/boot/kernel")).toEqual(expected.get("/boot/kernel"));
    } else expect(found).toEqual(expected);
    expect([copied.status, copied.stderr]).toEqual([0, ""]);
    // Holes stay holes.
    expect(statSync(join(target, "sparse")).blocks * 512).toBeLessThan(MIB);

    const tar = execFileSync(
      process.execPath,
      ["build/host/programs/userboot.cjs", "get", "-d", image, "--tar", "-", "/"],
      {
        maxBuffer: 64 * MIB,
      },
    );
    const unpacked = join(scratch.path, "unpacked");
    mkdirSync(unpacked);
    execFileSync("tar", ["-xpf", "-", "-C", unpacked], { input: tar });
    const fromTar = contentsOf(unpacked);
    fromTar.delete("/lost+found");
    expect(fromTar).toEqual(found);
  });
}

it.skipIf(!programs("mkfs.vfat", "mcopy"))("a tree on FAT is copied with its contents", { timeout: 60_000 }, () => {
  using scratch = new Scratch();
  const root = join(scratch.path, "tree");
  makeTree(root, false);
  const image = join(scratch.path, "image");
  writeFileSync(image, "");
  const fd = openSync(image, "r+");
  ftruncateSync(fd, 40 * MIB);
  closeSync(fd);
  run("mkfs.vfat", "-F", "32", image);
  run("mcopy", "-i", image, "-s", "-Q", ...readdirSync(root).map((name) => join(root, name)), "::");
  const target = join(scratch.path, "copy");
  expect(userboot(["get", "-d", image, "/", target]).status).toBe(0);
  const plain = { modes: false, times: false };
  expect(contentsOf(target, plain)).toEqual(contentsOf(root, plain));
});

/** The bytes of a UFS image with `more` in it, besides a file. */
function imageWith(more: (image: UfsImage) => void): Buffer {
  const image = new UfsImage({ version: 2, blockSize: 4096, fragmentSize: 512, superblockAt: 65536 });
  image.file(image.root, "good", "good\n");
  more(image);
  const disk = image.finish();
  const bytes = Buffer.alloc(disk.size);
  disk.read(0, bytes);
  return bytes;
}

/** Copies all of an image to a new directory `copy` beside a directory `out`; what came of it. */
function copied(scratch: Scratch, bytes: Uint8Array, ...more: string[]) {
  const image = scratch.file("image", bytes);
  mkdirSync(join(scratch.path, "out"));
  const copy = join(scratch.path, "copy");
  const { status, stderr } = userboot(["get", "-d", image, "--isolation", "none", ...more, "/", copy]);
  return { copy, status, said: stderr, names: readdirSync(copy).sort(), beside: readdirSync(scratch.path).sort() };
}

it("names that are no names, and links and directories of one name, lead nowhere", () => {
  using scratch = new Scratch();
  const bytes = imageWith((image) => {
    image.file(image.root, "a/b", "slash");
    image.file(image.root, "../out/evil", "up");
    image.link(image.root, "door", "../out");
    image.file(image.directory(image.root, "door"), "evil", "through the link");
    image.file(image.root, "twice", "first");
    image.file(image.root, "twice", "second");
    image.link(image.root, "absolute", "/etc/passwd");
    image.link(image.root, "inside", "good");
  });
  const { beside, copy, names, said, status } = copied(scratch, bytes);
  expect([status, said]).toEqual([1, said]);
  expect(beside).toEqual(["copy", "image", "out"]);
  expect(readdirSync(join(scratch.path, "out"))).toEqual([]);
  // The link comes first, so that the directory is the second of its name.
  expect(names).toEqual(["good", "inside", "twice"]);
  expect(readFileSync(join(copy, "twice"), "latin1")).toBe("first");
  for (const line of [
    "/a/b is left out",
    "out/evil is left out",
    "/absolute is left out",
    "/door is left out",
    "/twice is left out",
  ])
    expect(said).toContain(line);
});

it("the second of two files of one name is in no tar stream, and has no digest", () => {
  using scratch = new Scratch();
  const bytes = imageWith((image) => {
    image.file(image.root, "twice", "first");
    image.file(image.root, "twice", "the second one");
  });
  const image = scratch.file("image", bytes);
  const { status, stderr, stdout } = userboot(["get", "-d", image, "--isolation", "none", "--tar", "-", "/"]);
  expect([status, stderr]).toEqual([1, "userboot: /twice is left out: another entry has its name\n"]);
  const listing = execFileSync("tar", ["-tvf", "-"], { input: Buffer.from(stdout, "latin1"), encoding: "latin1" });
  expect(listing.match(/ 5 .* \.\/twice$/gm)).toHaveLength(1);
  expect(userboot(["ls", "-d", image, "--isolation", "none"]).stdout).toBe(
    "good\ntwice\ntwice (another entry has its name)\n",
  );
});

it("times before 1970 are kept, and ones beyond all dates as near as can be", () => {
  using scratch = new Scratch();
  const ufs = new UfsImage({ version: 2, blockSize: 4096, fragmentSize: 512, superblockAt: 65536 });
  const inodes = ["before", "beyond"].map((name) => ufs.file(ufs.root, name, name));
  const disk = ufs.finish();
  for (const [i, time] of [-86_400n, 1n << 52n].entries()) {
    const seconds = Buffer.alloc(8);
    seconds.writeBigInt64LE(time);
    disk.write(ufs.inodeOffset(inodes[i]!) + 40, seconds);
    disk.write(ufs.inodeOffset(inodes[i]!) + 4, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]));
  }
  const bytes = Buffer.alloc(disk.size);
  disk.read(0, bytes);
  const { copy, said, status } = copied(scratch, bytes);
  expect([status, said]).toEqual([0, ""]);
  expect(lstatSync(join(copy, "before")).mtimeMs).toBe(-86_400_000);
  const get = ["get", "-d", join(scratch.path, "image"), "--isolation", "none", "--tar", "-", "/"];
  const tar = userboot(get).stdout;
  for (const record of ["16 mtime=-86400\n", "26 mtime=4503599627370496\n", "18 uid=4294967295\n", "16 gid=16777215\n"])
    expect(tar).toContain(record);
  expect(lstatSync(join(copy, "beyond")).mtimeMs).toBeGreaterThan(TIME * 1000);
});

it("a directory that can't be read, with the name of a link, is no way through that link", () => {
  using scratch = new Scratch();
  const bytes = imageWith((image) => {
    // A way to the root that is three names long, by which a link seems to be deep in the tree.
    const deep = image.directory(image.directory(image.root, "one"), "two");
    image.link(deep, "again", "../..");
    image.directory(deep, "again");
    image.link(image.root, "door", "../out");
    image.directory(image.root, "door");
    image.link(image.directory(image.root, "out"), "evil", "x");
  });
  for (const name of ["again", "door"]) {
    const entry = bytes.indexOf(Buffer.from(`\x04${String.fromCharCode(name.length)}${name}\0`, "latin1")) - 6;
    bytes.writeUInt32LE(0x7fff_ffff, entry);
  }
  for (const more of [[], ["--all-links"]]) {
    using own = new Scratch();
    const { copy, names, said, status } = copied(own, bytes, ...more);
    expect(status).toBe(1);
    expect(readdirSync(join(own.path, "out"))).toEqual([]);
    expect(names).toEqual(more.length > 0 ? ["door", "good", "one", "out"] : ["good", "one", "out"]);
    expect(readlinkSync(join(copy, "one/two/again"))).toBe("../..");
    expect(said.split("\n").filter((line) => line.includes("again"))).toEqual([
      "userboot: /one/two/again is left out: another entry has its name",
    ]);
  }
  const image = scratch.file("image", bytes);
  const tar = userboot(["get", "-d", image, "--isolation", "none", "--tar", "-", "/"]).stdout;
  const listing = execFileSync("tar", ["-tf", "-"], { input: Buffer.from(tar, "latin1"), encoding: "latin1" });
  expect(listing.split("\n").filter((name) => /again|door/.test(name))).toEqual(["./door", "./one/two/again"]);
});

it("devices, FIFOs and sockets are told, and in no copy", () => {
  using scratch = new Scratch();
  const kinds = { block: 0o060666, device: 0o020666, fifo: 0o010666, socket: 0o140666 };
  const bytes = imageWith((image) => {
    const inodes = Object.keys(kinds).map((name) => image.file(image.root, name, ""));
    const finish = image.finish.bind(image);
    image.finish = () => {
      const disk = finish();
      for (const [i, mode] of Object.values(kinds).entries())
        disk.write(image.inodeOffset(inodes[i]!), Buffer.from([mode & 0xff, mode >> 8]));
      return disk;
    };
  });
  const left = Object.keys(kinds)
    .map((name) => `userboot: /${name} is left out: neither a file, nor a directory, nor a link\n`)
    .join("");
  const { names, said, status } = copied(scratch, bytes);
  expect([status, said, names]).toEqual([1, left, ["good"]]);
  const image = join(scratch.path, "image");
  const tar = userboot(["get", "-d", image, "--isolation", "none", "--tar", "-", "/"]);
  expect([tar.status, tar.stderr]).toEqual([1, left]);
  const input = Buffer.from(tar.stdout, "latin1");
  expect(execFileSync("tar", ["-tf", "-"], { input, encoding: "latin1" })).toBe("./\n./good\n");
  const one = userboot(["get", "-d", image, "--isolation", "none", "/fifo", join(scratch.path, "one")]);
  expect([one.status, existsSync(join(scratch.path, "one"))]).toEqual([1, false]);
});

it("names of Windows' that are paths are none, and its links don't lead out", () => {
  for (const name of ["..\\out", "a\\b", "C:evil", "file:stream", "..", ""]) expect(isPlain(name, "win32")).toBe(false);
  for (const name of [".. ", "...", ". .", "a.", "NUL", "con.txt", "lpt1", "Com\xb9.x", "aux .c"]) {
    expect([name, isPlain(name, "win32"), isPlain(name, "linux")]).toEqual([name, false, true]);
  }
  for (const name of ["plain", "with space", "..dots", "console", "null", "com", "auxiliary", "a.con"])
    expect(isPlain(name, "win32")).toBe(true);
  expect(isPlain("C:a\\b", "linux")).toBe(true);
  for (const name of ["a\0b", "a/b", ".", "..", ""]) expect(isPlain(name, "linux")).toBe(false);
  expect(leadsOut([], "beside")).toBe(true);
  expect(leadsOut(["l"], "a\0b", "linux")).toBe(true);
  for (const target of ["./../good", "a/./b", ".", "..", "./.././x/"])
    expect(leadsOut(["a", "l"], target, "linux")).toBe(false);
  for (const target of ["..\\out", "C:\\", "C:x"]) expect(leadsOut(["link"], target, "win32")).toBe(true);
  expect(leadsOut(["link"], "inside/file", "win32")).toBe(false);
});

it("links that lead out by way of other links are left out", () => {
  using scratch = new Scratch();
  const bytes = imageWith((image) => {
    const inside = image.directory(image.root, "inside");
    image.link(inside, "up", "..");
    image.link(inside, "beside", "../good");
    image.link(image.root, "door", "inside/up/../out");
    image.link(inside, "climb", "./../..");
  });
  const { copy, names, said, status } = copied(scratch, bytes);
  expect(status).toBe(1);
  expect(names).toEqual(["good", "inside"]);
  expect(readdirSync(join(copy, "inside")).sort()).toEqual(["beside", "up"]);
  expect(said).toContain("/door is left out: it is a link that leads out, to inside/up/../out");
});

it("links that lead out are kept when that is wanted, and nothing is written through them", () => {
  using scratch = new Scratch();
  const bytes = imageWith((image) => {
    image.link(image.root, "door", "../out");
    image.file(image.directory(image.root, "door"), "evil", "x");
    image.link(image.root, "absolute", "/etc/passwd");
  });
  const { copy, names, said } = copied(scratch, bytes, "--all-links");
  expect(said).toContain("/door is left out");
  expect(names).toEqual(["absolute", "door", "good"]);
  expect(readlinkSync(join(copy, "absolute"))).toBe("/etc/passwd");
  expect(readdirSync(join(scratch.path, "out"))).toEqual([]);
});

it("a tree that contains itself ends by a limit with a name", () => {
  using scratch = new Scratch();
  const bytes = imageWith((image) => image.directory(image.root, "loop"));
  // The entry says that it is the root.
  const entry = bytes.indexOf(Buffer.from("\x04\x04loop\0", "latin1")) - 6;
  bytes.writeUInt32LE(2, entry);
  const image = scratch.file("image", bytes);
  const { status, stderr } = userboot(["ls", "-R", "-d", image, "--isolation", "none"]);
  const deepest = "/loop".repeat(65);
  expect([status, stderr]).toEqual([1, `userboot: ${deepest}: limit depth exceeded: 65 of 64 used\n`]);
});

it("nothing that is there is replaced, and a file keeps its name in a directory", () => {
  using scratch = new Scratch();
  const image = scratch.file(
    "image",
    imageWith(() => {}),
  );
  const there = scratch.file("there", "mine");
  const get = (...args: string[]) =>
    userboot(["get", "-d", image, "--isolation", "none", ...args], { cwd: scratch.path });
  expect(get("/good", there)).toMatchObject({
    status: 2,
    stderr: `userboot: ${there} is there already; nothing is written over\n`,
  });
  expect(readFileSync(there, "latin1")).toBe("mine");
  expect(get("/good").status).toBe(0);
  expect(readFileSync(join(scratch.path, "good"), "latin1")).toBe("good\n");
  expect(get("/good").status).toBe(2);
  expect(get("/good", join(scratch.path, "no", "such")).status).toBe(2);
  expect(existsSync(join(scratch.path, "no"))).toBe(false);
});

it.each(["/", "disk0:", "..", "/.", "."])("%j, which is no name to copy by, is copied as one", (source) => {
  using scratch = new Scratch();
  const image = imageWith(() => {});
  const args = ["get", "-d", scratch.file("guest.img", image), "--isolation", "none", source];
  expect(userboot(args, { cwd: scratch.path })).toMatchObject({ status: 0, stderr: "" });
  expect(readdirSync(scratch.path).sort()).toEqual(["guest.img", "image"]);
  expect(readdirSync(join(scratch.path, "image"))).toEqual(["good"]);
});

/** What `find` tells of a tree: names of any bytes, kinds, sizes, and where links lead. */
const listed = (root: string): string[] =>
  execFileSync(
    "find",
    [root, "-mindepth", "1", "-type", "d", "-printf", "%P d\\0", "-o", "-printf", "%P %y %s %l\\0"],
    {
      encoding: "latin1",
    },
  )
    .split("\0")
    .sort();

it("names of all lengths, and ones that look like a tar stream's own words, come out of it as they are", () => {
  using scratch = new Scratch();
  const bytes = imageWith((image) => {
    const utf8 = Buffer.from("né").toString("latin1");
    for (const name of ["a\n13 path=../x\n", "x\n21 hdrcharset=BINARY\n", "\xff\xfe", utf8, "\x1b[2J", "\\n", "-C"])
      image.file(image.root, name.replaceAll("/", ""), name);
    for (const length of [97, 98, 99, 100, 101, 255]) {
      image.file(image.root, "f".repeat(length), `${length}`);
      image.file(image.directory(image.root, "d".repeat(length)), "g".repeat(200), "x");
      image.link(image.root, `l${length}`, "t".repeat(length));
    }
    image.link(image.root, "lines", "a\n12 path=zz\n");
  });
  const { copy, said, status } = copied(scratch, bytes);
  expect([status, said]).toEqual([0, ""]);
  expect(listed(copy)).toHaveLength(1 + 1 + 7 + 4 * 6 + 1);
  const get = ["get", "-d", join(scratch.path, "image"), "--isolation", "none", "--tar", "-", "/"];
  const tar = userboot(get).stdout;
  const unpacked = join(scratch.path, "unpacked");
  mkdirSync(unpacked);
  execFileSync("tar", ["-xf", "-", "-C", unpacked], {
    input: Buffer.from(tar, "latin1"),
    stdio: ["pipe", "ignore", "ignore"],
  });
  expect(listed(unpacked)).toEqual(listed(copy));
  // For readers that take names for something else than bytes.
  expect(tar).toContain(" path=./n\xc3\xa9\n");
  expect(tar).toContain("21 hdrcharset=BINARY\n13 path=./\xff\xfe\n");
});

it("names of other bytes than UTF-8 are kept, and shown so that they act on nothing", () => {
  using scratch = new Scratch();
  const odd = Buffer.from("odd\xff\x1b[2J", "latin1");
  const bytes = imageWith((image) => image.file(image.root, "oddNNNNN", "odd\n"));
  odd.copy(bytes, bytes.indexOf("oddNNNNN"));
  const { copy, status } = copied(scratch, bytes);
  expect(status).toBe(0);
  const names = readdirSync(copy, { encoding: "buffer" }).map((name) => name.toString("latin1"));
  expect(names.sort()).toEqual(["good", odd.toString("latin1")]);
  const image = join(scratch.path, "image");
  const listed = userboot(["ls", "-d", image, "--isolation", "none"]).stdout;
  expect(listed).toBe("good\nodd??[2J\n");
  const json = JSON.parse(userboot(["ls", "--json", "-d", image, "--isolation", "none"]).stdout);
  expect(json[0].entries.map(({ name }: { name: string }) => name)).toContain("odd\udcff\x1b[2J");
  const tar = execFileSync(process.execPath, [
    "build/host/programs/userboot.cjs",
    "get",
    "-d",
    image,
    "--isolation",
    "none",
    "--tar",
    "-",
    "/",
  ]);
  const listing = execFileSync("tar", ["-tf", "-", "--quoting-style=literal"], { input: tar }).toString("latin1");
  expect(listing.split("\n")).toContain(`./${odd.toString("latin1")}`);
});

/** Does `work` with a file system of 200 KiB at `path`, which only root can mount. */
function onSmallDisk(path: string, work: () => void): void {
  mkdirSync(path);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=200k", "tmpfs", path]).status === 0;
  if (!mounted) {
    console.warn("a small file system to fill can be mounted by root only");
    return;
  }
  try {
    work();
  } finally {
    execFileSync("umount", [path]);
  }
}

it("a disk that gets full ends a copy with one line, and no file is there by half", () => {
  using scratch = new Scratch();
  const image = scratch.file(
    "image",
    imageWith((ufs) => {
      for (let i = 0; i < 20; i++) ufs.file(ufs.root, `f${i}`, noise(`${i}`, 40_000));
    }),
  );
  const small = join(scratch.path, "small");
  onSmallDisk(small, () => {
    const copy = join(small, "copy");
    const { status, stderr } = userboot(["get", "-d", image, "/", copy]);
    expect([status, stderr]).toEqual([2, `userboot: ${copy} can't be written (ENOSPC)\n`]);
    for (const name of readdirSync(copy)) expect(statSync(join(copy, name)).size).toBe(name === "good" ? 5 : 40_000);
  });
});

it.each([
  ["cat", "/large"],
  ["get", "--tar", "-", "/"],
])("a full disk behind the standard output is told: %s", (command, ...args) => {
  using scratch = new Scratch();
  const image = scratch.file(
    "image",
    imageWith((ufs) => void ufs.file(ufs.root, "large", noise("large", 250_000))),
  );
  const small = join(scratch.path, "small");
  onSmallDisk(small, () => {
    const output = openSync(join(small, "output"), "w");
    const { status, stderr } = userboot([command, "-d", image, ...args], { stdio: ["ignore", output, "pipe"] });
    closeSync(output);
    expect([status, stderr]).toEqual([2, "userboot: standard output can't be written (ENOSPC)\n"]);
  });
});

/** A directory, a link that leads to `target`, or a file of a few bytes, which come with a call. */
type Made = [path: string, target?: string | { file: () => void }];

it("what an inspection itself should never tell is no item", async () => {
  const wrong: [name: string, path: string, more?: object][] = [
    ["..", "/.."],
    [".", "/."],
    ["", "/"],
    ["a/b", "/a/b"],
    ["b", "/../b"],
    ["b", "/a//b"],
    ["b", "/a\0/b"],
    ["unknown", "/unknown", { mode: undefined }],
    ["problem", "/problem", { problem: "none of yours" }],
    ["link", "/link", { type: "link" }],
    ["link", "/link", { type: "link", target: "" }],
    ["link", "/link", { type: "link", target: "a\0b" }],
  ];
  const status = { type: "directory", mode: 0o755, uid: 0, gid: 0 };
  const found = [...wrong, ["right", "/a/right"] as const].map(([name, path, more]) => ({
    name,
    path,
    ...status,
    ...more,
  }));
  const guest = {
    stat: async () => status,
    async *find() {
      yield* found;
    },
  } as unknown as Copying["guest"];
  const left: string[] = [];
  const items: Item[] = [];
  for await (const item of itemsOf(guest, "/", (path) => left.push(path))) items.push(item);
  expect(left).toEqual(wrong.map(([, path]) => path));
  expect(items.map(({ parts }) => parts)).toEqual([[], ["a", "right"]]);
});

/** Copies a directory and what `items` has in it to `target`; what was left out. */
async function copyItems(target: string, items: Iterable<Made>): Promise<string[]> {
  const owner = { mode: 0o755, uid: 0, gid: 0 };
  async function* all(): AsyncGenerator<Item> {
    yield { type: "directory", path: "/", parts: [], ...owner };
    for (const [path, what] of items) {
      const parts = path.split("/").slice(1);
      if (what === undefined) yield { type: "directory", path, parts, ...owner };
      else if (typeof what === "string") yield { type: "link", path, parts, target: what, ...owner };
      else {
        onContent = what.file;
        yield { type: "file", path, parts, ...owner };
      }
    }
  }
  let onContent = () => {};
  const eachPart = async (_: unknown, take: PartTaker) => {
    onContent();
    await take(new Uint8Array(5), 0);
  };
  const said: string[] = [];
  const leaveOut = (path: string, why: string) => void said.push(`${path}: ${why}`);
  const guest = { eachPart } as Copying["guest"];
  await copyOut({ guest, items: all(), leaveOut, onProgress() {} }, "image", target, true);
  return said;
}

it("links wait for the end up to a limit with a name", async () => {
  using scratch = new Scratch();
  let given = 0;
  function* links(): Generator<Made> {
    // One text for all of them: what counts is what a guest's own would take.
    const target = "x".repeat(MIB);
    for (; given < 600; given++) yield [`/l${given}`, target];
  }
  const target = join(scratch.path, "copy");
  const limit = { name: "LimitError", limit: "linksAndDirectories", allowed: 512 * MIB };
  await expect(copyItems(target, links())).rejects.toMatchObject(limit);
  expect([given, readdirSync(target)]).toEqual([511, []]);
});

it("nothing is made in a directory that wasn't, by way of a link of its name either", async () => {
  using scratch = new Scratch();
  const target = join(scratch.path, "copy");
  const said = await copyItems(target, [
    ["/door", ".."],
    ["/door/evil", "x"],
    ["/door/more"],
    ["/true"],
    ["/true/y", "x"],
  ]);
  expect([said, readdirSync(scratch.path), readdirSync(target)]).toEqual([[], ["copy"], ["door", "true"]]);
  expect(readdirSync(join(target, "true"))).toEqual(["y"]);
});

it("what ends all ends a copy, and nothing is left out for it", async () => {
  using scratch = new Scratch();
  const error = new LimitError("wallMs", 1, 2);
  const items: Made[] = [
    [
      "/file",
      {
        file: () => {
          throw error;
        },
      },
    ],
    ["/more"],
  ];
  await expect(copyItems(join(scratch.path, "copy"), items)).rejects.toBe(error);
  expect(readdirSync(join(scratch.path, "copy"))).toEqual([]);
});

it("nothing is written over, or through, what somebody puts into the copy meanwhile, who needs to be its owner", async () => {
  using scratch = new Scratch();
  const target = join(scratch.path, "copy");
  const victim = scratch.file("victim", "mine");
  const modes: number[] = [];
  function* items(): Generator<Made> {
    modes.push(statSync(target).mode & 0o777);
    writeFileSync(join(target, "file"), "there");
    symlinkSync(victim, join(target, "link"));
    symlinkSync(scratch.path, join(target, "directory"));
    yield ["/file", { file: () => {} }];
    yield ["/link", { file: () => {} }];
    yield ["/directory"];
    yield ["/directory/evil", { file: () => {} }];
    yield ["/directory", "x"];
    yield ["/new", { file: () => modes.push(statSync(join(target, "new")).mode & 0o777) }];
  }
  const there = "there is something of that name already";
  const said = await copyItems(target, items());
  expect(said).toEqual(["/file", "/link", "/directory", "/directory"].map((path) => `${path}: ${there}`));
  expect([readFileSync(join(target, "file"), "latin1"), readFileSync(victim, "latin1")]).toEqual(["there", "mine"]);
  expect([readdirSync(scratch.path).sort(), modes]).toEqual([
    ["copy", "victim"],
    [0o700, 0o600],
  ]);
});

it("whoever renames directories while they are copied to leads the copy nowhere else", async () => {
  using scratch = new Scratch();
  const target = join(scratch.path, "copy");
  const victim = join(scratch.path, "victim");
  mkdirSync(join(victim, "inside"), { recursive: true, mode: 0o700 });
  const swap = (from: string, to: string) => {
    renameSync(from, to);
    symlinkSync(victim, from);
  };
  function* items(): Generator<Made> {
    yield ["/inside"];
    yield ["/inside/more"];
    swap(join(target, "inside"), join(target, "aside"));
    yield ["/inside/more/file", { file: () => {} }];
    yield ["/inside/late"];
    swap(target, join(scratch.path, "moved"));
    yield ["/inside/last", { file: () => {} }];
    yield ["/other"];
    yield ["/other/file", { file: () => {} }];
    yield ["/inside/link", "x"];
    yield ["/link", "x"];
  }
  const said = await copyItems(target, items());
  expect([readdirSync(victim), readdirSync(join(victim, "inside")), statSync(victim).mode & 0o777]).toEqual([
    ["inside"],
    [],
    0o700,
  ]);
  if (bestStrategy() === "paths") return;
  const changed = "its directory is no longer the one that was made";
  const lost = ["/inside/link", "/inside/late", "/inside/more", "/inside"];
  expect(said).toEqual(lost.map((path) => `${path}: ${changed}`));
  const moved = join(scratch.path, "moved");
  expect(readdirSync(moved).sort()).toEqual(["aside", "inside", "link", "other"]);
  expect(readdirSync(join(moved, "aside")).sort()).toEqual(["last", "late", "more"]);
  expect(readdirSync(join(moved, "aside/more"))).toEqual(["file"]);
  expect(readdirSync(join(moved, "other"))).toEqual(["file"]);
});

it.each<Strategy>(["paths", "descriptors"])(
  "a directory that isn't the one that was made is none, by %s",
  (strategy) => {
    if (strategy === "descriptors" && bestStrategy() === "paths") return;
    using scratch = new Scratch();
    const copy = join(scratch.path, "copy");
    const error = "its directory is no longer the one that was made";
    using made = new MadeTree(scratch.path, "copy", strategy);
    made.makeDirectory([]);
    made.makeDirectory(["a"]);
    made.makeDirectory(["b"]);
    // A new one of its name might get its number as well.
    renameSync(join(copy, "a"), join(copy, "aside"));
    for (const put of [mkdirSync, (path: string) => symlinkSync("aside", path), () => {}]) {
      rmSync(join(copy, "a"), { recursive: true, force: true });
      put(join(copy, "a"));
      expect(() => made.place(["a", "x"])).toThrow(error);
      expect(() => made.directory(["a"])).toThrow(error);
    }
    expect([made.holds(["a", "x"]), made.holds(["b", "x"]), made.holds(["c", "x"])]).toEqual([true, true, false]);
    expect(() => made.makeDirectory(["b"])).toThrow("EEXIST");
    expect(lstatSync(copy).mode & 0o777).toBe(0o700);
  },
);

it.each([
  ["more", [4, 4], 4],
  ["more, by zeros", [[3, 5]], 0],
  ["less", [3], 3],
] as const)("a file that has %s than its size ends a tar stream, which has nothing of that", async (_, parts, most) => {
  async function* items(): AsyncGenerator<Item> {
    yield { type: "file", path: "/f", parts: ["f"], size: 5, mode: 0o644, uid: 0, gid: 0 };
  }
  const eachPart = async (_: unknown, take: PartTaker) => {
    for (const part of parts) {
      const [bytes, hole] = typeof part === "number" ? [part, 0] : part;
      await take(new Uint8Array(bytes).fill(7), hole);
    }
  };
  const copying: Copying = { guest: { eachPart } as Copying["guest"], items: items(), leaveOut() {}, onProgress() {} };
  const written: number[] = [];
  const ended = writeTar(copying, async (bytes) => void written.push(...bytes));
  await expect(ended).rejects.toThrow(/^\/f: \d bytes of a file of 5$/);
  expect(written.slice(512)).toEqual(Array(most).fill(7));
});

it("set-user-ID and its like are in no copy, and in a tar stream", () => {
  using scratch = new Scratch();
  const bytes = imageWith((image) => {
    const inodes = [image.file(image.root, "file", "x"), image.directory(image.root, "directory")];
    const finish = image.finish.bind(image);
    image.finish = () => {
      const disk = finish();
      for (const [i, kind] of [0o10, 0o4].entries())
        disk.write(image.inodeOffset(inodes[i]!), Buffer.from([0xed, (kind << 4) | 0x0f]));
      return disk;
    };
  });
  const { copy, said, status } = copied(scratch, bytes);
  expect([status, said]).toEqual([0, ""]);
  for (const name of ["file", "directory"]) expect(statSync(join(copy, name)).mode & 0o7777).toBe(0o755);
  const get = ["get", "-d", join(scratch.path, "image"), "--isolation", "none", "--tar", "-", "/"];
  const input = Buffer.from(userboot(get).stdout, "latin1");
  const listing = execFileSync("tar", ["-tvf", "-"], { input, encoding: "latin1" });
  expect(listing).toMatch(/^-rwsr-sr-t .*file$/m);
  expect(listing).toMatch(/^drwsr-sr-t .*directory\/$/m);
});

it.each<Strategy>(["paths", "descriptors"])(
  "what takes a new directory's place at once isn't gone into, by %s",
  (strategy) => {
    if (strategy === "descriptors" && bestStrategy() === "paths") return;
    const { mkdirSync: make } = fs;
    const puts: ((path: string, victim: string) => void)[] = [
      (path, victim) => symlinkSync(victim, path),
      (path, victim) => renameSync(victim, path),
      (path) => {
        make(`${path}-empty`);
        symlinkSync(`${path}-empty`, path);
      },
      (path) => writeFileSync(path, "x"),
      () => {},
    ];
    for (const put of puts) {
      using scratch = new Scratch();
      const victim = join(scratch.path, "victim");
      make(victim);
      writeFileSync(join(victim, "mine"), "mine");
      using tree = new MadeTree(scratch.path, "copy", strategy);
      fs.mkdirSync = ((path: string) => {
        make(path);
        rmdirSync(path);
        put(join(scratch.path, "copy"), victim);
      }) as typeof fs.mkdirSync;
      syncBuiltinESMExports();
      try {
        expect(() => tree.makeDirectory([])).toThrow("its directory is no longer the one that was made");
      } finally {
        fs.mkdirSync = make;
        syncBuiltinESMExports();
      }
      expect(tree.holds(["x"])).toBe(false);
      expect(() => tree.place(["x"])).toThrow("its directory is no longer the one that was made");
    }
  },
);

/** What Node is to load first so that no permissions can be set, as where the destination is a FAT volume. */
const WITHOUT_PERMISSIONS = `
  const fs = require("node:fs");
  for (const name of ["chmodSync", "fchmodSync"])
    fs[name] = () => { throw Object.assign(new Error(name), { code: process.env.CHMOD_FAILS, errno: -1 }); };
`;

it("a destination that has no permissions gets all else, and any other failure is told", () => {
  using scratch = new Scratch();
  const image = scratch.file(
    "image",
    imageWith((ufs) => void ufs.file(ufs.directory(ufs.root, "inside"), "file", "x")),
  );
  const NODE_OPTIONS = `--require=${scratch.file("fat.cjs", WITHOUT_PERMISSIONS)}`;
  const get = (code: string) =>
    userboot(["get", "-d", image, "--isolation", "none", "/", join(scratch.path, code)], {
      env: { ...process.env, NODE_OPTIONS, CHMOD_FAILS: code },
    });
  expect(get("EPERM")).toMatchObject({ status: 0, stderr: "" });
  expect(readFileSync(join(scratch.path, "EPERM/inside/file"), "latin1")).toBe("x");
  expect(get("EIO")).toMatchObject({
    status: 1,
    stderr: ["good", "inside/file", "inside", ""].map((name) => `userboot: /${name} is left out: EIO\n`).join(""),
  });
});
