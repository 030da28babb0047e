// Hostile qcow2 images: headers, the two levels of tables, compressed clusters, files behind them.

import { deflateRawSync } from "node:zlib";
import { type Qcow2Choice, qcow2Image } from "../support/image_formats.js";
import { be, type Edit, edited, type Family, type Guest, type Row } from "./case.js";
import { CONTENT, damaged, read, reading, refused, SUPERBLOCK } from "./image.js";

const BITS = 12;
const CLUSTER = 2 ** BITS;
const made = new Map<string, ReturnType<typeof qcow2Image>>();
function image(choice: Qcow2Choice = {}) {
  const key = JSON.stringify(choice);
  const known = made.get(key) ?? qcow2Image(CONTENT, choice);
  made.set(key, known);
  return known;
}
const header = (...edits: Edit[]): Guest => reading("qcow2", edited(image().bytes, ...edits));
const { l1 = 0, l2 = 0, refcounts = 0 } = image().at;
/** Where the second table has the cluster with the superblock. */
const ENTRY = l2 + (SUPERBLOCK / CLUSTER) * 8;
const SIZE = image().bytes.length;
const MARK = 1n << 63n;
const PACKED = 1n << 62n;
const inL1 = (value: bigint) => header([l1, be(value, 8)]);
const inL2 = (value: bigint) => header([ENTRY, be(value, 8)]);
const bad = (at: number, what: string) => damaged(`disk0 offset ${at}: qcow2 ${what}`);
const at = (offset: number, what: string) => refused(`disk0: offset ${offset}: qcow2 ${what}`);

/** An image whose cluster with the superblock is `packed` at the file's end, said to be in so many pieces. */
function compressed(packed: Uint8Array, pieces = Math.floor(packed.length / 512) + 1, more: Edit[] = []): Guest {
  const bytes = Buffer.concat([image().bytes, packed]);
  const entry = PACKED | (BigInt(pieces - 1) << BigInt(62 - (BITS - 8))) | BigInt(SIZE);
  return reading("qcow2", edited(bytes, [ENTRY, be(entry, 8)], ...more));
}
const block = CONTENT.subarray(SUPERBLOCK, SUPERBLOCK + CLUSTER);

