// `wasi_snapshot_preview1` as long as no `host:` tree is granted: the session's clock, and refusals.

import type { Clock } from "../clock.js";

const ERRNO_SUCCESS = 0;

/** The imports; `data` gives the current view of the module's memory. */
export function wasiStubs(data: () => DataView, clock: Clock): WebAssembly.ModuleImports {
  return {
    clock_time_get(_id: number, _precision: bigint, time: number): number {
      data().setBigUint64(time >>> 0, BigInt(Math.round(clock.now())) * 1000n, true);
      return ERRNO_SUCCESS;
    },
  };
}
