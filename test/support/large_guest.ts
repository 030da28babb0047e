// A guest on a disk of 6 GiB that is nearly all holes: partitions by GPT, a UFS2 whose files lie gigabytes apart, as on a disk
// that was used for years: scripts in Lua, a kernel of 8 MiB, modules.

import { linkedFile, objectFile } from "./elf_image.js";
import { GUID, gpt } from "./partition_tables.mjs";
import type { SparseDisk } from "./sparse_disk.js";
import { UfsImage } from "./ufs_image.js";

const SIZE = 6 * 1024 ** 3;
const SECTOR = 512;
const FIRST = 2048;
const BLOCK = 32768;
const GIB_BLOCKS = 1024 ** 3 / BLOCK;
const SCRIPTS = 24;
const MODULES = 4;
const MIB = 1024 * 1024;

/** The disk, and the bytes of kernel and modules. */
export function largeGuest(): { disk: SparseDisk; loaded: number } {
  const ufs = new UfsImage({
    version: 2,
    blockSize: BLOCK,
    fragmentSize: 4096,
    superblockAt: 65536,
    at: FIRST * SECTOR,
  });
  const boot = ufs.directory(ufs.root, "boot");
  ufs.file(boot, "loader", "$Interpreter:lua\0");
  const lua = ufs.directory(boot, "lua");
  const names = Array.from({ length: SCRIPTS }, (_, i) => `part${i}`);
  const modules = Array.from({ length: MODULES }, (_, i) => `module${i}.ko`);
  const text = [
    ...names.map((name) => `require("${name}")`),
    'loader.perform("load /boot/kernel/kernel")',
    ...modules.map((name) => `loader.perform("load /boot/kernel/${name}")`),
    'loader.setenv("autoboot_delay", "NO")',
    'loader.perform("boot")',
  ];
  ufs.file(lua, "loader.lua", text.join("\n"));
  for (const [i, name] of names.entries()) {
    if (i === SCRIPTS / 2) ufs.gap(GIB_BLOCKS);
    ufs.file(lua, `${name}.lua`, `local x = {}\n${`-- ${name}\n`.repeat(1000)}return x\n`);
  }
  ufs.gap(2 * GIB_BLOCKS);
  const kernels = ufs.directory(boot, "kernel");
  const segments = [{ size: 6 * MIB }, { size: 2 * MIB, writable: true }];
  const kernel = linkedFile({ bits: 64, segments }).bytes;
  ufs.file(kernels, "kernel", kernel);
  let loaded = kernel.length;
  for (const [i, name] of modules.entries()) {
    ufs.gap(GIB_BLOCKS / 2);
    const module = objectFile({ text: 300_000, versions: [{ name: `module${i}`, version: 1 }] });
    ufs.file(kernels, name, module);
    loaded += module.length;
  }
  const disk = ufs.finish();
  const sectors = SIZE / SECTOR;
  const entry = { type: GUID.ufs, first: FIRST, last: sectors - 40 };
  for (const [offset, bytes] of gpt({ sectors, entries: [entry] })) disk.write(offset, bytes);
  return { disk, loaded };
}