const headerRows: Row[] = [
  ["qcow2 of version 4", () => header([4, be(4, 4)]), at(4, "header: version 4")],
  ["qcow2 of version 0", () => header([4, be(0, 4)]), at(4, "header: version 0")],
  ["qcow2 with clusters of 256 bytes", () => header([20, be(8, 4)]), at(20, "header: cluster bits 8")],
  ["qcow2 with clusters of 4 MiB", () => header([20, be(22, 4)]), at(20, "header: cluster bits 22")],
  [
    "qcow2 with clusters of 2^64 bytes, which would shift to one of 1",
    () => header([20, be(64, 4)]),
    at(20, "header: cluster bits 64"),
  ],
  [
    "qcow2 with subclusters of less than a sector",
    () => header([72, be(16, 8)], [20, be(13, 4)]),
    at(20, "header: cluster bits 13"),
  ],
  ["qcow2 of a disk of no bytes", () => header([24, be(0, 8)]), at(24, "header: size 0")],
  ["qcow2 of a disk of 2^64 - 1 bytes", () => header([24, be(-1n, 8)]), at(24, "header: size 18446744073709551615")],
  [
    "qcow2 of a disk of a PiB with one first table",
    () => header([24, be(2n ** 50n, 8)]),
    at(36, "header: L1 entries 1, 536870912 are needed"),
  ],
  [
    "qcow2 of more first tables than 32 MiB",
    () => header([36, be((4 << 20) + 1, 4)]),
    at(36, "header: L1 entries 4194305"),
  ],
  ["qcow2 of no first tables", () => header([36, be(0, 4)]), at(36, "header: L1 entries 0, 1 are needed")],
  [
    "qcow2 whose first table is as long as may be, and beyond the file",
    () => header([36, be(4 << 20, 4)]),
    at(l1, `L1 table: 33554432 bytes, but the file ends at ${SIZE}`),
  ],
  [
    "qcow2 whose first table is between clusters",
    () => header([40, be(l1 + 8, 8)]),
    at(40, `header: L1 table at ${l1 + 8}`),
  ],
  ["qcow2 whose first table is the header", () => header([40, be(0, 8)]), at(0, "L1 table: overlaps the header")],
  [
    "qcow2 whose first table is at the last cluster there can be",
    () => header([40, be(-CLUSTER, 8)]),
    refused("qcow2 L1 table: 8 bytes, but the file ends at"),
  ],
  [
    "qcow2 whose reference counts are the first table",
    () => header([48, be(l1, 8)]),
    at(l1, "refcount table: overlaps the L1 table"),
  ],
  [
    "qcow2 whose reference counts take 4 billion clusters: only that nothing else is there matters",
    () => header([56, be(0xffffffff, 4)]),
    at(refcounts, "refcount table: overlaps the L1 table"),
  ],
  ["qcow2 with a header of 96 bytes", () => header([100, be(96, 4)]), at(100, "header: length 96")],
  ["qcow2 with a header of 4 GiB less 1", () => header([100, be(0xffffffff, 4)]), at(100, "header: length 4294967295")],
  ["qcow2 of features there aren't", () => header([72, be(MARK, 8)]), at(72, "header: incompatible feature 63")],
  [
    "qcow2 whose names of features are 4 GiB",
    () => header([72, be(MARK, 8)], [104, be(0x6803f857, 4)], [108, be(0xffffffff, 4)]),
    at(72, "header: incompatible feature 63"),
  ],
  [
    "qcow2 whose extensions lead nowhere but on",
    () => header([72, be(MARK, 8)], ...Array.from({ length: 100 }, (_, i): Edit => [104 + 8 * i, be(7, 4)])),
    at(72, "header: incompatible feature 63"),
  ],
  [
    "qcow2 that names a feature with an escape for the terminal",
    () =>
      header(
        [72, be(MARK, 8)],
        [104, be(0x6803f857, 4)],
        [108, be(48, 4)],
        [112, Buffer.from([0, 63])],
        [114, "\x1b]0;owned\x07"],
      ),
    refused("incompatible feature 63 ("),
  ],
  [
    "qcow2 of a compression that there isn't",
    () => header([72, be(8, 8)], [100, be(112, 4)], [104, be(2 << 24, 4)]),
    at(104, "header: compression 2"),
  ],
  [
    "qcow2 that is marked as corrupt is read, and said",
    () => header([72, be(2, 8)]),
    read("qcow2 header: is marked as corrupt"),
  ],
  ["qcow2 that is encrypted in a way there isn't", () => header([32, be(3, 4)]), at(32, "header: encrypted (3)")],
  [
    "qcow2 of 71 bytes",
    () => reading("qcow2", image().bytes.subarray(0, 71)),
    at(0, "header: the file ends before it does"),
  ],
  [
    "qcow2 of 111 bytes",
    () => reading("qcow2", image().bytes.subarray(0, 111)),
    at(0, "header: the file ends before it does"),
  ],
  [
    "qcow2 that ends with its header",
    () => reading("qcow2", image().bytes.subarray(0, CLUSTER)),
    at(l1, `L1 table: 8 bytes, but the file ends at ${CLUSTER}`),
  ],
];

