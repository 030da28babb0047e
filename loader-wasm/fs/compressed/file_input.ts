// The compressed bytes of a file, read in large pieces.

import { Input } from "../../compression/input";
import { allocate } from "../../lib/fault";
import { OpenFile, SEEK_SET } from "../file_system";

/** Bytes read from the file at a time. */
const PIECE: i32 = 65536;

/** A file, which is closed with it. */
export class FileInput extends Input {
  /** Set when the file can't be read. */
  failed: bool = false;
  private readonly block: usize = allocate(PIECE);
  private atEnd: bool = false;

  constructor(private readonly file: OpenFile) {
    super();
  }

  fill(): bool {
    if (this.next < this.end) return true;
    if (this.atEnd) return false;
    const got = this.file.read(this.block, PIECE);
    if (got <= 0) {
      this.failed = got < 0;
      this.atEnd = true;
      return false;
    }
    this.next = this.block;
    this.end = this.block + <usize>got;
    return true;
  }

  /** Offset in the file of the next byte. */
  position(): u64 {
    return this.file.position - <u64>(this.end - this.next);
  }

  /** Continues at `position` of the file. */
  rewind(position: u64): void {
    this.file.seek(<i64>position, SEEK_SET);
    this.next = 0;
    this.end = 0;
    this.atEnd = false;
    this.failed = false;
  }

  close(): void {
    this.file.close();
    heap.free(this.block);
  }
}
