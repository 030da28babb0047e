// A guest as an ELF core file, for `gdb SYMBOLS CORE` and `lldb -c CORE SYMBOLS`: registers as at the entry
// point, memory at its physical addresses and, where the kernel sees it, at its virtual ones. SYMBOLS is the
// kernel, or what symbols.ts writes.

import { EM_386, EM_X86_64, ET_CORE, elfNote, PF_ALL, PF_R, PT_LOAD, PT_NOTE, writeElf } from "./elf.js";
import { KERNBASE, type Machine, ONE_MIB } from "./machine.js";

const NT_PRSTATUS = 1;
/** Linux's elf_prstatus: where the registers begin, and how large the whole is. */
const PRSTATUS = { amd64: { registers: 112, size: 336 }, i386: { registers: 72, size: 144 } };
/** Bytes from the kernel's virtual address of physical 0 to the end of all addresses. */
const KERNEL_ROOM = { amd64: 0x8000_0000, i386: 0x4000_0000 };

/**
 * `machine` as a core file of its width: an NT_PRSTATUS note, then memory at physical addresses, then at virtual ones.
 */
export function packCore(machine: Machine): Uint8Array<ArrayBuffer> {
  const { arch } = machine;
  const kernel = machine.memory.flatMap(({ gpa, bytes }) => {
    const below = Math.max(ONE_MIB - gpa, 0);
    const isSeen = below < bytes.length && gpa + bytes.length <= KERNEL_ROOM[arch];
    return isSeen ? [{ gpa: gpa + below, bytes: bytes.subarray(below) }] : [];
  });
  const load = (base: bigint) => (piece: { gpa: number; bytes: Uint8Array }) => ({
    type: PT_LOAD,
    flags: PF_ALL,
    vaddr: base + BigInt(piece.gpa),
    paddr: BigInt(piece.gpa),
    bytes: piece.bytes,
    align: 4096,
  });
  return writeElf({
    bits: arch === "amd64" ? 64 : 32,
    type: ET_CORE,
    machine: arch === "amd64" ? EM_X86_64 : EM_386,
    entry: 0n,
    segments: [
      {
        type: PT_NOTE,
        flags: PF_R,
        vaddr: 0n,
        paddr: 0n,
        bytes: elfNote("CORE", NT_PRSTATUS, prstatus(machine)),
        align: 4,
      },
      ...machine.memory.map(load(0n)),
      ...kernel.map(load(KERNBASE[arch])),
    ],
  });
}

function prstatus({ arch, registers: r }: Machine): Uint8Array {
  const { registers, size } = PRSTATUS[arch];
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  // amd64: r15 .. rax (15), orig_rax, rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs
  // i386: ebx ecx edx esi edi ebp eax ds es fs gs orig_eax eip cs eflags esp ss
  const set = (index: number, value: bigint | number) =>
    arch === "amd64"
      ? view.setBigUint64(registers + 8 * index, BigInt(value), true)
      : view.setUint32(registers + 4 * index, Number(value), true);
  const at = arch === "amd64" ? { rip: 16, ds: [23, 24, 25, 26] } : { rip: 12, ds: [7, 8, 9, 10] };
  for (const [offset, value] of [r.rip, r.cs, r.rflags, r.rsp, arch === "amd64" ? 0 : r.ds].entries()) {
    set(at.rip + offset, value);
  }
  for (const index of at.ds) set(index, r.ds);
  return out;
}
