// Which bytes of guest memory were written: a number for each page, and a bitmap for pages in which the written bytes are
// not one stretch; blocks of pages that are written whole, or not at all, have neither. A write costs the same wherever it
// goes, and however a guest writes, all of this stays below a seventh of its memory. Exact ranges are made when somebody
// reads them off.

/** A page of guest memory. */
const PAGE = 4096;
const PAGE_SHIFT = 12;
/** Pages are kept in blocks of so many (2 MiB). */
const BLOCK_SHIFT = 9;
const BLOCK_PAGES = 1 << BLOCK_SHIFT;
const BLOCK = BLOCK_PAGES * PAGE;
/** A page's cell: its written bytes lie from `first` (the low bits) up to `last` (the others); 0 is a page nobody wrote. */
const FIRST_BITS = 12;
const FIRST_MASK = PAGE - 1;
const WHOLE_PAGE = PAGE << FIRST_BITS;
/** The cells of every block that is written whole. They never change again. */
const WHOLE_BLOCK = new Uint32Array(BLOCK_PAGES).fill(WHOLE_PAGE);
/** A bitmap: one bit a byte of a page. They are taken from slabs of this many. */
const BITMAP = PAGE / 8;
const SLAB_SHIFT = 5;
const SLAB_BITMAPS = 1 << SLAB_SHIFT;

/** Ranges, and to what they are rounded: 1 when they are exact. */
export interface Ranges {
  /** In order, apart from each other: [start, end). */
  ranges: [start: number, end: number][];
  granule: number;
}

/** Takes a stretch; whether it wants more. */
type Take = (start: number, end: number) => boolean;

/** The set of the bytes that were written: grows by `add`, read off as ranges. */
export class WrittenBytes {
  /** The cells of each block; none where nobody wrote. */
  readonly #blocks: (Uint32Array | undefined)[] = [];
  /** Numbers of pages' bitmaps, plus 1, block by block; 0 when all from `first` to `last` is written. */
  readonly #bitmaps: (Uint32Array | undefined)[] = [];
  #slabs: Uint8Array[] = [];
  #used = 0;

  /** For a memory of `size` bytes. */
  constructor(readonly size: number) {}

  /**
   * Adds the bytes from `start` up to `end`.
   * @throws RangeError when they are not in the memory
   */
  add(start: number, end: number): void {
    if (!(start >= 0 && end <= this.size)) throw new RangeError(`bytes ${start} to ${end} of ${this.size}`);
    let at = start;
    while (at < end) {
      const block = Math.floor(at / BLOCK);
      const stop = Math.min(end, (block + 1) * BLOCK);
      if (stop - at === BLOCK) {
        this.#blocks[block] = WHOLE_BLOCK;
        this.#bitmaps[block] = undefined;
      } else if (this.#blocks[block] !== WHOLE_BLOCK) {
        this.#addPages(block, at - block * BLOCK, stop - block * BLOCK);
      }
      at = stop;
    }
  }

