// The virtual CPU's imports, up to the entry of the kernel, which ends the session.

import { MemoryError, RegisterError } from "../errors.js";
import { type SessionState, Stop } from "../state.js";
import { hex } from "../text.js";
import { DIAGNOSTIC_SIZE_MAX } from "./diagnostics.js";
import type { ModuleMemory } from "./module_memory.js";

/** Most calls that are listed: a guest that boots makes about ten. */
const CALLS_MAX = 4096;

/**
 * The calls that set registers, and `exec`. They throw RegisterError for what the machine doesn't have, MemoryError
 * when the kernel can't be entered, PolicyError when `onExec` refuses, and Stop when the kernel is entered.
 */
export function cpuImports(module: ModuleMemory, { calls, cpu, guest, policy }: SessionState) {
  const record = (name: string, ...values: (number | string)[]) => {
    if (calls.length < CALLS_MAX) calls.push([name, ...values]);
  };
  const unsigned = (value: bigint) => BigInt.asUintN(64, value);

  return {
    setreg(register: number, value: bigint): void {
      record("setreg", register, hex(unsigned(value)));
      cpu.setreg(register, unsigned(value));
    },

    setmsr(register: number, value: bigint): void {
      record("setmsr", hex(register >>> 0), hex(unsigned(value)));
      cpu.setmsr(register >>> 0, unsigned(value));
    },

    setcr(register: number, value: bigint): void {
      record("setcr", register, hex(unsigned(value)));
      cpu.setcr(register, unsigned(value));
    },

    setgdt(base: bigint, size: number): void {
      record("setgdt", hex(unsigned(base)), size >>> 0);
      cpu.setgdt(unsigned(base), size >>> 0);
    },

    vm_set_register(_vcpu: number, register: number, _value: bigint): number {
      throw new RegisterError(`guest set virtual register ${register} directly, which no kernel here needs`);
    },

    vm_set_desc(_vcpu: number, register: number, _base: bigint, _limit: number, _access: number): number {
      throw new RegisterError(`guest set descriptor ${register} directly, which no kernel here needs`);
    },

    exec(pc: bigint): void {
      cpu.rip = unsigned(pc);
      record("exec", hex(cpu.rip));
      policy?.permitEntry(cpu, guest);
      throw new Stop("exec", 0);
    },

    exec_refused(pc: bigint, address: number, size: number): void {
      cpu.rip = unsigned(pc);
      record("exec", hex(cpu.rip));
      throw new MemoryError(module.text(address, size, DIAGNOSTIC_SIZE_MAX));
    },
  };
}
