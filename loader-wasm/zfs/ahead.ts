// Where bytes of disks lie that were fetched ahead. What a batch of reads needs is fetched together and forgotten together.

import { Region } from "../lib/region";

/** Bytes that are fetched ahead together. */
export const AHEAD_MAX: u32 = 4 << 20;

const region = new Region();
let used: u32 = 0;

/** Makes room for a batch of `size` bytes. What an earlier one fetched must have been forgotten. */
export function startAhead(size: u32): void {
  region.need(min(size, AHEAD_MAX));
  used = 0;
}

/** Room for `size` bytes of the batch; 0 when there isn't as much. */
export function takeAhead(size: u32): usize {
  if (size > region.size - used) return 0;
  const at = region.need(0) + <usize>used;
  used += size;
  return at;
}
