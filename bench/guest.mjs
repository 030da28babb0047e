// The benchmarks' guest: a UFS2 disk with an 8 MB amd64 kernel that is nothing but its shape (ELF-64: text,
// data, bss, symbols, sections; System V gABI), a module and the scripts that load them. Needs makefs.
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const KERNEL_BASE = 0xffffffff80000000n;
const LOAD_ADDRESS = 0x200000n;
const PAGE = 4096;
const TEXT_SIZE = 6 * 1024 * 1024;
const DATA_SIZE = 1280 * 1024;
const BSS_SIZE = 512 * 1024;
const SYMBOLS = 20_000;
const SYMBOL_SIZE = 24;

/** Reproducible bytes that don't compress to nothing. */
function noise(size) {
  const words = new Uint32Array(size >> 2);
  let x = 0x2545f491;
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
  return Buffer.from(words.buffer);
}

/**
 * The kernel's file. Its bytes are what the baseline was measured with, so it has a writer of its own: those in
 * test/support/ make what tests need, in TypeScript, which Node doesn't run everywhere.
 */
function kernel() {
  const names = Buffer.from(`\0${Array.from({ length: SYMBOLS }, (_, i) => `symbol_${i}`).join("\0")}\0`);
  const sectionNames = Buffer.from("\0.text\0.data\0.bss\0.symtab\0.strtab\0.shstrtab\0");
  const dataAt = TEXT_SIZE;
  const symbolsAt = dataAt + DATA_SIZE;
  const namesAt = symbolsAt + SYMBOLS * SYMBOL_SIZE;
  const sectionNamesAt = namesAt + names.length;
  const sectionsAt = Math.ceil((sectionNamesAt + sectionNames.length) / 8) * 8;
  const sections = 7;
  const file = Buffer.alloc(sectionsAt + sections * 64);
  noise(symbolsAt).copy(file);
  names.copy(file, namesAt);
  sectionNames.copy(file, sectionNamesAt);

  const address = (offset) => KERNEL_BASE + LOAD_ADDRESS + BigInt(offset);
  let name = 1;
  for (let i = 0; i < SYMBOLS; i++) {
    const at = symbolsAt + i * SYMBOL_SIZE;
    file.writeUInt32LE(name, at);
    file.writeUInt8(0x12, at + 4);
    file.writeUInt16LE(1, at + 6);
    file.writeBigUInt64LE(address(PAGE + i * 16), at + 8);
    name += `symbol_${i}`.length + 1;
  }

  file.fill(0, 0, 0x1000);
  Buffer.from("7f454c4602010109", "hex").copy(file);
  file.writeUInt16LE(2, 16); // ET_EXEC
  file.writeUInt16LE(62, 18); // EM_X86_64
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(address(PAGE), 24);
  file.writeBigUInt64LE(64n, 32);
  file.writeBigUInt64LE(BigInt(sectionsAt), 40);
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  file.writeUInt16LE(64, 58);
  file.writeUInt16LE(sections, 60);
  file.writeUInt16LE(6, 62);
  const segment = (index, flags, offset, fileSize, memorySize) => {
    const at = 64 + index * 56;
    file.writeUInt32LE(1, at);
    file.writeUInt32LE(flags, at + 4);
    file.writeBigUInt64LE(BigInt(offset), at + 8);
    file.writeBigUInt64LE(address(offset), at + 16);
    file.writeBigUInt64LE(LOAD_ADDRESS + BigInt(offset), at + 24);
    file.writeBigUInt64LE(BigInt(fileSize), at + 32);
    file.writeBigUInt64LE(BigInt(memorySize), at + 40);
    file.writeBigUInt64LE(0x200000n, at + 48);
  };
  segment(0, 5, 0, TEXT_SIZE, TEXT_SIZE);
  segment(1, 6, dataAt, DATA_SIZE, DATA_SIZE + BSS_SIZE);
  const section = (index, label, type, flags, offset, size, link = 0, entry = 0) => {
    const at = sectionsAt + index * 64;
    file.writeUInt32LE(sectionNames.indexOf(`\0${label}\0`) + 1, at);
    file.writeUInt32LE(type, at + 4);
    file.writeBigUInt64LE(BigInt(flags), at + 8);
    if (flags) file.writeBigUInt64LE(address(offset), at + 16);
    file.writeBigUInt64LE(BigInt(offset), at + 24);
    file.writeBigUInt64LE(BigInt(size), at + 32);
    file.writeUInt32LE(link, at + 40);
    file.writeBigUInt64LE(BigInt(entry), at + 56);
  };
  section(1, ".text", 1, 6, PAGE, TEXT_SIZE - PAGE);
  section(2, ".data", 1, 3, dataAt, DATA_SIZE);
  section(3, ".bss", 8, 3, symbolsAt, BSS_SIZE);
  section(4, ".symtab", 2, 0, symbolsAt, SYMBOLS * SYMBOL_SIZE, 5, SYMBOL_SIZE);
  section(5, ".strtab", 3, 0, namesAt, names.length);
  section(6, ".shstrtab", 3, 0, sectionNamesAt, sectionNames.length);
  return file;
}

