// The page tables that a 64-bit kernel starts with (Intel SDM volume 3, chapter 4.5: 4-level paging), as they lie in guest memory.
// The guest wrote them: every table is looked at once, and there is a bound to how many.

/** Reads guest memory. */
export type ReadMemory = (gpa: number, length: number) => Uint8Array;

/** Entries next to each other that say the same: they point to one table, or to pages that follow each other. */
export interface EntryRun {
  /** Number of the first entry, and of the last. */
  first: number;
  last: number;
  /** Where the first one points. */
  target: number;
  /** Bytes of a page; missing when the target is a table. */
  page?: number;
  /** Whether it may be written, and whether programs may use it. */
  writable: boolean;
  user: boolean;
}

/** One of the tables: where it lies, and what is in it. */
export interface PageTable {
  /** 4 for the top one, 1 for those of 4 KiB pages. */
  level: number;
  /** Where it lies. */
  gpa: number;
  /** Its entries that are present. */
  runs: EntryRun[];
}

/** One step of the way of an address. */
export interface Step {
  level: number;
  /** Of the table. */
  gpa: number;
  /** Number of the entry. */
  index: number;
}

/** Where an address leads. */
export interface Translation {
  steps: Step[];
  /** The physical address; undefined where nothing is mapped. */
  physical: number | undefined;
}

/** More tables than loaders make. */
export const TABLES_MAX = 64;
const ENTRIES = 512;
const PRESENT = 1n;
const WRITABLE = 2n;
const USER = 4n;
const LARGE = 0x80n;
const ADDRESS = 0x000f_ffff_ffff_f000n;
const TABLE_SIZE = 4096;

/** Names of the tables by their levels. */
export const TABLE_NAMES: Readonly<Record<number, string>> = { 4: "PML4", 3: "PDPT", 2: "PD", 1: "PT" };

/** Bytes that an entry of `level` stands for. */
const spanOf = (level: number) => 2 ** (12 + 9 * (level - 1));

interface Entry {
  target: number;
  page: boolean;
  writable: boolean;
  user: boolean;
}

function entryAt(read: ReadMemory, gpa: number, level: number, index: number): Entry | undefined {
  const bytes = read(gpa + index * 8, 8);
  if (bytes.length < 8) return undefined;
  const value = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if ((value & PRESENT) === 0n) return undefined;
  const page = level === 1 || (level < 4 && (value & LARGE) !== 0n);
  // A large page's address has no bits below its size.
  const target = Number(value & ADDRESS & ~(page ? BigInt(spanOf(level)) - 1n : 0n));
  return { target, page, writable: (value & WRITABLE) !== 0n, user: (value & USER) !== 0n };
}

/** All tables from the one at `cr3` on, each once, at most `TABLES_MAX`. */
export function walkTables(read: ReadMemory, cr3: number): PageTable[] {
  const tables: PageTable[] = [];
  const seen = new Set<string>();
  const waiting: [gpa: number, level: number][] = [];
  const want = (gpa: number, level: number) => {
    const key = `${level}:${gpa}`;
    if (seen.has(key) || seen.size === TABLES_MAX) return;
    seen.add(key);
    waiting.push([gpa, level]);
  };
  want(cr3 - (cr3 % TABLE_SIZE), 4);
  for (const [gpa, level] of waiting) {
    const runs: EntryRun[] = [];
    for (let index = 0; index < ENTRIES; index++) {
      const entry = entryAt(read, gpa, level, index);
      if (entry === undefined) continue;
      const run = runs.at(-1);
      if (run === undefined || !continues(run, entry, index))
        runs.push({
          ...{ first: index, last: index, target: entry.target, writable: entry.writable, user: entry.user },
          ...(entry.page && { page: spanOf(level) }),
        });
      else run.last = index;
      if (!entry.page) want(entry.target, level - 1);
    }
    tables.push({ level, gpa, runs });
  }
  return tables;
}

function continues(run: EntryRun, { page, target, user, writable }: Entry, index: number): boolean {
  if (run.last !== index - 1 || run.writable !== writable || run.user !== user) return false;
  if ((run.page !== undefined) !== page) return false;
  return target === run.target + (run.page ?? 0) * (index - run.first);
}

/** The way of `address` through the tables at `cr3`. */
export function translate(read: ReadMemory, cr3: number, address: bigint): Translation {
  const steps: Step[] = [];
  let gpa = cr3 - (cr3 % TABLE_SIZE);
  for (let level = 4; level > 0; level--) {
    const index = Number((address >> BigInt(12 + 9 * (level - 1))) & 511n);
    steps.push({ level, gpa, index });
    const entry = entryAt(read, gpa, level, index);
    if (entry === undefined) break;
    if (entry.page) return { steps, physical: entry.target + Number(address & BigInt(spanOf(level) - 1)) };
    gpa = entry.target;
  }
  return { steps, physical: undefined };
}
