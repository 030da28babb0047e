// Results as a session that was taken over leaves them, packed: registers, calls, modules and tables of segments that say anything,
// memory written at every border. Each format refuses such a machine by an error of ours, or has it as it is, as readers that know
// nothing of the writers find it.

import fc from "fast-check";
import { memoryMap, pack, UserbootError } from "userboot-wasm";
import { type Entered, KERNBASE } from "../../build/host/handoff/machine.js";
import { CpuState } from "../../build/host/handoff/registers.js";
import { readElf } from "../../test/support/elf_reader.js";
import { readMachineFile } from "../../test/support/machine_reader.js";
import type { HostTarget, Opened } from "./target.js";
import { argument } from "./values.js";

const MIB = 2 ** 20;
const FORMATS = ["multiboot", "pvh", "core", "symbols", "machine"] as const;
const TABLE_MAX = 64;

const hexOf = (value: bigint) => `0x${BigInt.asUintN(64, value).toString(16)}`;
/** 64 bits, of which some are places in small memory. */
const word = fc.oneof(
  { weight: 3, arbitrary: argument("i64").map((value) => hexOf(BigInt(value))) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(0x1000, 0x5000, 2 * MIB, 4 * MIB - 32, 4 * MIB, 0xffff_fff0)
      .map((n) => hexOf(BigInt(n))),
  },
);

/** Bytes of memory that were written, as far as anybody will look: by the address, so that they are known when they are found. */
const byteAt = (gpa: number) => (gpa * 7 + (gpa >>> 8)) & 0xff;
export const bytesAt = (start: number, end: number) =>
  Uint8Array.from({ length: end - start }, (_, i) => byteAt(start + i));

/** Written ranges of a memory, in order and apart; many begin or end where something does. */
function writtenOf(low: number): fc.Arbitrary<[number, number][]> {
  const border = fc.constantFrom(
    0,
    0x400,
    0x500,
    0x1000,
    0xa_0000,
    MIB,
    2 * MIB,
    2 * MIB + 0x1_0000,
    2 ** 30,
    low,
    2 ** 31,
  );
  const start = fc.tuple(border, fc.integer({ min: -40, max: 40 })).map(([at, more]) => at + more);
  return fc.array(fc.tuple(start, fc.integer({ min: 1, max: 70 })), { maxLength: 6 }).map((list) => {
    const ranges: [number, number][] = [];
    for (const [at, size] of list.sort(([a], [b]) => a - b)) {
      const from = Math.max(at, (ranges.at(-1)?.[1] ?? -1) + 1, 0);
      const to = Math.min(from + size, low, 2 ** 31);
      if (from < to) ranges.push([from, to]);
    }
    return ranges;
  });
}

const scalar = fc.oneof(
  word,
  fc.integer({ min: 0, max: 9 }),
  fc.constantFrom<string | number>("", "x", -1, 0.5, 2 ** 60),
);
const call = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom("setreg", "setcr", "setmsr"), fc.integer({ min: 0, max: 5 }), word),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant("setgdt"), word, fc.nat()) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("swap_interpreter", "exec", "other"), scalar) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom("setreg", "setgdt"), scalar, scalar) },
);
const calls = fc
  .tuple(fc.array(call, { maxLength: 70, size: "small" }), fc.option(word, { freq: 9, nil: undefined }))
  .map(([list, entry]) => [...list, ...(entry === undefined ? [] : [["exec", entry]])]);

const number = fc.oneof(fc.nat({ max: 5000 }), fc.constantFrom(0.5, -1, 2 ** 53, 2 ** 64, 1e300));
const symbols = fc.constantFrom<[string, string]>(["0x200000", "0x200040"], ["0x1fffff", "0x7fffffff"], ["0x5", "0x6"]);
const kernel = fc.tuple(word, number, fc.option(fc.oneof(symbols, fc.tuple(word, word)), { nil: undefined }));

