// LZ4 files.

import { Decoder } from "../../compression/decoder";
import { beginsFrame } from "../../compression/frames";
import { Input } from "../../compression/input";
import { LZ4_MAGIC, Lz4Decoder } from "../../compression/lz4_stream";
import { CompressedFileSystem } from "./compressed";

/** `NAME` from `NAME.lz4`. */
export class Lz4FileSystem extends CompressedFileSystem {
  constructor() {
    super("lz4", ".lz4", "lz4");
  }

  /** The header is the decoder's own, which reads it again. */
  decoderFor(input: Input): Decoder | null {
    if (!input.fill() || input.end - input.next < 4) return null;
    return beginsFrame(load<u32>(input.next), LZ4_MAGIC) ? new Lz4Decoder(input) : null;
  }
}
