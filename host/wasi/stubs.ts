// `wasi_snapshot_preview1` as far as the session itself answers it: its clock always, and refusals for files as
// long as no `host:` tree is granted.

import type { Clock } from "../clock.js";

const ERRNO_SUCCESS = 0;
const ERRNO_BADF = 8;
/** Values of half a 64-bit number. */
const HALF = 2 ** 32;

/** The session's clock; `cell` gives the view of the module's memory in which there is one of so many bytes at an address. */
export function wasiClock(cell: (at: number, size: number) => DataView, clock: Clock): WebAssembly.ModuleImports {
  return {
    clock_time_get(_id: number, _precision: bigint, time: number): number {
      // Nanoseconds are more than a number holds. In halves, that is: guests ask for the time at every poll.
      const usec = Math.round(clock.now());
      const rest = usec % HALF;
      const low = rest * 1000;
      const at = time >>> 0;
      const cells = cell(at, 8);
      cells.setUint32(at, low, true);
      cells.setUint32(at + 4, ((usec - rest) / HALF) * 1000 + Math.floor(low / HALF), true);
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
