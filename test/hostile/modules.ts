// Hostile modules, relocatable and shared ones of both machines, and linker.hints: sections, relocations, dependencies, metadata.

import { linkedFile, linkerHints, objectFile } from "../support/elf_image.js";
import { ufsDisk } from "../support/ufs_image.js";
import { be, type Edit, edited, type Family, type Guest, le, type Outcome, type Row } from "./case.js";
import {
  type Bits,
  boots,
  DYNAMIC,
  FIELDS,
  hash,
  KERNEL,
  kernels,
  type SECTION,
  SEGMENTS,
  section,
  segment,
  tag,
} from "./elf.js";

const MODULE = "/boot/kernel/some.ko";
const needsKernel = { name: "kernel", minimum: 1200000, preferred: 1201000, maximum: 1299999 };
const INFO = { versions: [{ name: "some", version: 1 }], dependencies: [needsKernel] };
const object = objectFile(INFO);
const shared = {
  64: linkedFile({ bits: 64, segments: SEGMENTS, shared: true, ...INFO }).bytes,
  32: linkedFile({ bits: 32, segments: SEGMENTS, shared: true, ...INFO }).bytes,
} as const;

const modules = (files: Record<string, Uint8Array>, bits: Bits = 64, lines = ["load some", "lsmod"]): Guest =>
  boots(kernels[bits], files, lines);
const inObject = (...edits: Edit[]) => modules({ [MODULE]: edited(object, ...edits) });
const ofObject = (index: number, field: keyof (typeof SECTION)[64], value: number | bigint) =>
  inObject(section(object, 64, index, field, value));
/** The module isn't loaded, the kernel is entered without it. */
const without = (...reports: string[]): Outcome => ({ end: "exec", reports, hides: ["some.ko (elf"] });
const some = (what: string) => `${MODULE}: ELF ${what}`;
const COUNT = object.readUInt16LE(60);

