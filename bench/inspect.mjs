// Rows on looking into images: listing /boot against the floor of reading the same blocks, `userboot inspect` against an empty
// Node, a large file copied out against `cat`, and programs of others that do the same, where there are any.
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { poolDisks } from "./pools.mjs";

const RUNS = 21;
const COPIES = 3;
const COLD_RUNS = 15;
const MIB = 1024 * 1024;
const LARGE = 1024;
/** Most that each may cost: times the floor, times an empty Node, times cat's time (60 % of its rate). */
const LIST_MAX = 3;
const COLD_MAX = 1.8;
const COPY_MAX = 1 / 0.6;
const PATHS = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
const CLI = fileURLToPath(new URL("../build/host/cli/userboot.js", import.meta.url));

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

/** The first look at the disks, and listing /boot then, with all that is known of its entries; blocks are read once. */
async function listRows(name, paths, row) {
  const { FileDisk, inspect } = await import("userboot-wasm");
  const disks = paths.map((path) => new FileDisk(path));
  const recording = disks.map((disk) => new RecordingDisk(disk));
  const steps = { look: { times: [], floors: [] }, list: { times: [], floors: [] } };
  const target = new Uint8Array(64 * MIB);
  const floorOf = (reads) =>
    timed(() =>
      reads.forEach((own, unit) => {
        for (const [offset, size] of own) disks[unit].read(offset, target.subarray(0, size));
      }),
    );
  let bytes = 0;
  for (let i = 0; i < RUNS; i++) {
    for (const disk of recording) disk.reads = [];
    let began = performance.now();
    const guest = await inspect({ disks: recording, isolation: "none" });
    steps.look.times.push(performance.now() - began);
    steps.look.floors.push(floorOf(recording.map(({ reads }) => reads)));
    for (const disk of recording) disk.reads = [];
    began = performance.now();
    await guest.list("/boot", { details: true });
    steps.list.times.push(performance.now() - began);
    const reads = recording.map((disk) => disk.reads);
    bytes = reads.flat().reduce((sum, [, size]) => sum + size, 0);
    steps.list.floors.push(floorOf(reads));
    await guest.close();
  }
  for (const disk of disks) disk.close();
  row(`inspection, the first look at ${name}`, median(steps.look.times), "ms");
  row("  ratio to reading the same blocks", median(steps.look.times) / median(steps.look.floors), "x");
  row(`inspection, list /boot of ${name}`, median(steps.list.times), "ms");
  row("  floor: reading the same blocks", median(steps.list.floors), "ms");
  row("  ratio", median(steps.list.times) / median(steps.list.floors), "x", LIST_MAX);
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
  const copies = { cat: [], get: [] };
  for (let i = 0; i < COPIES; i++) {
    rmSync(target, { force: true });
    copies.cat.push(timed(() => run("/bin/sh", ["-c", 'cat "$1" > "$2"', "sh", file, target])));
    rmSync(target, { force: true });
    copies.get.push(timed(() => run(process.execPath, [CLI, "get", "-d", image, "/file", target])));
  }
  execFileSync("cmp", [file, target]);
  row("copy of 1 GiB out of UFS, `userboot get`", median(copies.get), "ms");
  row("  `cat` of such a file", median(copies.cat), "ms");
  row("  ratio", median(copies.get) / median(copies.cat), "x", COPY_MAX);
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
  await listRows("UFS", [guest.path], row);
  await listRows("ZFS", poolDisks("lz4", join(directory, "inspected")), row);
  const cold = { node: [], inspect: [], here: [] };
  for (let i = 0; i < COLD_RUNS; i++) {
    cold.node.push(timed(() => run(process.execPath, ["-e", "0"])));
    // A guest without a root file system in its fstab is one that won't boot: only the time counts.
    cold.inspect.push(
      timed(() => spawnSync(process.execPath, [CLI, "inspect", "-d", guest.path], { stdio: "ignore" })),
    );
  }
  row("cold `userboot inspect`", median(cold.inspect), "ms");
  row("  ratio to node -e 0", median(cold.inspect) / median(cold.node), "x", COLD_MAX);
  row("  ratio without a process of its own (--isolation none)", median(cold.here) / median(cold.node), "x");
  copyRows({ directory, row });
  otherRows({ directory, row, leftOut, ufs: guest.path });
}
