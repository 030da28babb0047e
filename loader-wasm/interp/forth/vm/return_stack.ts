// The return stack as the inner interpreter sees it: where callers go on, the frames of loops, and those of
// locals. As with the data stack (data_stack.ts), all of it is compiled into the loop's cases, which look first
// whether there is room, or what is to be taken.

import { CELL, frame, RETURN_END, returnBase, STACK_CELLS, setFrame } from "../stacks";
import { Code } from "./code";

/** What a loop has on the return stack. */
@unmanaged
export class LoopFrame {
  /** Where the loop ends, as LEAVE needs it. */
  end: u64;
  limit: i64;
  index: i64;
}

/** Cells of a LoopFrame. */
export const LOOP_CELLS: i32 = 3;

/** A place on the return stack, behind its top. */
@unmanaged
export class ReturnStack {
  /** Whether there are so many cells. */
  @inline
  has(cells: i32): bool {
    return changetype<usize>(this) >= returnBase + <usize>(cells * CELL);
  }

  /** Whether there is room for so many more. */
  @inline
  hasRoom(cells: i32): bool {
    return changetype<usize>(this) <= RETURN_END - <usize>(cells * CELL);
  }

  /** The place so many cells lower. */
  @inline
  down(cells: i32): ReturnStack {
    return changetype<ReturnStack>(changetype<usize>(this) - <usize>(cells * CELL));
  }

  /** The cell above the top: the one that was just taken. */
  @inline
  get above(): i64 {
    return load<i64>(changetype<usize>(this));
  }

  @inline
  push(value: i64): ReturnStack {
    store<i64>(changetype<usize>(this), value);
    return changetype<ReturnStack>(changetype<usize>(this) + <usize>CELL);
  }

  /** What R@ gives: the top, or 0 when there is none. */
  @inline
  get top(): i64 {
    return changetype<usize>(this) > returnBase ? load<i64>(changetype<usize>(this) - <usize>CELL) : 0;
  }

  /** Keeps where the caller goes on. */
  @inline
  call(ip: Code): ReturnStack {
    return this.push(<i64>changetype<usize>(ip));
  }

  /** The frame of the loop that runs. */
  @inline
  get loop(): LoopFrame {
    return changetype<LoopFrame>(changetype<usize>(this) - offsetof<LoopFrame>());
  }

  @inline
  startLoop(end: i64, limit: i64, index: i64): ReturnStack {
    const loop = changetype<LoopFrame>(this);
    loop.end = <u64>end;
    loop.limit = limit;
    loop.index = index;
    return changetype<ReturnStack>(changetype<usize>(this) + offsetof<LoopFrame>());
  }

  /** Ends the loop that runs, and makes up for none. */
  @inline
  unloop(): ReturnStack {
    return changetype<ReturnStack>(max(changetype<usize>(this) - offsetof<LoopFrame>(), returnBase));
  }

  /** Whether a frame with so many locals has room. */
  @inline
  hasFrameRoom(locals: u64): bool {
    return locals <= <u64>STACK_CELLS && changetype<usize>(this) + <usize>(locals << 3) + <usize>CELL <= RETURN_END;
  }

  /** Makes a frame of locals: a cell that tells the frame of the caller, then one a local. */
  @inline
  link(locals: u64): ReturnStack {
    store<u64>(changetype<usize>(this), frame);
    setFrame(changetype<usize>(this) + <usize>CELL);
    return changetype<ReturnStack>(changetype<usize>(this) + <usize>CELL + <usize>(locals << 3));
  }

  /** Drops the frame of locals. Scripts can put anything on the return stack, a frame's link among it. */
  @inline
  unlink(): ReturnStack {
    const at = frame;
    if (at < returnBase + <usize>CELL || at > RETURN_END) return this;
    setFrame(<usize>load<u64>(at - <usize>CELL));
    return changetype<ReturnStack>(at - <usize>CELL);
  }
}
