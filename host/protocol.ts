// The host side of loader-wasm/protocol.ts: what each import does, with the session's budgets and counts.
// Nothing here looks into the guest's data. Functions that don't return throw a `Stop`.

import { POLL_USEC } from "./clock.js";
import {
  ConsoleError,
  InputEndedError,
  InternalError,
  LimitError,
  MemoryError,
  RegisterError,
  UserbootError,
} from "./errors.js";
import { hex } from "./handoff/registers.js";
import { COPY_PIECE } from "./memory/guest.js";
import { permitEntry, policyImports } from "./policy/imports.js";
import type { SessionState } from "./session.js";
import { wasiClock, wasiNoFiles } from "./wasi/stubs.js";

const EIO = 5;
const EBADF = 9;
const ENOENT = 2;
const EFAULT = 14;
const ENOTTY = 25;
const DIOCGSECTORSIZE = 0x4004_6480;
const DIOCGMEDIASIZE = 0x4008_6481;
const FAULT_FUEL = 1;
const FAULT_MEMORY = 2;

/** Most texts of damage that are kept, and bytes of each. */
const DIAGNOSTICS_MAX = 256;
const DIAGNOSTIC_SIZE_MAX = 4096;
/** Most calls that are listed: a guest that boots makes about ten. */
const CALLS_MAX = 4096;

/** More zeros than any address reaches are asked for by nobody in earnest. */
const ZERO_MAX = 1n << 32n;
/** Longest single wait. */
const DELAY_PIECE_USEC = 50_000;
/** A guest that has looked for a key for so long, and shown nothing, waits for one. */
const IDLE_USEC = 600_000_000;
/** Larger reads into guest memory are done in parts of this size. */
const PROGRESS_BYTES = 4 * 1024 * 1024;

/** Thrown through the module by the imports that don't return. */
export class Stop {
  constructor(
    readonly why: "exec" | "exit" | "swap",
    readonly value: number | Uint8Array,
  ) {}
}