/** Registers: the CPU's of the loader's calls, some of them something else. */
const cpu = fc.tuple(fc.boolean(), word, word, word, word).map(([wide, cr3, rsp, gdt, rip]) => {
  const state = new CpuState();
  if (wide) state.setcr(3, BigInt(cr3) === 0n ? 0x2000n : BigInt(cr3));
  state.setreg(4, BigInt(rsp));
  state.setgdt(BigInt(gdt), 24);
  state.rip = BigInt(rip);
  return state.entryState();
});
const REGISTERS = ["rip", "rsp", "rflags", "cr0", "cr4", "efer"] as const;
const SELECTORS = ["cs", "ds", "tr", "es"] as const;
const lies = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...REGISTERS), word).map(([name, value]) => ({ [name]: value })) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...SELECTORS), fc.nat()).map(([name, value]) => ({ [name]: value })),
  },
  { weight: 1, arbitrary: fc.tuple(word, fc.nat()).map((gdtr) => ({ gdtr })) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.oneof(word, fc.nat()), fc.oneof(word, fc.nat()), word).map((cs_desc) => ({ cs_desc })),
  },
);
const table = fc.option(
  fc.tuple(word, fc.integer({ min: 0, max: TABLE_MAX })).map(([gpa, size]) => ({ gpa, hex: "5a".repeat(size) })),
  { freq: 3, nil: undefined },
);

/** A result that entered a kernel, in as far as it is packed. */
const entered: fc.Arbitrary<Entered> = fc
  .constantFrom(MIB, 4 * MIB, 64 * MIB, 2 ** 31, 3 * 2 ** 30)
  .chain((low) => fc.tuple(fc.constant(low), writtenOf(low), calls, cpu, lies, table, kernel, fc.boolean()))
  .map(([low, written, list, { arch, registers, gdt }, lie, other, [address, size, range], high]) => ({
    reason: "exec",
    arch,
    registers: { ...registers, ...lie },
    ...(gdt !== undefined && { gdt: other ?? gdt }),
    calls: list as never,
    modules: [
      {
        ...{ address, size },
        metadata:
          range === undefined
            ? []
            : [
                { name: "SSYM", value: range[0] },
                { name: "ESYM", value: range[1] },
              ],
      },
    ],
    guestMemory: {
      bytes: new Uint8Array(),
      // Nothing else is there, and nobody looks at more of it than a kernel's symbols.
      lend: (start, end) => bytesAt(start, Math.min(end, low, start + 200_000)),
      ...{ written, low, high: high ? 2 ** 32 : 0 },
    },
  }));

/** Each byte that the machine begins with, by its address, as a packed one must have it. */
function contentOf({ gdt, guestMemory: { written } }: Entered): Map<number, number> {
  const content = new Map<number, number>();
  for (const [start, end] of written) for (let at = start; at < end; at++) content.set(at, byteAt(at));
  const hex = gdt?.hex ?? "";
  for (let i = 0; i < hex.length; i += 2)
    content.set(Number(gdt!.gpa) + i / 2, Number.parseInt(hex.slice(i, i + 2), 16));
  return content;
}

/** Holds the bytes of `pieces` to `content`, from `least` on; what is in neither was never written. */
function holdTo(
  content: ReadonlyMap<number, number>,
  pieces: readonly (readonly [number, Uint8Array])[],
  least = 0,
): void {
  const left = new Set([...content.keys()].filter((at) => at >= least));
  for (const [gpa, bytes] of pieces)
    for (const [i, byte] of bytes.entries()) {
      const wanted = content.get(gpa + i);
      if (wanted === undefined) continue;
      if (byte !== wanted) throw new Error(`${byte} at ${gpa + i}, which is ${wanted}`);
      left.delete(gpa + i);
    }
  for (const at of left) throw new Error(`what is at ${at} is missing`);
}

const same = (what: string, found: unknown, wanted: unknown) => {
  const [a, b] = [found, wanted].map((value) =>
    JSON.stringify(value, (_, one) => (typeof one === "bigint" ? hexOf(one) : one)),
  );
  if (a !== b) throw new Error(`${what}: ${a} instead of ${b}`);
};

const REQUESTS: Readonly<Record<string, number>> = { setreg: 1, setmsr: 2, setcr: 3, setgdt: 4, exec: 5 };

function lookAtMachine(result: Entered, file: Uint8Array): void {
  const found = readMachineFile(file);
  const r = result.registers!;
  same("kind", found.kind, result.arch === "amd64" ? 1 : 2);
  const wanted = [r.rip, r.rsp, r.rflags, r.cr0, r.cr3 ?? 0, r.cr4, r.efer].map(BigInt);
  wanted[2] = wanted[2]! | 2n;
  same("registers", found.registers, wanted);
  same("GDTR", found.gdtr, [BigInt(r.gdtr[0]), r.gdtr[1]]);
  same(
    "selectors",
    found.segments.map((segment) => segment[3]),
    [r.cs, r.ds, r.es, r.fs, r.gs, r.ss, r.tr, r.ldtr],
  );
  same("CS", found.segments[0]!.slice(0, 3), [BigInt(r.cs_desc![0]), Number(r.cs_desc![1]), Number(r.cs_desc![2])]);
  const list = result.calls!.slice(result.calls!.findLastIndex(([name]) => name === "swap_interpreter") + 1);
  const asked = list.map(([name, ...values]) => {
    const [first = 0n, second = 0n] = values.map(BigInt);
    return name === "setgdt" || name === "exec"
      ? [REQUESTS[name], 0, first, second]
      : [REQUESTS[name], Number(first), second, 0n];
  });
  same("requests", found.requests, asked);
  const { low, high } = result.guestMemory;
  same("memory", [found.low, found.high], [BigInt(low!), BigInt(high!)]);
  holdTo(
    contentOf(result),
    found.ranges.map(({ gpa, bytes }) => [Number(gpa), bytes]),
  );
}

