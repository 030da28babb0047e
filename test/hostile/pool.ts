// What the families of pools share: the pool `history` of images/pools, how it is changed with all checksums made right, and how
// such cases end.

import type { SparseDisk } from "../support/sparse_disk.js";
import { type DnodePlace, editLabels, numbersIn, ZfsPool } from "../support/zfs_pool.js";
import type { Guest } from "./case.js";
import { poolDisks } from "./packed.js";

export const MIB = 1 << 20;
export const ROOT = "ROOT/default";
export const TEXT = "This file is loaded as raw data";
export const NOTES = "/boot/notes.txt";
export const FILE = "/files/noise";
/** Fields of a dnode, and of a block pointer. */
export const SHIFT = 1;
export const LEVELS = 2;
export const POINTERS = 3;
export const BONUS_TYPE = 4;
export const SECTORS = 8;
export const BONUS = 10;
export const SLOTS = 12;
export const LAST = 16;
export const POINTER = 64;
export const PROPERTIES = 48;
/** Loads a file of noise, and reads one of text. */
const LINES = ["load /boot/kernel/kernel", `load -t raw ${FILE}`, `more ${NOTES}`];

const guestOf = (disks: readonly SparseDisk[], lines: readonly string[] = LINES): Guest => ({
  disks,
  lines,
  // The pool's own start-up script loads all there is.
  options: { overlay: { "/boot/loader.rc": null } },
});
/** The pool `history`, changed. */
export function changed(change: (pool: ZfsPool, disk: SparseDisk) => void, lines: readonly string[] = LINES): Guest {
  const [disk] = poolDisks("history") as [SparseDisk];
  change(new ZfsPool(disk), disk);
  return guestOf([disk], lines);
}
export const label = (change: (config: Buffer) => void) => changed((_, disk) => editLabels(disk, "config", change));
/** Gives a number of all labels another value, wherever it is. */
export const labelNumber = (name: string, value: bigint, which = 0) =>
  label((config) => {
    const at = numbersIn(config, name)[which];
    if (at === undefined) throw new Error(`no ${name} in the label`);
    config.writeBigUInt64BE(value, at);
  });
export const uberblock = (change: (block: Buffer) => void) => changed((pool) => pool.edit(undefined, change));
export const fileOf = (pool: ZfsPool, path = FILE) => pool.file(pool.dataset(ROOT).objects, path);
export const dnode = (change: (bytes: Buffer) => void, lines = LINES) =>
  changed((pool) => pool.editDnode(fileOf(pool), change), lines);
export const pointer = (change: (bytes: Buffer, pool: ZfsPool, file: DnodePlace) => void) =>
  changed((pool) => {
    const file = fileOf(pool);
    pool.editDnode(file, (bytes) => change(bytes.subarray(POINTER, POINTER + 128), pool, file));
  });
/** What a pointer says of a block that isn't compressed. */
export function properties(bytes: Buffer, size: number, checksum = 7n, compression = 2n): void {
  const sectors = BigInt(size / 512 - 1);
  const kept = bytes.readBigUInt64LE(PROPERTIES) & 0xffff000000000000n;
  bytes.writeBigUInt64LE(kept | (checksum << 40n) | (compression << 32n) | (sectors << 16n) | sectors, PROPERTIES);
}
/** Changes the meta object set: its first pointers are the pool's directory's. */
export const mos = (change: (pool: ZfsPool) => void) => changed(change);
/** Makes the file one of a single block of 512 bytes, which its pointer says so of. */
export const embedded = (says: bigint) =>
  changed((pool) => {
    const file = fileOf(pool);
    pool.editDnode(file, (bytes) => {
      bytes.writeUInt8(1, LEVELS);
      bytes.writeUInt16LE(1, SECTORS);
      bytes.writeBigUInt64LE(0n, LAST);
      bytes.writeBigUInt64LE(
        (1n << 63n) | (19n << 48n) | (1n << 39n) | (2n << 32n) | 511n | says,
        POINTER + PROPERTIES,
      );
    });
    pool.resize(file, 512n);
  });
export const bonusOf = (of: (pool: ZfsPool) => DnodePlace, at: number, value: bigint, lines = LINES) =>
  changed((pool) => pool.setBonus(of(pool), at, value), lines);
export const dataset = (pool: ZfsPool) => pool.dataset(ROOT);

/** Nothing of the pool can be read; all but the file that is damaged; all of it. */
export const lost = (...reports: string[]) => ({ reports, hides: [TEXT] });
export const kept = (...reports: string[]) => ({ reports, prints: [TEXT], hides: [`${FILE} size=`] });
export const whole = (...reports: string[]) => ({ reports, prints: [`${FILE} size=0x9c43`, TEXT] });
/** The latest state can't be read, the one before is. */
export const before = (...reports: string[]) => whole(...reports, "ZFS transaction group 51 given up, 42 is taken");
/** Blocks of the meta object set in the latest state, of which no copy is good. */
export const copies = (why: string, name = "vda1") =>
  [1_104_384, 17_484_288, 34_081_280].map((at) => `ZFS block at vdev 0 (${name}) offset ${at}: ${why}`);
export const unread = (group: number) => `ZFS transaction group ${group}: can't read MOS of pool zroot`;
/** No state can be read. */
export const states = [51, 42, 40, 39, 38, 32, 31, 30, 29, 28, 27, 26];
export const NO_OBJECTS = "zfs:zroot: ZFS object set can't be read";

/** Gives an entry of a small table, or of a large one's first leaf, another number. */
export function zapNumber(pool: ZfsPool, table: DnodePlace, name: string, value: bigint): void {
  const old = pool.zap(table).get(name);
  if (old === undefined) throw new Error(`no ${name}`);
  const last = Number(pool.dnode(table).readBigUInt64LE(LAST));
  for (let i = 0; i <= last; i++) {
    const block = pool.block(table, i);
    const data = pool.read(block);
    const micro = data.indexOf(`${name}\0`, 0, "latin1") - 14;
    if (i === 0 && data.readBigUInt64LE(0) === 0x8000000000000003n && micro > 0) {
      data.writeBigUInt64LE(value, micro);
      pool.write(block, data);
      return;
    }
    if (data.readBigUInt64LE(0) !== 0x8000000000000000n) continue;
    // In a leaf numbers are stored the high byte first.
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(old);
    const found = data.indexOf(bytes);
    if (found < 0) continue;
    data.writeBigUInt64BE(value, found);
    pool.write(block, data);
    return;
  }
  throw new Error(`${name} isn't found`);
}
