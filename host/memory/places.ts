// Where what goes to guest memory comes from: an inspection that only wants to know that has its core "read" a file while
// nothing is read.

/** Bytes of a file that lie together: how many, on which disk, and where there. On disk NOWHERE they are zeros. */
export type Run = [size: number, unit: number, offset: number];
export const NOWHERE = -1;

/** Takes note of what would be read from disks to guest memory, while it is on. */
export class Places {
  #on = false;
  /** What was noted since it was switched on, without a gap, from address 0 to `end`. */
  readonly runs: Run[] = [];
  end = 0;
  /** Whether something was noted in place of being read. */
  unread = false;

  get on(): boolean {
    return this.#on;
  }

  /** Does `work` while it is on. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#on = true;
    this.runs.length = 0;
    this.end = 0;
    this.unread = false;
    try {
      return await work();
    } finally {
      this.#on = false;
    }
  }

  /** `size` bytes at `gpa` are those at `offset` of disk `unit`. */
  read(gpa: number, size: number, unit: number, offset: number): void {
    this.unread = true;
    this.#add(gpa, [size, unit, offset]);
  }

  /** They are zeros. */
  zeros(gpa: number, size: number): void {
    this.#add(gpa, [size, NOWHERE, 0]);
  }

  #add(gpa: number, run: Run): void {
    if (gpa !== this.end) return;
    this.end += run[0];
    addRun(this.runs, run);
  }
}

/** Adds a run behind others, to the last one where it continues that. */
export function addRun(runs: Run[], [size, unit, offset]: Run): void {
  const last = runs.at(-1);
  if (last !== undefined && last[1] === unit && (unit === NOWHERE || last[2] + last[0] === offset)) last[0] += size;
  else if (size > 0) runs.push([size, unit, offset]);
}