/** An image's segments lie in its file, in the first GiB, apart, with the kernel's memory as it is; it is entered in the last one. */
function lookAtImage(result: Entered, file: Uint8Array): void {
  const { entry, segments } = readElf(file);
  const pieces = segments.map(({ address, memory, offset, size }) => {
    if (offset + size > file.length || memory !== size) throw new Error("a segment isn't in the file");
    return [Number(address), file.subarray(offset, offset + size)] as const;
  });
  const ends = pieces.map(([gpa, { length }]) => gpa + length);
  if (pieces.some(([gpa], i) => gpa < (ends[i - 1] ?? MIB) || ends[i]! > 2 ** 30))
    throw new Error(`pieces at ${pieces}`);
  holdTo(contentOf(result), pieces, MIB);
  const [at, stub] = pieces.at(-1)!;
  if (Number(entry) !== at) throw new Error(`it is entered at ${entry}`);
  const { arch, registers: r } = result;
  const has = (value: string, size: number) => Buffer.from(stub).includes(littleEndian(BigInt(value), size));
  for (const [value, size] of [
    [r!.rip, arch === "amd64" ? 8 : 4],
    [r!.rsp, arch === "amd64" ? 8 : 4],
    [r!.gdtr[0], 4],
    [r!.cr3 ?? "0x0", 4],
  ] as const)
    if (!has(value, size)) throw new Error(`${value} is no part of the stub`);
}

/** The bytes of a number; of one that has more of them, all, which are found nowhere. */
function littleEndian(value: bigint, size: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes.subarray(0, value >> BigInt(8 * size) === 0n ? size : 8);
}

/** A core has all of memory where it is, and what the kernel sees where it sees it. */
function lookAtCore(result: Entered, file: Uint8Array): void {
  const content = contentOf(result);
  const pieces = readElf(file).segments.map(({ address, offset, size }) => {
    if (offset + size > file.length) throw new Error("a segment isn't in the file");
    return [address, file.subarray(offset, offset + size)] as const;
  });
  const from = (base: bigint) => pieces.map(([address, bytes]) => [Number(address - base), bytes] as const);
  if (result.arch === "i386") {
    holdTo(content, from(0n));
    return;
  }
  const base = KERNBASE.amd64;
  holdTo(
    content,
    from(0n).filter(([address]) => address < Number(base)),
  );
  holdTo(
    content,
    from(base).filter(([address]) => address >= 0),
    MIB,
  );
}

const LOOKS: Readonly<Record<(typeof FORMATS)[number], (result: Entered, file: Uint8Array) => void>> = {
  multiboot: lookAtImage,
  pvh: lookAtImage,
  core: lookAtCore,
  machine: lookAtMachine,
  symbols: (_result, file) => {
    if (file.length > 1_000_000) throw new Error("symbols without end");
    readElf(file);
  },
};

/** Packs `result`, and looks at what comes of it. Whether something does. */
export async function packed(result: Entered, format: (typeof FORMATS)[number], mapped = false): Promise<boolean> {
  let file: Uint8Array;
  try {
    const map = mapped ? memoryMap("qemu", result.guestMemory.low!) : undefined;
    file = format === "machine" ? await pack(result, format) : pack(result, format, map);
  } catch (error) {
    if (error instanceof UserbootError && error.name !== "InternalError") return false;
    throw new Error(`${format} throws ${error}`, { cause: error });
  }
  LOOKS[format](result, file);
  return true;
}

function openPack(): Opened {
  const property = fc.asyncProperty(entered, fc.constantFrom(...FORMATS), fc.boolean(), async (...given) => {
    await packed(...given);
  });
  return { property };
}

export const packTarget: HostTarget = { name: "host/pack", runs: 500, open: openPack };
