// Conditional interpretation: [if], [else], [then].

import { equalsIgnoreCase } from "../../../lib/text";
import { immediate } from "../define";
import { parseWord, sourceId } from "../outer";
import { check, pop } from "../stacks";
import { takeRestart, waitForText } from "../vm/execute";

/** Conditionals that are open in the text being skipped; kept while the next line is waited for. */
let skipDepth: i32 = 0;

/** Skips the text up to the [else] or [then] that ends this part, over several lines if need be. */
function skipConditional(again: bool): void {
  if (!again) skipDepth = 1;
  while (skipDepth > 0) {
    const word = parseWord();
    if (word.length == 0) {
      if (sourceId == -1) return;
      waitForText();
      return;
    }
    if (equalsIgnoreCase(word, "[if]")) skipDepth++;
    else if (equalsIgnoreCase(word, "[then]") || equalsIgnoreCase(word, "[endif]")) skipDepth--;
    else if (skipDepth == 1 && equalsIgnoreCase(word, "[else]")) return;
  }
}

/** Defines the words of conditional interpretation. */
export function defineConditionals(): void {
  immediate("[if]", 0, 0, () => {
    if (takeRestart()) skipConditional(true);
    else if (check(1, 0) && pop() == 0) skipConditional(false);
  });
  immediate("[else]", 0, 0, () => skipConditional(takeRestart()));
  immediate("[then]", 0, 0, () => {});
  immediate("[endif]", 0, 0, () => {});
}
