// zstd (RFC 8878), from memory to memory: frames one after the other, of which some are to be skipped, or a single one
// without its magic number, as ZFS has them.

import { xxh64 } from "../../lib/digests/xxh64";
import { burn } from "../../lib/fault";
import { sumsAgree } from "../../lib/variant";
import { BlockDecoder } from "./block";
import { BLOCK_MAX } from "./literals";

/** What frames begin with. */
export const MAGIC: u32 = 0xfd2fb528;
/** What frames that are to be skipped begin with, but for the last four bits. */
const SKIPPABLE_MAGIC: u32 = 0x184d2a50;
/** Bytes of a block's header, and of a checksum. */
export const BLOCK_HEAD: usize = 3;
export const CHECKSUM_SIZE: usize = 4;

/** Types of blocks. */
export const RAW: u32 = 0;
export const RLE: u32 = 1;
export const COMPRESSED: u32 = 2;

/** Of earlier output a frame may need no more than this, the most that `zstd --ultra` asks for: a larger one isn't decoded. */
const WINDOW_MAX: u64 = 128 << 20;
/** Size of a frame that doesn't say it. */
export const SIZE_UNKNOWN: u64 = u64.MAX_VALUE;

/** Bytes of a frame's header, without magic, that begins with `flags`. */
export function headSize(flags: u32): usize {
  const single = (flags >> 5) & 1;
  const form = flags >> 6;
  const sizeSize = form == 0 ? <usize>single : (<usize>1) << (<usize>form);
  return 1 + <usize>(1 - single) + <usize>(((<u32>1) << (flags & 3)) >> 1) + sizeSize;
}

/** A frame's header, and its blocks' decoder. */
export class FrameDecoder {
  /** What is wrong, once something is. */
  failure: string = "";
  /** Bytes of earlier output that are needed, of the whole frame if it says that, and whether a checksum follows. */
  window: u64 = 0;
  size: u64 = 0;
  checksum: bool = false;
  readonly blocks: BlockDecoder = new BlockDecoder();

  /** Notes what is wrong. */
  fail(what: string): usize {
    this.failure = what;
    return 0;
  }

  /** Reads the header, without magic, at `src`. Returns where it ends; 0 for a frame that can't be decoded. */
  readHead(src: usize, end: usize): usize {
    if (src >= end) return this.fail("header");
    const flags = <u32>load<u8>(src++);
    if ((flags & 8) != 0) return this.fail(`header flags ${flags}`);
    const single = (flags >> 5) & 1;
    const idSize = <usize>(((<u32>1) << (flags & 3)) >> 1);
    const form = flags >> 6;
    const sizeSize = form == 0 ? <usize>single : (<usize>1) << (<usize>form);
    if (end - src < headSize(flags) - 1) return this.fail("header");
    this.checksum = ((flags >> 2) & 1) != 0;
    if (single == 0) {
      const byte = <u64>load<u8>(src++);
      const base = ((<u64>1) << 10) << (byte >> 3);
      this.window = base + (base >> 3) * (byte & 7);
    }
    const id = number(src, idSize);
    if (id != 0) return this.fail(`dictionary ${id} needed`);
    src += idSize;
    this.size = sizeSize == 0 ? SIZE_UNKNOWN : number(src, sizeSize) + (sizeSize == 2 ? 256 : 0);
    if (single != 0) this.window = this.size;
    if (this.window > WINDOW_MAX) return this.fail(`window of ${this.window} bytes`);
    this.blocks.reset();
    return src + sizeSize;
  }
}

/** The number of `size` (at most 8) bytes at `src`. */
function number(src: usize, size: usize): u64 {
  let value: u64 = 0;
  for (let i: usize = 0; i < size; i++) value |= (<u64>load<u8>(src + i)) << ((<u64>i) << 3);
  return value;
}

let decoder: FrameDecoder | null = null;

/** What the last call of `zstd` that returned false found wrong. */
export function zstdFailure(): string {
  return decoder!.failure;
}

/**
 * Fills `dstSize` bytes at `dst` from the frames, `srcSize` bytes, at `src`; `bare` is for one without magic. False when they
 * are damaged, or have fewer bytes or more.
 */
