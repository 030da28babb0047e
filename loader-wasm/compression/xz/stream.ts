// .xz files (The .xz File Format 1.2): streams of blocks that LZMA2 packed, with checks of all that they say.

import { crc32 } from "../../lib/digests/crc32";
import { crc64 } from "../../lib/digests/crc64";
import { finishSha256, SHA256_SIZE, startSha256, updateSha256 } from "../../lib/digests/sha256";
import { allocate, burn } from "../../lib/fault";
import { sumsAgree } from "../../lib/variant";
import { FrameStream, WINDOW_MAX } from "../frames";
import { Input } from "../input";
import { LzmaDecoder } from "./lzma";

/** What streams begin with: the first four bytes, the two behind them; and what they end with. */
export const XZ_MAGIC: u32 = 0x587a37fd;
const MAGIC_REST: u16 = 0x005a;
const END_MAGIC: u16 = 0x5a59;

/** Kinds of checks, and how long they are. Others can't be done, and nothing that wasn't checked is handed out. */
const CHECK_NONE: u32 = 0;
const CHECK_CRC32: u32 = 1;
const CHECK_CRC64: u32 = 4;
const CHECK_SHA256: u32 = 10;
const CHECK_MAX: usize = 32;

/** Flags of a block: filters, less 1; whether there are sizes. */
const FLAG_FILTERS: u8 = 3;
const FLAG_PACKED_SIZE: u8 = 0x40;
const FLAG_SIZE: u8 = 0x80;
const FLAGS_RESERVED: u8 = 0x3c;
const FILTER_LZMA2: u64 = 0x21;
const WINDOW_CODE_MAX: u8 = 40;

/** The first byte of a chunk: the end, stored bytes (with and without a new window), packed ones with what begins anew. */
const END: u8 = 0;
const STORED_ANEW: u8 = 1;
const STORED: u8 = 2;
const PACKED: u8 = 0x80;
const PACKED_STATE: u8 = 0xa0;
const PACKED_PROPERTIES: u8 = 0xc0;
const PACKED_ANEW: u8 = 0xe0;
/** Most bytes of a chunk, unpacked. */
const CHUNK_MAX: usize = 1 << 21;

/** A number of variable length that isn't one, or isn't all there. */
const NO_NUMBER: u64 = u64.MAX_VALUE;

/** A file. */
export class XzDecoder extends FrameStream {
  private readonly lzma: LzmaDecoder = new LzmaDecoder();
  /** Context of SHA-256, then the CRC of the index, and its record. */
  private readonly context: usize = allocate(<usize>SHA256_SIZE);
  private readonly record: usize = allocate(16);
  private flags: u16 = 0;
  private inBlock: bool = false;
  private window: usize = 0;
  /** Whether the next chunk must bring a window of its own, or properties. */
  private windowNeeded: bool = false;
  private propertiesNeeded: bool = false;
  /** Bytes of the block: of its header, packed, and unpacked, of these since the window began; and what the header says. */
  private headSize: u64 = 0;
  private packed: u64 = 0;
  private unpacked: u64 = 0;
  private sinceWindow: u32 = 0;
  private saidPacked: u64 = NO_NUMBER;
  private saidUnpacked: u64 = NO_NUMBER;
  /** CRC so far, of either kind. */
  private sum: u64 = 0;
  /** Blocks of the stream, and a sum over their sizes, which the index has to give, too. */
  private blocks: u64 = 0;
  private blockSum: u32 = 0;
  /** The CRC of the index so far. */
  private indexSum: u32 = 0;
  private indexSize: u64 = 0;

  constructor(input: Input) {
    super(input, "xz", XZ_MAGIC);
  }

  close(): void {
    super.close();
    this.lzma.close();
    heap.free(this.context);
    heap.free(this.record);
  }

  /** Between streams there may be zeros. */
  protected skip(magic: u32): bool {
    return (this.anyFrame && magic == 0) || this.fail(`magic ${magic}`);
  }

  private checkSize(): usize {
    const check = <u32>(this.flags >> 8);
    return check == CHECK_NONE ? 0 : check == CHECK_CRC32 ? 4 : check == CHECK_CRC64 ? 8 : CHECK_MAX;
  }

  protected readHead(): bool {
    const at = this.take(8);
    if (at == 0) return false;
    const flags = load<u16>(at, 2);
    if (load<u16>(at) != MAGIC_REST || (flags & ~0x0f00) != 0) return this.fail(`header flags ${flags}`);
    if (!sumsAgree(crc32(at + 2, 2), load<u32>(at, 4))) return this.fail("header checksum");
    this.flags = flags;
    const check = <u32>(flags >> 8);
    if (check != CHECK_NONE && check != CHECK_CRC32 && check != CHECK_CRC64 && check != CHECK_SHA256) {
      return this.fail(`check of kind ${check}`);
    }
    this.inBlock = false;
    this.blocks = 0;
    this.blockSum = 0;
    return this.begin(0, 0);
  }

