// Hostile kernels of both machines: headers, segments, sections, hash tables. A row that is about both machines' kernels is two cases.

import { linkedFile } from "../support/elf_image.js";
import { ufsDisk } from "../support/ufs_image.js";
import { type Edit, edited, type Family, type Guest, le, type Outcome, type Row } from "./case.js";

export type Bits = 64 | 32;
export const KERNEL = "/boot/kernel/kernel";
export const SEGMENTS = [{ size: 6000 }, { size: 3000, bss: 5000, writable: true }];
const VERSIONS = [{ name: "kernel", version: 1201000 }];
export const kernels = {
  64: linkedFile({ bits: 64, segments: SEGMENTS, versions: VERSIONS }).bytes,
  32: linkedFile({ bits: 32, segments: SEGMENTS, versions: VERSIONS }).bytes,
} as const;
const gnuKernel = linkedFile({ bits: 64, segments: SEGMENTS, versions: VERSIONS, hash: "gnu" }).bytes;

/** Offsets in the header, in program headers and in section headers of either class; and bytes of an address. */
export const FIELDS = {
  64: {
    header: 64,
    type: 16,
    machine: 18,
    entry: 24,
    phoff: 32,
    shoff: 40,
    phnum: 56,
    shentsize: 58,
    shnum: 60,
    names: 62,
    word: 8,
  },
  32: {
    header: 52,
    type: 16,
    machine: 18,
    entry: 24,
    phoff: 28,
    shoff: 32,
    phnum: 44,
    shentsize: 46,
    shnum: 48,
    names: 50,
    word: 4,
  },
} as const;
const SEGMENT = {
  64: { size: 56, type: 0, offset: 8, vaddr: 16, filesz: 32, memsz: 40 },
  32: { size: 32, type: 0, offset: 4, vaddr: 8, filesz: 16, memsz: 20 },
} as const;
export const SECTION = {
  64: { size: 64, name: 0, type: 4, flags: 8, offset: 24, length: 32, link: 40, info: 44, align: 48 },
  32: { size: 40, name: 0, type: 4, flags: 8, offset: 16, length: 20, link: 24, info: 28, align: 32 },
} as const;
/** Where the second segment begins, with the dynamic section; behind its 16 entries is the hash table. */
export const DYNAMIC = 8192;

export const boots = (
  kernel: Uint8Array,
  more: Record<string, Uint8Array> = {},
  lines: readonly string[] = [],
): Guest => ({
  disks: [ufsDisk({ [KERNEL]: kernel, ...more })],
  lines: [`load ${KERNEL}`, ...lines, "boot"],
});
const header = (bits: Bits, ...edits: Edit[]) => boots(edited(kernels[bits], ...edits));
/** A field of the kernel's program header `index`. */
export const segment = (bits: Bits, index: number, field: keyof (typeof SEGMENT)[64], value: number | bigint): Edit => [
  FIELDS[bits].header + index * SEGMENT[bits].size + SEGMENT[bits][field],
  le(value, field === "type" ? 4 : FIELDS[bits].word),
];
/** A field of section header `index` of a file. */
export function section(
  file: Buffer,
  bits: Bits,
  index: number,
  field: keyof (typeof SECTION)[64],
  value: number | bigint,
): Edit {
  const table = bits === 64 ? Number(file.readBigUInt64LE(40)) : file.readUInt32LE(32);
  const small = ["name", "type", "link", "info"].includes(field);
  return [table + index * SECTION[bits].size + SECTION[bits][field], le(value, small ? 4 : FIELDS[bits].word)];
}
/** Cases of both machines. */
const both = (idea: string, make: (bits: Bits) => Guest, outcome: (bits: Bits) => Outcome | string): Row[] =>
  ([64, 32] as const).map((bits) => [`${bits === 64 ? "amd64" : "i386"} ${idea}`, () => make(bits), outcome(bits)]);
/** It isn't loaded, and nothing is entered. */
const refused = (...reports: string[]): Outcome => ({ reports, prints: ["boot: no bootable kernel"] });
/** Not even looked at as a kernel. */
const unknown: Outcome = { prints: ["boot: no bootable kernel"] };
/** It is entered all the same: nothing that it needs is missing. */
export const entered = (...reports: string[]): Outcome => ({ end: "exec", reports });
export const kernel = (what: string) => `${KERNEL}: ELF ${what}`;