export function zstd(src: usize, srcSize: u32, dst: usize, dstSize: u32, bare: bool): bool {
  const end = src + <usize>srcSize;
  const dstEnd = dst + <usize>dstSize;
  if (!bare) return decodeFrames(src, end, dst, dstEnd, false);
  return decodeFrame(freshDecoder(dstSize), src, end, dst, dstEnd) == end && frameEnd == dstEnd;
}

/** The same for frames with magic behind which there may be something else. */
export function zstdPrefix(src: usize, srcSize: u32, dst: usize, dstSize: u32): bool {
  return decodeFrames(src, src + <usize>srcSize, dst, dst + <usize>dstSize, true);
}

/** A decoder for `size` bytes. */
function freshDecoder(size: u32): FrameDecoder {
  let frame = decoder;
  if (frame === null) {
    frame = new FrameDecoder();
    decoder = frame;
  }
  burn(<i64>(size >> 3));
  frame.failure = "";
  return frame;
}

/** Decodes frames until the input ends, or the output is full when they are only a `prefix` of the input. */
function decodeFrames(src: usize, end: usize, dst: usize, dstEnd: usize, prefix: bool): bool {
  const frame = freshDecoder(<u32>(dstEnd - dst));
  while (src < end && !(prefix && dst == dstEnd)) {
    if (end - src < 4) return frame.fail("header") != 0;
    const magic = load<u32>(src);
    src += 4;
    if ((magic & ~15) == SKIPPABLE_MAGIC) {
      if (end - src < 4) return frame.fail("header") != 0;
      const size = <usize>load<u32>(src);
      src += 4;
      if (size > end - src) return frame.fail(`frame to be skipped of ${size} bytes`) != 0;
      src += size;
      continue;
    }
    if (magic != MAGIC) return frame.fail(`magic ${magic}`) != 0;
    src = decodeFrame(frame, src, end, dst, dstEnd);
    if (src == 0) return false;
    dst = frameEnd;
  }
  return dst == dstEnd;
}

/** Where the output of the last frame ends. */
let frameEnd: usize = 0;

/** Decodes the frame, past its magic, at `src`. Returns where it ends; 0 when it is damaged, and says so. */
function decodeFrame(frame: FrameDecoder, src: usize, end: usize, dst: usize, dstEnd: usize): usize {
  src = frame.readHead(src, end);
  if (src == 0) return 0;
  if (frame.size != SIZE_UNKNOWN && frame.size > <u64>(dstEnd - dst)) return frame.fail(`${frame.size} bytes`);
  const start = dst;
  const blockMax = <u32>min(<u64>BLOCK_MAX, frame.window);
  let last = false;
  while (!last) {
    burn(1);
    if (end - src < BLOCK_HEAD) return frame.fail("block header");
    const head = <u32>number(src, BLOCK_HEAD);
    src += BLOCK_HEAD;
    last = (head & 1) != 0;
    const type = (head >> 1) & 3;
    const size = head >> 3;
    const stored = type == RLE ? 1 : size;
    if (size > blockMax || <usize>stored > end - src) return frame.fail(`block of ${size} bytes`);
    if (type == COMPRESSED) {
      const blockEnd = dst + min(dstEnd - dst, <usize>blockMax);
      dst = frame.blocks.decode(src, size, dst, blockEnd, start);
      if (dst == 0) return frame.fail("block");
      src += <usize>stored;
      continue;
    }
    if (type > RLE || <usize>size > dstEnd - dst) return frame.fail(`block of ${size} bytes, type ${type}`);
    if (type == RAW) memory.copy(dst, src, <usize>size);
    else memory.fill(dst, load<u8>(src), <usize>size);
    dst += <usize>size;
    src += <usize>stored;
  }
  if (frame.size != SIZE_UNKNOWN && frame.size != <u64>(dst - start)) return frame.fail(`${frame.size} bytes`);
  if (frame.checksum) {
    if (end - src < CHECKSUM_SIZE) return frame.fail("checksum");
    if (!sumsAgree(<u32>xxh64(start, <u32>(dst - start)), load<u32>(src))) return frame.fail("checksum");
    src += CHECKSUM_SIZE;
  }
  frameEnd = dst;
  return src;
}
