// `wasi_snapshot_preview1` as far as the session itself answers it: its clock always, and refusals for files as
// long as no `host:` tree is granted.

import type { Clock } from "../clock.js";

const ERRNO_SUCCESS = 0;
const ERRNO_BADF = 8;

/** The session's clock; `data` gives the current view of the module's memory. */
export function wasiClock(data: () => DataView, clock: Clock): WebAssembly.ModuleImports {
  return {
    clock_time_get(_id: number, _precision: bigint, time: number): number {
      data().setBigUint64(time >>> 0, BigInt(Math.round(clock.now())) * 1000n, true);
      return ERRNO_SUCCESS;
    },
  };
}

/** No descriptor is open, so that none can be used. */
export function wasiNoFiles(): WebAssembly.ModuleImports {
  const refuse = () => ERRNO_BADF;
  return {
    path_open: refuse,
    fd_read: refuse,
    fd_seek: refuse,
    fd_filestat_get: refuse,
    fd_readdir: refuse,
    fd_close: refuse,
  };
}
