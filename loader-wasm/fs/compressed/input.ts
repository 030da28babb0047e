// The compressed bytes that a decoder works on: a file read in large pieces, or a block of memory.

import { allocate } from "../../lib/fault";
import { OpenFile, SEEK_SET } from "../file_system";

/** Bytes read from the file at a time. */
const PIECE: i32 = 65536;

/** Bytes to be taken at `next`; when it reaches `end`, `fill` gets more. */
export class Input {
  /** The bytes at hand: `next` up to `end`. */
  next: usize = 0;
  end: usize = 0;
  /** Set when the file can't be read. */
  failed: bool = false;
  private block: usize = 0;
  private atEnd: bool = false;

  constructor(private readonly file: OpenFile | null) {}

  /** Input that is `size` bytes at `src`, borrowed. */
  static ofMemory(src: usize, size: u32): Input {
    const input = new Input(null);
    input.next = src;
    input.end = src + <usize>size;
    input.atEnd = true;
    return input;
  }

  /** Makes sure that a byte is at hand. False at the end or on a read error. */
  fill(): bool {
    if (this.next < this.end) return true;
    const file = this.file;
    if (this.atEnd || file === null) return false;
    if (this.block == 0) this.block = allocate(PIECE);
    const got = file.read(this.block, PIECE);
    if (got <= 0) {
      this.failed = got < 0;
      this.atEnd = true;
      return false;
    }
    this.next = this.block;
    this.end = this.block + <usize>got;
    return true;
  }

  /** The next byte, or -1. */
  byte(): i32 {
    if (!this.fill()) return -1;
    return <i32>load<u8>(this.next++);
  }

  /** Offset in the file of the next byte. */
  position(): u64 {
    const file = this.file;
    return file === null ? 0 : file.position - <u64>(this.end - this.next);
  }

  /** Continues at `position` of the file. */
  rewind(position: u64): void {
    const file = this.file;
    if (file === null) return;
    file.seek(<i64>position, SEEK_SET);
    this.next = 0;
    this.end = 0;
    this.atEnd = false;
    this.failed = false;
  }

  close(): void {
    const file = this.file;
    if (file !== null) file.close();
    if (this.block != 0) heap.free(this.block);
    this.block = 0;
  }
}
