// What files that are compressed (fs/compressed/) ask of a decompression method.

import { Input } from "./input";

/** Decodes one stream. Seeking back starts it again. */
export abstract class Decoder {
  /** The stream's regular end was reached. */
  ended: bool = false;
  /** What is wrong with the stream, as the console shows it; null while all is well. */
  failure: string | null = null;
  /** What is wrong with it though everything could be decoded; null or set together with `ended`. */
  complaint: string | null = null;

  constructor(readonly input: Input) {}

  /** Decodes up to `size` bytes to `dst`. Returns how many; fewer only when the stream ends, fails or has no more input. */
  abstract decode(dst: usize, size: i32): i32;

  /** Whether all input is used up. */
  abstract exhausted(): bool;

  /** Starts again; the input is at the beginning of the stream. */
  abstract reset(): void;

  /** Releases memory. */
  abstract close(): void;
}
