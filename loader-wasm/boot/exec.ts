// Entering the kernel, by machine. A new machine is a file like amd64.ts and a line here.

import { EM_386, EM_X86_64 } from "../load/elf/layout";
import { PreloadedFile } from "../load/preloaded";
import { enterAmd64 } from "./amd64";
import { enterI386 } from "./i386";

/** Builds what the kernel expects and enters it. Returns only when that can't be done, after saying why. */
export function enterKernel(kernel: PreloadedFile): void {
  if (kernel.machine == EM_X86_64) enterAmd64(kernel);
  else if (kernel.machine == EM_386) enterI386(kernel);
}
