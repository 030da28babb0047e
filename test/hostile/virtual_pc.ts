// Hostile VHD, VHDX and VDI images: heads with their checksums made right, tables of blocks, logs.

import { crc32c, vdiImage, vhdImage, vhdxImage } from "../support/image_formats.js";
import { LOG_AT, type LogEntry, withLog } from "../support/vhdx_log.js";
import { be, type Edit, edited, type Family, type Guest, le, type Row } from "./case.js";
import { CONTENT, damaged, read, reading, refused, SUPERBLOCK } from "./image.js";

// ---- VHD ------------------------------------------------------------------------------------------------------

const BLOCK = 65_536;
const dynamic = vhdImage(CONTENT, BLOCK);
const fixed = vhdImage(CONTENT);
const { footer: FOOTER = 0, header: HEADER = 0, table: TABLE = 0 } = dynamic.at;
const FIXED = fixed.at.footer ?? 0;
const VHD_ENTRY = TABLE + (SUPERBLOCK / BLOCK) * 4;

/** The sum that the `size` bytes at `at` must have at `sum` in them. */
function vhdSum(bytes: Buffer, at: number, size: number, sum: number): void {
  bytes.writeUInt32BE(0, at + sum);
  bytes.writeUInt32BE(~bytes.subarray(at, at + size).reduce((total, byte) => total + byte, 0) >>> 0, at + sum);
}

/** The footer and its copy, or a fixed image's, changed and summed up. */
function footer(image: Buffer, places: readonly number[], ...edits: Edit[]): Guest {
  const bytes = edited(image, ...places.flatMap((at) => edits.map(([offset, part]): Edit => [at + offset, part])));
  for (const at of places) vhdSum(bytes, at, 512, 64);
  return reading("vhd", bytes);
}
const dynamicFooter = (...edits: Edit[]) => footer(dynamic.bytes, [0, FOOTER], ...edits);
const fixedFooter = (...edits: Edit[]) => footer(fixed.bytes, [FIXED], ...edits);
function vhdHeader(...edits: Edit[]): Guest {
  const bytes = edited(dynamic.bytes, ...edits.map(([at, part]): Edit => [HEADER + at, part]));
  vhdSum(bytes, HEADER, 1024, 36);
  return reading("vhd", bytes);
}
const vhdEntry = (sector: number) => reading("vhd", edited(dynamic.bytes, [VHD_ENTRY, be(sector, 4)]));
const vhdAt = (offset: number, what: string) => refused(`disk0: offset ${offset}: vhd ${what}`);
const SIZE = dynamic.bytes.length;