const headerRows: Row[] = [
  ...both(
    "kernel for another machine",
    (bits) => header(bits, [18, le(40, 2)]),
    () => unknown,
  ),
  ...both(
    "kernel of the other class",
    (bits) => header(bits, [4, le(bits === 64 ? 1 : 2, 1)]),
    () => unknown,
  ),
  ...both(
    "kernel of the other order of bytes",
    (bits) => header(bits, [5, le(2, 1)]),
    () => unknown,
  ),
  ...both(
    "kernel of version 2",
    (bits) => header(bits, [20, le(2, 4)]),
    () => unknown,
  ),
  ...both(
    "kernel that is a core dump",
    (bits) => header(bits, [16, le(4, 2)]),
    () => unknown,
  ),
  ...both(
    "kernel of 51 bytes",
    (bits) => boots(kernels[bits].subarray(0, 51)),
    () => unknown,
  ),
  ...both(
    "kernel whose program headers are at the last address",
    (bits) => header(bits, [FIELDS[bits].phoff, le(-1n, FIELDS[bits].word)]),
    (bits) => refused(kernel(`header: program headers (3 at offset ${bits === 64 ? 2n ** 64n - 1n : 2n ** 32n - 1n})`)),
  ),
  ...both(
    "kernel of 65535 program headers",
    (bits) => header(bits, [FIELDS[bits].phnum, le(0xffff, 2)]),
    (bits) =>
      refused(kernel(`header: program headers (65535 at offset ${FIELDS[bits].header}) reach past the first page`)),
  ),
  ...both(
    "kernel of no program headers",
    (bits) => header(bits, [FIELDS[bits].phnum, le(0, 2)]),
    () => unknown,
  ),
  ...both(
    "kernel whose program headers are its header",
    (bits) => header(bits, [FIELDS[bits].phoff, le(0, FIELDS[bits].word)]),
    () => unknown,
  ),
];

const segmentRows: Row[] = [
  ...both(
    "segment that ends behind its file",
    (bits) => header(bits, segment(bits, 1, "filesz", 100_000), segment(bits, 1, "memsz", 100_000)),
    () => refused(kernel("segment 1: 100000 bytes at offset 8192 are not all in the file")),
  ),
  ...both(
    "segment that begins behind its file",
    (bits) => header(bits, segment(bits, 1, "offset", 2 ** 31)),
    () => refused(kernel("segment 1: 3000 bytes at offset 2147483648 are not all in the file")),
  ),
  ...both(
    "segment of as many bytes as there are numbers",
    (bits) => header(bits, segment(bits, 1, "filesz", -1n)),
    (bits) =>
      refused(kernel(`segment 1: ${bits === 64 ? 2n ** 64n - 1n : 2n ** 32n - 1n} bytes at offset 8192 are not`)),
  ),
  ...both(
    "segment of 2 GiB in memory",
    (bits) => header(bits, segment(bits, 1, "memsz", 2 ** 31)),
    () => refused(kernel("segment 1: size in memory 2147483648 exceeds 2147483647")),
  ),
  ...both(
    "segment of a byte less than 2 GiB in memory",
    (bits) => header(bits, segment(bits, 1, "memsz", 2 ** 31 - 1)),
    (bits) => ({
      end: "MemoryError",
      message: `kernel ${KERNEL} needs ${0x80202000 + (bits === 64 ? 0x90 : 0x70)} bytes of memory (0x200000 to `,
    }),
  ),
  ...both(
    "segment with more bytes in the file than in memory",
    (bits) => header(bits, segment(bits, 1, "memsz", 1)),
    () => entered(),
  ),
  ...both(
    "segment at the last address",
    (bits) => header(bits, segment(bits, 1, "vaddr", -1n)),
    () => ({ end: "MemoryError" }),
  ),
  ...both(
    "segment in the first page, where the stack of the boot is",
    (bits) => header(bits, segment(bits, 0, "vaddr", bits === 64 ? 0xffffffff80000000n : 0xc0000000)),
    () => entered(),
  ),
  ...both(
    "kernel over the page tables that it is entered with",
    (bits) =>
      boots(
        linkedFile({ bits, segments: SEGMENTS, base: (bits === 64 ? 0xffffffff80000000n : 0xc0000000n) + 0x1000n })
          .bytes,
      ),
    () => entered(),
  ),
  ...both(
    "segments over each other: the last one counts",
    (bits) => header(bits, segment(bits, 1, "vaddr", bits === 64 ? 0xffffffff80200000n : 0xc0200000)),
    () => entered(),
  ),
  ...both(
    "kernel entered where nothing of it is",
    (bits) => header(bits, [FIELDS[bits].entry, le(bits === 64 ? 0xffffffff8ffffff0n : 0xcffffff0, FIELDS[bits].word)]),
    () => ({ end: "MemoryError", message: `kernel ${KERNEL} needs ` }),
  ),
];

