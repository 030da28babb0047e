// Rows on ZFS: one file of 28.8 MB, loaded from pools of a real OpenZFS and from a UFS disk. A boot is the first of its
// process, as a user meets it, modules compiled before; all are measured in turn, so that they meet the same machine.
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { payloadTree } from "./payload.mjs";
import { POOLS, poolDisks } from "./pools.mjs";

/** Processes for each row. */
const ROUNDS = 9;
/** Most that a pool may cost: times a UFS boot, disk calls, MiB of module memory. */
const RATIOS = { off: 1.5, lz4: 1.5, zstd: 2, sha256: 2, raidz1: 2 };
const CALLS_MAX = 80;
const MEMORY_MAX = 12;
/** Records above 4 MiB may take one more. */
const MEMORY_MORE = { records16m: 16 };
const MIB = 1024 * 1024;

const PROGRAM = `
  const { boot, preload, KeysConsole } = await import("userboot-wasm");
  await preload();
  const options = { start: "simp", isolation: "none", clock: "virtual", console: new KeysConsole([]) };
  const began = performance.now();
  const { reason, disk, moduleMemory, error } = await boot({ ...options, disks: process.argv.slice(1) });
  const ms = performance.now() - began;
  if (reason !== "exec") throw new Error(error.message);
  console.log(JSON.stringify({ ms, disk, moduleMemory }));`;

/** One first boot. */
function firstBoot(disks) {
  const args = ["--input-type=module", "-e", PROGRAM, "--", ...disks];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    cwd: fileURLToPath(new URL("..", import.meta.url)),
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** A UFS disk with the tree. */
function ufsDisk(directory) {
  const tree = join(directory, "payload");
  payloadTree(tree);
  const ufs = join(directory, "payload.ufs");
  execFileSync("makefs", ["-t", "ffs", "-s", "40m", "-o", "version=2,bsize=32768,fsize=4096", ufs, tree], {
    stdio: ["ignore", "ignore", 2],
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  const path = join(directory, "payload.img");
  const partition = fileURLToPath(new URL("../images/tools/partition.mjs", import.meta.url));
  execFileSync(process.execPath, [partition, "gpt", ufs, path]);
  return path;
}

export function zfsRows({ directory, row }) {
  const guests = { ufs: [ufsDisk(directory)] };
  for (const name of Object.keys(POOLS)) guests[name] = poolDisks(name, join(directory, "pools"));
  const all = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, disks] of Object.entries(guests)) {
      const one = firstBoot(disks);
      all[name] ??= { ...one, times: [] };
      all[name].times.push(one.ms);
    }
  }
  const median = (name) => all[name].times.sort((a, b) => a - b)[ROUNDS >> 1];
  row("first boot, 28.8 MB from UFS", median("ufs"), "ms");
  row("  disk calls", all.ufs.disk.calls, "");
  for (const name of Object.keys(POOLS)) {
    row(`first boot, 28.8 MB from ZFS: ${name}`, median(name), "ms");
    row("  ratio to UFS", median(name) / median("ufs"), "x", RATIOS[name]);
    row("  disk calls", all[name].disk.calls, "", CALLS_MAX);
    row("  disk bytes, MB", all[name].disk.bytes / 1e6, "");
    row("  module memory", all[name].moduleMemory / MIB, "MiB", MEMORY_MAX + (MEMORY_MORE[name] ?? 0));
  }
}
