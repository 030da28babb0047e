// LZ4 files (lz4_Frame_format.md) as a stream.

import { Xxh32 } from "../lib/digests/xxh32";
import { sumsAgree } from "../lib/variant";
import { FrameStream } from "./frames";
import { Input } from "./input";
import { lz4Block } from "./lz4";

/** What frames begin with. */
export const LZ4_MAGIC: u32 = 0x184d2204;
/** Flags of a frame: version (upper two bits, 01), what there is, and a bit that must be clear. */
const FLAG_VERSION: u8 = 0x40;
const FLAG_VERSION_MASK: u8 = 0xc0;
const FLAG_BLOCK_CHECKSUMS: u8 = 0x10;
const FLAG_SIZE: u8 = 0x08;
const FLAG_CHECKSUM: u8 = 0x04;
const FLAG_RESERVED: u8 = 0x02;
const FLAG_DICTIONARY: u8 = 0x01;
/** The size of blocks, 4 to 7, is 64 KiB to 4 MiB. */
const SIZE_SHIFT: u8 = 4;
const SIZE_CODE_MIN: u8 = 4;
/** A block's size has this for one that is stored. */
const STORED: u32 = 0x80000000;
/** Bytes before a block that it may repeat. */
const WINDOW: usize = 65536;

/** A file. */
export class Lz4Decoder extends FrameStream {
  private readonly hash: Xxh32 = new Xxh32();
  private readonly other: Xxh32 = new Xxh32();
  private flags: u8 = 0;
  private blockMax: u32 = 0;
  /** Bytes of the frame so far, and those that it says to have. */
  private total: u64 = 0;
  private size: u64 = 0;

  constructor(input: Input) {
    super(input, "lz4", LZ4_MAGIC);
  }

  protected readHead(): bool {
    let at = this.take(2);
    if (at == 0) return false;
    const flags = load<u8>(at);
    const code = load<u8>(at, 1);
    const known = (flags & FLAG_VERSION_MASK) == FLAG_VERSION && (flags & FLAG_RESERVED) == 0;
    if (!known || (code & ~0x70) != 0 || code >> SIZE_SHIFT < SIZE_CODE_MIN) return this.fail(`header flags ${flags}`);
    if (flags & FLAG_DICTIONARY) return this.fail("dictionary needed");
    const hash = this.hash.reset().update(at, 2);
    const more: usize = flags & FLAG_SIZE ? 8 : 0;
    at = this.take(more + 1);
    if (at == 0) return false;
    if (!sumsAgree(<u8>(hash.update(at, <u32>more).digest() >> 8), load<u8>(at + more)))
      return this.fail("header checksum");
    this.size = more == 0 ? u64.MAX_VALUE : load<u64>(at);
    this.flags = flags;
    this.blockMax = (<u32>65536) << (2 * <u32>((code >> SIZE_SHIFT) - SIZE_CODE_MIN));
    this.total = 0;
    hash.reset();
    return this.begin(WINDOW, <usize>this.blockMax);
  }

  protected nextBlock(): bool {
    let at = this.take(4);
    if (at == 0) return false;
    const head = load<u32>(at);
    if (head == 0) return this.checkFrame();
    const size = head & ~STORED;
    if (size > this.blockMax) return this.fail(`block of ${size} bytes`);
    if (this.flags & FLAG_BLOCK_CHECKSUMS) {
      at = this.take(<usize>size + 4);
      if (at == 0) return false;
      if (!sumsAgree(this.other.reset().update(at, size).digest(), load<u32>(at + <usize>size)))
        return this.fail("block checksum");
    } else {
      at = this.take(<usize>size);
      if (at == 0) return false;
    }
    this.makeRoom(<usize>this.blockMax);
    const start = this.out;
    if (head & STORED) {
      memory.copy(start, at, <usize>size);
      this.out += <usize>size;
    } else {
      const end = lz4Block(at, at + <usize>size, start, start + <usize>this.blockMax, this.output);
      if (end == 0) return this.fail("block");
      this.out = end;
    }
    const length = <u32>(this.out - start);
    if (this.flags & FLAG_CHECKSUM) this.hash.update(start, length);
    this.total += <u64>length;
    return true;
  }

  private checkFrame(): bool {
    this.endFrame();
    if (this.size != u64.MAX_VALUE && this.size != this.total) {
      return this.fail(`${this.total} bytes in a frame of ${this.size}`);
    }
    if (!(this.flags & FLAG_CHECKSUM)) return true;
    const at = this.take(4);
    if (at == 0) return false;
    return sumsAgree(this.hash.digest(), load<u32>(at)) || this.fail("checksum");
  }
}
