// The CPU a kernel starts on. The loader asks for a few registers; bhyveload decides all of them, from
// the shape of the hand-off: page tables mean long mode, none mean 32-bit protected mode with a flat GDT
// that the host writes. Whoever runs the guest takes its state from here.

import { RegisterError } from "../errors.js";
import { hex, toHex } from "../text.js";

/** What the CPU knows of a segment: hex strings, or numbers where they are small by nature. */
export type SegmentDescriptor = [base: number | string, limit: number | string, access: string];

/** The registers that both kinds of kernels start with: hex strings, and selectors, which are numbers. */
export interface CommonRegisters {
  /** Where the kernel's first instruction is. */
  rip: string;
  /** The stack pointer. */
  rsp: string;
  /** The flags. */
  rflags: string;
  /** The first control register. */
  cr0: string;
  /** The fourth control register. */
  cr4: string;
  /** The extended features that are on. */
  efer: string;
  /** Selector of code. */
  cs: number;
  /** Selector of data. */
  ds: number;
  /** The same as `ds`. */
  es: number;
  /** The same as `ds`. */
  fs: number;
  /** The same as `ds`. */
  gs: number;
  /** The same as `ds`. */
  ss: number;
  /** Selector of the task. */
  tr: number;
  /** Selector of the local table. */
  ldtr: number;
  /** The segment of `cs`. */
  cs_desc: SegmentDescriptor;
  /** The segment of `ds`, `es`, `fs`, `gs` and `ss`. */
  ds_desc: SegmentDescriptor;
  /** The segment of the task. */
  tr_desc: SegmentDescriptor;
  /** The segment of the local table. */
  ldtr_desc: SegmentDescriptor;
  /** The table of segments. */
  gdtr: [base: string, limit: number];
}

/** The CPU at the entry of a 64-bit kernel: long mode, with page tables. */
export interface Amd64Registers extends CommonRegisters {
  /** Where the page tables are. */
  cr3: string;
}

/** The CPU at the entry of a 32-bit kernel: protected mode, without page tables. */
export interface I386Registers extends CommonRegisters {
  /** There are none. */
  cr3?: never;
}

/** A table of segments that whoever starts the machine has to write to guest memory first. */
export interface SegmentTable {
  /** Where. */
  gpa: string;
  /** Its bytes, two digits each. */
  hex: string;
}

/** A CPU at the entry of a kernel of its architecture. */
export type EntryRegisters =
  | { readonly arch: "amd64"; readonly registers: Amd64Registers }
  | { readonly arch: "i386"; readonly registers: I386Registers };

/** The same with what the host has yet to write. */
export type EntryState =
  | { arch: "amd64"; registers: Amd64Registers; gdt?: never }
  | { arch: "i386"; registers: I386Registers; gdt: SegmentTable };

/** A call of the loader as the result lists it. */
export type Call = [name: string, ...values: (number | string)[]];

const MSR_EFER = 0xc000_0080;
/** The loader's number of the stack pointer, the one register `setreg` has. */
const REG_RSP = 4;
/** Size of the 32-bit task state segment. */
const TSS_SIZE = 104;
const FLAT_LIMIT = "0xffffffff";

/** Collects what the loader asks for; refuses what the machine doesn't have. */
export class CpuState {
  rsp = 0n;
  cr3: bigint | undefined;
  gdtBase = 0n;
  rip: bigint | undefined;

  setreg(register: number, value: bigint): void {
    if (register !== REG_RSP) throw new RegisterError(`guest set unknown register ${register}`);
    this.rsp = value;
  }

  setmsr(register: number, _value: bigint): void {
    if (register !== MSR_EFER) throw new RegisterError(`guest set unknown model-specific register ${hex(register)}`);
  }

  setcr(register: number, value: bigint): void {
    if (register !== 0 && register !== 3 && register !== 4) {
      throw new RegisterError(`guest set unknown control register ${register}`);
    }
    if (register === 3) this.cr3 = value;
  }

  setgdt(base: bigint, _size: number): void {
    this.gdtBase = base;
  }

  /** Machine of the kernel: page tables are handed to 64-bit kernels only. */
  get arch(): "amd64" | "i386" {
    return this.cr3 === undefined || this.cr3 === 0n ? "i386" : "amd64";
  }

  /** All registers at the kernel's entry, and what goes with them. */
  entryState(): EntryState {
    return this.arch === "amd64"
      ? { arch: "amd64", registers: this.#longMode() }
      : { arch: "i386", registers: this.#protectedMode(), gdt: this.#gdt() };
  }

  /** The GDT that goes with the registers of a 32-bit kernel and that the host writes. */
  #gdt(): SegmentTable {
    const bytes = new Uint8Array(32);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(8, 0x00cf_9a00_0000_ffffn, true);
    view.setBigUint64(16, 0x00cf_9200_0000_ffffn, true);
    view.setBigUint64(24, 0x0000_8900_0000_0000n | BigInt(TSS_SIZE - 1), true);
    view.setUint16(26, Number(this.#tss() & 0xffffn), true);
    view.setUint8(28, Number((this.#tss() >> 16n) & 0xffn));
    return { gpa: hex(this.gdtBase & 0xffff_ffffn), hex: toHex(bytes) };
  }

  /** One page above the GDT. */
  #tss(): bigint {
    return (this.gdtBase + 0x1000n) & 0xffff_ffffn;
  }

  #longMode(): Amd64Registers {
    return {
      rip: hex(this.rip ?? 0n),
      rsp: hex(this.rsp),
      cr0: "0x80000021",
      cr3: hex(this.cr3 ?? 0n),
      cr4: "0x20",
      efer: "0x500",
      rflags: "0x2",
      ...SELECTORS,
      tr: 0,
      ldtr: 0,
      cs_desc: [0, 0, "0x209b"],
      ds_desc: [0, 0, "0x93"],
      tr_desc: [0, 0, "0x8b"],
      ldtr_desc: [0, 0, "0x10000"],
      gdtr: [hex(this.gdtBase), 23],
    };
  }

  #protectedMode(): I386Registers {
    return {
      rip: hex((this.rip ?? 0n) & 0xffff_ffffn),
      rsp: hex(this.rsp & 0xffff_ffffn),
      cr0: "0x21",
      cr4: "0x0",
      efer: "0x0",
      rflags: "0x2",
      ...SELECTORS,
      tr: 24,
      ldtr: 0,
      cs_desc: [0, FLAT_LIMIT, "0xc09b"],
      ds_desc: [0, FLAT_LIMIT, "0xc093"],
      tr_desc: [hex(this.#tss()), TSS_SIZE - 1, "0x8b"],
      ldtr_desc: [0, 0, "0x10000"],
      gdtr: [hex(this.gdtBase & 0xffff_ffffn), 31],
    };
  }
}

/** Code is the GDT's second entry, data its third. */
const SELECTORS = { cs: 8, ds: 16, es: 16, fs: 16, gs: 16, ss: 16 };
