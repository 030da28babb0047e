// Hostile objects of pools: dnodes, attributes, block pointers, gang blocks, tables.

import type { ZfsPool } from "../support/zfs_pool.js";
import { type Family, type Guest, le, type Row } from "./case.js";
import {
  BONUS,
  BONUS_TYPE,
  changed,
  dnode,
  embedded,
  FILE,
  fileOf,
  kept,
  LAST,
  LEVELS,
  MIB,
  NOTES,
  POINTER,
  POINTERS,
  PROPERTIES,
  pointer,
  properties,
  SECTORS,
  SHIFT,
  SLOTS,
  TEXT,
  whole,
  zapNumber,
} from "./pool.js";

const dnodeRows: Row[] = [
  [
    "ZFS file of no blocks' size",
    () => dnode((bytes) => bytes.writeUInt16LE(0, SECTORS)),
    kept("ZFS object 10: block size 0"),
  ],
  [
    "ZFS file of blocks of 32 MiB less 512",
    () => dnode((bytes) => bytes.writeUInt16LE(0xffff, SECTORS)),
    kept("ZFS object 10: block size 33553920"),
  ],
  ["ZFS file of no levels", () => dnode((bytes) => bytes.writeUInt8(0, LEVELS)), kept("ZFS object 10: 0 levels")],
  ["ZFS file of 255 levels", () => dnode((bytes) => bytes.writeUInt8(255, LEVELS)), kept("ZFS object 10: 255 levels")],
  [
    "ZFS file of indirect blocks of 2^255 bytes",
    () => dnode((bytes) => bytes.writeUInt8(255, SHIFT)),
    kept("ZFS object 10: indirect blocks of 2^255 bytes"),
  ],
  [
    "ZFS file of indirect blocks of a byte",
    () => dnode((bytes) => bytes.writeUInt8(0, SHIFT)),
    kept("ZFS object 10: indirect blocks of 2^0 bytes"),
  ],
  [
    "ZFS file of no block pointers",
    () => dnode((bytes) => bytes.writeUInt8(0, POINTERS)),
    kept("ZFS object 10: 0 block pointers"),
  ],
  [
    "ZFS file of 255 block pointers",
    () => dnode((bytes) => bytes.writeUInt8(255, POINTERS)),
    kept("ZFS object 10: 255 block pointers"),
  ],
  [
    "ZFS file of a bonus of 65535 bytes",
    () => dnode((bytes) => bytes.writeUInt16LE(65_535, BONUS)),
    kept("ZFS object 10: bonus of 65535 bytes"),
  ],
  [
    "ZFS file of a bonus of no bytes",
    () => dnode((bytes) => bytes.writeUInt16LE(0, BONUS)),
    kept("ZFS object 10: attributes: one is missing"),
  ],
  ["ZFS file of 255 slots", () => dnode((bytes) => bytes.writeUInt8(255, SLOTS)), whole()],
  ["ZFS file that isn't in use", () => dnode((bytes) => bytes.writeUInt8(0, 0)), kept("ZFS object 10: not in use")],
  [
    "ZFS file of 2^64 - 1 blocks",
    () => dnode((bytes) => bytes.writeBigUInt64LE(2n ** 64n - 1n, LAST)),
    kept("ZFS object 10: 18446744073709551615 as its last block"),
  ],
  [
    "ZFS file of one level more than it has",
    () => dnode((bytes) => bytes.writeUInt8(bytes.readUInt8(LEVELS) + 1, LEVELS)),
    kept(
      "ZFS block at vdev 311099122 (no disk of it is there) offset 18446744073709551104: missing",
      "ZFS block at vdev 2022194428 (no disk of it is there) offset 18446744073709551104: missing",
      "ZFS block at vdev 3562604774 (no disk of it is there) offset 18446744073709551104: missing",
      "ZFS object 10: block 0 can't be read",
    ),
  ],
  [
    "ZFS file of 2^64 - 1 bytes",
    () => ({ ...changed((pool) => pool.resize(fileOf(pool), 2n ** 64n - 1n), [`ls -l /files`, `more ${NOTES}`]) }),
    { prints: ["-1 noise", TEXT] },
  ],
  [
    "ZFS file that ends before its last block",
    () => changed((pool) => pool.resize(fileOf(pool), 1n)),
    { prints: [`${FILE} size=0x1\n`, TEXT] },
  ],
  [
    "ZFS file whose attributes are of another kind",
    () => dnode((bytes) => bytes.writeUInt8(17, BONUS_TYPE)),
    kept("ZFS object 10: attributes of 176 bytes"),
  ],
  [
    "ZFS attributes without their magic number",
    () => changed((pool) => bonusBytes(pool, 0, le(7, 4))),
    kept("ZFS object 10: attributes of 176 bytes"),
  ],
  [
    "ZFS attributes with a head longer than they are",
    () => changed((pool) => bonusBytes(pool, 4, le(0xfc02, 2))),
    kept("ZFS object 10: head of attributes of 504 bytes"),
  ],
  [
    "ZFS attributes in a layout that there isn't",
    () => changed((pool) => bonusBytes(pool, 4, le(0x07ff, 2))),
    kept("ZFS object 36: no layout 1023"),
  ],
  [
    "ZFS directory entry of an object that there isn't",
    () => changed((pool) => zapNumber(pool, fileOf(pool, "/files"), "noise", (8n << 60n) | 0xffffffffffffn)),
    kept("ZFS object 281474976710655: not in use"),
  ],
  [
    "ZFS directory entry that leads back to its directory",
    () =>
      changed(
        (pool) => {
          const files = pool.zap(fileOf(pool, "/")).get("files") ?? 0n;
          zapNumber(pool, fileOf(pool, "/files"), "noise", files);
        },
        ["ls /files/noise/noise/noise", `more /files/noise/../..${NOTES}`],
      ),
    { prints: ["noise", "sparse", TEXT] },
  ],
];

