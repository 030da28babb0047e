// zstd files (RFC 8878) as a stream.

import { Xxh64 } from "../../lib/digests/xxh64";
import { burn } from "../../lib/fault";
import { sumsAgree } from "../../lib/variant";
import { FrameStream, WINDOW_MAX } from "../frames";
import { Input } from "../input";
import { BLOCK_MAX } from "./literals";
import { BLOCK_HEAD, CHECKSUM_SIZE, COMPRESSED, FrameDecoder, headSize, MAGIC, RAW, RLE, SIZE_UNKNOWN } from "./zstd";

/** A file. */
export class ZstdDecoder extends FrameStream {
  private readonly frame: FrameDecoder = new FrameDecoder();
  private readonly hash: Xxh64 = new Xxh64();
  /** Bytes of the frame so far. */
  private total: u64 = 0;

  constructor(input: Input) {
    super(input, "zstd", MAGIC);
  }

  protected readHead(): bool {
    let at = this.take(1);
    if (at == 0) return false;
    const flags = load<u8>(at);
    at = this.take(headSize(flags) - 1);
    if (at == 0) return false;
    // The first byte is put back before the others.
    store<u8>(at - 1, flags);
    const frame = this.frame;
    if (frame.readHead(at - 1, at + headSize(flags) - 1) == 0) return this.fail(frame.failure);
    const kept = frame.size == SIZE_UNKNOWN ? frame.window : min(frame.window, frame.size);
    if (kept > WINDOW_MAX) return this.fail(`window of ${kept} bytes`);
    this.total = 0;
    this.hash.reset();
    return this.begin(<usize>kept, <usize>BLOCK_MAX);
  }

  protected nextBlock(): bool {
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
    this.makeRoom(<usize>blockMax);
    const start = this.out;
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
    return (head & 1) == 0 || this.checkFrame();
  }

  private checkFrame(): bool {
    const frame = this.frame;
    this.endFrame();
    if (frame.size != SIZE_UNKNOWN && frame.size != this.total) {
      return this.fail(`${this.total} bytes in a frame of ${frame.size}`);
    }
    if (!frame.checksum) return true;
    const at = this.take(CHECKSUM_SIZE);
    if (at == 0) return false;
    return sumsAgree(<u32>this.hash.digest(), load<u32>(at)) || this.fail("checksum");
  }
}
