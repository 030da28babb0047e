// Hostile ISO 9660 volumes: descriptors, directory records, extents, and Rock Ridge's entries.

import { type IsoFile, isoImage } from "../support/iso_image.js";
import { be, diskOf, type Edit, edited, type Family, type Guest, le, type Row } from "./case.js";

const BLOCK = 2048;
const DESCRIPTOR = 16 * BLOCK;
const ROOT = 18 * BLOCK;
const TEXT = "good content\n";

/** A volume with these files, and one that is good. */
function volume(files: readonly IsoFile[], edits: readonly Edit[] = [], names: readonly string[] = []): Guest {
  const good: IsoFile = {
    name: "GOOD.;1",
    content: TEXT,
    ...(files.some(({ rockRidge }) => rockRidge) && { rockRidge: "good" }),
  };
  const image = edited(isoImage([...files, good]), ...edits);
  const paths = names.map((name) => `more /${name}`);
  return {
    disks: [diskOf(image.length, [[0, image]])],
    lines: ["ls /", ...paths, good.rockRidge ? "more /good" : "more /GOOD.;1"],
  };
}
const plain = (...edits: Edit[]) => volume([{ name: "A.;1", content: "a".repeat(3000) }], edits, ["A.;1"]);
/** The record of the first file comes behind those of the directory and of its parent, 34 bytes each. */
const record = (...edits: Edit[]) => plain(...edits.map(([at, bytes]): Edit => [ROOT + 68 + at, bytes]));
const lost = (...reports: string[]) => ({ reports, hides: [TEXT] });
const kept = (...reports: string[]) => ({ reports, prints: [TEXT] });
const bad = (what: string) => lost(`disk0 offset ${ROOT + 68}: ISO 9660 directory record: ${what}`);

/** A Rock Ridge entry: its signature and what is in it. */
const entry = (signature: string, ...parts: (Uint8Array | string)[]): Buffer => {
  const body = Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)));
  return Buffer.concat([Buffer.from(signature), Buffer.from([4 + body.length, 1]), body]);
};
const both = (value: number) => Buffer.concat([le(value, 4), be(value, 4)]);
const goesOn = (block: number, offset: number, size: number) => entry("CE", both(block), both(offset), both(size));
/** Parts of a link: flags and text. */
const part = (flags: number, text = "") => Buffer.from([flags, text.length, ...Buffer.from(text)]);
const link = (...parts: Uint8Array[]) => entry("SL", Buffer.from([0]), ...parts);
/** A volume whose first file has these entries besides its name. */
const rockRidge = (use: Uint8Array, content = "aaa", edits: Edit[] = []) =>
  volume([{ name: "A.;1", content, rockRidge: "a", use }], edits, ["a"]);
/** Where the content of that file is. */
const AREA = 19;

/** A link whose text comes behind so many continuation areas. */
function continued(count: number): Guest {
  const areas = Array.from(
    { length: count },
    (_, i): Edit => [(AREA + i) * BLOCK, i < count - 1 ? goesOn(AREA + i + 1, 0, 100) : link(part(0, "good"))],
  );
  return rockRidge(goesOn(AREA, 0, 100), "a".repeat(count * BLOCK), areas);
}

