// Images as QEMU writes them, in all its variants: qemu-img makes them when the tests run.

import { spawnSync } from "node:child_process";
import { basename, join } from "node:path";
import { expect } from "vitest";

/** Whether there is a qemu-img; when not, it is said. */
export const QEMU_IMG = spawnSync("qemu-img", ["--version"]).error === undefined;
if (!QEMU_IMG) console.warn("skipped: qemu-img is not installed (Debian: apt install qemu-utils)");

/** Runs a program of QEMU's in `directory`. */
export function qemu(directory: string, program: "qemu-img" | "qemu-io", ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { cwd: directory, encoding: "utf8" });
  expect(status, stderr).toBe(0);
}

/** A variant of a format: the arguments for it, and what the files are called that the image needs besides. */
export interface QemuVariant {
  name: string;
  format: "qcow2" | "vmdk" | "vhd" | "vhdx" | "vdi";
  args: string[];
  rest: string[];
}

const variant = (
  format: QemuVariant["format"],
  driver: string,
  options: string,
  more: string[] = [],
  rest: string[] = [],
) => ({
  name: [format, options, ...more].join(" "),
  format,
  args: ["-O", driver, ...(options === "" ? [] : ["-o", options]), ...more],
  rest,
});
const SIZES = ["512", "1k", "4k", "16k", "64k", "512k", "2M"];

/** All of them. */
export const QEMU_VARIANTS: QemuVariant[] = [
  ...[
    "compat=0.10",
    "compat=0.10,cluster_size=4k",
    ...SIZES.map((size) => `cluster_size=${size}`),
    ...["metadata", "falloc", "full"].map((how) => `preallocation=${how}`),
    ...["extended_l2=on", "extended_l2=on,cluster_size=16k", "extended_l2=on,cluster_size=2M"],
    ...["refcount_bits=1", "lazy_refcounts=on", "compression_type=zstd"],
  ].map((options) => variant("qcow2", "qcow2", options)),
  ...[
    "compat=0.10",
    ...SIZES.map((size) => `cluster_size=${size}`),
    ...["4k", "64k", "2M"].map((size) => `compression_type=zstd,cluster_size=${size}`),
    ...["extended_l2=on", "extended_l2=on,compression_type=zstd"],
  ].map((options) => variant("qcow2", "qcow2", options, ["-c"])),
  variant("qcow2", "qcow2", "data_file=data.raw,data_file_raw=on", [], ["data.raw"]),
  ...[
    ["monolithicSparse"],
    ["streamOptimized"],
    ["monolithicFlat", "-flat.vmdk"],
    ["twoGbMaxExtentSparse", "-s001.vmdk"],
    ["twoGbMaxExtentFlat", "-f001.vmdk"],
  ].map(([kind, ...rest]) => variant("vmdk", "vmdk", `subformat=${kind}`, [], rest)),
  ...["dynamic", "fixed", "dynamic,force_size=on", "fixed,force_size=on"].map((kind) =>
    variant("vhd", "vpc", `subformat=${kind}`),
  ),
  ...["dynamic", "fixed", "dynamic,block_size=1M", "dynamic,block_size=64M"].map((kind) =>
    variant("vhdx", "vhdx", `subformat=${kind}`),
  ),
  ...["static=off", "static=on"].map((kind) => variant("vdi", "vdi", kind)),
];

/** Converts the raw image `raw` in its own directory; the paths of the image and of the files that it needs besides. */
export function convert(directory: string, raw: string, { args, format, rest }: QemuVariant): string[] {
  const stem = `${basename(raw, ".img")}-made`;
  qemu(directory, "qemu-img", "convert", "-f", "raw", ...args, raw, `${stem}.${format}`);
  return [`${stem}.${format}`, ...rest.map((name) => (name.startsWith("-") ? stem + name : name))].map((name) =>
    join(directory, name),
  );
}
