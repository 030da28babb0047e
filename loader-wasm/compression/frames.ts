// Files of frames, one after the other, of which some are to be skipped: zstd's and LZ4's. A frame is decoded block after
// block, with as much of the earlier output as its blocks may repeat.

import { allocate, burn } from "../lib/fault";
import { Decoder } from "./decoder";
import { Input } from "./input";

/** What frames that are to be skipped begin with, but for the last four bits. */
const SKIPPABLE_MAGIC: u32 = 0x184d2a50;
/** Room for output beside what is kept of it, at least, so that it needn't be moved at each block. */
const ROOM: usize = 1 << 20;
/** Bytes before a block that its decoder may read, and of a block until a frame says that they may be more. */
const BEFORE: usize = 16;
const BLOCK: usize = 131072;
/** Bytes behind a block, for its checksum. */
const BEHIND: usize = 4;
/** Memory for output that a small file doesn't need, and a kernel does with: what limits of the module's memory have room for. */
const STEP: usize = 34 << 20;
/** Of earlier output a file may need no more than this: what `zstd -22` and `xz -9` ask for. */
export const WINDOW_MAX: u64 = 64 << 20;

/** Whether frames can begin with `magic`, `own` being what those begin with that aren't skipped. */
export function beginsFrame(magic: u32, own: u32): bool {
  return magic == own || (magic & ~15) == SKIPPABLE_MAGIC;
}

/** The frames of one method. */
export abstract class FrameStream extends Decoder {
  /** Where a block's bytes are, or a header's, and how many there can be. */
  private block: usize = 0;
  private blockSize: usize = 0;
  /** The output of the frame: what is kept, where it goes on, and from where on it was not delivered yet. */
  protected output: usize = 0;
  protected outputSize: usize = 0;
  private kept: usize = 0;
  private room: usize = ROOM;
  protected out: usize = 0;
  private delivered: usize = 0;
  private inFrame: bool = false;
  protected anyFrame: bool = false;
  /** All was decoded; there is less input than there must be. */
  private finished: bool = false;
  private starved: bool = false;

  constructor(
    input: Input,
    private readonly method: string,
    private readonly magic: u32,
  ) {
    super(input);
    this.useBlocks(BLOCK);
  }

  /** Reads a frame's header, past its magic, and calls `begin`. False when it can't. */
  protected abstract readHead(): bool;

  /** Decodes a block to `out`, and advances that; or `endFrame`s. False when it can't. */
  protected abstract nextBlock(): bool;

  exhausted(): bool {
    return this.starved;
  }

  reset(): void {
    this.ended = false;
    this.failure = null;
    this.out = this.delivered = this.output;
    this.inFrame = false;
    this.anyFrame = false;
    this.finished = false;
    this.starved = false;
  }

  close(): void {
    heap.free(this.block);
    if (this.output != 0) heap.free(this.output);
  }

  decode(dst: usize, size: i32): i32 {
    let done: usize = 0;
    while (true) {
      const ready = min(this.out - this.delivered, <usize>size - done);
      memory.copy(dst + done, this.delivered, ready);
      this.delivered += ready;
      done += ready;
      if (this.delivered == this.out && this.finished) this.ended = true;
      if (done == <usize>size || this.ended || !this.step()) return <i32>done;
    }
  }

  /** Decodes what comes next, once all was delivered. False when it can't. */
  private step(): bool {
    if (this.finished) return true;
    burn(1);
    if (this.inFrame) return this.nextBlock();
    if (this.anyFrame && !this.input.fill()) {
      this.finished = true;
      return true;
    }
    const at = this.take(4);
    if (at == 0) return false;
    const magic = load<u32>(at);
    if (magic != this.magic) return this.skip(magic);
    this.anyFrame = true;
    return this.readHead();
  }

  /** Passes over what begins with `magic` and is no frame. False when it can't. */
  protected skip(magic: u32): bool {
    if (!beginsFrame(magic, this.magic)) return this.fail(`magic ${magic}`);
    this.anyFrame = true;
    return this.skipFrame();
  }

  /**
   * A frame begins whose blocks have up to `blockSize` bytes, and may repeat what is up to `kept` bytes before them. All
   * output was delivered.
   */
  protected begin(kept: usize, blockSize: usize): bool {
    if (blockSize > this.blockSize) this.useBlocks(blockSize);
    this.beginOutput(kept, blockSize);
    this.inFrame = true;
    return true;
  }

  /** Forgets the output. Its memory grows when there is more to be kept. */
  protected beginOutput(kept: usize, blockSize: usize): void {
    this.kept = kept;
    this.room = max(ROOM, blockSize);
    const size = min(kept, ROOM) + this.room;
    if (size > this.outputSize) {
      if (this.output != 0) heap.free(this.output);
      this.output = allocate(size);
      this.outputSize = size;
    }
    this.out = this.delivered = this.output;
  }

  protected endFrame(): void {
    this.inFrame = false;
  }

  private useBlocks(size: usize): void {
    if (this.block != 0) heap.free(this.block);
    this.block = allocate(BEFORE + size + BEHIND);
    this.blockSize = size;
  }

  protected fail(what: string): bool {
    this.failure = `${this.method}_read: ${what}`;
    return false;
  }

  /**
   * Brings `size` bytes, of a header or a block, to memory, where the address returned is. A byte before them can be written. 0
   * when there are fewer.
   */
  protected take(size: usize): usize {
    const input = this.input;
    const start = this.block + BEFORE;
    for (let done: usize = 0; done < size; ) {
      if (!input.fill()) {
        this.starved = true;
        return 0;
      }
      const piece = min(size - done, input.end - input.next);
      memory.copy(start + done, input.next, piece);
      input.next += piece;
      done += piece;
    }
    return start;
  }

  private skipFrame(): bool {
    const at = this.take(4);
    if (at == 0) return false;
    let left = <usize>load<u32>(at);
    while (left > 0) {
      burn(1);
      const piece = min(left, BLOCK);
      if (this.take(piece) == 0) return false;
      left -= piece;
    }
    return true;
  }

  /** Makes room at `out` for a block of `size` bytes, and keeps what it may need. All output was delivered. */
  protected makeRoom(size: usize): void {
    const old = this.output;
    const used = this.out - old;
    if (this.outputSize - used >= size) return;
    const kept = min(this.kept, used);
    const whole = this.kept + this.room;
    if (kept + size > this.outputSize) {
      this.outputSize = kept + size <= STEP ? min(whole, STEP) : whole;
      this.output = allocate(this.outputSize);
    }
    memory.copy(this.output, old + used - kept, kept);
    if (this.output != old) heap.free(old);
    this.out = this.delivered = this.output + kept;
  }
}