const vhdRows: Row[] = [
  [
    "vhd of 511 bytes",
    () => reading("vhd", dynamic.bytes.subarray(0, 511)),
    vhdAt(0, "footer: the file ends before it does"),
  ],
  [
    "vhd with a flipped bit in both footers",
    () => reading("vhd", edited(dynamic.bytes, [28, "x"], [FOOTER + 28, "x"])),
    vhdAt(FOOTER, "footer: checksum"),
  ],
  [
    "vhd cut off in its footer: the copy is used",
    () => reading("vhd", dynamic.bytes.subarray(0, FOOTER + 300)),
    read(`disk0 offset ${FOOTER - 212}: vhd footer: bad, its copy at the start is used`),
  ],
  [
    "vhd, fixed, cut off in its footer",
    () => reading("vhd", fixed.bytes.subarray(0, FIXED + 300)),
    vhdAt(FIXED - 212, "footer: is no vhd image"),
  ],
  ["vhd of a disk of no bytes", () => dynamicFooter([48, be(0, 8)]), vhdAt(FOOTER + 48, "footer: size 0")],
  [
    "vhd of a disk of 2^64 - 1 bytes",
    () => dynamicFooter([48, be(-1n, 8)]),
    vhdAt(FOOTER + 48, "footer: size 18446744073709551615"),
  ],
  [
    "vhd, fixed, of one byte more than it has",
    () => fixedFooter([48, be(FIXED + 1, 8)]),
    vhdAt(FIXED + 48, `footer: size ${FIXED + 1}`),
  ],
  ["vhd of a type that there isn't", () => dynamicFooter([60, be(7, 4)]), vhdAt(FOOTER + 60, "footer: type 7")],
  [
    "vhd that is a difference",
    () => dynamicFooter([60, be(4, 4)]),
    refused("vhd image is a difference to another one, which isn't read"),
  ],
  ["vhd whose header is its footer's copy", () => dynamicFooter([16, be(0, 8)]), vhdAt(0, "header: signature")],
  [
    "vhd whose header is beyond the file",
    () => dynamicFooter([16, be(2n ** 62n, 8)]),
    refused("vhd header: the file ends before it does"),
  ],
  [
    "vhd whose header is the last number",
    () => dynamicFooter([16, be(-1n, 8)]),
    refused("disk0: offset 18446744073709551615: vhd header: the file ends before it does"),
  ],
  [
    "vhd with a flipped bit in its header",
    () => reading("vhd", edited(dynamic.bytes, [HEADER + 40, "x"])),
    vhdAt(HEADER + 36, "header: checksum"),
  ],
  ["vhd of blocks of no bytes", () => vhdHeader([32, be(0, 4)]), vhdAt(HEADER + 32, "header: block size 0")],
  ["vhd of blocks of 2048 bytes", () => vhdHeader([32, be(2048, 4)]), vhdAt(HEADER + 32, "header: block size 2048")],
  [
    "vhd of blocks of 512 MiB",
    () => vhdHeader([32, be(2 ** 29, 4)]),
    vhdAt(HEADER + 32, "header: block size 536870912"),
  ],
  [
    "vhd of blocks of 12288 bytes",
    () => vhdHeader([32, be(12_288, 4)]),
    vhdAt(HEADER + 32, "header: block size 12288"),
  ],
  ["vhd of fewer blocks than its disk has", () => vhdHeader([28, be(1, 4)]), refused("vhd header: blocks 1, ")],
  [
    "vhd whose table is its header",
    () => vhdHeader([16, be(HEADER, 8)]),
    vhdAt(HEADER, "block table: overlaps the header"),
  ],
  [
    "vhd whose table is its footer",
    () => vhdHeader([16, be(FOOTER, 8)]),
    vhdAt(FOOTER, "block table: overlaps the footer"),
  ],
  [
    "vhd whose table is beyond the file",
    () => vhdHeader([16, be(2n ** 40n, 8)]),
    refused(`vhd block table: ${Math.ceil(CONTENT.length / BLOCK) * 4} bytes, but the file ends at ${SIZE}`),
  ],
  [
    "vhd whose block is the table",
    () => vhdEntry(TABLE / 512),
    damaged(`disk0 offset ${VHD_ENTRY}: vhd block table entry: offset ${TABLE} overlaps the block table`),
  ],
  [
    "vhd whose block is the footer's copy",
    () => vhdEntry(0),
    damaged(`disk0 offset ${VHD_ENTRY}: vhd block table entry: offset 0 overlaps the footer's copy`),
  ],
  [
    "vhd whose block is beyond the file",
    () => vhdEntry(0xfffffffe),
    damaged(
      `disk0 offset ${VHD_ENTRY}: vhd block table entry: offset ${0xfffffffe * 512}, but the file ends at ${SIZE}`,
    ),
  ],
  ["vhd whose block with the superblock was never written", () => vhdEntry(0xffffffff), damaged()],
];

// ---- VHDX -----------------------------------------------------------------------------------------------------

const MIB = 1024 * 1024;
const vhdx = vhdxImage(CONTENT);
const VHDX_SIZE = vhdx.bytes.length;
const { headers: HEADERS = 0, metadata: METADATA = 0, regions: REGIONS = 0, table: BLOCKS = 0 } = vhdx.at;
const ITEMS = METADATA + 65_536;

function sealed(bytes: Buffer, at: number, size: number): void {
  bytes.writeUInt32LE(0, at + 4);
  bytes.writeUInt32LE(crc32c(bytes.subarray(at, at + size)), at + 4);
}
/** Both headers, or both region tables, changed and summed up. */
function copies(first: number, size: number, edits: readonly Edit[], image: Buffer = vhdx.bytes): Guest {
  const places = [first, first + 65_536];
  const bytes = edited(image, ...places.flatMap((at) => edits.map(([offset, part]): Edit => [at + offset, part])));
  for (const at of places) sealed(bytes, at, size);
  return reading("vhdx", bytes);
}
const headers = (...edits: Edit[]) => copies(HEADERS, 4096, edits, vhdxImage(CONTENT, { log: true }).bytes);
const regions = (...edits: Edit[]) => copies(REGIONS, 65_536, edits);
const plain = (...edits: Edit[]) => reading("vhdx", edited(vhdx.bytes, ...edits));
const items = (...edits: Edit[]) => plain(...edits.map(([at, part]): Edit => [METADATA + at, part]));
const vhdxAt = (offset: number, what: string) => refused(`disk0: offset ${offset}: vhdx ${what}`);
const block = (value: bigint) => plain([BLOCKS, le(value, 8)]);
const badBlock = (what: string) => damaged(`disk0 offset ${BLOCKS}: vhdx block table entry: ${what}`);

