// Rows on image formats: the same guest in each, each booted behind the raw one. Needs qemu-img.
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
  const timed = async (name, disk) => {
    const began = performance.now();
    const result = await boot(disk);
    const ms = performance.now() - began;
    if (result.reason !== "exec") throw new Error(`${name} does not boot: ${JSON.stringify(result.error)}`);
    result.release();
    return ms;
  };
  const disks = IMAGES.map(([name, format, args], i) => {
    const image = join(directory, `formats-${i}`);
    const { status, stderr } = spawnSync("qemu-img", ["convert", "-f", "raw", ...args, guest.path, image]);
    if (status !== 0) throw new Error(`qemu-img: ${stderr}`);
    return [name, { image, format }];
  });
  const raw = [];
  const ratios = disks.map(() => []);
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const [i, [name, disk]] of disks.entries()) {
      // Memory that a boot has made grow isn't kept: what comes behind one that unpacks much would pay for that.
      await timed("raw", guest.path);
      const plain = await timed("raw", guest.path);
      const ms = await timed(name, disk);
      if (round < 0) continue;
      raw.push(plain);
      ratios[i].push(ms / plain);
    }
  }
  const median = (all) => all.sort((a, b) => a - b)[all.length >> 1];
  row("warm boot from a raw image", median(raw), "ms");
  for (const [i, all] of ratios.entries()) row(`  ${IMAGES[i][0]}, ratio to that`, median(all), "x", IMAGES[i][3]);
}
