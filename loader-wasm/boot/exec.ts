// STUB: entering the kernel, by machine.
import { PreloadedFile } from "../load/preloaded";

/** Builds what the kernel expects and enters it. Returns only when that can't be done, after saying why. */
export function enterKernel(_kernel: PreloadedFile): void {}