const sectionRows: Row[] = [
  ...both(
    "kernel whose section headers are behind its file",
    (bits) => header(bits, [FIELDS[bits].shoff, le(2 ** 30, FIELDS[bits].word)]),
    () => entered(kernel("section headers: ")),
  ),
  ...both(
    "kernel whose section headers are at the last address",
    (bits) => header(bits, [FIELDS[bits].shoff, le(-1n, FIELDS[bits].word)]),
    () => entered(kernel("section headers: ")),
  ),
  ...both(
    "kernel of section headers of 4 GiB",
    (bits) => header(bits, [FIELDS[bits].shentsize, le(0xffff, 2)], [FIELDS[bits].shnum, le(0xffff, 2)]),
    () => entered(kernel("section headers: size 4294836225 exceeds ")),
  ),
  ...both(
    "kernel of section headers of one byte",
    (bits) => header(bits, [FIELDS[bits].shentsize, le(1, 2)]),
    () => entered(),
  ),
  ...both(
    "kernel whose section names are in no section",
    (bits) => header(bits, [FIELDS[bits].names, le(0xffff, 2)]),
    () => entered(kernel("header: section name table 65535 of 4 sections")),
  ),
  ...both(
    "kernel whose symbols are behind its file",
    (bits) => header(bits, section(kernels[bits], bits, 1, "offset", 2 ** 30)),
    () => entered(kernel("section 1: ")),
  ),
  ...both(
    "kernel of symbols of as many bytes as there are numbers",
    (bits) => header(bits, section(kernels[bits], bits, 1, "length", -1n)),
    () => entered(kernel("section 1: ")),
  ),
  ...both(
    "kernel whose symbols end where the numbers begin anew: they aren't in a segment",
    (bits) =>
      header(bits, section(kernels[bits], bits, 1, "offset", -16n), section(kernels[bits], bits, 1, "length", 32)),
    () => entered(kernel("section 1: 32 bytes at offset ")),
  ),
  ...both(
    "kernel whose symbols have no strings",
    (bits) => header(bits, section(kernels[bits], bits, 1, "link", 99)),
    () => entered(kernel("section 1: string table 99 of 4 sections")),
  ),
  ...both(
    "kernel whose symbols have their strings before the first section",
    (bits) => header(bits, section(kernels[bits], bits, 1, "link", 0xffffffff)),
    () => entered(),
  ),
];

/** A tag of the dynamic section, by its place there, and what is behind it. */
export const tag = (bits: Bits, index: number, value: number | bigint): Edit => [
  DYNAMIC + index * 2 * FIELDS[bits].word + FIELDS[bits].word,
  le(value, FIELDS[bits].word),
];
export const hash = (bits: Bits) => DYNAMIC + 32 * FIELDS[bits].word;

const dynamicRows: Row[] = [
  ...both(
    "kernel whose hash table is in no memory",
    (bits) => header(bits, tag(bits, 0, -16n)),
    () => refused(kernel("symbol table: hash table without buckets")),
  ),
  ...both(
    "kernel whose hash table has no buckets",
    (bits) => header(bits, [hash(bits), le(0, 4)]),
    () => refused(kernel("symbol table: hash table without buckets")),
  ),
  ...both(
    "kernel whose hash table's chain comes back",
    (bits) => header(bits, [hash(bits) + 16, le(1, 4)], [hash(bits) + 20, le(1, 4)]),
    () => entered(kernel("symbol table: hash chain longer than 3 symbols")),
  ),
  ...both(
    "kernel whose hash table has 4 billion symbols and a chain without an end",
    (bits) =>
      header(bits, [hash(bits) + 4, le(0xffffffff, 4)], [hash(bits) + 16, le(1, 4)], [hash(bits) + 20, le(1, 4)]),
    () => entered(kernel("symbol table: hash chain longer than 2798 symbols")),
  ),
  ...both(
    "kernel whose symbols are in no memory",
    (bits) => header(bits, tag(bits, 3, -4096n)),
    () => refused(kernel("symbol table: symbol 1 without a name")),
  ),
  ...both(
    "kernel whose strings are in no memory",
    (bits) => header(bits, tag(bits, 1, -4096n)),
    () => unknown,
  ),
  ...both(
    "kernel without strings",
    (bits) => header(bits, tag(bits, 2, 0)),
    () => entered(),
  ),
  ...both(
    "kernel whose dynamic section is of 2^31 bytes",
    (bits) => header(bits, segment(bits, 2, "filesz", 2 ** 31 - 1)),
    () => entered(),
  ),
  ...both(
    "kernel whose dynamic section is in no memory",
    (bits) => header(bits, segment(bits, 2, "vaddr", 0x1000)),
    () => entered(),
  ),
];

const gnu = (...edits: Edit[]) => boots(edited(gnuKernel, ...edits));
const GNU = DYNAMIC + 256;
const gnuRows: Row[] = [
  [
    "kernel whose GNU hash table has no buckets",
    () => gnu([GNU, le(0, 4)]),
    refused(kernel("symbol table: GNU hash table without buckets")),
  ],
  [
    "kernel whose GNU hash table has 4 billion buckets",
    () => gnu([GNU, le(-1, 4)]),
    refused(kernel("symbol table: GNU hash table with 4294967295 buckets of at most 2798")),
  ],
  [
    "kernel whose GNU hash table begins with symbol 4 billion",
    () => gnu([GNU + 4, le(-1, 4)]),
    refused(kernel("symbol table: symbol 1 in a GNU hash table from 4294967295 on")),
  ],
  [
    "kernel whose GNU hash table's filter has 4 billion words",
    () => gnu([GNU + 8, le(-1, 4)]),
    refused(kernel("symbol table: GNU hash table with 4294967295 words of filter of at most 2798")),
  ],
  ["kernel whose GNU hash table's chain has no end", () => gnu([GNU + 28, Buffer.alloc(8, 0xfe)]), unknown],
];

export const elf: Family = {
  name: "elf",
  rows: [...headerRows, ...segmentRows, ...sectionRows, ...dynamicRows, ...gnuRows],
};
