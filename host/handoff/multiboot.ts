// A guest as a Multiboot image (specification 0.6.96): QEMU's `-kernel`, GRUB, v86. A 32-bit ELF whose
// header area holds the Multiboot header.

import type { MapEntry } from "../options.js";
import { EM_386, ET_EXEC, PF_ALL, PT_LOAD, writeElf } from "./elf.js";
import type { Machine } from "./machine.js";
import { type Boot, bootOf } from "./stub.js";

const MAGIC = 0x1bad_b002;
const FLAGS = 0;

/**
 * `machine` as a Multiboot image. It starts in a stub that sets the registers and enters the kernel.
 * @throws HandoffError when there is no room for the stub, or something lies where `map` has no memory for it
 */
export function packMultiboot(machine: Machine, map?: readonly MapEntry[]): Uint8Array<ArrayBuffer> {
  return imageOf(bootOf(machine, map));
}

/** The same for a machine without firmware: the stub stands in for it. */
export const packBare = (machine: Machine): Uint8Array<ArrayBuffer> => imageOf(bootOf(machine, undefined, false));

function imageOf({ pieces, entry }: Boot): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(12);
  const view = new DataView(header.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, FLAGS, true);
  view.setUint32(8, -(MAGIC + FLAGS) >>> 0, true);
  return writeElf({
    bits: 32,
    type: ET_EXEC,
    machine: EM_386,
    entry: BigInt(entry),
    preamble: header,
    segments: pieces.map(({ gpa, bytes }) => ({
      type: PT_LOAD,
      flags: PF_ALL,
      vaddr: BigInt(gpa),
      paddr: BigInt(gpa),
      bytes,
      align: 4096,
    })),
  });
}
