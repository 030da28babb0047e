// zstd files (RFC 8878) as a stream: block after block, with as much of the earlier output as the frame needs.

import { Xxh64 } from "../../lib/digests/xxh64";
import { allocate, burn } from "../../lib/fault";
import { Decoder } from "../decoder";
import { Input } from "../input";
import { BLOCK_MAX } from "./literals";
import {
  BLOCK_HEAD,
  CHECKSUM_SIZE,
  COMPRESSED,
  FrameDecoder,
  headSize,
  MAGIC,
  RAW,
  RLE,
  SIZE_UNKNOWN,
  SKIPPABLE_MAGIC,
} from "./zstd";

/** Of earlier output a file may need no more than this: what `zstd -22` asks for of files of that size. */
const STREAM_WINDOW_MAX: u64 = 64 << 20;
/** Room for output beside what is kept of it, so that it needn't be moved at each block. */
const ROOM: usize = 1 << 20;
/** Bytes before a block that its decoder may read. */
const BEFORE: usize = 16;

/** Frames one after the other, of which some are to be skipped. */
export class ZstdDecoder extends Decoder {
  private readonly frame: FrameDecoder = new FrameDecoder();
  private readonly hash: Xxh64 = new Xxh64();
  /** Where a block's bytes are, or a header's. */
  private readonly block: usize = allocate(BEFORE + <usize>BLOCK_MAX);
  /** The output of the frame: what is kept, and what of it was not delivered yet. */
  private output: usize = 0;
  private outputSize: usize = 0;
  private delivered: usize = 0;
  private out: usize = 0;
  /** Bytes of the frame so far. */
  private total: u64 = 0;
  private inFrame: bool = false;
  private anyFrame: bool = false;
  /** All was decoded; there is less input than there must be. */
  private finished: bool = false;
  private starved: bool = false;

  constructor(input: Input) {
    super(input);
  }

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
    return this.inFrame ? this.nextBlock() : this.nextFrame();
  }

  private fail(what: string): bool {
    this.failure = `zstd_read: ${what}`;
    return false;
  }

  /** Brings `size` bytes to `block`, where the address returned is. 0 when there are fewer. */
  private take(size: usize): usize {
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

  private nextFrame(): bool {
    if (this.anyFrame && !this.input.fill()) {
      this.finished = true;
      return true;
    }
    let at = this.take(4);
    if (at == 0) return false;
    const magic = load<u32>(at);
    if ((magic & ~15) == SKIPPABLE_MAGIC) return this.skipFrame();
    if (magic != MAGIC) return this.fail(`magic ${magic}`);
    at = this.take(1);
    if (at == 0) return false;
    const flags = load<u8>(at);
    // Its first byte was read, and is put back before the others.
    at = this.take(headSize(flags) - 1);
    if (at == 0) return false;
    store<u8>(at - 1, flags);
    const frame = this.frame;
    if (frame.readHead(at - 1, at + headSize(flags) - 1) == 0) return this.fail(frame.failure);
    const kept = frame.size == SIZE_UNKNOWN ? frame.window : min(frame.window, frame.size);
    if (kept > STREAM_WINDOW_MAX) return this.fail(`window of ${kept} bytes`);
    const size = <usize>kept + ROOM;
    if (size > this.outputSize) {
      if (this.output != 0) heap.free(this.output);
      this.output = allocate(size);
      this.outputSize = size;
    }
    this.out = this.delivered = this.output;
    this.total = 0;
    this.hash.reset();
    this.inFrame = true;
    this.anyFrame = true;
    return true;
  }

  private skipFrame(): bool {
    const at = this.take(4);
    if (at == 0) return false;
    let left = <usize>load<u32>(at);
    while (left > 0) {
      burn(1);
      const piece = min(left, <usize>BLOCK_MAX);
      if (this.take(piece) == 0) return false;
      left -= piece;
    }
    this.anyFrame = true;
    return true;
  }

  private nextBlock(): bool {
    const frame = this.frame;
    const blockMax = <u32>min(<u64>BLOCK_MAX, frame.window);
    let at = this.take(BLOCK_HEAD);
    if (at == 0) return false;
    const head = <u32>load<u16>(at) | ((<u32>load<u8>(at, 2)) << 16);
    const type = (head >> 1) & 3;
    const size = head >> 3;
    if (size > blockMax || type > COMPRESSED) return this.fail(`block of ${size} bytes, type ${type}`);
    at = this.take(type == RLE ? 1 : <usize>size);
    if (at == 0) return false;
    this.slide(<usize>blockMax);
    const start = this.out;
    burn(1);
    if (type == COMPRESSED) {
      const end = frame.blocks.decode(at, size, start, start + <usize>blockMax, this.output);
      if (end == 0) return this.fail("block");
      this.out = end;
    } else {
      if (type == RAW) memory.copy(start, at, <usize>size);
      else memory.fill(start, load<u8>(at), <usize>size);
      this.out += <usize>size;
    }
    const length = <u32>(this.out - start);
    burn(<i64>(length >> 3));
    if (frame.checksum) this.hash.update(start, length);
    this.total += <u64>length;
    return (head & 1) == 0 || this.endFrame();
  }

  /** Makes room for a block of `size` bytes, and keeps what it may need. All was delivered. */
  private slide(size: usize): void {
    const end = this.output + this.outputSize;
    if (end - this.out >= size) return;
    const kept = min(this.outputSize - ROOM, this.out - this.output);
    memory.copy(this.output, this.out - kept, kept);
    this.out = this.delivered = this.output + kept;
  }

  private endFrame(): bool {
    const frame = this.frame;
    this.inFrame = false;
    if (frame.size != SIZE_UNKNOWN && frame.size != this.total) {
      return this.fail(`${this.total} bytes in a frame of ${frame.size}`);
    }
    if (!frame.checksum) return true;
    const at = this.take(CHECKSUM_SIZE);
    if (at == 0) return false;
    return load<u32>(at) == <u32>this.hash.digest() || this.fail("checksum");
  }
}
