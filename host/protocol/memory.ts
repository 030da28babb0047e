// Guest memory's imports. What lies outside it is refused here, whatever the core thinks.

import type { SessionState } from "../state.js";
import { EFAULT, ENOENT, ENOTTY } from "./errno.js";
import type { ModuleMemory } from "./module_memory.js";

/** More zeros than any address reaches are asked for by nobody in earnest. */
const ZERO_MAX = 1n << 32n;
/** Bytes of an entry of the memory map. */
const MAP_ENTRY_SIZE = 20;

/**
 * `copyin`, `copyout`, `zero_guest`, `getmem` and `getmap`. What lies outside RAM is EFAULT and counted: of a copy
 * nothing is done then, of zeros the pieces that fit.
 */
export function memoryImports(module: ModuleMemory, { guest, meter, options, places }: SessionState) {
  const charge = (bytes: number) => meter.work(bytes);

  return {
    copyin(src: number, gpa: bigint, size: number): number {
      const source = module.bytes(src, size);
      charge(source.length);
      return guest.copyin(source, gpa) ? 0 : EFAULT;
    },

    copyout(gpa: bigint, dst: number, size: number): number {
      const target = module.bytes(dst, size);
      charge(target.length);
      return guest.copyout(gpa, target) ? 0 : EFAULT;
    },

    zero_guest(gpa: bigint, size: bigint): number {
      const length = BigInt.asUintN(64, size);
      if (length > ZERO_MAX) {
        guest.faults++;
        return EFAULT;
      }
      if (!guest.zero(gpa, Number(length), charge)) return EFAULT;
      if (places?.on) places.zeros(guest.locate(gpa, 0), Number(length));
      return 0;
    },

    getmem(low: number, high: number): void {
      module.cell(low >>> 0, 8).setBigUint64(low >>> 0, BigInt(guest.low), true);
      module.cell(high >>> 0, 8).setBigUint64(high >>> 0, BigInt(guest.high), true);
    },

    getmap(index: number, dst: number): number {
      if (options.map === undefined) return ENOTTY;
      const entry = options.map[index];
      if (entry === undefined) return ENOENT;
      const at = dst >>> 0;
      const data = module.cell(at, MAP_ENTRY_SIZE);
      data.setBigUint64(at, BigInt(entry.base), true);
      data.setBigUint64(at + 8, BigInt(entry.length), true);
      data.setUint32(at + 16, entry.type, true);
      return 0;
    },
  };
}
