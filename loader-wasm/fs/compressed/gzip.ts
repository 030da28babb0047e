// gzip files (RFC 1952). A wrong checksum or length behind the stream is reported, but no error: the reference
// doesn't look at them.

import { Decoder } from "../../compression/decoder";
import { Inflater } from "../../compression/inflate";
import { Input } from "../../compression/input";
import { crc32 } from "../../lib/digests/crc32";
import { CompressedFileSystem } from "./compressed";

const METHOD_DEFLATE: i32 = 8;
/** Flags of the header: optional fields, and bits that must be clear. */
const FLAG_HEADER_CRC: i32 = 0x02;
const FLAG_EXTRA: i32 = 0x04;
const FLAG_NAME: i32 = 0x08;
const FLAG_COMMENT: i32 = 0x10;
const FLAGS_RESERVED: i32 = 0xe0;

/** `NAME` from `NAME.gz`. */
export class GzipFileSystem extends CompressedFileSystem {
  constructor() {
    super("gzip", ".gz", "zf");
  }

  decoderFor(input: Input): Decoder | null {
    return skipHeader(input) ? new GzipDecoder(input) : null;
  }
}

/** A deflate stream with its checksum and length. */
class GzipDecoder extends Inflater {
  private crc: u32 = 0;
  private length: u32 = 0;

  reset(): void {
    super.reset();
    this.crc = 0;
    this.length = 0;
  }

  decode(dst: usize, size: i32): i32 {
    const done = super.decode(dst, size);
    this.crc = crc32(dst, done, this.crc);
    this.length += <u32>done;
    if (this.ended) this.check();
    return done;
  }

  private check(): void {
    const crc = this.trailer();
    const length = this.trailer();
    if (length < 0) this.complaint = "checksum missing";
    else if (<u32>crc != this.crc) this.complaint = "checksum";
    else if (<u32>length != this.length) this.complaint = `${this.length} bytes, not ${length}`;
  }
}

function skip(input: Input, count: i32): bool {
  for (let i = 0; i < count; i++) if (input.byte() < 0) return false;
  return true;
}

/** Skips a text up to its NUL. */
function skipText(input: Input): bool {
  let byte = input.byte();
  while (byte > 0) byte = input.byte();
  return byte == 0;
}

/** What the file begins with. */
const MAGIC_1: i32 = 0x1f;
const MAGIC_2: i32 = 0x8b;

function skipHeader(input: Input): bool {
  if (input.byte() != MAGIC_1 || input.byte() != MAGIC_2 || input.byte() != METHOD_DEFLATE) return false;
  const flags = input.byte();
  if (flags < 0 || (flags & FLAGS_RESERVED) != 0) return false;
  // Time, extra flags, operating system.
  if (!skip(input, 6)) return false;
  if (flags & FLAG_EXTRA) {
    const low = input.byte();
    const high = input.byte();
    if (low < 0 || high < 0 || !skip(input, low | (high << 8))) return false;
  }
  if (flags & FLAG_NAME && !skipText(input)) return false;
  if (flags & FLAG_COMMENT && !skipText(input)) return false;
  return !(flags & FLAG_HEADER_CRC) || skip(input, 2);
}