const plainRows: Row[] = [
  [
    "ISO of blocks of 512 bytes",
    () => plain([DESCRIPTOR + 128, le(512, 2)]),
    lost("disk0 offset 32768: ISO 9660 volume descriptor: block size 512"),
  ],
  [
    "ISO of blocks of no bytes",
    () => plain([DESCRIPTOR + 128, le(0, 2)]),
    lost("ISO 9660 volume descriptor: block size 0"),
  ],
  [
    "ISO of nothing but descriptors that don't matter: 64 are looked at",
    () => {
      const image = Buffer.alloc(200 * BLOCK);
      for (let i = 16; i < 200; i++) image.write("\x02CD001", i * BLOCK, "latin1");
      return { disks: [diskOf(image.length, [[0, image]])], lines: ["ls /", "more /GOOD.;1"] };
    },
    { prints: ["can't open '/GOOD.;1'"] },
  ],
  ["ISO without a primary descriptor", () => plain([DESCRIPTOR, le(255, 1)]), { hides: [TEXT] }],
  [
    "ISO whose root is beyond the disk",
    () => plain([DESCRIPTOR + 156 + 2, le(0xffffffff, 4)]),
    lost("disk0 offset 8796093020160: ISO 9660 directory: beyond the end of the disk"),
  ],
  [
    "ISO whose root has 4 GiB: it ends with the disk",
    () => plain([DESCRIPTOR + 156 + 10, le(0xffffffff, 4)]),
    kept("disk0 offset 38912: ISO 9660 directory record: length 97, name 97"),
  ],
  [
    "ISO whose root has no bytes",
    () => plain([DESCRIPTOR + 156 + 10, le(0, 4)]),
    { prints: ["can't open '/GOOD.;1'"] },
  ],
  [
    "ISO whose root is its descriptor",
    () => plain([DESCRIPTOR + 156 + 2, le(16, 4)]),
    lost("disk0 offset 32768: ISO 9660 directory record: length 1, name 0"),
  ],
  ["ISO with a directory record of one byte", () => record([0, le(1, 1)]), bad("length 1, name 4")],
  ["ISO with a directory record of 33 bytes", () => record([0, le(33, 1)]), bad("length 33, name 4")],
  ["ISO with a name longer than its record", () => record([32, le(255, 1)]), bad("length 38, name 255")],
  [
    "ISO with a directory record across its block's end",
    () =>
      plain(
        [ROOT + 2040, Buffer.from([255])],
        [ROOT + 68, Buffer.from([0])],
        [ROOT + 68, Buffer.alloc(1980)],
        [ROOT + 2040, Buffer.from([255])],
      ),
    { hides: [TEXT] },
  ],
  ["ISO with a name of no bytes", () => record([32, le(0, 1)]), kept()],
  ["ISO with a name that clears the screen", () => record([33, "\x1b[2J"]), kept()],
  ["ISO with a name that has slashes", () => record([33, "/../"]), kept()],
  [
    "ISO with a file beyond the disk",
    () => record([2, le(0xfffffff0, 4)]),
    kept("disk0 offset 8796092989440: ISO 9660 file: data is beyond the end of the disk"),
  ],
  [
    "ISO with a file of 4 GiB",
    () => record([10, le(0xffffffff, 4)]),
    kept("ISO 9660 file: data is beyond the end of the disk"),
  ],
  [
    "ISO with a file behind 255 blocks of attributes",
    () => record([1, le(255, 1)]),
    kept("ISO 9660 file: data is beyond the end of the disk"),
  ],
  [
    "ISO with a file that goes on nowhere",
    () => record([25, le(0x80, 1)]),
    kept("ISO 9660 file: its last extent is missing"),
  ],
  [
    "ISO with a file that goes on in itself for ever",
    () => volume([{ name: "A.;1", content: "a".repeat(300 * BLOCK), extents: BLOCK }], [], ["A.;1"]),
    kept("ISO 9660 file: more than 256 extents"),
  ],
  [
    "ISO with a directory in itself",
    () => ({
      ...record([2, le(18, 4)], [10, le(BLOCK, 4)], [25, le(2, 1)]),
      lines: ["ls /A.;1/A.;1/A.;1", "more /A.;1/A.;1/A.;1/A.;1/GOOD.;1"],
    }),
    kept(),
  ],
  [
    "ISO with a file that says it is a directory",
    () => ({ ...record([25, le(2, 1)]), lines: ["ls /A.;1", "more /GOOD.;1"] }),
    kept("ISO 9660 directory record: length 97, name 97"),
  ],
];

