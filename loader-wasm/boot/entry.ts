// The last step of a boot: the kernel is entered, unless guest memory refused a part of what it was to find. The
// reference enters it all the same, and it dies without a word.

import { allocString } from "../lib/bytes";
import { lowMemory, refusedEnd } from "../lib/guest";
import { flush } from "../lib/output";
import { hex } from "../lib/text";
import { preloadedFiles } from "../load/preloaded";
import { exec, exec_refused } from "../protocol";
import { BootData } from "./bootinfo";

/** Most parts that the message names. */
const NAMED_MAX: i32 = 8;

/** Enters the kernel at `pc`; `data` was written last, and is judged with the fixed pages written with it. Does not return. */
export function enter(pc: u64, data: BootData): void {
  const missing: string[] = [];
  for (let i = 0; i < preloadedFiles.length; i++) {
    const file = preloadedFiles[i];
    if (file.refusedEnd == 0) continue;
    // A kernel's size is of 32 bits with a sign (load/elf/linked.ts), which nobody means here.
    const end = max(file.refusedEnd, file.addr + <u64>(<u32>file.size));
    missing.push(need(file.title(), file.addr, end));
  }
  if (refusedEnd != 0) missing.push(need("boot data", data.envp, max(refusedEnd, data.kernend)));
  flush();
  if (missing.length == 0) exec(pc);
  if (missing.length > NAMED_MAX) missing[NAMED_MAX] = `and ${missing.length - NAMED_MAX} more`;
  const named = missing.slice(0, NAMED_MAX + 1).join(", ");
  const text = `${named}; there are ${lowMemory()} bytes (up to 0x${hex(lowMemory())})`;
  exec_refused(pc, allocString(text), text.length);
}

function need(part: string, start: u64, end: u64): string {
  return `${part} needs ${end} bytes of memory (0x${hex(start)} to 0x${hex(end)})`;
}
