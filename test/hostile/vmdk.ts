// Hostile VMDK images: sparse extents, streams, and descriptors that list extents.

import { deflateSync } from "node:zlib";
import { VMDK_DESCRIPTOR, type VmdkChoice, vmdkImage } from "../support/image_formats.js";
import { type Edit, edited, type Family, type Guest, le, type Row } from "./case.js";
import { CONTENT, damaged, read, reading, refused, SUPERBLOCK } from "./image.js";

const GRAIN = 4096;
const usual = vmdkImage(CONTENT);
const stream = vmdkImage(CONTENT, { stream: true });
const { directory = 0, tables = 0, descriptor = 0 } = usual.at;
const SIZE = usual.bytes.length;
/** Where the grain table has the grain with the superblock. */
const ENTRY = tables + (SUPERBLOCK / GRAIN) * 4;
const header = (...edits: Edit[]): Guest => reading("vmdk", edited(usual.bytes, ...edits));
const footer = (...edits: Edit[]): Guest =>
  reading("vmdk", edited(stream.bytes, ...edits.map(([at, bytes]): Edit => [(stream.at.footer ?? 0) + at, bytes])));
const at = (offset: number, what: string) => refused(`disk0: offset ${offset}: vmdk ${what}`);
const bad = (offset: number, what: string) => damaged(`disk0 offset ${offset}: vmdk ${what}`);

const headerRows: Row[] = [
  ["vmdk of version 4", () => header([4, le(4, 4)]), at(4, "header: version 4")],
  ["vmdk of version 0", () => header([4, le(0, 4)]), at(4, "header: version 0")],
  ["vmdk of no sectors", () => header([12, le(0, 8)]), at(12, "header: sectors 0")],
  [
    "vmdk of 2^55 sectors, whose bytes would wrap",
    () => header([12, le(2n ** 55n, 8)]),
    at(12, "header: sectors 36028797018963968"),
  ],
  ["vmdk of grains of no sectors", () => header([20, le(0, 8)]), at(20, "header: sectors of a grain 0")],
  ["vmdk of grains of three sectors", () => header([20, le(3, 8)]), at(20, "header: sectors of a grain 3")],
  ["vmdk of grains of 4 MiB", () => header([20, le(8192, 8)]), at(20, "header: sectors of a grain 8192")],
  [
    "vmdk of grains of 2^63 sectors",
    () => header([20, le(2n ** 63n, 8)]),
    at(20, "header: sectors of a grain 9223372036854775808"),
  ],
  ["vmdk of grain tables without entries", () => header([44, le(0, 4)]), at(44, "header: entries of a grain table 0")],
  ["vmdk of grain tables of 8192", () => header([44, le(8192, 4)]), at(44, "header: entries of a grain table 8192")],
  ["vmdk of grain tables of 500", () => header([44, le(500, 4)]), at(44, "header: entries of a grain table 500")],
  [
    "vmdk whose directory is beyond the sectors there can be",
    () => header([56, le(2n ** 60n, 8)]),
    at(56, "header: grain directory at sector 1152921504606846976"),
  ],
  [
    "vmdk whose directory is beyond the file",
    () => header([56, le(2n ** 30n, 8)]),
    at(2 ** 39, `grain directory: 4 bytes, but the file ends at ${SIZE}`),
  ],
  ["vmdk whose directory is the header", () => header([56, le(0, 8)]), at(0, "grain directory: overlaps the header")],
  [
    "vmdk whose descriptor is its directory",
    () => header([28, le(directory / 512, 8)]),
    at(directory, "descriptor: overlaps the grain directory"),
  ],
  [
    "vmdk whose descriptor is at a sector whose offset wraps",
    () => header([28, le(2n ** 56n + 1n, 8)]),
    at(28, "header: descriptor at sector 72057594037927937"),
  ],
  [
    "vmdk whose descriptor has 2^55 sectors",
    () => header([36, le(2n ** 55n, 8)]),
    at(36, "header: sectors of the descriptor 36028797018963968"),
  ],
  [
    "vmdk whose descriptor is beyond the file",
    () => header([28, le(2n ** 30n, 8)]),
    at(2 ** 39, `descriptor: 1024 bytes, but the file ends at ${SIZE}`),
  ],
  [
    "vmdk of a petabyte with a small directory",
    () => header([12, le(2n ** 41n, 8)]),
    at(directory, `grain directory: 2147483648 bytes, but the file ends at ${SIZE}`),
  ],
  [
    "vmdk whose parent is named in its descriptor, in letters of another size",
    () => header([descriptor, VMDK_DESCRIPTOR.replace("parentCID=ffffffff", 'parentCID="ABCDEF0"')]),
    refused("vmdk image is a difference to another one, which isn't read"),
  ],
  [
    "vmdk that is marked as in use",
    () => header([72, le(1, 1)]),
    read("disk0 offset 72: vmdk header: is marked as in use"),
  ],
  ["vmdk sent as a text", () => header([73, "\n \n\r"]), at(73, "header: line ends were converted")],
  [
    "vmdk of 511 bytes",
    () => reading("vmdk", usual.bytes.subarray(0, 511)),
    at(0, "header: the file ends before it does"),
  ],
];

