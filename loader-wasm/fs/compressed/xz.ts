// .xz files.

import { Decoder } from "../../compression/decoder";
import { Input } from "../../compression/input";
import { XZ_MAGIC, XzDecoder } from "../../compression/xz/stream";
import { CompressedFileSystem } from "./compressed";

/** `NAME` from `NAME.xz`. */
export class XzFileSystem extends CompressedFileSystem {
  constructor() {
    super("xz", ".xz", "xz");
  }

  /** The header is the decoder's own, which reads it again. */
  decoderFor(input: Input): Decoder | null {
    if (!input.fill() || input.end - input.next < 4) return null;
    return load<u32>(input.next) == XZ_MAGIC ? new XzDecoder(input) : null;
  }
}
