// Stripes of RAID-Z and dRAID: a block's sectors are dealt out to columns, the first one to three of which are parity, and
// the columns to the members of a group. Lost columns are computed from the others. raidz.ts and draid.ts lay stripes out.

import { addMultiple, inverseElement, invert, multiply, power, setElement, startMatrix, UNKNOWNS_MAX } from "./galois";

/** Members of a group, at most. */
export const MEMBERS_MAX: i32 = 255;

/** Which members give nothing, or are taken to give wrong bytes. */
export const lostMembers: StaticArray<bool> = new StaticArray<bool>(MEMBERS_MAX);

/** One after another, the unknown columns and the parities used to find them. */
const unknowns: StaticArray<i32> = new StaticArray<i32>(UNKNOWNS_MAX);
const equations: StaticArray<i32> = new StaticArray<i32>(UNKNOWNS_MAX);

/** What column `c` of `columns` counts for in parity `p`: 1, 2^n or 4^n, n counted from the last column. */
function weight(p: i32, c: i32, columns: i32): u8 {
  return power(p * (columns - 1 - c));
}

/** A stripe. Its objects are used again and again. */
export class Stripe {
  parity: i32 = 0;
  /** Columns with parity. The first `full` ones have `rows` sectors, the rest one less. */
  columns: i32 = 0;
  rows: u32 = 0;
  private full: i32 = 0;
  private shift: u32 = 0;
  /** Where the data columns, and once they are wanted the parity columns, are in memory: one after another. */
  data: usize = 0;
  parityData: usize = 0;
  /** Where columns are on the disks. */
  readonly members: StaticArray<i32> = new StaticArray<i32>(MEMBERS_MAX);
  readonly offsets: StaticArray<u64> = new StaticArray<u64>(MEMBERS_MAX);
  /**
   * Not 0: a group that has grown since, over which the sectors of this many columns are scattered: sector `start` and
   * those after it, dealt out to `width` members or, in rows that reach behind `moved`, to one less.
   */
  scattered: i32 = 0;
  start: u64 = 0;
  width: u64 = 0;
  moved: u64 = 0;
  /** The first two columns change places. */
  swapped: bool = false;
  /** What is to be subtracted from offsets that count `width` members. */
  before: u64 = 0;

  /** Deals `sectors` sectors out to `width` columns, `parity` of them parity; `whole` keeps columns that are empty. */
  deal(sectors: u64, parity: i32, width: i32, shift: u64, whole: bool): void {
    const dataWidth = <u64>(width - parity);
    const rest = sectors % dataWidth;
    this.parity = parity;
    this.shift = <u32>shift;
    this.rows = <u32>(sectors / dataWidth) + (rest != 0 ? 1 : 0);
    const used = <i32>rest + parity;
    this.columns = this.rows == 1 && rest != 0 && !whole ? used : width;
    this.full = rest != 0 ? used : width;
    this.scattered = 0;
  }

  /** Bytes of a column. */
  size(c: i32): u32 {
    return (c < this.full ? this.rows : this.rows - 1) << this.shift;
  }

  /** Where a column is in memory. */
  at(c: i32): usize {
    if (c < this.parity) return this.parityData + ((<usize>c * <usize>this.rows) << (<usize>this.shift));
    const before = c - this.parity;
    const short = max(c - this.full, 0);
    return this.data + ((<usize>before * <usize>this.rows - <usize>short) << (<usize>this.shift));
  }

  /** Bytes of the data columns, and of the parity columns. */
  dataSize(): usize {
    return this.at(this.columns) - this.data;
  }

  paritySize(): usize {
    return (<usize>this.parity * <usize>this.rows) << (<usize>this.shift);
  }

  /** Number of the sector in column `c` of `row`, when they are scattered. */
  private sector(row: u32, c: i32): u64 {
    return this.start + <u64>row * <u64>this.scattered + <u64>(this.swapped && c < 2 ? c ^ 1 : c);
  }

  /** How many members the sectors of a row are dealt out to. */
  private widthOf(row: u32): u64 {
    const end = this.start + <u64>row * <u64>this.scattered + <u64>this.columns;
    return end > this.moved ? this.width - 1 : this.width;
  }

  /** The member that has column `c` of `row`. */
  member(row: u32, c: i32): i32 {
    return this.scattered == 0 ? this.members[c] : <i32>(this.sector(row, c) % this.widthOf(row));
  }

  /** Offset of column `c` of `row` there. */
  offset(row: u32, c: i32): u64 {
    if (this.scattered == 0) return this.offsets[c] + ((<u64>row) << (<u64>this.shift));
    const width = this.widthOf(row);
    return ((this.sector(row, c) / width) << (<u64>this.shift)) - (width == this.width ? this.before : 0);
  }

  /** Rows whose columns are on the same members each. */
  together(): u32 {
    return this.scattered == 0 ? this.rows : 1;
  }

  /** Computes the data columns of lost members anew. Returns how many runs of rows that were, -1 when it can't be. */
  rebuild(): i32 {
    let rebuilt = 0;
    const count = this.together();
    for (let row: u32 = 0; row < this.rows; row += count) {
      const found = this.rebuildRows(row, count);
      if (found < 0) return -1;
      rebuilt += found;
    }
    return rebuilt;
  }

  private rebuildRows(row: u32, count: u32): i32 {
    const skip = row << this.shift;
    const length = count << this.shift;
    let lost = 0;
    for (let c = this.parity; c < this.columns; c++) {
      if (this.size(c) <= skip || !lostMembers[this.member(row, c)]) continue;
      if (lost == this.parity) return -1;
      unknowns[lost++] = c;
    }
    if (lost == 0) return 0;
    let known = 0;
    for (let p = 0; p < this.parity && known < lost; p++) {
      if (!lostMembers[this.member(row, p)]) equations[known++] = p;
    }
    if (known < lost) return -1;
    startMatrix(lost);
    for (let e = 0; e < lost; e++) {
      for (let u = 0; u < lost; u++) setElement(e, u, weight(equations[e], unknowns[u], this.columns));
    }
    if (!invert()) return -1;
    for (let u = 0; u < lost; u++) this.compute(u, lost, skip, length);
    return 1;
  }

  /** Computes unknown `u` of `lost`: a sum of parities and known columns, each with a factor. */
  private compute(u: i32, lost: i32, skip: u32, length: u32): void {
    const column = unknowns[u];
    const size = min(length, this.size(column) - skip);
    const dst = this.at(column) + <usize>skip;
    memory.fill(dst, 0, <usize>size);
    for (let e = 0; e < lost; e++) addMultiple(dst, this.at(equations[e]) + <usize>skip, size, inverseElement(u, e));
    for (let c = this.parity; c < this.columns; c++) {
      const there = this.size(c);
      if (there <= skip || unknowns[0] == c || (lost > 1 && unknowns[1] == c) || (lost > 2 && unknowns[2] == c))
        continue;
      let factor: u8 = 0;
      for (let e = 0; e < lost; e++) factor ^= multiply(inverseElement(u, e), weight(equations[e], c, this.columns));
      addMultiple(dst, this.at(c) + <usize>skip, min(size, there - skip), factor);
    }
  }
}