/** The imports of one instance that runs in `memory` for `state`. */
export function makeImports(memory: WebAssembly.Memory, state: SessionState): WebAssembly.Imports {
  const { clock, console, counts, cpu, disks, guest, limits, options } = state;
  // Views on the module's memory; growing it replaces the buffer.
  let bytes = new Uint8Array(memory.buffer);
  let view = new DataView(memory.buffer);
  const refresh = () => {
    bytes = new Uint8Array(memory.buffer);
    view = new DataView(memory.buffer);
  };
  const at = (address: number, size: number): Uint8Array => {
    if (bytes.buffer !== memory.buffer) refresh();
    return bytes.subarray(address >>> 0, (address >>> 0) + (size >>> 0));
  };
  const data = (): DataView => {
    if (view.buffer !== memory.buffer) refresh();
    return view;
  };
  const text = (address: number, size: number): string => latin1(at(address, size));

  /** When the guest last showed something, or found a key. */
  let activeAt = clock.now();
  const write = (source: Uint8Array) => {
    activeAt = clock.now();
    const room = limits.consoleBytes - counts.consoleBytes;
    counts.consoleBytes += source.length;
    try {
      console.write(source.subarray(0, Math.max(room, 0)));
    } catch (error) {
      throw error instanceof UserbootError ? error : new ConsoleError(String((error as Error)?.message ?? error));
    }
    if (source.length > room) throw new LimitError("consoleBytes", limits.consoleBytes, counts.consoleBytes);
  };

  const read = (unit: number, offset: number, target: Uint8Array): number => {
    counts.diskCalls++;
    counts.diskBytes += target.length;
    if (counts.diskBytes > limits.diskBytes) throw new LimitError("diskBytes", limits.diskBytes, counts.diskBytes);
    state.checkTime();
    try {
      return disks[unit]!.read(offset, target);
    } catch (error) {
      if (error instanceof UserbootError) throw error;
      note(
        `disk${unit} offset ${offset}: read of ${target.length} bytes failed: ${(error as Error)?.message ?? error}`,
      );
      return -1;
    }
  };

  /** Reads straight into guest memory, in parts when it is much, so that progress can be told. */
  const readGuest = (unit: number, offset: number, position: number, size: number): number => {
    let done = 0;
    while (done < size) {
      const part = Math.min(PROGRESS_BYTES, size - done);
      const got = read(unit, offset + done, guest.view(position + done, position + done + part));
      if (got < 0) return got;
      done += got;
      if (size > PROGRESS_BYTES) {
        const { diskBytes, diskCalls } = counts;
        state.onProgress?.({ diskBytes, diskCalls, fileBytes: size, fileDone: done });
      }
      if (got < part) break;
    }
    return done;
  };

  const note = (line: string) => {
    if (state.diagnostics.length < DIAGNOSTICS_MAX) state.diagnostics.push(line);
  };

  const record = (name: string, ...values: (number | string)[]) => {
    if (state.calls.length < CALLS_MAX) state.calls.push([name, ...values]);
  };

  const userboot = {
    putc(ch: number): void {
      counts.hostCalls++;
      write(Uint8Array.of(ch));
    },

    write(src: number, size: number): void {
      counts.hostCalls++;
      state.checkTime();
      write(at(src, size));
    },

    getc(): number {
      counts.hostCalls++;
      state.checkTime();
      if (!options.waitCounts) state.watch.pause();
      const key = console.getc?.(clock);
      state.watch.resume();
      state.checkTime();
      if (key === undefined) throw inputEnded();
      return key & 0xff;
    },

    poll(): number {
      counts.hostCalls++;
      state.checkTime();
      if (console.poll?.(clock)) {
        activeAt = clock.now();
        return 1;
      }
      if (console.ended?.() && clock.now() - activeAt > IDLE_USEC) throw inputEnded();
      clock.sleep(POLL_USEC);
      return 0;
    },

    diskread(unit: number, offset: bigint, dst: number, size: number, resid: number): number {
      counts.hostCalls++;
      const disk = disks[unit];
      if (disk === undefined) return EIO;
      const target = at(dst, size);
      const got = offset >= BigInt(disk.size) ? 0 : read(unit, Number(offset), target);
      if (got < 0) return EIO;
      data().setUint32(resid >>> 0, target.length - got, true);
      return 0;
    },

    diskread_guest(unit: number, offset: bigint, gpa: bigint, size: bigint, resid: number): number {
      counts.hostCalls++;
      const disk = disks[unit];
      if (disk === undefined) return EIO;
      const start = BigInt.asUintN(64, offset);
      const wanted = BigInt.asUintN(64, size);
      const rest = BigInt(disk.size) - start;
      const length = rest <= 0n ? 0 : Number(rest < wanted ? rest : wanted);
      let done = 0;
      for (const [position, from, count] of guest.pieces(gpa, length, COPY_PIECE)) {
        if (position >= 0) {
          const got = readGuest(unit, Number(start) + from, position, count);
          if (got < 0) return EIO;
          guest.written.add(position, position + got);
          done = from + got;
          if (got < count) break;
        } else {
          done = from + count;
        }
      }
      data().setBigUint64(resid >>> 0, wanted - BigInt(done), true);
      return 0;
    },

    diskioctl(unit: number, command: number, cell: number): number {
      counts.hostCalls++;
      const disk = disks[unit];
      if (disk === undefined) return EBADF;
      if (command >>> 0 === DIOCGSECTORSIZE) data().setUint32(cell >>> 0, disk.sectorSize, true);
      else if (command >>> 0 === DIOCGMEDIASIZE) data().setBigInt64(cell >>> 0, BigInt(disk.size), true);
      else return ENOTTY;
      return 0;
    },

    copyin(src: number, gpa: bigint, size: number): number {
      counts.hostCalls++;
      return guest.copyin(at(src, size), gpa) ? 0 : EFAULT;
    },

    copyout(gpa: bigint, dst: number, size: number): number {
      counts.hostCalls++;
      return guest.copyout(gpa, at(dst, size)) ? 0 : EFAULT;
    },

    zero_guest(gpa: bigint, size: bigint): number {
      counts.hostCalls++;
      const length = BigInt.asUintN(64, size);
      if (length > ZERO_MAX) {
        guest.faults++;
        return EFAULT;
      }
      return guest.zero(gpa, Number(length)) ? 0 : EFAULT;
    },

    getmem(low: number, high: number): void {
      counts.hostCalls++;
      data().setBigUint64(low >>> 0, BigInt(guest.low), true);
      data().setBigUint64(high >>> 0, BigInt(guest.high), true);
    },

    getmap(index: number, dst: number): number {
      counts.hostCalls++;
      if (options.map === undefined) return ENOTTY;
      const entry = options.map[index];
      if (entry === undefined) return ENOENT;
      data().setBigUint64(dst >>> 0, BigInt(entry.base), true);
      data().setBigUint64((dst >>> 0) + 8, BigInt(entry.length), true);
      data().setUint32((dst >>> 0) + 16, entry.type, true);
      return 0;
    },

    setreg(register: number, value: bigint): void {
      counts.hostCalls++;
      record("setreg", register, hex(BigInt.asUintN(64, value)));
      cpu.setreg(register, BigInt.asUintN(64, value));
    },

    setmsr(register: number, value: bigint): void {
      counts.hostCalls++;
      record("setmsr", hex(register >>> 0), hex(BigInt.asUintN(64, value)));
      cpu.setmsr(register >>> 0, BigInt.asUintN(64, value));
    },

    setcr(register: number, value: bigint): void {
      counts.hostCalls++;
      record("setcr", register, hex(BigInt.asUintN(64, value)));
      cpu.setcr(register, BigInt.asUintN(64, value));
    },

    setgdt(base: bigint, size: number): void {
      counts.hostCalls++;
      record("setgdt", hex(BigInt.asUintN(64, base)), size >>> 0);
      cpu.setgdt(BigInt.asUintN(64, base), size >>> 0);
    },

    vm_set_register(_vcpu: number, register: number, _value: bigint): number {
      counts.hostCalls++;
      throw new RegisterError(`guest set virtual register ${register} directly, which no kernel here needs`);
    },

    vm_set_desc(_vcpu: number, register: number, _base: bigint, _limit: number, _access: number): number {
      counts.hostCalls++;
      throw new RegisterError(`guest set descriptor ${register} directly, which no kernel here needs`);
    },

    exec(pc: bigint): void {
      counts.hostCalls++;
      cpu.rip = BigInt.asUintN(64, pc);
      record("exec", hex(cpu.rip));
      permitEntry(state.policy.asker, cpu, guest);
      throw new Stop("exec", 0);
    },

    exec_refused(pc: bigint, address: number, size: number): void {
      counts.hostCalls++;
      cpu.rip = BigInt.asUintN(64, pc);
      record("exec", hex(cpu.rip));
      throw new MemoryError(text(address, Math.min(size >>> 0, DIAGNOSTIC_SIZE_MAX)));
    },

    delay(usec: number): void {
      counts.hostCalls++;
      console.flush?.();
      state.checkTime();
      // In pieces, so that a long wait doesn't outlast the wall time.
      for (let rest = usec; rest > 0; rest -= DELAY_PIECE_USEC) {
        clock.sleep(Math.min(rest, DELAY_PIECE_USEC));
        state.checkTime();
      }
    },

    exit(code: number): void {
      counts.hostCalls++;
      throw new Stop("exit", code);
    },

    getenv(index: number, dst: number, size: number): number {
      counts.hostCalls++;
      const entry = options.env[index];
      if (entry === undefined) return -1;
      at(dst, Math.min(size, entry.length)).set(entry.subarray(0, size));
      return entry.length;
    },

    swap_interpreter(name: number, size: number): void {
      counts.hostCalls++;
      throw new Stop("swap", at(name, size).slice());
    },

    report(address: number, size: number): void {
      counts.hostCalls++;
      if (state.diagnostics.length < DIAGNOSTICS_MAX) note(text(address, Math.min(size, DIAGNOSTIC_SIZE_MAX)));
    },

    fault(kind: number, address: number, size: number): void {
      counts.hostCalls++;
      if (kind === FAULT_FUEL) throw new LimitError("fuel", limits.fuel, limits.fuel);
      if (kind === FAULT_MEMORY) throw new LimitError("moduleMemory", limits.moduleMemory, memory.buffer.byteLength);
      throw new InternalError(text(address, Math.min(size, DIAGNOSTIC_SIZE_MAX)));
    },
  };

  Object.assign(userboot, policyImports(state.policy, { bytes: at, text }, guest));
  return { env: { memory }, userboot, wasi_snapshot_preview1: { ...wasiNoFiles(), ...wasiClock(data, clock) } };
}

function inputEnded(): InputEndedError {
  return new InputEndedError("the guest waits for input and there is none left");
}

/** One character a byte. */
export function latin1(bytes: Uint8Array): string {
  let result = "";
  for (let i = 0; i < bytes.length; i += 8192) result += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return result;
}
