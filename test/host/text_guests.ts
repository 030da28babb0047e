// Guests that put what acts on a terminal into every name that is theirs to choose.

import { createHash } from "node:crypto";
import { linkedFile } from "../support/elf_image.js";
import { GUID, gpt } from "../support/partition_tables.mjs";
import { bytesOf, SparseDisk } from "../support/sparse_disk.js";
import { UfsImage } from "../support/ufs_image.js";

/**
 * Clears the screen, sets the title, C1's CSI, colours, U+009B and a change of direction in UTF-8, DEL, what isn't
 * UTF-8. No separator of the loader's commands or of paths is in it.
 */
export const ACTING = "\x1b[2J\x1b]0;x\x07\x9b31m\xc2\x9b1m\xe2\x80\xae\x7f\xff";
/** The same with a line of its own, where a name may have one. */
export const ACTING_LINES = `a${ACTING}\nuserboot: all is well\r\n${ACTING}`;

const SECTOR = 512;
const FIRST = 2048;
const SECTORS = 16384;

/** A disk whose `/boot/loader` wants `interpreter` and whose Lua script is `script`. */
function disk(interpreter: string, script: string): Uint8Array {
  const whole = new SparseDisk(SECTORS * SECTOR);
  const entry = { type: GUID.ufs, first: FIRST, last: SECTORS - 64, name: `p${ACTING}` };
  for (const [offset, bytes] of gpt({ sectors: SECTORS, entries: [entry] })) whole.write(offset, bytes);
  const at = FIRST * SECTOR;
  const image = new UfsImage({ version: 2, blockSize: 4096, fragmentSize: 4096, superblockAt: 65536, at, disk: whole });
  const boot = image.directory(image.root, "boot");
  image.file(boot, "loader", `a loader $Interpreter:${interpreter}\0`);
  image.file(image.directory(boot, "lua"), "loader.lua", script);
  image.file(boot, `data${ACTING}`, "data");
  image.file(boot, `lines${ACTING_LINES}`, "data");
  const kernel = linkedFile({ bits: 64, segments: [{ size: 8192 }, { size: 8192, writable: true }] });
  image.file(image.directory(boot, `kernel${ACTING}`), `kernel${ACTING}`, kernel.bytes);
  const finished = image.finish();
  // fs_volname
  finished.write(image.superblockOffset + 680, Buffer.from(`v${ACTING}`.slice(0, 31), "latin1"));
  return bytesOf(whole);
}

/** Every byte of a text as an escape of Lua. */
const lua = (text: string) =>
  `"${Array.from(text, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`).join("")}"`;

/** Sets variables, loads files, and does `last`. */
const script = (last: string) => `
  local a, l = ${lua(ACTING)}, ${lua(ACTING_LINES)}
  loader.setenv("v" .. a, a)
  loader.setenv("lines", l)
  local f = io.open("/boot/lines" .. l)
  io.read(f, 4)
  io.close(f)
  loader.perform("load /boot/kernel" .. a .. "/kernel" .. a .. " argument" .. a)
  loader.perform("load -t type" .. a .. " /boot/data" .. a)
  ${last}`;

/** Enters its kernel. */
export const enters = () => disk("lua", script('loader.perform("boot -" .. a)'));
/** Is at the prompt, where keys run out. */
export const waits = () => disk("lua", script(`loader.setenv("autoboot_delay", "NO")`));
/** Wants an interpreter of such a name. */
export const swaps = () => disk(ACTING, "");
/** Ends with an error of its script. */
export const fails = () => disk("lua", script(`loader.setenv("autoboot_delay", "NO") error(l)`));

/**
 * A copy of the disk `image` of a ZFS pool, which begins at byte `at` and has these `labels`, with a name that acts in
 * the place of `name`, as long as that.
 */
export function renamePool(image: Uint8Array, at: number, labels: readonly number[], name: string): Uint8Array {
  const disk = Buffer.from(image);
  for (const label of labels) {
    const config = disk.subarray(at + label + 16384, at + label + 131072);
    const place = config.indexOf(
      Buffer.from(`\0\0\0\x04name\0\0\0\x09\0\0\0\x01\0\0\0${String.fromCharCode(name.length)}${name}`, "latin1"),
    );
    config.write(ACTING.slice(0, name.length), place + 20, "latin1");
    const tail = config.subarray(config.length - 32);
    tail.fill(0);
    tail.writeBigUInt64LE(BigInt(label + 16384));
    const digest = createHash("sha256").update(config).digest();
    for (let i = 0; i < 32; i += 8) tail.writeBigUInt64LE(digest.readBigUInt64BE(i), i);
  }
  return disk;
}