const tableRows: Row[] = [
  [
    "qcow2 whose first table is its own second",
    () => inL1(MARK | BigInt(l1)),
    bad(l1, `L1 entry: offset ${l1} overlaps the L1 table`),
  ],
  ["qcow2 whose second table is the header", () => inL1(MARK | (1n << 56n)), damaged()],
  [
    "qcow2 whose second table is the reference counts",
    () => inL1(BigInt(refcounts)),
    bad(l1, `L1 entry: offset ${refcounts} overlaps the refcount table`),
  ],
  [
    "qcow2 whose second table is between clusters",
    () => inL1(BigInt(l2 + 512)),
    bad(l1, `L1 entry: L2 table at ${l2 + 512}`),
  ],
  [
    "qcow2 whose second table is beyond the file",
    () => inL1(2n ** 55n),
    bad(l1, `L1 entry: offset ${2n ** 55n}, but the file ends at ${SIZE}`),
  ],
  [
    "qcow2 whose second table is its own cluster",
    () => inL2(MARK | BigInt(l2)),
    bad(ENTRY, `L2 entry: the L2 table itself as cluster at ${l2}`),
  ],
  [
    "qcow2 whose cluster is the first table",
    () => inL2(BigInt(l1)),
    bad(ENTRY, `L2 entry: offset ${l1} overlaps the L1 table`),
  ],
  [
    "qcow2 whose cluster is between clusters",
    () => inL2(BigInt(l2 + 512)),
    bad(ENTRY, `L2 entry: cluster at ${l2 + 512}`),
  ],
  [
    "qcow2 whose cluster is beyond the file",
    () => inL2(BigInt(CLUSTER) * 1_000_000n),
    bad(ENTRY, `L2 entry: offset ${CLUSTER * 1_000_000}, but the file ends at ${SIZE}`),
  ],
  [
    "qcow2 of version 2 with a cluster of zeros, which only 3 has",
    () => header([4, be(2, 4)], [ENTRY, be(1, 8)]),
    bad(ENTRY, "L2 entry: zero cluster, but version 2"),
  ],
  ["qcow2 whose superblock is said to be zeros", () => inL2(1n), damaged()],
  [
    "qcow2 cut off in its last cluster",
    () => reading("qcow2", image().bytes.subarray(0, SIZE - CLUSTER - 100)),
    { reports: ["qcow2 "] },
  ],
  [
    "qcow2 with a part of a cluster that is there, and zeros",
    () => {
      const { bytes, at: places } = image({ clusterBits: 14, extended: true });
      return reading(
        "qcow2",
        edited(bytes, [(places.l2 ?? 0) + (SUPERBLOCK / 16_384) * 16 + 8, be(0x1_0000_0001n, 8)]),
      );
    },
    damaged("L2 entry: bits of subcluster 0"),
  ],
  [
    "qcow2 with a compressed cluster beside a data file",
    () => {
      const { bytes, data } = image({ dataFile: true });
      return reading("qcow2", edited(bytes, [ENTRY, be(PACKED | BigInt(l2), 8)]), [data]);
    },
    bad(ENTRY, "L2 entry: compressed cluster beside a data file"),
  ],
  [
    "qcow2 whose data file is empty",
    () => reading("qcow2", image({ dataFile: true }).bytes, [Buffer.alloc(512)]),
    damaged("qcow2 data: disk0 file 1 ends 4096 bytes too early", "qcow2 data: disk0 file 1 ends 4096 bytes too early"),
  ],
  [
    "qcow2 whose backing file is named, and a file of the host's isn't opened for it",
    () => reading("qcow2", image({ backing: true }).bytes),
    at(8, "header: the image behind it has to be given (--backing FILE, in the API as files)"),
  ],
  [
    "qcow2 behind a qcow2 without anybody saying so",
    () => reading("qcow2", image({ backing: true }).bytes, [image().bytes]),
    refused("disk0 file 1: looks like a qcow2 file: say so"),
  ],
  [
    "qcow2 with a file too many",
    () => reading("qcow2", image().bytes, [image().bytes]),
    refused("disk0: 1 of 1 files given with it are not used"),
  ],
];

const packedRows: Row[] = [
  ["qcow2 with a compressed cluster, as it should be", () => compressed(deflateRawSync(block)), read()],
  [
    "qcow2 with a compressed cluster that becomes 16 MiB",
    () => compressed(deflateRawSync(Buffer.concat([block, Buffer.alloc(1 << 24)])).subarray(0, 8000), 16),
    damaged("qcow2 compressed cluster: can't be unpacked"),
  ],
  [
    "qcow2 with a compressed cluster that ends early",
    () => compressed(deflateRawSync(block.subarray(0, CLUSTER - 1))),
    damaged(`disk0 offset ${SIZE}: qcow2 compressed cluster: can't be unpacked`),
  ],
  [
    "qcow2 with a compressed cluster that is noise",
    () => compressed(Buffer.alloc(1000, 0xee)),
    damaged("qcow2 compressed cluster: can't be unpacked"),
  ],
  [
    "qcow2 with a compressed cluster that reaches back before its beginning",
    () => compressed(Buffer.from([0x03 | 0x00, 0x42, 0x00, 0x00])),
    damaged("qcow2 compressed cluster: can't be unpacked"),
  ],
  [
    "qcow2 with a compressed cluster beyond the file",
    () => inL2(PACKED | 0x00ff_ffff_ffff_ffffn),
    bad(ENTRY, `L2 entry: offset ${2n ** 56n - 1n}, but the file ends at ${SIZE}`),
  ],
  [
    "qcow2 with a compressed cluster in the first table",
    () => inL2(PACKED | BigInt(l1)),
    bad(ENTRY, `L2 entry: offset ${l1} overlaps the L1 table`),
  ],
  [
    "qcow2 whose compressed cluster is said to be zstd",
    () =>
      compressed(deflateRawSync(block), 1, [
        [72, be(8, 8)],
        [100, be(112, 4)],
        [104, be(1 << 24, 4)],
        [108, be(0, 4)],
      ]),
    damaged("qcow2 compressed cluster: can't be unpacked"),
  ],
];

export const qcow2: Family = { name: "qcow2", rows: [...headerRows, ...tableRows, ...packedRows] };
