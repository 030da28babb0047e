// Guest memory from the core's side: reading what is there, and writing in the pieces that the reference
// uses, because a piece that doesn't fit is not written at all while those before it are.

import { copyin, copyout, getmem, zero_guest } from "../protocol";
import { storeString } from "./bytes";
import { allocate, burn } from "./fault";

/** The host reaches low memory through addresses below this; higher ones wrap. */
const ADDRESS_MASK: u64 = 0x7fffffff;
/** Fuel for zeros: one for so many bytes. */
const ZERO_COST: u64 = 64;
/** Fuel for looking at guest memory once. */
const PEEK_COST: i64 = 16;

const lowCell: usize = memory.data(8, 8);
const highCell: usize = memory.data(8, 8);

/** Bytes of low memory. */
export function lowMemory(): u64 {
  getmem(lowCell, highCell);
  return load<u64>(lowCell);
}

/** Bytes of high memory, which begins at 4 GiB. */
export function highMemory(): u64 {
  getmem(lowCell, highCell);
  return load<u64>(highCell);
}

/** Whether all of `size` bytes at `gpa` are in guest memory, so that it doesn't matter in what pieces they go there. */
export function fitsGuest(gpa: u64, size: u64): bool {
  const end = min(lowMemory(), ADDRESS_MASK + 1);
  return gpa <= end && size <= end - gpa;
}

/** Where the highest write that memory refused since `startPart` ends; 0: all were taken. */
export let refusedEnd: u64 = 0;

/** A new part of what the kernel gets begins: whether memory takes it is judged by itself. */
export function startPart(): void {
  refusedEnd = 0;
}

function refused(gpa: u64, size: u64): void {
  const end = gpa + size;
  refusedEnd = max(refusedEnd, end < gpa ? u64.MAX_VALUE : end);
}

/** Writes `size` bytes at `src` to `gpa`, all or nothing. */
export function putGuest(src: usize, gpa: u64, size: u32): void {
  if (copyin(src, gpa, size) != 0) refused(gpa, size);
}

/** Zeroes `size` bytes at `gpa`. More than all addresses there are would only do the same again. */
export function zeroGuest(gpa: u64, size: u64): void {
  const once = min(size, ADDRESS_MASK + 1);
  burn(<i64>(once / ZERO_COST));
  if (once > 0 && zero_guest(gpa, once) != 0) refused(gpa, once);
}

/** Contents of files go to the guest in such pieces; what doesn't fit there as a whole is not written. */
export const COPY_PIECE: u32 = 4096;

/** Writes `size` bytes at `src` to `gpa`, in the pieces in which files are read where they don't all fit. */
export function copyinPieces(src: usize, gpa: u64, size: u64): void {
  const step = fitsGuest(gpa, size) ? size : <u64>COPY_PIECE;
  for (let done: u64 = 0; done < size; done += step) {
    putGuest(src + <usize>done, gpa + done, <u32>min(step, size - done));
  }
}

/** What bytes are read from in their order, and brought to guest memory. */
export abstract class ByteSource {
  /** Reads up to `size` bytes at the position and advances it. Returns how many, fewer only at the end, or -1 and errno. */
  abstract read(dst: usize, size: i32): i32;

  /** Like `read`, to `gpa` and `step` bytes at a time. */
  readInSteps(gpa: u64, size: u64, step: u32): i64 {
    const block = allocate(<usize>step);
    let done: u64 = 0;
    let got = 0;
    while (done < size) {
      got = this.read(block, <i32>min(size - done, <u64>step));
      if (got <= 0) break;
      putGuest(block, gpa + done, <u32>got);
      done += <u64>got;
    }
    heap.free(block);
    return got < 0 ? -1 : <i64>done;
  }
}

const scratch: usize = memory.data(64, 8);

/** The `size` (at most 64) bytes at `gpa`, in memory that the next call reuses; zeros outside guest memory. */
export function peekGuest(gpa: u64, size: u32): usize {
  burn(PEEK_COST);
  memory.fill(scratch, 0, size);
  copyout(gpa, scratch, size);
  return scratch;
}