const tableRows: Row[] = [
  [
    "vmdk whose grain table is its directory",
    () => header([directory, le(directory / 512, 4)]),
    bad(directory, `grain directory entry: offset ${directory} overlaps the grain directory`),
  ],
  [
    "vmdk whose grain table is the header",
    () => header([directory, le(0, 4)]),
    // It says that there are no grains.
    damaged(),
  ],
  [
    "vmdk whose grain table is the descriptor",
    () => header([directory, le(descriptor / 512, 4)]),
    bad(directory, `grain directory entry: offset ${descriptor} overlaps the descriptor`),
  ],
  [
    "vmdk whose grain table is beyond the file",
    () => header([directory, le(0xffffffff, 4)]),
    bad(directory, `grain directory entry: offset ${0xffffffff * 512}, but the file ends at ${SIZE}`),
  ],
  [
    "vmdk whose grain is its own table",
    () => header([ENTRY, le(tables / 512, 4)]),
    bad(ENTRY, `grain table entry: the grain table itself as grain at ${tables}`),
  ],
  [
    "vmdk whose grain is the directory",
    () => header([ENTRY, le(directory / 512, 4)]),
    bad(ENTRY, `grain table entry: offset ${directory} overlaps the grain directory`),
  ],
  [
    "vmdk whose grain is beyond the file",
    () => header([ENTRY, le(0x7fffffff, 4)]),
    bad(ENTRY, `grain table entry: offset ${0x7fffffff * 512}, but the file ends at ${SIZE}`),
  ],
  [
    "vmdk whose grain is cut off by the file's end",
    () => header([ENTRY, le(SIZE / 512 - 1, 4)]),
    damaged("vmdk data: disk0 ends"),
  ],
  [
    "vmdk with sector 1 as grain, which isn't said to be zeros",
    () => header([ENTRY, le(1, 4)]),
    bad(ENTRY, "grain table entry: offset 512 overlaps the "),
  ],
];

/** The stream's marker of the grain with the superblock, changed. */
function marker(choice: VmdkChoice, change: (bytes: Buffer, at: number) => void): Guest {
  const { at: places, bytes } = vmdkImage(CONTENT, { stream: true, ...choice });
  const place = bytes.readUInt32LE((places.tables ?? 0) + (SUPERBLOCK / GRAIN) * 4) * 512;
  change(bytes, place);
  return reading("vmdk", bytes);
}

const streamRows: Row[] = [
  ["vmdk stream without a footer", () => footer([0, "VMDK"]), at(stream.at.footer ?? 0, "footer: there is none")],
  [
    "vmdk stream whose footer says that the directory is at the end",
    () => footer([56, le(-1n, 8)]),
    at((stream.at.footer ?? 0) + 56, "header: grain directory at sector 18446744073709551615"),
  ],
  [
    "vmdk stream of another compression",
    () => footer([77, le(2, 2)]),
    at((stream.at.footer ?? 0) + 77, "header: compression 2"),
  ],
  [
    "vmdk stream without markers",
    () => footer([8, le(0x10001, 4)]),
    at((stream.at.footer ?? 0) + 8, "header: compressed grains without markers"),
  ],
  [
    "vmdk stream cut off before its footer",
    () => reading("vmdk", stream.bytes.subarray(0, (stream.at.footer ?? 0) + 100)),
    refused("vmdk footer: there is none"),
  ],
  [
    "vmdk stream whose grain is said to be of another sector",
    () => marker({}, (bytes, place) => bytes.writeBigUInt64LE(999n, place)),
    damaged("vmdk grain marker: sector 999"),
  ],
  [
    "vmdk stream whose grain has no bytes",
    () => marker({}, (bytes, place) => bytes.writeUInt32LE(0, place + 8)),
    damaged("vmdk grain marker: size 0"),
  ],
  [
    "vmdk stream whose grain has 4 GiB",
    () => marker({}, (bytes, place) => bytes.writeUInt32LE(0xffffffff, place + 8)),
    damaged("vmdk grain marker: size 4294967295"),
  ],
  [
    "vmdk stream whose grain is noise",
    () => marker({}, (bytes, place) => bytes.fill(0xee, place + 12, place + 40)),
    damaged("vmdk compressed cluster: can't be unpacked"),
  ],
  [
    "vmdk stream whose grain becomes more than a grain",
    () =>
      marker({}, (bytes, place) => {
        const packed = deflateSync(Buffer.alloc(100_000));
        bytes.writeUInt32LE(packed.length, place + 8);
        bytes.set(packed, place + 12);
      }),
    damaged("vmdk compressed cluster: can't be unpacked"),
  ],
  [
    "vmdk stream whose grain has another sum than its bytes",
    () =>
      marker({}, (bytes, place) => {
        const end = place + 12 + bytes.readUInt32LE(place + 8);
        bytes.writeUInt8(bytes.readUInt8(end - 1) ^ 1, end - 1);
      }),
    damaged("vmdk compressed cluster: can't be unpacked"),
  ],
];

