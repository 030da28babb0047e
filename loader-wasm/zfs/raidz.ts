// RAID-Z groups: a block's sectors are dealt out to the disks column by column, the first one to three columns being
// parity. Missing or wrong columns are computed from the others, as linear equations over GF(2^8).

import { EIO } from "../lib/errno";
import { allocate, burn } from "../lib/fault";
import { Vdev, VdevState } from "./vdev";
import { verifyBlock } from "./verify";

/** Members of a group, at most. */
const COLUMNS_MAX: i32 = 255;

/** Part of a block on one member. */
class Column {
  data: usize = 0;
  good: bool = false;
  constructor(
    public member: i32,
    public offset: u64,
    readonly size: u32,
  ) {}
}

// ---- GF(2^8) with x^8 + x^4 + x^3 + x^2 + 1 ------------------------------------------------------------

const powers: usize = memory.data(512);
const logarithms: usize = memory.data(256);

function fillTables(): void {
  let value: u32 = 1;
  for (let i: usize = 0; i < 255; i++) {
    store<u8>(powers + i, <u8>value);
    store<u8>(powers + i + 255, <u8>value);
    store<u8>(logarithms + <usize>value, <u8>i);
    value <<= 1;
    if (value & 0x100) value ^= 0x11d;
  }
}

function multiply(a: u8, b: u8): u8 {
  if (a == 0 || b == 0) return 0;
  return load<u8>(powers + <usize>load<u8>(logarithms + <usize>a) + <usize>load<u8>(logarithms + <usize>b));
}

function inverse(a: u8): u8 {
  return load<u8>(powers + 255 - <usize>load<u8>(logarithms + <usize>a));
}

/** `dst` ^= `factor` * `src`, for `size` bytes. */
function addMultiple(dst: usize, src: usize, size: u32, factor: u8): void {
  if (factor == 0) return;
  burn(<i64>(size >> 3));
  const shift = <usize>load<u8>(logarithms + <usize>factor);
  for (let i: usize = 0; i < <usize>size; i++) {
    const value = load<u8>(src + i);
    if (value == 0) continue;
    const product = load<u8>(powers + shift + <usize>load<u8>(logarithms + <usize>value));
    store<u8>(dst + i, load<u8>(dst + i) ^ product);
  }
}

/** What data column `index` of `count` counts for in parity column `parity`: 1, 2^n or 4^n, n counted from the last. */
function weight(parity: i32, index: i32, count: i32): u8 {
  return load<u8>(powers + <usize>((parity * (count - 1 - index)) % 255));
}

// ---- the map of a block -------------------------------------------------------------------------------

class RaidzMap {
  readonly columns: Column[] = [];
  readonly parity: i32;

  constructor(
    readonly group: RaidzVdev,
    readonly bp: usize,
    readonly dst: usize,
    offset: u64,
    readonly size: u32,
  ) {
    const shift = group.ashift;
    const width = <u64>group.children.length;
    this.parity = group.parity;
    const dataWidth = width - <u64>this.parity;
    const block = offset >> shift;
    const sectors = <u64>size >> shift;
    const first = block % width;
    const rows = sectors / dataWidth;
    const rest = sectors % dataWidth;
    const larger = rest == 0 ? 0 : rest + <u64>this.parity;
    const used = rows == 0 ? larger : width;
    for (let i: u64 = 0; i < used; i++) {
      const member = (first + i) % width;
      const row = (block / width + (first + i >= width ? 1 : 0)) << shift;
      this.columns.push(new Column(<i32>member, row, <u32>((i < larger ? rows + 1 : rows) << shift)));
    }
    // With single parity, parity and first data change places every MiB.
    if (this.parity == 1 && (offset & (1 << 20)) != 0) {
      const a = this.columns[0];
      const b = this.columns[1];
      const member = a.member;
      const at = a.offset;
      a.member = b.member;
      a.offset = b.offset;
      b.member = member;
      b.offset = at;
    }
    let at = dst;
    for (let i = 0; i < this.columns.length; i++) {
      const column = this.columns[i];
      if (i < this.parity) {
        column.data = allocate(<usize>column.size);
      } else {
        column.data = at;
        at += <usize>column.size;
      }
    }
  }

  free(): void {
    for (let i = 0; i < this.parity; i++) heap.free(this.columns[i].data);
  }

  /** Reads the columns from `first` to before `end`. Returns how many failed. */
  readColumns(first: i32, end: i32): i32 {
    let failed = 0;
    for (let i = first; i < end; i++) {
      const column = this.columns[i];
      const member = this.group.children[column.member];
      column.good = member.state == VdevState.Healthy && member.read(0, column.data, column.offset, column.size) == 0;
      if (!column.good) failed++;
    }
    return failed;
  }

  verified(): bool {
    return verifyBlock(this.bp, this.dst, this.group.name);
  }

