// Rows on compressed images: a guest on a disk of 5 GiB, most of it holes, packed by each program that is there, and booted by
// the command line in a process of its own.
import { spawnSync } from "node:child_process";
import { copyFileSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";

const SIZE = 5 * 2 ** 30;
/** Programs, the ends of their names, and how they are quick. */
const PROGRAMS = [
  ["gzip", "gz", "-1"],
  ["xz", "xz", "-0"],
  ["zstd", "zst", "-1"],
  ["bzip2", "bz2", "-1"],
];
const KIB = 1024;
/** Resident, at most. */
const MIB_MOST = 300;

/** Adds the rows. `peak` gives the program that boots from a path and prints its peak of resident KiB on stderr. */
export function unpackRows({ directory, row, leftOut, guest, peak }) {
  for (const [program, suffix, level] of PROGRAMS) {
    if (spawnSync(program, ["--version"], { stdio: "ignore" }).error) {
      leftOut(`5 GiB in ${program}`, `no ${program}`);
      continue;
    }
    const image = join(directory, "large.img");
    copyFileSync(guest.path, image);
    truncateSync(image, SIZE);
    const { status, stderr } = spawnSync(program, ["-f", level, image], { encoding: "utf8" });
    if (status !== 0) throw new Error(`${program}: ${stderr}`);
    rmSync(image, { force: true });
    const packed = `${image}.${suffix}`;
    const began = performance.now();
    const report = spawnSync(process.execPath, [peak(packed)], { encoding: "utf8" });
    if (report.status !== 0) throw new Error(`${program}: ${report.stderr}`);
    row(`boot from 5 GiB in ${program}`, (performance.now() - began) / 1000, "s");
    row("  peak resident memory", Number(report.stderr) / KIB, "MiB", MIB_MOST);
    rmSync(packed);
  }
}