  protected nextBlock(): bool {
    if (this.inBlock) return this.nextChunk();
    const at = this.take(1);
    if (at == 0) return false;
    const size = load<u8>(at);
    return size == 0 ? this.readIndex() : this.readBlockHead((<usize>size + 1) << 2, size);
  }

  /** Reads the rest of a block's header of `size` bytes, of which the first is `first`. */
  private readBlockHead(size: usize, first: u8): bool {
    let at = this.take(size - 1);
    if (at == 0) return false;
    // The first byte is put back before the others.
    store<u8>(at - 1, first);
    const end = at + size - 5;
    if (!sumsAgree(crc32(at - 1, <u32>size - 4), load<u32>(end))) return this.fail("block header checksum");
    const flags = load<u8>(at++);
    if (flags & FLAGS_RESERVED) return this.fail(`block flags ${flags}`);
    const numbers = new Numbers(at, end);
    this.saidPacked = flags & FLAG_PACKED_SIZE ? numbers.next() : NO_NUMBER;
    this.saidUnpacked = flags & FLAG_SIZE ? numbers.next() : NO_NUMBER;
    const filter = numbers.next();
    const propertiesSize = numbers.next();
    if (numbers.failed) return this.fail("block header");
    if (flags & FLAG_FILTERS || filter != FILTER_LZMA2 || propertiesSize != 1 || numbers.at == end) {
      return this.fail(`filter ${filter}, which is not read: pack it without (xz --lzma2)`);
    }
    const code = load<u8>(numbers.at);
    const window = code > WINDOW_CODE_MAX ? NO_NUMBER : (2 | <u64>(code & 1)) << (<u64>(code >> 1) + 11);
    if (min(window, this.saidUnpacked) > WINDOW_MAX) return this.fail(`window of ${window} bytes`);
    this.window = <usize>min(window, this.saidUnpacked);
    this.windowNeeded = this.propertiesNeeded = this.inBlock = true;
    this.headSize = <u64>size;
    this.packed = this.unpacked = this.sum = 0;
    if (this.checkSize() == CHECK_MAX) startSha256(this.context);
    return true;
  }

  private nextChunk(): bool {
    let at = this.take(1);
    if (at == 0) return false;
    const control = load<u8>(at);
    this.packed++;
    if (control == END) return this.endBlock();
    if (control > STORED && control < PACKED) return this.fail(`chunk of kind ${control}`);
    if (control == STORED_ANEW || control >= PACKED_ANEW) {
      this.beginOutput(this.window, CHUNK_MAX);
      this.sinceWindow = 0;
      this.windowNeeded = false;
      this.propertiesNeeded = true;
    } else if (this.windowNeeded) return this.fail("first chunk");
    const isPacked = control >= PACKED;
    const headSize: usize = control >= PACKED_PROPERTIES ? 5 : isPacked ? 4 : 2;
    at = this.take(headSize);
    if (at == 0) return false;
    let size = <u32>bswap<u16>(load<u16>(at)) + 1;
    const packedSize = isPacked ? <usize>bswap<u16>(load<u16>(at, 2)) + 1 : <usize>size;
    if (isPacked) {
      size += (<u32>(control & 0x1f)) << 16;
      if (control >= PACKED_PROPERTIES) {
        if (!this.lzma.useProperties(<u32>load<u8>(at, 4))) return this.fail(`LZMA properties ${load<u8>(at, 4)}`);
        this.propertiesNeeded = false;
      } else if (this.propertiesNeeded) return this.fail("chunk without properties");
      if (control >= PACKED_STATE) this.lzma.resetState();
    }
    this.packed += <u64>(headSize + packedSize);
    if (this.packed > this.saidPacked || this.unpacked + <u64>size > this.saidUnpacked) {
      return this.fail("block is larger than it says");
    }
    return this.unpack(isPacked, packedSize, size);
  }

  /** Unpacks the bytes of a chunk. */
  private unpack(isPacked: bool, packedSize: usize, size: u32): bool {
    const at = this.take(packedSize);
    if (at == 0) return false;
    this.makeRoom(<usize>size);
    const out = this.out;
    if (isPacked) {
      const end = this.output + this.outputSize;
      const first = this.output;
      const good = this.lzma.decode(at, at + packedSize, out, size, end, first, this.window, this.sinceWindow);
      if (!good) return this.fail("chunk");
    } else memory.copy(out, at, packedSize);
    this.out = out + <usize>size;
    this.unpacked += <u64>size;
    this.sinceWindow += size;
    const check = this.checkSize();
    if (check == 4) this.sum = <u64>crc32(out, size, <u32>this.sum);
    else if (check == 8) this.sum = crc64(out, size, this.sum);
    else if (check == CHECK_MAX) updateSha256(this.context, out, size);
    return true;
  }

