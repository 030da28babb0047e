// Which bytes of guest memory were written: a few numbers for each page, and a bitmap for pages in which the written
// bytes are not one stretch. A write costs the same wherever it goes, and however a guest writes, all of this stays
// below a seventh of its memory. Exact ranges are made when somebody reads them off.

/** A page of guest memory. */
const PAGE = 4096;
const PAGE_SHIFT = 12;
/** Pages are looked at in blocks of so many (2 MiB), of which most were never written. */
const BLOCK_SHIFT = 9;
const BLOCK_PAGES = 1 << BLOCK_SHIFT;
/** A bitmap: one bit a byte of a page. They are taken from slabs of this many. */
const BITMAP = PAGE / 8;
const SLAB_SHIFT = 9;
const SLAB_BITMAPS = 1 << SLAB_SHIFT;

/** Ranges, and to what they are rounded: 1 when they are exact. */
export interface Ranges {
  /** In order, apart from each other: [start, end). */
  ranges: [start: number, end: number][];
  granule: number;
}

/** The set of written bytes. It only grows. */
export class WrittenBytes {
  /** The written bytes of a page lie from `first` up to `last`; a `last` of 0 is a page nobody wrote. */
  readonly #first: Uint16Array;
  readonly #last: Uint16Array;
  /** Blocks with written pages. */
  readonly #blocks: Uint8Array;
  /** Number of a page's bitmap, plus 1; 0 when all from `first` to `last` is written. Made when the first is needed. */
  #bitmaps: Uint32Array | undefined;
  #slabs: Uint8Array[] = [];
  #used = 0;

  /** For a memory of `size` bytes. */
  constructor(readonly size: number) {
    const pages = Math.ceil(size / PAGE);
    this.#first = new Uint16Array(pages);
    this.#last = new Uint16Array(pages);
    this.#blocks = new Uint8Array(Math.ceil(pages / BLOCK_PAGES));
  }

  /**
   * Adds the bytes from `start` up to `end`.
   * @throws RangeError when they are not in the memory
   */
  add(start: number, end: number): void {
    if (!(start >= 0 && end <= this.size)) throw new RangeError(`bytes ${start} to ${end} of ${this.size}`);
    if (start >= end) return;
    let page = start >>> PAGE_SHIFT;
    const lastPage = (end - 1) >>> PAGE_SHIFT;
    this.#blocks.fill(1, page >>> BLOCK_SHIFT, (lastPage >>> BLOCK_SHIFT) + 1);
    const from = start - page * PAGE;
    if (page === lastPage) {
      this.#addPart(page, from, end - page * PAGE);
      return;
    }
    if (from > 0) this.#addPart(page++, from, PAGE);
    const rest = end - lastPage * PAGE;
    const whole = rest === PAGE ? lastPage + 1 : lastPage;
    this.#first.fill(0, page, whole);
    this.#last.fill(PAGE, page, whole);
    this.#bitmaps?.fill(0, page, whole);
    if (rest < PAGE) this.#addPart(lastPage, 0, rest);
  }

  /** Adds some bytes of one page. */
  #addPart(page: number, from: number, to: number): void {
    const first = this.#first[page]!;
    const last = this.#last[page]!;
    if (last === 0) {
      this.#first[page] = from;
      this.#last[page] = to;
      return;
    }
    const bitmap = this.#bitmaps?.[page] ?? 0;
    const apart = from > last || to < first;
    if (bitmap > 0) this.#setBits(bitmap - 1, from, to);
    else if (apart) {
      const made = this.#makeBitmap(page);
      this.#setBits(made, first, last);
      this.#setBits(made, from, to);
    }
    if (from < first) this.#first[page] = from;
    if (to > last) this.#last[page] = to;
  }

  #makeBitmap(page: number): number {
    const made = this.#used++;
    if (made >>> SLAB_SHIFT === this.#slabs.length) this.#slabs.push(new Uint8Array(SLAB_BITMAPS * BITMAP));
    this.#bitmaps ??= new Uint32Array(this.#last.length);
    this.#bitmaps[page] = made + 1;
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
    if (tail > 0) bits[end]! |= tail;
  }

  /**
   * Stretches in order, not yet joined: each page's written bytes, or, without `exact`, all from its first to its last
   * one.
   */
  *#stretches(exact: boolean): Generator<[start: number, end: number]> {
    for (let block = 0; block < this.#blocks.length; block++) {
      if (this.#blocks[block] === 0) continue;
      const end = Math.min((block + 1) << BLOCK_SHIFT, this.#last.length);
      for (let page = block << BLOCK_SHIFT; page < end; page++) {
        const last = this.#last[page]!;
        if (last === 0) continue;
        const at = page * PAGE;
        const bitmap = exact ? (this.#bitmaps?.[page] ?? 0) : 0;
        if (bitmap > 0) yield* bitStretches(this.#bitmap(bitmap - 1), at);
        else yield [at + this.#first[page]!, at + last];
      }
    }
  }

  /** The stretches, rounded outwards to multiples of `granule` and joined. */
  *#joined(exact: boolean, granule: number): Generator<[start: number, end: number]> {
    let joined: [number, number] | undefined;
    for (const [from, to] of this.#stretches(exact)) {
      const start = from - (from % granule);
      const end = Math.min(Math.ceil(to / granule) * granule, this.size);
      if (joined !== undefined && start <= joined[1]) {
        joined[1] = end;
        continue;
      }
      if (joined !== undefined) yield joined;
      joined = [start, end];
    }
    if (joined !== undefined) yield joined;
  }

  /** The written ranges, exactly; there can be very many of them. */
  [Symbol.iterator](): Iterator<[start: number, end: number]> {
    return this.#joined(true, 1);
  }

  /** The written ranges when there are at most `most`; else rounded outwards to the smallest power of 2 that brings them down to it. */
  ranges(most: number): Ranges {
    for (let granule = 1; ; granule = Math.max(granule * 2, PAGE)) {
      const ranges: [number, number][] = [];
      for (const range of this.#joined(granule < PAGE, granule)) {
        ranges.push(range);
        if (ranges.length > most) break;
      }
      if (ranges.length <= Math.max(most, 1)) return { ranges, granule };
    }
  }

  /** Few ranges that hold all written bytes, and others between them. */
  covering(): Iterable<[start: number, end: number]> {
    return this.#joined(false, 1);
  }
}

/** The set bits of a bitmap, as stretches of bytes of the page at `page`. */
function* bitStretches(bits: Uint8Array, page: number): Generator<[start: number, end: number]> {
  let start = -1;
  for (let at = 0; at < PAGE; at++) {
    const byte = bits[at >>> 3]!;
    if ((at & 7) === 0 && (byte === 0 || byte === 0xff) && (byte === 0xff) === start >= 0) {
      at += 7;
      continue;
    }
    const set = ((byte >>> (at & 7)) & 1) === 1;
    if (set && start < 0) start = at;
    else if (!set && start >= 0) {
      yield [page + start, page + at];
      start = -1;
    }
  }
  if (start >= 0) yield [page + start, page + PAGE];
}