const rockRidgeRows: Row[] = [
  ["Rock Ridge entry of no bytes", () => rockRidge(Buffer.from("XX\0\x01")), kept()],
  ["Rock Ridge entry of three bytes", () => rockRidge(Buffer.from("XX\x03\x01")), kept()],
  ["Rock Ridge entry longer than its record", () => rockRidge(Buffer.from("SL\xff\x01\0\0\x01x", "latin1")), kept()],
  [
    "Rock Ridge continuation that is its own",
    () => rockRidge(goesOn(AREA, 0, 28), "aaa", [[AREA * BLOCK, goesOn(AREA, 0, 28)]]),
    { reports: [`disk0 offset ${AREA * BLOCK}: SUSP: more than 16 continuation areas`], prints: [TEXT] },
  ],
  [
    "Rock Ridge continuations in a row of sixteen: a link's text is in the last",
    () => continued(16),
    { prints: [TEXT, TEXT] },
  ],
  [
    "Rock Ridge continuations in a row of seventeen",
    () => continued(17),
    kept(`disk0 offset ${(AREA + 16) * BLOCK}: SUSP: more than 16 continuation areas`),
  ],
  ["Rock Ridge continuation beyond the disk", () => rockRidge(goesOn(0xffffffff, 0, 28)), kept()],
  [
    "Rock Ridge continuation longer than its block",
    () => rockRidge(goesOn(AREA, 0, 2049)),
    kept("SUSP continuation area: 2049 bytes at 0"),
  ],
  [
    "Rock Ridge continuation that wraps",
    () => rockRidge(goesOn(AREA, 0xffffffff, 2)),
    kept("SUSP continuation area: 2 bytes at 4294967295"),
  ],
  [
    "Rock Ridge continuation of 4 GiB",
    () => rockRidge(goesOn(AREA, 8, 0xffffffff)),
    kept("SUSP continuation area: 4294967295 bytes at 8"),
  ],
  [
    "Rock Ridge name that goes on for ever",
    () =>
      volume(
        [
          {
            name: "A.;1",
            content: "n".repeat(BLOCK),
            rockRidge: "",
            use: Buffer.concat([entry("NM", Buffer.from([1]), "n".repeat(30)), goesOn(AREA, 0, 300)]),
          },
        ],
        [[AREA * BLOCK, Buffer.concat([entry("NM", Buffer.from([1]), "n".repeat(240)), goesOn(AREA, 0, 300)])]],
      ),
    kept(`disk0 offset ${AREA * BLOCK}: SUSP: more than 16 continuation areas`),
  ],
  ["Rock Ridge name of reserved flags", () => rockRidge(entry("NM", Buffer.from([0x80]), "x")), kept()],
  [
    "Rock Ridge link to itself",
    () => rockRidge(link(part(0, "a"))),
    kept("Rock Ridge: more than 32 symbolic links on the way through '/a'"),
  ],
  [
    "Rock Ridge link to itself by the root",
    () => rockRidge(link(part(8), part(0, "a"))),
    kept("Rock Ridge: more than 32 symbolic links on the way through '/a'"),
  ],
  ["Rock Ridge link out of the root", () => rockRidge(link(part(4), part(4), part(4), part(0, "etc"))), kept()],
  [
    "Rock Ridge link with a part longer than its entry",
    () => rockRidge(link(Buffer.from([0, 200, 0x61]))),
    kept("Rock Ridge: symbolic link with a part of 200 bytes, longer than its entry"),
  ],
  [
    "Rock Ridge link without an end",
    () => rockRidge(entry("SL", Buffer.from([1]), part(0, "good"))),
    kept("Rock Ridge: symbolic link 'good' has no end"),
  ],
  ["Rock Ridge link of no parts", () => rockRidge(link()), kept()],
  [
    "Rock Ridge link of a thousand parents",
    () =>
      rockRidge(Buffer.concat([entry("SL", Buffer.from([1]), part(4)), goesOn(AREA, 0, 2000)]), "x".repeat(BLOCK), [
        [
          AREA * BLOCK,
          Buffer.concat(
            Array.from({ length: 8 }, (_, i) => entry("SL", Buffer.from([i < 7 ? 1 : 0]), ...Array(120).fill(part(4)))),
          ),
        ],
      ]),
    kept("Rock Ridge: symbolic link '../../../../../../../../../../../../../.' has no end"),
  ],
  [
    "Rock Ridge directory that was moved beyond the disk",
    () => rockRidge(entry("CL", both(0xffffffff))),
    kept("Rock Ridge: directory that was moved: beyond the end of the disk"),
  ],
  [
    "Rock Ridge directory that was moved to a file's bytes",
    () => rockRidge(entry("CL", both(AREA))),
    kept(`disk0 offset ${AREA * BLOCK}: Rock Ridge: directory that was moved: no directory`),
  ],
  [
    "Rock Ridge directory that was moved to the root: it is in itself",
    () => ({ ...rockRidge(entry("CL", both(18))), lines: ["ls /a/a/a", "more /a/a/a/a/good"] }),
    kept(),
  ],
  [
    "Rock Ridge that is said to skip 255 bytes: no names of it are seen",
    () => ({
      ...rockRidge(Buffer.alloc(0), "aaa", [[ROOT + 34 + 6, le(255, 1)]]),
      lines: ["more /good", "more /GOOD.;1"],
    }),
    { prints: ["can't open '/good'", TEXT] },
  ],
];

export const iso: Family = { name: "iso", rows: [...plainRows, ...rockRidgeRows] };
