// Rows on image formats: the same guest in each, booted in turn with the raw one. Needs qemu-img.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const ROUNDS = 40;
/** Rounds before those that count: the engine compiles in steps. */
const WARM_UP = 20;
const MOST = 1.3;
/** Name, format, qemu-img's arguments, and how much slower than the raw image it may be. */
const IMAGES = [
  ["qcow2", "qcow2", ["-O", "qcow2"], MOST],
  ["qcow2 of 4 KiB clusters", "qcow2", ["-O", "qcow2", "-o", "cluster_size=4k"]],
  ["qcow2, zlib", "qcow2", ["-c", "-O", "qcow2"]],
  ["qcow2, zstd", "qcow2", ["-c", "-O", "qcow2", "-o", "compression_type=zstd"]],
  ["VMDK", "vmdk", ["-O", "vmdk"], MOST],
  ["VMDK, streamOptimized", "vmdk", ["-O", "vmdk", "-o", "subformat=streamOptimized"]],
  ["VHD", "vhd", ["-O", "vpc"]],
  ["VHDX", "vhdx", ["-O", "vhdx"]],
  ["VDI", "vdi", ["-O", "vdi"]],
];

/** Adds the rows. `boot` boots from a disk and gives its result. */
export async function formatRows({ directory, row, leftOut, guest, boot }) {
  if (spawnSync("qemu-img", ["--version"]).error) return leftOut("image formats", "no qemu-img");
  const disks = [["raw", guest.path]];
  for (const [name, format, args] of IMAGES) {
    const image = join(directory, `formats-${disks.length}`);
    const { status, stderr } = spawnSync("qemu-img", ["convert", "-f", "raw", ...args, guest.path, image]);
    if (status !== 0) throw new Error(`qemu-img: ${stderr}`);
    disks.push([name, { image, format }]);
  }
  const times = disks.map(() => []);
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const [i, [name, disk]] of disks.entries()) {
      const began = performance.now();
      const result = await boot(disk);
      if (round >= 0) times[i].push(performance.now() - began);
      if (result.reason !== "exec") throw new Error(`${name} does not boot: ${JSON.stringify(result.error)}`);
      result.release();
    }
  }
  const median = (all) => all.sort((a, b) => a - b)[ROUNDS >> 1];
  // Each beside the raw one of its own round: the machine may be slower in the next.
  const ratios = times.slice(1).map((all) => median(all.map((ms, round) => ms / times[0][round])));
  row("warm boot from a raw image", median(times[0]), "ms");
  for (const [i, ratio] of ratios.entries()) row(`  ${IMAGES[i][0]}, ratio to that`, ratio, "x", IMAGES[i][3]);
}
