// The disks' imports: reads into the module's memory, and straight into guest memory.

import { LimitError, UserbootError } from "../errors.js";
import { isPromise, type MaybePromise, whenThere } from "../maybe.js";
import { CHARGED_PART, COPY_PIECE } from "../memory/loader.js";
import type { SessionState } from "../state.js";
import { cantWait } from "../suspension.js";
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
  const read = (unit: number, offset: number, target: Uint8Array): MaybePromise<number> => {
    count(target.length);
    const disk = disks[unit]!;
    // Who promises bytes gets room of their own for them: the session may have ended when they come.
    const apart = state.suspension !== undefined && disk.promises !== false;
    const room = apart ? new Uint8Array(target.length) : target;
    const taken = (got: number): number => {
      if (!Number.isInteger(got) || got < 0 || got > target.length) throw new Error(`it tells of ${got} bytes`);
      if (apart) target.set(room.subarray(0, got));
      return got;
    };
    const failed = (error: unknown): number => {
      if (error instanceof UserbootError) throw error;
      const why = (error as Error)?.message ?? error;
      note(state.diagnostics, () => `disk${unit} offset ${offset}: read of ${target.length} bytes failed: ${why}`);
      return -1;
    };
    try {
      const answer = disk.read(offset, room);
      if (!isPromise(answer)) return taken(answer);
      if (state.suspension === undefined) throw cantWait();
      return state.suspension.until(answer).then(taken).catch(failed);
    } catch (error) {
      return failed(error);
    }
  };

  /** Takes note of what would be read to guest memory. */
  const place = (unit: number, offset: number, position: number, size: number): number => {
    count(size);
    places?.read(position, size, unit, offset);
    return size;
  };

  /** Stores how the caller gave an image. */
  const imageFacts = (unit: number, cell: number): number => {
    const facts = options.images[unit];
    if (facts === undefined) return ENOTTY;
    const data = module.cell(cell, 8 + WORD_SIZE);
    data.setUint32(cell, facts.first, true);
    data.setUint32(cell + 4, facts.count, true);
    for (let i = 0; i < WORD_SIZE; i++) data.setUint8(cell + 8 + i, facts.format.charCodeAt(i) || 0);
    return 0;
  };

  return {
    diskread(unit: number, offset: bigint, dst: number, size: number, resid: number): MaybePromise<number> {
      const disk = disks[unit];
      if (disk === undefined) return EIO;
      const target = module.bytes(dst, size);
      meter.work(target.length);
      const start = BigInt.asUintN(64, offset);
      const told = (got: number): number => {
        if (got < 0) return EIO;
        module.cell(resid >>> 0, 4).setUint32(resid >>> 0, target.length - got, true);
        return 0;
      };
      return start >= BigInt(disk.size) ? told(0) : whenThere(read(unit, Number(start), target), told);
    },

    diskread_guest(unit: number, offset: bigint, gpa: bigint, size: bigint, resid: number): MaybePromise<number> {
      const disk = disks[unit];
      if (disk === undefined) return EIO;
      const start = BigInt.asUintN(64, offset);
      const wanted = BigInt.asUintN(64, size);
      const rest = BigInt(disk.size) - start;
      const length = rest <= 0n ? 0 : Number(rest < wanted ? rest : wanted);
      const pieces = guest.pieces(gpa, length, COPY_PIECE, (bytes) => meter.work(bytes));
      let done = 0;
      const told = (): number => {
        module.cell(resid >>> 0, 8).setBigUint64(resid >>> 0, wanted - BigInt(done), true);
        return 0;
      };
      /** Takes note of what was read of a piece. Whether to go on; false with the medium's failure as well. */
      const took = (got: number, from: number, part: number): boolean => {
        if (got < 0) return false;
        done = from + got;
        if (length > CHARGED_PART) {
          const { diskBytes, diskCalls } = counts;
          state.onProgress?.({ diskBytes, diskCalls, fileBytes: length, fileDone: done });
        }
        return got === part;
      };
      const readOn = (): MaybePromise<number> => {
        for (let piece = pieces.next(); !piece.done; piece = pieces.next()) {
          const [position, from, part] = piece.value;
          done = from + part;
          if (position < 0) continue;
          const at = Number(start) + from;
          const got = places?.on
            ? place(unit, at, position, part)
            : read(unit, at, guest.target(position, position + part));
          if (isPromise(got)) {
            return got.then((came) => (took(came, from, part) ? readOn() : came < 0 ? EIO : told()));
          }
          if (!took(got, from, part)) return got < 0 ? EIO : told();
        }
        return told();
      };
      return readOn();
    },

    diskioctl(unit: number, command: number, cell: number): number {
      const disk = disks[unit];
      if (disk === undefined) return EBADF;
      const at = cell >>> 0;
      if (command >>> 0 === DIOCGSECTORSIZE) module.cell(at, 4).setUint32(at, disk.sectorSize, true);
      else if (command >>> 0 === DIOCGMEDIASIZE) module.cell(at, 8).setBigInt64(at, BigInt(disk.size), true);
      else if (command >>> 0 === DIOCGIMAGE) return imageFacts(unit, at);
      else return ENOTTY;
      return 0;
    },
  };
}
