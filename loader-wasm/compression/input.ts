// The compressed bytes that a decoder works on: a block of memory, unless a subclass gets more when they are used up.

/** Bytes to be taken at `next`; when it reaches `end`, `fill` may get more. */
export class Input {
  /** The bytes at hand: `next` up to `end`. */
  next: usize = 0;
  end: usize = 0;

  /** Makes sure that a byte is at hand. False when there is none left, or it can't be read. */
  fill(): bool {
    return this.next < this.end;
  }

  /** The next byte, or -1. */
  byte(): i32 {
    if (!this.fill()) return -1;
    return <i32>load<u8>(this.next++);
  }
}
