// A machine as a boot left it, in the form every hand-off needs: registers as numbers, memory as pieces.
// Checks what a VMM can't be asked to do; the adapters beside this file start from here.

import { HandoffError } from "../errors.js";
import type { Call, CommonRegisters, SegmentDescriptor } from "./registers.js";

/** The registers that are needed; `cr3` has those of a 64-bit kernel. The others are for machine files. */
export type EntryPoint = Pick<
  CommonRegisters,
  "rip" | "rsp" | "rflags" | "cr0" | "cr4" | "efer" | "cs" | "ds" | "tr" | "gdtr"
> &
  Partial<CommonRegisters> & { cr3?: string };

/** What is needed of a boot's result. Any can be given; one that entered no kernel is refused. */
export interface Entered {
  /** `exec` when a kernel was entered. */
  reason: string;
  /** The kernel's machine. */
  arch?: "amd64" | "i386";
  /** The CPU at its entry. */
  registers?: EntryPoint;
  /** Of a 32-bit kernel: the table for `registers`, not yet in memory. */
  gdt?: { gpa: string; hex: string };
  /** The kernel comes first. */
  modules?: readonly { address: string; size: number; metadata: readonly { name: string; value?: string }[] }[];
  /** What the loader asked for; for machine files. */
  calls?: readonly Call[];
  /** Its memory; the sizes, from 0 and from 4 GiB on, are for machine files. */
  guestMemory: {
    readonly bytes: Uint8Array;
    /** A part of `bytes`, when not all of them are there. */
    lend?(start: number, end: number): Uint8Array;
    readonly written: Iterable<readonly [start: number, end: number]>;
    readonly low?: number;
    readonly high?: number;
  };
}

/** A stretch of guest memory; borrowed from the result. */
export interface Piece {
  gpa: number;
  bytes: Uint8Array;
}

/** What the loader set, by name. */
export interface Registers {
  rip: bigint;
  rsp: bigint;
  rflags: bigint;
  cr0: bigint;
  cr3: bigint;
  cr4: bigint;
  efer: bigint;
  cs: number;
  ds: number;
  tr: number;
  gdtBase: bigint;
  gdtLimit: number;
}

/** All that isn't in `Registers`, and what was asked for to get there. */
export interface MachineCpu {
  selectors: Readonly<Record<"cs" | "ds" | "es" | "fs" | "gs" | "ss" | "tr" | "ldtr", number>>;
  /** The segments of CS, of DS and its like, of the task and of the local table. */
  code: SegmentDescriptor;
  data: SegmentDescriptor;
  task: SegmentDescriptor;
  local: SegmentDescriptor;
  calls: readonly Call[];
  /** Bytes of memory from 0 and from 4 GiB on. */
  low: number;
  high: number;
}

/** A machine that is ready to run, in the one form that all formats are made from. */
export interface Machine {
  arch: "amd64" | "i386";
  registers: Registers;
  /** Undefined when the result doesn't have it. */
  cpu: MachineCpu | undefined;
  /** In order, apart from each other. */
  memory: Piece[];
  /** Where the kernel is, and within it its symbols. */
  kernel: { gpa: number; size: number; symbols: Piece | undefined } | undefined;
}

/** Pieces closer than this are handed over as one; nobody wrote the bytes between, so they are zero. */
const JOIN_GAP = 0x10000;
/** Where low memory ends and kernels may begin. */
export const ONE_MIB = 0x100000;
/** Kernel virtual address of physical 0. */
export const KERNBASE = { amd64: 0xffff_ffff_8000_0000n, i386: 0xc000_0000n };

/** The machine of a boot that entered a kernel. */
export function machineOf(result: Entered): Machine {
  const { arch, registers: given } = result;
  if (result.reason !== "exec" || !arch || !given) {
    throw new HandoffError(`no kernel was entered (the boot ended with "${result.reason}")`);
  }
  const word = (name: "rip" | "rsp" | "rflags" | "cr0" | "cr3" | "cr4" | "efer") =>
    bitsOf(given[name] ?? 0, arch === "i386" ? 32 : 64, name.toUpperCase());
  const selector = (name: "cs" | "ds" | "tr") => Number(bitsOf(given[name], 16, name.toUpperCase()));
  const registers: Registers = {
    rip: word("rip"),
    rsp: word("rsp"),
    rflags: word("rflags") | 2n,
    cr0: word("cr0"),
    cr3: word("cr3"),
    cr4: word("cr4"),
    efer: word("efer"),
    cs: selector("cs"),
    ds: selector("ds"),
    tr: selector("tr"),
    gdtBase: bitsOf(given.gdtr[0], 64, "GDTR"),
    gdtLimit: Number(bitsOf(given.gdtr[1], 16, "the limit of GDTR")),
  };
  const memory = pieces(result.guestMemory);
  if (result.gdt) addPiece(memory, tableOf(result.gdt, result.guestMemory.low ?? result.guestMemory.bytes.length));
  return { arch, registers, cpu: cpuOf(result), memory, kernel: kernelOf(result) };
}

