// A set of byte ranges, kept sorted and coalesced. Guest memory uses it to know exactly which bytes were
// written; loaders write mostly forward, so extending the last touched range is the fast case.

export class RangeSet {
  /** starts[i] < ends[i] < starts[i + 1]. */
  #starts: number[] = [];
  #ends: number[] = [];
  #last = 0;

  /** Adds the bytes from `start` up to `end`. */
  add(start: number, end: number): void {
    if (start >= end) return;
    const starts = this.#starts;
    const ends = this.#ends;
    let i = this.#last;
    const lastEnd = ends[i];
    if (lastEnd !== undefined && start >= starts[i]! && start <= lastEnd) {
      if (end <= lastEnd) return;
      const next = starts[i + 1];
      if (next === undefined || end < next) {
        ends[i] = end;
        return;
      }
    }
    i = this.#firstEndingAtOrAfter(start);
    let j = i;
    while (j < starts.length && starts[j]! <= end) j++;
    if (j > i) {
      start = Math.min(start, starts[i]!);
      end = Math.max(end, ends[j - 1]!);
    }
    starts.splice(i, j - i, start);
    ends.splice(i, j - i, end);
    this.#last = i;
  }

  /** Index of the first range that ends at or after `position`. */
  #firstEndingAtOrAfter(position: number): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ends[middle]! < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  clear(): void {
    this.#starts = [];
    this.#ends = [];
    this.#last = 0;
  }

  get size(): number {
    return this.#starts.length;
  }

  /** The ranges in order, as [start, end). */
  *[Symbol.iterator](): Iterator<[number, number]> {
    for (let i = 0; i < this.#starts.length; i++) yield [this.#starts[i]!, this.#ends[i]!];
  }
}