function bonusBytes(pool: ZfsPool, at: number, bytes: Uint8Array): void {
  const file = fileOf(pool);
  const start = pool.bonusAt(file) + at;
  pool.editDnode(file, (dnode) => dnode.set(bytes, start));
}

const pointerRows: Row[] = [
  [
    "ZFS pointer to a block of 32 MiB",
    () => pointer((bytes) => properties(bytes, 32 * MIB)),
    kept("ZFS block pointer: size 33554432", "ZFS object 10: block 0 can't be read"),
  ],
  [
    "ZFS pointer to a vdev that there isn't",
    () => pointer((bytes) => bytes.fill(0xff, 0, 16)),
    kept(
      "ZFS block at vdev 4294967295 (no disk of it is there) offset 18446744073709551104: missing",
      "ZFS object 10: block 0 can't be read",
    ),
  ],
  [
    "ZFS pointer beyond the disk",
    () => pointer((bytes) => bytes.writeBigUInt64LE(2n ** 54n, 8)),
    kept(
      "ZFS block at vdev 0 (vda1) offset 9223372036854775808: wrong checksum, or unreadable",
      "ZFS object 10: block 0 can't be read",
    ),
  ],
  ["ZFS pointer of no copies", () => pointer((bytes) => bytes.fill(0, 0, 48)), whole()],
  [
    "ZFS pointer of another checksum",
    () => pointer((bytes) => bytes.fill(0x5a, 96, 128)),
    kept(
      "disk0 offset 6234112: ZFS block of 40448 bytes: checksum",
      "ZFS block at vdev 0 (vda1) offset 991232: wrong checksum, or unreadable",
      "ZFS object 10: block 0 can't be read",
    ),
  ],
  [
    "ZFS pointer of a checksum that there isn't",
    () => pointer((bytes) => bytes.writeUInt8(77, PROPERTIES + 5)),
    kept(
      "disk0 offset 6234112: ZFS block: checksum of unknown kind 77",
      "ZFS block at vdev 0 (vda1) offset 991232: wrong checksum, or unreadable",
      "ZFS object 10: block 0 can't be read",
    ),
  ],
  [
    "ZFS pointer of a compression that there isn't",
    () => pointer((bytes) => bytes.writeUInt8((bytes.readUInt8(PROPERTIES + 4) & 0x80) | 77, PROPERTIES + 4)),
    kept(
      "ZFS block: unknown compression 77",
      "ZFS block at vdev 0 (vda1) offset 991232: wrong checksum, or unreadable",
      "ZFS object 10: block 0 can't be read",
    ),
  ],
  [
    "ZFS pointer of gzip to what is none",
    () => pointer((bytes) => bytes.writeUInt8((bytes.readUInt8(PROPERTIES + 4) & 0x80) | 10, PROPERTIES + 4)),
    kept(
      "ZFS block: gzip-6 data",
      "ZFS block at vdev 0 (vda1) offset 991232: wrong checksum, or unreadable",
      "ZFS object 10: block 0 can't be read",
    ),
  ],
  [
    "ZFS pointer of LZ4 to what is none",
    () => pointer((bytes) => bytes.writeUInt8((bytes.readUInt8(PROPERTIES + 4) & 0x80) | 15, PROPERTIES + 4)),
    kept(
      "ZFS block: lz4 data",
      "ZFS block at vdev 0 (vda1) offset 991232: wrong checksum, or unreadable",
      "ZFS object 10: block 0 can't be read",
    ),
  ],
  [
    "ZFS pointer of zstd to what is none",
    () => pointer((bytes) => bytes.writeUInt8((bytes.readUInt8(PROPERTIES + 4) & 0x80) | 16, PROPERTIES + 4)),
    kept(
      "ZFS block: zstd data",
      "ZFS block at vdev 0 (vda1) offset 991232: wrong checksum, or unreadable",
      "ZFS object 10: block 0 can't be read",
    ),
  ],
  [
    "ZFS pointer of a big-endian machine",
    () => pointer((bytes) => bytes.writeUInt8(bytes.readUInt8(PROPERTIES + 7) & 0x7f, PROPERTIES + 7)),
    kept(
      "disk0 offset 6234112: ZFS block: of a big-endian machine, which can't be read",
      "ZFS block at vdev 0 (vda1) offset 991232: wrong checksum, or unreadable",
      "ZFS object 10: block 0 can't be read",
    ),
  ],
  [
    "ZFS pointer with 128 bytes in it",
    () => embedded(127n << 25n),
    kept("ZFS block pointer: 128 bytes of data in it", "ZFS object 10: block 0 can't be read"),
  ],
  [
    "ZFS pointer to what was never received",
    () => embedded(2n << 40n),
    kept("ZFS block: redacted, it was never received", "ZFS object 10: block 0 can't be read"),
  ],
  ["ZFS pointer of a hole where the file has bytes: zeros", () => pointer((bytes) => bytes.fill(0)), whole()],
  [
    "ZFS gang block of nothing",
    () => gang(() => []),
    kept(
      "ZFS gang block: parts of 0 bytes, not 40448",
      "ZFS block at vdev 0 (vda1) offset 61337600: wrong checksum, or unreadable",
      "ZFS object 10: block 0 can't be read",
    ),
  ],
  [
    "ZFS gang block of itself",
    () =>
      changed((pool) => {
        const file = fileOf(pool);
        pool.gangOf(file, (whole) => [whole, whole]);
      }),
    kept(
      "ZFS gang block: more than 10 deep",
      "ZFS block at vdev 0 (vda1) offset 61337600: wrong checksum, or unreadable",
      "ZFS object 10: block 0 can't be read",
    ),
  ],
  [
    "ZFS gang block of more than it is",
    () => gang((whole) => [whole, whole]),
    kept(
      "ZFS gang block: parts larger than 40448 bytes",
      "ZFS block at vdev 0 (vda1) offset 61337600: wrong checksum, or unreadable",
      "ZFS object 10: block 0 can't be read",
    ),
  ],
  [
    "ZFS gang block of ones, too deep",
    () => gang((whole) => [whole], 11),
    kept(
      "ZFS gang block: more than 10 deep",
      "ZFS block at vdev 0 (vda1) offset 61337600: wrong checksum, or unreadable",
      "ZFS block at vdev 0 (vda1) offset 59678720: wrong checksum, or unreadable",
      "ZFS block at vdev 0 (vda1) offset 58019840: wrong checksum, or unreadable",
      "ZFS block at vdev 0 (vda1) offset 56360960: wrong checksum, or unreadable",
      "ZFS block at vdev 0 (vda1) offset 54702080: wrong checksum, or unreadable",
      "ZFS block at vdev 0 (vda1) offset 53043200: wrong checksum, or unreadable",
      "ZFS block at vdev 0 (vda1) offset 51384320: wrong checksum, or unreadable",
      "ZFS block at vdev 0 (vda1) offset 49725440: wrong checksum, or unreadable",
      "ZFS block at vdev 0 (vda1) offset 48066560: wrong checksum, or unreadable",
      "ZFS block at vdev 0 (vda1) offset 46407680: wrong checksum, or unreadable",
      "ZFS block at vdev 0 (vda1) offset 44748800: wrong checksum, or unreadable",
      "ZFS object 10: block 0 can't be read",
    ),
  ],
];

