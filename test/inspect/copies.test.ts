// Trees that programs of other projects put on images, copied out of them by `userboot get` and as a tar stream: the same as
// their sources, byte for byte, with links and permissions. And what a guest may put in the way of that.

import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
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
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { isPlain } from "../../build/host/cli/copy_items.js";
import { leadsOut } from "../../build/host/cli/copy_out.js";
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
  expect(names).toEqual(["door", "good", "inside", "twice"]);
  // The link comes first, so that nobody gets into the directory.
  expect(lstatSync(join(copy, "door")).isDirectory()).toBe(true);
  expect(readdirSync(join(copy, "door"))).toEqual([]);
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

it("a tar stream of two files of one name is refused in one line", () => {
  using scratch = new Scratch();
  const bytes = imageWith((image) => {
    image.file(image.root, "twice", "first");
    image.file(image.root, "twice", "the second one");
  });
  const image = scratch.file("image", bytes);
  const { status, stderr } = userboot(["get", "-d", image, "--isolation", "none", "--tar", "-", "/"]);
  expect([status, stderr]).toEqual([2, "userboot: /twice: 5 bytes of a file of 14\n"]);
});

it("what is longer than the list says isn't in a tar stream, where it would be taken for more files", () => {
  using scratch = new Scratch();
  const bytes = imageWith((image) => {
    // The path leads to the first; the list tells of both.
    image.file(image.root, "twice", noise("a header of somebody's", 4000));
    image.file(image.root, "twice", "");
  });
  const image = scratch.file("image", bytes);
  const { status, stderr, stdout } = userboot(["get", "-d", image, "--isolation", "none", "--tar", "-", "/"]);
  expect([status, stderr]).toEqual([2, "userboot: /twice: 4000 bytes of a file of 0\n"]);
  // The first one is as long as was said; of the second there is a header, and nothing behind it.
  const header = stdout.lastIndexOf("./twice\0");
  expect(stdout.length).toBe(header + 512);
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
  }
  const bytes = Buffer.alloc(disk.size);
  disk.read(0, bytes);
  const { copy, said, status } = copied(scratch, bytes);
  expect([status, said]).toEqual([0, ""]);
  expect(lstatSync(join(copy, "before")).mtimeMs).toBe(-86_400_000);
  expect(lstatSync(join(copy, "beyond")).mtimeMs).toBeGreaterThan(TIME * 1000);
});

it("names of Windows' that are paths are none, and its links don't lead out", () => {
  for (const name of ["..\\out", "a\\b", "C:evil", "file:stream", "..", ""]) expect(isPlain(name, "win32")).toBe(false);
  for (const name of ["plain", "with space", "..dots"]) expect(isPlain(name, "win32")).toBe(true);
  expect(isPlain("C:a\\b", "linux")).toBe(true);
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
  expect([status, stderr]).toEqual([2, "userboot: limit depth exceeded: 65 of 64 used\n"]);
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
