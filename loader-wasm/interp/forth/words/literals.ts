// Literals and references to words, of the core and string word sets.

import { Ascii } from "../../../lib/ascii";
import { stringAt } from "../../../lib/bytes";
import { Op } from "../codes";
import { compileText, compileWord, placeCounted } from "../compiler";
import { constant, immediate, primitive, sample } from "../define";
import { appendCell, appendWord } from "../dictionary";
import { FLAG_IMMEDIATE, flagsOf } from "../header";
import { compiling, here, readable } from "../memory";
import { compileLiteral, parseUntil, tickNext, wantName } from "../outer";
import { fail, looseCheck, pop, push, thrown } from "../stacks";
import { enter } from "../vm/execute";
import { current } from "../wordlists";

function textLiteral(): void {
  const text = parseUntil(Ascii.QUOTE);
  if (compiling()) {
    compileText('(.")', text);
    return;
  }
  const size = placeCounted(text);
  if (size == 0) return;
  push(<i64>here + 1);
  push(size - 2);
}

/** Numbers and texts. */
export function defineLiterals(): void {
  immediate("literal", 0, 0, () => {
    if (looseCheck(1)) compileLiteral(pop());
  });
  immediate("2literal", 0, 0, () => {
    if (!looseCheck(2)) return;
    compileWord("(2literal)");
    appendCell(pop());
    appendCell(pop());
  });
  immediate(
    "sliteral",
    2,
    0,
    () => {
      const size = pop();
      const address = pop();
      if (size < 0 || size > 255) fail("Error: text too long");
      else if (readable(address, size)) compileText('(.")', stringAt(<usize>address, <i32>size));
    },
    true,
  );
  immediate('s"', 0, 2, textLiteral);
  immediate('c"', 0, 1, () => {
    const text = parseUntil(Ascii.QUOTE);
    if (compiling()) compileText('(c")', text);
    else if (placeCounted(text) != 0) push(<i64>here);
  });
  immediate(
    '."',
    0,
    0,
    () => {
      compileText('(.")', parseUntil(Ascii.QUOTE));
      compileWord("type");
    },
    true,
  );
}

/** Words and characters, by name; and constants. */
export function defineReferences(): void {
  primitive("'", 0, 1, () => {
    const xt = tickNext();
    if (xt != 0) push(<i64>xt);
  });
  immediate(
    "[']",
    0,
    0,
    () => {
      const xt = tickNext();
      if (xt != 0) compileLiteral(<i64>xt);
    },
    true,
  );
  primitive("char", 0, 1, () => {
    const word = wantName();
    if (thrown == 0) push(word.charCodeAt(0));
  });
  immediate(
    "[char]",
    0,
    0,
    () => {
      const word = wantName();
      if (thrown == 0) compileLiteral(word.charCodeAt(0));
    },
    true,
  );
  immediate(
    "postpone",
    0,
    0,
    () => {
      const xt = tickNext();
      if (xt == 0) return;
      if ((flagsOf(xt) & FLAG_IMMEDIATE) != 0) {
        appendCell(<i64>xt);
        return;
      }
      compileLiteral(<i64>xt);
      compileWord(",");
    },
    true,
  );
  primitive("execute", 1, 0, () => enter(<usize>pop()));
  sample("(create)", Op.CREATED);
  sample("(variable)", Op.VARIABLE);
  sample("(constant)", Op.CONSTANT);
  appendWord(current, "(user)", Op.USER, 0);
  appendCell(0);
  constant("bl", Ascii.SPACE);
  constant("false", 0);
  constant("true", -1);
}
