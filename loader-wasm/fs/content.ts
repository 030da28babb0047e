// Bytes that a file system keeps in runs on a volume: what reading a file or directory is, once the file system says where
// they are. Runs go to guest memory directly.

import { stringAt } from "../lib/bytes";
import { EIO, ENOENT, setErrno } from "../lib/errno";
import { allocate, damaged } from "../lib/fault";
import { zero_guest } from "../protocol";
import { Volume } from "../storage/volume";
import { OpenFile } from "./file_system";

/** Where a run begins that isn't on the volume: its bytes are zero. */
export const HOLE: u64 = u64.MAX_VALUE;

/** Bytes of a hole that are looked for at a time. */
const HOLE_MAX: u64 = 64 << 20;

/** Results of `Content.map`: where the run begins on the volume, and its bytes, 0 behind the last one. */
let runStart: u64 = 0;
let runSize: u64 = 0;

/** The answer of a `map`. Returns true. */
export function foundRun(start: u64, size: u64): bool {
  runStart = start;
  runSize = size;
  return true;
}

/** A file or directory. */
export abstract class Content {
  constructor(readonly volume: Volume) {}

  /** Bytes. */
  abstract length(): u64;

  /**
   * Finds the run that begins at `position`, before the end; it may be longer than `limit`, and needn't be looked at further
   * than that. Answers with `foundRun`, or false and errno.
   */
  abstract map(position: u64, limit: u64): bool;

  /** What it is, for reports. */
  abstract title(): string;

  /** Reads up to `size` bytes at `position`. Returns how many, fewer only at the end, or -1 and errno. */
  read(position: u64, dst: usize, size: u32): i32 {
    const wanted = this.rest(position, <u64>size);
    let done: u64 = 0;
    while (done < wanted) {
      if (!this.map(position + done, wanted - done)) return -1;
      const piece = min(runSize, wanted - done);
      if (piece == 0) break;
      const at = dst + <usize>done;
      const start = runStart;
      if (start == HOLE) memory.fill(at, 0, <usize>piece);
      else if (!this.gotAll(this.volume.read(start, at, <u32>piece), piece, start)) return -1;
      done += piece;
    }
    return <i32>done;
  }

  /** Like `read`, into guest memory where nothing can be refused. */
  readToGuest(position: u64, gpa: u64, size: u64): i64 {
    const wanted = this.rest(position, size);
    let done: u64 = 0;
    while (done < wanted) {
      if (!this.map(position + done, wanted - done)) return -1;
      const piece = min(runSize, wanted - done);
      if (piece == 0) break;
      const start = runStart;
      if (start == HOLE) zero_guest(gpa + done, piece);
      else if (!this.gotAll(this.volume.readToGuest(start, gpa + done, piece), piece, start)) return -1;
      done += piece;
    }
    return <i64>done;
  }

  private rest(position: u64, size: u64): u64 {
    const length = this.length();
    return position < length ? min(size, length - position) : 0;
  }

  /** Whether a read of the volume gave all it should. */
  private gotAll(got: i64, wanted: u64, offset: u64): bool {
    if (got == <i64>wanted) return true;
    if (got >= 0) damaged(this.volume.where(offset), `${this.title()}: data is beyond the end of the disk`, EIO);
    return false;
  }
}

/** An open file or directory that is read from its content. */
export abstract class ContentFile extends OpenFile {
  constructor(readonly content: Content) {
    super();
  }

  size(): u64 {
    return this.content.length();
  }

  read(dst: usize, size: i32): i32 {
    const got = this.content.read(this.position, dst, <u32>size);
    if (got > 0) this.position += <u64>got;
    return got;
  }

  readsToGuest(): bool {
    return true;
  }

  readToGuest(gpa: u64, size: u64): i64 {
    const got = this.content.readToGuest(this.position, gpa, size);
    if (got > 0) this.position += <u64>got;
    return got;
  }

  hole(): u64 {
    const length = this.content.length();
    if (this.position >= length) return 0;
    const left = length - this.position;
    // Most files have none, which one block tells.
    if (!this.content.map(this.position, 1) || runStart != HOLE) return 0;
    return this.content.map(this.position, min(left, HOLE_MAX)) ? min(runSize, left) : 0;
  }
}

/** Reads `size` bytes of a structure at `offset` of `volume`, called `what` in reports. False and errno (EIO). */
export function readWhole(volume: Volume, offset: u64, dst: usize, size: u32, what: string): bool {
  const got = volume.read(offset, dst, size);
  if (got == <i64>size) return true;
  if (got < 0) setErrno(EIO);
  else damaged(volume.where(offset), `${what}: beyond the end of the disk`, EIO);
  return false;
}

/** Bytes of a symbolic link's text and the rest of the path behind it. */
export const PATH_MAX: u64 = 1024;

/** The text of symbolic link `link`, when with `rest` bytes behind it it is short enough; null and errno. */
export function linkText(link: Content, rest: i32): string | null {
  const length = link.length();
  if (length > PATH_MAX || length + <u64>rest > PATH_MAX) {
    setErrno(ENOENT);
    return null;
  }
  const block = allocate(<usize>length);
  const got = link.read(0, block, <u32>length);
  const text = got == <i32>length ? stringAt(block, got) : null;
  if (got >= 0 && text === null) setErrno(EIO);
  heap.free(block);
  return text;
}