/** Little-endian u32 at `gpa`. */
export function guestU32(gpa: u64): u32 {
  return load<u32>(peekGuest(gpa, 4));
}

/** Bytes that a text in guest memory may have. */
const TEXT_LIMIT: u32 = 1024;
/** Bytes fetched at a time. */
const TEXT_STEP: u32 = 32;

/** The text at `gpa` up to its NUL; cut after 1024 bytes, and empty outside guest memory. */
export function guestText(gpa: u64): string {
  let text = "";
  for (let done: u32 = 0; done < TEXT_LIMIT; done += TEXT_STEP) {
    // Byte by byte at the border of memory, where a whole step may not fit.
    const step: u32 = fitsGuest(gpa + <u64>done, TEXT_STEP) ? TEXT_STEP : 1;
    for (let at: u32 = 0; at < TEXT_STEP; at += step) {
      const bytes = peekGuest(gpa + <u64>(done + at), step);
      for (let i: u32 = 0; i < step; i++) {
        const c = load<u8>(bytes + <usize>i);
        if (c == 0) return text;
        text += String.fromCharCode(c);
      }
    }
  }
  return text;
}

/** First room of a writer's block in bytes. */
const WRITER_ROOM: i32 = 4096;

/** Collects bytes for the guest; written as one block where they fit, and in the pieces in which they came where they don't. */
export class GuestWriter {
  private block: usize = allocate(WRITER_ROOM);
  private room: i32 = WRITER_ROOM;
  private length: i32 = 0;
  private pieces: i32[] = [];

  /** Bytes collected. */
  get size(): i32 {
    return this.length;
  }

  /** Adds room for a piece and returns where it goes. */
  private grow(size: i32): usize {
    if (size > this.room - this.length) {
      const room = max(this.room * 2, this.length + size);
      const block = allocate(room);
      memory.copy(block, this.block, this.length);
      heap.free(this.block);
      this.block = block;
      this.room = room;
    }
    const at = this.block + <usize>this.length;
    this.length += size;
    this.pieces.push(size);
    return at;
  }

  u32(value: u32): void {
    store<u32>(this.grow(4), value);
  }

  u64(value: u64): void {
    store<u64>(this.grow(8), value);
  }

  bytes(src: usize, size: u32): void {
    memory.copy(this.grow(<i32>size), src, size);
  }

  /** `text` without a NUL. */
  text(text: string): void {
    storeString(this.grow(text.length), text);
  }

  /** `text` with a NUL, one piece. */
  cstring(text: string): void {
    const at = this.grow(text.length + 1);
    storeString(at, text);
    store<u8>(at + <usize>text.length, 0);
  }

  nul(): void {
    store<u8>(this.grow(1), 0);
  }

  /** Leaves bytes unwritten up to the next multiple of `alignment` (a power of 2). */
  align(alignment: i32): void {
    const gap = -this.length & (alignment - 1);
    if (gap == 0) return;
    memory.fill(this.grow(gap), 0, gap);
    this.pieces[this.pieces.length - 1] = -gap;
  }

  /** Writes everything at `gpa` and starts anew. Gaps keep what was there. */
  flush(gpa: u64): void {
    let at = 0;
    let from = 0;
    const whole = fitsGuest(gpa, this.length);
    for (let i = 0; i < this.pieces.length; i++) {
      const size = this.pieces[i];
      if (!whole && size >= 0) putGuest(this.block + <usize>at, gpa + <u64>at, size);
      if (size < 0) {
        if (whole && at > from) putGuest(this.block + <usize>from, gpa + <u64>from, at - from);
        from = at - size;
      }
      at += abs(size);
    }
    if (whole && at > from) putGuest(this.block + <usize>from, gpa + <u64>from, at - from);
    heap.free(this.block);
    this.block = allocate(WRITER_ROOM);
    this.room = WRITER_ROOM;
    this.length = 0;
    this.pieces = [];
  }
}
