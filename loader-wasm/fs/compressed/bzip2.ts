// bzip2 files.

import { Bunzip2, HEADER_SIZE } from "../../compression/bunzip2";
import { Decoder } from "../../compression/decoder";
import { Input } from "../../compression/input";
import { Ascii } from "../../lib/ascii";
import { CompressedFileSystem } from "./compressed";

/** "BZh". */
const MAGIC: u32 = 0x685a42;

/** `NAME` from `NAME.bz2`. */
export class Bzip2FileSystem extends CompressedFileSystem {
  constructor() {
    super("bzip2", ".bz2", "bzf");
  }

  /** The header is the decoder's own, which reads it again. */
  decoderFor(input: Input): Decoder | null {
    if (!input.fill() || input.end - input.next < <usize>HEADER_SIZE) return null;
    const head = load<u32>(input.next);
    const level = head >> 24;
    return (head & 0xffffff) == MAGIC && level >= <u32>Ascii.DIGIT_1 && level <= <u32>Ascii.DIGIT_9
      ? new Bunzip2(input)
      : null;
  }
}
