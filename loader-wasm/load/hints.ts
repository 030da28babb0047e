// linker.hints, kldxref(8)'s index of the modules in a directory: a version, and records of a length, a type and fields.
// Texts are preceded by their length in a byte, numbers begin at multiples of 4. search.ts finds modules with it by their
// names, pnp.ts by what the hardware says of itself.

import { close, fstat, open, read, unreadable } from "../files/files";
import { stringAt } from "../lib/bytes";
import { EFTYPE, errno, strerror } from "../lib/errno";
import { allocate, burn, damaged } from "../lib/fault";
import { print } from "../lib/output";

const HINTS_VERSION: i32 = 1;
/** Bytes of such a file (LINKER_HINTS_MAX). */
const HINTS_LIMIT: u64 = 1 << 20;
/** Bytes of a record's length and type. */
const RECORD_HEAD: i32 = 8;

/** Types of records: which file has a module, its version there, and which devices the module last named is for. */
export const MDT_MODULE: i32 = 2;
export const MDT_VERSION: i32 = 3;
export const MDT_PNP_INFO: i32 = 4;

/** Tells of a file that is passed over because the disk fails to give it. */
export function cantRead(path: string): void {
  print(`can't read '${path}': ${strerror(errno)}\n`);
}

/** The index of one directory, and a place in it. */
export class Hints {
  /** Type of the record that `next` went to. */
  type: i32 = 0;
  /** Where its next field is, and where it ends. */
  private at: i32 = 0;
  private end: i32 = 0;
  /** Whether a field was asked for that isn't all in the record. */
  cutOff: bool = false;

  private constructor(
    private readonly path: string,
    /** What follows the version. */
    private readonly start: usize,
    private readonly size: i32,
  ) {}

  /** The index of `directory`, or null: not there, too large, or of another version. */
  static read(directory: string): Hints | null {
    const path = `${directory}/linker.hints`;
    const fd = open(path);
    if (fd < 0) {
      if (unreadable) cantRead(path);
      return null;
    }
    let hints: Hints | null = null;
    const status = fstat(fd);
    if (status !== null && status.size >= <u64>RECORD_HEAD && status.size <= HINTS_LIMIT) {
      const size = <i32>status.size;
      const block = allocate(size);
      const got = read(fd, block, size);
      if (got < 0) cantRead(path);
      if (got == size && load<i32>(block) == HINTS_VERSION) {
        hints = new Hints(path, block + 4, size - 4);
      } else {
        if (got == size) damaged(path, `version ${load<i32>(block)}, not ${HINTS_VERSION}`, EFTYPE);
        heap.free(block);
      }
    } else if (status !== null) {
      damaged(path, `${status.size} bytes, not ${RECORD_HEAD} to ${HINTS_LIMIT}`, EFTYPE);
    }
    close(fd);
    return hints;
  }

  /** Bytes of the record behind the fields that were taken. */
  get left(): i32 {
    return this.end - this.at;
  }

  release(): void {
    heap.free(this.start - 4);
  }

  /** Goes back before the first record. */
  rewind(): void {
    this.end = 0;
  }

  /** Goes to the next record; false behind the last one. */
  next(): bool {
    const at = this.end;
    if (this.size - at < RECORD_HEAD) return false;
    burn(1);
    const length = load<i32>(this.start + at);
    if (length < 4 || length > this.size - at - 4) {
      damaged(this.path, `record at ${at}: length ${length} of ${this.size - at - 4}`, EFTYPE);
      return false;
    }
    this.type = load<i32>(this.start + at, 4);
    this.at = at + RECORD_HEAD;
    this.end = at + 4 + length;
    this.cutOff = false;
    return true;
  }

  /** The record's next field, a text; empty when it is cut off. */
  text(): string {
    const size = this.at < this.end ? <i32>load<u8>(this.start + this.at) : -1;
    if (size < 0 || size >= this.end - this.at) return this.short();
    const text = stringAt(this.start + this.at + 1, size);
    this.at += 1 + size;
    return text;
  }

  /** The record's next field, a number; 0 when it is cut off. */
  number(): i32 {
    const at = (this.at + 3) & ~3;
    if (at > this.end - 4) {
      this.short();
      return 0;
    }
    this.at = at + 4;
    return load<i32>(this.start + at);
  }

  private short(): string {
    this.cutOff = true;
    this.at = this.end;
    return "";
  }
}
