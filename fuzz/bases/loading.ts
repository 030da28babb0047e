// Targets of kernels, modules and linker.hints, and whole boots.

import { readFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { linkedFile, linkerHints, objectFile } from "../../test/support/elf_image.js";
import { DEVICE_HINTS } from "../../test/support/linker_hints.js";
import { SparseDisk } from "../../test/support/sparse_disk.js";
import { ufsDisk } from "../../test/support/ufs_image.js";
import { booting, typedText } from "../booting.js";
import { inRepository } from "../places.js";
import type { Target } from "../target.js";

const KERNEL = "/boot/kernel/kernel";
const VERSIONS = [{ name: "kernel", version: 1201000 }];
const needsKernel = { name: "kernel", minimum: 1200000, preferred: 1201000, maximum: 1299999 };
const SEGMENTS = [{ size: 6000 }, { size: 3000, bss: 5000, writable: true }];
const MODULE = { versions: [{ name: "some", version: 1 }], dependencies: [needsKernel] };

const kernelOf = (bits: 32 | 64) => linkedFile({ bits, segments: SEGMENTS, versions: VERSIONS }).bytes;
const typed = (...lines: string[]) => lines.map((line) => `${line}\r`);

const HINTS = linkerHints([
  { module: "some", version: 1, file: "some.ko" },
  { module: "some", version: 3, file: "newer.ko" },
  { module: "kernel", version: 1201000, file: "kernel" },
]);

const DEVICE_KEYS = typed(
  ...[`load ${KERNEL}`, "pnpmatch pci 'vendor=0x8086 device=0x100f'", "pnpmatch pci 'vendor=0x1022'"],
  ...["pnpmatch simplebus compat=ns16550", `pnpmatch simplebus "compat='ns8250' x=1"`, "pnpmatch simplebus other=ns"],
  ...["pnpmatch acpi 'low=10 high=20 class=7'", "pnpmatch acpi 'low=9 high=21 subclass=7'", "pnpmatch isa 'a=5 b=9'"],
  ...["pnpmatch isa 'a=4 b=6'", "pnpmatch uhub vendor=3", "pnpmatch -v isa a=5", "pnpmatch -d pci x", "pnpmatch -x"],
  ...["pnpload pci 'vendor=0x8086 device=0x100e'", "pnpload pci x=1", "pnpload", "pnpautoload", "pnpautoload -v isa"],
);
const MODULE_KEYS = typed(
  `load ${KERNEL}`,
  "load some",
  "pnpmatch -d PCI 'vendor=0x1af4;device=1'",
  "pnpload PCI 'vendor=1'",
  "lsmod",
);

/** What `host:` has. */
const TREES = {
  "0/boot/loader.conf": Buffer.from('a="b"\n'),
  "0/boot/kernel/kernel": kernelOf(64),
  "0/boot/text.gz": gzipSync("packed ".repeat(1000)),
  "0/boot/commands": Buffer.from("echo one\n@echo two\n"),
  "0/\xe9/name": Buffer.from("not ASCII"),
  "1/other": Buffer.alloc(70_000, "x"),
};
const TREE_COMMANDS = `lsdev -v
ls -l host0:/boot
ls host0:/boot/../boot/./kernel/
ls host1:/
ls host0:/none
ls host0:/boot/loader.conf/x
ls host9:/
ls host:
more host0:/boot/loader.conf
more host0:/boot/text
include /boot/commands
load /boot/kernel/kernel
load -t raw host1:/other
load -t raw host0:/boot
readtest host1:/other
lsmod
set currdev=host1:
ls /
set currdev=host0:
boot
`;

/** An image of images/. */
function guest(name: string): SparseDisk {
  const disk = new SparseDisk(0);
  disk.write(0, gunzipSync(readFileSync(inRepository(`images/${name}.img.gz`))));
  return disk;
}

export const loadingTargets: Target[] = [
  {
    name: "kernel",
    module: "simp",
    bases: {
      amd64: () => ({ disks: [ufsDisk({ [KERNEL]: kernelOf(64) })] }),
      i386: () => ({ disks: [ufsDisk({ [KERNEL]: kernelOf(32) })] }),
      physical: () => ({
        disks: [
          ufsDisk({
            [KERNEL]: linkedFile({
              bits: 64,
              segments: SEGMENTS,
              versions: VERSIONS,
              physical: "physical",
              hash: "gnu",
              constructors: true,
            }).bytes,
          }),
        ],
      }),
    },
    words: ["\x7fELF"],
    session: (disks) => booting(disks, { flavour: "simp", keys: typed(`load ${KERNEL} -s`, "lsmod -v", "boot") }),
  },
  {
    name: "module",
    module: "simp",
    bases: {
      object: () => ({
        disks: [
          ufsDisk({
            [KERNEL]: kernelOf(64),
            "/boot/kernel/some.ko": objectFile(MODULE),
            "/boot/kernel/linker.hints": HINTS,
          }),
        ],
      }),
      shared: () => ({
        disks: [
          ufsDisk({
            [KERNEL]: kernelOf(64),
            "/boot/kernel/some.ko": linkedFile({ bits: 64, segments: SEGMENTS, shared: true, ...MODULE }).bytes,
          }),
        ],
      }),
      shared32: () => ({
        disks: [
          ufsDisk({
            [KERNEL]: kernelOf(32),
            "/boot/kernel/some.ko": linkedFile({ bits: 32, segments: SEGMENTS, shared: true, ...MODULE }).bytes,
          }),
        ],
      }),
      startup: () => ({
        disks: [
          ufsDisk({
            [KERNEL]: kernelOf(64),
            "/boot/kernel/some.ko": objectFile({ ...MODULE, startup: Buffer.alloc(16, 1) }),
          }),
        ],
      }),
    },
    words: ["\x7fELF"],
    session: (disks) =>
      booting(disks, {
        flavour: "simp",
        keys: typed(`load ${KERNEL}`, "load some", "load -t raw /boot/kernel/some.ko", "lsmod -v", "boot"),
      }),
  },
  {
    name: "hints",
    module: "simp",
    bases: {
      usual: () => ({
        disks: [
          ufsDisk({
            [KERNEL]: kernelOf(64),
            "/boot/kernel/some.ko": objectFile(MODULE),
            "/boot/kernel/newer.ko": objectFile(MODULE),
            "/boot/kernel/linker.hints": HINTS,
          }),
        ],
      }),
      devices: () => ({
        disks: [
          ufsDisk({
            [KERNEL]: kernelOf(64),
            "/boot/kernel/if_em.ko": objectFile(MODULE),
            "/boot/kernel/linker.hints": DEVICE_HINTS,
          }),
        ],
      }),
    },
    words: ["I:vendor;", "J:device;", "Z:compat;", "G:low;", "L:high;", "T:class=7;", "M:mask;", "D:#;", "#", ";"],
    session: (disks, _text, { base }) =>
      booting(disks, {
        flavour: "simp",
        profile: 14,
        keys: base === "devices" ? DEVICE_KEYS : MODULE_KEYS,
      }),
  },
  {
    name: "boot",
    module: "simp",
    bases: {
      amd64: () => ({ disks: [guest("amd64-ufs2-gpt")] }),
      i386: () => ({ disks: [guest("i386-ufs1-mbr")] }),
    },
    session: (disks) =>
      booting(disks, {
        flavour: "simp",
        keys: [" ", "lsdev -v\rls -l /boot\rload /boot/kernel/kernel\rlsmod -v\rmore /boot/notes.txt\rboot\r"],
      }),
  },
  {
    name: "boot_4th",
    module: "4th",
    bases: { amd64: () => ({ disks: [guest("amd64-ufs2-gpt")] }), menu: () => ({ disks: [guest("i386-menu")] }) },
    session: (disks) => booting(disks, { flavour: "4th", keys: [" ", "words\rlsmod\rboot\r"] }),
  },
  {
    name: "boot_lua",
    module: "lua",
    bases: { amd64: () => ({ disks: [guest("amd64-menu")] }), i386: () => ({ disks: [guest("i386-menu")] }) },
    session: (disks) => booting(disks, { flavour: "lua", keys: ["2", "3", "\x1b[B", "lsmod\rboot\r"] }),
  },
  {
    name: "trees",
    module: "simp",
    bases: {
      granted: () => ({ disks: [], text: TREE_COMMANDS }),
    },
    words: ["host0:", "host1:", "/", "..", "ls -l ", "more ", "load -t raw ", "boot.gz", "currdev=", "\xe9"],
    session: (disks, text) => {
      const session = booting(disks, {
        flavour: "simp",
        profile: 14,
        keys: [typedText(text)],
        trees: TREES,
      });
      // The package grants directories only.
      return { ...session, hosted: undefined };
    },
  },
];