/** A descriptor with these extents, and the files granted with it. */
const described = (lines: readonly string[], files: readonly Uint8Array[] = [CONTENT]): Guest =>
  reading("vmdk", Buffer.from(`# Disk DescriptorFile\nversion=1\nparentCID=ffffffff\n${lines.join("\n")}\n`), files);
const LINE = 51;
const ALL = CONTENT.length / 512;

const descriptorRows: Row[] = [
  ["vmdk descriptor of what it has", () => described([`RW ${ALL} FLAT "../../etc/passwd" 0`]), read()],
  ["vmdk descriptor of no extents", () => described([], []), at(0, "descriptor: lists no extents")],
  [
    "vmdk descriptor of an extent of no sectors",
    () => described(['RW 0 FLAT "a" 0']),
    at(LINE, "descriptor: sectors of an extent 0"),
  ],
  [
    "vmdk descriptor of an extent of less than no sectors",
    () => described(['RW -1 FLAT "a" 0']),
    at(LINE, "descriptor: sectors of an extent 18446744073709551615"),
  ],
  [
    "vmdk descriptor of extents whose sum is more than a disk can be",
    () => described(["RW 70368744177665 ZERO", "RW 70368744177665 ZERO"], []),
    refused("descriptor: sectors of an extent 70368744177665"),
  ],
  [
    "vmdk descriptor of a number that doesn't end",
    () => described([`RW ${"9".repeat(400)} ZERO`], []),
    refused("vmdk descriptor: sectors of an extent"),
  ],
  [
    "vmdk descriptor of an extent that begins before its file",
    () => described([`RW ${ALL} FLAT "a" -8`]),
    at(LINE, "descriptor: extent at sector"),
  ],
  [
    "vmdk descriptor of an extent that begins behind its file",
    () => described([`RW 1 FLAT "a" ${ALL + 1}`]),
    at(LINE, "descriptor: disk0 file 1 is too short for its extent"),
  ],
  [
    "vmdk descriptor of an extent that ends behind its file",
    () => described([`RW ${ALL} FLAT "a" 1`]),
    at(LINE, "descriptor: disk0 file 1 is too short for its extent"),
  ],
  [
    "vmdk descriptor of a file of the host's",
    () => described([`RW ${ALL} FLAT "/etc/passwd" 0`], []),
    at(LINE, "descriptor: its extents have to be given in order (--backing FILE, in the API as files)"),
  ],
  [
    "vmdk descriptor of a kind of extents that there isn't",
    () => described(['RW 8 VMFSRDM "/dev/sda"']),
    at(LINE, "descriptor: no reader of VMFSRDM extents"),
  ],
  [
    "vmdk descriptor of an extent whose kind is an escape for the terminal",
    () => described(["RW 8 \x1b[2J"]),
    at(LINE, "descriptor: no reader of "),
  ],
  [
    "vmdk descriptor of more bytes than one may have",
    () => reading("vmdk", Buffer.from(`# Disk DescriptorFile\n${"#".repeat(65_536)}`)),
    at(0, "descriptor: size 65558"),
  ],
  [
    "vmdk descriptor as an extent of a descriptor",
    () => described(['RW 8 SPARSE "a"'], [Buffer.from('# Disk DescriptorFile\nRW 8 SPARSE "a"\n'.padEnd(600))]),
    refused("descriptor: its extents have to be given in order"),
  ],
  ["vmdk descriptor of ten thousand extents of zeros", () => described(Array(5000).fill("RW 1 ZERO"), []), damaged()],
];

export const vmdk: Family = { name: "vmdk", rows: [...headerRows, ...tableRows, ...streamRows, ...descriptorRows] };