/** The files of a guest that only the commands of its loader.rc load. */
function plainScripts(boot) {
  writeFileSync(
    join(boot, "loader.rc"),
    ["load /boot/kernel/kernel", "load -t notes /boot/notes.txt", "set autoboot_delay=NO", "boot", ""].join("\n"),
  );
  return ["notes.txt"];
}

/**
 * Builds the disk NAME.img in `directory`; returns its path, its tree of files, the bytes of the loaded files and where
 * the kernel is. `addScripts` puts scripts into the directory it is given and returns which files besides the kernel they load.
 */
export function makeGuest(directory, name = "guest", addScripts = plainScripts) {
  const tree = join(directory, name);
  const boot = join(tree, "boot");
  mkdirSync(join(boot, "kernel"), { recursive: true });
  const files = { kernel: kernel(), "notes.txt": noise(256 * 1024) };
  writeFileSync(join(boot, "kernel", "kernel"), files.kernel);
  writeFileSync(join(boot, "notes.txt"), files["notes.txt"]);
  const loads = ["kernel", ...addScripts(boot)];
  const ufs = join(directory, `${name}.ufs`);
  const makefs = (args, options) => {
    try {
      execFileSync("makefs", args, options);
    } catch (error) {
      throw error.code === "ENOENT" ? new Error("the benchmarks need makefs (Debian: apt install makefs)") : error;
    }
  };
  makefs(["-t", "ffs", "-s", "24m", "-o", "version=2,bsize=32768,fsize=4096", ufs, tree], {
    stdio: ["ignore", "ignore", 2],
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  const path = join(directory, `${name}.img`);
  const partition = fileURLToPath(new URL("../images/tools/partition.mjs", import.meta.url));
  execFileSync(process.execPath, [partition, "gpt", ufs, path]);
  const loaded = loads.reduce((sum, file) => sum + files[file].length, 0);
  return { path, tree, loaded, kernelAt: readFileSync(path).indexOf(files.kernel.subarray(0, 4096)) };
}

/**
 * The floor of a guest's boots: reads exactly the bytes of the loaded files from its disk into one buffer. `read` gives
 * the ms that this takes now, `inLoop` the median of many times in a row, when the bytes are in the processor's cache.
 */
export function openFloor(guest) {
  const fd = openSync(guest.path, "r");
  const buffer = new Uint8Array(guest.loaded);
  const read = () => {
    const began = performance.now();
    readSync(fd, buffer, 0, guest.loaded, guest.kernelAt);
    return performance.now() - began;
  };
  return {
    read,
    inLoop: () => Array.from({ length: LOOP }, read).sort((a, b) => a - b)[LOOP >> 1],
    close: () => closeSync(fd),
  };
}
const LOOP = 40;
