// Compiled code as the inner interpreter sees it: a register that points to the next cell, and how it moves on.
// A cell is an execution token, or belongs to the word before it: a literal, the distance of a branch in cells
// from itself, an address, a text.

import { regionEnd, regionStart } from "../memory";

/** A place in compiled code. */
@unmanaged
export class Code {
  /** The cell itself. */
  readonly cell: i64;

  /** Whether this is in the scripts' memory: code is nowhere else. */
  @inline
  get valid(): bool {
    return changetype<usize>(this) - regionStart <= regionEnd - regionStart;
  }

  /** The place behind the cell. */
  @inline
  next(): Code {
    return changetype<Code>(changetype<usize>(this) + offsetof<Code>());
  }

  /** Where the branch goes whose distance is here. */
  @inline
  branch(): Code {
    return changetype<Code>(changetype<usize>(this) + ((<usize>this.cell) << 3));
  }

  /** The place whose address is here. */
  @inline
  target(): Code {
    return changetype<Code>(<usize>this.cell);
  }

  /** The text that is here: its length in a byte, itself, a NUL. */
  @inline
  get text(): usize {
    return changetype<usize>(this) + 1;
  }
  @inline
  get textSize(): usize {
    return <usize>load<u8>(changetype<usize>(this));
  }

  /** The place behind a text of `size` bytes. */
  @inline
  afterText(size: usize): Code {
    return changetype<Code>((changetype<usize>(this) + size + 9) & ~(<usize>7));
  }
}
