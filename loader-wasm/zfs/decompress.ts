// Decompression of ZFS blocks, by the numbers that block pointers have for it (zio.h).

import { lz4 } from "../compression/lz4";
import { lzjb } from "../compression/lzjb";
import { zle } from "../compression/zle";
import { zlib } from "../compression/zlib";
import { zstd, zstdFailure } from "../compression/zstd/zstd";
import { EIO } from "../lib/errno";
import { damaged } from "../lib/fault";
import { print } from "../lib/output";
import {
  COMPRESS_GZIP_MAX,
  COMPRESS_GZIP_MIN,
  COMPRESS_LZ4,
  COMPRESS_LZJB,
  COMPRESS_OFF,
  COMPRESS_ZLE,
  COMPRESS_ZSTD,
} from "./layout";

/** What people call them. */
const NAMES: string[] = [
  "inherit",
  "on",
  "uncompressed",
  "lzjb",
  "empty",
  "gzip-1",
  "gzip-2",
  "gzip-3",
  "gzip-4",
  "gzip-5",
  "gzip-6",
  "gzip-7",
  "gzip-8",
  "gzip-9",
  "zle",
  "lz4",
  "zstd",
];

/** LZ4 blocks and zstd frames have their size before them, big-endian; the latter also version and level of their maker. */
const LZ4_HEAD: u32 = 4;
const ZSTD_HEAD: u32 = 8;

/** Bytes of the packed data behind its size and the rest of a head of `head` bytes; 0 when there aren't as many. */
function packedSize(src: usize, srcSize: u32, head: u32): u32 {
  const size: u32 = srcSize < head ? 0 : bswap<u32>(load<u32>(src));
  return size > srcSize - head ? 0 : size;
}

/** Fills `dstSize` bytes at `dst` from `srcSize` bytes at `src`, which the method of that number made. False, and said, when it can't. */
export function decompress(method: u32, src: usize, srcSize: u32, dst: usize, dstSize: u32): bool {
  let done = false;
  let why = "";
  if (method == COMPRESS_OFF) {
    const size = min(srcSize, dstSize);
    memory.copy(dst, src, <usize>size);
    memory.fill(dst + <usize>size, 0, <usize>(dstSize - size));
    done = true;
  } else if (method == COMPRESS_LZJB) {
    done = lzjb(src, srcSize, dst, dstSize);
  } else if (method == COMPRESS_ZLE) {
    done = zle(src, srcSize, dst, dstSize);
  } else if (method == COMPRESS_LZ4) {
    const size = packedSize(src, srcSize, LZ4_HEAD);
    done = size > 0 && lz4(src + LZ4_HEAD, size, dst, dstSize);
  } else if (method == COMPRESS_ZSTD) {
    const size = packedSize(src, srcSize, ZSTD_HEAD);
    done = size > 0 && zstd(src + ZSTD_HEAD, size, dst, dstSize, true);
    if (!done && size > 0) why = `: ${zstdFailure()}`;
  } else if (method >= COMPRESS_GZIP_MIN && method <= COMPRESS_GZIP_MAX) {
    done = zlib(src, srcSize, dst, dstSize);
  } else {
    const name = method < <u32>NAMES.length ? NAMES[method] : `${method}`;
    print(`ZFS: unsupported compression algorithm ${name}\n`);
    damaged("", `ZFS block: unknown compression ${name}`, EIO);
    return false;
  }
  if (!done) damaged("", `ZFS block: ${NAMES[method]} data${why}`, EIO);
  return done;
}