  /** Computes the data columns in `lost` (at most as many as good parity columns) anew. */
  rebuild(lost: i32[]): bool {
    const count = this.columns.length - this.parity;
    const unknowns = lost.length;
    const size = this.columns[0].size;
    // One equation a parity column: known columns go to the right side.
    const right: usize[] = [];
    const matrix: u8[] = [];
    for (let p = 0; p < this.parity && right.length < unknowns; p++) {
      if (!this.columns[p].good) continue;
      const side = allocate(<usize>size);
      memory.copy(side, this.columns[p].data, <usize>size);
      for (let i = 0; i < count; i++) {
        const column = this.columns[this.parity + i];
        if (!lost.includes(i)) addMultiple(side, column.data, column.size, weight(p, i, count));
      }
      for (let i = 0; i < unknowns; i++) matrix.push(weight(p, lost[i], count));
      right.push(side);
    }
    const solved = right.length == unknowns && solve(matrix, right, size);
    for (let i = 0; i < right.length; i++) {
      const column = this.columns[this.parity + (i < unknowns ? lost[i] : 0)];
      if (solved) memory.copy(column.data, right[i], <usize>column.size);
      heap.free(right[i]);
    }
    return solved;
  }

  /** Data columns that could not be read. */
  lost(): i32[] {
    const result: i32[] = [];
    for (let i = this.parity; i < this.columns.length; i++) if (!this.columns[i].good) result.push(i - this.parity);
    return result;
  }

  /** Tries whether the checksum is right when further columns, from `from` on, are taken for wrong. */
  search(lost: i32[], from: i32, spare: i32, original: usize): bool {
    const count = this.columns.length - this.parity;
    for (let i = from; i < count && spare > 0; i++) {
      if (lost.includes(i)) continue;
      const more = lost.concat([i]);
      memory.copy(this.dst, original, <usize>this.size);
      if (this.rebuild(more) && this.verified()) return true;
      if (this.search(more, i + 1, spare - 1, original)) return true;
    }
    return false;
  }
}

/** Gauss-Jordan elimination; the solutions take the place of the right sides. */
function solve(matrix: u8[], right: usize[], size: u32): bool {
  const n = right.length;
  for (let i = 0; i < n; i++) {
    let pivot = i;
    while (pivot < n && matrix[pivot * n + i] == 0) pivot++;
    if (pivot == n) return false;
    if (pivot != i) {
      for (let k = 0; k < n; k++) {
        const value = matrix[i * n + k];
        matrix[i * n + k] = matrix[pivot * n + k];
        matrix[pivot * n + k] = value;
      }
      const side = right[i];
      right[i] = right[pivot];
      right[pivot] = side;
    }
    const factor = inverse(matrix[i * n + i]);
    for (let k = 0; k < n; k++) matrix[i * n + k] = multiply(matrix[i * n + k], factor);
    // factor - 1 times itself added is factor times.
    addMultiple(right[i], right[i], size, factor ^ 1);
    for (let j = 0; j < n; j++) {
      const other = matrix[j * n + i];
      if (j == i || other == 0) continue;
      for (let k = 0; k < n; k++) matrix[j * n + k] ^= multiply(matrix[i * n + k], other);
      addMultiple(right[j], right[i], size, other);
    }
  }
  return true;
}

/** A group of disks, of which `parity` may be missing. */
export class RaidzVdev extends Vdev {
  constructor(
    guid: u64,
    id: u64,
    name: string,
    ashift: u64,
    readonly parity: i32,
  ) {
    super(guid, id, name, ashift);
  }

  read(bp: usize, dst: usize, offset: u64, size: u32): i32 {
    if (this.children.length <= this.parity || this.children.length > COLUMNS_MAX) return EIO;
    if (load<u8>(powers) == 0) fillTables();
    // The group deals in whole sectors.
    const sector = (<u32>1) << (<u32>this.ashift);
    const whole = (size + sector - 1) & ~(sector - 1);
    if (whole == size) return readSectors(this, bp, dst, offset, size);
    const sectors = allocate(<usize>whole);
    const error = readSectors(this, bp, sectors, offset, whole);
    memory.copy(dst, sectors, <usize>size);
    heap.free(sectors);
    return error;
  }

  protected stateWithout(bad: i32): VdevState {
    return bad > this.parity ? VdevState.Offline : VdevState.Degraded;
  }
}

function readSectors(group: RaidzVdev, bp: usize, dst: usize, offset: u64, size: u32): i32 {
  const map = new RaidzMap(group, bp, dst, offset, size);
  const end = map.columns.length;
  let error = EIO;
  if (map.readColumns(map.parity, end) == 0 && map.verified()) {
    error = 0;
  } else {
    const spare = map.parity - map.readColumns(0, map.parity);
    const lost = map.lost();
    if (lost.length <= spare && map.rebuild(lost) && map.verified()) error = 0;
    else if (lost.length < spare) {
      const original = allocate(<usize>size);
      memory.copy(original, dst, <usize>size);
      if (map.search(lost, 0, spare - lost.length, original)) error = 0;
      heap.free(original);
    }
  }
  map.free();
  return error;
}
