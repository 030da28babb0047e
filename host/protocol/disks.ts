// The disks' imports: reads into the module's memory, and straight into guest memory.

import type { Disk } from "../disks/disk.js";
import { LimitError, UserbootError } from "../errors.js";
import { type Steps, settled } from "../maybe.js";
import { CHARGED_PART, COPY_PIECE } from "../memory/guest.js";
import type { SessionState } from "../state.js";
import { DIOCGIMAGE, DIOCGMEDIASIZE, DIOCGSECTORSIZE } from "./constants.js";
import { note } from "./diagnostics.js";
import { EBADF, EIO, ENOTTY } from "./errno.js";
import type { ModuleMemory } from "./module_memory.js";

/** Bytes for the word of an image's format. */
const WORD_SIZE = 16;

/**
 * `diskread`, `diskread_guest` and `diskioctl`. A medium that fails is EIO for the guest and a line for the operator;
 * LimitError is thrown when `diskBytes` is used up.
 */
export function diskImports(module: ModuleMemory, state: SessionState) {
  const { counts, disks, guest, meter, options, places } = state;
  const { diskBytes } = options.limits;

  const count = (size: number) => {
    counts.diskCalls++;
    counts.diskBytes += size;
    if (counts.diskBytes > diskBytes) throw new LimitError("diskBytes", diskBytes, counts.diskBytes);
    meter.checkTime();
  };

  /** Reads from a disk that there is; -1 when its medium fails. */
  function* read(unit: number, offset: number, target: Uint8Array): Steps<number> {
    count(target.length);
    try {
      const got = yield* readInto(disks[unit]!, offset, target);
      if (!Number.isInteger(got) || got < 0 || got > target.length) throw new Error(`it tells of ${got} bytes`);
      return got;
    } catch (error) {
      if (error instanceof UserbootError) throw error;
      const why = (error as Error)?.message ?? error;
      note(state.diagnostics, () => `disk${unit} offset ${offset}: read of ${target.length} bytes failed: ${why}`);
      return -1;
    }
  }

  /** Who promises bytes gets room of their own for them: the session may have ended when they come. */
  function* readInto(disk: Disk, offset: number, target: Uint8Array): Steps<number> {
    if (!state.suspension || disk.promises === false) return yield* settled(disk.read(offset, target));
    const room = new Uint8Array(target.length);
    const got = yield* settled(disk.read(offset, room));
    target.set(room.subarray(0, Math.max(0, got)));
    return got;
  }

  /** Reads to guest memory, or takes note of what would be. */
  function* readGuest(unit: number, offset: number, position: number, size: number): Steps<number> {
    if (!places?.on) return yield* read(unit, offset, guest.target(position, position + size));
    count(size);
    places.read(position, size, unit, offset);
    return size;
  }

  /** Stores how the caller gave an image. */
  const imageFacts = (unit: number, cell: number): number => {
    const facts = options.images[unit];
    if (facts === undefined) return ENOTTY;
    const word = module.bytes(cell + 8, WORD_SIZE).fill(0);
    for (let i = 0; i < facts.format.length; i++) word[i] = facts.format.charCodeAt(i);
    module.data.setUint32(cell, facts.first, true);
    module.data.setUint32(cell + 4, facts.count, true);
    return 0;
  };

  return {
    *diskread(unit: number, offset: bigint, dst: number, size: number, resid: number): Steps<number> {
      const disk = disks[unit];
      if (disk === undefined) return EIO;
      const target = module.bytes(dst, size);
      meter.work(target.length);
      const start = BigInt.asUintN(64, offset);
      const got = start >= BigInt(disk.size) ? 0 : yield* read(unit, Number(start), target);
      if (got < 0) return EIO;
      module.data.setUint32(resid >>> 0, target.length - got, true);
      return 0;
    },

    *diskread_guest(unit: number, offset: bigint, gpa: bigint, size: bigint, resid: number): Steps<number> {
      const disk = disks[unit];
      if (disk === undefined) return EIO;
      const start = BigInt.asUintN(64, offset);
      const wanted = BigInt.asUintN(64, size);
      const rest = BigInt(disk.size) - start;
      const length = rest <= 0n ? 0 : Number(rest < wanted ? rest : wanted);
      let done = 0;
      for (const [position, from, part] of guest.pieces(gpa, length, COPY_PIECE, (bytes) => meter.work(bytes))) {
        done = from + part;
        if (position < 0) continue;
        const got = yield* readGuest(unit, Number(start) + from, position, part);
        if (got < 0) return EIO;
        done = from + got;
        if (length > CHARGED_PART) {
          state.onProgress?.({
            diskBytes: counts.diskBytes,
            diskCalls: counts.diskCalls,
            fileBytes: length,
            fileDone: done,
          });
        }
        if (got < part) break;
      }
      module.data.setBigUint64(resid >>> 0, wanted - BigInt(done), true);
      return 0;
    },

    diskioctl(unit: number, command: number, cell: number): number {
      const disk = disks[unit];
      if (disk === undefined) return EBADF;
      if (command >>> 0 === DIOCGSECTORSIZE) module.data.setUint32(cell >>> 0, disk.sectorSize, true);
      else if (command >>> 0 === DIOCGMEDIASIZE) module.data.setBigInt64(cell >>> 0, BigInt(disk.size), true);
      else if (command >>> 0 === DIOCGIMAGE) return imageFacts(unit, cell >>> 0);
      else return ENOTTY;
      return 0;
    },
  };
}
