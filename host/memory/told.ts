// What was written to memory that comes from elsewhere, as its maker tells it.

import type { Written } from "./guest.js";

/**
 * Ranges [start, end) of a memory of `size` bytes, in order and apart from each other.
 * @throws RangeError when they aren't
 */
export function toldRanges(from: readonly (readonly [start: number, end: number])[], size: number): Written {
  // What is checked is a copy: a range can be told in memory that its teller still writes.
  const told = Array.from(from, ([start, end]): [number, number] => [start, end]);
  let last = -1;
  for (const [start, end] of told) {
    const inOrder = Number.isInteger(start) && Number.isInteger(end) && last < start && start < end && end <= size;
    if (!inOrder) throw new RangeError(`bytes ${start} to ${end} of ${size}`);
    last = end;
  }
  return {
    ranges: () => ({ ranges: told.map(([start, end]) => [start, end]), granule: 1 }),
    cover(take) {
      for (const [start, end] of told) take(start, end);
    },
  };
}
