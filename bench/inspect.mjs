// Rows on looking into images: listing /boot against the floor of reading the same blocks, `userboot inspect` against an empty
// Node, a large file copied out against `cat`, and programs of others that do the same, where there are any.
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { poolDisks } from "./pools.mjs";

const COPIES = 3;
const COLD_RUNS = 15;
const MIB = 1024 * 1024;
const LARGE = 1024;
/** Most that each may cost: times the floor, times an empty Node, times cat's time (60 % of its rate). */
const LIST_MAX = 3;
const COLD_MAX = 1.8;
const COPY_MAX = 1 / 0.6;
const PATHS = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
const CLI = fileURLToPath(new URL("../build/host/programs/userboot.cjs", import.meta.url));

const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];
const timed = (work) => {
  const began = performance.now();
  work();
  return performance.now() - began;
};
const has = (program) => PATHS.some((path) => existsSync(join(path, program)));
const run = (program, args, options = {}) => {
  const env = { ...process.env, PATH: PATHS.join(":") };
  const { status, stderr } = spawnSync(program, args, { stdio: ["ignore", "ignore", "pipe"], env, ...options });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
};

/** A disk that takes down what is read of it. */
class RecordingDisk {
  reads = [];
  promises = false;

  constructor(disk) {
    this.disk = disk;
    this.size = disk.size;
    this.sectorSize = disk.sectorSize;
  }

  read(offset, target) {
    this.reads.push([offset, target.length]);
    return this.disk.read(offset, target);
  }
}

/** A program that reads blocks of files: [path, [[offset, size], ...]] for each. */
const READER = `
  import { openSync, readFileSync, readSync } from "node:fs";
  const target = new Uint8Array(${64 * MIB});
  for (const [path, reads] of JSON.parse(readFileSync(process.argv[1], "utf8"))) {
    const fd = openSync(path);
    for (const [offset, size] of reads) readSync(fd, target, 0, size, offset);
  }`;

/** A program that copies a file in the pieces that `get` takes: what reading and writing costs any program of Node's. */
const COPIER = `
  import { openSync, readSync, writeSync } from "node:fs";
  const [, from, to] = process.argv;
  const [source, target] = [openSync(from), openSync(to, "wx")];
  const piece = Buffer.alloc(128 * 1024);
  for (let got; (got = readSync(source, piece)) > 0; ) writeSync(target, piece, 0, got);`;
/** A program that starts an empty Node, and waits for it. */
const STARTER = `require("node:child_process").spawnSync(process.execPath, ["-e", "0"])`;

/** Listing /boot with all that is known of its entries: by the command line, and in a program that runs already. */
async function listRows(name, paths, { directory, row }) {
  const { FileDisk, inspect } = await import("userboot-wasm");
  const disks = paths.map((path) => new FileDisk(path));
  const list = async (given) => {
    const guest = await inspect({ disks: given, isolation: "none" });
    await guest.list("/boot", { details: true });
    await guest.close();
  };
  const recording = disks.map((disk) => new RecordingDisk(disk));
  await list(recording);
  const blocks = join(directory, "blocks.json");
  writeFileSync(blocks, JSON.stringify(recording.map(({ reads }, i) => [paths[i], reads])));
  const floor = ["--input-type=module", "-e", READER, "--", blocks];
  const disksOf = paths.flatMap((path) => ["-d", path]);
  const times = { warm: [], ls: [], here: [], floor: [] };
  for (let i = 0; i < COLD_RUNS; i++) {
    const began = performance.now();
    await list(disks);
    times.warm.push(performance.now() - began);
    times.floor.push(timed(() => run(process.execPath, floor)));
    times.ls.push(timed(() => run(process.execPath, [CLI, "ls", "-l", ...disksOf, "/boot"])));
    times.here.push(timed(() => run(process.execPath, [CLI, "ls", "-l", ...disksOf, "--isolation", "none", "/boot"])));
  }
  for (const disk of disks) disk.close();
  const bytes = recording.flatMap(({ reads }) => reads).reduce((sum, [, size]) => sum + size, 0);
  row(`list /boot of ${name}, \`userboot ls -l\``, median(times.ls), "ms");
  row("  floor: Node reads the same blocks", median(times.floor), "ms");
  row("  ratio", median(times.ls) / median(times.floor), "x", LIST_MAX);
  row("  ratio without a process of its own (--isolation none)", median(times.here) / median(times.floor), "x");
  row("  in a program that runs: inspect, list, close", median(times.warm), "ms");
  row("  bytes read", bytes / 1e6, "MB");
}

/** A UFS image with a file of 1 GiB that has no holes. */
function largeImage(directory) {
  const tree = join(directory, "large");
  mkdirSync(tree);
  const fd = openSync(join(tree, "file"), "w");
  const piece = Buffer.alloc(MIB);
  for (let i = 0; i < LARGE; i++) {
    for (let at = 0; at < MIB; at += 512) piece.writeUInt32LE(i * 2048 + (at >> 9) + 1, at);
    writeSync(fd, piece);
  }
  closeSync(fd);
  const image = join(directory, "large.ufs");
  run("makefs", ["-t", "ffs", "-o", "version=2,bsize=32768,fsize=4096", image, tree]);
  return { image, file: join(tree, "file") };
}