const objectRows: Row[] = [
  [
    "module of section headers behind its file",
    () => inObject([40, le(2 ** 40, 8)]),
    without(some("section headers: ")),
  ],
  ["module of section headers of 4 GiB", () => inObject([60, le(0xffff, 2)]), without(some("section headers: "))],
  ["module of section headers of another size", () => inObject([58, le(63, 2)]), without()],
  ["module without symbols", () => ofObject(7, "type", 1), without(some("sections: 0 symbol tables, not 1"))],
  ["module of two tables of symbols", () => ofObject(9, "type", 2), without(some("sections: 2 symbol tables, not 1"))],
  [
    "module whose symbols' strings are no strings",
    () => ofObject(7, "link", 1),
    without(some(`section 1 of ${COUNT} is not a string table`)),
  ],
  [
    "module whose symbols' strings are in no section",
    () => ofObject(7, "link", 0xffffffff),
    without(some(`section 4294967295 of ${COUNT} is not a string table`)),
  ],
  [
    "module whose section names are in no section",
    () => inObject([62, le(0xffff, 2)]),
    without(some(`section 65535 of ${COUNT} is not a string table`)),
  ],
  [
    "module of a section aligned to nothing",
    () => ofObject(1, "align", 0),
    without(some("section 1: alignment 0 is not between 1 and 1073741824")),
  ],
  [
    "module of a section aligned to 2^63",
    () => ofObject(1, "align", 2n ** 63n),
    without(some("section 1: alignment 9223372036854775808 is not between")),
  ],
  [
    "module of a section of a GiB and a byte",
    () => ofObject(4, "length", 2 ** 30 + 1),
    without(some("section 4: size 1073741825 makes the module larger than 1073741824")),
  ],
  [
    "module of a section of 2^64 - 1 bytes",
    () => ofObject(4, "length", -1n),
    without(some("section 4: size 18446744073709551615 makes the module larger")),
  ],
  [
    "module of sections that are a GiB together",
    () => inObject(section(object, 64, 3, "align", 2 ** 30), section(object, 64, 4, "align", 2 ** 30)),
    without(some("section ")),
  ],
  [
    "module of a section behind its file",
    () => ofObject(1, "offset", 2 ** 40),
    without(some("section: 100 bytes at offset 1099511627776 are not all in the file")),
  ],
  [
    "module that relocates a section that there isn't",
    () => ofObject(6, "info", 99),
    { end: "exec", reports: [some(`section 6: relocates section 99 of ${COUNT}`)] },
  ],
  [
    "module that relocates by a symbol that there isn't",
    () =>
      inObject([
        Number(object.readBigUInt64LE(Number(object.readBigUInt64LE(40)) + 5 * 64 + 24)) + 12,
        le(0x7fffffff, 4),
      ]),
    { end: "exec" },
  ],
  [
    "module of a relocation that there isn't",
    () => inObject([Number(object.readBigUInt64LE(Number(object.readBigUInt64LE(40)) + 5 * 64 + 24)) + 8, le(99, 4)]),
    without(),
  ],
  [
    "module larger than the guest's memory",
    () => ofObject(4, "length", 2 ** 29),
    { end: "MemoryError", message: "some.ko needs " },
  ],
  [
    "module before its kernel",
    () => ({ disks: [ufsDisk({ [KERNEL]: kernels[64], [MODULE]: object })], lines: ["load some", "lsmod"] }),
    { prints: ["can't load"] },
  ],
  [
    "module that needs itself",
    () =>
      modules({
        [MODULE]: objectFile({
          versions: [{ name: "some", version: 1 }],
          dependencies: [{ name: "some", minimum: 1, preferred: 1, maximum: 1 }],
        }),
      }),
    { end: "exec", prints: ["some.ko (elf"] },
  ],
  [
    "modules that need each other",
    () =>
      modules({
        [MODULE]: objectFile({
          versions: [{ name: "some", version: 1 }],
          dependencies: [{ ...needsKernel, name: "other", minimum: 1, preferred: 1, maximum: 1 }],
        }),
        "/boot/kernel/other.ko": objectFile({
          versions: [{ name: "other", version: 1 }],
          dependencies: [{ name: "some", minimum: 1, preferred: 1, maximum: 1 }],
        }),
      }),
    { end: "exec", prints: ["some.ko (elf", "other.ko (elf"] },
  ],
  [
    "modules that need another one, a hundred deep",
    () =>
      modules(
        Object.fromEntries(
          Array.from({ length: 100 }, (_, i) => [
            i === 0 ? MODULE : `/boot/kernel/m${i}.ko`,
            objectFile({
              versions: [{ name: i === 0 ? "some" : `m${i}`, version: 1 }],
              dependencies: [{ name: `m${i + 1}`, minimum: 1, preferred: 1, maximum: 1 }],
            }),
          ]),
        ),
      ),
    { end: "exec", prints: ["modules depend on each other too deeply"], hides: ["some.ko (elf"] },
  ],
  [
    "module that needs what nobody has",
    () => modules({ [MODULE]: objectFile({ dependencies: [{ name: "none", minimum: 1, preferred: 1, maximum: 1 }] }) }),
    { end: "exec", prints: ["can't find 'none'"], hides: ["some.ko (elf"] },
  ],
  [
    "module that needs a kernel of another version",
    () =>
      modules({ [MODULE]: objectFile({ dependencies: [{ ...needsKernel, minimum: 9, preferred: 9, maximum: 9 }] }) }),
    { end: "exec", hides: ["some.ko (elf"] },
  ],
  [
    "module that needs a path out of its directory",
    () =>
      modules({
        [MODULE]: objectFile({ dependencies: [{ name: "../../../etc/passwd", minimum: 1, preferred: 1, maximum: 1 }] }),
      }),
    { end: "exec", prints: ["can't find '../../../etc/passwd'"], hides: ["some.ko (elf"] },
  ],
  [
    "module whose name clears the screen",
    () => modules({ [MODULE]: objectFile({ versions: [{ name: "\x1b[2J", version: 1 }] }) }),
    { end: "exec", prints: ["some.ko (elf"] },
  ],
];