/** Makes a file's first block one of parts, so many times. */
function gang(parts: (whole: Buffer) => Buffer[], times = 1): Guest {
  return changed((pool) => {
    const file = fileOf(pool);
    const size = pool.blockSize(file);
    for (let i = 0; i < times; i++) {
      const whole = Buffer.from(pool.dnode(file).subarray(POINTER, POINTER + 128));
      pool.gangOf(file, () => parts(whole));
      pool.editDnode(file, (bytes) => properties(bytes.subarray(POINTER, POINTER + 128), size, 2n));
    }
  });
}

/** Makes a directory one whose table is large, of these blocks. */
function table(blocks: readonly Buffer[], last = BigInt(blocks.length - 1)): Guest {
  return changed(
    (pool) => {
      const folder = fileOf(pool, "/files");
      const size = blocks[0]?.length ?? 512;
      pool.editDnode(folder, (bytes) => {
        bytes.writeUInt8(14, SHIFT);
        bytes.writeUInt8(2, LEVELS);
        bytes.writeUInt16LE(size / 512, SECTORS);
        bytes.writeBigUInt64LE(last, LAST);
      });
      const indirect = Buffer.alloc(16_384);
      pool.write({ parent: folder.block, at: folder.at + POINTER }, indirect);
      for (const [i, data] of blocks.entries())
        pool.write({ parent: { parent: folder.block, at: folder.at + POINTER }, at: i * 128 }, data);
    },
    ["ls /files", "more /files/noise", `more ${NOTES}`],
  );
}
const BLOCK = 16_384;
/** The header of a large table: where its own table is, of 2^`shift` entries. */
function zapHeader(at: bigint, shift: bigint, magic = 0x2f52ab2abn): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.writeBigUInt64LE((1n << 63n) + 1n, 0);
  header.writeBigUInt64LE(magic, 8);
  header.writeBigUInt64LE(at, 16);
  header.writeBigUInt64LE(shift, 32);
  header.writeBigUInt64LE(3n, 56);
  return header;
}
/** One whose entries all lead to block `leaf`. */
function leads(leaf: bigint): Buffer {
  const header = zapHeader(0n, 10n);
  for (let at = BLOCK / 2; at < BLOCK; at += 8) header.writeBigUInt64LE(leaf, at);
  return header;
}
function leaf(fill: (data: Buffer) => void): Buffer {
  const data = Buffer.alloc(BLOCK);
  data.writeBigUInt64LE(1n << 63n, 0);
  data.writeUInt32LE(0x2ab1eaf, 24);
  fill(data);
  return data;
}
const ENTRIES = 48 + BLOCK / 16;

