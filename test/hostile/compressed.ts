// Hostile compressed files: gzip, bzip2, xz, zstd, lz4: headers, blocks, checksums, bombs, ends that don't come. What is changed
// was made by the programs of those names; or it is made here, bit by bit.

import { crc32, gzipSync } from "node:zlib";
import { UfsImage, ufsDisk } from "../support/ufs_image.js";
import { bytesAt, type Edit, edited, type Family, type Guest, harmed, le, type Row } from "./case.js";
import { packedDisk } from "./packed.js";

/** Where the packed base has its inodes, and how large its fragments are. */
const INODES = 81_920;
const FRAGMENT = 2048;
const NAMES = [
  "one.gz",
  "two.gz",
  "three.gz",
  "four.bz2",
  "five.bz2",
  "six.xz",
  "seven.xz",
  "eight.xz",
  "nine.zst",
].concat(["ten.zst", "eleven.zst", "twelve.lz4", "dozen.lz4"]);
const known = new Map<string, Buffer>();

/** A file of the packed base. */
function packed(name: string): Buffer {
  const made = known.get(name);
  if (made !== undefined) return made;
  const disk = packedDisk("compressed");
  const inode = bytesAt(disk, INODES + (3 + NAMES.indexOf(name)) * 256, 256);
  const file = bytesAt(disk, Number(inode.readBigUInt64LE(112)) * FRAGMENT, Number(inode.readBigUInt64LE(16)));
  known.set(name, file);
  return file;
}

const BEGIN = "line 0 of ";
const END = "=".repeat(40);
const file = (suffix: string, bytes: Uint8Array): Guest => ({
  disks: [ufsDisk({ [`/file${suffix}`]: bytes, "/other": "good content\n" })],
  lines: ["more /file", "more /other"],
});
const bad = (...reports: string[]) => ({ reports, prints: ["good content\n"], hides: [END] });
/** All of it is handed out, and then said to be wrong. */
const late = (report: string) => ({ reports: [report], prints: ["good content\n"] });
const changedFile = (name: string, ...edits: Edit[]): Guest =>
  file(name.slice(name.lastIndexOf(".")), edited(packed(name), ...edits));
const cutFile = (name: string, size: number): Guest =>
  file(name.slice(name.lastIndexOf(".")), packed(name).subarray(0, size));
const gz = (deflated: Uint8Array) =>
  file(".gz", Buffer.concat([Buffer.from("1f8b080000000000000003", "hex").subarray(0, 10), deflated]));
const flate = (...bytes: number[]) => gz(Buffer.from([...bytes, 0, 0, 0, 0, 0, 0, 0, 0]));
const ends = (limit: string) => ({ end: "LimitError", message: `limit ${limit} exceeded` });

/** A file that begins so and goes on with zeros: a hole, for which nothing is read. Going through it takes fuel all the same. */
function endless(suffix: string, begin: Uint8Array): Guest {
  const image = new UfsImage({ version: 2, blockSize: 4096, fragmentSize: 4096, superblockAt: 65_536 });
  const inode = image.file(image.root, `file${suffix}`, begin);
  const disk = harmed(image.finish(), [image.inodeOffset(inode) + 16, le(2 ** 26, 8)]);
  return { disks: [disk], lines: ["more /file"], options: { limits: { fuel: 2_000_000 } } };
}