const sharedRows: Row[] = ([64, 32] as const).flatMap((bits): Row[] => {
  const of = (...edits: Edit[]) => modules({ [MODULE]: edited(shared[bits], ...edits) }, bits);
  const name = bits === 64 ? "amd64" : "i386";
  return [
    [
      `${name} shared module of relocations of more bytes than it has`,
      () => of(tag(bits, 6, 2 ** 31 - 1)),
      without(some("dynamic section: relocations of 2147483647 bytes in a file of which ")),
    ],
    [
      `${name} shared module of metadata of more bytes than it has`,
      () => {
        const symbols = DYNAMIC + 32 * FIELDS[bits].word + 24;
        const size = bits === 64 ? 24 : 16;
        return of([symbols + 2 * size + (bits === 64 ? 8 : 4), le(2 ** 30, 4)]);
      },
      without(some("module metadata: ")),
    ],
    [
      `${name} shared module whose hash table has no buckets`,
      () => of([hash(bits), le(0, 4)]),
      without(some("symbol table: hash table without buckets")),
    ],
    [
      `${name} shared module whose segment is behind its file`,
      () => of(segment(bits, 1, "offset", 2 ** 30)),
      without(some("segment 1: 3000 bytes at offset 1073741824 are not all in the file")),
    ],
    [
      `${name} shared module in memory that isn't there`,
      () => of(segment(bits, 1, "vaddr", 2 ** 30)),
      { end: "MemoryError", message: "some.ko needs " },
    ],
  ];
});

const HINTS = linkerHints([
  { module: "some", version: 1, file: "some.ko" },
  { module: "kernel", version: 1201000, file: "kernel" },
]);
const hints = (bytes: Uint8Array, more: Record<string, Uint8Array> = {}) =>
  modules({ [MODULE]: object, "/boot/kernel/linker.hints": bytes, ...more });
const record = (type: number, body: Uint8Array, length = body.length + 4) =>
  Buffer.concat([le(length, 4), le(type, 4), body]);
const listOf = (...records: Uint8Array[]) => Buffer.concat([le(1, 4), ...records]);
const loaded = (...reports: string[]): Outcome => ({ end: "exec", reports, prints: ["some.ko (elf"] });
const path = "/boot/kernel/linker.hints: ";

const hintRows: Row[] = [
  ["hints of version 2", () => hints(edited(HINTS, [0, le(2, 4)])), loaded(`${path}version 2, not 1`)],
  [
    "hints of the other order of bytes",
    () => hints(edited(HINTS, [0, be(1, 4)])),
    loaded(`${path}version 16777216, not 1`),
  ],
  ["hints of three bytes", () => hints(HINTS.subarray(0, 3)), loaded(`${path}3 bytes, not 8 to 1048576`)],
  [
    "hints of a record of no bytes",
    () => hints(listOf(record(3, Buffer.alloc(0), 0))),
    loaded(`${path}record at 0: length 0 of 4`),
  ],
  [
    "hints of a record of 4 GiB",
    () => hints(edited(HINTS, [4, le(-1, 4)])),
    loaded(`${path}record at 0: length -1 of 52`),
  ],
  [
    "hints of a record that is cut off",
    () => hints(HINTS.subarray(0, 20)),
    loaded(`${path}record at 0: length 24 of 12`),
  ],
  [
    "hints of a name longer than its record",
    () => hints(listOf(record(3, Buffer.from([255, 0x73, 0x6f, 0x6d])))),
    loaded(),
  ],
  [
    "hints that lead out of the directory",
    () => hints(linkerHints([{ module: "some", version: 9, file: "../../etc/passwd" }])),
    { end: "exec", prints: ["load: can't find 'some'"], hides: ["some.ko (elf"] },
  ],
  [
    "hints that lead to themselves",
    () => hints(linkerHints([{ module: "some", version: 9, file: "linker.hints" }])),
    { end: "exec", hides: ["some.ko (elf"] },
  ],
  [
    "hints of thirty thousand records",
    () => hints(linkerHints(Array.from({ length: 30_000 }, (_, i) => ({ module: `m${i}`, version: 1, file: "x.ko" })))),
    loaded(),
  ],
  [
    "hints of 4 MB of nothing",
    () => hints(Buffer.concat([le(1, 4), Buffer.alloc(4_000_000)])),
    loaded(`${path}4000004 bytes, not 8 to 1048576`),
  ],
  [
    "hints of devices in 2 billion rows",
    () => ({
      ...hints(
        listOf(
          record(2, Buffer.from("\x04some\x07some.ko\0\0\0", "latin1")),
          record(4, Buffer.concat([Buffer.from("\x03PCI\x0aI:vendor;D\0", "latin1"), le(0x7fffffff, 4)])),
        ),
      ),
      lines: [`load ${KERNEL}`, "pnpmatch -d PCI 'vendor=1'"],
      options: { profile: 14 },
    }),
    { prints: ["2147483647 entries (some.ko)", "No module matches vendor=1 on bus PCI"] },
  ],
];

export const modulesFamily: Family = { name: "modules", rows: [...objectRows, ...sharedRows, ...hintRows] };
