// The one way in which a whole kind of runs ends differently: the reference enters a kernel of which guest memory
// refused a part, ours ends with a MemoryError in place of that. Everything before it, the calls with the entry
// included, is the same; so such a run is compared as if it had been entered.

import type { BootResult } from "userboot-wasm";
import { CpuState } from "../../build/host/handoff/registers.js";
import type { BootRun } from "./recordings.js";

/** Whether the reference entered what ours refused: it did, and not all of its writes reached memory. */
export function wasRefused(recorded: BootRun, result: BootResult): boolean {
  return recorded.exit.kind === "exec" && recorded.memory.efault_writes > 0 && result.error?.name === "MemoryError";
}

/** `result`, refused, as it would be of a kernel that was entered: the registers are those that its calls make. */
export function asEntered(result: BootResult): BootResult {
  const cpu = new CpuState();
  for (const [name, ...values] of result.calls) {
    const [first = 0n, second = 0n] = values.map(BigInt);
    if (name === "setreg") cpu.setreg(Number(first), second);
    else if (name === "setmsr") cpu.setmsr(Number(first), second);
    else if (name === "setcr") cpu.setcr(Number(first), second);
    else if (name === "setgdt") cpu.setgdt(first, Number(second));
    else if (name === "exec") cpu.rip = first;
  }
  // What isn't enumerable, guest memory among it, is found as before.
  const entered = { reason: "exec", ...cpu.entryState() } as const;
  return Object.defineProperties(Object.create(result) as BootResult, Object.getOwnPropertyDescriptors(entered));
}