const zapRows: Row[] = [
  [
    "ZFS table of a kind that there isn't",
    () => table([Buffer.alloc(BLOCK, 7)]),
    kept("ZFS object 4: ZAP: kind 506381209866536711"),
  ],
  [
    "ZFS table of another magic number",
    () => table([zapHeader(0n, 10n, 1n)]),
    kept("ZFS object 4: ZAP: kind 9223372036854775809"),
  ],
  [
    "ZFS table of 2^0 entries",
    () => table([zapHeader(0n, 0n), leaf(() => {})]),
    kept("ZFS object 4: ZAP: table of 2^0 entries"),
  ],
  [
    "ZFS table of 2^64 entries",
    () => table([zapHeader(0n, 64n), leaf(() => {})]),
    kept("ZFS object 4: ZAP: table of 2^64 entries"),
  ],
  [
    "ZFS table of more entries in its header than it has room for",
    () => table([zapHeader(0n, 30n), leaf(() => {})]),
    kept("ZFS object 4: ZAP: table of 2^30 entries"),
  ],
  [
    "ZFS table whose own table is beyond it",
    () => table([zapHeader(2n ** 40n, 10n), leaf(() => {})]),
    kept("ZFS object 4: ZAP: block 1099511627776"),
  ],
  [
    "ZFS table whose leaf is itself",
    () => table([leads(0n), leaf(() => {})]),
    kept("ZFS object 4: ZAP: block 0 is no leaf"),
  ],
  [
    "ZFS table whose leaf is beyond it",
    () => table([leads(2n ** 50n), leaf(() => {})]),
    kept("ZFS object 4: ZAP: block 1125899906842624"),
  ],
  [
    "ZFS table whose leaf's offset comes round to another one's, in 2^64 blocks",
    () => table([leads(2n ** 50n + 1n), leaf(() => {})], 2n ** 64n - 1n),
    kept("ZFS object 4: 18446744073709551615 as its last block"),
  ],
  [
    "ZFS leaf without its magic number",
    () => table([leads(1n), leaf((data) => data.writeUInt32LE(0, 24))]),
    kept("ZFS object 4: ZAP: block 1 is no leaf"),
  ],
  [
    "ZFS leaf of a prefix of 65535 bits",
    () => table([leads(1n), leaf((data) => data.writeUInt16LE(0xffff, 32))]),
    kept("ZFS object 4: ZAP: prefix of 65535 bits"),
  ],
  [
    "ZFS leaf whose chain of entries has no end",
    () => table([leads(1n), leaf((data) => data.fill(0, 48, ENTRIES))]),
    kept("ZFS object 4: ZAP: chain of entries"),
  ],
  [
    "ZFS leaf whose chain of entries leads out of it",
    () => table([leads(1n), leaf((data) => data.fill(0xfe, 48, ENTRIES))]),
    kept("ZFS object 4: ZAP: chain of entries"),
  ],
  [
    "ZFS leaf with a name of 65535 bytes",
    () =>
      table([
        leads(1n),
        leaf((data) => {
          data.fill(0xff, 48, ENTRIES);
          data.writeUInt8(252, ENTRIES);
          data.writeUInt8(8, ENTRIES + 1);
          data.writeUInt16LE(0xffff, ENTRIES + 6);
        }),
      ]),
    kept("ZFS object 4: ZAP: name of 65535 bytes"),
  ],
  [
    "ZFS leaf with a name whose chunks come back",
    () =>
      table([
        leads(1n),
        leaf((data) => {
          data.fill(0xff, 48, ENTRIES);
          data.writeUInt8(252, ENTRIES);
          data.writeUInt8(8, ENTRIES + 1);
          data.writeUInt16LE(1, ENTRIES + 4);
          data.writeUInt16LE(250, ENTRIES + 6);
          data.writeUInt16LE(1, ENTRIES + 10);
          data.writeUInt16LE(1, ENTRIES + 8);
          data.fill(0x61, ENTRIES + 24, ENTRIES + 46);
          data.writeUInt16LE(1, ENTRIES + 46);
        }),
      ]),
    kept(),
  ],
];

export const zfsObjects: Family = { name: "zfs objects", rows: [...dnodeRows, ...pointerRows, ...zapRows] };