/**
 * A number of a result, which may be one of somebody who lies.
 * @throws HandoffError when it hasn't that many bits
 */
export function bitsOf(value: bigint | number | string, bits: 16 | 32 | 64, what: string): bigint {
  const isNumber =
    typeof value === "string"
      ? /^(?:0x[0-9a-f]+|\d+)$/i.test(value)
      : typeof value === "bigint" || Number.isInteger(value);
  const number = isNumber ? BigInt(value) : -1n;
  if (number < 0n || number >> BigInt(bits) !== 0n)
    throw new HandoffError(`${what} is ${value}, which is no number of ${bits} bits`);
  return number;
}

/** The table of segments, which the guest has in its memory. */
function tableOf({ gpa: address, hex }: NonNullable<Entered["gdt"]>, low: number): Piece {
  const gpa = Number(bitsOf(address, 64, "the address of the table of segments"));
  const bytes = fromHex(hex);
  if (bytes.length === 0 || gpa + bytes.length > low)
    throw new HandoffError(`the table of segments, ${bytes.length} bytes at ${address}, isn't in the guest's memory`);
  return { gpa, bytes };
}

function cpuOf({ registers: given, calls, guestMemory: { low, high } }: Entered): MachineCpu | undefined {
  if (given === undefined || calls === undefined || low === undefined || high === undefined) return undefined;
  const { cs, ds, es, fs, gs, ss, tr, ldtr, cs_desc: code, ds_desc: data, tr_desc: task, ldtr_desc: local } = given;
  const others = { es, fs, gs, ss, ldtr };
  if (!code || !data || !task || !local || Object.values(others).includes(undefined)) return undefined;
  const selectors = { cs, ds, tr, ...(others as Record<keyof typeof others, number>) };
  return { selectors, code, data, task, local, calls, low, high };
}

function kernelOf({ modules, guestMemory }: Entered): Machine["kernel"] {
  const kernel = modules?.[0];
  if (!kernel) return undefined;
  const address = (name: string) => Number(kernel.metadata.find((record) => record.name === name)?.value ?? 0);
  const [start, end] = [address("SSYM"), address("ESYM")];
  const symbols = start > 0 && end > start ? piece(guestMemory, start, end) : undefined;
  const size = Number(bitsOf(kernel.size, 64, "the kernel's size"));
  return { gpa: Number(bitsOf(kernel.address, 64, "the kernel's address")), size, symbols };
}

/** The written ranges; above 1 MiB with their near neighbours. */
function pieces(guest: Entered["guestMemory"]): Piece[] {
  const joined: [number, number][] = [];
  for (const [start, end] of guest.written) {
    const last = joined.at(-1);
    if (last && last[0] >= ONE_MIB && start - last[1] <= JOIN_GAP) last[1] = end;
    else joined.push([start, end]);
  }
  return joined.map(([start, end]) => piece(guest, start, end));
}

function piece(guest: Entered["guestMemory"], start: number, end: number): Piece {
  return { gpa: start, bytes: guest.lend?.(start, end) ?? guest.bytes.subarray(start, end) };
}

/** Lays `added` over what is there. */
function addPiece(memory: Piece[], added: Piece): void {
  const end = added.gpa + added.bytes.length;
  const rest: Piece[] = [];
  for (const { gpa, bytes } of memory) {
    if (gpa < added.gpa) rest.push({ gpa, bytes: bytes.subarray(0, added.gpa - gpa) });
    if (gpa + bytes.length > end) rest.push({ gpa: Math.max(gpa, end), bytes: bytes.subarray(Math.max(end - gpa, 0)) });
  }
  memory.splice(0, memory.length, ...[...rest, added].sort((a, b) => a.gpa - b.gpa));
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}