const gzipRows: Row[] = [
  ["gzip of another method", () => changedFile("one.gz", [2, le(7, 1)]), bad("/file.gz: gzip header: not recognised")],
  ["gzip of reserved flags", () => changedFile("one.gz", [3, le(0xe0, 1)]), bad("gzip header: not recognised")],
  [
    "gzip whose extra field is longer than it",
    () => changedFile("two.gz", [3, le(4, 1)], [10, le(0xffff, 2)]),
    bad("gzip header: not recognised"),
  ],
  [
    "gzip whose name has no end",
    () =>
      file(
        ".gz",
        Buffer.concat([Buffer.from("1f8b080800000000000003", "hex").subarray(0, 10), Buffer.alloc(5000, "n")]),
      ),
    bad("gzip header: not recognised"),
  ],
  ["gzip of nine bytes", () => cutFile("one.gz", 9), bad("gzip header: not recognised")],
  ["gzip cut off in its middle", () => cutFile("one.gz", 2000), bad("gzip stream: unexpected EOF")],
  [
    "gzip cut off before its checksum",
    () => cutFile("one.gz", packed("one.gz").length - 8),
    late("gzip stream: checksum missing"),
  ],
  [
    "gzip of another checksum",
    () => changedFile("one.gz", [packed("one.gz").length - 8, le(7, 4)]),
    late("gzip stream: checksum"),
  ],
  [
    "gzip that says it has 4 GiB",
    () => changedFile("one.gz", [packed("one.gz").length - 4, le(-1, 4)]),
    late("bytes, not 4294967295"),
  ],
  ["deflate of a type that there isn't", () => flate(0x07), bad("gzip stream: invalid block type")],
  [
    "deflate of a stored block of two lengths",
    () => flate(0x01, 5, 0, 5, 0),
    bad("gzip stream: invalid stored block lengths"),
  ],
  [
    "deflate of a stored block longer than the file",
    () => gz(Buffer.from([1, 0xff, 0xff, 0, 0, 1, 2])),
    bad("gzip stream: unexpected EOF"),
  ],
  [
    "deflate that repeats what is before its beginning",
    () => flate(0x03, 0x02),
    bad("gzip stream: invalid distance too far back"),
  ],
  [
    "deflate of 32 codes of distances",
    () => flate(0x05 | 0xf8, 0xff, 0xff),
    bad("gzip stream: too many length or distance symbols"),
  ],
  [
    "deflate whose codes are more than there can be",
    () => flate(0x05, 0xe0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
    bad("gzip stream: invalid code lengths set"),
  ],
  [
    "gzip bomb of 64 MiB on the console",
    () => file(".gz", gzipSync(Buffer.alloc(1 << 26, "bomb\n"), { level: 1 })),
    ends("consoleBytes"),
  ],
  [
    "gzip in a gzip in a gzip: one is unpacked",
    () => file(".gz.gz.gz", gzipSync(gzipSync(gzipSync("inner")))),
    { prints: ["can't open '/file': no such file or directory"] },
  ],
  [
    "gzip that is a directory",
    () => {
      const image = new UfsImage({ version: 2, blockSize: 4096, fragmentSize: 4096, superblockAt: 65_536 });
      image.directory(image.root, "file.gz");
      image.file(image.root, "other", "good content\n");
      return { disks: [image.finish()], lines: ["more /file", "more /other"] };
    },
    { prints: ["can't open '/file'", "good content\n"] },
  ],
];

const bzip2Rows: Row[] = [
  ["bzip2 of level 0", () => changedFile("four.bz2", [3, "0"]), bad("/file.bz2: bzip2 header: not recognised")],
  [
    "bzip2 of a block that is none",
    () => changedFile("four.bz2", [4, "123456"]),
    bad("bzip2 stream: BZ2_bzDecompress returned -4"),
  ],
  [
    "bzip2 with a flipped bit in its block's checksum",
    () => changedFile("four.bz2", [10, le(7, 1)]),
    late("bzip2 stream: BZ2_bzDecompress returned -4"),
  ],
  [
    "bzip2 that says it is mixed",
    () => changedFile("four.bz2", [14, le(0xff, 1)]),
    bad("bzip2 stream: BZ2_bzDecompress returned -4"),
  ],
  [
    "bzip2 whose first byte is beyond its block",
    () => changedFile("four.bz2", [14, le(0x7f, 1)], [15, le(0xff, 2)]),
    bad("bzip2 stream: BZ2_bzDecompress returned -4"),
  ],
  [
    "bzip2 of no symbols",
    () => changedFile("four.bz2", [17, le(0, 3)]),
    bad("bzip2 stream: BZ2_bzDecompress returned -4"),
  ],
  ["bzip2 cut off in its block", () => cutFile("four.bz2", 500), bad("bzip2 stream: unexpected EOF")],
  [
    "bzip2 of another checksum of all",
    () => changedFile("four.bz2", [packed("four.bz2").length - 4, le(0x77, 1)]),
    late("bzip2 stream: BZ2_bzDecompress returned -4"),
  ],
];

/** Gives a part of an xz file its checksum behind it. */
function sealXz(bytes: Buffer, from: number, to: number): Buffer {
  bytes.writeUInt32LE(crc32(bytes.subarray(from, to)), to);
  return bytes;
}
const xzHead = (...edits: Edit[]) => file(".xz", sealXz(edited(packed("six.xz"), ...edits), 6, 8));
/** The header of the first block begins at 12 and has 12 bytes. */
const xzBlock = (...edits: Edit[]) => file(".xz", sealXz(edited(packed("six.xz"), ...edits), 12, 20));
const XZ = packed("six.xz").length;

const xzRows: Row[] = [
  ["xz of flags that there aren't", () => xzHead([6, le(1, 1)]), bad("xz stream: header flags")],
  ["xz of a check that there isn't", () => xzHead([7, le(2, 1)]), bad("xz stream: check of kind 2")],
  [
    "xz with a flipped bit in its header",
    () => changedFile("six.xz", [8, le(7, 1)]),
    bad("xz stream: header checksum"),
  ],
  [
    "xz with a flipped bit in its block's header",
    () => changedFile("six.xz", [20, le(7, 1)]),
    bad("xz stream: block header checksum"),
  ],
  ["xz of reserved flags of a block", () => xzBlock([13, le(0x3c, 1)]), bad("xz stream: block flags 60")],
  ["xz of a filter that isn't read", () => xzBlock([14, le(4, 1)]), bad("xz stream: filter 4, which is not read")],
  ["xz of a window of 4 GiB", () => xzBlock([16, le(40, 1)]), bad("xz stream: window of ")],
  [
    "xz of a window of 64 MiB, of which it has little",
    () => xzBlock([16, le(28, 1)]),
    { prints: [BEGIN, END, "good content\n"] },
  ],
  [
    "xz of a chunk of a kind that there isn't",
    () => changedFile("six.xz", [24, le(3, 1)]),
    bad("xz stream: chunk of kind 3"),
  ],
  [
    "xz whose first chunk needs what was before it",
    () => changedFile("six.xz", [24, le(2, 1)]),
    bad("xz stream: first chunk"),
  ],
  ["xz whose first chunk needs properties", () => changedFile("six.xz", [24, le(0x80, 1)]), bad("xz stream: ")],
  [
    "xz of LZMA properties that there aren't",
    () => changedFile("six.xz", [29, le(0xff, 1)]),
    bad("xz stream: LZMA properties 255"),
  ],
  ["xz with a flipped bit in its LZMA", () => changedFile("six.xz", [60, le(0x55, 1)]), bad("xz stream: ")],
  [
    "xz of another checksum of its block",
    () => changedFile("six.xz", [XZ - 12 - 8 - 8, le(0x55aa55aan, 8)]),
    late("xz stream: checksum"),
  ],
  ["xz of another index", () => changedFile("six.xz", [XZ - 12 - 6, le(0x55, 1)]), late("xz stream: index")],
  ["xz of another footer", () => changedFile("six.xz", [XZ - 1, "Y"]), late("xz stream: footer")],
  ["xz cut off in its LZMA", () => cutFile("six.xz", 400), bad("xz stream: unexpected EOF")],
  [
    "xz with something behind it",
    () => file(".xz", Buffer.concat([packed("six.xz"), Buffer.from("something")])),
    late("xz stream: magic "),
  ],
  [
    "xz with 64 MiB of zeros behind it, as between streams",
    () => endless(".xz", packed("six.xz")),
    { ...ends("fuel"), prints: [BEGIN] },
  ],
];

const MAGIC = Buffer.from("28b52ffd", "hex");
/** A zstd frame with a window of `window` (its byte in the header), of blocks: type, size, and what is in it. */
function zstd(window: number, ...blocks: [type: number, size: number, bytes: Uint8Array][]): Buffer {
  const parts = blocks.map(([type, size, bytes], i) =>
    Buffer.concat([le((size << 3) | (type << 1) | (i === blocks.length - 1 ? 1 : 0), 3), bytes]),
  );
  return Buffer.concat([MAGIC, Buffer.from([0, window]), ...parts]);
}
const A = Buffer.from("a");
const zstdFile = (window: number, ...blocks: [number, number, Uint8Array][]) => file(".zst", zstd(window, ...blocks));

const zstdRows: Row[] = [
  [
    "zstd of reserved flags",
    () => file(".zst", edited(zstd(0, [0, 1, A]), [4, le(8, 1)])),
    bad("zstd stream: header flags 8"),
  ],
  [
    "zstd that needs a dictionary",
    () => file(".zst", Buffer.concat([MAGIC, Buffer.from([1, 0, 7, 1, 0, 0])])),
    bad("zstd stream: dictionary 7 needed"),
  ],
  [
    "zstd of a window of 2^41 bytes",
    () => zstdFile(0xf8, [0, 1, A]),
    bad("zstd stream: window of 2199023255552 bytes"),
  ],
  [
    "zstd of a window of 128 MiB and an eighth",
    () => zstdFile((17 << 3) | 1, [0, 1, A]),
    bad("zstd stream: window of 150994944 bytes"),
  ],
  [
    "zstd of a block larger than its window",
    () => zstdFile(0, [1, 2000, A]),
    bad("zstd stream: block of 2000 bytes, type 1"),
  ],
  [
    "zstd of a block of 2 MiB",
    () => zstdFile(0x50, [1, 2 ** 21 - 1, A]),
    bad("zstd stream: block of 2097151 bytes, type 1"),
  ],
  [
    "zstd of a block of a type that there isn't",
    () => zstdFile(0x50, [3, 1, A]),
    bad("zstd stream: block of 1 bytes, type 3"),
  ],
  ["zstd of a block longer than the file", () => zstdFile(0x50, [0, 1000, A]), bad("zstd stream: unexpected EOF")],
  ["zstd of a compressed block of no bytes", () => zstdFile(0x50, [2, 0, Buffer.alloc(0)]), bad("zstd stream: block")],
  [
    "zstd of literals longer than its block",
    () => zstdFile(0x50, [2, 4, Buffer.from([0xf8, 0, 0, 0])]),
    bad("zstd stream: block"),
  ],
  [
    "zstd of literals that repeat a tree there isn't",
    () => zstdFile(0x50, [2, 6, Buffer.from([0x43, 0x10, 0, 1, 2, 3])]),
    bad("zstd stream: block"),
  ],
  [
    "zstd of sequences of a table there isn't",
    () => zstdFile(0x50, [2, 5, Buffer.from([0x08, 0x61, 1, 0xfc, 1])]),
    bad("zstd stream: block"),
  ],
  [
    "zstd of sequences without bits",
    () => zstdFile(0x50, [2, 4, Buffer.from([0x08, 0x61, 1, 0])]),
    bad("zstd stream: block"),
  ],
  [
    "zstd frame of more bytes than it says",
    () => file(".zst", Buffer.concat([MAGIC, Buffer.from([0x20, 1]), le((1 << 3) | 2, 3), A, le((1 << 3) | 3, 3), A])),
    late("zstd stream: 2 bytes in a frame of 1"),
  ],
  ["zstd with a flipped bit in its middle", () => changedFile("nine.zst", [1000, le(0x55, 1)]), bad("zstd stream: ")],
  [
    "zstd of another checksum",
    () => changedFile("nine.zst", [packed("nine.zst").length - 4, le(7, 4)]),
    late("zstd stream: checksum"),
  ],
  ["zstd cut off in its middle", () => cutFile("nine.zst", 1000), bad("zstd stream: unexpected EOF")],
  [
    "zstd frame to be skipped of 4 GiB",
    () => file(".zst", Buffer.from("502a4d18ffffffff00", "hex")),
    bad("zstd stream: unexpected EOF"),
  ],
  [
    "zstd bomb of 128 KiB in four bytes, a thousand times",
    () => zstdFile(0x50, ...Array.from({ length: 1000 }, (): [number, number, Uint8Array] => [1, 131_072, A])),
    ends("consoleBytes"),
  ],
  [
    "zstd of 22 million blocks of nothing",
    () => endless(".zst", Buffer.concat([MAGIC, Buffer.from([0, 0x50])])),
    ends("fuel"),
  ],
];

/** An LZ4 frame: flags, size code, blocks. */
function lz4(flags: number, code: number, sum: number, ...blocks: Uint8Array[]): Buffer {
  return Buffer.concat([
    Buffer.from("04224d18", "hex"),
    Buffer.from([flags, code, sum]),
    ...blocks.flatMap((block) => [le(block.length, 4), block]),
    le(0, 4),
  ]);
}
/** Of flags 0x60 and blocks of 64 KiB. */
const SUM = 0x82;
const lz4File = (...blocks: Uint8Array[]) => file(".lz4", lz4(0x60, 0x40, SUM, ...blocks));

const lz4Rows: Row[] = [
  ["lz4 of another version", () => file(".lz4", lz4(0xa0, 0x40, SUM)), bad("lz4 stream: header flags 160")],
  ["lz4 of reserved flags", () => file(".lz4", lz4(0x62, 0x40, SUM)), bad("lz4 stream: header flags 98")],
  [
    "lz4 of blocks of a size that there isn't",
    () => file(".lz4", lz4(0x60, 0x30, SUM)),
    bad("lz4 stream: header flags 96"),
  ],
  ["lz4 that needs a dictionary", () => file(".lz4", lz4(0x61, 0x40, SUM)), bad("lz4 stream: dictionary needed")],
  [
    "lz4 with a flipped bit in its header",
    () => file(".lz4", lz4(0x60, 0x40, SUM ^ 1)),
    bad("lz4 stream: header checksum"),
  ],
  [
    "lz4 of a block larger than its frame allows",
    () => file(".lz4", Buffer.concat([lz4(0x60, 0x40, SUM).subarray(0, 7), le(65_537, 4)])),
    bad("lz4 stream: block of 65537 bytes"),
  ],
  [
    "lz4 of a block of 2 GiB",
    () => file(".lz4", Buffer.concat([lz4(0x60, 0x40, SUM).subarray(0, 7), le(0x7fffffff, 4)])),
    bad("lz4 stream: block of 2147483647 bytes"),
  ],
  [
    "lz4 that repeats what is before its beginning",
    () => lz4File(Buffer.from([0x10, 0x61, 2, 0, 0])),
    bad("lz4 stream: block"),
  ],
  ["lz4 that repeats what is here", () => lz4File(Buffer.from([0x10, 0x61, 0, 0, 0])), bad("lz4 stream: block")],
  [
    "lz4 of literals longer than its block",
    () => lz4File(Buffer.from([0xf0, 0xff, 0xff, 1, 0x61])),
    bad("lz4 stream: block"),
  ],
  [
    "lz4 of a match longer than a block may become",
    () => lz4File(Buffer.from([0x1f, 0x61, 1, 0, ...Array(300).fill(0xff), 0])),
    bad("lz4 stream: block"),
  ],
  [
    "lz4 block of no bytes is its frame's end",
    () => file(".lz4", lz4(0x60, 0x40, SUM)),
    { prints: ["good content\n"] },
  ],
  [
    "lz4 with a flipped bit in a block",
    () => changedFile("dozen.lz4", [40, le(0xff, 1)]),
    bad("lz4 stream: block checksum"),
  ],
  [
    "lz4 of another size than it says",
    () => changedFile("twelve.lz4", [6, le(0, 1)]),
    bad("lz4 stream: header checksum"),
  ],
  ["lz4 cut off in a block", () => cutFile("twelve.lz4", 1000), bad("lz4 stream: unexpected EOF")],
];

export const compressed: Family = {
  name: "compressed",
  rows: [...gzipRows, ...bzip2Rows, ...xzRows, ...zstdRows, ...lz4Rows],
};
