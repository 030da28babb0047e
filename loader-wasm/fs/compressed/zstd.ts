// zstd files.

import { Decoder } from "../../compression/decoder";
import { Input } from "../../compression/input";
import { ZstdDecoder } from "../../compression/zstd/stream";
import { MAGIC, SKIPPABLE_MAGIC } from "../../compression/zstd/zstd";
import { CompressedFileSystem } from "./compressed";

/** `NAME` from `NAME.zst`. */
export class ZstdFileSystem extends CompressedFileSystem {
  constructor() {
    super("zstd", ".zst", "zstd");
  }

  /** The header is the decoder's own, which reads it again. */
  decoderFor(input: Input): Decoder | null {
    if (!input.fill() || input.end - input.next < 4) return null;
    const magic = load<u32>(input.next);
    return magic == MAGIC || (magic & ~15) == SKIPPABLE_MAGIC ? new ZstdDecoder(input) : null;
  }
}
