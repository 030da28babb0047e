// The host side of the core's questions to the operator (loader-wasm/protocol.ts, "the operator's hooks").

import { InternalError } from "../errors.js";
import { decodeBootData } from "../handoff/metadata.js";
import type { CpuState } from "../handoff/registers.js";
import type { GuestMemory } from "../memory/guest.js";
import type { Charge, LoaderMemory } from "../memory/loader.js";
import { FILE_ITSELF, HOOK_FILES, HOOK_KERNEL, HOOK_SETENV } from "../protocol/constants.js";
import type { MadeResult, Measurements } from "../result.js";
import { bytesOf } from "../text.js";
import { type Asker, enforce } from "./asker.js";
import type { PolicyBudget } from "./budget.js";
import type { MachineFacts } from "./hooks.js";
import type { FileVault } from "./vault.js";

/** A session's operator. Sessions without one have `unaskedImports`, and nothing of this file. */
export interface Policy {
  /** What the core asks by. */
  imports(access: ModuleAccess, guest: LoaderMemory, charge: Charge): WebAssembly.ModuleImports;
  /** Asked when the kernel is about to be entered. */
  permitEntry(cpu: CpuState, guest: GuestMemory): void;
  /** What was measured, once the session has ended. */
  measurements?(result: MadeResult): Measurements;
}

/** What an operator has: hooks, and the files they are shown. Absent parts are not asked. */
export interface PolicyParts {
  readonly asker?: Asker | undefined;
  /** What asking and examining may cost. */
  readonly budget?: PolicyBudget | undefined;
  /** There when files are examined: for `onFile`, or to be measured. */
  readonly vault?: FileVault | undefined;
}

/** Module memory, as the imports reach it. */
export interface ModuleAccess {
  bytes(address: number, size: number): Uint8Array;
  put(address: number, bytes: Uint8Array): void;
  text(address: number, size: number): string;
}

/**
 * The imports by which the core asks. They end the session with PolicyError when the answer is a denial, with
 * LimitError when asking costs more than `policy.budget` has.
 */
export function policyImports(
  policy: PolicyParts,
  access: ModuleAccess,
  guest: LoaderMemory,
  charge: Charge,
): WebAssembly.ModuleImports {
  const { asker, budget, vault } = policy;
  const wants = (hook: "onSetenv" | "onKernel"): boolean => asker?.wants.has(hook) ?? false;
  /** What a hook says; one that there isn't, which a core may ask all the same, says nothing. */
  const ask = (hook: "onSetenv" | "onKernel", ...facts: unknown[]) =>
    wants(hook) ? asker?.ask(hook, ...facts) : undefined;

  /** Stores an answer for the core; -1 for none. */
  const reply = (answer: string | undefined, dst: number, capacity: number): number => {
    if (answer === undefined) return -1;
    access.put(dst, bytesOf(answer).subarray(0, capacity >>> 0));
    return answer.length;
  };

  return {
    hooks(): number {
      return (vault ? HOOK_FILES : 0) | (wants("onSetenv") ? HOOK_SETENV : 0) | (wants("onKernel") ? HOOK_KERNEL : 0);
    },

    file_begin(
      device: number,
      deviceSize: number,
      path: number,
      pathSize: number,
      purpose: number,
      size: bigint,
    ): number {
      if (vault === undefined) return 0;
      const known = BigInt.asUintN(64, size) === FILE_ITSELF ? undefined : clamp(size);
      return vault.begin(access.text(device, deviceSize), access.text(path, pathSize), purpose, known);
    },

    file_data(handle: number, src: number, size: number): void {
      const bytes = access.bytes(src, size);
      charge(bytes.length);
      opened(vault, handle).data(handle, bytes);
    },

    file_end(handle: number): bigint {
      const size = opened(vault, handle).end(handle);
      return size === undefined ? FILE_ITSELF : BigInt(size);
    },

    file_read(handle: number, offset: bigint, dst: number, size: number): number {
      const source = opened(vault, handle).slice(handle, clamp(offset), size >>> 0);
      charge(source.length);
      access.put(dst, source);
      return source.length;
    },

    file_read_guest(handle: number, offset: bigint, gpa: bigint, size: bigint): bigint {
      const source = opened(vault, handle).slice(handle, clamp(offset), clamp(size));
      charge(source.length);
      return guest.copyin(source, gpa) ? BigInt(source.length) : 0n;
    },

    ask_setenv(
      name: number,
      nameSize: number,
      value: number,
      valueSize: number,
      dst: number,
      capacity: number,
    ): number {
      const variable = access.text(name, nameSize);
      const proposal = access.text(value, valueSize);
      charge(variable.length + proposal.length);
      budget?.tell(variable, proposal);
      const answer = ask("onSetenv", variable, proposal);
      const allowed = enforce(answer, "onSetenv", `variable ${variable}`);
      return reply(allowed && "value" in allowed ? allowed.value : undefined, dst, capacity);
    },

    ask_kernel(path: number, pathSize: number, args: number, argsSize: number, dst: number, capacity: number): number {
      const kernel = { path: access.text(path, pathSize), args: access.text(args, argsSize) };
      charge(kernel.path.length + kernel.args.length);
      budget?.tell(kernel.path, kernel.args);
      const allowed = enforce(ask("onKernel", kernel), "onKernel", `kernel ${kernel.path}`);
      return reply(allowed && "args" in allowed ? allowed.args : undefined, dst, capacity);
    },
  };
}

/** The vault, where the core has a file of it. */
function opened(vault: FileVault | undefined, handle: number): FileVault {
  if (vault === undefined)
    throw new InternalError(`the core names an examined file ${handle}, and nothing is examined`);
  return vault;
}

/** Asks `onExec`, when the kernel is about to be entered. */
export function permitEntry(asker: Asker | undefined, cpu: CpuState, guest: GuestMemory): void {
  if (!asker?.wants.has("onExec")) return;
  const { modules, environment } = decodeBootData(cpu, guest);
  const { gdt: _gdt, ...state } = cpu.entryState();
  const facts: MachineFacts = {
    ...state,
    modules: modules.map(({ name, type, size }) => ({ name, type, size: Number(size) })),
    environment,
  };
  enforce(asker.ask("onExec", facts), "onExec", "entering the kernel");
}

/** A u64 of the core as a number; absurd ones are past every end. */
function clamp(value: bigint): number {
  return Number(BigInt.asUintN(64, value));
}