const vhdxRows: Row[] = [
  ["vhdx without its identifier", () => plain([0, "vhdyfile"]), vhdxAt(0, "identifier: is no vhdx image")],
  [
    "vhdx of 7 bytes",
    () => reading("vhdx", vhdx.bytes.subarray(0, 7)),
    vhdxAt(0, "identifier: the file ends before it does"),
  ],
  [
    "vhdx cut off in its headers",
    () => reading("vhdx", vhdx.bytes.subarray(0, HEADERS + 100)),
    vhdxAt(HEADERS, "header: the file ends before it does"),
  ],
  [
    "vhdx with a flipped bit in both headers",
    () => plain([HEADERS + 20, "x"], [HEADERS + 65_556, "x"]),
    vhdxAt(HEADERS, "header: checksum"),
  ],
  ["vhdx of version 2", () => headers([66, le(2, 2)]), vhdxAt(HEADERS + 65_536 + 66, "header: version 2")],
  [
    "vhdx with a log of version 1",
    () => headers([64, le(1, 2)]),
    vhdxAt(HEADERS + 65_536 + 64, "header: log version 1"),
  ],
  ["vhdx whose log is the headers", () => headers([72, le(HEADERS, 8)]), vhdxAt(HEADERS, "log: overlaps the headers")],
  [
    "vhdx whose log is beyond the file",
    () => headers([72, le(2n ** 40n, 8)]),
    vhdxAt(2 ** 40, `log: 1048576 bytes, but the file ends at ${VHDX_SIZE}`),
  ],
  ["vhdx with a log of no bytes", () => headers([68, le(0, 4)]), vhdxAt(HEADERS + 65_536 + 48, "log of 0 bytes")],
  [
    "vhdx with a log of half a sector",
    () => headers([68, le(2048, 4)]),
    vhdxAt(HEADERS + 65_536 + 48, "log of 2048 bytes"),
  ],
  [
    "vhdx with a log of 4 GiB",
    () => headers([68, le(0xfffff000, 4)]),
    refused("vhdx log: 4294963200 bytes, but the file ends at"),
  ],
  [
    "vhdx with flipped bits in both region tables",
    () => plain([REGIONS + 100, "x"], [REGIONS + 65_636, "x"]),
    { ...vhdxAt(REGIONS + 65_536, "region table: checksum"), reports: ["vhdx region table: bad, its copy is used"] },
  ],
  [
    "vhdx with a flipped bit in the first region table",
    () => plain([REGIONS + 100, "x"]),
    read(`disk0 offset ${REGIONS}: vhdx region table: bad, its copy is used`),
  ],
  ["vhdx of 2048 regions", () => regions([8, le(2048, 4)]), vhdxAt(REGIONS + 8, "region table: entries 2048")],
  [
    "vhdx of 4 billion regions",
    () => regions([8, le(0xffffffff, 4)]),
    vhdxAt(REGIONS + 8, "region table: entries 4294967295"),
  ],
  ["vhdx of no regions", () => regions([8, le(0, 4)]), vhdxAt(REGIONS, "table: without all that there has to be")],
  [
    "vhdx with a region that is required, and unknown",
    () => regions([16, le(1, 8)]),
    vhdxAt(REGIONS + 16, "table: unknown entry that is required"),
  ],
  [
    "vhdx whose regions are one",
    () => regions([32, le(METADATA, 8)]),
    vhdxAt(METADATA, "block table: overlaps the metadata region"),
  ],
  [
    "vhdx whose metadata are the headers",
    () => regions([64, le(HEADERS, 8)]),
    vhdxAt(HEADERS, "metadata region: overlaps the headers"),
  ],
  [
    "vhdx whose metadata are beyond the file",
    () => regions([64, le(2n ** 44n, 8)]),
    refused(`vhdx metadata region: 1048576 bytes, but the file ends at ${VHDX_SIZE}`),
  ],
  [
    "vhdx whose metadata have 4096 bytes",
    () => regions([72, le(4096, 4)]),
    vhdxAt(METADATA, "metadata table: size 4096"),
  ],
  [
    "vhdx whose table has no bytes",
    () => regions([40, le(0, 4)]),
    vhdxAt(BLOCKS, `block table: entries 0, ${Math.ceil(CONTENT.length / MIB)} are needed`),
  ],
  [
    "vhdx whose metadata are something else",
    () => items([0, "metadatb"]),
    vhdxAt(METADATA, "metadata table: signature"),
  ],
  ["vhdx of 1024 items", () => items([10, le(1024, 2)]), vhdxAt(METADATA + 10, "metadata table: entries 1024")],
  ["vhdx of no items", () => items([10, le(0, 2)]), vhdxAt(METADATA, "table: without all that there has to be")],
  [
    "vhdx whose item is the table itself",
    () => items([48, le(0, 4)]),
    vhdxAt(METADATA + 48, "metadata table: item at 0"),
  ],
  [
    "vhdx whose item is the region's last byte",
    () => items([48, le(MIB - 1, 4)]),
    vhdxAt(METADATA + 48, "metadata table: item at 1048575"),
  ],
  [
    "vhdx whose item is at 4 GiB",
    () => items([48, le(0xffffffff, 4)]),
    vhdxAt(METADATA + 48, "metadata table: item at 4294967295"),
  ],
  [
    "vhdx with an item that is required, and unknown",
    () => items([32, le(1, 8)]),
    vhdxAt(METADATA + 32, "table: unknown entry that is required"),
  ],
  ["vhdx of blocks of no bytes", () => plain([ITEMS, le(0, 4)]), vhdxAt(ITEMS, "metadata: block size 0")],
  ["vhdx of blocks of 512 MiB", () => plain([ITEMS, le(2 ** 29, 4)]), vhdxAt(ITEMS, "metadata: block size 536870912")],
  ["vhdx of a disk of no bytes", () => plain([ITEMS + 8, le(0, 8)]), vhdxAt(ITEMS + 8, "metadata: disk size 0")],
  [
    "vhdx of a disk of 2^64 - 1 bytes",
    () => plain([ITEMS + 8, le(-1n, 8)]),
    vhdxAt(ITEMS + 8, "metadata: disk size 18446744073709551615"),
  ],
  [
    "vhdx of a disk of 64 TiB with a small table",
    () => plain([ITEMS + 8, le(2n ** 46n, 8)]),
    refused("vhdx block table: entries 131041, 67108864 are needed"),
  ],
  [
    "vhdx of sectors of 520 bytes",
    () => plain([ITEMS + 16, le(520, 4)]),
    vhdxAt(ITEMS + 16, "metadata: sector size 520"),
  ],
  ["vhdx of sectors of no bytes", () => plain([ITEMS + 16, le(0, 4)]), vhdxAt(ITEMS + 16, "metadata: sector size 0")],
  [
    "vhdx that is a difference",
    () => plain([ITEMS + 4, le(2, 4)]),
    refused("vhdx image is a difference to another one, which isn't read"),
  ],
  ["vhdx whose block has a state there isn't", () => block(BigInt(4 * MIB) | 5n), badBlock("state 5")],
  ["vhdx whose block is there in parts", () => block(BigInt(4 * MIB) | 7n), badBlock("state 7")],
  [
    "vhdx whose block is its metadata",
    () => block(BigInt(METADATA) | 6n),
    badBlock(`offset ${METADATA} overlaps the metadata region`),
  ],
  [
    "vhdx whose block is its table",
    () => block(BigInt(BLOCKS) | 6n),
    badBlock(`offset ${BLOCKS} overlaps the block table`),
  ],
  ["vhdx whose block is the identifier", () => block(6n), badBlock("offset 0 overlaps the identifier")],
  [
    "vhdx whose block is beyond the file",
    () => block((2n ** 63n) | 6n),
    badBlock(`offset ${2n ** 63n}, but the file ends at ${VHDX_SIZE}`),
  ],
  [
    "vhdx whose block is cut off by the file's end",
    () => reading("vhdx", vhdx.bytes.subarray(0, VHDX_SIZE - MIB + 4096)),
    damaged("vhdx data: disk0 ends 512 bytes too early", "vhdx data: disk0 ends 264 bytes too early"),
  ],
];