function copyRows({ directory, row }) {
  const { file, image } = largeImage(directory);
  const target = join(directory, "copied");
  const copies = { cat: [], get: [], node: [] };
  for (let i = 0; i < COPIES; i++) {
    rmSync(target, { force: true });
    copies.cat.push(timed(() => run("/bin/sh", ["-c", 'cat "$1" > "$2"', "sh", file, target])));
    rmSync(target, { force: true });
    const copier = ["--input-type=module", "-e", COPIER, "--", file, target];
    copies.node.push(timed(() => run(process.execPath, copier)));
    rmSync(target, { force: true });
    copies.get.push(timed(() => run(process.execPath, [CLI, "get", "-d", image, "/file", target])));
  }
  execFileSync("cmp", [file, target]);
  row("copy of 1 GiB out of UFS, `userboot get`", median(copies.get), "ms");
  row("  `cat` of such a file", median(copies.cat), "ms");
  row("  ratio", median(copies.get) / median(copies.cat), "x", COPY_MAX);
  row("  ratio to a program of Node's that reads and writes it", median(copies.get) / median(copies.node), "x");
  for (const path of [target, image]) rmSync(path, { force: true });
  rmSync(join(directory, "large"), { recursive: true });
}

/** Programs of others, on an image that they read, and what they can't. */
function otherRows({ directory, row, leftOut, ufs }) {
  const others = [
    ["7z", ["l", ufs], "7z l, the UFS image"],
    [
      "guestfish",
      ["--ro", "-a", ufs, "run", ":", "list-filesystems"],
      "guestfish (libguestfs, direct, TCG), the UFS image",
    ],
  ];
  for (const [program, args, name] of others) {
    if (!has(program)) {
      leftOut(name, `no ${program}`);
      continue;
    }
    const env = { ...process.env, LIBGUESTFS_BACKEND: "direct", LIBGUESTFS_BACKEND_SETTINGS: "force_tcg" };
    try {
      row(name, median(Array.from({ length: COPIES }, () => timed(() => run(program, args, { env })))), "ms");
    } catch (error) {
      leftOut(name, String(error.message).split("\n")[0]);
    }
  }
  if (!has("debugfs") || !has("mke2fs")) return leftOut("debugfs, list /boot of ext4", "no debugfs or mke2fs");
  const tree = join(directory, "ext");
  mkdirSync(join(tree, "boot"), { recursive: true });
  for (let i = 0; i < 30; i++) writeFileSync(join(tree, "boot", `file${i}`), "x");
  const image = join(directory, "ext.img");
  writeFileSync(image, "");
  truncateSync(image, 40 * MIB);
  run("mke2fs", ["-q", "-t", "ext4", "-d", tree, image]);
  const each = { debugfs: [], ls: [] };
  for (let i = 0; i < COLD_RUNS; i++) {
    each.debugfs.push(timed(() => run("debugfs", ["-R", "ls -l /boot", image])));
    each.ls.push(timed(() => run(process.execPath, [CLI, "ls", "-l", "-d", image, "/boot"])));
  }
  row("debugfs, list /boot of ext4", median(each.debugfs), "ms");
  row("  `userboot ls` of the same", median(each.ls), "ms");
}

export async function inspectRows({ directory, row, leftOut, guest }) {
  await listRows("UFS", [guest.path], { directory, row });
  await listRows("ZFS", poolDisks("lz4", join(directory, "inspected")), { directory, row });
  const cold = { node: [], two: [], inspect: [], here: [] };
  for (let i = 0; i < COLD_RUNS; i++) {
    cold.node.push(timed(() => run(process.execPath, ["-e", "0"])));
    cold.two.push(timed(() => run(process.execPath, ["-e", STARTER])));
    // A guest without a root file system in its fstab is one that won't boot: only the time counts.
    const inspect = [CLI, "inspect", "-d", guest.path];
    cold.inspect.push(timed(() => spawnSync(process.execPath, inspect, { stdio: "ignore" })));
    cold.here.push(timed(() => spawnSync(process.execPath, [...inspect, "--isolation", "none"], { stdio: "ignore" })));
  }
  row("cold `userboot inspect`", median(cold.inspect), "ms");
  row("  ratio to node -e 0", median(cold.inspect) / median(cold.node), "x", COLD_MAX);
  row("  ratio of a Node that starts an empty one", median(cold.two) / median(cold.node), "x");
  row("  ratio without a process of its own (--isolation none)", median(cold.here) / median(cold.node), "x");
  copyRows({ directory, row });
  otherRows({ directory, row, leftOut, ufs: guest.path });
}
