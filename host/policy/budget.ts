// What the operator's hooks and the measuring may cost the host, whatever the guest makes of them.

import { LimitError } from "../errors.js";
import type { Limits } from "../options.js";

/** Counted for each question and each examined file, besides their texts. */
const QUESTION_BYTES = 256;

/** One session's account of it: bytes kept now, and bytes told in all. */
export class PolicyBudget {
  #kept = 0;
  #told = 0;

  constructor(private readonly limits: Pick<Limits, "examinedBytes" | "hookBytes">) {}

  /**
   * Counts `bytes` of file content that are kept, or given back when negative.
   * @throws LimitError `examinedBytes`
   */
  keep(bytes: number): void {
    this.#kept += bytes;
    const { examinedBytes } = this.limits;
    if (this.#kept > examinedBytes) throw new LimitError("examinedBytes", examinedBytes, this.#kept);
  }

  /**
   * Counts texts that a hook is told, or that are remembered of a file.
   * @throws LimitError `hookBytes`
   */
  tell(...texts: readonly string[]): void {
    this.#told += QUESTION_BYTES;
    for (const text of texts) this.#told += text.length;
    const { hookBytes } = this.limits;
    if (this.#told > hookBytes) throw new LimitError("hookBytes", hookBytes, this.#told);
  }
}
