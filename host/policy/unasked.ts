// The core's questions to an operator (loader-wasm/protocol.ts), where there is none: it is told so, and has nothing to ask.

import { InternalError } from "../errors.js";

/** The imports by which the core would ask. */
export function unaskedImports(): WebAssembly.ModuleImports {
  const never = (): never => {
    throw new InternalError("the core asks nobody");
  };
  return {
    hooks: () => 0,
    file_begin: () => 0,
    file_data: never,
    file_end: never,
    file_read: never,
    file_read_guest: never,
    ask_setenv: never,
    ask_kernel: never,
  };
}
