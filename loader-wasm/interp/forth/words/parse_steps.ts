// The steps by which the text interpreter makes sense of a word (lookup, prefixes, numbers, and what scripts
// add), as words. The interpreter itself is in outer.ts.

import { allocString } from "../../../lib/bytes";
import { print } from "../../../lib/output";
import { constant, loose, primitive } from "../define";
import { latest } from "../dictionary";
import { isWord, nameOf } from "../header";
import { dictionaryEnd, dictionaryStart, readable } from "../memory";
import {
  numberIn,
  PARSE_STEPS_LIMIT,
  parseSteps,
  source,
  sourceSize,
  steps,
  tryNumber,
  tryPrefix,
  tryWord,
} from "../outer";
import { check, fail, pop, push, pushFlag, thrown } from "../stacks";
import { FORTH_WORDLIST, makeWordlist, PREFIX_WORDLIST, setCurrent } from "../wordlists";

/** Adds what `xt` does to the steps; one too many is ignored, as is what is no word. */
function addStep(xt: usize): void {
  if (parseSteps.length < PARSE_STEPS_LIMIT && isWord(xt) && nameOf(xt).length > 0) parseSteps.push(xt);
}

/** ( c-addr u -- ... flag ): the text must be part of the one being interpreted, which goes on behind the prefix. */
function prefixStep(): void {
  const size = pop();
  const at = pop() - <i64>source;
  if (size < 0 || at < 0 || at > <i64>sourceSize || size > <i64>sourceSize - at) {
    fail("Error: not part of the text being interpreted");
    return;
  }
  const done = tryPrefix(<i32>at, <i32>size);
  if (thrown == 0) pushFlag(done);
}

/** ( c-addr u -- ... flag ), with a flag of 1. */
function numberStep(): void {
  const size = pop();
  const address = pop();
  if (readable(address, size)) push(tryNumber(<usize>address, <i32>size) ? 1 : 0);
}

/** ( c-addr u -- ... flag ) */
function lookupStep(): void {
  const size = pop();
  const address = pop();
  if (!check(0, 2)) return;
  if (!readable(address, size)) return;
  const done = tryWord(<usize>address, <i32>size);
  if (thrown == 0) pushFlag(done);
}

/** Defines the steps, and the prefixes. */
export function defineParseSteps(): void {
  makeWordlist(<i64>allocString("<prefixes>"), 1);
  constant("<prefixes>", PREFIX_WORDLIST);
  loose("__tempbase", 1, 0, () => numberIn(pop()));
  setCurrent(PREFIX_WORDLIST);
  primitive("0x", 0, 1, () => numberIn(16));
  primitive("0d", 0, 1, () => numberIn(10));
  setCurrent(FORTH_WORDLIST);

  loose("?prefix", 2, 1, prefixStep);
  steps.prefix = latest;
  addStep(latest);
  loose("?number", 2, 2, numberStep);
  steps.number = latest;
  addStep(latest);
  loose("lookup", 2, 1, lookupStep);
  // What such a step runs by; alone it has none to run.
  loose("(parse-step)", 2, 1, () => fail("Error: no parse step"));
  primitive("add-parse-step", 1, 0, () => {
    const xt = pop();
    if (xt >= <i64>dictionaryStart && xt < <i64>dictionaryEnd) addStep(<usize>xt);
  });
  primitive("parse-order", 0, 0, () => {
    print("Parse steps:\nlookup\n");
    for (let i = 0; i < parseSteps.length; i++) print(`${nameOf(parseSteps[i])}\n`);
  });
  // Interprets one word; the text interpreter does nothing else all the time.
  primitive("interpret", 0, 0, () => {});
}