  /** Adds bytes of one block, of which some aren't written yet. */
  #addPages(block: number, start: number, end: number): void {
    let cells = this.#blocks[block];
    if (cells === undefined) this.#blocks[block] = cells = new Uint32Array(BLOCK_PAGES);
    let page = start >>> PAGE_SHIFT;
    const lastPage = (end - 1) >>> PAGE_SHIFT;
    const from = start & FIRST_MASK;
    const to = end - lastPage * PAGE;
    if (page === lastPage) {
      this.#addPart(cells, block, page, from, to);
      return;
    }
    if (from > 0) this.#addPart(cells, block, page++, from, PAGE);
    const whole = to === PAGE ? lastPage + 1 : lastPage;
    cells.fill(WHOLE_PAGE, page, whole);
    this.#bitmaps[block]?.fill(0, page, whole);
    if (to < PAGE) this.#addPart(cells, block, lastPage, 0, to);
  }

  /** Adds some bytes of one page. */
  #addPart(cells: Uint32Array, block: number, page: number, from: number, to: number): void {
    const cell = cells[page]!;
    const first = cell & FIRST_MASK;
    const last = cell >>> FIRST_BITS;
    if (last === 0) {
      cells[page] = from | (to << FIRST_BITS);
      return;
    }
    const bitmap = this.#bitmaps[block]?.[page] ?? 0;
    const apart = from > last || to < first;
    if (bitmap > 0) this.#setBits(bitmap - 1, from, to);
    else if (apart) {
      const made = this.#makeBitmap(block, page);
      this.#setBits(made, first, last);
      this.#setBits(made, from, to);
    }
    cells[page] = Math.min(first, from) | (Math.max(last, to) << FIRST_BITS);
  }

  #makeBitmap(block: number, page: number): number {
    const made = this.#used++;
    if (made >>> SLAB_SHIFT === this.#slabs.length) this.#slabs.push(new Uint8Array(SLAB_BITMAPS * BITMAP));
    this.#bitmaps[block] ??= new Uint32Array(BLOCK_PAGES);
    this.#bitmaps[block][page] = made + 1;
    return made;
  }

  #bitmap(number: number): Uint8Array {
    const at = (number & (SLAB_BITMAPS - 1)) * BITMAP;
    return this.#slabs[number >>> SLAB_SHIFT]!.subarray(at, at + BITMAP);
  }

  #setBits(number: number, from: number, to: number): void {
    const bits = this.#bitmap(number);
    const start = from >>> 3;
    const end = to >>> 3;
    const head = 0xff << (from & 7);
    const tail = (1 << (to & 7)) - 1;
    if (start === end) {
      bits[start]! |= head & tail;
      return;
    }
    bits[start]! |= head;
    bits.fill(0xff, start + 1, end);
    bits[end]! |= tail; // Nothing, and nowhere, when they end with the bitmap.
  }

  /**
   * Gives stretches in order, not yet joined: each page's written bytes, or, without `exact`, all from its first to its
   * last one.
   */
  #stretches(exact: boolean, take: Take): void {
    for (let block = 0; block < this.#blocks.length; block++) {
      const cells = this.#blocks[block];
      if (cells !== undefined && !this.#pages(cells, block, exact, take)) return;
    }
  }

  /** The same of one block. Whether all were taken. */
  #pages(cells: Uint32Array, block: number, exact: boolean, take: Take): boolean {
    const bitmaps = exact ? this.#bitmaps[block] : undefined;
    for (let page = 0; page < BLOCK_PAGES; page++) {
      const cell = cells[page]!;
      if (cell === 0) continue;
      const at = block * BLOCK + page * PAGE;
      const bitmap = bitmaps === undefined ? 0 : bitmaps[page]!;
      if (cell === WHOLE_PAGE && bitmap === 0) {
        // Most are followed by more of their kind.
        while (cells[page + 1] === WHOLE_PAGE && (bitmaps === undefined || bitmaps[page + 1] === 0)) page++;
        if (!take(at, block * BLOCK + (page + 1) * PAGE)) return false;
        continue;
      }
      const taken =
        bitmap > 0
          ? bitStretches(this.#bitmap(bitmap - 1), at, take)
          : take(at + (cell & FIRST_MASK), at + (cell >>> FIRST_BITS));
      if (!taken) return false;
    }
    return true;
  }

  /** The stretches, rounded outwards to multiples of `granule` and joined: `most` of them, and one more if there are more. */
  #joined(exact: boolean, granule: number, most: number): [start: number, end: number][] {
    const ranges: [number, number][] = [];
    let end = -1;
    this.#stretches(exact, (from, to) => {
      const start = from - (from % granule);
      const stop = Math.min(Math.ceil(to / granule) * granule, this.size);
      if (start <= end) ranges[ranges.length - 1]![1] = stop;
      else ranges.push([start, stop]);
      end = stop;
      return ranges.length <= most;
    });
    return ranges;
  }

  /** The written ranges, exactly; there can be very many of them. */
  [Symbol.iterator](): Iterator<[start: number, end: number]> {
    return this.#joined(true, 1, Number.POSITIVE_INFINITY).values();
  }

  /** The written ranges when there are at most `most`; else rounded outwards to the smallest power of 2 that brings them down to it. */
  ranges(most: number): Ranges {
    const some = Math.max(most, 1);
    for (let granule = 1; ; granule = Math.max(granule * 2, PAGE)) {
      const ranges = this.#joined(granule < PAGE, granule, some);
      if (ranges.length <= some) return { ranges, granule };
    }
  }

  /** Gives stretches, one a page at most, that hold all written bytes, and others between them. */
  cover(take: (start: number, end: number) => void): void {
    this.#stretches(false, (start, end) => {
      take(start, end);
      return true;
    });
  }
}

/** Gives the set bits of a bitmap as stretches of bytes of the page at `page`. Whether all were taken. */
function bitStretches(bits: Uint8Array, page: number, take: Take): boolean {
  let start = -1;
  for (let at = 0; at < PAGE; at++) {
    const byte = bits[at >>> 3]!;
    if ((at & 7) === 0 && byte === (start < 0 ? 0 : 0xff)) {
      at += 7;
      continue;
    }
    const set = ((byte >>> (at & 7)) & 1) === 1;
    if (set && start < 0) start = at;
    else if (!set && start >= 0) {
      if (!take(page + start, page + at)) return false;
      start = -1;
    }
  }
  return start < 0 || take(page + start, page + PAGE);
}