// ---- the log of VHDX --------------------------------------------------------------------------------------------

const logged = vhdxImage(CONTENT, { log: true }).bytes;
const pattern = Buffer.alloc(4096, "log");
const SPARE = logged.length - 8192;
const log = (...entries: LogEntry[]) => reading("vhdx", withLog(logged, entries));
const entry = (more: Partial<LogEntry>): LogEntry => ({ at: 0, sequence: 1, writes: [[SPARE, pattern]], ...more });
const played = (count: number) =>
  read(`disk0 offset ${LOG_AT}: vhdx log: ${count} entries, which are played back in memory`);
/** The log isn't believed, and what it would have written isn't there. */
const ignored = read();
const field = (at: number, value: number | bigint, size: number) =>
  entry({ change: (bytes) => bytes.set(le(value, size), at) });
const LOG_FIELD = HEADERS + 65_536 + 48;

const logRows: Row[] = [
  ["vhdx log, as it should be", () => log(entry({})), played(1)],
  ["vhdx log with a flipped bit", () => log(entry({ harm: (bytes) => bytes.fill(7, 4100, 4101) })), ignored],
  ["vhdx log entry of no bytes", () => log(field(8, 0, 4)), ignored],
  ["vhdx log entry of half a sector", () => log(field(8, 2048, 4)), ignored],
  ["vhdx log entry larger than the log", () => log(field(8, 2 * MIB, 4)), ignored],
  ["vhdx log entry of 4 billion writes", () => log(field(24, 0xffffffff, 4)), ignored],
  ["vhdx log entry of more writes than it has room for", () => log(field(24, 200, 4)), ignored],
  [
    "vhdx log entry of as many writes as there is room for, and one behind it",
    () => {
      const writes = Array.from({ length: 254 }, (): readonly [number, number] => [SPARE, 4096]);
      const one = entry({ writes, change: (bytes) => bytes.writeUInt32LE(255, 24) });
      const behind = Buffer.concat([Buffer.from("zero"), le(0, 4), le(4096, 8), le(SPARE, 8), le(1, 8)]);
      return reading("vhdx", edited(withLog(logged, [one]), [LOG_AT + 8192, behind]));
    },
    ignored,
  ],
  ["vhdx log entry whose first one is beyond the log", () => log(field(12, 0xfffff000, 4)), ignored],
  ["vhdx log entry of sequence 0", () => log(entry({ sequence: 0 })), ignored],
  [
    "vhdx log whose entries are each other's first",
    () => log(entry({ sequence: 1, tail: 8192 }), entry({ at: 8192, sequence: 2, tail: 0 })),
    played(2),
  ],
  [
    "vhdx log that is written at the last place there is",
    () => log(entry({ writes: [[2n ** 64n - 4096n, pattern]] })),
    vhdxAt(LOG_FIELD, "log: write of 4096 bytes at 18446744073709547520"),
  ],
  [
    "vhdx log that writes 2^64 zeros",
    () =>
      log(entry({ change: (bytes) => bytes.set(Buffer.concat([Buffer.from("zero"), le(0, 4), le(-4096n, 8)]), 64) })),
    vhdxAt(LOG_FIELD, `log: write of 18446744073709547520 bytes at ${SPARE}`),
  ],
  ["vhdx log between sectors", () => log(entry({ writes: [[SPARE + 512, pattern]] })), ignored],
  [
    "vhdx log of a file that was larger then",
    () => log(entry({ flushed: logged.length + MIB })),
    vhdxAt(LOG_FIELD, `log: the file ends at ${logged.length}, and had ${logged.length + MIB} bytes`),
  ],
  [
    "vhdx log that needs a file of 2^63 bytes",
    () => log(entry({ last: 2n ** 63n })),
    vhdxAt(LOG_FIELD, "log: a file of 9223372036854775808 bytes"),
  ],
  [
    "vhdx log over the metadata: as written, it is no table",
    () => log(entry({ writes: [[METADATA, pattern]] })),
    { ...vhdxAt(METADATA, "metadata table: signature"), reports: ["vhdx log: 1 entries, which are played back"] },
  ],
];

