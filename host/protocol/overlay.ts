// The overlay's imports: what the caller lays over the guest's files, by the numbers of its names.

import { InternalError } from "../errors.js";
import type { OverlayEntry } from "../overlay.js";
import type { SessionState } from "../state.js";
import { bytesOf } from "../text.js";
import { OVERLAY_ABSENT, OVERLAY_DIRECTORY } from "./constants.js";
import type { ModuleMemory } from "./module_memory.js";

/** `overlay_entry`, `overlay_used`, `overlay_read` and `overlay_read_guest`. */
export function overlayImports(module: ModuleMemory, { guest, meter, options, overlayUsed }: SessionState) {
  const { overlay } = options;

  const entry = (index: number): OverlayEntry => {
    const found = overlay[index];
    if (found === undefined) throw new InternalError(`the core names file ${index} of an overlay of ${overlay.length}`);
    return found;
  };

  /** At most `size` bytes of a file from `offset` on. */
  const slice = (index: number, offset: bigint, size: number): Uint8Array => {
    const { content } = entry(index);
    if (typeof content === "string") throw new InternalError(`the core reads file ${index} of an overlay: ${content}`);
    const start = Math.min(Number(BigInt.asUintN(64, offset)), content.length);
    const part = content.subarray(start, start + size);
    meter.work(part.length);
    return part;
  };

  return {
    overlay_entry(index: number, dst: number, capacity: number, size: number): number {
      if (overlay[index] === undefined) return -1;
      const { path, content } = entry(index);
      module.put(dst, bytesOf(path).subarray(0, capacity >>> 0));
      const stored =
        content === "absent" ? OVERLAY_ABSENT : content === "directory" ? OVERLAY_DIRECTORY : BigInt(content.length);
      module.cell(size >>> 0, 8).setBigUint64(size >>> 0, stored, true);
      return path.length;
    },

    overlay_used(index: number): void {
      entry(index);
      overlayUsed.add(index);
    },

    overlay_read(index: number, offset: bigint, dst: number, size: number): number {
      const source = slice(index, offset, size >>> 0);
      module.put(dst, source);
      return source.length;
    },

    overlay_read_guest(index: number, offset: bigint, gpa: bigint, size: bigint): bigint {
      const source = slice(index, offset, Number(BigInt.asUintN(64, size)));
      return guest.copyin(source, gpa) ? BigInt(source.length) : 0n;
    },
  };
}