  /** Looks at the check behind a block, and whether the block has the sizes that it says. */
  private endBlock(): bool {
    if (this.saidPacked != NO_NUMBER && this.saidPacked != this.packed) return this.fail("packed size of a block");
    if (this.saidUnpacked != NO_NUMBER && this.saidUnpacked != this.unpacked) return this.fail("size of a block");
    const padding = <usize>(-this.packed & 3);
    const size = this.checkSize();
    const at = this.take(padding + size);
    if (at == 0) return false;
    for (let i: usize = 0; i < padding; i++) if (load<u8>(at + i) != 0) return this.fail("block padding");
    const check = at + padding;
    const sum = this.sum;
    if ((size == 4 && !sumsAgree(<u32>sum, load<u32>(check))) || (size == 8 && !sumsAgree(sum, load<u64>(check)))) {
      return this.fail("checksum");
    }
    if (size == CHECK_MAX) {
      finishSha256(this.context);
      for (let i: usize = 0; i < size; i += 4) {
        if (!sumsAgree(bswap<u32>(load<u32>(this.context + i)), load<u32>(check + i))) return this.fail("checksum");
      }
    }
    this.inBlock = false;
    this.blocks++;
    this.blockSum = this.addRecord(this.blockSum, this.headSize + this.packed + <u64>size, this.unpacked);
    return true;
  }

  private addRecord(sum: u32, packed: u64, unpacked: u64): u32 {
    store<u64>(this.record, packed);
    store<u64>(this.record, unpacked, 8);
    return crc32(this.record, 16, sum);
  }

  /** Reads the index, behind its first byte, and the stream's end: they have to say what was there. */
  private readIndex(): bool {
    store<u8>(this.record, 0);
    this.indexSum = crc32(this.record, 1);
    this.indexSize = 1;
    let sum: u32 = 0;
    const count = this.indexNumber();
    if (count == NO_NUMBER || count != this.blocks) return this.badIndex();
    for (let i: u64 = 0; i < count; i++) {
      const packed = this.indexNumber();
      const unpacked = packed == NO_NUMBER ? packed : this.indexNumber();
      if (unpacked == NO_NUMBER) return this.badIndex();
      sum = this.addRecord(sum, packed, unpacked);
    }
    if (!sumsAgree(sum, this.blockSum)) return this.fail("index");
    while (this.indexSize & 3) if (this.indexByte() != 0) return this.badIndex();
    let at = this.take(4);
    if (at == 0) return false;
    if (!sumsAgree(this.indexSum, load<u32>(at))) return this.fail("index checksum");
    at = this.take(12);
    if (at == 0) return false;
    const backwards = ((<u64>load<u32>(at, 4)) << 2) + 4;
    const isEnd = load<u16>(at, 10) == END_MAGIC && sumsAgree(crc32(at + 4, 6), load<u32>(at));
    if (!isEnd || load<u16>(at, 8) != this.flags || backwards != this.indexSize + 4) return this.fail("footer");
    this.endFrame();
    return true;
  }

  private badIndex(): bool {
    return !this.exhausted() && this.fail("index");
  }

  /** The next byte of the index, or -1. */
  private indexByte(): i32 {
    const at = this.take(1);
    if (at == 0) return -1;
    this.indexSum = crc32(at, 1, this.indexSum);
    this.indexSize++;
    return <i32>load<u8>(at);
  }

  /** The next number of the index. */
  private indexNumber(): u64 {
    burn(1);
    let value: u64 = 0;
    for (let shift: u64 = 0; shift < NUMBER_BITS; shift += 7) {
      const byte = this.indexByte();
      if (byte < 0) return NO_NUMBER;
      value |= (<u64>(byte & 0x7f)) << shift;
      if (byte < 0x80) return byte == 0 && shift > 0 ? NO_NUMBER : value;
    }
    return NO_NUMBER;
  }
}

/** Bits of a number of variable length. */
const NUMBER_BITS: u64 = 63;

/** Numbers of variable length in memory: seven bits a byte, the lower ones first. */
class Numbers {
  failed: bool = false;

  constructor(
    public at: usize,
    private readonly end: usize,
  ) {}

  /** The next one. */
  next(): u64 {
    let value: u64 = 0;
    for (let shift: u64 = 0; shift < NUMBER_BITS && this.at < this.end; shift += 7) {
      const byte = load<u8>(this.at++);
      value |= (<u64>(byte & 0x7f)) << shift;
      if (byte < 0x80 && (byte > 0 || shift == 0)) return value;
    }
    this.failed = true;
    return NO_NUMBER;
  }
}