// ---- VDI ------------------------------------------------------------------------------------------------------

const vdi = vdiImage(CONTENT, BLOCK);
const VDI_TABLE = vdi.at.table ?? 0;
const VDI_DATA = vdi.at.data ?? 0;
const VDI_ENTRY = VDI_TABLE + (SUPERBLOCK / BLOCK) * 4;
const inVdi = (...edits: Edit[]) => reading("vdi", edited(vdi.bytes, ...edits));
const vdiAt = (offset: number, what: string) => refused(`disk0: offset ${offset}: vdi ${what}`);
const NEEDED = Math.ceil(CONTENT.length / BLOCK);

const vdiRows: Row[] = [
  ["vdi of version 2", () => inVdi([0x44, le(0x20000, 4)]), vdiAt(0x44, "header: version 2")],
  ["vdi of a type that there isn't", () => inVdi([0x4c, le(3, 4)]), vdiAt(0x4c, "header: type 3")],
  [
    "vdi that is a difference, by who its parent is",
    () => inVdi([0x1a8 + 15, le(1, 1)]),
    refused("vdi image is a difference to another one"),
  ],
  ["vdi of a disk of no bytes", () => inVdi([0x170, le(0, 8)]), vdiAt(0x170, "header: size 0")],
  [
    "vdi of a disk of 2^64 - 1 bytes",
    () => inVdi([0x170, le(-1n, 8)]),
    vdiAt(0x170, "header: size 18446744073709551615"),
  ],
  ["vdi of blocks of no bytes", () => inVdi([0x178, le(0, 4)]), vdiAt(0x178, "header: block size 0")],
  ["vdi of blocks of 512 MiB", () => inVdi([0x178, le(2 ** 29, 4)]), vdiAt(0x178, "header: block size 536870912")],
  ["vdi of blocks of 65537 bytes", () => inVdi([0x178, le(65_537, 4)]), vdiAt(0x178, "header: block size 65537")],
  [
    "vdi with more in its blocks",
    () => inVdi([0x17c, le(1, 4)]),
    vdiAt(0x17c, "header: blocks have more than their bytes"),
  ],
  [
    "vdi of fewer blocks than its disk has",
    () => inVdi([0x180, le(NEEDED - 1, 4)]),
    vdiAt(0x180, `header: blocks ${NEEDED - 1}, ${NEEDED} are needed`),
  ],
  ["vdi whose table is its header", () => inVdi([0x154, le(508, 4)]), vdiAt(508, "block table: overlaps the header")],
  [
    "vdi whose table is beyond the file",
    () => inVdi([0x154, le(0xffffffff, 4)]),
    refused("disk0: offset 4294967295: vdi block table: "),
  ],
  [
    "vdi whose blocks begin with the header",
    () => inVdi([0x158, le(0, 4)], [VDI_ENTRY, le(0, 4)]),
    damaged(
      `disk0 offset ${VDI_TABLE + (NEEDED - 1) * 4}: vdi block table entry: offset 0 overlaps the header`,
      `disk0 offset ${VDI_ENTRY}: vdi block table entry: offset 0 overlaps the header`,
    ),
  ],
  [
    "vdi whose block is beyond the file",
    () => inVdi([VDI_ENTRY, le(0xfffffffd, 4)]),
    damaged(
      `disk0 offset ${VDI_ENTRY}: vdi block table entry: offset ${VDI_DATA + 0xfffffffd * BLOCK}, but the file ends at`,
    ),
  ],
  ["vdi whose block with the superblock was given back", () => inVdi([VDI_ENTRY, le(0xfffffffe, 4)]), damaged()],
  [
    "vdi of 511 bytes",
    () => reading("vdi", vdi.bytes.subarray(0, 511)),
    vdiAt(0, "header: the file ends before it does"),
  ],
  [
    "vdi cut off in its table",
    () => reading("vdi", vdi.bytes.subarray(0, VDI_TABLE + 3)),
    refused("vdi block table: "),
  ],
];

// ---- whatever the format ----------------------------------------------------------------------------------------

const looks = (image: Uint8Array): Guest => ({ disks: [Buffer.from(image)] });
const anyRows: Row[] = [
  ["image of a format that nobody said", () => looks(vdi.bytes), refused("disk0: looks like a vdi file: say so")],
  [
    "guest that writes a qcow2 header over its disk",
    () => looks(edited(CONTENT, [0, "QFI\xfb\0\0\0\x03"])),
    refused("looks like a qcow2 file"),
  ],
  [
    "guest that writes a descriptor over its disk",
    () => looks(edited(CONTENT, [0, "# Disk DescriptorFile\n"])),
    refused("looks like a vmdk file"),
  ],
  ["guest that writes a footer behind its disk stays raw", () => ({ ...reading("raw", fixed.bytes) }), read()],
];

export const vhdFamily: Family = { name: "vhd", rows: vhdRows };
export const vhdxFamily: Family = { name: "vhdx", rows: [...vhdxRows, ...logRows] };
export const vdiFamily: Family = { name: "vdi", rows: [...vdiRows, ...anyRows] };
