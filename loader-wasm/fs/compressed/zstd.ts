// zstd files.

import { Decoder } from "../../compression/decoder";
import { beginsFrame } from "../../compression/frames";
import { Input } from "../../compression/input";
import { ZstdDecoder } from "../../compression/zstd/stream";
import { MAGIC } from "../../compression/zstd/zstd";
import { CompressedFileSystem } from "./compressed";

/** `NAME` from `NAME.zst`. */
export class ZstdFileSystem extends CompressedFileSystem {
  constructor() {
    super("zstd", ".zst", "zstd");
  }

  /** The header is the decoder's own, which reads it again. */
  decoderFor(input: Input): Decoder | null {
    if (!input.fill() || input.end - input.next < 4) return null;
    return beginsFrame(load<u32>(input.next), MAGIC) ? new ZstdDecoder(input) : null;
  }
}
