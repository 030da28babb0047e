// Makes inputs smaller that do something, and corpora that take the same edges with fewer and smaller inputs.

import type { Fuzzer } from "./fuzzer.js";
import { inOrder } from "./fuzzer.js";
import type { Input } from "./input.js";

/** Tries for one input; for a text of a corpus that isn't short. */
const TRIES_MAX = 400;
const TEXT_TRIES = 100;
const TEXT_SHORT = 200;

/** The smallest input found of which `holds` says yes, as it does of `input`. */
export async function minimise(
  input: Input,
  holds: (input: Input) => boolean | Promise<boolean>,
  triesMax = TRIES_MAX,
): Promise<Input> {
  let best = input;
  let tries = 0;
  const attempt = async (next: Input) => {
    if (++tries > triesMax || !(await holds(next))) return false;
    best = next;
    return true;
  };
  if (best.cut !== undefined) await attempt({ ...best, cut: undefined });
  for (let size = Math.ceil(best.edits.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let at = 0; at < best.edits.length; ) {
      const edits = [...best.edits.slice(0, at), ...best.edits.slice(at + size)];
      if (!(await attempt({ ...best, edits }))) at += size;
    }
  for (let i = 0; i < best.edits.length; i++)
    for (let half = true; half; ) {
      const { at, bytes, disk } = best.edits[i]!;
      const middle = bytes.length >> 1;
      const parts = [
        { at, disk, bytes: bytes.subarray(0, middle) },
        { at: at + middle, disk, bytes: bytes.subarray(middle) },
      ];
      half = false;
      if (bytes.length < 2) break;
      for (const part of parts) if (!half) half = await attempt({ ...best, edits: best.edits.with(i, part) });
    }
  if (best.text !== undefined)
    for (let size = best.text.length >> 1; size >= 1; size >>= 1)
      for (let at = 0; at < best.text!.length; )
        if (
          !(await attempt({
            ...best,
            text: Buffer.concat([best.text!.subarray(0, at), best.text!.subarray(at + size)]),
          }))
        )
          at += size;
  return best;
}

/**
 * What is needed of `inputs` for the edges that all of them take together: the first ones, smallest first, and of texts only as
 * much as takes those that are new.
 */
export async function smallest(fuzzer: Fuzzer, inputs: readonly Input[]): Promise<Input[]> {
  let taken: Uint8Array | undefined;
  const kept: Input[] = [];
  for (const input of inOrder(inputs)) {
    const edges = fuzzer.edgesOf(input);
    const known = taken ?? new Uint8Array(edges.length);
    const fresh: number[] = [];
    for (const [i, edge] of edges.entries()) if (edge !== 0 && known[i] === 0) fresh.push(i);
    if (fresh.length === 0) continue;
    const holds = (next: Input) => {
      const its = fuzzer.edgesOf(next);
      return fresh.every((i) => its[i] !== 0);
    };
    const small = (input.text?.length ?? 0) < TEXT_SHORT ? input : await minimise(input, holds, TEXT_TRIES);
    for (const [i, edge] of fuzzer.edgesOf(small).entries()) if (edge !== 0) known[i] = 1;
    taken = known;
    kept.push(small);
  }
  return kept;
}
