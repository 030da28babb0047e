// A guest as an ELF with a PVH note (Xen's x86/HVM direct boot ABI): QEMU's microvm, Firecracker, Cloud
// Hypervisor. A 64-bit ELF, which is what the latter two want; the note names the 32-bit entry point.

import type { MapEntry } from "../options.js";
import { EM_X86_64, ET_EXEC, elfNote, PF_ALL, PF_R, PT_LOAD, PT_NOTE, writeElf } from "./elf.js";
import type { Machine } from "./machine.js";
import { bootOf } from "./stub.js";

const XEN_ELFNOTE_PHYS32_ENTRY = 18;
/** The loader of Firecracker and Cloud Hypervisor takes multiples of 2 MiB, of which this is the one that asks for nothing. */
const NO_ALIGNMENT = 0;

/**
 * `machine` as an ELF with a PVH note. It starts in the same stub as a Multiboot image.
 * @throws HandoffError when there is no room for the stub, or something lies where `map` has no memory for it
 */
export function packPvh(machine: Machine, map?: readonly MapEntry[]): Uint8Array<ArrayBuffer> {
  const { pieces, entry } = bootOf(machine, map);
  const address = new Uint8Array(8);
  new DataView(address.buffer).setBigUint64(0, BigInt(entry), true);
  return writeElf({
    bits: 64,
    type: ET_EXEC,
    machine: EM_X86_64,
    entry: BigInt(entry),
    segments: [
      ...pieces.map(({ gpa, bytes }) => ({
        type: PT_LOAD,
        flags: PF_ALL,
        vaddr: BigInt(gpa),
        paddr: BigInt(gpa),
        bytes,
        align: NO_ALIGNMENT,
      })),
      {
        type: PT_NOTE,
        flags: PF_R,
        vaddr: 0n,
        paddr: 0n,
        bytes: elfNote("Xen", XEN_ELFNOTE_PHYS32_ENTRY, address),
        align: 4,
      },
    ],
  });
}
